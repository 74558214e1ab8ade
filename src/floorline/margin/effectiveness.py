"""What guardrails save, and what it costs: the savings that calls carry, and held-out against treated customers.

    Touched · Presence · Results (columns of customers) ▸ effects ▸ an Effect for each feature and guardrail

Two answers to one question. What the calls *claim* is each guardrail's own counterfactual, net of its own cost; the claims of one
call never overlap (`events.Touch`), so they add up over guardrails. What is *measured* is the hold-out: the same guardrail left
a random share of customers alone, and the calls that it is about cost more there or they do not. It needs customers enough
(CUSTOMERS_MIN on both sides) and says how many are missing. A rate is a ratio of sums over customers, and its error comes from how
customers differ, not calls: one customer's calls are alike.

Money is integers of 10^-12 USD.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from floorline.margin.coded import codes_of
from floorline.margin.scaling import product_sum, sum_of, totals
from floorline.margin.vectors import Integers, added, integers
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
    """Calls that a guardrail touched, or would have, and that are alike but for their `customers`; canonical names. Of calls that
    name no customer these are whatever else their arm goes by. Columns are beside the customers; `unvalued` (calls whose saving
    is unknown) and `saved` are of all of them.
    """

    feature: str
    guardrail: str
    arm: str
    mode: str
    action: str
    customers: Sequence[str]
    calls: Integers
    unpriced: Integers
    errors: Integers
    spent: Integers
    cost: Integers
    unvalued: int = 0
    saved: int = 0


class Presence(NamedTuple):
    """Whether customers called a feature in the first and in the second half of the window: above 0 where they did."""

    feature: str
    customers: Sequence[str]
    early: Integers
    late: Integers


class Results(NamedTuple):
    """Outcomes of a feature for some customers, and how many of them were successes."""

    feature: str
    customers: Sequence[str]
    outcomes: Integers
    successes: Integers


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


def rate(parts: Integers, wholes: Integers) -> Rate | None:
    """The ratio of the sums of parts and wholes, a pair a customer, of those that have a whole, and its variance (linearised); None
    with none.
    """
    held = np.flatnonzero(wholes > 0)
    count, parts, wholes = len(held), parts[held], wholes[held]
    if not count:
        return None
    part, whole = sum_of(parts), sum_of(wholes)
    squares = (  # of part n × whole - part × whole n, summed: exact
        product_sum(parts, parts) * whole**2
        - 2 * product_sum(parts, wholes) * part * whole
        + product_sum(wholes, wholes) * part**2
    )
    divisor = max(1, count - 1) * whole**4
    variance = EXACT.divide(Decimal(count * squares), Decimal(divisor))
    value = EXACT.divide(Decimal(part), Decimal(whole))
    return Rate(value=value, variance=variance, customers=count, part=part, whole=whole)


_NOBODY = 0
"""The number of calls that name nobody among the numbers of customers."""


class _Customers(NamedTuple):
    """What the calls of each customer add up to, in the order of their numbers: `calls` by arm, `cost` in Python's integers."""

    calls: Mapping[str, Integers]
    priced: Integers
    errors: Integers
    cost: Integers


_Numbered = tuple[Touched, Integers]
"""A row, and the numbers of its customers."""

_Counts = Mapping[str, tuple[Integers, Integers]]
"""Two counts of each customer, in the order of their numbers, by feature."""


def effects(
    touched: Iterable[Touched], presence: Iterable[Presence] = (), results: Iterable[Results] = ()
) -> tuple[Effect, ...]:
    """An effect of each feature and guardrail, the greatest net saving first. The rows may be split in any way."""
    numbers = {"": _NOBODY}
    by_place: defaultdict[tuple[str, str], list[_Numbered]] = defaultdict(list)
    for row in touched:
        by_place[row.feature, row.guardrail].append((row, codes_of(row.customers, numbers)))
    came = _added(presence, numbers)
    reached = _added(results, numbers)
    found = [_effect(place, rows, came, reached, len(numbers)) for place, rows in by_place.items()]
    return tuple(sorted(found, key=lambda one: (-one.net, one.feature, one.guardrail)))


def _added(rows: Iterable[Presence | Results], numbers: Mapping[str, int]) -> _Counts:
    """Both counts of the customers that have a number."""
    sums: dict[str, tuple[Integers, Integers]] = {}
    for feature, customers, *counts in rows:
        who = integers([numbers.get(customer, _NOBODY) for customer in customers])
        one, other = (added(column, who, len(numbers)) for column in counts)
        first, second = sums.get(feature, (0, 0))
        sums[feature] = first + one, second + other
    return sums


def _effect(
    place: tuple[str, str], rows: Sequence[_Numbered], came: _Counts, reached: _Counts, count: int
) -> Effect:  # fmt: skip
    feature, guardrail = place
    treated = [row for row, _ in rows if row.arm == TREATED]
    shadow = [row for row, _ in rows if row.arm == SHADOW]
    actions: defaultdict[str, int] = defaultdict(int)
    for row in treated:
        actions[row.action] += sum_of(row.calls)
    customers = _customers(rows, count)
    in_treated, in_held_out = (customers.calls[arm] > 0 for arm in (TREATED, HELD_OUT))
    nothing = np.zeros(count, dtype=np.int64)
    counts = (*came.get(feature, (nothing, nothing)), *reached.get(feature, (nothing, nothing)))
    return Effect(
        feature=feature,
        guardrail=guardrail,
        modes=tuple(sorted({row.mode for row, _ in rows})),
        actions=dict(sorted(actions.items())),
        touched=sum(actions.values()),
        unvalued=sum(row.unvalued for row in treated),
        saved=sum(row.saved for row in treated),
        spent=sum(sum_of(row.spent) for row in treated),
        shadow_calls=sum(sum_of(row.calls) for row in shadow),
        would_save=sum(row.saved for row in shadow),
        treated=_side(customers, TREATED, np.flatnonzero(in_treated & ~in_held_out), *counts),
        held_out=_side(customers, HELD_OUT, np.flatnonzero(in_held_out & ~in_treated), *counts),
        in_both=int((in_treated & in_held_out).sum()),
    )


def _customers(rows: Sequence[_Numbered], count: int) -> _Customers:
    """The customers that were treated or held out, nobody left out."""
    held = [(row, who) for row, who in rows if row.arm in {TREATED, HELD_OUT}]
    none = integers([])
    who = np.concatenate([none, *(who for _, who in held)])

    def summed(columns: Iterable[Integers]) -> Integers:
        return added(np.concatenate([none, *columns]), who, count)

    calls = {arm: summed(row.calls * (row.arm == arm) for row, _ in held) for arm in (TREATED, HELD_OUT)}
    for column in calls.values():
        column[_NOBODY] = 0
    return _Customers(
        calls=calls,
        priced=summed(row.calls - row.unpriced for row, _ in held),
        errors=summed(row.errors for row, _ in held),
        cost=totals(np.concatenate([none, *(row.cost + row.spent for row, _ in held)]), who, count),
    )


def _side(
    of: _Customers, arm: str, at: Integers, early: Integers, late: Integers, outcomes: Integers, successes: Integers
) -> Side:
    """The customers `at` some numbers, which were in this arm alone."""
    calls = of.calls[arm][at]
    return Side(
        customers=len(at),
        calls=sum_of(calls),
        cost_per_call=rate(of.cost[at], of.priced[at]),
        errors=rate(of.errors[at], calls),
        successes=rate(successes[at], outcomes[at]),
        retention=rate((late[at] > 0).astype(np.int64), (early[at] > 0).astype(np.int64)),
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
