"""What is told of alerts that are kept: reminders, digests and noise reports, each once, whoever asks and how often."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from floorline.alerts.condition import Condition
from floorline.alerts.events import GuardEvent
from floorline.alerts.machine import Patience, acknowledged, judged
from floorline.alerts.tuning import DEFAULTS, Tuning
from floorline.delivery.message import Message, headline
from floorline.delivery.outbox import deliveries
from floorline.delivery.route import Answer, Route
from floorline.delivery.webhook import payload
from floorline.jobs.alerting import Setup, evaluate_reports, shelf_of, tell
from floorline.jobs.guard_events import keep
from floorline.ledger.state import State
from floorline.margin.policy import Policies

WEDNESDAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 6, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")


class Nowhere:
    kind = "webhook"

    def send(self, message: Message, *, now: datetime) -> Answer:  # noqa: ARG002 - a channel's signature
        raise AssertionError("nothing is sent here")


@pytest.fixture
def state(tmp_path):
    with closing(State.open(tmp_path)) as opened:
        yield opened


def fired(rule, subject, *, before=None, now=WEDNESDAY, stake=None):
    condition = Condition(
        rule, "feature", subject, "firing", value=Decimal("0.5"), evidence="it went up",
        stake_usd=None if stake is None else Decimal(stake),
    )  # fmt: skip
    return judged(
        before, condition, now=now, period="2026-W10", patience=Patience(stay=timedelta(days=1), worse=Decimal(2))
    )


def told(state, now, **tuning):
    setup = Setup(routes=(Route(name="ops", channel=Nowhere()),), tuning=Tuning(**tuning))
    tell(state, now, setup, ZONE)
    return [(one.message.id, one.message.action) for one in deliveries(state)]


def test_what_nobody_answered_is_told_again_once_in_the_next_week(state):
    shelf = shelf_of(state)
    alert, answered = fired("margin_red", "chat"), fired("margin_red", "search")
    shelf.put(alert.id, alert, now=WEDNESDAY)
    shelf.put(answered.id, acknowledged(answered, by="ann", note="", now=WEDNESDAY), now=WEDNESDAY)
    before = told(state, WEDNESDAY, remind=True)
    assert len(before) == 3  # two triggers and an acknowledgement
    assert told(state, MONDAY, remind=False) == before
    after = told(state, MONDAY, remind=True)
    assert after[3:] == [("alert/margin_red/feature/chat/1/2026-W11", "trigger")]
    assert told(state, MONDAY + timedelta(days=2), remind=True) == after


def test_what_got_worse_is_told_once_with_both_figures_and_what_drives_it(state):
    shelf = shelf_of(state)
    opened = fired("margin_red", "chat", stake="100")
    shelf.put(opened.id, opened, now=WEDNESDAY)
    told(state, WEDNESDAY)
    worse = fired("margin_red", "chat", before=opened, now=WEDNESDAY + timedelta(days=1), stake="250")
    shelf.put(worse.id, worse, now=WEDNESDAY)
    for _ in range(2):
        assert told(state, WEDNESDAY + timedelta(days=1))[1:] == [("alert/margin_red/feature/chat/2", "worsen")]
    message = deliveries(state)[-1].message
    assert headline(message) == "Worse: chat: margin below its floor (50.0 %)"
    assert message.text.startswith("**Got worse**: $250.00 a month at stake, $100.00 when it was told last.")
    assert message.dedupe_key == opened.id
    assert msgspec.json.decode(payload(message))["type"] == "alert.worsen"


def test_a_noisy_week_is_reported_on_monday_once(state):
    shelf = shelf_of(state)
    for name in "abcd":
        alert = fired("cost_anomaly", name)
        shelf.put(alert.id, alert, now=WEDNESDAY)
    assert len(told(state, WEDNESDAY)) == 4
    assert told(state, MONDAY)[4:] == [("alerts/noise/2026-W10", "report")]
    assert len(told(state, MONDAY + timedelta(hours=5))) == 5
    assert len(told(state, MONDAY + timedelta(days=1), noisy_week=9)) == 5


def test_a_weekly_digest_waits_for_the_week_to_be_over(state):
    weekly = {"rules": DEFAULTS | {"margin_red": replace(DEFAULTS["margin_red"], deliver="week")}}
    alert = fired("margin_red", "chat")
    shelf_of(state).put(alert.id, alert, now=WEDNESDAY)
    assert told(state, WEDNESDAY + timedelta(days=4), **weekly) == []
    assert told(state, MONDAY, **weekly) == [("alerts/digest/week/2026-W10", "report")]
    assert len(told(state, MONDAY + timedelta(days=1), **weekly)) == 1


def test_a_rule_that_is_told_to_nobody_is_noted_as_told(state):
    off = {"rules": DEFAULTS | {"margin_red": replace(DEFAULTS["margin_red"], deliver="off")}}
    alert = fired("margin_red", "chat")
    shelf_of(state).put(alert.id, alert, now=WEDNESDAY)
    assert told(state, WEDNESDAY, **off) == []
    assert told(state, WEDNESDAY) == []


def test_what_a_budget_reports_is_told_at_once_and_once_and_nothing_else_is_judged(state):
    open_one = fired("margin_red", "chat")
    shelf_of(state).put(open_one.id, open_one, now=WEDNESDAY)
    setup = Setup(routes=(Route(name="ops", channel=Nowhere()),))
    reached = {"0.75": "open", "0.9": "reopened"}
    for step, state_ in reached.items():
        event = GuardEvent(
            kind="budget", rule_id="pro", scope="customer", subject="acme", period="2026-03", resets_at=datetime(2026, 4, 1, tzinfo=UTC),
            step=Decimal(step), used=Decimal(step) * 100, limit=Decimal(100), at=WEDNESDAY,
        )  # fmt: skip
        keep(state, event, WEDNESDAY)
        found = evaluate_reports(Policies(), state, ZONE, WEDNESDAY, setup)
        assert [(one.alert.rule, one.moment.state) for one in found] == [("budget", state_)]
        assert evaluate_reports(Policies(), state, ZONE, WEDNESDAY, setup) == []
    (alert,) = [one for one in shelf_of(state).all().values() if one.rule == "margin_red"]
    assert (alert.state, alert.number) == ("open", 1)
    sent = [one.message for one in deliveries(state)]
    assert [one.action for one in sent if "pro" in one.title] == ["trigger", "trigger"]
