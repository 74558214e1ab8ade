"""Floors and zones: the margin a feature is held to, and where its margin stands.

The defaults are a starting point that a feature's own `floor` replaces.
"""

from decimal import Decimal
from typing import Literal

from floorline.margin.policy import FeaturePolicy, Hosting, Role

Zone = Literal["green", "yellow", "red", "unknown"]

ROLE_FLOOR: dict[Role, Decimal] = {"growth": Decimal("0.45"), "core": Decimal("0.60"), "premium": Decimal("0.70")}
HOSTING_FLOOR: dict[Hosting, Decimal] = {
    "third_party": Decimal("0.60"),
    "self_hosted": Decimal("0.65"),
    "cacheable": Decimal("0.70"),
}
YELLOW_BAND = Decimal("0.08")
"""How far above its floor a feature is still yellow."""


def floor_of(policy: FeaturePolicy) -> Decimal:
    """The stated floor, else the stricter of the role's and the hosting's default."""
    if policy.floor is not None:
        return policy.floor
    return max(ROLE_FLOOR[policy.role], HOSTING_FLOOR[policy.hosting])


def zone_of(
    margin_ratio: Decimal | None, floor: Decimal | None, *, revenue_pico: int = 0, cost_known: bool = True
) -> Zone:
    """Red below the floor, yellow from the floor up to floor + YELLOW_BAND, green from there on.

    Negative revenue is red, whatever the cost. Unknown: no revenue, no floor, or a cost of which nothing is known.
    """
    if floor is None:
        return "unknown"
    if revenue_pico < 0:
        return "red"
    if margin_ratio is None or not cost_known:
        return "unknown"
    if margin_ratio < floor:
        return "red"
    return "yellow" if margin_ratio < floor + YELLOW_BAND else "green"
