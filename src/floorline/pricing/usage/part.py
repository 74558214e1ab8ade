"""One part of an answer's usage: what one model used. Most answers have one part."""

import re
from dataclasses import dataclass, field
from decimal import Decimal

from floorline.events import COUNTS, TOKEN_BUCKETS, Usage
from floorline.pricing.usage.tally import Fields, Tally, fields

_TRAFFIC = {
    "on_demand": "standard", "on_demand_flex": "flex", "on_demand_priority": "priority",
    "provisioned_throughput": "provisioned",
    "1": "standard", "2": "provisioned",  # the enum's numbers, as protobuf JSON without names gives them
}  # fmt: skip
_UNRESOLVED = frozenset({"", "auto"})


@dataclass(slots=True, kw_only=True)
class Part:
    """A tally with the names that price it. `total` is the provider's own total, `cost_usd` its own price."""

    tally: Tally = field(default_factory=Tally)
    model: str = ""
    tier: str = ""
    context: dict[str, str] = field(default_factory=dict[str, str])
    total: int | None = None
    cost_usd: Decimal | None = None

    def usage(self) -> Usage:
        """The part as a record, its buckets and counts in their canonical order."""
        tally = self.tally
        return Usage(
            buckets={name: tally.buckets[name] for name in TOKEN_BUCKETS if name in tally.buckets},
            counts={name: tally.counts[name] for name in COUNTS if name in tally.counts},
            model=self.model,
            service_tier=self.tier,
            context=dict(sorted(self.context.items())),
            provider_total=self.total,
            provider_cost_usd=self.cost_usd,
        )


def context_of(tier: str, usage: Fields, *, batch: bool) -> tuple[str, dict[str, str]]:
    """The tier as the answer reports it, and the context that selects price variants by it.

    Keys are those of genai-prices' variants: `service_tier`, `processing`, `speed`; `inference_geo` when the answer
    was held inside a region. A tier that is not resolved (`auto`) selects nothing.
    """
    traffic = usage.get("trafficType")
    reported = str(usage.get("service_tier") or usage.get("serviceTier") or traffic or tier or "")
    resolved = _TRAFFIC.get(reported.lower(), reported.lower()) if traffic is not None else reported.lower()
    context: dict[str, str] = {}
    if resolved == "batch" or batch:
        context["processing"] = "batch"
    if resolved not in _UNRESOLVED and resolved != "batch":
        context["service_tier"] = resolved
    speed, geo = usage.get("speed"), usage.get("inference_geo")
    if isinstance(speed, str) and speed not in ("", "standard"):
        context["speed"] = speed
    if isinstance(geo, str) and geo not in ("", "global", "not_available"):
        context["inference_geo"] = geo
    return reported, context


def amount(tally: Tally, name: str, value: object) -> Decimal | None:
    """A stated amount of money of at least 0, exactly as written; a problem when it is anything else."""
    if value is None:
        return None
    number = Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(number, Decimal) and number.is_finite() and number >= 0 and number.adjusted() <= 18:
        return number
    shown = repr(value) if isinstance(value, str) else str(value)
    tally.problems.append(f"{name} is {shown[:60]}, not an amount of at least 0: the stated cost was not read")
    return None


_TICKS = re.compile(r"[0-9]{1,24}")
TICKS_PER_USD = Decimal(10) ** 10
"""xAI: "1 USD = 10,000,000,000 ticks" (docs.x.ai, Cost tracking); its recorded costs agree with its prices."""


def stated_cost(tally: Tally, usage: Fields) -> Decimal | None:
    """What the provider says the call cost, in USD; None when it does not say.

    OpenRouter charges a key of the caller's own (`is_byok`) through the backend, which sends its own invoice: `cost` is
    then the fee alone, and what was paid is `cost + cost_details.upstream_inference_cost`.
    """
    ticks = usage.get("cost_in_usd_ticks")
    if isinstance(ticks, str) and _TICKS.fullmatch(ticks):
        ticks = int(ticks)  # protobuf JSON writes 64-bit integers as text
    from_ticks = amount(tally, "cost_in_usd_ticks", ticks)
    if from_ticks is not None:
        return from_ticks / TICKS_PER_USD
    cost = usage.get("cost")
    if isinstance(cost, dict):  # Perplexity
        return amount(tally, "cost.total_cost", fields(usage.get("cost")).get("total_cost"))
    stated = amount(tally, "cost", cost)
    if stated is not None and usage.get("is_byok") is True:
        upstream = fields(usage.get("cost_details")).get("upstream_inference_cost")
        return stated + (amount(tally, "upstream_inference_cost", upstream) or 0)
    if stated is None:
        gateway = fields(usage.get("pydantic_ai_gateway")).get("cost_estimate")
        return amount(tally, "cost_estimate", gateway)
    return stated
