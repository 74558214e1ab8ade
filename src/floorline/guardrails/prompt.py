"""What is done to a prompt before it goes upstream: marks that have its provider keep it, at the place that has it already."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from floorline.guardrails.frame import OFF, Setting
from floorline.guardrails.prefix import Mark, Seen, kept_from
from floorline.money import ZERO, usd
from floorline.pricing.version import PriceVersion

_READ = "cache_read"
_WRITTEN = ("cache_write_5m", "cache_write_1h")
_CACHED = (_READ, *_WRITTEN)


class PromptCacheRule(msgspec.Struct, frozen=True, kw_only=True):
    """Prefixes are marked where that pays. `sticky`: a conversation goes on where its prefix is still kept."""

    setting: Setting = OFF
    sticky: bool = True


def saved(usage: Mapping[str, int], version: PriceVersion) -> Decimal:
    """What a provider's cache saved on a call that used `usage`, in USD at the prices it is billed by: less for what it read than
    plain input costs, more for what it wrote. Negative where writing is all there was.
    """
    total = sum([tokens for unit, tokens in usage.items() if unit == "input" or unit.startswith("cache_")])
    plain = price_of(version, "input", total)
    amount = ZERO
    for unit in _CACHED:
        price = price_of(version, unit, total)
        if plain is not None and price is not None:
            amount += usd(usage.get(unit, 0) * (plain - price))
    return amount


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
        if step.kept_by(provider, model):
            used = {_READ: step.tokens}
        else:
            unit = f"cache_write_{lifetime}"
            used[unit] = used.get(unit, 0) + step.tokens - before
        before = step.tokens
    return used


def read_there(
    usage: Mapping[str, int], seen: Seen, provider: str, model: str, version: PriceVersion
) -> dict[str, int]:
    """What a prompt that used `usage` elsewhere would have used at `model`, by whose prices `version` goes: what `provider` still
    keeps of it there would have been read. Where writing costs more than input, marks alone have it keep anything.
    """
    used = dict(usage)
    if _READ not in version.by_unit:
        return used
    plain, written = [price_of(version, unit, 0) for unit in ("input", _WRITTEN[0])]
    of_itself = plain is None or written is None or written <= plain
    kept = [
        step.tokens
        for step in seen.steps
        if step.kept is not None
        and step.kept[:2] == (provider, model)
        and (of_itself or step.kept.lifetime is not None)
        and step.tokens >= kept_from(model)
    ]
    missing = max(kept, default=0) - used.get(_READ, 0)
    for unit in (*_WRITTEN, "input"):
        tokens = max(min(used.get(unit, 0), missing), 0)
        if tokens:
            used[unit] -= tokens
            used[_READ] = used.get(_READ, 0) + tokens
            missing -= tokens
    return used


def price_of(version: PriceVersion, unit: str, input_tokens: int) -> Decimal | None:
    """What one is charged for, in a request of so many input tokens; None where that has no price."""
    found = version.by_unit.get(unit)
    if found is None:
        return None
    price = found.contracted
    for tier in found.tiers:
        if input_tokens > tier.above_tokens:
            price = tier.contracted
    return price / found.per
