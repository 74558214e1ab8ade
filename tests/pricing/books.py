"""Books and calls that the pricing tests share."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

from floorline.events import COUNTS, TOKEN_BUCKETS, Usage
from floorline.pricing.book import Contract, PriceBook, PriceOverride, PriceVersion, Rate, RateTier, build_book
from floorline.pricing.cost import Costing, price

NOVEMBER = datetime(2026, 11, 1, 12, tzinfo=UTC)


@cache
def catalogue_book() -> PriceBook:
    """The book as it is without any configuration; its cache is shared by every test."""
    book, warnings = build_book()
    assert warnings == []
    return book


def day(text: str) -> datetime:
    """Noon UTC of a day."""
    return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC).replace(hour=12)


def usage(*, context: dict[str, str] | None = None, stated: str | None = None, **amounts: int | str) -> Usage:
    """Usage from units by name: `usage(input=100, web_searches=2)`."""
    assert amounts.keys() <= {*TOKEN_BUCKETS, *COUNTS}
    return Usage(
        buckets={name: int(n) for name, n in amounts.items() if name in TOKEN_BUCKETS},
        counts={name: Decimal(n) for name, n in amounts.items() if name in COUNTS},
        context=context or {},
        provider_cost_usd=None if stated is None else Decimal(stated),
    )


def rate(text: str, *, per: int = 0, tiers: dict[int, str] | None = None) -> Rate:
    """A price, with tiers by the tokens they begin above."""
    ladder = tuple(RateTier(above_tokens=above, price=Decimal(tier)) for above, tier in (tiers or {}).items())
    return Rate(price=Decimal(text), per=per, tiers=ladder)


def own_prices(provider: str = "openai", model: str = "our-model", **rates: str | Rate) -> PriceOverride:
    """An entry of `prices:`."""
    return PriceOverride(
        provider=provider,
        model=model,
        rates={name: one if isinstance(one, Rate) else rate(one) for name, one in rates.items()},
    )


def book_of(*entries: PriceOverride | Contract) -> PriceBook:
    """A book with these entries over the catalogue, whatever it warns of."""
    book, _ = build_book(
        [one for one in entries if isinstance(one, PriceOverride)],
        [one for one in entries if isinstance(one, Contract)],
    )
    return book


def resolved(book: PriceBook, provider: str, model: str, at: datetime = NOVEMBER, **context: str) -> PriceVersion:
    """The version, which must exist."""
    version = book.resolve(provider, model, at, context)
    assert isinstance(version, PriceVersion), version.reason
    return version


def cost_at(
    provider: str, model: str, used: Usage, at: datetime = NOVEMBER, *, book: PriceBook | None = None
) -> Costing:
    """What `used` costs in the shared book, or in `book`."""
    return price(used, resolved(book or catalogue_book(), provider, model, at, **used.context))
