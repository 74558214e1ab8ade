"""What a call cost: every attempt priced on its own, by what the provider reported or, where it could not, by an estimate.

An attempt that was never sent costs nothing. One that broke off after it was sent may be billed: it is estimated, never
zero. A whole answer without usage has no known cost and says why.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, structs

from floorline.events import OUTPUT_BUCKETS, CostBasis, CostLine, Usage
from floorline.gateway.policy import Provider
from floorline.gateway.underway import Try
from floorline.money import ZERO
from floorline.pricing.answers import price_answer
from floorline.pricing.book import PriceBook, PriceVersion
from floorline.pricing.cost import Costing
from floorline.pricing.usage import Extraction

FREE_ENDPOINTS = frozenset({"messages.count_tokens", "countTokens"})
"""Counting tokens is free at every provider that offers it."""

MAYBE_BILLED_STATUSES = frozenset({408, 499, 504})
"""Answers that say that time ran out: the provider may have worked, and charge for it."""

_NOTHING = Costing(list_cost=ZERO, contracted_cost=ZERO, effective_cost=ZERO, basis="computed")


class Account(Struct, frozen=True, kw_only=True):
    """The costs and the usage of one call, as its record carries them; the costs are None when unpriced."""

    lines: tuple[CostLine, ...] = ()
    list_cost: Decimal | None = None
    contracted_cost: Decimal | None = None
    effective_cost: Decimal | None = None
    basis: CostBasis = "unpriced"
    price_version: str = ""
    reason: str = ""
    usage: Usage | None = None
    also: tuple[Usage, ...] = ()


FREE = Account(list_cost=ZERO, contracted_cost=ZERO, effective_cost=ZERO, basis="computed")
"""What was never sent, or is never charged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """By which prices a gateway accounts. `versions` are those that were used and are not recorded yet."""

    book: PriceBook
    trusted: frozenset[str] = frozenset()
    versions: dict[str, PriceVersion] = field(default_factory=dict[str, PriceVersion])


def priced_as(provider: Provider) -> str:
    """The name whose prices hold at `provider`."""
    return provider.price_as or provider.name


def settle(
    tries: list[Try], prices: Prices, at: datetime, *, component: str, endpoint: str, metered: bool, input_tokens: int
) -> Account:
    """The account of a call over all its attempts. The attempts before the last are of the component `retries`.

    `input_tokens` is the estimate for an attempt whose provider could not report it.
    """
    if not metered or not tries:
        return FREE
    if len(tries) == 1:
        only = _cost(tries[0], prices, at, component=component, attempt=0, endpoint=endpoint, input_tokens=input_tokens)
        return _account(only, tries[0].usage)
    last = len(tries) - 1
    costings = [
        _cost(
            one,
            prices,
            at,
            component=component if place == last else "retries",
            attempt=place,
            endpoint=endpoint,
            input_tokens=input_tokens,
        )
        for place, one in enumerate(tries)
    ]
    unknown = next((costing for costing in costings if costing.effective_cost is None), None)
    if unknown is not None:
        return _account(unknown, tries[last].usage)
    end = costings[last]
    together = Costing(
        lines=tuple(line for costing in costings for line in costing.lines),
        list_cost=_sum(costing.list_cost for costing in costings),
        contracted_cost=_sum(costing.contracted_cost for costing in costings),
        effective_cost=_sum(costing.effective_cost for costing in costings),
        basis="estimated" if any(costing.basis == "estimated" for costing in costings) else end.basis,
        price_version=end.price_version,
    )
    return _account(together, tries[last].usage)


def _account(costing: Costing, read: Extraction | None) -> Account:
    """What the attempts cost together, and what the last one's answer says was used."""
    usage, also = (None, ()) if read is None else (read.usage, read.also)
    if costing.effective_cost is None:
        return Account(reason=costing.reason, usage=usage, also=also)
    return Account(
        lines=costing.lines,
        list_cost=costing.list_cost,
        contracted_cost=costing.contracted_cost,
        effective_cost=costing.effective_cost,
        basis=costing.basis,
        price_version=costing.price_version,
        usage=usage,
        also=also,
    )


def _cost(
    one: Try, prices: Prices, at: datetime, *, component: str, attempt: int, endpoint: str, input_tokens: int
) -> Costing:
    if not one.sent or endpoint in FREE_ENDPOINTS:
        return _NOTHING
    parts = () if one.usage is None else one.usage.parts
    whole = one.ending == "complete" and (one.usage is None or one.usage.complete)
    if not parts:
        if one.status >= 400 and one.status not in MAYBE_BILLED_STATUSES:
            return _NOTHING
        if whole:
            return Costing(reason=one.usage.reason if one.usage is not None else "the answer reports no usage")
        parts = (Usage(buckets={"input": input_tokens}),)
    if not whole and one.status < 400:
        parts = (_at_least(parts[0], one.shown_tokens), *parts[1:])
    return price_answer(
        parts,
        one.model,
        priced_as(one.provider),
        prices.book,
        at,
        component=component,
        attempt=attempt,
        trusted=prices.trusted,
        estimated=not whole,
        versions=prices.versions,
    )


def _at_least(usage: Usage, shown_tokens: int) -> Usage:
    """Usage of an answer that broke off: at least as much output as was seen of it."""
    reported = sum(usage.buckets.get(name, 0) for name in OUTPUT_BUCKETS)
    if shown_tokens <= reported:
        return usage
    output = usage.buckets.get("output", 0) + shown_tokens - reported
    return structs.replace(usage, buckets={**usage.buckets, "output": output})


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), ZERO)
