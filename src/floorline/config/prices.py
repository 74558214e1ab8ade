"""`prices:` and `contracts:` of floorline.yaml: list prices of the user's own, and negotiated ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

import yaml

from floorline.config.reader import Value, nearest
from floorline.config.settings import names_below, required_below
from floorline.errors import BadInput
from floorline.pricing.overrides import Contract, PriceOverride, Rate, RateTier
from floorline.pricing.providers import canonical
from floorline.pricing.units import PRICE_NAMES

CONTEXT_NAMES = ("service_tier", "processing", "speed")
Made = TypeVar("Made")


def read_overrides(value: Value) -> tuple[PriceOverride, ...]:
    """The entries of `prices:`; those with a problem are left out."""
    return tuple(made for item in value.items() if (made := _override(item)) is not None)


def read_contracts(value: Value) -> tuple[Contract, ...]:
    """The entries of `contracts:`; those with a problem are left out."""
    return tuple(made for item in value.items() if (made := _contract(item)) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What both kinds of entry say of the calls they hold for."""

    provider: str
    model: str
    valid_from: date | None
    valid_to: date | None
    when: Mapping[str, str]


def _scope(table: Mapping[str, Value]) -> _Scope:
    provider, model, start, end, when = (table.get(name) for name in ("provider", "model", "from", "to", "when"))
    conditions = when.table(CONTEXT_NAMES) if when else {}
    return _Scope(
        provider=canonical((provider.text() if provider else None) or ""),
        model=(model.text() if model else None) or "",
        valid_from=start.day() if start else None,
        valid_to=end.day() if end else None,
        when={name: text for name, condition in conditions.items() if (text := condition.text()) is not None},
    )


def _override(item: Value) -> PriceOverride | None:
    before = len(item.findings.problems)
    table = item.table(names_below("prices[]"), required=required_below("prices[]"))
    scope = _scope(table)
    same_as, free = table.get("same_as"), table.get("free")
    rates = _rates(table["prices"]) if "prices" in table else {}
    source = (same_as.text() if same_as else None) or ""
    is_free = bool(free and free.flag())
    if same_as and source and "/" not in source:
        same_as.complain(f"`{same_as.path}` is {source!r}: write it as provider/model, openai/gpt-4o")
    return _make(
        item,
        before,
        lambda: PriceOverride(
            provider=scope.provider,
            model=scope.model,
            rates=rates,
            valid_from=scope.valid_from,
            valid_to=scope.valid_to,
            when=scope.when,
            same_as=source,
            free=is_free,
        ),
    )


def _contract(item: Value) -> Contract | None:
    before = len(item.findings.problems)
    table = item.table(names_below("contracts[]"), required=required_below("contracts[]"))
    scope = _scope(table)
    unit, multiplier, rate = table.get("unit"), table.get("multiplier"), table.get("rate")
    unit_name = (unit.text() if unit else None) or "*"
    if unit and rate and unit_name not in PRICE_NAMES:
        unit.complain(f"`{unit.path}` is {unit_name!r}, a fixed rate needs one unit: {nearest(unit_name, PRICE_NAMES)}")
    factor = multiplier.number() if multiplier else None
    fixed = _rate(rate, "contracts[].rate") if rate else None
    return _make(
        item,
        before,
        lambda: Contract(
            provider=scope.provider,
            model=scope.model or "*",
            unit=unit_name,
            multiplier=factor,
            rate=fixed,
            valid_from=scope.valid_from,
            valid_to=scope.valid_to,
            when=scope.when,
        ),
    )


def _rates(value: Value) -> dict[str, Rate]:
    rates: dict[str, Rate] = {}
    for unit, entry in value.entries().items():
        if unit not in PRICE_NAMES:
            entry.key.complain(f"unknown unit `{entry.value.path}`: {nearest(unit, PRICE_NAMES)}")
        rate = _rate(entry.value, "prices[].prices.<unit>")
        if rate is not None:
            rates[unit] = rate
    return rates


def _rate(value: Value, setting: str) -> Rate | None:
    """A price: a number for the unit's usual quantity, or a mapping that says more."""
    before = len(value.findings.problems)
    if not isinstance(value.node, yaml.MappingNode):
        price = value.number()
        return _make(value, before, lambda: Rate(price=price or Decimal(0)))
    table = value.table(names_below(setting))
    price, per, tiers, utilisation, free = (
        table.get(name) for name in ("price", "per", "tiers", "utilisation", "free")
    )
    is_free = bool(free and free.flag())
    if price is None and not is_free:
        value.complain(f"`{value.path}` lacks `price`: write what `per` units cost, or `free: true`")
    amount = price.number() if price else None
    quantity = per.whole(minimum=1) if per else None
    steps = tuple(step for item in tiers.items() if (step := _tier(item, f"{setting}.tiers[]"))) if tiers else ()
    busy = utilisation.number() if utilisation else None
    return _make(
        value,
        before,
        lambda: Rate(price=amount or Decimal(0), per=quantity or 0, tiers=steps, utilisation=busy, free=is_free),
    )


def _tier(item: Value, setting: str) -> RateTier | None:
    table = item.table(names_below(setting), required=required_below(setting))
    above, price = table.get("above_tokens"), table.get("price")
    tokens = above.whole(minimum=0) if above else None
    amount = price.number() if price else None
    return None if tokens is None or amount is None else RateTier(above_tokens=tokens, price=amount)


def _make(value: Value, before: int, build: Callable[[], Made]) -> Made | None:
    """What `build` makes, None when the value had problems already or `build` refuses it."""
    if len(value.findings.problems) > before:
        return None
    try:
        return build()
    except BadInput as error:
        value.complain(str(error))
        return None
