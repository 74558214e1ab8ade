"""Which workloads are worth hosting: large enough, and even enough to keep GPUs busy."""

from collections.abc import Sequence
from decimal import Decimal

from floorline import money
from floorline.margin.metrics import nearest_rank_95, ratio_of
from floorline.money import usd_of
from floorline.reviews.quarter_model import HostingLine
from floorline.reviews.queries import Hours, Workload

USD_A_MONTH_MIN = Decimal(10_000)
"""A workload that costs less is not worth modelling; from USD 25,000 a month on it nearly always is."""

BUSY_MIN = Decimal("0.60")
OVERHEAD = Decimal("0.30")
"""Operations beside the GPUs, as a share of these."""

DAYS_A_MONTH = Decimal(365) / 12


def hosting(
    workloads: Sequence[Workload], hourly: Sequence[Hours], *, days: int, hours: int
) -> tuple[HostingLine, ...]:
    """The workloads of at least USD_A_MONTH_MIN, dearest first. `hourly` are the tokens of the hours that had calls, of
    `hours` in all.
    """
    load = {(one.feature, one.model): _busy(one.tokens, hours) for one in hourly}
    lines = [_line(one, load.get((one.feature, one.model)), days) for one in workloads]
    large = [line for line in lines if line.usd_a_month >= USD_A_MONTH_MIN]
    return tuple(sorted(large, key=lambda line: (-line.usd_a_month, line.feature, line.model)))


def _line(one: Workload, busy: Decimal | None, days: int) -> HostingLine:
    a_month = money.multiply(usd_of(one.cost), DAYS_A_MONTH, days)
    return HostingLine(
        feature=one.feature,
        provider=one.provider,
        model=one.model,
        usd_a_month=a_month,
        gpu_usd_a_month_max=money.usd(a_month / (1 + OVERHEAD)),
        busy=busy,
        verdict="unknown load" if busy is None else "candidate" if busy > BUSY_MIN else "too uneven",
    )


def _busy(tokens: Sequence[int], hours: int) -> Decimal | None:
    """Mean ÷ 95th percentile of the tokens of an hour, those without a call included; at most 1."""
    every = [*tokens, *[0] * (hours - len(tokens))]
    peak = nearest_rank_95(every)
    found = ratio_of(sum(every), len(every) * peak) if peak else None
    return None if found is None else min(found, Decimal(1))
