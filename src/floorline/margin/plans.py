"""Plans side by side: how many customers pay for each, what they pay, and what any of them uses."""

from collections import Counter, defaultdict
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
    payers = {key for key, pico in paid.items() if pico > 0 and all(key)}
    calling: set[tuple[str, ...]] = set()
    used: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        days = [row.as_of] * len(row.customers)
        customers = names.resolve_all("customer", row.customers, days)
        own = payers.intersection(zip(customers, names.plans([row.plan] * len(days), customers, days), strict=True))
        calling |= own
        features = {names.resolve("feature", feature, row.as_of) for feature in row.features}
        for plan in {plan for _, plan in own}:
            used[plan] |= features
    customers_of = Counter(plan for _, plan in calling)
    revenue: defaultdict[str, int] = defaultdict(int)
    for key in calling:
        revenue[key[1]] += paid[key]
    return {
        plan: PlanUse(customers_of[plan], money.usd_of(revenue[plan]), frozenset(features))
        for plan, features in sorted(used.items())
    }
