"""Instants and days. Every instant is aware UTC; a day is a calendar day of the reporting timezone.

Nothing here reads the clock: `now` is an argument everywhere below the shell.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

REPORTED_YEARS = range(1970, 3000)
"""The years of which reports can be asked."""


def parse_instant(value: str | int | datetime) -> datetime:
    """An aware UTC instant from ISO 8601 text, epoch seconds, milliseconds or microseconds, or a datetime.

    Text without an offset is UTC. ValueError says what was wrong.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, int):
        return _from_epoch(value)
    cleaned = value.strip()
    if cleaned.isdigit() and len(cleaned) >= 9:
        return _from_epoch(int(cleaned))
    try:
        return parse_instant(datetime.fromisoformat(cleaned))
    except ValueError as error:
        raise ValueError(f"{value!r} is not a time: write it as 2026-01-31T12:00:00Z") from error


def _from_epoch(value: int) -> datetime:
    for limit, unit in ((10**11, 1), (10**14, 1_000), (10**17, 1_000_000)):
        if 0 <= value < limit:
            return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=value * (1_000_000 // unit))
    raise ValueError(f"{value} is not an epoch time in seconds, milliseconds or microseconds")


def parse_day(value: str) -> date:
    """A calendar day from `2026-01-31` (or the day part of ISO 8601 text)."""
    try:
        return date.fromisoformat(value.strip()[:10])
    except ValueError as error:
        raise ValueError(f"{value!r} is not a day: write it as 2026-01-31") from error


def reported_day(value: str) -> date:
    """A calendar day that a report can be asked for: of REPORTED_YEARS, so that the days around it exist."""
    day = parse_day(value)
    if day.year not in REPORTED_YEARS:
        raise ValueError(f"{value!r} is not a day of the years {REPORTED_YEARS[0]} to {REPORTED_YEARS[-1]}")
    return day


def timezone(name: str) -> ZoneInfo:
    """The IANA timezone `name`; ValueError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not an IANA timezone: write it as Europe/Berlin or UTC") from error


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day of `instant` in `zone`."""
    return instant.astimezone(zone).date()


def days(start: date, end: date) -> list[date]:
    """Every day from `start` to the day before `end`."""
    return [start + timedelta(days=n) for n in range((end - start).days)]


def month_start(day: date) -> date:
    """The first day of the calendar month that holds `day`."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the calendar month after the one that holds `day`."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
