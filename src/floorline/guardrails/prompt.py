"""What is done to a prompt before it goes upstream: marks that have its provider keep it, at the place that has it already."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from floorline.guardrails.frame import OFF, Setting
from floorline.guardrails.prefix import Mark, Seen
from floorline.money import ZERO, multiply
from floorline.pricing.version import PriceVersion

_WRITES = ("cache_write_5m", "cache_write_1h")
_READ = "cache_read"


class PromptCacheRule(msgspec.Struct, frozen=True, kw_only=True):
    """Prefixes are marked where that pays. `sticky`: a conversation goes on where its prefix is still kept."""

    setting: Setting = OFF
    sticky: bool = True


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider's cache saved on one call, and what writing to it cost more than plain input, in USD."""

    saved: Decimal = ZERO
    cost: Decimal = ZERO


NOTHING = Claim()


def claimed(usage: Mapping[str, int], version: PriceVersion) -> Claim:
    """The claim of a call that used `usage`, at the prices it was billed by."""
    total = sum([tokens for unit, tokens in usage.items() if unit == "input" or unit.startswith("cache_")])
    plain = _price(version, "input", total)
    if plain is None:
        return NOTHING
    saved = cost = ZERO
    read = _price(version, _READ, total)
    if read is not None:
        saved = multiply(usage.get(_READ, 0), plain - read, 1)
    for unit in _WRITES:
        write = _price(version, unit, total)
        if write is not None:
            cost += multiply(usage.get(unit, 0), write - plain, 1)
    return Claim(saved=saved, cost=cost)


def expected(seen: Seen, placed: Sequence[Mark], provider: str, model: str) -> dict[str, int]:
    """About how a prompt would be billed with these marks, for one that was sent without them."""
    if not placed:
        return {}
    used: dict[str, int] = {}
    lifetimes = {mark.place: mark.lifetime for mark in placed}
    before = 0
    for step in seen.steps:
        lifetime = lifetimes.get(step.place)
        if lifetime is None:
            break
        kept = step.kept is not None and step.kept[:2] == (provider, model)
        if kept:
            used = {_READ: step.tokens}
        else:
            unit = f"cache_write_{lifetime}"
            used[unit] = used.get(unit, 0) + step.tokens - before
        before = step.tokens
    return used


def _price(version: PriceVersion, unit: str, input_tokens: int) -> Decimal | None:
    """What one is charged for, in a request of so many input tokens; None where that has no price."""
    found = version.by_unit.get(unit)
    if found is None:
        return None
    price = found.contracted
    for tier in found.tiers:
        if input_tokens > tier.above_tokens:
            price = tier.contracted
    return price / found.per
