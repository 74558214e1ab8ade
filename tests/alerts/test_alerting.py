"""Alerts over a real ledger: gathered, judged, kept and told; what people do; prices that change."""

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from floorline.alerts.condition import Condition
from floorline.alerts.events import PRICE_NOTICES, PriceNotice
from floorline.alerts.machine import judged
from floorline.alerts.tuning import DEFAULTS, Stated, Tuning, restated
from floorline.cli.alerts import command
from floorline.cli.notices import command as notices
from floorline.clock import timezone
from floorline.delivery.message import Message
from floorline.delivery.outbox import KIND, Delivery
from floorline.delivery.route import Answer, Route
from floorline.errors import BadInput
from floorline.jobs.alert_drivers import Drivers
from floorline.jobs.alert_figures import Memory, Sources
from floorline.jobs.alerting import Setup, acknowledge, evaluate, resolve, shelf_of, tell
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


def company():
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


@pytest.fixture
def ledger(open_ledger):
    ledger = open_ledger(timezone="Europe/Berlin")
    keep(ledger, company())
    return ledger


MEMORY = Memory()
"""The figures of the company's days, which are the same in every ledger here: gathering them is what takes time."""


def setup(**more):
    return Setup(routes=(Route(name="ops", channel=Nowhere()),), sources=Sources(memory=MEMORY), **more)


def messages(ledger):
    return sorted((one.message for one in Shelf(ledger.state, KIND, Delivery).all().values()), key=lambda one: one.id)


def test_an_erosion_is_found_explained_told_once_worked_on_and_over(ledger):
    begun = NOW.date() - timedelta(days=2)
    Baselines(ledger, POLICIES).declare(declaration_of("chat", begun, {"name": "dearer"}), "command", NOW)
    drivers = Drivers(ledger, POLICIES)
    drivers.forget(NOW)
    explaining = setup(explain=drivers.driver)
    (fired,) = evaluate(ledger, POLICIES, ledger.state, NOW, explaining)
    alert = fired.alert
    assert (alert.id, alert.state, alert.severity, alert.value) == (
        "margin_red/feature/chat", "open", "critical", Decimal("0.378572"),
    )  # fmt: skip
    assert (alert.driver, alert.lever, alert.owner) == ("provider_price", LEVERS["provider_price"], "ann")
    assert alert.deadline == NOW + timedelta(hours=24)
    (message,) = messages(ledger)
    assert (message.id, message.action, message.dedupe_key) == ("alert/margin_red/feature/chat/1", "trigger", alert.id)
    assert "Driver: provider prices rose 200 %" in message.text
    assert f"; crosses a baseline: {begun} every step: a new baseline" in message.text.replace("\\", "")
    assert message.chart is not None

    for later in (NOW, NOW, NOW + timedelta(minutes=15)):  # the same again, a second process, the next run
        assert evaluate(ledger, POLICIES, ledger.state, later, explaining) == []
    assert len(messages(ledger)) == 1

    done = acknowledge(ledger.state, alert.id, by="ann", note="on it", now=NOW + timedelta(hours=2))
    assert done.response_time == timedelta(hours=2)
    with pytest.raises(BadInput, match="is acknowledged"):
        acknowledge(ledger.state, alert.id, by="bob", note="", now=NOW)
    with pytest.raises(BadInput, match="there is no alert"):
        acknowledge(ledger.state, "nothing", by="bob", note="", now=NOW)
    evaluate(ledger, POLICIES, ledger.state, NOW + timedelta(hours=3), setup())
    assert [one.action for one in messages(ledger)] == ["trigger", "acknowledge"]
    resolve(
        ledger.state,
        alert.id,
        by="ann",
        note="rolled back",
        now=NOW + timedelta(hours=4),
        zone=timezone(ledger.timezone),
    )
    assert evaluate(ledger, POLICIES, ledger.state, NOW + timedelta(hours=5), setup()) == []
    assert [one.action for one in messages(ledger)] == ["trigger", "acknowledge", "resolve"]
    assert [(one.action, one.actor) for one in ledger.state.audited()] == [
        ("alert.acknowledge", "ann"), ("alert.resolve", "ann"),
    ]  # fmt: skip


def test_a_kill_after_telling_and_before_noting_it_tells_nothing_twice(ledger):
    evaluate(ledger, POLICIES, ledger.state, NOW, setup())
    shelf = shelf_of(ledger.state)
    untold = {id_: replace(alert, told=0) for id_, alert in shelf.all().items()}
    for id_, alert in untold.items():
        shelf.put(id_, alert, now=NOW)
    before = messages(ledger)
    assert evaluate(ledger, POLICIES, ledger.state, NOW + timedelta(minutes=15), setup()) == []
    assert messages(ledger) == before
    assert [alert.told for alert in shelf.all().values()] == [1]


def test_a_digest_waits_for_its_day_and_comes_once(ledger):
    daily = Tuning(
        rules=DEFAULTS | {"margin_red": restated("margin_red", DEFAULTS["margin_red"], Stated(deliver="day"))}
    )
    evaluate(ledger, POLICIES, ledger.state, NOW, setup(tuning=daily))
    assert messages(ledger) == []
    for hours in (24, 25):
        tell(ledger.state, NOW + timedelta(hours=hours), setup(tuning=daily), timezone(ledger.timezone))
    (report,) = messages(ledger)
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
    notice = PriceNotice(
        id="n1", provider="openai", model="gpt-4.1", valid_from=date(2026, 5, 1), prices={"input": Decimal(5)}, at=NOW
    )
    Shelf(ledger.state, PRICE_NOTICES, PriceNotice).put("n1", notice, now=NOW)
    announced = next(one for one in watch.look(NOW) if one.notice == "n1")
    assert announced.monthly_effect_usd == Decimal("4.5")  # 15 under the notice, 10.5 under today's price


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in a home of its own, in which one feature's margin was alarming on Monday."""
    monkeypatch.setenv("FLOORLINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    condition = Condition("margin_red", "feature", "chat", "firing", "critical", Decimal("0.41"), Decimal("0.60"))
    fired = judged(
        None, condition._replace(stake_usd=Decimal(900), evidence="it is low"), now=NOW, period="2026-W14", stay=DAY
    )
    with closing(State.open(tmp_path / "home")) as state:
        shelf_of(state).put(fired.id, fired, now=NOW)

    def ran(*words, group=command, code=0):
        result = CliRunner().invoke(group, words)
        assert result.exit_code == code, result.output
        return result.output if code == 0 else str(result.exception)

    return ran


def test_the_command_lists_shows_acknowledges_and_resolves(run):
    assert "$900.00" in run("list", "--rule", "margin_red")
    assert json.loads(run("list", "--state", "resolved", "--json")) == []
    shown = run("show", "chat")
    assert "chat: margin below its floor (41.0 %)" in shown
    assert "(not told yet)" in shown
    assert json.loads(run("acknowledge", "red/feature", "--note", "on it", "--json"))["state"] == "acknowledged"
    assert run("resolve", "chat") == "margin_red/feature/chat is resolved\n"
    (known,) = json.loads(run("list", "--all", "--json"))
    assert [(one["state"], one["note"], one["told"]) for one in known["history"]] == [
        ("open", None, False), ("acknowledged", "on it", False), ("resolved", None, False),
    ]  # fmt: skip
    assert known["at_stake_usd"] == "900.000000000000"
    assert known["response_s"] > 0
    assert run("list") == "no alert is open\n"
    assert "is resolved: there is nothing to resolve" in run("resolve", "chat", code=1)
    assert "there is no alert 'nobody'" in run("show", "nobody", code=1)


def test_the_command_reads_a_week_and_the_rules(run):
    assert "opened: chat, margin below its floor (it is low)" in run("digest", "--week", "2026-W14")
    assert json.loads(run("digest", "--week", "2026-W14", "--json"))["counts"] == {"open": 1}
    assert json.loads(run("noise", "--week", "2026-W14", "--json"))["fired"] == 1
    assert "write it as 2026-W46" in run("noise", "--week", "14", code=1)
    assert json.loads(run("rules", "--json"))["rules"]["margin_red"]["window_days"] == 3
    assert "Rules" in run("rules")


def test_a_notice_is_kept_listed_and_forgotten(run):
    stated = ("--provider", "openai", "--model", "gpt-4o", "--from", "2026-05-01", "--price", "input=3.5")
    added = json.loads(run("add", *stated, "--json", group=notices))
    assert (added["id"], added["prices"], added["monthly_effect_usd"]) == (
        "openai/gpt-4o/2026-05-01",
        {"input": "3.5"},
        None,
    )
    assert "openai/gpt-4o" in run("list", group=notices)
    assert "is forgotten" in run("remove", added["id"], group=notices)
    assert json.loads(run("list", "--json", group=notices)) == []
    assert "write it as input=1.25" in run("add", *stated[:-1], "input", group=notices, code=1)
    assert "'inputs' is not a unit" in run("add", *stated[:-1], "inputs=1", group=notices, code=1)
