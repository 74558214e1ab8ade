"""What the calls of one feature are made of: models and steps, day by day, and how their costs are spread.

    Slice (a day's calls of one step by one model) ▸ by_model, by_step ▸ Share
    histogram of 2 % buckets a day ▸ Spread

Money inside is integers of 10^-12 USD, as everywhere in margin.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from floorline.margin.metrics import (
    NO_CALLS,
    ZERO_BUCKET,
    Sums,
    bucket_bounds,
    bucket_middle,
    bucket_percentile,
    per,
    ratio_of,
)
from floorline.money import usd_of

PERCENTILES = (50, 75, 80, 90, 95)
BARS_MAX = 40
TOP_PERCENT = 5
Key = tuple[str, ...]


class Slice(NamedTuple):
    """The calls of one day, step and model."""

    day: date
    workflow: str
    step: str
    call_type: str
    provider: str
    model: str
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one model or step has of the calls and of their cost. `models` are those that serve it, the dearest first."""

    key: Key
    sums: Sums
    of_calls: Decimal | None
    of_cost: Decimal | None
    days: Mapping[date, Sums]
    models: tuple[str, ...] = ()

    @property
    def cost(self) -> Decimal | None:
        """USD; None where no call has a price."""
        return usd_of(self.sums.effective) if self.sums.calls > self.sums.unpriced or self.sums.effective else None

    @property
    def cost_per_call(self) -> Decimal | None:
        """USD a priced call; None without one."""
        return cost_per_call(self.sums)


def cost_per_call(sums: Sums) -> Decimal | None:
    """The calls' own cost ÷ priced calls, USD; None without a priced call."""
    return per(sums.effective, max(0, sums.calls - sums.unpriced))


class Bar(NamedTuple):
    """Calls that cost from `low` to below `high`, USD."""

    low: Decimal
    high: Decimal
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How the costs of priced calls are spread, within 1 %. `free` calls cost nothing and are in no bar."""

    calls: int
    free: int
    bars: tuple[Bar, ...]
    percentiles: Mapping[int, Decimal]
    top_share: Decimal | None
    """The part of the cost that the dearest TOP_PERCENT of a hundred calls have; None where nothing costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Makeup:
    """One feature's calls: slices, and by day how many cost what (2 % bucket → priced calls)."""

    feature: str
    slices: Sequence[Slice] = ()
    buckets: Mapping[date, Mapping[int, int]] = field(default_factory=dict[date, Mapping[int, int]])

    @property
    def by_model(self) -> tuple[Share, ...]:
        """By provider and model, the dearest first."""
        return _shares(self.slices, lambda one: (one.provider, one.model))

    @property
    def by_step(self) -> tuple[Share, ...]:
        """By workflow, step and call type, the dearest first."""
        return _shares(self.slices, lambda one: (one.workflow, one.step, one.call_type))

    @property
    def days(self) -> Mapping[date, Sums]:
        """The calls of each day that has any."""
        return _by_day(self.slices)

    @property
    def p95_by_day(self) -> Mapping[date, Decimal]:
        """What 95 of a hundred priced calls of a day cost at most, USD, within 1 %."""
        found = {day: bucket_percentile(buckets, 95) for day, buckets in self.buckets.items()}
        return {day: usd_of(pico) for day, pico in sorted(found.items()) if pico is not None}

    @property
    def spread(self) -> Spread:
        """Of all days together."""
        summed: defaultdict[int, int] = defaultdict(int)
        for buckets in self.buckets.values():
            for bucket, calls in buckets.items():
                summed[bucket] += calls
        return spread({bucket: calls for bucket, calls in summed.items() if calls > 0})


def spread(buckets: Mapping[int, int]) -> Spread:
    """The spread of a histogram of 2 % buckets."""
    free = buckets.get(ZERO_BUCKET, 0)
    percentiles = {percent: bucket_percentile(buckets, percent) for percent in PERCENTILES}
    return Spread(
        calls=sum(buckets.values()),
        free=free,
        bars=_bars({bucket: calls for bucket, calls in buckets.items() if bucket != ZERO_BUCKET}),
        percentiles={percent: usd_of(pico) for percent, pico in percentiles.items() if pico is not None},
        top_share=_top_share(buckets),
    )


def _bars(buckets: Mapping[int, int]) -> tuple[Bar, ...]:
    """At most BARS_MAX bars of as many buckets each, none of which is left out within them."""
    if not buckets:
        return ()
    first, last = min(buckets), max(buckets)
    width = -(-(last - first + 1) // BARS_MAX)
    found: list[Bar] = []
    for start in range(first, last + 1, width):
        within = range(start, min(start + width, last + 1))
        calls = sum(buckets.get(bucket, 0) for bucket in within)
        found.append(Bar(bucket_bounds(within[0])[0], bucket_bounds(within[-1])[1], calls))
    return tuple(found)


def _top_share(buckets: Mapping[int, int]) -> Decimal | None:
    dear = sum(buckets.values()) * TOP_PERCENT // 100
    total = top = 0
    for bucket, calls in sorted(buckets.items(), reverse=True):
        each = bucket_middle(bucket)
        total += each * calls
        top += each * min(calls, dear)
        dear -= min(calls, dear)
    return ratio_of(top, total)


def _shares(slices: Iterable[Slice], key_of: Callable[[Slice], Key]) -> tuple[Share, ...]:
    grouped: defaultdict[Key, list[Slice]] = defaultdict(list)
    for one in slices:
        grouped[key_of(one)].append(one)
    sums = {key: _summed(some) for key, some in grouped.items()}
    calls, cost = (sum(getattr(one, name) for one in sums.values()) for name in ("calls", "effective"))
    ordered = sorted(grouped, key=lambda key: (-sums[key].effective, -sums[key].calls, key))
    return tuple(
        Share(
            key=key,
            sums=sums[key],
            of_calls=ratio_of(sums[key].calls, calls),
            of_cost=ratio_of(sums[key].effective, cost),
            days=_by_day(grouped[key]),
            models=_models(grouped[key]),
        )
        for key in ordered
    )


def _models(slices: Iterable[Slice]) -> tuple[str, ...]:
    cost: defaultdict[str, int] = defaultdict(int)
    for one in slices:
        cost[one.model] += one.sums.effective
    return tuple(sorted((model for model in cost if model), key=lambda model: (-cost[model], model)))


def _by_day(slices: Iterable[Slice]) -> dict[date, Sums]:
    found: dict[date, Sums] = {}
    for one in slices:
        found[one.day] = found.get(one.day, NO_CALLS).plus(one.sums)
    return dict(sorted(found.items()))


def _summed(slices: Iterable[Slice]) -> Sums:
    total = NO_CALLS
    for one in slices:
        total = total.plus(one.sums)
    return total
