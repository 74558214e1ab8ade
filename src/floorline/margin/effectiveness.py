"""What guardrails save, and what it costs: the savings that calls carry, and held-out against treated customers.

    Touched · Presence · Results (one customer each) ▸ effects ▸ an Effect for each feature and guardrail

Two answers to one question. What the calls *claim* is each guardrail's own counterfactual, net of its own cost; the claims of one
call never overlap (`events.Touch`), so they add up over guardrails. What is *measured* is the hold-out: the same guardrail left
a random share of customers alone, and the calls that it is about cost more there or they do not. It needs customers enough
(CUSTOMERS_MIN on both sides) and says how many are missing. A rate is a ratio of sums over customers, and its error comes from how
customers differ, not calls: one customer's calls are alike.

Money is integers of 10^-12 USD.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from floorline.money import EXACT

CUSTOMERS_MIN = 30
"""Held-out customers, and treated ones, below which nothing is said of their difference."""

_T_95 = Decimal("2.045")
"""Student's t of a 95 % interval with 29 degrees of freedom: a little wide for more customers than CUSTOMERS_MIN."""

HARMS: Mapping[str, str] = {
    "successes": "fewer outcomes succeed",
    "retention": "fewer customers come back",
    "errors": "more calls fail",
}
"""What each rate that a guardrail makes worse means."""

TREATED, HELD_OUT, SHADOW = "treated", "holdout", "shadow"


class Touched(NamedTuple):
    """Calls of one customer that a guardrail touched, or would have: what of it, and their cost; canonical names. Of calls that
    name no customer `customer` is whatever else their arm goes by.
    """

    feature: str
    guardrail: str
    customer: str
    arm: str
    mode: str
    action: str
    calls: int = 1
    unpriced: int = 0
    unvalued: int = 0
    errors: int = 0
    saved: int = 0
    spent: int = 0
    cost: int = 0


class Presence(NamedTuple):
    """Calls of a feature by one customer in the first and in the second half of the window."""

    feature: str
    customer: str
    early: int
    late: int


class Results(NamedTuple):
    """Outcomes of a feature for one customer, and how many of them were successes."""

    feature: str
    customer: str
    outcomes: int
    successes: int


class Pair(NamedTuple):
    """One customer's part of a rate: `part` of `whole`."""

    part: int
    whole: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A ratio of sums over customers (`part` of `whole`), and the variance of it that comes from how they differ."""

    value: Decimal
    variance: Decimal
    customers: int
    part: int
    whole: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How far one rate is from another, and the ends of its 95 % interval."""

    value: Decimal
    low: Decimal
    high: Decimal

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0

    def times(self, count: int) -> "Difference":
        """The difference of so many."""
        value, low, high = (EXACT.multiply(one, count) for one in (self.value, self.low, self.high))
        return Difference(value=value, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm's customers, and their rates: cost per priced call that the guardrail is about (its own cost included), errors
    per such call, successes per outcome, and customers who came back in the second half of the window per customer of
    the first. None: nothing to tell it from.
    """

    customers: int
    calls: int
    cost_per_call: Rate | None = None
    errors: Rate | None = None
    successes: Rate | None = None
    retention: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one guardrail did to one feature. `saved`, `spent` and `unvalued` (calls whose saving is unknown) are of treated
    calls alone; `would_save` is what the calls in shadow claim. `in_both` customers changed their arm and are compared in neither.
    """

    feature: str
    guardrail: str
    modes: tuple[str, ...]
    actions: Mapping[str, int]
    touched: int
    unvalued: int
    saved: int
    spent: int
    shadow_calls: int
    would_save: int
    treated: Side
    held_out: Side
    in_both: int

    @property
    def net(self) -> int:
        """What the treated calls claim to have saved, less what the guardrail cost."""
        return self.saved - self.spent

    @property
    def missing(self) -> int:
        """How many customers the thinner side lacks for a comparison."""
        return max(0, CUSTOMERS_MIN - min(_compared(self.treated), _compared(self.held_out)))

    @property
    def saved_per_call(self) -> Difference | None:
        """10^-12 USD a call: what held-out calls cost more than treated ones. None: not enough customers."""
        return _difference(self.held_out.cost_per_call, self.treated.cost_per_call)

    @property
    def measured(self) -> Difference | None:
        """10^-12 USD over all treated calls, as `saved_per_call`."""
        each = self.saved_per_call
        return None if each is None else each.times(self.touched)

    @property
    def fallen(self) -> Mapping[str, Difference]:
        """How much worse each rate is with the guardrail than without, below zero where it is better; those that can be compared."""
        treated, held_out = self.treated, self.held_out
        fallen = {
            "successes": _difference_of_shares(held_out.successes, treated.successes),
            "retention": _difference_of_shares(held_out.retention, treated.retention),
            "errors": _difference_of_shares(treated.errors, held_out.errors),
        }
        return {name: one for name, one in fallen.items() if one is not None}

    @property
    def harms(self) -> Mapping[str, Difference]:
        """Rates that are surely worse with the guardrail than without: a saving that costs customers is a loss."""
        return {name: one for name, one in self.fallen.items() if one.low > 0}


def _compared(side: Side) -> int:
    return side.cost_per_call.customers if side.cost_per_call else 0


def _difference(one: Rate | None, other: Rate | None) -> Difference | None:
    if one is None or other is None or min(one.customers, other.customers) < CUSTOMERS_MIN:
        return None
    value = EXACT.subtract(one.value, other.value)
    reach = EXACT.multiply(EXACT.sqrt(EXACT.add(one.variance, other.variance)), _T_95)
    return Difference(value=value, low=EXACT.subtract(value, reach), high=EXACT.add(value, reach))


def _difference_of_shares(one: Rate | None, other: Rate | None) -> Difference | None:
    """As `_difference`, of rates whose part is some of their whole. Thirty customers of whom none left, or a hundred calls
    of which none failed, do not show that none ever will: no variance is less than that of as many draws at the rate of both.
    """
    if one is None or other is None:
        return None
    part, whole = one.part + other.part, one.whole + other.whole
    spread = EXACT.divide(Decimal(part * (whole - part)), Decimal(whole**2))
    least = [
        replace(side, variance=max(side.variance, EXACT.divide(spread, Decimal(side.whole)))) for side in (one, other)
    ]
    return _difference(*least)


def rate(pairs: Iterable[Pair]) -> Rate | None:
    """The ratio of the sums of the pairs that have a whole, and its variance (linearised); None with none."""
    held = [pair for pair in pairs if pair.whole > 0]
    count, part, whole = len(held), sum(pair.part for pair in held), sum(pair.whole for pair in held)
    if not held:
        return None
    squares = sum((pair.part * whole - part * pair.whole) ** 2 for pair in held)  # × whole², exact
    divisor = max(1, count - 1) * whole**4
    variance = EXACT.divide(Decimal(count * squares), Decimal(divisor))
    value = EXACT.divide(Decimal(part), Decimal(whole))
    return Rate(value=value, variance=variance, customers=count, part=part, whole=whole)


@dataclass(slots=True)
class _Customer:
    """What one customer's calls add up to, by arm."""

    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    priced: int = 0
    cost: int = 0
    errors: int = 0


def effects(
    touched: Sequence[Touched], presence: Iterable[Presence] = (), results: Iterable[Results] = ()
) -> tuple[Effect, ...]:
    """An effect of each feature and guardrail, the greatest net saving first. The rows may be split in any way."""
    by_place: defaultdict[tuple[str, str], list[Touched]] = defaultdict(list)
    for row in touched:
        by_place[row.feature, row.guardrail].append(row)
    came = _added(presence)
    reached = _added(results)
    found = [_effect(place, rows, came, reached) for place, rows in by_place.items()]
    return tuple(sorted(found, key=lambda one: (-one.net, one.feature, one.guardrail)))


_Counts = Mapping[tuple[str, str], tuple[int, int]]


def _added(rows: Iterable[Presence | Results]) -> _Counts:
    """Both counts by feature and customer."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for feature, customer, one, other in rows:
        first, second = sums.get((feature, customer), (0, 0))
        sums[feature, customer] = first + one, second + other
    return sums


def _effect(place: tuple[str, str], rows: Sequence[Touched], came: _Counts, reached: _Counts) -> Effect:
    feature, guardrail = place
    treated = [row for row in rows if row.arm == TREATED]
    shadow = [row for row in rows if row.arm == SHADOW]
    actions: defaultdict[str, int] = defaultdict(int)
    for row in treated:
        actions[row.action] += row.calls
    customers = _customers(rows)
    arms = {arm: [name for name, one in customers.items() if set(one.calls) == {arm}] for arm in (TREATED, HELD_OUT)}
    sides = {
        arm: _side(arm, [(name, customers[name]) for name in names], feature, came, reached)
        for arm, names in arms.items()
    }
    return Effect(
        feature=feature,
        guardrail=guardrail,
        modes=tuple(sorted({row.mode for row in rows})),
        actions=dict(sorted(actions.items())),
        touched=sum(row.calls for row in treated),
        unvalued=sum(row.unvalued for row in treated),
        saved=sum(row.saved for row in treated),
        spent=sum(row.spent for row in treated),
        shadow_calls=sum(row.calls for row in shadow),
        would_save=sum(row.saved for row in shadow),
        treated=sides[TREATED],
        held_out=sides[HELD_OUT],
        in_both=sum(len(one.calls) > 1 for one in customers.values()),
    )


def _customers(rows: Iterable[Touched]) -> dict[str, _Customer]:
    """The named customers that were treated or held out."""
    found: dict[str, _Customer] = {}
    for row in rows:
        if row.customer and row.arm in {TREATED, HELD_OUT}:
            one = found.setdefault(row.customer, _Customer())
            one.calls[row.arm] += row.calls
            one.priced += row.calls - row.unpriced
            one.cost += row.cost + row.spent
            one.errors += row.errors
    return found


def _side(arm: str, customers: Sequence[tuple[str, _Customer]], feature: str, came: _Counts, reached: _Counts) -> Side:
    def counted(of: _Counts, pair: Callable[[int, int], Pair]) -> Rate | None:
        return rate(pair(*of.get((feature, name), (0, 0))) for name, _ in customers)

    return Side(
        customers=len(customers),
        calls=sum(one.calls[arm] for _, one in customers),
        cost_per_call=rate(Pair(one.cost, one.priced) for _, one in customers),
        errors=rate(Pair(one.errors, one.calls[arm]) for _, one in customers),
        successes=counted(reached, lambda outcomes, successes: Pair(successes, outcomes)),
        retention=counted(came, lambda early, late: Pair(int(late > 0), int(early > 0))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """All effects together: every dollar is claimed by one guardrail, so the claims add up."""

    saved: int
    spent: int

    @property
    def net(self) -> int:
        """Saved less spent."""
        return self.saved - self.spent


def total(found: Iterable[Effect]) -> Total:
    """The claims of all effects."""
    claims = [(one.saved, one.spent) for one in found]
    return Total(saved=sum(saved for saved, _ in claims), spent=sum(spent for _, spent in claims))
