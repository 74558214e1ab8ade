"""Where a feature's margin is heading over four weeks, told apart from noise.

Over the four weekly margin ratios a line is fitted; the change it makes from the first week to the last is the trend. What
chance alone would make of it is estimated from the days: a day's ratio, less what its weekday and what its week explain, is
noise. A trend is stable unless the change exceeds ERRORS times its standard error and at least CHANGE_MIN.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from floorline import money
from floorline.margin.series import Series, Stretch
from floorline.margin.table import Key
from floorline.reviews.model import Direction
from floorline.reviews.weeks import DAYS, Week

WEEKS = 4
CALLS_MIN = 50
"""Calls that each of the four weeks must have."""

CHANGE_MIN = Decimal("0.01")
"""Less than one point in four weeks is no trend, however steady."""

ERRORS = Decimal("2.5")
"""Standard errors that a change must exceed: of a feature whose margin only scatters, one in a hundred is said to degrade."""
WEEKDAYS_MIN = 3
"""Weekdays that must have a margin in all four weeks, for the noise to be known."""


class FeatureTrend(Struct, frozen=True, kw_only=True):
    """The weekly ratios, oldest first, and their direction. `change` is that of the fitted line over the four weeks;
    `noise` is what it must exceed. `why` says why the direction is unknown.
    """

    weeks: tuple[Decimal | None, ...]
    direction: Direction
    change: Decimal | None = None
    noise: Decimal | None = None
    why: str = ""


def feature_trend(series: Series, key: Key, week: Week) -> FeatureTrend:
    """The trend of one row of a series that covers the four weeks up to `week`."""
    four = [week.before(WEEKS - 1 - n) for n in range(WEEKS)]
    stretches = [series.stretch(key, one.start, one.end) for one in four]
    ratios = tuple(_known_ratio(stretch) for stretch in stretches)
    calls = min(stretch.sums.calls for stretch in stretches)
    if calls < CALLS_MIN:
        why = f"a week has {calls} calls, fewer than {CALLS_MIN}"
        return FeatureTrend(weeks=ratios, direction="unknown", why=why)
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < WEEKS:
        return FeatureTrend(weeks=ratios, direction="unknown", why="a week has no revenue or no known cost")
    change = fitted_change(known)
    noise = _noise([_days(series, key, one) for one in four])
    if noise is None:
        return FeatureTrend(weeks=ratios, direction="unknown", change=change, why="too few days have revenue")
    threshold = max(CHANGE_MIN, money.usd(ERRORS * noise))
    direction: Direction = "degrading" if change <= -threshold else "improving" if change >= threshold else "stable"
    return FeatureTrend(weeks=ratios, direction=direction, change=change, noise=threshold)


def fitted_change(ratios: Sequence[Decimal]) -> Decimal:
    """What the least-squares line through four equally spaced values rises from the first to the last."""
    first, second, third, fourth = ratios
    return money.usd((9 * (fourth - first) + 3 * (third - second)) / 10)


def _known_ratio(stretch: Stretch) -> Decimal | None:
    """The margin ratio; None too where nothing is known of the cost: no call has a price, or there is neither call nor cost."""
    priced = stretch.sums.calls - stretch.sums.unpriced > 0
    return stretch.margin_ratio if priced or stretch.cogs_pico else None


def _days(series: Series, key: Key, week: Week) -> list[Decimal | None]:
    days = [week.start + timedelta(days=n) for n in range(DAYS)]
    return [series.stretch(key, day, day + timedelta(days=1)).margin_ratio for day in days]


def _noise(weeks: Sequence[Sequence[Decimal | None]]) -> Decimal | None:
    """The standard error of the fitted change: from what neither weekday nor week explains of the daily ratios."""
    days = [column for column in zip(*weeks, strict=True) if None not in column]
    table = [[ratio for ratio in column if ratio is not None] for column in days]
    if len(table) < WEEKDAYS_MIN:
        return None
    count = len(table)
    by_day = [sum(column, Decimal(0)) / WEEKS for column in table]
    by_week = [sum((column[n] for column in table), Decimal(0)) / count for n in range(WEEKS)]
    mean = sum(by_day, Decimal(0)) / count
    squares = sum(
        ((column[n] - by_day[at] - by_week[n] + mean) ** 2 for at, column in enumerate(table) for n in range(WEEKS)),
        Decimal(0),
    )
    variance = squares / ((WEEKS - 1) * (count - 1))  # of a day
    return (
        variance / count * 9 / 5
    ).sqrt()  # a week is the mean of its days; 9/5: three steps of a slope over Σ(x − x̄)² = 5
