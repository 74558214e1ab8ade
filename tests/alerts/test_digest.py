from datetime import UTC, datetime, timedelta
from decimal import Decimal

from floorline.alerts.digest import digest, digest_markdown, noise, noise_markdown
from floorline.alerts.model import Alert, Moment, alert_id

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)


def alert(rule, subject, *states, stake=None, by=""):
    """An alert whose states came a day apart from Monday noon on."""
    moments = tuple(
        Moment(
            number=n, state=state, at=MONDAY + timedelta(days=n - 1, hours=12), by=by if state == "acknowledged" else ""
        )
        for n, state in enumerate(states, 1)
    )
    return Alert(
        id=alert_id(rule, "feature", subject),
        rule=rule,
        subject_kind="feature",
        subject=subject,
        severity="warning",
        state=states[-1],
        opened_at=moments[0].at,
        at_stake_usd=None if stake is None else Decimal(stake),
        history=moments,
        evidence="it went up",
    )


def test_a_digest_has_what_happened_in_order_and_what_is_open_the_dearest_first():
    found = digest(
        [
            alert("cost_anomaly", "search", "open", "resolved"),
            alert("margin_yellow", "chat", "open", stake="40"),
            alert("margin_red", "reports", "open", "acknowledged", stake="900", by="ann"),
        ],
        MONDAY,
        MONDAY + timedelta(days=1),
    )
    assert [one.subject for one in found.open] == ["reports", "chat"]
    assert found.counts == {"open": 3}
    worse = digest([alert("margin_red", "chat", "open", "worsened")], MONDAY, MONDAY + WEEK)
    assert "got worse: chat, margin below its floor (it went up)" in digest_markdown(worse)
    text = digest_markdown(found)
    assert "- 2026-03-02 12:00 opened: chat, margin below green (it went up)" in text
    assert "| reports | margin below its floor | acknowledged | $900.00 | nobody |" in text


def test_an_empty_digest_says_so():
    assert digest_markdown(digest([], MONDAY, MONDAY + WEEK)) == "Nothing happened.\n\nNothing is open.\n"


def test_a_week_of_more_firings_than_anybody_hears_is_noisy_and_says_what_to_tune():
    alerts = [
        alert("cost_anomaly", "search", "open", "resolved", stake="30"),
        alert("cost_anomaly", "chat", "open", "resolved", "reopened", stake="55"),
        alert("margin_red", "chat", "open", "acknowledged", by="ann", stake="400"),
    ]
    report = noise(alerts, MONDAY, MONDAY + WEEK, 3)
    assert (report.fired, report.is_noisy) == (4, True)
    anomaly, red = report.rules
    assert (anomaly.rule, anomaly.fired, anomaly.unheard, anomaly.answered) == ("cost_anomaly", 3, 2, 0)
    assert "`alerts.rules.cost_anomaly.stake_min` above $55.00 a month" in anomaly.suggestion
    assert (red.answered, red.unheard, red.suggestion) == (1, 0, "")
    assert "4 alerts fired or got worse, more than 3 in a week are not listened to." in noise_markdown(report)
    assert not noise(alerts, MONDAY, MONDAY + WEEK, 4).is_noisy
    assert noise(alerts, MONDAY + WEEK, MONDAY + 2 * WEEK, 3).rules == ()


def test_what_one_subject_fires_again_and_again_wants_a_longer_stay():
    report = noise(
        [alert("margin_red", "chat", "open", "acknowledged", "resolved", "reopened", by="ann")],
        MONDAY,
        MONDAY + WEEK,
        1,
    )
    assert "a longer `alerts.rules.margin_red.stay`" in report.rules[0].suggestion


def test_what_got_worse_is_an_alarm_of_its_own_and_does_not_make_its_firing_a_heard_one():
    report = noise([alert("margin_red", "chat", "open", "worsened", "resolved", stake="90")], MONDAY, MONDAY + WEEK, 1)
    (red,) = report.rules
    assert (report.alarms, report.is_noisy, red.fired, red.worse, red.unheard) == (2, True, 1, 1, 2)
    answered = alert("margin_red", "chat", "open", "worsened", "acknowledged", "worsened", "acknowledged", by="ann")
    (red,) = noise([answered], MONDAY, MONDAY + WEEK, 1).rules
    assert (red.fired, red.worse, red.answered, red.unheard) == (1, 2, 3, 0)
    assert "a larger `alerts.rules.margin_red.worse`" in red.suggestion


def test_many_subjects_of_one_rule_want_a_digest():
    every = [alert("customer_cost_to_revenue", f"c{n}", "open") for n in range(5)]
    assert (
        "`alerts.rules.customer_cost_to_revenue.deliver: week`"
        in noise(every, MONDAY, MONDAY + WEEK, 3).rules[0].suggestion
    )
