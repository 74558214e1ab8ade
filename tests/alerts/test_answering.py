"""What people do about an alert: who has it, what was said, and that nobody decides on what they did not see."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from floorline.alerts import wording
from floorline.alerts.condition import Condition
from floorline.alerts.machine import Patience, judged
from floorline.errors import BadInput, Changed, Missing
from floorline.jobs import answering
from floorline.jobs.alerting import shelf_of
from floorline.ledger.state import State

NOW = datetime(2026, 3, 30, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
ID = "margin_red/feature/chat"
FIRING = Condition("margin_red", "feature", "chat", "firing", "critical", Decimal("0.41"), Decimal("0.60"))


def judge(alert, now, **more):
    return judged(alert, FIRING._replace(**more), now=now, period="2026-W14", patience=Patience(stay=timedelta(0)))


@pytest.fixture
def state(tmp_path):
    with closing(State.open(tmp_path)) as opened:
        shelf_of(opened).put(ID, judge(None, NOW), now=NOW)
        yield opened


def test_an_alert_is_given_to_somebody_until_it_fires_again(state):
    given = answering.assign(state, ID, to="maria@example.com", by="ann", note="knows the prompt", now=NOW)
    assert (given.answerable, given.number, given.untold) == ("maria@example.com", 1, given.history)
    assert ("owner", "maria@example.com") in wording.fields(given)
    refreshed = judge(given, NOW + HOUR, value=Decimal("0.40"))
    assert refreshed.assigned == "maria@example.com"
    over = judge(refreshed, NOW + HOUR, reading="clear")
    assert judge(over, NOW + 2 * HOUR).answerable == ""


def test_the_history_has_transitions_and_what_people_said_in_order_and_the_audit_has_who(state):
    answering.remark(state, ID, by="ben", note="the provider confirms it", now=NOW + HOUR)
    answering.assign(state, ID, to="ben", by="ann", note="", now=NOW + 2 * HOUR)
    answering.acknowledge(state, ID, by="ben", note="rolling back", now=NOW + 3 * HOUR)
    done = answering.resolve(state, ID, by="ben", note="", now=NOW + 4 * HOUR, zone=ZoneInfo("UTC"))
    assert [(one.by, one.what, one.note) for one in answering.history(state, done)] == [
        ("", "opened", ""),
        ("ben", "noted", "the provider confirms it"),
        ("ann", "assigned", "to ben"),
        ("ben", "acknowledged", "rolling back"),
        ("ben", "resolved", ""),
    ]
    assert [(one.actor, one.action, one.subject) for one in state.audited_of(ID)] == [
        (who, f"alert.{what}", ID)
        for who, what in (("ben", "note"), ("ann", "assign"), ("ben", "acknowledge"), ("ben", "resolve"))
    ]


def test_who_decides_on_what_they_did_not_see_is_told_what_it_is_now(state):
    seen = answering.mark_of(shelf_of(state).get(ID))
    answering.acknowledge(state, ID, by="ben", note="", now=NOW + HOUR, seen=seen)
    with pytest.raises(Changed, match=r"it is acknowledged by ben since 2026-03-30 07:00 UTC now\. Look at it again"):
        answering.resolve(state, ID, by="ann", note="", now=NOW + HOUR, zone=ZoneInfo("UTC"), seen=seen)
    figures_alone = judge(shelf_of(state).get(ID), NOW + HOUR, value=Decimal("0.2"))
    assert answering.mark_of(figures_alone) == answering.mark_of(shelf_of(state).get(ID))
    assert [one.action for one in state.audited_of(ID)] == ["alert.acknowledge"], "what is refused is not done"


def test_what_cannot_be_done_says_why(state):
    answering.resolve(state, ID, by="ann", note="", now=NOW, zone=ZoneInfo("UTC"))
    for act in (
        lambda: answering.resolve(state, ID, by="ann", note="", now=NOW, zone=ZoneInfo("UTC")),
        lambda: answering.acknowledge(state, ID, by="ann", note="", now=NOW),
        lambda: answering.assign(state, ID, to="ben", by="ann", note="", now=NOW),
    ):
        with pytest.raises(Changed, match="is resolved: there is nothing to"):
            act()
    with pytest.raises(BadInput, match="says nothing"):
        answering.remark(state, ID, by="ann", note=" ", now=NOW)
    with pytest.raises(Missing, match="there is no alert 'nothing'"):
        answering.remark(state, "nothing", by="ann", note="x", now=NOW)
