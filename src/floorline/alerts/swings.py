"""How much a figure usually moves: medians and median deviations of its own past, in integers, so that a few wild days do
not hide a change and do not make one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from floorline.alerts.figures import Span, Track
from floorline.alerts.tuning import MILLION, Setting

PAST_MIN = 7
"""Fewer earlier values than this say nothing of what is usual."""

PAST_DAYS = 28
_BEYOND_ANY_PPM = 1_100_000
"""What is unlike the past exceeds the greatest of it by a tenth."""

_MAD_PPM = 1_482_600  # × the median deviation: the standard deviation of a normal distribution


class Usual(NamedTuple):
    """The median of earlier values, and their swing around it (comparable with a standard deviation)."""

    level: int
    swing: int


def median(values: Sequence[int]) -> int:
    """The middle one, or the mean of the middle two, rounded down. Of at least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


def usual(values: Sequence[int]) -> Usual | None:
    """The level and swing of earlier values; None of too few."""
    if len(values) < PAST_MIN:
        return None
    level = median(values)
    return Usual(level, swing_of([value - level for value in values]))


def swing_of(deviations: Sequence[int]) -> int:
    """The robust spread of deviations around zero."""
    return median([abs(one) for one in deviations]) * _MAD_PPM // MILLION


def is_unlike(value: int, usual: Usual, greatest: int, by: Setting) -> bool:
    """Whether a value is an anomaly: beyond the greatest of the past by a tenth, beyond what is usual by as many swings as
    are set, and by the threshold as a share of it.
    """
    return (
        value > greatest * _BEYOND_ANY_PPM // MILLION
        and value > usual.level + usual.swing * by.swings_ppm // MILLION
        and (value - usual.level) * MILLION > usual.level * by.threshold_ppm
    )


class Profile:
    """A row's cost ÷ revenue day by day before `end`, with the pattern of the week taken out, as running sums."""

    __slots__ = ("_costs", "_revenues", "is_even")

    def __init__(self, track: Track, end: int, window: int) -> None:
        """`window` days before `end` are the judged ones: the week's pattern is that of the four weeks before them."""
        days = [track.span(day, day + 1) for day in range(end - window - PAST_DAYS, end)]
        factors = _factors(days[:PAST_DAYS]) if track.first <= end - window - PAST_DAYS else None
        self.is_even = factors is None
        """Whether no pattern of the week is known."""
        costs, revenues = [0], [0]
        for number, day in enumerate(days):
            cost = day.cost * MILLION // factors[number % 7] if factors else day.cost
            costs.append(costs[-1] + cost)
            revenues.append(revenues[-1] + day.revenue)
        self._costs, self._revenues = costs, revenues

    def ratio_ppm(self, back: int, length: int) -> int | None:
        """Cost ÷ revenue of the `length` days that end `back` days before the end; None without revenue."""
        end = len(self._costs) - 1 - back
        revenue = self._revenues[end] - self._revenues[end - length]
        return (self._costs[end] - self._costs[end - length]) * MILLION // revenue if revenue > 0 else None

    def usual(self, length: int, first: int) -> Usual | None:
        """What is usual of stretches of that length that end before the judged one; `first` of the days is the earliest."""
        backs = range(length, len(self._costs) - 1 - length - first + 1)
        ratios = [self.ratio_ppm(back, length) for back in backs]
        return usual([one for one in ratios if one is not None])


def _factors(days: Sequence[Span]) -> list[int] | None:
    """Cost ÷ revenue of each day of the week over that of all of them, in millionths; None where a day has none."""
    ratios = [day.cost_ratio_ppm for day in days]
    known = [one for one in ratios if one]
    if len(known) < len(ratios):
        return None
    by_weekday = [median(known[weekday::7]) for weekday in range(7)]
    total = sum(by_weekday)
    return [max(1, one * 7 * MILLION // total) for one in by_weekday]
