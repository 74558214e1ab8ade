"""What the price book says of the models that a company uses: their tiers, and what changes of price do to it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from floorline import money
from floorline.margin.words import dollars
from floorline.pricing.book import PriceBook, PriceVersion, Unpriced
from floorline.reviews.hosting import DAYS_A_MONTH
from floorline.reviews.policy import Tier, blended, tier_of
from floorline.reviews.queries import ModelUse, Workload
from floorline.reviews.repricing import token_cost

_MILLION = 1_000_000
_SHOWN = (("input", "in"), ("output", "out"))


class Change(NamedTuple):
    """A change of a model's prices, what it says of a million tokens, and what it does to the margin a month (positive:
    a cut), None where a price is missing.
    """

    provider: str
    model: str
    on: date
    what: str
    usd_a_month: Decimal | None


def tiers_of(
    book: PriceBook, uses: Iterable[ModelUse], end: date, stated: Mapping[str, Tier]
) -> dict[tuple[str, str], Tier]:
    """(provider, model) → tier at the list prices of the day before `end`; models without a price have none."""
    found: dict[tuple[str, str], Tier | None] = {}
    for use in uses:
        price = blended_price(version_on(book, use.provider, use.model, end - timedelta(days=1)))
        found[use.provider, use.model] = tier_of(use.model, price, stated)
    return {key: tier for key, tier in found.items() if tier is not None}


def version_on(book: PriceBook, provider: str, model: str, day: date) -> PriceVersion | Unpriced:
    """The version that holds at noon (UTC) of a day."""
    return book.resolve(provider, model, datetime.combine(day, time(12), UTC))


def blended_price(version: PriceVersion | Unpriced) -> Decimal | None:
    """USD of a blended million tokens at list price; None where the model has no price of tokens."""
    if isinstance(version, Unpriced):
        return None
    if version.free:
        return Decimal(0)
    inputs = _mtok(version, "input")
    return None if inputs is None else blended(inputs, _mtok(version, "output") or Decimal(0))


def changes(book: PriceBook, uses: Iterable[ModelUse], start: date, end: date, *, days: int) -> list[Change]:
    """The changes of price from `start` to the day before `end` of the models in use, `uses` being those of `days` days;
    by day.
    """
    found: list[Change] = []
    for use in uses:
        for day, after in book.changes(use.provider, use.model, start, end):
            before = version_on(book, use.provider, use.model, day - timedelta(days=1))
            old, new = token_cost(use, before, contracted=True), token_cost(use, after, contracted=True)
            effect = None if old is None or new is None else money.multiply(old - new, DAYS_A_MONTH, days)
            found.append(Change(use.provider, use.model, day, _said(before, after), effect))
    return sorted(found, key=lambda change: (change.on, change.provider, change.model))


def switched(
    book: PriceBook, workloads: Iterable[Workload], feature: str, models: tuple[str, str], on: date, *, days: int
) -> Decimal | None:
    """What it does to the margin a month when a feature's calls go from the first of `models` ('': its dearest one) to the
    second with the tokens that they had in `days` days; None where a price is missing or there was no such call.
    """
    old = new = money.ZERO
    mine = [one for one in workloads if one.feature == feature]
    left = models[0] or max(((one.cost, one.model) for one in mine), default=(0, ""))[1]
    used = [one for one in mine if one.model == left]
    for use in used:
        own = version_on(book, use.provider, models[1], on)
        version = own if isinstance(own, PriceVersion) else version_on(book, "", models[1], on)
        was = token_cost(use, version_on(book, use.provider, use.model, on), contracted=True)
        will = token_cost(use, version, contracted=True)
        if was is None or will is None:
            return None
        old, new = old + was, new + will
    return money.multiply(old - new, DAYS_A_MONTH, days) if used else None


def _said(before: PriceVersion | Unpriced, after: PriceVersion | Unpriced) -> str:
    """What a million tokens cost before and after, as contracted: `in $2.50 → $2.00, out $10.00 → $8.00`."""
    if isinstance(after, Unpriced):
        return "no price any more"
    if isinstance(before, Unpriced):
        return "a price for the first time"
    parts = [
        f"{word} {dollars(old)} → {dollars(new)}"
        for unit, word in _SHOWN
        if (old := _mtok(before, unit, contracted=True)) != (new := _mtok(after, unit, contracted=True))
    ]
    return ", ".join(parts) or "other units than input and output"


def _mtok(version: PriceVersion, unit: str, *, contracted: bool = False) -> Decimal | None:
    price = version.by_unit.get(unit)
    if price is None:
        return None
    return money.EXACT.divide((price.contracted if contracted else price.list) * _MILLION, Decimal(price.per))
