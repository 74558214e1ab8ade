"""The prompts of a feature as its calls name them: how often each is sent, how long it makes a call, what of it a cache serves."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from floorline.margin.metrics import per, ratio_of
from floorline.money import usd_of


class PromptDay(NamedTuple):
    """The forwarded calls of one day that one model served with one prompt, '' where it is not known; cost in 10^-12 USD.
    `input_tokens` are those that no cache of the provider read or wrote.
    """

    day: date
    prompt: str
    model: str
    calls: int
    unpriced: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptUse:
    """One prompt in a window."""

    prompt: str
    first: date
    last: date
    models: tuple[str, ...]
    calls: int
    of_calls: Decimal | None
    unpriced: int
    tokens: int
    cache_read_tokens: int
    output_tokens: int
    cost: int

    @property
    def input_per_call(self) -> Decimal | None:
        """Tokens of the prompt side of a call, cached or not."""
        return ratio_of(self.tokens, self.calls)

    @property
    def output_per_call(self) -> Decimal | None:
        """Tokens of the answer of a call."""
        return ratio_of(self.output_tokens, self.calls)

    @property
    def cached(self) -> Decimal | None:
        """The share of the prompt side that the provider read from its cache."""
        return ratio_of(self.cache_read_tokens, self.tokens)

    @property
    def usd(self) -> Decimal | None:
        """What its calls cost; None where none has a price."""
        return usd_of(self.cost) if self.cost or self.calls > self.unpriced else None

    @property
    def cost_per_call(self) -> Decimal | None:
        """USD a priced call."""
        return per(self.cost, max(0, self.calls - self.unpriced))


def prompt_uses(days: Iterable[PromptDay]) -> tuple[PromptUse, ...]:
    """By prompt, the dearest first; only those that were sent."""
    grouped: defaultdict[str, list[PromptDay]] = defaultdict(list)
    for one in days:
        if one.calls > 0:
            grouped[one.prompt].append(one)
    total = sum(one.calls for some in grouped.values() for one in some)
    found = [_use(prompt, some, total) for prompt, some in grouped.items()]
    return tuple(sorted(found, key=lambda use: (-use.cost, -use.calls, use.prompt)))


def _use(prompt: str, some: list[PromptDay], total: int) -> PromptUse:
    cost: defaultdict[str, int] = defaultdict(int)
    for one in some:
        cost[one.model] += one.cost
    calls = sum(one.calls for one in some)
    return PromptUse(
        prompt=prompt,
        first=min(one.day for one in some),
        last=max(one.day for one in some),
        models=tuple(sorted(cost, key=lambda model: (-cost[model], model))),
        calls=calls,
        of_calls=ratio_of(calls, total),
        unpriced=sum(one.unpriced for one in some),
        tokens=sum(one.input_tokens + one.cache_read_tokens + one.cache_write_tokens for one in some),
        cache_read_tokens=sum(one.cache_read_tokens for one in some),
        output_tokens=sum(one.output_tokens for one in some),
        cost=sum(cost.values()),
    )
