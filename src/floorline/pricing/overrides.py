"""What the user says about prices: entries of `prices:` and `contracts:` in floorline.yaml, checked when they are made.

Every error is a BadInput whose message names the entry; the configuration adds file and line.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches

import msgspec

from floorline.errors import BadInput
from floorline.money import LIMIT_USD
from floorline.pricing.units import PRICE_NAMES

PER_MAX = 2**32 - 1
"""The largest number of units a price is for: what a cost line holds."""

_FREE = "say `free: true` if it costs nothing"


class RateTier(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a request whose input exceeds `above_tokens`, for all of its tokens."""

    above_tokens: int
    price: Decimal


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """USD for `per` of a unit (0: the unit's usual number, units.PER). `free` is the only way to say zero.

    `utilisation` (above 0, at most 1) is the share of the time a self-hosted unit is busy: a busy second costs
    `price` ÷ utilisation.
    """

    price: Decimal = Decimal(0)
    per: int = 0
    tiers: tuple[RateTier, ...] = ()
    utilisation: Decimal | None = None
    free: bool = False

    def __post_init__(self) -> None:
        if self.free and (self.price != 0 or self.tiers):
            raise BadInput(f"a free price cannot also cost {self.price} USD: keep one of the two")
        for price in (self.price, *(tier.price for tier in self.tiers)):
            if not price.is_finite() or price < 0:
                raise BadInput(f"a price of {price} USD is not possible: write what `per` units cost, as 2.50")
            if price == 0 and not self.free:
                raise BadInput(f"a price of 0 is refused: {_FREE}, else leave it out and the call is shown as unpriced")
            if price >= LIMIT_USD:
                raise BadInput(
                    f"a price of {price} USD is more than the ledger holds ({LIMIT_USD}): lower `per:` with it"
                )
        if not 0 <= self.per <= PER_MAX:
            raise BadInput(f"per is {self.per}: write how many units the price is for, from 1 to {PER_MAX}")
        if self.utilisation is not None and not 0 < self.utilisation <= 1:
            raise BadInput(f"utilisation is {self.utilisation}: write a share above 0 and at most 1, as 0.6")
        starts = [tier.above_tokens for tier in self.tiers]
        if starts != sorted(set(starts)) or any(start < 0 for start in starts):
            raise BadInput(f"tiers begin above {starts} tokens: list each threshold once, ascending")


class PriceOverride(msgspec.Struct, frozen=True, kw_only=True):
    """List prices of the user's own: they replace the catalogue's price by price, and what is not named keeps it.

    `model` is a name or a glob (`my-*`), `provider` "" means any. They hold for calls from `valid_from` until the day
    before `valid_to` (UTC) whose context has all of `when`. `same_as` ("openai/gpt-4o") takes another model's prices:
    how an Azure deployment gets them.
    """

    model: str
    provider: str = ""
    rates: Mapping[str, Rate] = {}
    valid_from: date | None = None
    valid_to: date | None = None
    when: Mapping[str, str] = {}
    same_as: str = ""
    free: bool = False

    def __post_init__(self) -> None:
        if not self.model:
            raise BadInput("an entry of prices names no model: add `model:`")
        _check_names(self.rates, f"prices of {self.model}")
        _check_period(self.valid_from, self.valid_to, f"prices of {self.model}")
        if self.free and (self.rates or self.same_as):
            raise BadInput(
                f"prices of {self.model}: `free: true` and prices contradict each other: keep one of the two"
            )
        if not (self.free or self.rates or self.same_as):
            raise BadInput(f"prices of {self.model} say nothing: add `prices:`, `same_as:` or `free: true`")


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """A negotiated price: a multiplier on the list price, or a fixed rate, for models and units of one provider.

    `model` and `unit` are a name or a glob. Dates and `when` as in PriceOverride. The list price is kept beside it.
    """

    provider: str
    model: str = "*"
    unit: str = "*"
    multiplier: Decimal | None = None
    rate: Rate | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    when: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        name = f"contract with {self.provider or 'nobody'} for {self.model}"
        if not self.provider:
            raise BadInput(f"{name}: add `provider:`")
        if (self.multiplier is None) == (self.rate is None):
            raise BadInput(f"{name}: give either `multiplier:` or `rate:`")
        if self.multiplier is not None and not (self.multiplier.is_finite() and self.multiplier > 0):
            raise BadInput(f"{name}: multiplier {self.multiplier} is refused: write 0.85 for 15 % off the list price")
        if self.rate is not None and self.unit not in PRICE_NAMES:
            raise BadInput(
                f"{name}: a fixed rate needs one `unit:` of {', '.join(sorted(PRICE_NAMES))}, not {self.unit!r}"
            )
        _check_period(self.valid_from, self.valid_to, name)


def in_force(day: date, valid_from: date | None, valid_to: date | None) -> bool:
    """Whether `day` lies in the period; its end is exclusive."""
    return (valid_from is None or valid_from <= day) and (valid_to is None or day < valid_to)


def _check_names(rates: Mapping[str, Rate], name: str) -> None:
    for unit in rates:
        if unit not in PRICE_NAMES:
            close = get_close_matches(unit, PRICE_NAMES, n=1)
            hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(sorted(PRICE_NAMES))}"
            raise BadInput(f"{name}: {unit!r} is not a unit that has a price: {hint}")


def _check_period(valid_from: date | None, valid_to: date | None, name: str) -> None:
    if valid_from is not None and valid_to is not None and valid_to <= valid_from:
        raise BadInput(f"{name}: `to` {valid_to} is not after `from` {valid_from}: the end day is exclusive")
