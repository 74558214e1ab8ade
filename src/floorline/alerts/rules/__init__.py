"""The rules: each a function of a picture and of how it is set, each subject judged by each rule once."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from floorline.alerts.condition import Condition
from floorline.alerts.figures import Picture
from floorline.alerts.rules.anomaly import anomalies
from floorline.alerts.rules.customers import customers
from floorline.alerts.rules.facts import (
    certificates,
    exceptions,
    guards,
    ledger,
    prices,
    revenue,
    unattributed,
    unpriced,
)
from floorline.alerts.rules.growth import growth
from floorline.alerts.rules.zones import margins
from floorline.alerts.tuning import Tuning

Rule = Callable[[Picture, Tuning], Iterator[Condition]]
EVERY: Sequence[Rule] = (
    margins, growth, anomalies, customers, prices, unpriced, unattributed, revenue, guards, ledger, exceptions,
    certificates,
)  # fmt: skip

REPORTED: Sequence[Rule] = (guards,)
"""Those that look at nothing in a picture but what guardrails reported."""

GRAVEST_FIRST = (
    "margin_red",
    "margin_yellow",
    "cost_per_call_week",
    "cost_outgrows_revenue",
    "cost_per_call_days",
    "cost_anomaly",
)
"""Rules that see one change of a feature from several sides: of those that fire the first is told."""

GROWTHS = frozenset(GRAVEST_FIRST[2:])
"""Those of them that say how a cost grows, and not in which zone the margin is."""

FACTS = frozenset(
    {
        "price_change",
        "unpriced_model",
        "budget",
        "fair_use",
        "exception_overdue",
        "revenue_stale",
        "certificate_taken_back",
    }
)
"""Rules whose subjects are named only while there is something to say: one that is named no more is over."""


def conditions(picture: Picture, tuning: Tuning, rules: Sequence[Rule] = EVERY) -> list[Condition]:
    """What every one of the rules that is on says of every subject."""
    found = [
        condition
        for rule in rules
        for condition in rule(picture, tuning)
        if tuning.of(condition.rule, condition.subject if condition.kind == "feature" else "").enabled
    ]
    return _once_each(found)


def _once_each(found: list[Condition]) -> list[Condition]:
    """Of several rules that fire for one feature the gravest fires and the others are held; the company's is, where a
    feature's has half of its dollars.
    """
    order = {rule: number for number, rule in enumerate(GRAVEST_FIRST)}
    first: dict[str, int] = {}
    stakes: dict[str, Decimal] = {}
    for one in found:
        if one.reading == "firing" and one.kind == "feature" and one.rule in order:
            first[one.subject] = min(first.get(one.subject, len(order)), order[one.rule])
            stakes[one.subject] = max(stakes.get(one.subject, Decimal(0)), one.stake_usd or Decimal(0))
    told = max(stakes.values(), default=Decimal(0))
    return [one._replace(reading="held") if _is_told(one, first, told, order) else one for one in found]


def _is_told(one: Condition, first: dict[str, int], told: Decimal, order: dict[str, int]) -> bool:
    if one.reading != "firing" or one.rule not in order:
        return False
    if one.kind == "feature":
        return order[one.rule] > first[one.subject]
    return one.kind == "company" and told * 2 >= (one.stake_usd or Decimal(0))
