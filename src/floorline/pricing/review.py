"""A look over the user's prices when they are loaded: what points nowhere is refused, what is far off is said."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from floorline.errors import BadInput
from floorline.pricing.compose import list_price, matches, split_reference
from floorline.pricing.listing import Listed, ListPrice
from floorline.pricing.overrides import Contract, PriceOverride, Rate
from floorline.pricing.providers import canonical, infer
from floorline.pricing.units import CHAINS

if TYPE_CHECKING:
    from floorline.pricing.book import PriceBook

FACTOR_MAX = 5
"""A price this many times off the catalogue's is worth a look: most often it is per token instead of per million."""

_LATEST = date(9999, 1, 1)


def review(book: "PriceBook", overrides: Sequence[PriceOverride], contracts: Sequence[Contract]) -> list[str]:
    """The warnings about the user's entries, each naming both prices. BadInput when a `same_as` points nowhere."""
    warnings: list[str] = []
    for override in overrides:
        if override.same_as:
            _check_target(book, override)
        for name, rate in override.rates.items():
            warnings += _far_off(book, override, name, rate, f"prices of {override.model}")
    for contract in contracts:
        title = f"contract with {contract.provider} for {contract.model}"
        if contract.rate is not None:
            warnings += _far_off(book, contract, contract.unit, contract.rate, title)
        if contract.multiplier is not None and not Decimal(1) / FACTOR_MAX <= contract.multiplier <= FACTOR_MAX:
            warnings.append(
                f"{title}: multiplier {contract.multiplier} makes {contract.multiplier} USD of a list price of 1 USD,"
                f" more than {FACTOR_MAX} × off: write 0.85 for 15 % off"
            )
    return warnings


def _check_target(book: "PriceBook", override: PriceOverride) -> None:
    provider, model = split_reference(override.same_as, canonical(override.provider))
    known = book.find(provider, model) or any(
        (one.rates or one.free) and not one.same_as for one in book.overrides_of(provider, frozenset({model}))
    )
    if not known:
        raise BadInput(
            f"prices of {override.model}: `same_as: {override.same_as}` names a model without a price:"
            " write it as provider/model, for instance openai/gpt-4o"
        )


def _far_off(book: "PriceBook", entry: PriceOverride | Contract, name: str, rate: Rate, title: str) -> Iterator[str]:
    """One warning for the first model of the catalogue from whose price the entry is too far."""
    ours = list_price(name, rate)
    day = entry.valid_from or _LATEST
    when = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for listed in _covered(book, entry):
        prices = listed.at(when, entry.when).prices
        theirs = next((prices[link] for link in CHAINS.get(name, (name,)) if link in prices), None)
        if theirs is not None and _factor(ours, theirs) > FACTOR_MAX:
            yield (
                f"{title}: {name} costs {ours.price} USD per {ours.per}, the catalogue says {theirs.price} USD per"
                f" {theirs.per} for {listed.id}, more than {FACTOR_MAX} × off: check the unit, and `per:`"
            )
            return


def _covered(book: "PriceBook", entry: PriceOverride | Contract) -> Iterator[Listed]:
    provider = canonical(entry.provider)
    if not provider:
        owner = infer(entry.model.lower(), book.catalogue)
        provider = owner if isinstance(owner, str) else ""
    exact = book.find(provider, entry.model.lower())
    if exact is not None:
        yield exact
        return
    for model in book.catalogue.models(provider):
        if matches(entry.model, frozenset({model.id.lower()})):
            yield model


def _factor(ours: ListPrice, theirs: ListPrice) -> Decimal:
    """How many times one price is the other, the larger over the smaller; a free price is no factor off."""
    mine, catalogue = ours.price / ours.per, theirs.price / theirs.per
    if mine == 0 or catalogue == 0:
        return Decimal(1)
    return max(mine / catalogue, catalogue / mine)
