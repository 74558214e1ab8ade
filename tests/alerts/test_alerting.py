"""Alerts over a real ledger: gathered, judged, kept and told; prices that change."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from floorline.alerts.events import PRICE_NOTICES, PriceNotice
from floorline.alerts.tuning import DEFAULTS, Stated, Tuning, restated
from floorline.clock import timezone
from floorline.delivery.message import Message
from floorline.delivery.outbox import KIND, Delivery
from floorline.delivery.route import Answer, Route
from floorline.errors import BadInput
from floorline.jobs.alert_drivers import Drivers
from floorline.jobs.alert_figures import Memory, Sources
from floorline.jobs.alerting import Setup, evaluate, shelf_of, tell
from floorline.jobs.answering import acknowledge, resolve
from floorline.jobs.baselining import Baselines
from floorline.jobs.price_watch import PriceWatch
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.margin.baseline import declaration_of
from floorline.margin.bridge import LEVERS
from floorline.margin.policy import FeaturePolicy, Policies, Runbook
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from tests.margin.company import call, keep, line
from tests.support.ledger import Opener

FIRST = date(2026, 2, 2)
DAY = timedelta(days=1)
USAGE = {"input": Decimal(1_000)}
NOW = datetime(2026, 3, 30, 6, tzinfo=UTC)  # the day after Berlin's clocks went forward
POLICIES = Policies(
    features={"chat": FeaturePolicy(name="chat", owner="ann")}, runbook=Runbook(owner="lead", red_hours=24)
)


class Nowhere:
    kind = "webhook"

    def send(self, message: Message, *, now: datetime) -> Answer:  # noqa: ARG002 - a channel's signature
        raise AssertionError("nothing is sent here")


def records():
    """Eight weeks of one customer; the tokens of its chat cost three times as much from the last Friday on."""
    found = [line("acme", "5600", "2026-02-02", "2026-04-01", feature="chat", plan="pro")]
    for number in range(56):
        day = FIRST + timedelta(days=number)
        cost = "0.75" if day >= date(2026, 3, 27) else "0.25"
        found += [
            call(
                f"{day}T{hour:02}:30:00Z",
                "acme",
                "chat",
                cost,
                model="gpt-4o",
                provider="openai",
                usage=USAGE,
            )
            for hour in range(6, 22)
            for _ in range(5)
        ]
    return found


@pytest.fixture(scope="module")
def company(databases, tmp_path_factory):
    """A ledger of the company; what is decided goes on shelves of each test's own."""
    opener = Opener(databases, tmp_path_factory.mktemp("company"))
    ledger = opener(timezone="Europe/Berlin")
    keep(ledger, records())
    yield ledger
    opener.finish()


@pytest.fixture
def state(tmp_path):
    with closing(State.open(tmp_path)) as opened:
        yield opened


MEMORY = Memory()
"""The figures of the company's days, which are the same in every test: gathering them is what takes time."""


def setup(**more):
    return Setup(routes=(Route(name="ops", channel=Nowhere()),), sources=Sources(memory=MEMORY), **more)


def messages(state):
    return sorted((one.message for one in Shelf(state, KIND, Delivery).all().values()), key=lambda one: one.id)


def test_an_erosion_is_found_explained_told_once_worked_on_and_over(company, state):
    begun = NOW.date() - timedelta(days=2)
    Baselines(company, POLICIES).declare(declaration_of("chat", begun, {"name": "dearer"}), "command", NOW)
    drivers = Drivers(company, POLICIES)
    drivers.forget(NOW)
    explaining = setup(explain=drivers.driver)
    (fired,) = evaluate(company, POLICIES, state, NOW, explaining)
    alert = fired.alert
    assert (alert.id, alert.state, alert.severity, alert.value) == (
        "margin_red/feature/chat", "open", "critical", Decimal("0.378572"),
    )  # fmt: skip
    assert (alert.driver, alert.lever, alert.owner) == ("provider_price", LEVERS["provider_price"], "ann")
    assert alert.deadline == NOW + timedelta(hours=24)
    (message,) = messages(state)
    assert (message.id, message.action, message.dedupe_key) == ("alert/margin_red/feature/chat/1", "trigger", alert.id)
    assert "Driver: provider prices rose 86 %" in message.text
    assert f"; crosses a baseline: {begun} every step: a new baseline" in message.text.replace("\\", "")
    assert message.chart is not None

    for later in (NOW, NOW, NOW + timedelta(minutes=15)):  # the same again, a second process, the next run
        assert evaluate(company, POLICIES, state, later, explaining) == []
    assert len(messages(state)) == 1

    done = acknowledge(state, alert.id, by="ann", note="on it", now=NOW + timedelta(hours=2))
    assert done.response_time == timedelta(hours=2)
    with pytest.raises(BadInput, match="is acknowledged"):
        acknowledge(state, alert.id, by="bob", note="", now=NOW)
    with pytest.raises(BadInput, match="there is no alert"):
        acknowledge(state, "nothing", by="bob", note="", now=NOW)
    evaluate(company, POLICIES, state, NOW + timedelta(hours=3), setup())
    assert [one.action for one in messages(state)] == ["trigger", "acknowledge"]
    resolve(
        state,
        alert.id,
        by="ann",
        note="rolled back",
        now=NOW + timedelta(hours=4),
        zone=timezone(company.timezone),
    )
    assert evaluate(company, POLICIES, state, NOW + timedelta(hours=5), setup()) == []
    assert [one.action for one in messages(state)] == ["trigger", "acknowledge", "resolve"]
    assert [(one.action, one.actor) for one in state.audited()] == [
        ("alert.acknowledge", "ann"), ("alert.resolve", "ann"),
    ]  # fmt: skip


def test_a_kill_after_telling_and_before_noting_it_tells_nothing_twice(company, state):
    evaluate(company, POLICIES, state, NOW, setup())
    shelf = shelf_of(state)
    untold = {id_: replace(alert, told=0) for id_, alert in shelf.all().items()}
    for id_, alert in untold.items():
        shelf.put(id_, alert, now=NOW)
    before = messages(state)
    assert evaluate(company, POLICIES, state, NOW + timedelta(minutes=15), setup()) == []
    assert messages(state) == before
    assert [alert.told for alert in shelf.all().values()] == [1]


def test_a_digest_waits_for_its_day_and_comes_once(company, state):
    daily = Tuning(
        rules=DEFAULTS | {"margin_red": restated("margin_red", DEFAULTS["margin_red"], Stated(deliver="day"))}
    )
    evaluate(company, POLICIES, state, NOW, setup(tuning=daily))
    assert messages(state) == []
    for hours in (24, 25):
        tell(state, NOW + timedelta(hours=hours), setup(tuning=daily), timezone(company.timezone))
    (report,) = messages(state)
    assert (report.id, report.action) == ("alerts/digest/day/2026-03-30", "report")
    assert "opened: chat, margin below its floor" in report.text


def override(price, valid_from=None):
    return PriceOverride(
        model="gpt-4.1", provider="openai", rates={"input": Rate(price=Decimal(price))}, valid_from=valid_from
    )


def test_a_refresh_of_the_price_book_and_a_notice_are_priced_on_the_own_traffic(ledger):
    used = [
        call(
            "2026-03-29T10:00:00Z", "acme", "chat", "2.5", model="gpt-4.1", provider="openai",
            usage={"input": Decimal(1_000_000)}, price_version="old",
        )
        for _ in range(3)
    ]  # fmt: skip
    keep(ledger, used)
    entries = [override("2.5")]
    watch = PriceWatch(
        ledger=ledger, state=ledger.state, book_with=lambda extra: PriceBook(overrides=(*entries, *extra))
    )
    assert watch.look(NOW) == []
    assert watch.look(NOW) == []
    entries[:] = [override("3.5")]
    (change,) = watch.look(NOW)
    assert (change.monthly_effect_usd, change.provider, change.notice) == (Decimal(3), "openai", "")
    assert watch.look(NOW) == [change]
    for days, price in ((1, "2.5"), (2, "3.5")):
        entries[:] = [override(price)]
        assert len(watch.look(NOW + days * DAY)) == 1 + days, "a price that comes back is told again"
    notice = PriceNotice(
        id="n1", provider="openai", model="gpt-4.1", valid_from=date(2026, 5, 1), prices={"input": Decimal(5)}, at=NOW
    )
    Shelf(ledger.state, PRICE_NOTICES, PriceNotice).put("n1", notice, now=NOW)
    announced = next(one for one in watch.look(NOW) if one.notice == "n1")
    assert announced.monthly_effect_usd == Decimal("4.5")  # 15 under the notice, 10.5 under today's price
