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
    paying: defaultdict[str, set[str]] = defaultdict(set)
    used: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        days = [row.as_of] * len(row.customers)
        customers = names.resolve_all("customer", row.customers, days)
        plans = names.plans([row.plan] * len(days), customers, days)
        features = {names.resolve("feature", feature, row.as_of) for feature in row.features}
        for customer, plan in zip(customers, plans, strict=True):
            if customer and plan and paid.get((customer, plan), 0) > 0:
                paying[plan].add(customer)
                used[plan] |= features
    return {
        plan: PlanUse(
            customers=len(customers),
            revenue=money.usd_of(sum(paid[customer, plan] for customer in customers)),
            features=frozenset(used[plan]),
        )
        for plan, customers in paying.items()
    }
