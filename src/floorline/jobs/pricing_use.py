"""What the price book says of the models that a company uses."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from floorline.money import EXACT
from floorline.pricing.book import PriceBook, PriceVersion, Unpriced
from floorline.reviews.policy import Tier, blended, tier_of
from floorline.reviews.queries import ModelUse

_MILLION = 1_000_000


def tiers_of(
    book: PriceBook, uses: Iterable[ModelUse], end: date, stated: Mapping[str, Tier]
) -> dict[tuple[str, str], Tier]:
    """(provider, model) → tier at the list prices of the day before `end`; models without a price have none."""
    at = datetime.combine(end - timedelta(days=1), time(12), UTC)
    found: dict[tuple[str, str], Tier | None] = {}
    for use in uses:
        price = blended_price(book.resolve(use.provider, use.model, at))
        found[use.provider, use.model] = tier_of(use.model, price, stated)
    return {key: tier for key, tier in found.items() if tier is not None}


def blended_price(version: PriceVersion | Unpriced) -> Decimal | None:
    """USD of a blended million tokens at list price; None where the model has no price of tokens."""
    if isinstance(version, Unpriced):
        return None
    if version.free:
        return Decimal(0)
    mtok = {
        unit: EXACT.divide(price.list * _MILLION, Decimal(price.per))
        for unit in ("input", "output")
        if (price := version.by_unit.get(unit)) is not None
    }
    if "input" not in mtok:
        return None
    return blended(mtok["input"], mtok.get("output", Decimal(0)))
