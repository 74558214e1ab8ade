"""Which plans are candidates for another price, from 90 days of what their customers pay and cost."""

from collections.abc import Sequence
from decimal import Decimal

from floorline import money
from floorline.margin.metrics import Figures, ratio_of
from floorline.margin.table import NAMELESS
from floorline.margin.words import percent
from floorline.money import usd_of
from floorline.reviews.quarter_model import PlanLine

DAYS = 90
CUSTOMERS_MIN = 10
"""Paying customers below which a percentile of them says nothing."""

P90_MARGIN = Decimal("0.65")
"""The margin that the customer at the 90th percentile of cost should leave."""


def plans(rows: Sequence[Figures], target: Decimal) -> tuple[PlanLine, ...]:
    """The plans of rows by (plan, customer), those whose price should rise first, then by margin."""
    by_plan: dict[str, list[Figures]] = {}
    for row in rows:
        if row.key[0] not in NAMELESS:
            by_plan.setdefault(row.key[0], []).append(row)
    found = [_plan(name, customers, target) for name, customers in by_plan.items()]
    return tuple(sorted(found, key=lambda line: (line.rise is None, line.revenue - line.cost, line.plan)))


def _plan(name: str, rows: Sequence[Figures], target: Decimal) -> PlanLine:
    revenue, cost = sum(row.revenue_pico for row in rows), sum(row.cogs_pico for row in rows)
    paying = [row for row in rows if row.revenue_pico > 0]
    known = any(row.cost_known for row in rows) and revenue > 0
    ratio = ratio_of(revenue - cost, revenue) if known else None
    p90 = _p90(paying) if known else None
    needed = [
        (rise, why)
        for rise, why in (
            (_rise(ratio, target), f"margin {percent(ratio)}, target {percent(target, 0)}"),
            (_rise(p90, P90_MARGIN), f"{percent(p90)} at the P90 customer, {percent(P90_MARGIN, 0)} wanted"),
        )
        if rise is not None
    ]
    return PlanLine(
        plan=name,
        revenue=usd_of(revenue),
        cost=usd_of(cost),
        ratio=ratio,
        customers=len(paying),
        under_water=sum(row.cogs_pico > row.revenue_pico for row in paying),
        p90_ratio=p90,
        rise=max((rise for rise, _ in needed), default=None),
        why="; ".join(why for _, why in needed),
    )


def _p90(paying: Sequence[Figures]) -> Decimal | None:
    """The margin at the nearest rank of 90 % by cost ÷ revenue; None below CUSTOMERS_MIN."""
    if len(paying) < CUSTOMERS_MIN:
        return None
    ratios = sorted((row.margin_ratio for row in paying if row.margin_ratio is not None), reverse=True)
    return ratios[-(-9 * len(ratios) // 10) - 1]


def _rise(ratio: Decimal | None, wanted: Decimal) -> Decimal | None:
    """How much more must be paid for the same cost to leave the margin that is wanted; None where it does."""
    if ratio is None or ratio >= wanted or wanted >= 1:
        return None
    more = money.ratio(1 - ratio, 1 - wanted)
    assert more is not None
    return more - 1
