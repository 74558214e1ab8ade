"""What a recorded call costs when it is priced again: pure, one call at a time.

`Recompute` keeps the price version stamped on the call; `Rerate` looks the price up anew, as of the call's time.
A call that may not change, or whose new cost cannot be known, is `Kept` with the reason: a price is never taken away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from floorline.events import ORCHESTRATION, TOKEN_BUCKETS, CostBasis, Usage
from floorline.money import LIMIT_USD, ZERO
from floorline.pricing.book import PriceBook
from floorline.pricing.ceiling import ceiling
from floorline.pricing.cost import Costing, price, tier_unpriced
from floorline.pricing.usage.part import context_of
from floorline.pricing.version import PriceVersion, Unpriced

Reason = Literal["not_forwarded", "stated", "no_usage", "unpriced", "price_gone", "version_lost", "retried", "too_dear"]

REASONS: Mapping[Reason, str] = {
    "not_forwarded": "cache hits and refusals cost nothing",
    "stated": "the cost is the provider's own statement",
    "no_usage": "no usage is recorded, so there is nothing to price",
    "unpriced": "no price is known",
    "price_gone": "the book no longer has a price for what was used: the cost stays as it was",
    "version_lost": "the stamped price version is not among the kept ones: re-rate the calls instead",
    "retried": "an earlier batch changed them, and each attempt's own price version is not kept: re-rate them instead",
    "too_dear": f"the new cost is {LIMIT_USD} USD or more, beyond what one row holds: is a price wrong?",
}
"""Why a call keeps its cost."""

_BUCKETS = frozenset(TOKEN_BUCKETS)


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call as it was recorded; `retry_*` are its lines of earlier attempts, `attempt_*` who served each attempt
    (empty where no earlier attempt was billed), `attempts` how many are known of.
    """

    source: str
    id: str
    opened_at: datetime
    customer_id: str
    user_id: str
    plan: str
    feature: str
    workflow: str
    run_id: str
    step: str
    call_type: str
    environment: str
    purpose: str
    provider: str
    model_served: str
    service_tier: str
    verdict: str
    usage: Mapping[str, Decimal]
    cost_basis: CostBasis
    price_version: str
    unpriced_reason: str
    list_cost: Decimal | None
    contracted_cost: Decimal | None
    effective_cost: Decimal | None
    stated_cost: Decimal | None
    retry_cost: Decimal
    attempt_providers: tuple[str, ...]
    attempt_models: tuple[str, ...]
    attempts: int
    retry_attempts: tuple[int, ...]
    retry_units: tuple[str, ...]
    retry_quantities: tuple[Decimal, ...]
    retry_versions: tuple[str, ...]


class Adjusted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What earlier batches made of one call: the sums of their deltas, and what the last of them left."""

    call_source: str
    call_id: str
    list_delta: Decimal
    contracted_delta: Decimal
    effective_delta: Decimal
    retry_delta: Decimal
    basis: CostBasis
    price_version: str
    batch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a call costs in USD under one price version; all amounts are 0 while `basis` is unpriced.

    `batch` is the last batch that changed it, "" when none did.
    """

    basis: CostBasis
    price_version: str
    list: Decimal
    contracted: Decimal
    effective: Decimal
    retry: Decimal
    batch: str = ""

    @property
    def amount(self) -> Decimal | None:
        """The effective cost; None when unpriced."""
        return None if self.basis == "unpriced" else self.effective

    def same_money(self, other: "Cost") -> bool:
        """Whether every amount and the basis are equal; the price version and the batch may differ."""
        return (self.basis, self.list, self.contracted, self.effective, self.retry) == (
            other.basis,
            other.list,
            other.contracted,
            other.effective,
            other.retry,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The call keeps its cost. `detail` names what is missing, where something is."""

    reason: Reason
    detail: str = ""


def current_cost(call: RecordedCall, adjusted: Adjusted | None) -> Cost:
    """The call's cost as it stands: recorded, plus everything that earlier batches changed."""
    if adjusted is None:
        return Cost(
            basis=call.cost_basis,
            price_version=call.price_version,
            list=call.list_cost or ZERO,
            contracted=call.contracted_cost or ZERO,
            effective=call.effective_cost or ZERO,
            retry=call.retry_cost,
        )
    return Cost(
        basis=adjusted.basis,
        price_version=adjusted.price_version,
        list=(call.list_cost or ZERO) + adjusted.list_delta,
        contracted=(call.contracted_cost or ZERO) + adjusted.contracted_delta,
        effective=(call.effective_cost or ZERO) + adjusted.effective_delta,
        retry=call.retry_cost + adjusted.retry_delta,
        batch=adjusted.batch,
    )


Found = PriceVersion | Unpriced | Kept


class Prices(Protocol):
    """Where a verb takes its prices from."""

    @property
    def versions(self) -> Mapping[str, PriceVersion]:
        """Every version that was ever stamped, by id."""
        ...

    def ceiling(self, call: RecordedCall) -> PriceVersion | None:
        """What bounds a cost that is stated for a model without a price."""
        ...

    def of_call(self, call: RecordedCall, current: Cost) -> Found:
        """The price version of the call's last attempt."""
        ...

    def of_attempt(self, call: RecordedCall, current: Cost, attempt: int) -> Found:
        """The price version of an earlier attempt that was billed."""
        ...

    def trusts(self, call: RecordedCall) -> bool:
        """Whether the cost stated with the call counts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recompute:
    """The price version stamped on the call stays; `versions` are all that were ever stamped."""

    versions: Mapping[str, PriceVersion]

    def of_call(self, call: RecordedCall, current: Cost) -> Found:
        """The version that the call's current cost was made with."""
        if current.basis == "unpriced":
            return Kept(reason="unpriced", detail=call.unpriced_reason)
        return self._kept(current.price_version)

    def of_attempt(self, call: RecordedCall, current: Cost, attempt: int) -> Found:
        """The version on the attempt's own lines, unless an earlier batch has replaced it."""
        if current.batch:
            return Kept(reason="retried")
        return self._kept(call.retry_versions[call.retry_attempts.index(attempt)])

    def ceiling(self, call: RecordedCall) -> PriceVersion | None:
        """None: a call without a version is left alone."""
        del call
        return None

    def trusts(self, call: RecordedCall) -> bool:
        """What was believed when the call was recorded stays believed, and nothing else."""
        del call
        return False

    def _kept(self, version: str) -> Found:
        return self.versions.get(version) or Kept(reason="version_lost", detail=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerate:
    """The price as the book has it now, as of the call's time. `versions` are all that were ever stamped."""

    book: PriceBook
    trusted_cost_providers: frozenset[str]
    versions: Mapping[str, PriceVersion]

    def of_call(self, call: RecordedCall, current: Cost) -> Found:
        """The book's answer for the model that served the call."""
        del current
        return self._resolve(call, call.provider, call.model_served)

    def of_attempt(self, call: RecordedCall, current: Cost, attempt: int) -> Found:
        """The book's answer for the model that served the attempt."""
        del current
        return self._resolve(call, call.attempt_providers[attempt], call.attempt_models[attempt])

    def ceiling(self, call: RecordedCall) -> PriceVersion | None:
        """The dearest of the book at the call's time, where a stated cost may count."""
        return ceiling(self.book, call.opened_at) if self.trusts(call) else None

    def trusts(self, call: RecordedCall) -> bool:
        """Whether the configuration trusts the provider now."""
        return call.stated_cost is not None and call.provider in self.trusted_cost_providers

    def _resolve(self, call: RecordedCall, provider: str, model: str) -> Found:
        stamped = self.versions.get(call.price_version)
        context = dict(stamped.context) if stamped is not None else {}
        return self.book.resolve(provider, model, call.opened_at, context | _tier(call))


@dataclass(frozen=True, slots=True, kw_only=True)
class Repriced:
    """The new cost of a call, and the price versions that made it."""

    cost: Cost
    versions: tuple[PriceVersion, ...]


def reprice(call: RecordedCall, current: Cost, prices: Prices) -> Repriced | Kept:
    """The call priced again from the usage it was recorded with."""
    if call.verdict != "forward":
        return Kept(reason="not_forwarded")
    if current.basis == "provider":
        return Kept(reason="stated")
    if not call.usage:
        return Kept(reason="no_usage")
    found = prices.of_call(call, current)
    if isinstance(found, Kept):
        return found
    usage = _usage(call)
    stamped = prices.versions.get(current.price_version)
    for_its_tier = stamped is not None and tier_unpriced(usage, stamped)  # an estimate that a price of the tier ends
    estimated = current.basis == "estimated" and not for_its_tier
    costing = price(
        usage,
        found,
        component="orchestration" if call.call_type in ORCHESTRATION else "inference",
        trust_stated=prices.trusts(call),
        ceiling=prices.ceiling(call) if isinstance(found, Unpriced) else None,
        estimated=estimated,
    )
    costings, versions = [costing], [found]
    for attempt in dict.fromkeys(call.retry_attempts):
        earlier = prices.of_attempt(call, current, attempt)
        if isinstance(earlier, Kept):
            return earlier
        used = _attempt_usage(call, attempt)
        costings.append(price(used, earlier, component="retries", attempt=attempt, estimated=estimated))
        versions.append(earlier)
    unpriced = next((one for one in costings if one.effective_cost is None), None)
    if unpriced is not None:
        return Kept(reason="unpriced" if current.basis == "unpriced" else "price_gone", detail=unpriced.reason)
    cost = _cost(costings)
    if max(cost.list, cost.contracted, cost.effective) >= LIMIT_USD:
        return Kept(reason="too_dear")
    return Repriced(cost=cost, versions=tuple(one for one in versions if isinstance(one, PriceVersion)))


def _cost(costings: list[Costing]) -> Cost:
    """The sums over every attempt's lines; basis and version are the last attempt's, which stands first."""
    lines = [line for costing in costings for line in costing.lines]
    return Cost(
        basis=costings[0].basis,
        price_version=costings[0].price_version,
        list=sum((line.list for line in lines), ZERO),
        contracted=sum((line.contracted for line in lines), ZERO),
        effective=sum((line.effective for line in lines), ZERO),
        retry=sum((line.effective for line in lines if line.component == "retries"), ZERO),
    )


def _tier(call: RecordedCall) -> dict[str, str]:
    """What selects a price variant, by the same rules as for a provider's answer."""
    return context_of(call.service_tier, {}, batch=False)[1]


def _usage(call: RecordedCall) -> Usage:
    return Usage(
        buckets={unit: int(quantity) for unit, quantity in call.usage.items() if unit in _BUCKETS},
        counts={unit: quantity for unit, quantity in call.usage.items() if unit not in _BUCKETS},
        model=call.model_served,
        service_tier=call.service_tier,
        context=_tier(call),
        provider_cost_usd=call.stated_cost,
    )


def _attempt_usage(call: RecordedCall, attempt: int) -> Usage:
    """What an earlier attempt used, as its cost lines say."""
    used = {
        unit: quantity
        for number, unit, quantity in zip(call.retry_attempts, call.retry_units, call.retry_quantities, strict=True)
        if number == attempt
    }
    return Usage(
        buckets={unit: int(quantity) for unit, quantity in used.items() if unit in _BUCKETS},
        counts={unit: quantity for unit, quantity in used.items() if unit not in _BUCKETS},
    )
