"""Weeks of days, and the mean of the last four: a ratio of sums, never a mean of ratios."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from floorline.margin.series import NOTHING, Stretch
from floorline.margin.table import Key

TRAILING_WEEKS = 4
_WEEK = timedelta(days=7)


class WeekMargin(NamedTuple):
    """One whole week of one row, and it with the three before; `trailing` is None until there are four."""

    start: date
    week: Stretch
    trailing: Stretch | None

    @property
    def ratio(self) -> Decimal | None:
        """The week's margin; None without revenue, or where nothing of its cost is known."""
        return _ratio(self.week)

    @property
    def trailing_ratio(self) -> Decimal | None:
        """The margin of the four weeks together; None where these are not there, brought nothing in, or have no known cost."""
        return None if self.trailing is None else _ratio(self.trailing)


def whole_weeks(start: date, end: date) -> list[tuple[date, date]]:
    """The whole weeks, Monday to Sunday, from `start` to the day before `end`; the second day is the Monday after."""
    first = start + timedelta(days=-start.weekday() % 7)
    return [(first + _WEEK * n, first + _WEEK * (n + 1)) for n in range(max(0, (end - first).days // 7))]


def trailing(weeks: Sequence[Stretch], starts: Sequence[date]) -> list[WeekMargin]:
    """Each week with the mean of the last four: of those from the first one on that has anything."""
    first = next((number for number, week in enumerate(weeks) if week != NOTHING), len(weeks))
    found: list[WeekMargin] = []
    for number, (start, week) in enumerate(zip(starts, weeks, strict=True)):
        last = weeks[max(first, number + 1 - TRAILING_WEEKS) : number + 1]
        found.append(WeekMargin(start, week, summed(last) if len(last) == TRAILING_WEEKS else None))
    return found


def by_group(rows: Mapping[Key, Sequence[Stretch]], group: Callable[[Key], str]) -> Mapping[str, list[Stretch]]:
    """The weeks of every group of rows, in the order of their names; together they are what the rows are."""
    found: dict[str, list[Stretch]] = {}
    for key, weeks in rows.items():
        known = found.get(group(key))
        found[group(key)] = (
            list(weeks) if known is None else [one.plus(week) for one, week in zip(known, weeks, strict=True)]
        )
    return dict(sorted(found.items()))


def summed(stretches: Iterable[Stretch]) -> Stretch:
    """All of them together."""
    total = NOTHING
    for one in stretches:
        total = total.plus(one)
    return total


def _ratio(of: Stretch) -> Decimal | None:
    known = of.cogs_pico or of.sums.calls == 0 or of.sums.calls > of.sums.unpriced
    return of.margin_ratio if known else None
