"""What the demo says, made of margin tables: which features miss their floor, who is under water, what to do first.

Pure: tables in, figures out. Money is Decimal USD; `a month` is 30 days at the pace of the demo's days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from floorline.margin.customers import customers
from floorline.margin.customers import under_water as losing
from floorline.margin.floors import Zone
from floorline.margin.metrics import Figures, nearest_rank_95, per, ratio_of
from floorline.margin.steps import Step, StepsReport
from floorline.margin.table import NAMELESS, MarginReport
from floorline.money import ZERO, ratio, usd_of
from floorline.sandbox import company as own
from floorline.sandbox.table import DAYS

MONTH_DAYS = 30
TOP_PERCENT = 5
UNDER_WATER_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The margin tables of the demo's days, and the cost in 10^-12 USD of each ticket's calls."""

    feature: MarginReport
    customer: MarginReport
    customer_plan: MarginReport
    customer_feature: MarginReport
    feature_plan: MarginReport
    user_plan: MarginReport
    steps: StepsReport
    ticket_costs: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLine:
    """A feature against its floor. `gap_usd_per_month` is what its margin lacks to the floor, 0 above it."""

    feature: str
    revenue: Decimal
    cogs: Decimal
    margin: Decimal
    margin_ratio: Decimal | None
    floor: Decimal | None
    zone: Zone
    gap_usd_per_month: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerLine:
    """A customer on a plan: what they pay and what they cost, in the demo's days."""

    customer: str
    plan: str
    pays: Decimal
    costs: Decimal

    @property
    def loses(self) -> Decimal:
        """What serving them costs beyond what they pay."""
        return self.costs - self.pays


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWater:
    """Customers who cost more than they pay, greatest loss first. Free accounts pay nothing by design and are counted apart."""

    customers: tuple[CustomerLine, ...]
    paying: int
    free_accounts: int
    free_costs: Decimal

    @property
    def loses(self) -> Decimal:
        """What all of them together cost beyond what they pay."""
        return sum((line.loses for line in self.customers), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopShare:
    """The share of all cost that the dearest 5 % of customers (rounded up) make up."""

    customers: int
    of: int
    costs: Decimal
    share: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadLine:
    """One unit of a plan: what it brings in on average, and what its calls cost on average and at P95 (nearest rank)."""

    plan: str
    unit: str
    units: int
    brings: Decimal
    cost_mean: Decimal
    cost_p95: Decimal

    @property
    def margin_mean(self) -> Decimal | None:
        """Margin of the average unit."""
        return ratio(self.brings - self.cost_mean, self.brings)

    @property
    def margin_p95(self) -> Decimal | None:
        """Margin of a unit that brings in the average and costs what the P95 unit costs."""
        return ratio(self.brings - self.cost_p95, self.brings)


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """What to do first: the feature with the greatest dollar gap to its floor, and what lies behind it."""

    feature: str
    gap_usd_per_month: Decimal
    cause: str
    cause_usd_per_month: Decimal
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFigures:
    """Everything on the demo's screens."""

    features: tuple[FeatureLine, ...]
    total: FeatureLine
    under_water: UnderWater
    top: TopShare
    spread: tuple[SpreadLine, ...]
    steps: StepsReport
    first: First | None


def figures_of(tables: Tables, units: Mapping[str, int]) -> DemoFigures:
    """The figures. `units`: plan → users who have it, whether they called or not."""
    features = tuple(
        sorted((feature_line(row) for row in tables.feature.rows), key=lambda line: -line.gap_usd_per_month)
    )
    total = tables.feature.total
    return DemoFigures(
        features=features,
        total=feature_line(total),
        under_water=under_water(tables.customer_plan),
        top=top_share(tables.customer),
        spread=_spread(tables, units),
        steps=tables.steps,
        first=what_first(features, tables),
    )


def feature_line(row: Figures) -> FeatureLine:
    """One row of the table by feature, or its total."""
    gap = ZERO if row.floor is None else max(row.floor * row.revenue - row.margin, ZERO)
    return FeatureLine(
        feature=row.key[0] if row.key else "",
        revenue=row.revenue,
        cogs=row.cogs,
        margin=row.margin,
        margin_ratio=row.margin_ratio,
        floor=row.floor,
        zone=row.zone,
        gap_usd_per_month=_a_month(gap),
    )


def under_water(customer_plan: MarginReport) -> UnderWater:
    """Who costs more than they pay; `customer_plan` is by customer and plan."""
    found = customers(customer_plan)
    free = [one for one in found if one.standing == "free"]
    return UnderWater(
        customers=tuple(
            CustomerLine(customer=one.name, plan=one.plan, pays=one.figures.revenue, costs=one.figures.cogs)
            for one in losing(found)
        ),
        paying=sum(one.standing in {"pays", "under_water"} for one in found),
        free_accounts=len(free),
        free_costs=sum((one.figures.cogs for one in free), ZERO),
    )


def top_share(customer: MarginReport) -> TopShare:
    """The share of the dearest 5 % of customers."""
    costs = sorted((row.cogs_pico for row in customer.rows if NAMELESS.isdisjoint(row.key)), reverse=True)
    count = -(-len(costs) * TOP_PERCENT // 100)
    return TopShare(
        customers=count,
        of=len(costs),
        costs=usd_of(sum(costs[:count])),
        share=ratio_of(sum(costs[:count]), customer.total.cogs_pico),
    )


def _spread(tables: Tables, units: Mapping[str, int]) -> tuple[SpreadLine, ...]:
    brings: dict[str, int] = {}
    users: dict[str, list[int]] = {}
    for row in tables.customer_plan.rows:
        brings[row.key[1]] = brings.get(row.key[1], 0) + row.revenue_pico
    for row in tables.user_plan.rows:
        if row.sums.calls:
            users.setdefault(row.key[1], []).append(row.sums.effective)
    lines = [
        spread_line(plan, "user", brings[plan], users.get(plan, []), units[plan])
        for plan in (own.SEAT, own.ENTERPRISE, own.PRO)
    ]
    tickets = spread_line(own.RESOLVED, "ticket", brings[own.RESOLVED], tables.ticket_costs, len(tables.ticket_costs))
    return (*lines, tickets)


def spread_line(plan: str, unit: str, brings_pico: int, costs_pico: Sequence[int], units: int) -> SpreadLine:
    """Mean and P95 over `units`, of which those without a cost of their own cost nothing."""
    every = [*costs_pico, *[0] * (units - len(costs_pico))]
    mean, p95 = per(sum(every), units), nearest_rank_95(every)
    return SpreadLine(
        plan=plan,
        unit=unit,
        units=units,
        brings=per(brings_pico, units) or ZERO,
        cost_mean=mean or ZERO,
        cost_p95=usd_of(p95 or 0),
    )


def what_first(features: Sequence[FeatureLine], tables: Tables) -> First | None:
    """The greatest gap to a floor and the greatest of its causes; None when every feature holds its floor.

    The causes weighed: customers who lose money in that feature, its free plan, and its dearest step. The step is named
    when neither of the others makes up half of the gap.
    """
    worst = max(features, key=lambda line: line.gap_usd_per_month, default=None)
    if worst is None or worst.gap_usd_per_month == 0:
        return None
    causes = [_losing_customers(worst.feature, tables), _free_plan(worst.feature, tables)]
    cause, loss, advice = max(causes, key=lambda one: one[1])
    if loss * 2 < worst.gap_usd_per_month:
        cause, loss, advice = _dearest_step(worst.feature, tables)
    return First(
        feature=worst.feature,
        gap_usd_per_month=worst.gap_usd_per_month,
        cause=cause,
        cause_usd_per_month=loss,
        advice=advice,
    )


Cause = tuple[str, Decimal, str]


def _losing_customers(feature: str, tables: Tables) -> Cause:
    rows = [
        row for row in tables.customer_feature.rows if row.key[1] == feature and row.revenue_pico and row.margin < 0
    ]
    loss = _a_month(-sum((row.margin for row in rows), ZERO))
    who = "1 paying customer costs" if len(rows) == 1 else f"{len(rows)} paying customers cost"
    return (
        f"{who} more there than they pay",
        loss,
        "cap or meter the heaviest users, or move them to a plan that pays for what they use",
    )


def _free_plan(feature: str, tables: Tables) -> Cause:
    cost = sum((row.cogs for row in tables.feature_plan.rows if row.key == (feature, own.FREE)), ZERO)
    return ("its free plan is used without limit", _a_month(cost), "give the free plan a daily allowance")


def _dearest_step(feature: str, tables: Tables) -> Cause:
    workflow = own.WORKFLOWS[feature]
    step = max((step for step in tables.steps.steps if step.workflow == workflow), key=_cost, default=None)
    if step is None:
        return ("no single step stands out", ZERO, "raise the price or trim the workflow")
    return (
        f"its step {step.step!r} on {step.model} is {step.share:.0%} of all the company's calls cost",
        _a_month(step.cost),
        "try a cheaper model on that step, or raise the price",
    )


def _cost(step: Step) -> Decimal:
    return step.cost


def _a_month(amount: Decimal) -> Decimal:
    return amount * MONTH_DAYS / DAYS
