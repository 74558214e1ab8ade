"""Figures for finders: slices and seats with a few words, and prices that a test states."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from floorline.backlog.figures import Evidence, Seat, Slice
from floorline.backlog.model import Claim, Opportunity
from floorline.money import usd
from floorline.pricing.version import PriceVersion, UnitPrice, Unpriced

NOW = datetime(2026, 11, 2, 3, 17, tzinfo=UTC)
PRICES: dict[str, Mapping[str, str]] = {
    "big-large": {"input": "10", "output": "50", "cache_read": "1", "cache_write_5m": "12.5"},
    "big-medium": {"input": "4", "output": "20", "cache_read": "0.4"},
    "big-small": {"input": "1", "output": "5"},
}
"""USD per million tokens, all of the provider `maker`; big-large alone has a batch price, half of these."""


def resolve(provider: str, model: str, context: Mapping[str, str]) -> PriceVersion | Unpriced:
    prices = PRICES.get(model) if provider == "maker" else None
    if prices is None:
        return Unpriced(reason=f"no price of {provider}/{model}")
    batch = bool(context) and model == "big-large"
    units = [
        UnitPrice(unit=unit, per=1_000_000, list=amount, contracted=amount)
        for unit, price in prices.items()
        for amount in [Decimal(price) / (2 if batch else 1)]
    ]
    return PriceVersion(
        id=f"{model}{'-batch' if batch else ''}",
        provider=provider,
        model=model,
        source="user",
        list_source="user",
        context=(("processing", "batch"),) if batch else (),
        prices=tuple(units),
    )


def slice_of(*, calls: int = 1_000, input_: int = 500, output: int = 500, cost: str = "30", **more: object) -> Slice:
    """Calls of big-large with so many tokens each."""
    fields: dict[str, object] = {
        "feature": "chat",
        "provider": "maker",
        "model": "big-large",
        "calls": calls,
        "cost": usd(cost),
        "usage": {"input": input_ * calls, "output": output * calls},
        "input_tokens": input_ * calls,
        "output_tokens": output * calls,
        "output_p95": output * 2,
        **more,
    }
    return Slice(**fields)


def seat(customer: str, *, cost: str, revenue: str = "100", calls: int = 100, plan: str = "pro") -> Seat:
    return Seat(customer=customer, plan=plan, calls=calls, revenue=usd(revenue), by_feature={"chat": usd(cost)})


def evidence(*slices: Slice, seats: tuple[Seat, ...] = (), days: int = 28, revenue: str = "200") -> Evidence:
    end = date(2026, 11, 2)
    start = date.fromordinal(end.toordinal() - days)
    return Evidence(start=start, end=end, slices=slices, seats=seats, revenue={"chat": usd(revenue)})


def opportunity(id_: str = "cache:chat", dollars: str = "100", **more: object) -> Opportunity:
    fields: dict[str, object] = {
        "id": id_,
        "kind": "cache",
        "subject_kind": "feature",
        "subject": "chat",
        "title": id_,
        "formula": "",
        "dollars_a_quarter": usd(dollars),
        "found_at": NOW,
        "seen_at": NOW,
        **more,
    }
    return Opportunity(**fields)


def claim(saves: str, *, spend: str = "100", feature: str = "chat") -> Claim:
    return Claim(slice=("production", feature, "generation", "maker", "big-large"), spend=usd(spend), saves=usd(saves))
