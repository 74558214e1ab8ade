"""The periods of reviews: ISO weeks (Monday to Sunday) and calendar quarters of the reporting timezone's days."""

import re
from datetime import date, timedelta
from typing import NamedTuple

from floorline.clock import REPORTED_YEARS

_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
DAYS = 7


class Week(NamedTuple):
    """An ISO week: `year` is that of its Thursday, so that 2026-W53 ends on 3 January 2027."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04d}-W{self.number:02d}"

    @property
    def start(self) -> date:
        """Its Monday."""
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def end(self) -> date:
        """The Monday after."""
        return self.start + timedelta(days=DAYS)

    def before(self, weeks: int = 1) -> "Week":
        """The week that many weeks earlier."""
        return week_of(self.start - timedelta(days=DAYS * weeks))


class Quarter(NamedTuple):
    """A calendar quarter."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04d}-Q{self.number}"

    @property
    def start(self) -> date:
        """Its first day."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def end(self) -> date:
        """The day after its last."""
        return date(self.year + self.number // 4, 3 * self.number % 12 + 1, 1)

    @property
    def weeks(self) -> tuple[Week, ...]:
        """The 13 or 14 ISO weeks whose Thursday is in the quarter: every week is in one quarter."""
        first = week_of(self.start)
        if first.start + timedelta(days=3) < self.start:
            first = week_of(first.end)
        found = [first]
        while found[-1].end + timedelta(days=3) < self.end:
            found.append(week_of(found[-1].end))
        return tuple(found)


def week_of(day: date) -> Week:
    """The ISO week that holds `day`."""
    year, number, _ = day.isocalendar()
    return Week(year, number)


def quarter_of(day: date) -> Quarter:
    """The quarter that holds `day`."""
    return Quarter(day.year, (day.month + 2) // 3)


def parse_week(text: str) -> Week:
    """A week from `2026-W46`. ValueError when the year has no such week."""
    match = _WEEK.fullmatch(text.strip())
    if match is None or int(match[1]) not in REPORTED_YEARS:
        raise ValueError(f"{text!r} is not a week: write it as 2026-W46")
    week = Week(int(match[1]), int(match[2]))
    try:
        week_of(week.start)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a week: {error}") from error
    return week


def parse_quarter(text: str) -> Quarter:
    """A quarter from `2026-Q4`."""
    match = _QUARTER.fullmatch(text.strip())
    if match is None or int(match[1]) not in REPORTED_YEARS:
        raise ValueError(f"{text!r} is not a quarter: write it as 2026-Q4")
    return Quarter(int(match[1]), int(match[2]))
