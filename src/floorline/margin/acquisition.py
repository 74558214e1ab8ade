"""What free users cost, and what they must bring: dollars a month, conversions, and the conversions that pay them back.

A plan is free when nobody pays for it in the window. Its cost is what is spent to win customers; a conversion is a customer that
called on it, pays now, and did not pay before. Money is integers of 10^-12 USD.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from floorline.guardrails.budget import Budget
from floorline.margin.metrics import Figures, cogs_of, ratio_of
from floorline.margin.report import Json, money_or_null, text_of
from floorline.margin.table import NAMELESS
from floorline.margin.words import cents, counted
from floorline.money import usd_of

MONTH_DAYS = 30
PAYBACK_MONTHS = 12


class Seat(NamedTuple):
    """One customer on one plan in the window."""

    customer: str
    plan: str
    calls: int
    revenue: int
    cogs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """One free plan over `days` days. `conversions` are of its `customers`; `margin_per_customer` is what a paying customer of
    any plan leaves a month, None where nobody pays; `limit` is its acquisition budget a month, None without one.
    """

    plan: str
    days: int
    customers: int
    calls: int
    cost: int
    conversions: int
    margin_per_customer: int | None
    payback_months: int
    limit: int | None = None

    @property
    def cost_a_month(self) -> int:
        """What the plan costs in 30 days."""
        return self.cost * MONTH_DAYS // self.days

    @property
    def conversion_ratio(self) -> Decimal | None:
        """Conversions ÷ customers of the plan; None without one."""
        return ratio_of(self.conversions, self.customers) if self.customers else None

    @property
    def needed(self) -> int | None:
        """Conversions in the window whose margin of `payback_months` months makes up for the plan's cost in it; None: no number
        does, because a paying customer leaves nothing.
        """
        if not self.margin_per_customer or self.margin_per_customer <= 0:
            return None
        return -(-self.cost // (self.margin_per_customer * self.payback_months))

    @property
    def pays_back(self) -> bool:
        """Whether there were conversions enough."""
        return self.needed is not None and self.conversions >= self.needed

    @property
    def used_ratio(self) -> Decimal | None:
        """Cost a month ÷ budget; None without one."""
        return ratio_of(self.cost_a_month, self.limit) if self.limit else None


def seats_of(rows: Sequence[Figures]) -> list[Seat]:
    """The customers of a table by customer and plan."""
    return [
        Seat(row.key[0], row.key[1], row.sums.calls, row.revenue_pico, cogs)
        for row, cogs in zip(rows, cogs_of(rows), strict=True)
    ]


def acquisitions(
    seats: Iterable[Seat],
    days: int,
    *,
    paid_before: Callable[[], frozenset[str]],
    limits: Mapping[str, int],
    payback_months: int = PAYBACK_MONTHS,
) -> tuple[Acquisition, ...]:
    """The free plans, the dearest first. `paid_before` tells who paid in the window before, and is asked where anybody who pays
    calls on a free plan; `limits` are budgets a month by plan.
    """
    assert days > 0, "a window has a day"
    by_plan: defaultdict[str, list[Seat]] = defaultdict(list)
    paid: defaultdict[str, int] = defaultdict(int)
    left: defaultdict[str, int] = defaultdict(int)
    for seat in seats:
        customer, plan, _, revenue, cogs = seat
        if customer and customer not in NAMELESS:
            by_plan[plan].append(seat)
            paid[customer] += revenue
            left[customer] += revenue - cogs
    paying = [customer for customer, revenue in paid.items() if revenue > 0]
    margin = sum(left[customer] for customer in paying) * MONTH_DAYS // (len(paying) * days) if paying else None
    found: list[Acquisition] = []
    for plan, members in by_plan.items():
        if plan in NAMELESS or any(revenue > 0 for _, _, _, revenue, _ in members):
            continue
        callers = {seat.customer for seat in members if seat.calls}
        if not callers:
            continue
        pay_now = {customer for customer in callers if paid[customer] > 0}
        found.append(
            Acquisition(
                plan=plan,
                days=days,
                customers=len(callers),
                calls=sum(seat.calls for seat in members),
                cost=sum(seat.cogs for seat in members),
                conversions=len(pay_now - paid_before()) if pay_now else 0,
                margin_per_customer=margin,
                payback_months=payback_months,
                limit=limits.get(plan),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.cost, one.plan)))


def monthly_limits(budgets: Iterable[Budget]) -> dict[str, int]:
    """What may be spent a month on each plan, by the acquisition budgets in dollars that are of plans alone. One of several plans
    counts for each of them, and of two for one plan the smaller.
    """
    limits: dict[str, int] = {}
    for budget in budgets:
        plans = [name for part in budget.scope for name in part.names if part.dimension == "plan"]
        if budget.acquisition and budget.unit == "usd" and budget.window.unit == "month" and len(budget.scope) == 1:
            for plan in plans:
                limits[plan] = min(budget.limit_quanta, limits.get(plan, budget.limit_quanta))
    return limits


def shortfall(one: Acquisition) -> str:
    """Why a plan does not pay back, and what would help, in a sentence."""
    spent = f"{one.plan} cost {cents(usd_of(one.cost))} in {counted(one.days, 'day')}"
    if one.margin_per_customer is None:
        return f"{spent}, and nobody pays for any plan: there is no margin that could pay it back."
    each = f"{cents(usd_of(one.margin_per_customer))} a month"
    if one.needed is None:
        return f"{spent}, and a paying customer leaves {each}: no conversion pays it back. Mend the paid plans' margin first."
    return (
        f"{spent}: at {each} of margin from a paying customer it takes {counted(one.needed, 'conversion')} to pay that back in "
        f"{counted(one.payback_months, 'month')}, and there were {one.conversions:,}. Cap the plan, serve it by a cheaper model, or convert more."
    )


def acquisition_document(found: Sequence[Acquisition], start: date, end: date) -> Json:
    """Every free plan as JSON; `to` is exclusive, money is text of 12 places, null is unknown."""
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "currency": "USD",
        "plans": [
            {
                "plan": one.plan,
                "customers": one.customers,
                "calls": one.calls,
                "cost": text_of(one.cost),
                "cost_a_month": text_of(one.cost_a_month),
                "budget_a_month": None if one.limit is None else text_of(one.limit),
                "budget_used_ratio": money_or_null(one.used_ratio),
                "conversions": one.conversions,
                "conversion_ratio": money_or_null(one.conversion_ratio),
                "margin_per_customer_a_month": None
                if one.margin_per_customer is None
                else text_of(one.margin_per_customer),
                "payback_months": one.payback_months,
                "conversions_needed": one.needed,
                "pays_back": one.pays_back,
            }
            for one in found
        ],
    }
