"""The windows in which budgets count: hours, days, weeks and calendar months of a place, with a billing anchor day.

Every boundary is a local midnight, or whole hours after one: a day of a change of clocks has 23 or 25 hours and a month its own
length. A month that is anchored beyond its last day begins on its last day. Each instant is in exactly one window.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

Unit = Literal["hour", "day", "week", "month"]
_HOUR = timedelta(hours=1)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One window: from `start` to just before `end`, both aware UTC. `name` is what people call it: `2026-11`, `2026-11-03`."""

    start: datetime
    end: datetime
    name: str


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """How time is cut. `anchor_day`: the day of the month (1 to 31) or of the week (1 is Monday) on which one begins."""

    unit: Unit = "month"
    timezone: str = "UTC"
    anchor_day: int = 1

    def at(self, instant: datetime) -> Span:
        """The window that holds `instant` (aware UTC)."""
        zone = ZoneInfo(self.timezone)
        day = instant.astimezone(zone).date()
        if self.unit == "hour":
            return _hour(day, instant, zone)
        if self.unit == "day":
            return _span(day, day + timedelta(days=1), zone, f"{day}")
        if self.unit == "week":
            first = day - timedelta(days=(day.isoweekday() - self.anchor_day) % 7)
            return _span(first, first + timedelta(days=7), zone, f"{first}")
        return self._month(day, zone)

    def _month(self, day: date, zone: ZoneInfo) -> Span:
        first = _anchored(day.year, day.month, self.anchor_day)
        if day < first:
            first = _anchored(*_shifted(first, -1), self.anchor_day)
        end = _anchored(*_shifted(first, 1), self.anchor_day)
        return _span(first, end, zone, f"{first:%Y-%m}" if self.anchor_day == 1 else f"{first}")


def _anchored(year: int, month: int, anchor_day: int) -> date:
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))


def _shifted(day: date, months: int) -> tuple[int, int]:
    number = day.year * 12 + day.month - 1 + months
    return number // 12, number % 12 + 1


def _span(first: date, end: date, zone: ZoneInfo, name: str) -> Span:
    return Span(start=_midnight(first, zone), end=_midnight(end, zone), name=name)


def _hour(day: date, instant: datetime, zone: ZoneInfo) -> Span:
    """Hours are counted from midnight; where clocks move by half an hour the day's last one is short."""
    midnight = _midnight(day, zone)
    passed = (instant - midnight) // _HOUR
    start = midnight + passed * _HOUR
    end = min(start + _HOUR, _midnight(day + timedelta(days=1), zone))
    return Span(start=start, end=end, name=f"{day}T{passed:02}")


@lru_cache(maxsize=1024)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` begins in `zone`: where clocks skip midnight, the one at which they do."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
