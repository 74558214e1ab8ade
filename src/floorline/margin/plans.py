"""Plans side by side: how many customers pay for each, what they pay, and what any of them uses."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from floorline import money
from floorline.margin.attribution import Names
from floorline.margin.queries import PlanFeaturesRow


class PlanUse(NamedTuple):
    """The customers that pay for one plan and call on it: how many, what they pay together, USD, and the features any of them calls."""

    customers: int
    revenue: Decimal
    features: frozenset[str]

    @property
    def mean(self) -> Decimal:
        """What one of them pays on average."""
        return money.multiply(self.revenue, Decimal(1), self.customers)


def plan_uses(rows: Iterable[PlanFeaturesRow], paid: Mapping[tuple[str, ...], int], names: Names) -> dict[str, PlanUse]:
    """By plan. `paid` is what each customer paid on each plan, in 10^-12 USD; who paid nothing counts nowhere."""
    payers: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (customer, plan), pico in paid.items():
        if customer and plan and pico > 0:
            payers[plan][customer] = pico
    calling: defaultdict[str, set[str]] = defaultdict(set)
    used: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        features = {names.resolve("feature", feature, row.as_of) for feature in row.features}
        for plan, customers in _by_plan(row, names).items():
            own = payers[plan].keys() & customers if plan in payers else ()
            if own:
                calling[plan] |= own
                used[plan] |= features
    return {
        plan: PlanUse(
            customers=len(customers),
            revenue=money.usd_of(sum(map(payers[plan].__getitem__, customers))),
            features=frozenset(used[plan]),
        )
        for plan, customers in calling.items()
    }


def _by_plan(row: PlanFeaturesRow, names: Names) -> Mapping[str, list[str]]:
    """The customers of a row by the plan that each is on."""
    days = [row.as_of] * len(row.customers)
    customers = names.resolve_all("customer", row.customers, days)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for customer, plan in zip(customers, names.plans([row.plan] * len(days), customers, days), strict=True):
        found[plan].append(customer)
    return found
