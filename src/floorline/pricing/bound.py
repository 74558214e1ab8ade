"""What an answer costs at most: each side's tokens in its dearest bucket, and the fee per request."""

from collections.abc import Iterable
from decimal import Decimal

from floorline.events import INPUT_BUCKETS, OUTPUT_BUCKETS
from floorline.money import ZERO, multiply
from floorline.pricing.version import PriceVersion, UnitPrice

_TOKENS = frozenset((*INPUT_BUCKETS, *OUTPUT_BUCKETS))


def most(version: PriceVersion, input_tokens: int, output_tokens: int) -> Decimal | None:
    """The most that one answer with that many tokens costs in USD, whichever buckets they turn out to be in. None where the model
    is billed by something else, of which tokens say nothing.
    """
    if version.free:
        return ZERO
    if _TOKENS.isdisjoint(version.by_unit):
        return None
    fee = version.by_unit.get("requests")
    return (
        _dearest(version, INPUT_BUCKETS, input_tokens, input_tokens)
        + _dearest(version, OUTPUT_BUCKETS, output_tokens, input_tokens)
        + (multiply(max(1, fee.minimum), fee.contracted, fee.per) if fee is not None else ZERO)
    )


def _dearest(version: PriceVersion, units: Iterable[str], tokens: int, input_tokens: int) -> Decimal:
    priced = [price for unit in units if (price := version.by_unit.get(unit)) is not None]
    costs = [multiply(max(tokens, price.minimum), _highest(price, input_tokens), price.per) for price in priced]
    return max(costs, default=ZERO)


def _highest(price: UnitPrice, input_tokens: int) -> Decimal:
    """The price of the dearest tier that an input of at most so many tokens can reach."""
    return max((price.contracted, *[tier.contracted for tier in price.tiers if input_tokens > tier.above_tokens]))
