"""How much customers use: the spread of their tokens, the bands that they fall into, and how few make up how much of the cost.

Percentiles are nearest ranks: each is the use of one of the customers, none is between two.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from floorline.margin.metrics import nearest_rank, ratio_of

BAND_PERCENTS = (50, 80, 95)
"""Where one band ends and the next begins, in percent of the customers that used anything."""

IDLE, UNNAMED = "idle", "(no customer)"
BAND_NAMES = ("light", "medium", "heavy", "intensive")
"""Up to P50, up to P80, up to P95, and above it."""

SPREAD_PERCENTS = (50, 75, 80, 90)
TOP_PERCENTS = (1, 5, 10, 20)
SAMPLE_MIN = 20
"""Percentiles of fewer customers are those of a thin sample."""

_STEPS = (1, 2, 5)


class Mark(NamedTuple):
    """The use at a percentile."""

    percent: int
    tokens: int


class Bands(NamedTuple):
    """The use at the end of each band but the last, ascending; none where nobody used anything."""

    ends: tuple[int, ...]
    of: int

    def band(self, tokens: int) -> str:
        """The one band of a customer that used so many tokens: what equals an end is below it."""
        return BAND_NAMES[bisect_left(self.ends, tokens)] if tokens > 0 else IDLE


class Bin(NamedTuple):
    """How many (`holds`) use at least `low` and less than `high` tokens."""

    low: int
    high: int
    holds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """The dearest `percent` (rounded up) of those that cost anything: how many they are, and their cost, 10^-12 USD."""

    percent: int
    count: int
    of: int
    cost_pico: int
    share: Decimal | None


def bands_of(tokens: Iterable[int]) -> Bands:
    """The bands that customers who used so many tokens make."""
    used = sorted(one for one in tokens if one > 0)
    return Bands(tuple(nearest_rank(used, percent) for percent in BAND_PERCENTS) if used else (), len(used))


def marks_of(tokens: Iterable[int], percents: Sequence[int] = SPREAD_PERCENTS) -> list[Mark]:
    """The use at each percentile of those that used anything; none where nobody did."""
    used = sorted(one for one in tokens if one > 0)
    return [Mark(percent, nearest_rank(used, percent)) for percent in percents] if used else []


def bins_of(tokens: Iterable[int]) -> list[Bin]:
    """Those that used anything by bins that end at 1, 2 and 5 times powers of ten: every one between the first and the last,
    empty ones too.
    """
    used = sorted(one for one in tokens if one > 0)
    if not used:
        return []
    edges = [1]
    while edges[-1] <= used[-1]:
        edges.append(_STEPS[len(edges) % 3] * 10 ** (len(edges) // 3))
    below = [bisect_left(used, edge) for edge in edges]
    found = [Bin(edges[at], edges[at + 1], below[at + 1] - below[at]) for at in range(len(edges) - 1)]
    return found[next(at for at, one in enumerate(found) if one.holds) :]


def top_of(costs_pico: Iterable[int], percent: int) -> Top:
    """The dearest `percent` of those that cost anything."""
    costs = sorted((one for one in costs_pico if one > 0), reverse=True)
    count = -(-len(costs) * percent // 100)
    dearest = sum(costs[:count])
    return Top(percent=percent, count=count, of=len(costs), cost_pico=dearest, share=ratio_of(dearest, sum(costs)))
