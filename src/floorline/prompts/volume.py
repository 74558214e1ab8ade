"""What a feature's calls cost a month at the prices of now, and what they would with more or fewer tokens in their prompt.

A prompt stands at the front of a request, so its tokens are the first that a provider's cache holds. Calls that read from the cache
read it there, calls that write the cache write it, all others pay for it in full: they are kept apart, and tokens are added and
taken away where each of them has the prompt.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from floorline import money
from floorline.events import TOKEN_BUCKETS, Usage
from floorline.money import ZERO
from floorline.pricing.cost import price
from floorline.pricing.version import PriceVersion, Unpriced

Resolve = Callable[[str, str], PriceVersion | Unpriced]
"""The prices that hold now: provider, model → version."""

Cached = Literal["read", "written", "plain"]
_A_YEAR_DAYS = Decimal(365)
_FIRST: Mapping[Cached, tuple[str, ...]] = {
    "read": ("cache_read", "cache_write_5m", "cache_write_1h", "input"),
    "written": ("cache_write_5m", "cache_write_1h", "input", "cache_read"),
    "plain": ("input", "cache_write_5m", "cache_write_1h", "cache_read"),
}
_BUCKETS = frozenset(TOKEN_BUCKETS)


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A window's calls of one feature, prompt, provider, model and use of the cache; `usage` is the sum over the `priced`."""

    feature: str
    prompt: str
    provider: str
    model: str
    cached: Cached
    calls: int
    priced: int
    usage: Mapping[str, int]

    @property
    def mean(self) -> Usage:
        """What a call uses, every quantity rounded up: a long-context tier is met as a call of that size meets it."""
        return Usage(
            buckets={
                unit: -(-quantity // self.priced)
                for unit, quantity in self.usage.items()
                if unit in _BUCKETS and quantity > 0 and self.priced > 0
            }
        )


def a_month(amount: Decimal | int, days: int) -> Decimal:
    """An amount of `days` days as one of a month of 365 ÷ 12 days, to 12 places."""
    return money.multiply(Decimal(amount), _A_YEAR_DAYS, 12 * days)


def with_tokens(slice_: Slice, more: int) -> Usage:
    """A mean call of the slice with so many more tokens in its prompt, or fewer; never fewer than it has."""
    usage = slice_.mean
    buckets = dict(usage.buckets)
    first = _FIRST[slice_.cached]
    if more >= 0:
        held = next((unit for unit in first if buckets.get(unit)), "input")
        buckets[held] = buckets.get(held, 0) + more
        return msgspec.structs.replace(usage, buckets=buckets)
    for unit in first:
        taken = min(buckets.get(unit, 0), -more)
        buckets[unit] = buckets.get(unit, 0) - taken
        more += taken
    return msgspec.structs.replace(usage, buckets={unit: tokens for unit, tokens in buckets.items() if tokens})


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """USD a month, and how many of the month's calls have no price and are not in it."""

    usd: Decimal = ZERO
    unpriced_calls: int = 0

    def plus(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(usd=self.usd + other.usd, unpriced_calls=self.unpriced_calls + other.unpriced_calls)


def calls_a_month(slices: Sequence[Slice], days: int) -> int:
    """How many calls a month the window's are."""
    return int(a_month(sum(one.calls for one in slices), days).to_integral_value())


def cost_a_month(slices: Sequence[Slice], days: int, resolve: Resolve) -> Cost:
    """What the slices cost a month."""
    total = Cost()
    for one in slices:
        known = _a_call(one, one.mean, resolve)
        if known is None:
            total = total.plus(Cost(unpriced_calls=calls_a_month([one], days)))
        else:
            total = total.plus(Cost(usd=a_month(known * one.calls, days)))
    return total


def change_a_month(slices: Sequence[Slice], days: int, resolve: Resolve, more: Callable[[Slice], int]) -> Decimal:
    """What a month costs more with so many `more` tokens in each call's prompt, USD; negative where it costs less."""
    total = ZERO
    for one in slices:
        now, then = _a_call(one, one.mean, resolve), _a_call(one, with_tokens(one, more(one)), resolve)
        if now is not None and then is not None:
            total += a_month((then - now) * one.calls, days)
    return total


def _a_call(slice_: Slice, usage: Usage, resolve: Resolve) -> Decimal | None:
    return price(usage, resolve(slice_.provider, slice_.model)).effective_cost if slice_.priced else None
