"""Clients without the profiles: drawn from a small table of quantiles that were derived from the same profiles.

`quantiles.json` holds, per pool of ServeGen: the quantiles of requests per client in 14 days, each hour's share of the
day, the median cv of the gaps between requests, and for four classes of clients (quarters by mean input length) the
quantiles of input tokens, output tokens and the reasoning share. Every client counts once in its class. It was derived
by `tools/quantiles.py` and names its source.

Between two quantiles the values are interpolated on a log scale (of 1 + value).
"""

import math
import random
from bisect import bisect_left
from importlib import resources
from itertools import accumulate, pairwise

import msgspec

from floorline.sandbox.servegen import WINDOW_S, Client, Distribution, Lengths, Profile, Window

DAYS = 14
STEPS = 1_000
"""How many equally likely values a distribution drawn from quantiles has."""


class LengthQuantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles of one class of clients at the table's `points`; `reasoning` is empty where nothing reasons."""

    input_tokens: tuple[float, ...]
    output_tokens: tuple[float, ...]
    reasoning_share: tuple[float, ...] = ()


class PoolQuantiles(msgspec.Struct, frozen=True, kw_only=True):
    """What the table says of one pool; `hours` are shares of the day that sum to 1."""

    pool: str
    clients: int
    requests: tuple[float, ...]
    hours: tuple[float, ...]
    cv: float
    classes: tuple[LengthQuantiles, ...]


class QuantileTable(msgspec.Struct, frozen=True, kw_only=True):
    """The table: where it comes from, the `points` (0 to 1) of every list of quantiles, and the pools."""

    source: str
    licence: str
    derived_by: str
    points: tuple[float, ...]
    pools: tuple[PoolQuantiles, ...]


def read_table() -> QuantileTable:
    """The table that comes with Floorline."""
    text = resources.files("floorline.sandbox").joinpath("quantiles.json").read_bytes()
    return msgspec.json.decode(text, type=QuantileTable)


def table_clients(table: QuantileTable, pool: str, count: int, rng: random.Random) -> list[Client]:
    """`count` clients of `pool`: one from each of `count` equal strata of the volumes, the length classes dealt evenly."""
    (its,) = (entry for entry in table.pools if entry.pool == pool)
    lengths = [_lengths(table, entry) for entry in its.classes]
    dealt = [lengths[i % len(lengths)] for i in range(count)]
    rng.shuffle(dealt)
    return [
        Client(
            profile=_profile(its, number, quantile(table.points, its.requests, (number + rng.random()) / count)),
            lengths=(dealt[number],),
        )
        for number in range(count)
    ]


def mean_requests(table: QuantileTable, pool: str) -> float:
    """Requests of the mean client of `pool` in 14 days, as the interpolated quantiles have it."""
    (its,) = (entry for entry in table.pools if entry.pool == pool)
    return math.fsum(_values(table.points, its.requests)) / STEPS


def quantile(points: tuple[float, ...], values: tuple[float, ...], chance: float) -> float:
    """The value at `chance` of 0 to 1."""
    right = min(max(bisect_left(points, chance), 1), len(points) - 1)
    (low, high), (start, end) = values[right - 1 : right + 1], points[right - 1 : right + 1]
    share = (chance - start) / (end - start)
    return math.expm1(math.log1p(low) * (1 - share) + math.log1p(high) * share)


def _values(points: tuple[float, ...], values: tuple[float, ...]) -> list[float]:
    return [quantile(points, values, (step + 0.5) / STEPS) for step in range(STEPS)]


def _distribution(points: tuple[float, ...], values: tuple[float, ...]) -> Distribution:
    cumulative = tuple((step + 1) / STEPS for step in range(STEPS))
    return Distribution(values=tuple(_values(points, values)), cumulative=cumulative)


def _lengths(table: QuantileTable, its: LengthQuantiles) -> Lengths:
    shares = its.reasoning_share
    return Lengths(
        start_s=0,
        input=_distribution(table.points, its.input_tokens),
        output=_distribution(table.points, its.output_tokens),
        reasoning=_distribution(table.points, shares) if shares else None,
    )


def _profile(its: PoolQuantiles, number: int, requests: float) -> Profile:
    """14 equal days of the pool's hours; rounding carries over to the next window, so that the count is kept."""
    a_day = [requests / DAYS * share * WINDOW_S / 3_600 for share in its.hours for _ in range(3_600 // WINDOW_S)]
    marks = [0, *map(round, accumulate(a_day * DAYS))]
    windows = tuple(
        Window(start_s=at * WINDOW_S, requests=end - start, cv=its.cv)
        for at, (start, end) in enumerate(pairwise(marks))
        if end > start
    )
    return Profile(pool=its.pool, number=number, windows=windows, span_s=DAYS * 86_400)
