"""What is remembered is what would be answered now: always, whatever was written, amended, erased or rebuilt since."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from floorline.bench.web import engine_asked
from floorline.events import LedgerRecord, Touch
from floorline.jobs import quality
from floorline.ledger.ledger import Ledger
from floorline.ledger.renaming import Renaming
from floorline.margin import queries, touches, users
from floorline.margin.attribution import Boundaries
from floorline.margin.dimensions import Scope
from floorline.margin.held import any_outcome
from floorline.margin.packed import unpacked
from floorline.margin.remembering import NamedColumns
from floorline.margin.sources import Days
from floorline.money import usd
from floorline.query import Query
from floorline.reviews import queries as reviews
from tests.margin.company import alias, call, cost, keep, line, outcome, record
from tests.support.ledger import Opener
from tests.support.records import adjustment

ZONE = "America/Sao_Paulo"  # midnights that do not exist, and days of 23 and 25 hours
TODAY = date(2018, 11, 6)
START, END = TODAY - timedelta(days=40), TODAY + timedelta(days=5)
EDGES = ((START, END), (START, TODAY), (TODAY - timedelta(days=6), TODAY + timedelta(days=1)))
CUSTOMERS, FEATURES = ("acme", "beta", "gamma", ""), ("chat", "search")


class Count(msgspec.Struct, frozen=True, kw_only=True):
    n: int


def windows(zone: str) -> list[Days]:
    """Days that go on until today, that end before it, and that are told apart by day and by customer."""
    today = TODAY.toordinal()
    spans = (
        Boundaries(shared=[], own=[], changing=frozenset()),
        Boundaries(shared=[today - 9, today - 2], own=[today - 9, today - 4, today - 2, today + 1], changing=frozenset({"acme"})),
        Boundaries(shared=list(range(today - 30, today + 3)), own=list(range(today - 30, today + 3)), changing=frozenset()),
    )  # fmt: skip
    return [
        Days(
            start=start.toordinal(), end=end.toordinal(), scope=Scope(), spans=_within(some, start, end), timezone=zone
        )
        for start, end in EDGES
        for some in spans
    ]


def _within(spans: Boundaries, start: date, end: date) -> Boundaries:
    shared, own = (
        [day for day in some if start.toordinal() < day < end.toordinal()] for some in (spans.shared, spans.own)
    )
    return Boundaries(shared=shared, own=own, changing=spans.changing)


def questions(ledger: Ledger) -> list[Query]:
    """Everything that says what it reads."""
    (held,) = ledger.store.query(any_outcome(ledger.timezone))
    found: list[Query] = [
        any_outcome(ledger.timezone), queries.plan_covers(), queries.customers(), queries.aliases(),
        queries.revenue_lines(START.toordinal(), END.toordinal()), queries.cost_lines(START.toordinal(), END.toordinal()),
    ]  # fmt: skip
    for days in windows(ledger.timezone):
        found += [
            queries.usage_pools(days, every_driver=True),
            queries.usage_sums(("customer_id", "feature"), "calls_day", days),
            queries.usage_sums((), "steps_day", days),
            queries.usage_sums(("feature", "outcome"), "runs_day", days),
            queries.usage_weights(("feature", "model"), "detail_day", days),
            queries.outcomes(days, held=held),
            queries.outcomes(days, (2,), priced=False, held=held),
            users.active_users(days),
            users.active_users(days, by_feature=False),
            users.active_user_hashes(days),
            queries.p95_buckets(("feature",), days),
            queries.p95_exact(("customer_id",), days),
            queries.p95_exact(("outcome",), days),
            queries.left_out(days),
            queries.call_parts(days),
            queries.adjustment_parts(days),
            queries.steps(days),
            queries.costmap_parts(days),
            touches.touches(days),
            queries.drivers(days),
            touches.presence(days, days.start + 3, []),
            queries.plan_features(days),
            quality.unsure_features(days),
        ]
    for start, end in EDGES:
        found += [
            reviews.served(start, end, Scope()),
            reviews.models(start, end, Scope()),
            reviews.workloads(start, end, Scope()),
            reviews.token_quantiles(start, end, Scope(), ledger.timezone),
            reviews.hours(start, end, Scope()),
            queries.baseline_uses(start, end, ledger.timezone),
            queries.step_costs(start, end),
            quality.unpriced_models(start, end, Scope()),
            quality.unpriced_reasons(start, end, ledger.timezone),
            quality.unsure_keys(start, end, Scope(), ledger.timezone),
        ]
    return found


def said(query: Query, rows: Sequence[Any]) -> object:
    """What an answer says, however its rows are ordered and told apart: sums by key, or the rows."""
    keys = KEYS.get(query.row)
    if query.row in {queries.CoverColumns, queries.RevenueColumns}:
        return [sorted(zip(*msgspec.structs.astuple(row), strict=True)) for row in rows]
    if query.row is reviews.Hours:
        return {(row.feature, row.model): sorted(row.tokens) for row in rows}
    if keys is None:
        return sorted(map(repr, rows))
    found: dict[tuple, list[int]] = {}
    for row in _flat(query.row, rows):
        known = found.setdefault(tuple(row[:keys]), [0] * (len(row) - keys))
        known[:] = [had + more for had, more in zip(known, row[keys:], strict=True)]
    if query.row is touches.PresenceRow:
        return {key: [count > 0 for count in counts] for key, counts in found.items()}
    return found


KEYS = {
    queries.PoolColumns: 4, queries.UsageColumns: 2, queries.WeightColumns: 2, queries.OutcomeRow: 2, touches.TouchRow: 8,
    touches.PresenceRow: 3, queries.BucketRow: 3, queries.PlanFeaturesRow: 4, queries.NumberRow: 2, queries.NumbersRow: 3,
    queries.DriverColumns: 8, quality.ReasonRow: 3, quality.UnsureFeature: 1, quality.UnsureKey: 2,
}  # fmt: skip
"""How many fields of a row of these, flat, are its key: all others are added up."""


def _flat(kind: type, rows: Sequence[Any]) -> Iterator[tuple]:
    for row in rows:
        values = msgspec.structs.astuple(row)
        if kind is queries.PoolColumns:
            yield from _pools(row)
        elif kind is queries.PlanFeaturesRow:
            yield from {(row.plan, row.as_of, one, other) for one in row.customers for other in row.features}
        elif kind is queries.NumbersRow:
            yield from ((tuple(row.names), row.as_of, number) for number in row.numbers)
        elif kind is touches.TouchRow:
            yield (*values[:6], row.named, "", row.unvalued, row.saved, 0, 0, 0, 0, 0)
            numbers = unpacked(row.numbers, len(touches.TOUCH_COUNTS), len(touches.TOUCH_MONEY))
            for customer, *own in zip(row.customers, *numbers, strict=True):
                yield (*values[:6], row.named, customer, 0, 0, *own)
        elif kind is queries.DriverColumns:
            numbers = unpacked(row.numbers, len(queries.DRIVER_COUNTS), len(queries.DRIVER_MONEY))
            alike = [one for one in zip(*values[:8], strict=True) for _ in range(one[-1])]
            yield from ((*one[:7], *others) for one, *others in zip(alike, row.customers, *numbers, strict=True))
        elif kind is touches.PresenceRow:
            yield from ((row.feature, row.as_of, *one) for one in zip(row.customers, row.early, row.late, strict=True))
        elif issubclass(kind, NamedColumns):
            yield from zip([*zip(*row.names, strict=True)] or [()] * len(row.as_of), *values[1:], strict=True)
        elif kind in {quality.ReasonRow, quality.UnsureFeature, quality.UnsureKey}:
            yield values
        else:
            yield tuple(row.names), *values[1:]


def _pools(row: queries.PoolColumns) -> Iterator[tuple]:
    at = 0
    for customer, plan, as_of, size in zip(row.customer, row.plan, row.as_of, row.sizes, strict=True):
        for n in range(at, at + size):
            yield (
                customer,
                plan,
                as_of,
                row.features[n],
                row.calls[n],
                row.input_tokens[n],
                row.output_tokens[n],
                row.effective[n],
            )
        at += size


class Company:
    """Somebody who writes anything at any time."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self.ledger, self.random, self.numbers = ledger, random.Random(seed), iter(range(10_000))
        self.customers = cycle(CUSTOMERS)

    def instant(self) -> str:
        """Of today, of a closed day, near a midnight of either, or in the days when the clock changes."""
        day = TODAY - timedelta(days=self.random.choice((0, 0, 0, 1, 2, 3, 5, 33)))
        near = timedelta(minutes=self.random.choice((-1, 0, 1, 59, 60, 61, 700)))
        at = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.ledger.timezone)).astimezone(UTC) + near
        return at.isoformat()

    def do(self, what: int | None = None) -> None:
        """One of `steps`, or any."""
        steps = self.steps()
        steps[max(CALL, self.random.randrange(-4, len(steps))) if what is None else what]()

    def steps(self) -> list[Callable[[], None]]:
        pick, at, number = self.random.choice, self.instant(), next(self.numbers)
        some = {"user_id": pick(("u1", "u2")), "run_id": f"run-{number // 2}", "plan": pick(("", "pro"))}
        touch = Touch(
            guardrail="exact-cache", mode="enforce", arm=pick(("treated", "holdout")), action="hit", saved=usd("0.1")
        )
        some["touches"] = pick(((), (touch,)))
        some["key_id"], some["cache"] = pick(("", "k1", "k2")), pick(("", "miss", "exact"))
        some["metadata"] = {"answer_end": pick(("stop", "length")), "semantic": pick(("hit", "near"))}
        a_call = call(at, next(self.customers), pick(FEATURES), "0.25", **some)

        def one(made: LedgerRecord) -> Callable[[], None]:
            return lambda: keep(self.ledger, [made])

        return [
            one(a_call),
            one(outcome(at, f"o{number}", customer=pick(CUSTOMERS), run_id=pick(("", f"run-{number // 2}")), value=usd("2"))),
            one(outcome(at, f"o{pick(range(6))}", customer="acme", feature="chat", workflow="w", plan="pro", status="failed")),
            one(adjustment(a_call, number, usd("0.5"))),
            one(line("acme", "30", "2018-11-01", "2018-12-01", plan=pick(("pro", "free")))),
            one(cost("gpu", "5", "2018-10-01", "2018-11-01")),
            one(record("beta", plan="pro")),
            one(alias("feature", "search", "find")),
            lambda: self.ledger.rename(Renaming(customers=("gamma",), keys=(number, 7))),
            lambda: self.ledger.rebuild(pick((ZONE, "Europe/Berlin", "Asia/Kathmandu"))),
        ]  # fmt: skip


CALL, AMENDED, ADJUSTED, RENAMED = 0, 2, 3, 8
"""Places in Company.steps()."""


def ask(ledger: Ledger, places: Iterable[int], *, begin: bool) -> None:
    """Some of the questions, of what is remembered and of the store."""
    known = questions(ledger)
    for query in (known[place] for place in places):
        rows = ledger.begin(query).result() if begin else ledger.query(query)
        assert said(query, rows) == said(query, ledger.store.query(query)), query.sql


def test_what_is_remembered_is_what_would_be_answered_now(open_ledger):
    ledger = open_ledger(timezone=ZONE)
    ledger.remember(today=lambda: TODAY)
    company = Company(ledger, 1)
    for _ in range(12):
        company.do(CALL)
    for what in (*range(len(company.steps())), CALL, AMENDED):
        ask(ledger, range(13), begin=what == CALL)
        company.do(what)
    ask(ledger, range(13), begin=False)


def restarted(open_ledger: Opener, company: Company, *beside: int) -> None:
    """End in order, have commands do some of the company's steps each in a process of its own, and begin to remember again."""
    for what in beside:
        company.ledger.close()
        company.ledger = open_ledger()
        company.do(what)
    company.ledger.close()
    company.ledger = open_ledger()
    company.ledger.remember(today=lambda: TODAY)


def test_what_a_process_before_knew_is_what_would_be_answered_now(open_ledger):
    company = Company(open_ledger(timezone=ZONE), 1)
    company.ledger.remember(today=lambda: TODAY)
    for _ in range(12):
        company.do(CALL)
    for beside in ((), (CALL,), (), (RENAMED,)):
        ask(company.ledger, range(6, 12), begin=not beside)
        restarted(open_ledger, company, *beside)
        company.do(AMENDED)
    ask(company.ledger, range(6, 12), begin=False)


def test_a_process_does_not_ask_what_the_one_before_it_knew(open_ledger):
    company = Company(open_ledger(timezone=ZONE), 1)
    company.ledger.remember(today=lambda: TODAY)
    for _ in range(12):
        company.do(CALL)
    known = questions(company.ledger)[:12]
    before = [company.ledger.query(query) for query in known]
    for beside, asked in (((), False), ((CALL,), True)):
        restarted(open_ledger, company, *beside)
        found = engine_asked(company.ledger.store, lambda: [company.ledger.query(query) for query in known])
        assert bool(found.queries) is asked
        assert asked or [company.ledger.query(query) for query in known] == before


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(2, 6))
def test_what_processes_before_knew_is_what_would_be_answered_now_whatever_happens(open_ledger, seed):
    company = Company(open_ledger(timezone=ZONE), seed)
    company.ledger.remember(today=lambda: TODAY)
    places = company.random.sample(range(len(questions(company.ledger))), 24)
    for step in range(45):
        company.do()
        if step % 3 == 0:
            steps = range(len(company.steps()))
            restarted(open_ledger, company, *company.random.sample(steps, company.random.choice((0, 0, 0, 1, 2))))
        ask(company.ledger, places, begin=step % 2 == 0)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(2, 6))
def test_what_is_remembered_is_what_would_be_answered_now_whatever_happens(open_ledger, seed):
    ledger = open_ledger(timezone=ZONE)
    ledger.remember(today=lambda: TODAY)
    company = Company(ledger, seed)
    places = company.random.sample(range(len(questions(ledger))), 24)
    for step in range(80):
        company.do()
        ask(ledger, places, begin=step % 2 == 0)


def test_users_are_counted_once_however_many_days_they_come_on(ledger):
    ledger.remember(today=lambda: TODAY)
    (days, *_) = windows("UTC")
    for back, numbers in ((3, range(700)), (0, range(300, 1_000))):
        at = f"{TODAY - timedelta(days=back)}T12:00:00Z"
        keep(ledger, [call(at, "acme", FEATURES[n % 2], "0.1", user_id=f"u{n}") for n in numbers])
        counted = {(*row.names, row.as_of): row.number for row in ledger.query(users.active_users(days))}
        every, half = numbers.stop, numbers.stop // 2
        assert counted == {("", 0): every, ("chat", days.start): half, ("search", days.start): half}
        assert [row.number for row in ledger.query(users.active_users(days, by_feature=False))] == [every]
