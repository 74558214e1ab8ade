"""What reviews take from what other jobs keep: alerts, baselines and the backlog, in a review's own words."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from floorline import money
from floorline.alerts.model import FIRINGS, Alert, firings, response_to
from floorline.backlog.model import OPEN, QUARTER_DAYS, Opportunity
from floorline.backlog.realised import shipped_impact
from floorline.margin.baseline import Entry
from floorline.margin.changelog import describe
from floorline.reviews.hosting import DAYS_A_MONTH
from floorline.reviews.model import AlertLine, Upcoming
from floorline.reviews.quarter_model import ShippedLine
from floorline.reviews.upcoming import AHEAD


def alert_lines(alerts: Iterable[Alert], start: datetime, end: datetime, now: datetime) -> list[AlertLine]:
    """The alerts that fired from `start` on and before `end`, once for each time, and those that were active at `start`
    already, whatever became of them; the latest first.
    """
    found: list[AlertLine] = []
    for alert in alerts:
        moments = [*_open_at(alert, start), *(moment.at for moment in firings(alert, start, end))]
        found += [_line(alert, at, now) for at in moments]
    return sorted(found, key=lambda line: (line.opened, line.id), reverse=True)


def _open_at(alert: Alert, start: datetime) -> list[datetime]:
    """When it fired last before `start`, if it was not resolved by then."""
    before = [moment for moment in alert.history if moment.at < start]
    if not before or before[-1].state == "resolved":
        return []
    return [moment.at for moment in before if moment.state in FIRINGS][-1:]


def _line(alert: Alert, fired_at: datetime, now: datetime) -> AlertLine:
    answered = response_to(alert, fired_at)
    resolved = _resolved_after(alert, fired_at)
    latest = fired_at == alert.fired_at
    is_waiting = latest and alert.active and alert.response_time is None
    return AlertLine(
        id=alert.id,
        rule=alert.rule,
        subject=alert.subject or "the company",
        state=alert.state if latest else "resolved",
        opened=fired_at,
        minutes_to_acknowledge=None if answered is None else _minutes(answered),
        minutes_to_resolve=None if resolved is None else _minutes(resolved - fired_at),
        usd_a_month=alert.at_stake_usd,
        driver=alert.driver_text,
        lever=alert.lever,
        owner=alert.answerable,
        by=alert.deadline,
        overdue=is_waiting and alert.deadline is not None and alert.deadline < now,
    )


def _resolved_after(alert: Alert, fired_at: datetime) -> datetime | None:
    later = [moment for moment in alert.history if moment.at >= fired_at and moment.state == "resolved"]
    return later[0].at if later else None


def _minutes(span: timedelta) -> int:
    return int(span / timedelta(minutes=1))


def announced(
    log: Iterable[Entry], end: date, forecast: Callable[[str, tuple[str, str], date], Decimal | None]
) -> list[Upcoming]:
    """The declared baselines that begin from `end` on and within AHEAD of it; `forecast` says what another model of a feature
    does to the margin a month.
    """
    return [
        Upcoming(
            kind="baseline",
            on=entry.start,
            subject=entry.place.feature,
            what=describe(entry),
            usd_a_month=_forecast(entry, forecast),
        )
        for entry in log
        if entry.declared and end <= entry.start < end + AHEAD
    ]


def _forecast(entry: Entry, forecast: Callable[[str, tuple[str, str], date], Decimal | None]) -> Decimal | None:
    """None where no other model is declared, or for a part of the feature of which the model before is not known."""
    before = entry.before.model if entry.before is not None else ""
    if not entry.values.model or not (before or entry.place.open):
        return None
    return forecast(entry.place.feature, (before, entry.values.model), entry.start)


def planned(items: Iterable[Opportunity], end: date) -> list[Upcoming]:
    """The accepted items of the backlog that are to be shipped within AHEAD of `end`, or whose deadline is past; those
    without a deadline too.
    """
    return [
        Upcoming(
            kind="backlog",
            on=item.deadline,
            subject=item.subject,
            what=f"{item.title} ({item.state})",
            usd_a_month=money.multiply(item.dollars_a_quarter, DAYS_A_MONTH, QUARTER_DAYS),
        )
        for item in items
        if item.state in OPEN and item.state != "proposed" and (item.deadline is None or item.deadline < end + AHEAD)
    ]


def shipped(items: Iterable[Opportunity], start: date, end: date) -> list[ShippedLine]:
    """The shipped items of the backlog, and what each brought from `start` to the day before `end`."""
    found: list[ShippedLine] = []
    for impact in shipped_impact(items, start, end).items:
        item = impact.item
        assert item.shipped_on is not None, "what is shipped has its day"
        found.append(
            ShippedLine(
                id=item.id,
                what=item.title,
                shipped=item.shipped_on,
                promised=item.promised,
                realised=None if item.realised is None else item.realised.dollars_a_quarter,
                in_quarter=impact.realised,
            )
        )
    return found
