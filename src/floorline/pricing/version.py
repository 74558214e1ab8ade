"""Price versions: the immutable, hashed prices that a call was costed with, kept for ever beside its cost lines."""

import hashlib
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from typing import Literal

import msgspec

from floorline.events import INPUT_BUCKETS, OUTPUT_BUCKETS
from floorline.money import EXACT, PLACES, multiply

Source = Literal["contract", "user", "genai-prices", "litellm"]


class PriceTier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Prices of a request whose input exceeds `above_tokens`: they hold for every token of it, not for those above."""

    above_tokens: int
    list: Decimal
    contracted: Decimal


class UnitPrice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """USD for `per` of one unit of events.USAGE_UNITS: what the list says, and what was negotiated.

    `minimum` is the least quantity billed when any is used (Groq bills 10 seconds of audio). With `utilisation`
    both prices are what a busy unit costs: `nominal` ÷ utilisation, rounded half-even to 12 places.
    """

    unit: str
    per: int
    list: Decimal
    contracted: Decimal
    tiers: tuple[PriceTier, ...] = ()
    minimum: int = 0
    nominal: Decimal | None = None
    utilisation: Decimal | None = None


class PriceVersion(msgspec.Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True):
    """Every price of one model as of one time, for the context (tier, batch) that selected it.

    `model` is the catalogue's id, or the name as called where only the user's prices know it. `source` is the
    strongest source that set a price, `list_source` the one the list prices come from. `effective_from` is the day
    (UTC) from which this content holds, None when it was never dated. `free` says that the book states it costs nothing.
    """

    id: str
    provider: str
    model: str
    source: Source
    list_source: Source
    effective_from: date | None = None
    context: tuple[tuple[str, str], ...] = ()
    free: bool = False
    prices: tuple[UnitPrice, ...] = ()

    @cached_property
    def by_unit(self) -> dict[str, UnitPrice]:
        """The prices by their unit."""
        return {price.unit: price for price in self.prices}

    @cached_property
    def flat(self) -> dict[str, Decimal]:
        """USD for one of each unit whose amounts need no rounding and depend on nothing but the quantity: one price for all,
        listed as contracted, and no more than 12 places a unit. Nearly every price of a token is one.
        """
        return {
            price.unit: one
            for price in self.prices
            if price.list == price.contracted and not price.tiers and not price.minimum
            if (one := multiply(1, price.list, price.per)) * price.per == price.list
        }

    @cached_property
    def tiered(self) -> bool:
        """Whether any price depends on the size of the request's input."""
        return any(price.tiers for price in self.prices)

    @cached_property
    def ceilings(self) -> "tuple[Ceilings, Ceilings]":
        """What a token of the prompt, and one of the answer, costs at most."""
        return ceilings_of(self, INPUT_BUCKETS), ceilings_of(self, OUTPUT_BUCKETS)

    def to_json(self) -> str:
        """The version as one line of JSON with sorted keys and money as text; `from_json` gives it back unchanged."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def from_json(cls, text: str) -> "PriceVersion":
        """The version that `to_json` wrote. ValueError when the text is not one, or its id is not its content's."""
        try:
            version = msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a price version: {error}") from error
        if (digest := content_id(version)) != version.id:
            raise ValueError(
                f"price version {version.id} holds the content of {digest}: it was changed after it was made"
            )
        return version


class Ceilings(msgspec.Struct, frozen=True, kw_only=True):
    """The dearest price of one side's tokens: `steps` are (input tokens above which it holds, 10^-12 USD a token rounded up), both
    ascending; empty where no token of that side is priced. `minimum` tokens are billed at least.
    """

    steps: tuple[tuple[int, int], ...]
    minimum: int

    def pico(self, tokens: int, input_tokens: int) -> int:
        """What so many tokens cost at most in a request whose input is at most `input_tokens`, in 10^-12 USD."""
        rate = 0
        for above_tokens, pico_a_token in self.steps:
            if input_tokens > above_tokens:
                rate = pico_a_token
        return rate * (max(self.minimum, tokens))


def ceilings_of(version: PriceVersion, units: Iterable[str]) -> Ceilings:
    """The ceilings over the prices of `units`, tiers included."""
    prices = [price for unit in units if (price := version.by_unit.get(unit)) is not None]
    reached = [(-1, pico_above(price.contracted, price.per)) for price in prices]
    reached += [(tier.above_tokens, pico_above(tier.contracted, price.per)) for price in prices for tier in price.tiers]
    steps: list[tuple[int, int]] = []
    for above_tokens, pico_a_token in sorted(reached):
        if not steps or pico_a_token > steps[-1][1]:
            steps.append((above_tokens, pico_a_token))
    return Ceilings(steps=tuple(steps), minimum=max([price.minimum for price in prices], default=0))


def pico_above(price: Decimal, per: int) -> int:
    """The price of one unit in 10^-12 USD, rounded up."""
    return int(EXACT.divide(EXACT.scaleb(price, PLACES), per).to_integral_value(ROUND_CEILING))


class Unpriced(msgspec.Struct, frozen=True, kw_only=True):
    """No price is known: one sentence that names provider and model and says what to do."""

    reason: str


def content_id(version: PriceVersion) -> str:
    """16 hex digits of the SHA-256 of everything in the version but its id.

    What is at its default is left out of the content, so that a later field changes no id of an earlier version.
    """
    canonical = msgspec.json.encode(msgspec.structs.replace(version, id=""), order="sorted")
    return hashlib.sha256(canonical).hexdigest()[:16]


def seal(version: PriceVersion) -> PriceVersion:
    """The version with the id of its content."""
    return msgspec.structs.replace(version, id=content_id(version))


def plain(value: Decimal) -> Decimal:
    """The same number in its shortest form, so that 2.50 and 2.5 make one price version."""
    return Decimal(f"{value.normalize():f}")
