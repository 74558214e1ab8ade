from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.alerts.condition import Condition
from floorline.alerts.machine import (
    NOTHING_KNOWN,
    THIN_DAYS,
    About,
    Patience,
    acknowledged,
    is_alarm,
    judged,
    needs_reminder,
    settled,
    told,
    withdrawn,
)
from floorline.alerts.model import ALARMS, Alert, alert_id, firings, response_to, week_of

START = datetime(2026, 3, 2, 6, tzinfo=UTC)  # a Monday
STAY = timedelta(days=2)
PATIENCE = Patience(stay=STAY, worse=Decimal(2))


def condition(reading, *, edition="", value="0.5", stake=None):
    return Condition(
        "margin_red", "feature", "chat", reading, "critical", Decimal(value), Decimal("0.6"), edition=edition,
        stake_usd=None if stake is None else Decimal(stake),
    )  # fmt: skip


def after(alert, reading, days, *, about=NOTHING_KNOWN, **more):
    now = START + timedelta(days=days)
    period = week_of(now.date())
    return judged(alert, condition(reading, **more), now=now, period=period, patience=PATIENCE, about=about)


def at_stake(*stakes):
    """The alert after a firing a day with so many dollars a month at stake."""
    alert = None
    for day, stake in enumerate(stakes):
        alert = after(alert, "firing", day, stake=stake)
    return alert


def through(readings):
    """The alert after one reading a day."""
    alert = None
    for day, reading in enumerate(readings):
        alert = after(alert, reading, day)
    return alert


def states(alert):
    return [moment.state for moment in alert.history]


def test_an_alert_opens_with_what_was_found_out_about_it():
    about = About(driver="input_tokens", driver_text="tokens rose", lever="shorten", owner="ann", deadline=START)
    alert = judged(None, condition("firing"), now=START, period="2026-W10", patience=PATIENCE, about=about)
    assert (alert.id, alert.state, alert.severity, alert.value) == (
        "margin_red/feature/chat",
        "open",
        "critical",
        Decimal("0.5"),
    )
    assert (alert.driver, alert.lever, alert.owner, alert.deadline) == ("input_tokens", "shorten", "ann", START)
    assert after(None, "held", 0) is None


def test_it_is_resolved_only_after_it_was_clear_for_its_stay():
    assert states(through(["firing", "clear", "clear"])) == ["open"]
    assert states(through(["firing", "clear", "clear", "clear"])) == ["open", "resolved"]
    assert states(through(["firing", "clear", "held", "clear", "clear"])) == ["open"]
    assert states(through(["firing", "clear", "firing", "clear", "clear"])) == ["open"]


def test_one_that_flaps_stays_open_twice_as_long_each_time():
    reopened = through(["firing", "clear", "clear", "clear", "firing"])
    assert states(reopened) == ["open", "resolved", "reopened"]
    for day in range(5, 9):
        reopened = after(reopened, "clear", day)
    assert reopened.state == "reopened"
    assert after(reopened, "clear", 9).state == "resolved"


def test_one_of_which_nothing_can_be_judged_any_more_ends_too():
    alert = after(after(None, "firing", 0), "thin", 1)
    assert after(alert, "thin", THIN_DAYS).state == "open"
    ended = after(alert, "thin", 1 + THIN_DAYS)
    assert (ended.state, ended.value) == ("resolved", Decimal("0.5"))


def test_another_edition_is_news_whether_or_not_somebody_works_on_it():
    alert = acknowledged(after(None, "firing", 0, edition="75 %"), by="ann", note="", now=START + timedelta(hours=1))
    assert after(alert, "firing", 1, edition="75 %").state == "acknowledged"
    assert after(alert, "firing", 1, edition="90 %").state == "reopened"


def test_one_tells_again_when_twice_as_much_is_at_stake_and_not_when_figures_go_up_and_down_between():
    assert states(at_stake("100", "199", "120")) == ["open"]
    worse = at_stake("100", "200", "150", "210", "399")
    assert states(worse) == ["open", "worsened"]
    assert worse.history[-1].note == "$200.00 a month at stake, $100.00 when it was told last"
    assert states(at_stake("100", "250", "500")) == ["open", "worsened", "worsened"]
    assert is_alarm(at_stake("100"), at_stake("100", "200"))


def test_getting_worse_is_told_once_in_its_time_at_most_and_never_of_a_rule_that_is_set_so():
    opened = at_stake("100")
    assert after(opened, "firing", 0.9, stake="900").state == "open"
    assert after(opened, "firing", 1, stake="900").state == "worsened"
    for patience in (Patience(stay=STAY), Patience(stay=STAY, worse=Decimal(2), apart=timedelta(days=3))):
        now, firing = START + timedelta(days=2), condition("firing", stake="900")
        assert judged(opened, firing, now=now, period="2026-W10", patience=patience).state == "open"


def test_what_has_no_dollars_or_saves_some_is_never_worse():
    assert states(at_stake(None, None)) == ["open"]
    assert states(at_stake("-50", "900")) == ["open"]
    assert states(at_stake(None, "50", "99")) == ["open"], "the first figure that is known is the one that counts"
    assert states(at_stake(None, "50", "100")) == ["open", "worsened"]


def test_one_that_is_worked_on_and_gets_worse_waits_for_an_answer_again_with_a_deadline_of_its_own():
    first, second = About(driver="call_volume", deadline=START), About(driver="input_tokens", deadline=START + STAY)
    opened = after(None, "firing", 0, stake="100", about=first)
    unanswered = after(opened, "firing", 1, stake="300", about=second)
    assert (unanswered.state, unanswered.driver, unanswered.deadline) == ("worsened", "input_tokens", START)
    worked_on = acknowledged(opened, by="ann", note="", now=START + timedelta(hours=2))
    worse = after(worked_on, "firing", 1, stake="300", about=second)
    assert (worse.state, worse.driver, worse.deadline) == ("worsened", "input_tokens", START + STAY)
    assert acknowledged(worse, by="bob", note="", now=START + timedelta(days=1, hours=1)).state == "acknowledged"
    assert states(after(after(worse, "clear", 2), "clear", 4)) == ["open", "acknowledged", "worsened", "resolved"]


def test_the_response_to_one_that_got_worse_is_to_the_call_that_nobody_had_answered():
    unanswered = acknowledged(at_stake("100", "200"), by="ann", note="", now=START + timedelta(days=1, hours=2))
    assert unanswered.response_time == timedelta(days=1, hours=2)
    assert response_to(unanswered, START + timedelta(days=1)) == timedelta(hours=2)
    worked_on = acknowledged(at_stake("100"), by="ann", note="", now=START + timedelta(hours=3))
    worse = after(worked_on, "firing", 1, stake="200")
    assert (response_to(worse, START), worse.response_time) == (timedelta(hours=3), None)
    answered = acknowledged(worse, by="ann", note="", now=START + timedelta(days=1, hours=1))
    assert answered.response_time == timedelta(hours=1)


def test_an_acknowledged_one_is_told_of_nothing_but_its_end():
    alert = acknowledged(after(None, "firing", 0), by="ann", note="on it", now=START + timedelta(hours=3))
    assert alert.response_time == timedelta(hours=3)
    assert acknowledged(alert, by="bob", note="", now=START) is None
    for day in range(1, 4):
        alert = after(alert, "clear", day)
    assert states(alert) == ["open", "acknowledged", "resolved"]


def test_what_a_person_resolved_is_silent_for_its_week_and_fires_again_in_the_next():
    now = START + timedelta(hours=2)
    alert = settled(after(None, "firing", 0), by="ann", note="known", now=now, period="2026-W10")
    assert after(alert, "firing", 1) is alert
    assert after(alert, "firing", 7).state == "reopened"
    assert settled(alert, by="bob", note="", now=now, period="2026-W10") is None


def test_what_a_person_resolved_and_was_clear_fires_again_at_once():
    alert = settled(after(None, "firing", 0), by="ann", note="", now=START, period="2026-W10")
    assert after(after(alert, "clear", 1), "firing", 2).state == "reopened"


def test_a_rule_that_is_off_ends_its_alert_once():
    alert = withdrawn(after(None, "firing", 0), START, "the rule is off")
    assert alert.state == "resolved"
    assert withdrawn(alert, START, "again") is alert


def test_nobody_is_reminded_in_the_week_that_told_them():
    alert = told(after(None, "firing", 0), 1, "2026-W10")
    assert not needs_reminder(alert, "2026-W10")
    assert needs_reminder(alert, "2026-W11")
    assert not needs_reminder(acknowledged(alert, by="ann", note="", now=START), "2026-W11")


def test_a_response_is_of_the_firing_it_answers():
    alert = through(["firing", "clear", "clear", "clear", "firing"])
    alert = acknowledged(alert, by="ann", note="", now=START + timedelta(days=4, hours=1))
    first, second = firings(alert, START, START + timedelta(days=30))
    assert response_to(alert, first.at) is None
    assert response_to(alert, second.at) == timedelta(hours=1)


def test_an_id_fits_whatever_the_name():
    assert len(alert_id("cost_anomaly", "customer", "x" * 4_096)) < 200
    assert alert_id("unattributed_share", "company", "") == "unattributed_share/company"


READINGS = st.sampled_from(["firing", "held", "clear", "thin"])
STAKES = st.sampled_from([None, "0", "90", "100", "200", "450"])
PEOPLE = st.sampled_from(["", "", "", "acknowledge", "resolve"])
DAYS = st.lists(st.tuples(READINGS, st.sampled_from(["", "a", "b"]), STAKES, PEOPLE), max_size=60)


def lived(days, *, evaluations=1, restart=False):
    """The alert after those days and the numbers that were told, each day evaluated so many times."""
    alert: Alert | None = None
    sent: list[int] = []
    for day, (reading, edition, stake, person) in enumerate(days):
        now = START + timedelta(days=day)
        for _ in range(evaluations):
            period = week_of(now.date())
            alert = after(alert, reading, day, edition=edition, stake=stake)
            if alert is not None:
                sent += [moment.number for moment in alert.untold]
                alert = told(alert, alert.number, period)
            if restart and alert is not None:
                alert = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
        if alert is not None and person:
            later = now + timedelta(hours=2)
            acted = (
                acknowledged(alert, by="ann", note="", now=later)
                if person == "acknowledge"
                else settled(alert, by="ann", note="", now=later, period=week_of(later.date()))
            )
            alert = acted or alert
    return alert, sent


@settings(max_examples=300, deadline=None)
@given(DAYS)
def test_every_transition_is_told_once_and_no_state_follows_itself(days):
    alert, sent = lived(days)
    assert sent == sorted(set(sent))
    if alert is None:
        return
    assert sent == list(range(1, len(sent) + 1))
    for before, moment in zip(alert.history, alert.history[1:], strict=False):
        assert moment.number == before.number + 1
        assert moment.at >= before.at
        assert moment.state != before.state or moment.state in {"reopened", "worsened"}
        assert moment.state != "worsened" or before.state != "resolved"
        assert moment.state not in ALARMS or moment.at - before.at >= timedelta(hours=22)
    assert alert.active == (alert.history[-1].state != "resolved")


@settings(max_examples=200, deadline=None)
@given(DAYS)
def test_a_restart_anywhere_and_a_second_process_change_nothing(days):
    assert lived(days, evaluations=2, restart=True) == lived(days)


@settings(max_examples=200, deadline=None)
@given(DAYS)
def test_it_is_open_on_every_day_that_it_fires_unless_a_person_resolved_it(days):
    alert: Alert | None = None
    for day, (reading, edition, stake, _) in enumerate(days):
        alert = after(alert, reading, day, edition=edition, stake=stake)
        if reading == "firing":
            assert alert is not None
            assert alert.state in ALARMS
