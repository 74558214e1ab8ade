"""Sums over the demo's raw rows, by another road than the product's: the demo's own price list, plain Decimal, no ledger.

What the screens say is checked against these figures. Nothing here is rounded: list prices are whole cents per million
tokens, bills are whole dollars, and the demo's prices divide into days without a remainder.
"""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from floorline.sandbox.activity import Activity
from floorline.sandbox.company import MODELS, RESOLVED, RESOLVED_USD


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSums:
    """USD and counts over every row of the demo's 14 days. `calls_usd` is by feature, `steps_usd` by feature, step and
    model; the maps leave nothing out.
    """

    calls: dict[str, int]
    tokens: int
    calls_usd: dict[str, Decimal]
    steps_usd: dict[tuple[str, str, str], Decimal]
    bills_usd: Decimal
    invoiced_usd: Decimal
    resolved: int

    @property
    def revenue_usd(self) -> Decimal:
        """Invoices of these days and resolved tickets at their price."""
        return self.invoiced_usd + self.resolved * RESOLVED_USD

    @property
    def cogs_usd(self) -> Decimal:
        """Every call and every bill of these days."""
        return sum(self.calls_usd.values(), Decimal(0)) + self.bills_usd


def sum_rows(activity: Activity) -> RawSums:
    """The raw sums of `activity`."""
    used: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in activity.usage:
        sums = used[row.feature, row.step, row.model]
        sums[0] += 1
        sums[1] += row.input_tokens
        sums[2] += row.output_tokens
        sums[3] += row.rerank_searches
    calls: defaultdict[str, int] = defaultdict(int)
    calls_usd: defaultdict[str, Decimal] = defaultdict(Decimal)
    steps_usd: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for (feature, step, model), (count, inputs, outputs, searches) in used.items():
        cost = MODELS[model].cost(inputs, outputs, searches)
        calls[feature] += count
        calls_usd[feature] += cost
        steps_usd[feature, step, model] += cost
    return RawSums(
        calls=dict(calls),
        tokens=sum(inputs + outputs for _, inputs, outputs, _ in used.values()),
        calls_usd=dict(calls_usd),
        steps_usd=dict(steps_usd),
        bills_usd=sum((row.in_window for row in activity.costs), Decimal(0)),
        invoiced_usd=sum((row.in_window for row in activity.revenue), Decimal(0)),
        resolved=_resolved(activity),
    )


def _resolved(activity: Activity) -> int:
    """Tickets whose last word is that they are resolved; rows come in the order they were recorded."""
    last = {row.outcome_id: row.status for row in activity.outcomes if row.plan == RESOLVED}
    return sum(1 for status in last.values() if status == "success")
