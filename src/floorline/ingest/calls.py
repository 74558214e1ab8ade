"""A usage event and the price book make a Call: the one place where an event is priced.

A cache hit and a refusal cost nothing and say what they avoided. Unknown is never zero: a call whose model has no price,
or that reports no usage although it may have been billed, has no cost and says why.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import msgspec

from floorline.events import ORCHESTRATION, Attempt, Call, CostBasis, CostLine, Usage
from floorline.ingest.usage import AttemptEvent, Billed, UsageEvent, reported, usage_of
from floorline.money import ZERO, usd
from floorline.pricing.book import PriceBook
from floorline.pricing.ceiling import ceiling
from floorline.pricing.cost import Costing, price
from floorline.pricing.providers import canonical
from floorline.pricing.usage.part import context_of
from floorline.pricing.version import PriceVersion, Unpriced

_NO_CONTEXT: Mapping[str, str] = {}
MAYBE_BILLED_ENDINGS = frozenset({"client_left", "lost"})
MAYBE_BILLED_STATUSES = frozenset({408, 499, 504})
"""Timeouts and departures: the provider may have charged although no usage came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricer:
    """A price book, whose stated costs are believed, and what came up in pricing: the price versions used, and how
    many stated costs of a provider/model were not believed because they are too far off ours.
    """

    book: PriceBook
    trusted_cost_providers: frozenset[str] = frozenset()
    versions: dict[str, PriceVersion] = field(default_factory=dict[str, PriceVersion])
    quarantined: Counter[str] = field(default_factory=Counter[str])
    _ceilings: dict[date, PriceVersion] = field(default_factory=dict[date, PriceVersion])

    def resolve(self, provider: str, model: str, event: UsageEvent) -> PriceVersion | Unpriced:
        """The price of `model` at the event's time and tier; a version is remembered in `versions`."""
        found = self.book.resolve(provider, model, event.timestamp, _context(event))
        if isinstance(found, PriceVersion):
            self.versions[found.id] = found
        return found

    def ceiling(self, at: datetime) -> PriceVersion:
        """What bounds a stated cost of a model without a price; the same for a whole day."""
        day = at.date()
        if day not in self._ceilings:
            self._ceilings[day] = ceiling(self.book, at)
        return self._ceilings[day]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """What a call cost, as its record carries it."""

    lines: tuple[CostLine, ...] = ()
    list: Decimal | None = None
    contracted: Decimal | None = None
    effective: Decimal | None = None
    counterfactual: Decimal | None = None
    basis: CostBasis = "unpriced"
    price_version: str = ""
    reason: str = ""


def to_call(event: UsageEvent, pricer: Pricer, *, source: str = "usage") -> Call:
    """The priced Call of a checked event (`usage_event` checks)."""
    verdict = event.verdict or ("hit" if event.cache_hit else "forward")
    served = event.model_served or event.model
    version = pricer.resolve(event.provider, served, event)
    provider = version.provider if isinstance(version, PriceVersion) else canonical(event.provider)
    usage = _usage(event, event)
    cost = _cost(event, pricer, verdict, usage, version, trust=provider in pricer.trusted_cost_providers)
    counterfactual = event.counterfactual_cost_usd
    return Call(
        source=source,
        id=event.request_id,
        opened_at=event.timestamp,
        gateway=event.gateway,
        customer_id=event.customer_id or event.workspace_id,
        user_id=event.user_id,
        plan=event.plan,
        key_id=event.key_id,
        feature=event.feature,
        workflow=event.workflow,
        run_id=event.run_id,
        step=event.step,
        call_type=event.call_type,
        environment=event.environment,
        purpose=event.purpose,
        metadata=_metadata(event),
        dialect=event.dialect,
        provider=provider,
        model_requested=event.model,
        model_served=served,
        streamed=event.streamed,
        status=event.status,
        ending=event.ending or _ending(event, verdict),
        verdict=verdict,
        reasons=event.reasons,
        cache=event.cache or ("exact" if verdict == "hit" else ""),
        baseline=event.baseline,
        holdout=event.holdout,
        touches=event.touches,
        service_tier=event.service_tier or ("batch" if event.batch else ""),
        usage=_quantities(usage) if verdict == "forward" else {},
        duration_us=_us(event.latency_ms),
        first_token_us=None if event.first_token_ms is None else _us(event.first_token_ms),
        overhead_us=_us(event.overhead_ms),
        cost_basis=cost.basis,
        price_version=cost.price_version,
        unpriced_reason=cost.reason,
        list_cost=cost.list,
        contracted_cost=cost.contracted,
        effective_cost=cost.effective,
        counterfactual_cost=cost.counterfactual if counterfactual is None else usd(counterfactual),
        stated_cost=None if event.cost_usd is None else usd(event.cost_usd),
        attempts=_attempts(event, provider, served),
        lines=cost.lines,
    )


def _metadata(event: UsageEvent) -> Mapping[str, str]:
    """The event's own, and the workspace where another customer pays for it."""
    if not event.workspace_id or event.customer_id in {"", event.workspace_id}:
        return event.metadata
    return {"workspace_id": event.workspace_id, **event.metadata}


def _context(event: UsageEvent) -> Mapping[str, str]:
    """What selects a price variant, by the same rules as for a provider's answer."""
    if not (event.service_tier or event.speed or event.batch):
        return _NO_CONTEXT
    _, context = context_of(event.service_tier, {"speed": event.speed}, batch=event.batch)
    return context


def _usage(used: Billed, event: UsageEvent) -> Usage:
    """The usage of the event (or of one attempt of it) as pricing reads it."""
    return msgspec.structs.replace(
        usage_of(used),
        model=event.model_served or event.model,
        service_tier=event.service_tier,
        context=_context(event),
        provider_cost_usd=event.cost_usd if used is event else None,
    )


def _cost(
    event: UsageEvent, pricer: Pricer, verdict: str, usage: Usage, version: PriceVersion | Unpriced, *, trust: bool
) -> _Cost:
    silent = not any(reported(event))
    if verdict != "forward":
        return _nothing(version, avoided=None if silent else price(usage, version).effective_cost)
    if silent and not (trust and event.cost_usd is not None):
        maybe_billed = event.ending in MAYBE_BILLED_ENDINGS or event.status in MAYBE_BILLED_STATUSES
        if event.status >= 400 and not maybe_billed:
            return _nothing(version)
        return _Cost(reason="no usage is reported: neither tokens nor counts, so the cost is unknown")
    component = "orchestration" if event.call_type in ORCHESTRATION else "inference"
    final = price(
        usage,
        Unpriced(reason="no usage is reported") if silent else version,
        component=component,
        attempt=max(len(event.attempts) - 1, event.retries),
        trust_stated=trust,
        estimated=event.estimated,
        ceiling=pricer.ceiling(event.timestamp) if trust and isinstance(version, Unpriced) else None,
    )
    if final.quarantined_usd is not None:
        pricer.quarantined[f"{canonical(event.provider)}/{usage.model}"] += 1
    return _sum(final, _retries(event, pricer))


def _nothing(version: PriceVersion | Unpriced, avoided: Decimal | None = None) -> _Cost:
    """Known to have cost nothing."""
    return _Cost(
        list=ZERO,
        contracted=ZERO,
        effective=ZERO,
        counterfactual=avoided,
        basis="computed",
        price_version=version.id if isinstance(version, PriceVersion) else "",
    )


def _retries(event: UsageEvent, pricer: Pricer) -> list[Costing]:
    """What the attempts before the last one cost, where they report usage."""
    costings: list[Costing] = []
    for index, attempt in enumerate(event.attempts[:-1]):
        if any(reported(attempt)):
            provider = attempt.provider or event.provider
            version = pricer.resolve(provider, attempt.model or event.model, event)
            usage = _usage(attempt, event)
            costings.append(price(usage, version, component="retries", attempt=index, estimated=event.estimated))
    return costings


def _sum(final: Costing, retries: Iterable[Costing]) -> _Cost:
    """The call's cost; unknown as soon as one part of it is."""
    costings = (*retries, final)
    if len(costings) == 1:
        return _Cost(
            lines=final.lines,
            list=final.list_cost,
            contracted=final.contracted_cost,
            effective=final.effective_cost,
            basis=final.basis,
            price_version=final.price_version,
            reason="" if final.effective_cost is not None else final.reason,
        )
    for costing in costings:
        if costing.effective_cost is None:
            return _Cost(reason=costing.reason)
    lines = tuple(line for costing in costings for line in costing.lines)
    return _Cost(
        lines=lines,
        list=sum((line.list for line in lines), ZERO),
        contracted=sum((line.contracted for line in lines), ZERO),
        effective=sum((line.effective for line in lines), ZERO),
        basis=final.basis,
        price_version=final.price_version,
    )


def _ending(event: UsageEvent, verdict: str) -> str:
    if verdict == "refuse":
        return "refused"
    return "upstream_error" if event.status >= 400 else "complete"


def _quantities(usage: Usage) -> dict[str, Decimal]:
    return {**{name: Decimal(tokens) for name, tokens in usage.buckets.items()}, **usage.counts}


def _attempts(event: UsageEvent, provider: str, model: str) -> tuple[Attempt, ...]:
    """Every attempt that is known of; none is listed when there was just the one."""
    if event.attempts:
        return tuple(_attempt(attempt, event, provider, model) for attempt in event.attempts)
    if not event.retries:
        return ()
    earlier = Attempt(provider=provider, model=model, status=0, ending="upstream_error")
    last = Attempt(
        provider=provider, model=model, status=event.status, ending=event.ending or _ending(event, "forward")
    )
    return (*[earlier] * event.retries, last)


def _attempt(attempt: AttemptEvent, event: UsageEvent, provider: str, model: str) -> Attempt:
    last = attempt is event.attempts[-1]
    return Attempt(
        provider=attempt.provider or provider,
        model=attempt.model or (model if last else event.model),
        status=attempt.status,
        started_us=_us(attempt.started_ms),
        duration_us=_us(attempt.duration_ms),
        ending=attempt.ending,
    )


def _us(milliseconds: Decimal) -> int:
    return int(milliseconds * 1_000)
