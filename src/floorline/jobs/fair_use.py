"""Who costs many times their usual day, found in the ledger and handed to the alerts, once a subject and day."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from importlib import resources
from typing import TypeVar

import msgspec

from floorline.alerts.events import GuardEvent
from floorline.alerts.fair_use import Habit, Pattern, Share, Suspect, Who, event, unfair
from floorline.alerts.figures import MONTH_DAYS
from floorline.alerts.tuning import MILLION, Setting
from floorline.clock import day_of, timezone
from floorline.jobs.guard_events import keep
from floorline.ledger.surface import AnyLedger
from floorline.query import Parameter, Query

Row = TypeVar("Row")
_SQL = resources.files("floorline.jobs").joinpath("sql")


class HabitRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of fair_use_habits.sql."""

    scope: Who
    customer: str
    user: str
    calls: int
    cost: int
    days: Sequence[int]


class PatternRow(msgspec.Struct, frozen=True, kw_only=True):
    """The row of fair_use_pattern.sql."""

    hours: int
    busiest_minute: int
    calls: int
    gap_low_ms: int
    gap_high_ms: int
    feature: str
    key: str
    user: str
    today: int
    before: int
    feature_today: int
    feature_before: int
    key_today: int
    key_before: int
    user_today: int
    user_before: int


def look(ledger: AnyLedger, by: Setting, now: datetime) -> list[GuardEvent]:
    """Judge today so far against the `window_days` before, and hand what is new to the alerts: the events of today."""
    if not by.enabled:
        return []
    local = now.astimezone(timezone(ledger.timezone))
    today = day_of(now, timezone(ledger.timezone))
    events = [
        event(suspect, _pattern(ledger, suspect, today, by), today, local, by)
        for suspect in unfair(_habits(ledger, today, by), by)
    ]
    for one in events:
        keep(ledger.state, one, now)
    return events


def run(ledger: AnyLedger, by: Setting, now: datetime) -> str:
    """One look as a job says it."""
    return f"{len(look(ledger, by, now))} far beyond their usual day"


def _habits(ledger: AnyLedger, today: date, by: Setting) -> list[Habit]:
    asked = _query(
        "fair_use_habits", HabitRow, start=_start(today, by), today=today, calls=by.calls_min,
        least=max(1, by.stake_min_pico // MONTH_DAYS),
    )  # fmt: skip
    return [
        Habit(row.scope, row.customer, row.user, row.calls, row.cost, row.days) for row in ledger.query(asked)
    ]  # fmt: skip


def _pattern(ledger: AnyLedger, suspect: Suspect, today: date, by: Setting) -> Pattern:
    habit = suspect.habit
    asked = _query(
        "fair_use_pattern", PatternRow, start=_start(today, by), today=today, timezone=ledger.timezone,
        customer=habit.customer, user=habit.user,
    )  # fmt: skip
    (row,) = ledger.query(asked)

    def share(name: str, of_day: int, of_before: int) -> Share:
        return Share(name, _ppm(of_day, row.today), _ppm(of_before, row.before))

    return Pattern(
        hours=row.hours,
        busiest_minute=row.busiest_minute,
        calls=row.calls,
        gap_low_ms=row.gap_low_ms,
        gap_high_ms=row.gap_high_ms,
        feature=share(row.feature, row.feature_today, row.feature_before),
        key=share(row.key, row.key_today, row.key_before),
        user=share(row.user, row.user_today, row.user_before),
    )


def _ppm(part: int, whole: int) -> int:
    return part * MILLION // whole if whole > 0 else 0


def _start(today: date, by: Setting) -> date:
    return today - timedelta(days=by.window_days)


def _query(name: str, row: type[Row], **parameters: Parameter) -> Query[Row]:
    return Query(sql=_SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8"), row=row, parameters=parameters)
