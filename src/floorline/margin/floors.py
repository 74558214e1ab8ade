"""Floors and zones: the margin a feature is held to, and where its margin stands.

The defaults are a starting point that a feature's own `floor` replaces, and an exception replaces any floor until its
review date. Days are handed in; nothing here knows what today is.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from floorline.margin.policy import YELLOW_BAND, FeaturePolicy, FloorException, Hosting, Policies, Role

Zone = Literal["green", "yellow", "red", "unknown"]
Origin = Literal["stated", "role", "hosting", "exception"]

ROLE_FLOOR: dict[Role, Decimal] = {"growth": Decimal("0.45"), "core": Decimal("0.60"), "premium": Decimal("0.70")}
HOSTING_FLOOR: dict[Hosting, Decimal] = {
    "third_party": Decimal("0.60"),
    "self_hosted": Decimal("0.65"),
    "cacheable": Decimal("0.70"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What a feature is held to on one day, where that comes from, and how far above it yellow reaches.

    `ordinary` is the floor without an exception. `exception` is the feature's, in force or lapsed; a lapsed one replaces
    nothing and makes the feature red.
    """

    ratio: Decimal
    ordinary: Decimal
    origin: Origin
    band: Decimal = YELLOW_BAND
    exception: FloorException | None = None
    lapsed: bool = False

    def zone(self, margin_ratio: Decimal | None, *, revenue_pico: int = 0, cost_known: bool = True) -> Zone:
        """zone_of a margin that is held to this floor."""
        return zone_of(
            margin_ratio,
            self.ratio,
            band=self.band,
            lapsed=self.lapsed,
            revenue_pico=revenue_pico,
            cost_known=cost_known,
        )


def floor_of(policy: FeaturePolicy) -> Decimal:
    """The stated floor, else the stricter of the role's and the hosting's default; exceptions do not count."""
    if policy.floor is not None:
        return policy.floor
    return max(ROLE_FLOOR[policy.role], HOSTING_FLOOR[policy.hosting])


def floor_on(day: date, policy: FeaturePolicy, band: Decimal = YELLOW_BAND) -> Floor:
    """What holds on `day`; `band` is the organisation's, where the feature has none of its own."""
    exception = policy.exception
    in_force = exception is not None and exception.holds_on(day)
    ordinary = floor_of(policy)
    return Floor(
        ratio=exception.floor if exception and in_force else ordinary,
        ordinary=ordinary,
        origin="exception" if in_force else _origin(policy),
        band=band if policy.yellow_band is None else policy.yellow_band,
        exception=exception,
        lapsed=exception is not None and not in_force,
    )


def feature_floor(policies: Policies, feature: str, day: date) -> Floor:
    """What the feature is held to on `day` under everything that is stated."""
    return floor_on(day, policies.feature(feature), policies.yellow_band)


def zone_of(
    margin_ratio: Decimal | None,
    floor: Decimal | None,
    *,
    band: Decimal = YELLOW_BAND,
    lapsed: bool = False,
    revenue_pico: int = 0,
    cost_known: bool = True,
) -> Zone:
    """Red below the floor, yellow from the floor up to floor + band, green from there on.

    Red in any case: negative revenue, whatever the cost, and an exception that has `lapsed`. Unknown: no revenue, no
    floor, or a cost of which nothing is known.
    """
    if floor is None:
        return "unknown"
    if revenue_pico < 0 or lapsed:
        return "red"
    if margin_ratio is None or not cost_known:
        return "unknown"
    if margin_ratio < floor:
        return "red"
    return "yellow" if margin_ratio < floor + band else "green"


def exception_sentence(floor: Floor) -> str:
    """What to say of the exception, in force or lapsed; empty where there is none."""
    exception = floor.exception
    if exception is None:
        return ""
    if floor.lapsed:
        return f"red: its exception was to be reviewed by {exception.review_by} ({exception.reason})"
    return (
        f"floor {ratio_percent(exception.floor)} by exception until {exception.review_by}, "
        f"{ratio_percent(floor.ordinary)} after it ({exception.reason})"
    )


def exception_fields(floor: Floor) -> dict[str, object] | None:
    """The exception as JSON carries it; None where there is none."""
    exception = floor.exception
    if exception is None:
        return None
    return {
        "floor": f"{exception.floor:f}",
        "reason": exception.reason,
        "review_by": exception.review_by.isoformat(),
        "lapsed": floor.lapsed,
    }


def ratio_percent(ratio: Decimal) -> str:
    """A stated ratio as percent, with the digits it has: 60 %, 62.5 %."""
    return f"{(ratio * 100).normalize():f} %"


def _origin(policy: FeaturePolicy) -> Origin:
    if policy.floor is not None:
        return "stated"
    return "hosting" if HOSTING_FLOOR[policy.hosting] > ROLE_FLOOR[policy.role] else "role"
