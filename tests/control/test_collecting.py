"""What a gateway spooled is in the ledger once, wherever the control process or the gateway was killed."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floorline.errors import LedgerFull
from floorline.jobs.collecting import Collector
from floorline.ledger import codec
from floorline.ledger.checkpoint import Checkpoint, Saved
from floorline.ledger.segment import START
from floorline.ledger.snapshot import GATEWAYS
from floorline.ledger.spool import segment_paths
from floorline.query import Query
from tests.support.gateway import LOST_USD, NOON, SpoolingGateway, cost_of, estimator, opening
from tests.support.records import label

LATER = NOON + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    id: str
    ending: str
    basis: str
    usd: Decimal


def kept(ledger, prefix: str = "call") -> list[Kept]:
    sql = (
        """SELECT id, ending, cost_basis, effective_cost FROM calls WHERE startsWith(id, {prefix:String}) ORDER BY id"""
    )
    return ledger.query(Query(sql=sql, row=Kept, parameters={"prefix": f"{prefix}-"}))


def closed(*numbers: int, prefix: str = "call") -> list[Kept]:
    return [Kept(id=f"{prefix}-{n}", ending="complete", basis="computed", usd=cost_of(n)) for n in numbers]


def lost(*numbers: int, prefix: str = "call") -> list[Kept]:
    return [Kept(id=f"{prefix}-{n}", ending="lost", basis="estimated", usd=LOST_USD) for n in numbers]


@pytest.fixture
def home(ledger):
    return ledger.home


def collector(ledger) -> Collector:
    told: list[str] = []
    made = Collector(ledger, ledger.home, estimator(), told.append)
    made.told = told
    return made


def segments(home, name: str = "g1") -> list[str]:
    return [path.name for path in segment_paths(home / GATEWAYS / name / "spool")]


def test_a_closed_call_is_in_the_ledger_after_one_step_and_what_is_new_after_the_next(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    gateway.open(1)
    control.step(NOON)
    assert kept(ledger) == []
    gateway.close(1)
    gateway.open(2)
    control.step(NOON)
    assert kept(ledger) == closed(1)
    assert [one.open for one in control.gateways()] == [1]
    gateway.close(2)
    control.step(NOON)
    assert kept(ledger) == closed(1, 2)
    gateway.end()


def test_a_segment_goes_when_it_is_sealed_and_nothing_in_it_is_open(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    gateway.open(1)
    gateway.spool.seal()
    gateway.open(2)
    gateway.close(2)
    gateway.spool.seal()
    gateway.open(3)
    control.step(NOON)
    assert segments(home) == ["000000000001.seg", "000000000003.seg"]  # 1 is open, 3 is being written
    gateway.close(1)
    control.step(NOON)
    assert segments(home) == ["000000000003.seg"]
    gateway.end()


def test_an_opening_beyond_its_deadline_is_lost_once_and_its_late_closing_is_counted(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    gateway.open(1, deadline_s=10)
    gateway.open(2)
    control.step(NOON + timedelta(seconds=11))
    control.step(NOON + timedelta(seconds=12))
    assert kept(ledger) == lost(1)
    gateway.close(1)
    control.step(NOON + timedelta(seconds=13))
    assert kept(ledger) == lost(1)
    assert (control.done.lost, control.done.late) == (1, 1)
    gateway.end()


def test_openings_of_a_killed_gateway_are_lost_and_its_spool_goes(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    for number in (1, 2):
        gateway.open(number)
    gateway.close(2)
    gateway.die()
    control.step(NOON)
    assert kept(ledger) == [*lost(1), *closed(2)]
    assert segments(home) == []


def test_a_new_process_of_the_same_name_ends_the_calls_of_the_one_before(ledger, home):
    before, control = SpoolingGateway(home), collector(ledger)
    before.open(1)
    control.step(NOON)
    before.die()
    after = SpoolingGateway(home)
    control.step(NOON)
    assert kept(ledger) == []  # until it has a segment, the one before may seem alive
    after.open(2)
    control.step(NOON)
    assert kept(ledger) == lost(1)
    after.close(2)
    after.end()
    control.step(NOON)
    assert kept(ledger) == [*lost(1), *closed(2)]
    assert segments(home) == []


def test_a_segment_whose_name_comes_back_is_read_from_its_beginning(ledger, home):
    first, control = SpoolingGateway(home), collector(ledger)
    first.open(1)
    first.close(1)
    control.step(NOON)
    path = segment_paths(home / GATEWAYS / "g1" / "spool")[0]
    path.unlink()
    first.die()
    second = SpoolingGateway(home)
    second.open(2)
    second.close(2)
    assert segments(home) == [path.name]
    control.step(NOON)
    assert kept(ledger) == closed(1, 2)
    second.end()


def test_two_gateways_are_followed_apart(ledger, home):
    one, two, control = SpoolingGateway(home), SpoolingGateway(home, name="g2"), collector(ledger)
    one.open(1)
    two.open(2)
    two.close(2)
    one.die()
    control.step(NOON)
    assert kept(ledger) == [*lost(1), *closed(2)]
    assert [(each.name, each.open) for each in control.gateways()] == [("g1", 0), ("g2", 0)]
    two.end()


@pytest.mark.parametrize("killed_after", ["look", "read", "lose", "remove"])
def test_control_killed_after_any_of_its_steps_collects_everything_once(ledger, home, killed_after):
    gateway = SpoolingGateway(home)
    gateway.open(1, deadline_s=5)
    gateway.spool.seal()
    for number in (2, 3):
        gateway.open(number)
    gateway.close(2)
    gateway.spool.seal()
    gateway.close(3)
    gateway.spool.seal()
    gateway.open(4)
    now = NOON + timedelta(seconds=10)
    (following,) = collector(ledger).gateways()
    for name, step in (
        ("look", following.look),
        ("read", following.read),
        ("lose", lambda: following.lose(now, estimator())),
        ("remove", lambda: following.remove(now)),
    ):
        step()
        if name == killed_after:
            break
    control = collector(ledger)
    control.step(now)
    gateway.die()
    control.step(now)
    assert kept(ledger) == [*lost(1), *closed(2, 3), *lost(4)]
    assert segments(home) == []


def test_an_opening_whose_closing_was_removed_with_its_segment_is_not_lost_after_a_restart(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    gateway.open(1)
    gateway.open(2)
    gateway.spool.seal()
    gateway.close(1)
    gateway.spool.seal()
    gateway.open(3)
    control.step(NOON)
    assert segments(home) == ["000000000001.seg", "000000000003.seg"]
    control = collector(ledger)
    control.step(NOON)
    assert [one.open for one in control.gateways()] == [2]
    gateway.die()
    control.step(NOON)
    assert kept(ledger) == [*closed(1), *lost(2, 3)]


def test_what_the_ledger_could_not_take_is_read_again(open_ledger):
    full = open_ledger("home", segment_bytes=1 << 14, quota_bytes=1 << 14)
    gateway, control = SpoolingGateway(full.home), collector(full)
    for number in range(5):
        gateway.open(number)
        gateway.close(number)
    blocked = full.home / "spool" / "000000000001.new"
    blocked.mkdir()  # no segment can be made
    with pytest.raises(LedgerFull):
        control.step(NOON)
    blocked.rmdir()
    control.step(NOON)
    assert kept(full) == closed(*range(5))
    gateway.end()


def test_a_damaged_segment_is_set_aside_and_what_closed_behind_the_damage_is_lost(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    for number in (1, 2):
        gateway.open(number)
        gateway.close(number)
    path = segment_paths(home / GATEWAYS / "g1" / "spool")[0]
    content = path.read_bytes()
    at = content.rindex(b"call-2", START)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"call-9")
    control.step(NOON)
    assert len(control.told) == 1
    assert "is damaged at offset" in control.told[0]
    assert segments(home) == [path.name]  # its gateway lives
    gateway.die()
    control.step(NOON)
    assert kept(ledger) == [*closed(1), *lost(2)]
    assert segments(home) == []
    (aside,) = (home / "damaged").iterdir()
    assert aside.name.endswith(path.name)
    assert str(aside) in control.told[1]


def test_price_versions_are_kept_before_the_calls_that_they_price(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    gateway.spool.append(codec.encode_price_version("v", '{"id":"v"}'))
    gateway.open(1)
    gateway.close(1)
    gateway.open(2)
    gateway.die()
    control.step(NOON)
    versions = ledger.state.price_versions()
    assert versions["v"] == '{"id":"v"}'
    assert len(versions) == 2  # and the one of the estimate


def test_labels_are_collected_among_the_calls_once_and_counted_apart(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    gateway.open(1)
    gateway.spool.append(codec.frame_of_label(label(1)))
    gateway.close(1)
    control.step(NOON)
    gateway.spool.append(codec.frame_of_label(label(2)))
    gateway.end()
    again = collector(ledger)
    again.step(NOON)
    (found,) = ledger.query(
        Query(sql="SELECT count() AS id, '' AS ending, '' AS basis, toDecimal64(0, 2) AS usd FROM labels", row=Kept)
    )
    assert (found.id, control.done.labels, again.done.labels) == (2, 1, 1)
    assert (kept(ledger), control.done.new, segments(home)) == (closed(1), 1, [])


def test_a_frame_that_this_release_does_not_know_is_in_quarantine_and_holds_nothing_up(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    for number, table in ((1, codec.OPENING), (3, 77)):
        gateway.spool.append(bytes([table, 9]) + codec.encode_opening(opening(number))[2:])
    gateway.open(2)
    gateway.close(2)
    gateway.end()
    control.step(NOON)
    assert kept(ledger) == closed(2)
    assert [row.reason for row in ledger.state.quarantined()] == [
        "a frame of number 100 version 9 is not an opening of this release",
        "a frame of table 77 version 9 was written by a newer release",
    ]
    assert control.done.refused == 2
    assert segments(home) == []


def test_a_lost_call_without_an_estimate_or_a_price_costs_null(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    for changes in ({"input_tokens": 0, "output_tokens": 0}, {"model_requested": "unheard-of", "id": "call-2"}):
        fields = {name: getattr(opening(1), name) for name in opening(1).__struct_fields__}
        gateway.spool.append(codec.encode_opening(type(opening(1))(**{**fields, **changes})))
    gateway.die()
    control.step(NOON)
    assert kept(ledger) == [
        Kept(id="call-1", ending="lost", basis="unpriced", usd=None),
        Kept(id="call-2", ending="lost", basis="unpriced", usd=None),
    ]


def test_what_a_gateways_counters_have_not_saved_stays_until_they_have_or_it_does_not_come_back(ledger, home):
    gateway, control = SpoolingGateway(home), collector(ledger)
    file = Checkpoint(home / "gateways" / "g1" / "counters")

    def save(at: datetime) -> None:
        since = {"budget": NOON}
        file.write(Saved(place=gateway.spool.place, at=at, whole=True, since=since, open=(), buckets=()))

    save(NOON)
    gateway.open(1)
    gateway.close(1)
    gateway.spool.seal()
    control.step(NOON)
    assert kept(ledger) == closed(1)
    assert len(segments(home)) == 1  # it is in the ledger, and the counters may have to count it again
    save(NOON)
    control.step(NOON)
    assert segments(home) == []
    gateway.open(2)
    gateway.close(2)
    gateway.die()
    control.step(NOON + timedelta(days=31))
    assert len(segments(home)) == 1
    control.step(NOON + timedelta(days=33))
    assert segments(home) == []


# -- any order of what can happen

_examples = itertools.count()
_ACTIONS = (
    "open",
    "close",
    "seal",
    "kill gateway",
    "end gateway",
    "kill control",
    "look",
    "read",
    "lose",
    "remove",
    "step",
)


@dataclass(slots=True)
class World:
    """What was done to the spool, and what must therefore be in the ledger."""

    ledger: object
    prefix: str
    numbers: itertools.count = field(default_factory=itertools.count)
    open: list[int] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    gateway: SpoolingGateway = field(init=False)
    control: Collector = field(init=False)

    def __post_init__(self) -> None:
        self.start_gateway()
        self.control = collector(self.ledger)

    def start_gateway(self) -> None:
        self.gateway = SpoolingGateway(self.ledger.home, name=self.prefix)

    def act(self, action: str, now: datetime) -> None:
        if action == "open":
            self.open.append(number := next(self.numbers))
            self.gateway.open(number, prefix=self.prefix)
        elif action == "close" and self.open:
            self.closed.add(number := self.open.pop())
            self.gateway.close(number, prefix=self.prefix)
        elif action == "seal":
            self.gateway.spool.seal()
        elif action in {"kill gateway", "end gateway"}:
            self.gateway.die() if action.startswith("kill") else self.gateway.end()
            self.open.clear()
            self.start_gateway()
        elif action == "kill control":
            self.control = collector(self.ledger)
        elif action == "step":
            self.control.step(now)
        elif action in {"look", "read", "remove"}:
            for following in self.control.gateways():
                getattr(following, action)(*([now] if action == "remove" else []))

    def settle(self) -> list[Kept]:
        self.gateway.die()
        collector(self.ledger).step(NOON)
        every = range(next(self.numbers))
        found = [*closed(*(n for n in every if n in self.closed), prefix=self.prefix)]
        found += lost(*(n for n in every if n not in self.closed), prefix=self.prefix)
        return sorted(found, key=lambda one: one.id)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(_ACTIONS), max_size=40))
def test_in_any_order_of_calls_kills_and_steps_every_call_is_there_once(ledger, actions):
    world = World(ledger, f"w{next(_examples)}")
    for action in actions:
        world.act(action, NOON)
    expected = world.settle()
    assert kept(ledger, world.prefix) == expected
    assert segments(ledger.home, world.prefix) == []
