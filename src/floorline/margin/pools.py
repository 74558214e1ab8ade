"""Who an amount belongs to before it is divided: revenue lines, outcomes, metered use and costs, by month and owner.

Amounts are integers of 10^-12 USD, days ordinals; (before, through) as in allocation.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from floorline.margin.allocation import CostPool, Grown
from floorline.margin.attribution import Attribute, Boundaries, Names
from floorline.margin.cells import Cells, Owner, PoolUse, Use, weighed
from floorline.margin.coded import coded, codes_of
from floorline.margin.policy import PlanPolicy
from floorline.margin.queries import CostRow, OutcomeRow, PoolColumns, RevenueColumns
from floorline.margin.revenue import Window, month_of, pieces
from floorline.margin.vectors import Integers, integers, shares_of, sums_of
from floorline.money import to_pico

Pools = dict[Owner, Grown]
Owned = tuple[str, str, str, str, str]
"""Customer, plan, feature, segment and cohort: an Owner without its month."""


class Attribution:
    """Resolves raw names to owners for one table: only what the table needs is looked up.

    `attributes` are those of the customer that the table depends on; without `plan` among them plans stay unknown.
    """

    def __init__(self, names: Names, window: Window, spans: Boundaries, attributes: Sequence[Attribute]) -> None:
        self.names = names
        self.window = window
        self.spans = spans
        self._with_plan = "plan" in attributes
        self._with_segment = "segment" in attributes
        self._with_cohort = "cohort" in attributes
        self._with_traits = self._with_segment or self._with_cohort
        self._months: dict[int, int] = {}

    def month(self, day: int) -> int:
        """The first day of the month that holds `day`."""
        if day not in self._months:
            self._months[day] = month_of(day)
        return self._months[day]

    def owner(self, customer: str, plan: str, feature: str, as_of: int) -> Owner:
        """The owner of what these raw names earned or used in the span that begins at `as_of`."""
        names = self.names
        customer = names.resolve("customer", customer, as_of)
        plan = names.plan(plan, customer, as_of) if self._with_plan else ""
        feature = names.resolve("feature", feature, as_of) if feature else ""
        owner = Owner(self.month(as_of), customer, plan, feature)
        return self.with_traits(owner, as_of) if self._with_traits else owner

    def owned(self, customers: Sequence[str], plans: Sequence[str], features: Sequence[str], as_of: int) -> list[Owned]:
        """As `owner`, of many raw names, without the month."""
        names, days, unknown = self.names, [as_of] * len(customers), [""] * len(customers)
        customers = names.resolve_all("customer", customers, days)
        plans = names.plans(plans, customers, days) if self._with_plan else unknown
        if names.renames("feature"):
            features = [names.resolve("feature", feature, as_of) if feature else "" for feature in features]
        segments = names.attributes("segment", customers, days) if self._with_segment else unknown
        cohorts = names.attributes("cohort", customers, days) if self._with_cohort else unknown
        return list(zip(customers, plans, features, segments, cohorts, strict=True))

    def with_traits(self, owner: Owner, as_of: int | None = None) -> Owner:
        """The owner with its customer's segment and cohort, and the plan where none is named, as of a day or of the
        month's first.
        """
        if self._with_plan and not owner.plan and owner.customer:
            owner = owner._replace(plan=self.names.plan("", owner.customer, owner.month if as_of is None else as_of))
        if not self._with_traits:
            return owner
        day = owner.month if as_of is None else as_of
        return owner._replace(
            segment=self.names.attribute("segment", owner.customer, day) if self._with_segment else "",
            cohort=self.names.attribute("cohort", owner.customer, day) if self._with_cohort else "",
        )


def revenue_pools(lines: RevenueColumns, to: Attribution) -> Pools:
    """Recognised revenue of every line, by month and owner."""
    changing = to.spans.changing
    own = {n for n, customer in enumerate(lines.customer) if customer in changing} if changing else set[int]()
    if not own:
        return _earned(lines, to.spans.shared, to)
    others = [n for n in range(len(lines.customer)) if n not in own]
    return joined(
        _earned(some_lines(lines, others), to.spans.shared, to),
        _earned(some_lines(lines, sorted(own)), to.spans.own, to),
    )


def some_lines(lines: RevenueColumns, numbers: Sequence[int]) -> RevenueColumns:
    """The lines of these numbers."""
    return RevenueColumns(
        **{name: [column[n] for n in numbers] for name, column in msgspec.structs.asdict(lines).items()}
    )


def _earned(lines: RevenueColumns, spans: Sequence[int], to: Attribution) -> Pools:
    """What lines earn whose names change their meaning at `spans` only. Names are resolved once a span, whatever the lines."""
    window = to.window
    raws: dict[tuple[str, str, str], int] = {}
    of_line = codes_of(list(zip(lines.customer, lines.plan, lines.feature, strict=True)), raws)
    amounts, starts = integers(lines.amount), integers(lines.start)
    days = np.maximum(1, integers(lines.end) - starts)

    def earned(day: int) -> Integers:
        return shares_of(amounts, np.clip(day - starts, 0, days), days)

    edges = sorted({window.reach_start, window.end, *(day for day in (*window.months, *spans) if day < window.end)})
    pools: Pools = {}
    customers, plans, features = ([raw[n] for raw in raws] for n in range(3))
    owners: dict[Owned, int] = {}
    owner_of_line = of_line
    for first, end in pairwise(edges):
        if first in (edges[0], *spans):
            owners = {}
            owner_of_line = codes_of(to.owned(customers, plans, features, first), owners)[of_line]
        through = earned(end) - earned(first)
        before = earned(min(max(window.start, first), end)) - earned(first)
        month = to.month(first)
        sums = (sums_of(column, owner_of_line, len(owners)) for column in (before, through))
        for owner, grown in zip(owners, zip(*sums, strict=True), strict=True):
            if grown != (0, 0):
                _grow(pools, Owner(month, *owner), grown)
    return pools


def outcome_pools(rows: Iterable[OutcomeRow], plans: Mapping[str, PlanPolicy], to: Attribution) -> Pools:
    """Revenue of successful outcomes: the value an outcome carries, else its plan's price for its type."""
    return grown_of(outcome_amounts(rows, plans, to), to.window.start)


def metered_pools(uses: Iterable[tuple[int, Owner, Use]], plans: Mapping[str, PlanPolicy], to: Attribution) -> Pools:
    """Revenue of plans that charge by call or token, earned on the day of the call."""
    return grown_of(metered_amounts(uses, plans, to), to.window.start)


def outcome_amounts(
    rows: Iterable[OutcomeRow], plans: Mapping[str, PlanPolicy], to: Attribution
) -> Iterator[tuple[int, Owner, int]]:
    """As outcome_pools, each by the first day of its span."""
    priced = any(policy.outcome_prices for policy in plans.values())
    for row in rows:
        if not (row.value or (priced and row.unvalued)):
            continue
        customer, plan, feature, workflow, user, outcome = row.names
        owner = to.owner(customer, plan, feature, row.as_of)
        policy = plans.get(owner.plan)
        price = policy.outcome_prices.get(outcome) if policy else None
        amount = row.value + (row.unvalued * to_pico(price) if price is not None else 0)
        if amount:
            yield row.as_of, owner._replace(workflow=workflow, user=user, outcome=outcome), amount


def metered_amounts(
    uses: Iterable[tuple[int, Owner, Use]], plans: Mapping[str, PlanPolicy], to: Attribution
) -> Iterator[tuple[int, Owner, int]]:
    """As metered_pools, each by the first day of its span."""
    for as_of, owner, use in uses:
        policy = plans.get(owner.plan)
        if policy is None or not policy.usage_prices or as_of >= to.window.end:
            continue
        quantities = {"calls": use.calls, "input_tokens": use.input_tokens, "output_tokens": use.output_tokens}
        amount = sum(quantities[unit] * to_pico(price) for unit, price in policy.usage_prices.items())
        if amount:
            yield as_of, to.with_traits(owner, as_of), amount


def grown_of(amounts: Iterable[tuple[int, Owner, int]], start: int) -> Pools:
    """Amounts of days by owner, those before `start` apart."""
    pools: Pools = {}
    for as_of, owner, amount in amounts:
        _grow(pools, owner, (amount if as_of < start else 0, amount))
    return pools


def month_uses(parts: Iterable[PoolColumns], to: Attribution) -> list[tuple[int, Owner, Use]]:
    """The use of each span by owner; all columns have every driver."""
    found: list[tuple[int, Owner, Use]] = []
    for columns in parts:
        for as_of, pool, start, end in _resolved(columns, to):
            features = _features(columns, to.names, as_of, start, end)
            for feature, use in zip(features, _uses(columns, start, end), strict=True):
                found.append((as_of, Owner(*pool, feature), use))
    return found


class SeatUse(NamedTuple):
    """What one customer used on one plan: its calls, and what they cost by feature, in 10^-12 USD."""

    calls: int
    costs: dict[str, int]


def seat_uses(parts: Iterable[PoolColumns], to: Attribution) -> dict[tuple[str, str], SeatUse]:
    """By customer and plan; all columns have every driver."""
    found: dict[tuple[str, str], SeatUse] = {}
    for columns in parts:
        for as_of, (_, customer, plan), start, end in _resolved(columns, to):
            features = _features(columns, to.names, as_of, start, end)
            known = found.get((customer, plan))
            costs = {} if known is None else known.costs
            for feature, cost in zip(features, columns.effective[start:end], strict=True):
                costs[feature] = costs.get(feature, 0) + cost
            calls = sum(columns.calls[start:end]) + (0 if known is None else known.calls)
            found[customer, plan] = SeatUse(calls, costs)
    return found


def pool_use(columns: PoolColumns, names: Names) -> PoolUse:
    """Whose the use is, by month; rules that divide by more than calls need every driver in `columns`."""
    days, features = columns.as_of, columns.features
    customers = names.resolve_all("customer", columns.customer, days)
    if names.renames("feature"):
        features = names.resolve_all("feature", features, np.repeat(days, columns.sizes).tolist())
    months = {day: month_of(day) for day in set(days)}
    none = np.zeros(len(columns.calls), dtype=np.int64)
    tokens = (integers(some) if some else none for some in (columns.input_tokens, columns.output_tokens))
    return PoolUse(
        coded([months[day] for day in days]),
        coded(customers),
        coded(names.plans(columns.plan, customers, days)),
        integers(columns.sizes),
        coded(features),
        integers(columns.calls),
        sum(tokens, start=none),
        weighed(columns.effective) if columns.effective else none,
    )


def month_cells(uses: Iterable[PoolUse], plans: Mapping[str, PlanPolicy]) -> Cells:
    """The cells of whole months."""
    cells = Cells((), plans)
    for use in uses:
        cells.add(use)
    return cells


def _resolved(columns: PoolColumns, to: Attribution) -> Iterator[tuple[int, tuple[int, str, str], int, int]]:
    """The span, month, customer and plan of each pool, and where its features begin and end."""
    days = columns.as_of
    customers = to.names.resolve_all("customer", columns.customer, days)
    plans = to.names.plans(columns.plan, customers, days)
    start = 0
    for as_of, customer, plan, size in zip(days, customers, plans, columns.sizes, strict=True):
        end = start + size
        yield as_of, (to.month(as_of), customer, plan), start, end
        start = end


def _features(columns: PoolColumns, names: Names, as_of: int, start: int, end: int) -> list[str]:
    raw = columns.features[start:end]
    return [names.resolve("feature", feature, as_of) for feature in raw] if names.renames("feature") else raw


def _uses(columns: PoolColumns, start: int, end: int) -> Iterator[Use]:
    drivers = (columns.calls, columns.input_tokens, columns.output_tokens, columns.effective)
    return map(Use._make, zip(*(driver[start:end] for driver in drivers), strict=True))


def cost_pools(rows: Iterable[CostRow], to: Attribution) -> dict[CostPool, Grown]:
    """Costs that no call carries, by month and by what they name."""
    window = to.window
    cuts = window.cuts(sorted({*to.spans.shared, *to.spans.own}))
    pools: dict[CostPool, Grown] = defaultdict(lambda: (0, 0))
    for row in rows:
        for as_of, part in pieces(row.amount, (row.start, row.end), cuts):
            pool = CostPool(
                month=to.month(as_of),
                component=row.component,
                customer=to.names.resolve("customer", row.customer, as_of),
                feature=to.names.resolve("feature", row.feature, as_of),
                plan=to.names.resolve("plan", row.plan, as_of),
                driver=row.driver,
            )
            before, through = pools[pool]
            pools[pool] = (before + part if as_of < window.start else before, through + part)
    return pools


def joined(*many: Mapping[Owner, Grown]) -> Pools:
    """The sum of several."""
    some = [pools for pools in many if pools]
    total = dict(some[0]) if some else {}
    for pools in some[1:]:
        for owner, grown in pools.items():
            _grow(total, owner, grown)
    return total


def _grow(pools: Pools, owner: Owner, grown: Grown) -> None:
    known = pools.get(owner)
    pools[owner] = grown if known is None else (known[0] + grown[0], known[1] + grown[1])
