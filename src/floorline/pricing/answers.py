"""What a whole answer costs: every part that it bills, each at the prices of its own model."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import cast

from msgspec import Struct

from floorline.events import Usage
from floorline.pricing.book import PriceBook, PriceVersion, Unpriced
from floorline.pricing.cost import Costing, price
from floorline.pricing.providers import canonical
from floorline.pricing.tariff import Tariff

REGION_NAMED = frozenset({"aws"})
"""Providers that bill what the request names (a region's or a profile's model), not what the answer names."""


def price_answer(
    parts: Sequence[Usage],
    asked: str,
    provider: str,
    book: PriceBook,
    at: datetime,
    *,
    component: str = "inference",
    attempt: int = 0,
    trusted: frozenset[str] = frozenset(),
    estimated: bool = False,
    versions: dict[str, PriceVersion] | None = None,
) -> Costing:
    """The cost of all `parts` of an answer of `provider` to a request for the model `asked`: lines and sums of all, basis
    and price version of the first. By the provider's own word where it is `trusted` and one part is all there is (a
    stated cost is of the whole answer). Unpriced as soon as one part is. `versions` takes the price versions that were used.
    """
    trust = bool(trusted) and len(parts) == 1 and canonical(provider) in trusted
    costings: list[Costing] = []
    for place, part in enumerate(parts):
        version = _version(part, asked if place == 0 else "", provider, book, at)
        if versions is not None and isinstance(version, PriceVersion):
            versions[version.id] = version
        costings.append(
            price(part, version, component=component, attempt=attempt, trust_stated=trust, estimated=estimated)
        )
    if len(costings) == 1:
        return costings[0]
    missing = next((costing for costing in costings if costing.effective_cost is None), None)
    if missing is not None or not costings:
        return Costing(reason=missing.reason if missing else "the answer reports no usage")
    return Costing(
        lines=tuple(line for costing in costings for line in costing.lines),
        list_cost=_sum(costing.list_cost for costing in costings),
        contracted_cost=_sum(costing.contracted_cost for costing in costings),
        effective_cost=_sum(costing.effective_cost for costing in costings),
        basis=costings[0].basis,
        price_version=costings[0].price_version,
    )


class Steady(Struct, frozen=True):
    """What holds from `start` until `end` for answers of one shape; `tariff` is None where each has to be priced on its own."""

    start: datetime
    end: datetime
    tariff: Tariff | None


def steady(part: Usage, asked: str, provider: str, book: PriceBook, at: datetime, *, component: str) -> Steady:
    """What holds around `at` for answers of `provider` like `part`, the only part of its answer, to requests for `asked`."""
    version = _version(part, asked, provider, book, at)
    spans = [book.steady(provider, name, at, part.context) for name in _names(part, asked, provider) if name]
    return Steady(
        max([start for start, _ in spans], default=at),
        min([end for _, end in spans], default=at),
        Tariff.of(version, part, component) if isinstance(version, PriceVersion) else None,
    )


def _names(part: Usage, asked: str, provider: str) -> tuple[str, ...]:
    """The names that say which model is billed, best first."""
    names = (asked, part.model) if canonical(provider) in REGION_NAMED else (part.model, asked)
    return names if names[0] != names[1] else names[:1]


def _version(part: Usage, asked: str, provider: str, book: PriceBook, at: datetime) -> PriceVersion | Unpriced:
    """The prices of the model that is billed: the one that the answer names where it is known, else the one asked for."""
    first: Unpriced | None = None
    for name in _names(part, asked, provider):
        if name:
            found = book.resolve(provider, name, at, part.context)
            if isinstance(found, PriceVersion):
                return found
            first = first or found
    return first or cast("Unpriced", book.resolve(provider, "", at, part.context))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((cast("Decimal", amount) for amount in amounts), Decimal(0))
