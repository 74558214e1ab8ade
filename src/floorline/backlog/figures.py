"""The figures that opportunities are found in: the spend in slices, and what each customer uses and pays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from floorline import money
from floorline.backlog.model import QUARTER_DAYS, Claim
from floorline.events import TOKEN_BUCKETS, Usage
from floorline.money import ZERO
from floorline.pricing.cost import price
from floorline.pricing.version import PriceVersion, Unpriced

Resolve = Callable[[str, str, Mapping[str, str]], PriceVersion | Unpriced]
"""The prices that hold now: provider, model, context → version."""

CALLS_MIN = 200
"""A slice with fewer calls says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Calls of one purpose, feature, call type, provider and model over the window; `cost` is their effective cost, USD.

    `usage` is the sum over the priced calls by unit. `output_p95` are output tokens of a call. `patient` calls wait for
    no first token: evaluation, or not streamed and of a kind or at an hour at which nobody waits; `patient_cost` is
    theirs. `hashed` calls state what they ask (`request_hash`), `repeats` of them asked again what the same customer had
    asked the same day, for `repeats_cost`. `before_*` are the calls of the window before this one.
    """

    purpose: Literal["production", "evaluation"] = "production"
    feature: str
    call_type: str = "generation"
    provider: str
    model: str
    calls: int
    unpriced: int = 0
    cost: Decimal
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    input_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0
    output_p95: int = 0
    patient: int = 0
    patient_cost: Decimal = ZERO
    hashed: int = 0
    repeats: int = 0
    repeats_cost: Decimal = ZERO
    before_calls: int = 0
    before_input_tokens: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        """What a claim names it by."""
        return (self.purpose, self.feature, self.call_type, self.provider, self.model)

    @property
    def name(self) -> str:
        """How an opportunity's id names it."""
        words = (self.feature, self.call_type, self.provider, self.model)
        return "/".join(words if self.purpose == "production" else (self.purpose, *words))

    @property
    def mean(self) -> Usage:
        """What a priced call uses, every quantity rounded up: a long-context tier is met as a call of that size meets it."""
        priced = self.calls - self.unpriced
        return Usage(
            buckets={
                unit: -(-quantity // priced)
                for unit, quantity in self.usage.items()
                if unit in _BUCKETS and quantity > 0 and priced > 0
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A customer on one plan over the window, USD. `by_feature` is the effective cost of its calls by feature."""

    customer: str
    plan: str
    calls: int
    revenue: Decimal
    by_feature: Mapping[str, Decimal]

    @property
    def cost(self) -> Decimal:
        """Of all its calls."""
        return sum(self.by_feature.values(), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that is looked at: the window's days that have calls behind them, slices, seats, revenue by feature."""

    start: date
    end: date
    slices: Sequence[Slice]
    seats: Sequence[Seat] = ()
    revenue: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])

    @property
    def days(self) -> int:
        """How many days the figures are of."""
        return (self.end - self.start).days

    def a_quarter(self, amount: Decimal) -> Decimal:
        """An amount of the window as one of a quarter, USD."""
        return money.multiply(amount, Decimal(QUARTER_DAYS), self.days)

    def points(self, dollars_a_quarter: Decimal, revenue: Decimal) -> Decimal | None:
        """Points of margin that so many dollars a quarter are of a window's `revenue`, to two places; None without any."""
        share = money.ratio(dollars_a_quarter, self.a_quarter(revenue)) if revenue > 0 else None
        return None if share is None else (share * 100).quantize(Decimal("0.01"))

    def claim(self, of: Slice, saves_a_quarter: Decimal) -> Claim:
        """That much of a slice's spend, at most all of it."""
        spend = self.a_quarter(of.cost)
        return Claim(slice=of.key, spend=spend, saves=min(spend, saves_a_quarter))

    def claims(self, by_feature: Mapping[str, Decimal]) -> tuple[Claim, ...]:
        """What is saved a quarter of whole features, spread over their production slices by cost."""
        found: list[Claim] = []
        for feature, saves in sorted(by_feature.items()):
            within = [s for s in self.slices if s.feature == feature and s.purpose == "production" and s.cost > 0]
            if within and saves > 0:
                shares = money.split(saves, [s.cost for s in within])
                found += [self.claim(s, share) for s, share in zip(within, shares, strict=True)]
        return tuple(found)


_BUCKETS = frozenset(TOKEN_BUCKETS)


def cost_of(usage: Usage, version: PriceVersion | Unpriced) -> Decimal | None:
    """What `usage` costs under a version, USD; None where that is not known, or nothing."""
    cost = price(usage, version).effective_cost
    return cost or None


def ratio_of_costs(usage: Usage, other: Usage, own: PriceVersion | Unpriced, new: PriceVersion | Unpriced) -> Decimal:
    """What `other` costs under `new` as a ratio of what `usage` costs under `own`; 1 where either is not known."""
    before, after = cost_of(usage, own), cost_of(other, new)
    if before is None or after is None:
        return Decimal(1)
    ratio = money.ratio(after, before)
    assert ratio is not None, "a cost that is known is above zero"
    return ratio
