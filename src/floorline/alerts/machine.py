"""The states of an alert: what a rule's condition, or a person, makes of it.

    (none) ─▶ open ─▶ acknowledged ─▶ resolved ─▶ reopened ─▶ acknowledged ─▶ …
                └─────────┴─▶ worsened ─▶ acknowledged, resolved or worsened again

Pure: the alert as it is kept, a condition, an instant, the alert after it. The same condition at the same time again
changes nothing, so that two processes may judge at once, and whatever was kept when one was killed is enough to go on.

Hysteresis: a condition that is merely held changes no state; one that is clear resolves the alert after it was clear for
the rule's stay, twice as long for each time that the alert was reopened in the last four weeks. An active alert gets worse
when the dollars at stake are the rule's `worse` times those of its last call for somebody, and the days that the rule
looks at are other ones: a change that fills them day by day is one change. From then on the new figure counts, so that
what goes up and down between tells nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorline.alerts.condition import Condition
from floorline.alerts.model import ALARMS, HISTORY_MAX, Alert, Moment, State, alert_id
from floorline.margin.words import cents

THIN_DAYS = 14
"""An alert of which nothing can be judged any more is resolved after this long."""

_FLAP_DAYS = 28
_FLAPS_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an alert stays after it was clear, and when it tells again: at `worse` times the dollars (0: never), no sooner
    than `apart` after it called for somebody.
    """

    stay: timedelta
    worse: Decimal = Decimal(0)
    apart: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is found out once an alert calls for somebody: what drives it, what helps, who answers and until when."""

    driver: str = ""
    driver_text: str = ""
    lever: str = ""
    owner: str = ""
    deadline: datetime | None = None


NOTHING_KNOWN = About()


def judged(
    alert: Alert | None,
    condition: Condition,
    *,
    now: datetime,
    period: str,
    patience: Patience,
    about: About = NOTHING_KNOWN,
) -> Alert | None:
    """The alert after `condition`; the same object where nothing changes, None where there is none and it does not fire.

    `about` is used where it opens, reopens or worsens.
    """
    if condition.reading == "firing":
        if alert is None:
            return _opened(condition, now, about)
        if alert.state == "resolved":
            silent = alert.silenced_in == period and alert.edition == condition.edition
            return alert if silent else _fired(alert, "reopened", condition, now, about)
        if alert.edition != condition.edition:
            return _fired(alert, "reopened", condition, now, about)
        return _judged_worse(_refreshed(alert, condition), condition, now, patience, about)
    if alert is None:
        return None
    if alert.state == "resolved":
        return replace(alert, silenced_in="") if condition.reading == "clear" and alert.silenced_in else alert
    return _waited(_refreshed(alert, condition), condition, now, patience.stay)


def is_worse(alert: Alert, stake_usd: Decimal | None, worse: Decimal) -> bool:
    """Whether `worse` times as much is at stake as when the alert called for somebody last."""
    told = alert.alarm_stake_usd
    return worse > 0 and told is not None and stake_usd is not None and 0 < told * worse <= stake_usd


def is_alarm(before: Alert | None, after: Alert | None) -> bool:
    """Whether `after` was just opened or reopened, or got worse."""
    if after is None or after.state not in ALARMS:
        return False
    return before is None or after.number > before.number


def withdrawn(alert: Alert, now: datetime, note: str) -> Alert:
    """The alert resolved because its rule is off or its subject is named no more; as it is when it is resolved already."""
    return alert if alert.state == "resolved" else _resolved(alert, now, note)


def acknowledged(alert: Alert, *, by: str, note: str, now: datetime) -> Alert | None:
    """The alert as somebody's who works on it; None when it does not call for anybody."""
    if alert.state not in ALARMS:
        return None
    return replace(_moved(alert, "acknowledged", now, by=by, note=note), acknowledged_at=now)


def settled(alert: Alert, *, by: str, note: str, now: datetime, period: str) -> Alert | None:
    """The alert as resolved by a person; None when it is already. While its condition holds on it stays silent until the
    period is over, and fires again where it was clear in between.
    """
    if alert.state == "resolved":
        return None
    return replace(_resolved(alert, now, note, by=by), silenced_in=period)


def assigned(alert: Alert, *, to: str) -> Alert | None:
    """The alert as that of `to`, until it fires again; None when it is resolved."""
    return None if alert.state == "resolved" else replace(alert, assigned=to)


def told(alert: Alert, number: int, period: str) -> Alert:
    """The alert of which the transitions up to `number` were handed on, in `period`."""
    return alert if alert.told >= number else replace(alert, told=number, period=period)


def needs_reminder(alert: Alert, period: str) -> bool:
    """Whether it was told in an earlier period, and nobody answered."""
    return alert.state in ALARMS and not alert.untold and alert.period != period


def _opened(condition: Condition, now: datetime, about: About) -> Alert:
    alert = Alert(
        id=alert_id(condition.rule, condition.kind, condition.subject),
        rule=condition.rule,
        subject_kind=condition.kind,
        subject=condition.subject,
        severity=condition.severity,
        state="open",
        opened_at=now,
        history=(Moment(number=1, state="open", at=now, value=condition.value),),
    )
    return _described(_refreshed(alert, condition), condition, about)


def _fired(alert: Alert, state: State, condition: Condition, now: datetime, about: About) -> Alert:
    moved = _moved(_refreshed(alert, condition), state, now)
    return replace(_described(moved, condition, about), reopened_at=now, silenced_in="", assigned="")


def _judged_worse(alert: Alert, condition: Condition, now: datetime, patience: Patience, about: About) -> Alert:
    """The alert as one that got worse, where it did."""
    told, stake = alert.alarm_stake_usd, condition.stake_usd
    if told is None or stake is None or not is_worse(alert, stake, patience.worse):
        return alert
    if now - max(alert.fired_at, alert.worsened_at or alert.fired_at) < patience.apart:
        return alert
    note = f"{cents(stake)} a month at stake, {cents(told)} when it was told last"
    deadline = (
        about.deadline if alert.state == "acknowledged" else alert.deadline
    )  # getting worse gives nobody more time
    moved = _described(_moved(alert, "worsened", now, note=note), condition, about)
    return replace(moved, worsened_at=now, deadline=deadline)


def _described(alert: Alert, condition: Condition, about: About) -> Alert:
    return replace(
        alert,
        severity=condition.severity,
        edition=condition.edition,
        alarm_stake_usd=condition.stake_usd,
        driver=about.driver,
        driver_text=about.driver_text,
        lever=about.lever,
        owner=about.owner,
        deadline=about.deadline,
    )


def _refreshed(alert: Alert, condition: Condition) -> Alert:
    """The alert with the condition's figures; the same object where they are the same, or where none was judged."""
    if condition.reading == "thin":
        return alert
    firing = condition.reading == "firing"
    after = replace(
        alert,
        value=condition.value,
        threshold=condition.threshold,
        unit=condition.unit,
        trend=condition.trend if firing else alert.trend,
        evidence=condition.evidence if firing else alert.evidence,
        at_stake_usd=condition.stake_usd if firing else alert.at_stake_usd,
        alarm_stake_usd=condition.stake_usd if firing and alert.alarm_stake_usd is None else alert.alarm_stake_usd,
        clear_since=alert.clear_since if condition.reading == "clear" else None,
        thin_since=None,
    )
    return alert if after == alert else after


def _waited(alert: Alert, condition: Condition, now: datetime, stay: timedelta) -> Alert:
    """The alert after a condition that does not fire: resolved when it was clear, or unknown, for long enough."""
    if condition.reading == "clear":
        since = alert.clear_since or now
        if now - since >= stay * 2 ** _flaps(alert, now):
            return _resolved(alert, now, "back on the good side")
        return alert if alert.clear_since else replace(alert, clear_since=now)
    if condition.reading == "thin":
        since = alert.thin_since or now
        if now - since >= timedelta(days=THIN_DAYS):
            return _resolved(alert, now, f"nothing could be judged for {THIN_DAYS} days")
        return alert if alert.thin_since else replace(alert, thin_since=now, clear_since=None)
    return alert


def _flaps(alert: Alert, now: datetime) -> int:
    since = now - timedelta(days=_FLAP_DAYS)
    return min(_FLAPS_MAX, sum(moment.state == "reopened" and moment.at >= since for moment in alert.history))


def _resolved(alert: Alert, now: datetime, note: str, *, by: str = "") -> Alert:
    moved = _moved(alert, "resolved", now, by=by, note=note)
    return replace(moved, resolved_at=now, clear_since=None, thin_since=None)


def _moved(alert: Alert, state: State, now: datetime, *, by: str = "", note: str = "") -> Alert:
    moment = Moment(number=alert.number + 1, state=state, at=now, by=by, note=note, value=alert.value)
    return replace(alert, state=state, history=(*alert.history, moment)[-HISTORY_MAX:])
