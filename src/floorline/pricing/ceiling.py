"""A price for what has no price: the dearest that any maker lists, so that a bound built on it is safe to hold."""

from datetime import datetime
from decimal import Decimal

from floorline.pricing.book import PriceBook, PriceVersion
from floorline.pricing.compose import Named, compose
from floorline.pricing.listing import Listing, ListPrice
from floorline.pricing.providers import MAKERS
from floorline.pricing.units import CHAINS


def ceiling(book: PriceBook, at: datetime) -> PriceVersion:
    """For every unit the highest list price, tiers included, at `at` (aware, UTC) over the makers' models that read and
    write tokens. Never a cost: it bounds reservations, and the stated costs of models that have no price.
    """
    dearest: dict[str, ListPrice] = {}
    for provider in sorted(MAKERS.intersection(book.catalogue.providers)):
        for model in book.catalogue.models(provider):
            prices = model.at(at, {}).prices
            if not {"input", "output"} <= prices.keys():
                continue
            for unit, chain in CHAINS.items():
                price = next((prices[name] for name in chain if name in prices), None)
                if price is not None and _dearer(price, dearest.get(unit)):
                    dearest[unit] = ListPrice(per=price.per, price=_top(price))
    named = Named(provider="any", model="ceiling", names=frozenset({"ceiling"}))
    version = compose(named, Listing(source="genai-prices", prices=dearest), (), (), day=at.date(), context={})
    assert version is not None, "the catalogue lists at least one model with a price"
    return version


def _dearer(price: ListPrice, other: ListPrice | None) -> bool:
    return other is None or _top(price) / price.per > other.price / other.per


def _top(price: ListPrice) -> Decimal:
    return max(price.price, *(tier for _, tier in price.tiers), Decimal(0))
