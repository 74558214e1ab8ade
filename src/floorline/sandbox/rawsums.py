"""Sums over the demo's raw rows, by another road than the product's: the demo's own price list, plain Decimal, no ledger.

What the screens say is checked against these figures. Nothing here is rounded: list prices are whole cents per million
tokens, bills are whole dollars, and the demo's prices divide into days without a remainder.
"""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from floorline.sandbox.calendar import Calendar
from floorline.sandbox.company import RESOLVED, RESOLVED_USD
from floorline.sandbox.rows import Activity, Money
from floorline.sandbox.story import cost_of


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


def sum_rows(activity: Activity, money: Money, calendar: Calendar) -> RawSums:
    """The raw sums of the rows of the days that the screens tell of."""
    calls: defaultdict[str, int] = defaultdict(int)
    calls_usd: defaultdict[str, Decimal] = defaultdict(Decimal)
    steps_usd: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    tokens = 0
    for row in activity.usage:
        calls[row.feature] += 1
        tokens += 0 if row.cache_hit else row.input_tokens + row.output_tokens
        cost = cost_of(row)
        calls_usd[row.feature] += cost
        steps_usd[row.feature, row.step, row.served] += cost
    return RawSums(
        calls=dict(calls),
        tokens=tokens,
        calls_usd=dict(calls_usd),
        steps_usd=dict(steps_usd),
        bills_usd=sum((row.within(calendar.start, calendar.until) for row in money.costs), Decimal(0)),
        invoiced_usd=sum((row.within(calendar.start, calendar.until) for row in money.revenue), Decimal(0)),
        resolved=_resolved(activity),
    )


def _resolved(activity: Activity) -> int:
    """Tickets whose last word is that they are resolved; rows come in the order they were recorded."""
    last = {row.outcome_id: row.status for row in activity.outcomes if row.plan == RESOLVED}
    return sum(1 for status in last.values() if status == "success")
