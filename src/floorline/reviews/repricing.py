"""A company's own use at prices of other days: what tokens cost under another version of a model's prices.

Tokens are priced by the book's prices of plain input, cache reads, output and reasoning. What else is billed (cache
writes, searches, long-context tiers) is not in it: amounts are compared with each other, never with a bill.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct

from floorline import money
from floorline.pricing.version import PriceVersion, Unpriced
from floorline.reviews.quarter_model import MonthOfPrices
from floorline.reviews.queries import ModelUse

Model = tuple[str, str]
"""Provider and model."""

Prices = Callable[[str, str, date], PriceVersion | Unpriced]
"""The version of (provider, model) that holds on a day."""

MONTHS = 12


def token_cost(use: ModelUse, version: PriceVersion | Unpriced, *, contracted: bool = False) -> Decimal | None:
    """What the tokens of `use` cost at the list (or the `contracted`) prices of `version`, USD; None where a price is
    missing.
    """
    if isinstance(version, Unpriced):
        return None
    if version.free:
        return money.ZERO
    quantities = {
        "input": use.input_tokens - use.cache_read_tokens,
        "cache_read": use.cache_read_tokens,
        "output": use.output_tokens - use.reasoning_tokens,
        "reasoning": use.reasoning_tokens,
    }
    total = money.ZERO
    for unit, quantity in quantities.items():
        price = version.by_unit.get(unit)
        if quantity and price is None:
            return None
        if quantity and price is not None:
            total += money.multiply(quantity, price.contracted if contracted else price.list, price.per)
    return total


class PriceTrend(Struct, frozen=True, kw_only=True):
    """The last months' prices on one mix of use. `undated` are models whose prices the book never dated: for them every
    month shows today's price. `left_out` have no price of their tokens.
    """

    months: tuple[MonthOfPrices, ...]
    undated: tuple[Model, ...] = ()
    left_out: tuple[Model, ...] = ()
    dated_share: Decimal | None = None


def price_trend(uses: Sequence[ModelUse], prices: Prices, months: Sequence[date]) -> PriceTrend:
    """What `uses` would have cost at the list prices of each of `months` (first days, oldest first)."""
    costs: dict[Model, list[Decimal]] = {}
    dated: set[Model] = set()
    for use in uses:
        key = (use.provider, use.model)
        versions = [prices(use.provider, use.model, month) for month in months]
        amounts = [token_cost(use, version) for version in versions]
        known = [amount for amount in amounts if amount is not None]
        if len(known) == len(months):
            costs[key] = known
            if any(isinstance(one, PriceVersion) and one.effective_from is not None for one in versions):
                dated.add(key)
    totals = [sum((amounts[at] for amounts in costs.values()), money.ZERO) for at in range(len(months))]
    current = totals[-1]
    return PriceTrend(
        months=tuple(
            MonthOfPrices(month=month, usd=total, index=money.ratio(total, current))
            for month, total in zip(months, totals, strict=True)
        ),
        undated=tuple(sorted(costs.keys() - dated)),
        left_out=tuple(sorted({(use.provider, use.model) for use in uses} - costs.keys())),
        dated_share=money.ratio(sum((costs[key][-1] for key in dated), money.ZERO), current),
    )


def months_before(end: date, count: int = MONTHS) -> list[date]:
    """The first days of the last `count` months that began before `end`, oldest first."""
    found: list[date] = []
    year, month = (end.year, end.month) if end.day > 1 else (end.year, end.month - 1)
    for _ in range(count):
        if month == 0:
            year, month = year - 1, 12
        found.append(date(year, month, 1))
        month -= 1
    return found[::-1]


def by_model(uses: Iterable[ModelUse]) -> Mapping[Model, ModelUse]:
    """The uses by provider and model."""
    return {(use.provider, use.model): use for use in uses}
