"""Recognition: an amount that pays for a period is earned day by day, and its days sum to it exactly.

Amounts are integers of 10^-12 USD (as the store keeps them), days `date.toordinal()`.

The first k of a line's n days have earned amount × k ÷ n, rounded half-even; a window earns the difference of two such
figures. So windows that meet add up to the line, whatever they are, and any window costs two divisions.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from floorline.clock import month_start, next_month


def share_of(amount: int, part: int, whole: int) -> int:
    """Amount × part ÷ whole, rounded half-even; `whole` is positive."""
    quotient, remainder = divmod(amount * part, whole)
    twice = 2 * remainder
    return quotient + (twice > whole or (twice == whole and quotient % 2 == 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The days asked for, `start` to the day before `end`, and the calendar months that they touch.

    Amounts of a month are divided by the usage of that whole month, so what a window needs reaches from `reach_start`
    to `reach_end`: the whole months around it.
    """

    start: int
    end: int

    @property
    def reach_start(self) -> int:
        """The first day of the month in which the window starts."""
        return month_of(self.start)

    @property
    def reach_end(self) -> int:
        """The first day of the month after the one in which the window ends."""
        return month_after(self.end - 1)

    @property
    def months(self) -> list[int]:
        """The first day of every month the window touches."""
        found = [self.reach_start]
        while (following := month_after(found[-1])) < self.end:
            found.append(following)
        return found

    def cuts(self, boundaries: Sequence[int]) -> list[int]:
        """Where an amount must be cut: `boundaries`, the months and the window itself, ascending."""
        inner = {day for day in (*boundaries, *self.months, self.start) if self.reach_start < day < self.end}
        return [self.reach_start, *sorted(inner), self.end]


def any_meets(periods: Iterable[tuple[int, int]], first: int, last: int) -> bool:
    """Whether any period, each of one day at least, has a day from `first` to the one before `last`."""
    return any(start < last and max(end, start + 1) > first for start, end in periods)


def month_of(day: int) -> int:
    """The first day of the calendar month that holds `day`."""
    return month_start(date.fromordinal(day)).toordinal()


def month_after(day: int) -> int:
    """The first day of the calendar month after the one that holds `day`."""
    return next_month(date.fromordinal(day)).toordinal()


def pieces(amount: int, period: tuple[int, int], cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(cut, amount) of every stretch from one of `cuts` to the next in which `amount`, paid for `period`, earns something.

    A period without a day (a one-off) earns everything on its first day.
    """
    start, end = period
    days = max(1, end - start)
    end = start + days
    if start >= cuts[-1] or end <= cuts[0]:
        return
    first = max(0, bisect_right(cuts, start) - 1)
    last = bisect_left(cuts, end, first) if end < cuts[-1] else len(cuts) - 1
    done = share_of(amount, cuts[first] - start, days) if cuts[first] > start else 0
    for index in range(first, last):
        reached = share_of(amount, min(cuts[index + 1], end) - start, days)
        if reached != done:
            yield cuts[index], reached - done
        done = reached
