"""What a call cost: every attempt priced on its own, by what the provider reported or, where it could not, by an estimate.

An attempt that was never sent costs nothing. One that broke off after it was sent may be billed: it is estimated, never
zero. A whole answer without usage has no known cost and says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, structs

from floorline.events import OUTPUT_BUCKETS, CostBasis, Usage
from floorline.gateway.policy import Provider
from floorline.gateway.underway import Try
from floorline.ledger.codec import NO_LINES, line_columns, micro, pico, retries_of, tokens_of
from floorline.ledger.rows import MICRO_MAX, PICO_MAX
from floorline.money import LIMIT_USD, ZERO, usd, usd_of
from floorline.pricing.answers import Steady, price_answer, steady
from floorline.pricing.book import PriceBook, PriceVersion
from floorline.pricing.cost import Costing
from floorline.pricing.tariff import LineColumns, Tariff
from floorline.pricing.usage import Extraction

FREE_ENDPOINTS = frozenset({"messages.count_tokens", "countTokens"})
"""Counting tokens is free at every provider that offers it."""

MAYBE_BILLED_STATUSES = frozenset({408, 499, 504})
"""Answers that say that time ran out: the provider may have worked, and charge for it."""

_NOTHING = Costing(list_cost=ZERO, contracted_cost=ZERO, effective_cost=ZERO, basis="computed")


class Account(Struct, frozen=True, kw_only=True):
    """What one call has cost and used, in the integers of its record: money in 10^-12 USD, None when unpriced; `quantities` in
    millionths, over everything that the answer bills, of which `usage` is the answering model's part and `also` are the others'.
    `tokens` are those of the input side, read from a cache, of the output side, and of reasoning.
    """

    lines: LineColumns = NO_LINES
    list: int | None = None
    contracted: int | None = None
    effective: int | None = None
    stated: int | None = None
    retries: int = 0
    basis: CostBasis = "unpriced"
    price_version: str = ""
    reason: str = ""
    usage: Usage | None = None
    also: tuple[Usage, ...] = ()
    quantities: Mapping[str, int] = {}
    tokens: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def effective_cost(self) -> Decimal | None:
        """What margin counts, in USD."""
        return None if self.effective is None else usd_of(self.effective)

    def of_attempt(self, number: int) -> Decimal:
        """What margin counts of one attempt, in USD."""
        return usd_of(
            sum([paid for attempt, paid in zip(self.lines[0], self.lines[8], strict=True) if attempt == number])
        )


FREE = Account(list=0, contracted=0, effective=0, basis="computed")
"""What was never sent, or is never charged."""

STEADY_MAX = 4_096
"""Kinds of answers whose tariff is remembered; callers choose models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """By which prices a gateway accounts. `versions` are those that were used and are not recorded yet."""

    book: PriceBook
    trusted: frozenset[str] = frozenset()
    versions: dict[str, PriceVersion] = field(default_factory=dict[str, PriceVersion])
    _steady: dict[tuple[object, ...], Steady] = field(default_factory=dict[tuple[object, ...], Steady])

    def tariff(self, usage: Usage, asked: str, provider: str, at: datetime, component: str) -> Tariff | None:
        """The tariff at the instant `at` of answers like this one, which has one part; None when it is to be priced alone."""
        kind = (
            provider, asked, usage.model, component, tuple(usage.buckets), tuple(usage.counts.items()), tuple(usage.context.items()),
        )  # fmt: skip
        found = self._steady.get(kind)
        if found is None or not found.start <= at < found.end:
            if len(self._steady) >= STEADY_MAX:
                self._steady.clear()
            found = self._steady[kind] = steady(usage, asked, provider, self.book, at, component=component)
            if found.tariff is not None:
                self.versions[found.tariff.version.id] = found.tariff.version
        return found.tariff


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
        plain = _plain(tries[0], prices, at, component, endpoint)
        if plain is not None:
            return plain
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
    return _together(costings, tries[last].usage)


def _plain(one: Try, prices: Prices, at: datetime, component: str, endpoint: str) -> Account | None:
    """The account of the only attempt where it is as nearly all are: a whole answer with one part, at flat prices."""
    read = one.usage
    if read is None or not read.complete or one.ending != "complete" or endpoint in FREE_ENDPOINTS:
        return None
    usage, provider = read.usage, priced_as(one.provider)
    if usage is None or read.also or usage.provider_cost_usd is not None or not one.sent:
        return None
    tariff = prices.tariff(usage, one.model, provider, at, component)
    bill = None if tariff is None else tariff.bill(usage.buckets)
    if tariff is None or bill is None:
        return None
    return Account(
        lines=bill.lines,
        list=bill.cost,
        contracted=bill.cost,
        effective=bill.cost,
        basis=tariff.basis,
        price_version=tariff.version.id,
        usage=usage,
        quantities=bill.usage,
        tokens=bill.tokens,
    )


def _together(costings: Sequence[Costing], read: Extraction | None) -> Account:
    """What the attempts cost together, and what the last one's answer says was used."""
    usage = None if read is None else read.usage
    told = Account() if usage is None or read is None else _told(usage, read.also)
    unknown = next((costing for costing in costings if costing.effective_cost is None), None)
    if unknown is not None:
        return structs.replace(told, reason=unknown.reason)
    end = costings[-1]
    lines = line_columns([line for costing in costings for line in costing.lines])
    if any(abs(amount) > PICO_MAX for column in lines[5:9] for amount in column):
        raise OverflowError("it has an amount that exceeds what one ledger row holds")
    return structs.replace(
        told,
        lines=lines,
        retries=retries_of(lines),
        list=sum([pico(costing.list_cost or ZERO) for costing in costings]),
        contracted=sum([pico(costing.contracted_cost or ZERO) for costing in costings]),
        effective=sum([pico(costing.effective_cost or ZERO) for costing in costings]),
        basis="estimated" if any(costing.basis == "estimated" for costing in costings) else end.basis,
        price_version=end.price_version,
    )


def _told(usage: Usage, also: tuple[Usage, ...]) -> Account:
    """Everything that the answer says was used, over all its parts, and by which model."""
    total: dict[str, int] = {}
    for part in (usage, *also):
        for name, amount in [*part.buckets.items(), *part.counts.items()]:
            total[name] = total.get(name, 0) + micro(Decimal(amount))
            if total[name] > MICRO_MAX:
                raise OverflowError(f"{amount} {name} exceed what one ledger row holds")
    stated = usage.provider_cost_usd
    return Account(
        stated=pico(usd(stated)) if stated is not None and abs(stated) < LIMIT_USD else None,
        usage=usage,
        also=also,
        quantities=total,
        tokens=tokens_of(total),
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
