"""What the owner of the product states about reviews: targets, tiers of models, market figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Literal

Tier = Literal["small", "mid", "large"]
SMALL_USD_MAX = Decimal(2)
MID_USD_MAX = Decimal(6)
"""Most that a million tokens, three of input to one of output, cost at list price in a tier."""


DAY_MAX = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What the weekly and monthly figures are held against: ratios, of which some are most that may be and some least, and what
    a call, an outcome and an active user may cost at most, in USD; None where nothing is stated.
    """

    inference_share: Decimal = Decimal("0.15")
    gross_margin: Decimal = Decimal("0.68")
    cache_hit_rate: Decimal = Decimal("0.30")
    small_and_mid_share: Decimal = Decimal("0.60")
    top_fifth_share: Decimal = Decimal("0.40")
    cost_per_call: Decimal | None = None
    cost_per_outcome: Decimal | None = None
    cost_per_user: Decimal | None = None
    ltv_to_cac: Decimal = Decimal(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFigure:
    """A gross margin that others publish, with where it was read and when. `feature` is the one it is held against,
    empty for the whole.
    """

    name: str
    margin: Decimal
    source: str
    date: date
    feature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """When the review of the week before is made: 0 is Monday, by the clock of the reporting timezone."""

    weekday: int = 0
    at: time = time(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarterly:
    """When the review of the quarter before is made: the day of a quarter's first month, by the same clock."""

    day: int = 2
    at: time = time(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPolicy:
    """`routes` are the names of those that reviews go to, None for every one that takes reports. `tiers`: model name or glob → its tier, in place of what its price says; the first that matches holds."""

    weekly: Weekly = field(default_factory=Weekly)
    quarterly: Quarterly = field(default_factory=Quarterly)
    routes: tuple[str, ...] | None = None
    targets: Targets = field(default_factory=Targets)
    tiers: Mapping[str, Tier] = field(default_factory=dict[str, Tier])
    market: tuple[MarketFigure, ...] = ()
    structural_weeks: int = 8


def tier_of(model: str, usd_per_mtok: Decimal | None, stated: Mapping[str, Tier]) -> Tier | None:
    """A model's tier: as stated, else by the price of a blended million tokens; None where it has no price."""
    name = model.lower()
    for pattern, tier in stated.items():
        if fnmatchcase(name, pattern.lower()):
            return tier
    if usd_per_mtok is None:
        return None
    return "small" if usd_per_mtok <= SMALL_USD_MAX else "mid" if usd_per_mtok <= MID_USD_MAX else "large"


def blended(input_usd: Decimal, output_usd: Decimal) -> Decimal:
    """USD for a million tokens of which three quarters are input, from the prices of a million of each."""
    return (3 * input_usd + output_usd) / 4
