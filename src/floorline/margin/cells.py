"""The use of whole months by customer, plan and feature, and how it divides what no call carries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from math import prod
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from floorline.margin.coded import Coded, Word, coded, codes_of
from floorline.margin.policy import PlanPolicy
from floorline.margin.vectors import Integers, integers, numbered, ranks_of, spread, sums_of
from floorline.money import EXACT, PLACES

_SUMMED_MAX = 1 << 61
_NONE = np.zeros(0, dtype=np.int64)


class Owner(NamedTuple):
    """Whose an amount is, as far as it is known; empty text is "not known" (or not asked for)."""

    month: int
    customer: str
    plan: str
    feature: str = ""
    segment: str = ""
    cohort: str = ""
    workflow: str = ""
    outcome: str = ""
    user: str = ""


class Use(NamedTuple):
    """What a month's calls of one cell amount to: the weights of every division."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0

    def drive(self, driver: str) -> int:
        """The weight by `driver`: calls, tokens or cost (never below 0)."""
        if driver == "cost":
            return max(0, self.cost)
        if driver == "tokens":
            return self.input_tokens + self.output_tokens
        return self.calls


class PoolNames(NamedTuple):
    """The months, customers and plans of many pools, as columns."""

    months: Sequence[int]
    customers: Sequence[str]
    plans: Sequence[str]

    @classmethod
    def of(cls, owners: Sequence[Owner]) -> "PoolNames":
        """Those that what these owners have is divided as."""
        return cls([one.month for one in owners], [one.customer for one in owners], [one.plan for one in owners])


Weighed = Integers | npt.NDArray[np.object_]
"""A column of amounts, or Python's integers where 64 bits might not hold their sum."""
Weights = tuple[list[str], list[int]]
"""Features in the order of their names, and what each weighs."""


class Division(NamedTuple):
    """How each of many pools divides: `sizes[n]` of `features` (numbers of `names`) and of `weights` are those of pool n."""

    names: list[str]
    sizes: Integers
    features: Integers
    weights: Integers


class Used(NamedTuple):
    """Every cell once, by pool and by feature in the order of names: the numbers of its pool and of its feature in `names`, and
    its weights. Pool n, of the key `keys[n]`, is of `months[n]`, of `customers[customer[n]]` and of `plans[plan[n]]`; its cells are `sizes[n]` from
    `starts[n]` on.
    """

    customers: list[str]
    plans: list[str]
    names: list[str]
    keys: Integers
    months: Integers
    customer: Integers
    plan: Integers
    starts: Integers
    sizes: Integers
    pool: Integers
    feature: Integers
    calls: Integers
    tokens: Integers
    costs: Weighed

    @property
    def pools(self) -> list[tuple[int, str, str]]:
        """Month, customer and plan of every pool."""
        months, customer, plan = (cast("list[int]", one.tolist()) for one in (self.months, self.customer, self.plan))
        return [(month, self.customers[c], self.plans[p]) for month, c, p in zip(months, customer, plan, strict=True)]


class PoolUse(NamedTuple):
    """The use of many pools by feature, as columns: pool n has `sizes[n]` of `features`, and of every column after them."""

    months: Coded[int]
    customers: Coded[str]
    plans: Coded[str]
    sizes: Integers
    features: Coded[str]
    calls: Integers
    tokens: Integers
    costs: Weighed


class _Called(NamedTuple):
    """The calls of every pool by the features that weigh anything, in the order of their names: those of pool n begin at
    `starts[n]`. The last pool is that of nobody, and has none.
    """

    names: list[str]
    starts: Integers
    sizes: Integers
    features: Integers
    calls: Integers


class Cells:
    """The months' use by customer, plan and feature, and the rules by which it divides what calls do not carry.

    Calls that name no feature carry no weight: what is sold is a feature, and such a call is one of them.
    Everything is added before anything is divided.
    """

    def __init__(self, uses: Iterable[tuple[Owner, Use]], plans: Mapping[str, PlanPolicy]) -> None:
        self._plans = plans
        self._ruled = {name for name, policy in plans.items() if policy.allocation != "calls"}
        self._numbers: tuple[dict[int, int], dict[str, int], dict[str, int]] = ({}, {}, {})  # as PoolNames
        self._features: dict[str, int] = {}
        self._added: list[tuple[Integers, Integers, Integers, Integers, Integers, Integers, Integers, Weighed]] = []
        self._months: Mapping[int, Cells] = {}
        self._of_plan: dict[tuple[int, str], Weights] = {}
        found = list(uses)
        self.add(
            PoolUse(
                coded([owner.month for owner, _ in found]),
                coded([owner.customer for owner, _ in found]),
                coded([owner.plan for owner, _ in found]),
                np.ones(len(found), dtype=np.int64),
                coded([owner.feature for owner, _ in found]),
                integers([use.calls for _, use in found]),
                integers([use.input_tokens + use.output_tokens for _, use in found]),
                weighed([use.cost for _, use in found]),
            )
        )

    def add(self, use: PoolUse) -> None:
        """Add use by pool and feature."""
        months, customers, plans = self._numbers
        self._added.append(
            (
                use.months.numbered(months),
                use.customers.numbered(customers),
                use.plans.numbered(plans),
                use.sizes,
                use.features.numbered(self._features),
                use.calls,
                use.tokens,
                use.costs,
            )
        )

    @classmethod
    def of_months(cls, months: Mapping[int, "Cells"], plans: Mapping[str, PlanPolicy]) -> "Cells":
        """The use of some months, by their first days, each of which has cells of its own: they are put together where an answer is
        of more than one month.
        """
        cells = cls((), plans)
        cells._months = months
        return cells

    def of_month(self, month: int) -> "Cells":
        """What divides the amounts of one month as these do, and may know of no other."""
        return self._months.get(month, self)

    def before_last(self, month: int) -> bool:
        """Whether a month has cells of its own that are not those of the last one, whose use may go on."""
        return month in self._months and month < max(self._months)

    @cached_property
    def used(self) -> Used:
        """What was added. Without drivers other than calls in it, those are 0."""
        self._add_months([cells.used for cells in self._months.values()])
        columns = [np.concatenate(some) for some in zip(*self._added, strict=True)]
        (month, customer, plan, sizes, feature), weights = columns[:5], columns[5:]
        keys, number = numbered(self._key(month, customer, plan), prod(map(len, self._numbers)))
        names, rank = sorted(self._features), ranks_of(list(self._features))
        cells, cell = numbered(np.repeat(number, sizes) * len(names) + rank[feature], len(keys) * len(names))
        sums = [np.zeros(len(cells), dtype=column.dtype) for column in weights]
        for total, column in zip(sums, weights, strict=True):
            np.add.at(total, cell, column)
        pool, feature = np.divmod(cells, max(1, len(names)))
        sizes = np.bincount(pool, minlength=len(keys))
        months, customers, plans = self._numbers
        month, customer, plan = self._parts(keys)
        return Used(
            list(customers), list(plans), names, keys, integers(list(months))[month], customer, plan,
            np.cumsum(sizes) - sizes, sizes, pool, feature, *sums,
        )  # fmt: skip

    def _add_months(self, of: Sequence[Used]) -> None:
        """Add what was used in some months."""
        months, customers, plans = self._numbers
        fit = sum(int(np.abs(one.costs).sum()) for one in of) < _SUMMED_MAX
        for one in of:
            self._added.append(
                (
                    codes_of(cast("list[int]", one.months.tolist()), months),
                    codes_of(one.customers, customers)[one.customer],
                    codes_of(one.plans, plans)[one.plan],
                    one.sizes,
                    codes_of(one.names, self._features)[one.feature],
                    one.calls,
                    one.tokens,
                    one.costs if fit else one.costs.astype(object),
                )
            )

    def _key(self, month: Integers, customer: Integers, plan: Integers) -> Integers:
        """One number for a pool: the plans of a customer in a month are one after another."""
        _, customers, plans = self._numbers
        return (month * len(customers) + customer) * len(plans) + plan

    def _parts(self, keys: Integers) -> tuple[Integers, Integers, Integers]:
        """The month, customer and plan of each key."""
        _, customers, plans = map(len, self._numbers)
        rest, plan = np.divmod(keys, max(1, plans))
        return (*np.divmod(rest, max(1, customers)), plan)

    def _number(self, pools: PoolNames) -> Integers:
        """The number of each pool, -1 of those that have no use."""
        keys, (months, customers, plans) = self.used.keys, self._numbers
        month, customer, plan = (
            _codes(pools.months, months), _codes(pools.customers, customers), _codes(pools.plans, plans),
        )  # fmt: skip
        wanted = self._key(month, customer, plan)
        if not len(keys):
            return np.full(len(wanted), -1)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        known = (np.minimum(np.minimum(month, customer), plan) >= 0) & (keys[at] == wanted)
        return np.where(known, at, -1)

    def division(self, pools: PoolNames) -> Division:
        """The feature_weights of each of `pools`; one that has none is all of the feature "", which is not known.

        OverflowError where a weight exceeds a column.
        """
        called, of_pool = self._called, self._number(pools)
        starts, sizes = called.starts[of_pool], called.sizes[of_pool]
        if self._ruled:
            sizes[[plan in self._ruled for plan in pools.plans]] = 0
        known = {name: number for number, name in enumerate(called.names)}
        features, weights = [called.features], [called.calls]
        end = len(called.features)
        placed: dict[tuple[tuple[str, ...], tuple[int, ...]], tuple[int, int]] = {}
        for n in np.flatnonzero(sizes == 0).tolist():
            names, numbers = self._weights_of(of_pool[n : n + 1], pools.months[n], pools.customers[n], pools.plans[n])
            alike = (tuple(names), tuple(numbers))
            if alike not in placed:
                features.append(codes_of(names or [""], known))
                weights.append(integers(numbers or [1]))
                placed[alike] = end, len(features[-1])
                end += len(features[-1])
            starts[n], sizes[n] = placed[alike]
        at = spread(starts, sizes)
        return Division(list(known), sizes, np.concatenate(features)[at], np.concatenate(weights)[at])

    def feature_weights(self, month: int, customer: str, plan: str) -> Weights:
        """How the plan's bundled revenue of one customer and month divides among features.

        Stated value weights need no usage. Otherwise: the customer's calls on the plan that month, its calls on any
        plan, the plan's calls over all customers, the plan's stated features equally; none of these: empty.
        """
        number = self._number(PoolNames([month], [customer], [plan]))
        return self._weights_of(number, month, customer, plan)

    def _weights_of(self, number: Integers, month: int, customer: str, plan: str) -> Weights:
        policy = self._plans.get(plan)
        if policy is not None and policy.allocation == "value_weights":
            return _positive({name: int(EXACT.scaleb(weight, PLACES)) for name, weight in policy.weights.items()})
        by_cost = policy is not None and policy.allocation == "cost"
        weights = self._weights(number[number >= 0], by_cost=by_cost)
        if not weights[0]:
            weights = self._weights(self._of_customer(month, customer), by_cost=by_cost)
        if not weights[0]:
            weights = self._weights_of_plan(month, plan, by_cost=by_cost)
        if not weights[0] and policy is not None:
            weights = list(policy.features), [1] * len(policy.features)
        return weights

    def _of_customer(self, month: int, customer: str) -> Integers:
        """The pools of a month and customer."""
        keys, (months, customers, plans) = self.used.keys, self._numbers
        if month not in months or customer not in customers:
            return _NONE
        first = (months[month] * len(customers) + customers[customer]) * len(plans)
        start, end = cast("list[int]", np.searchsorted(keys, [first, first + len(plans)]).tolist())
        return np.arange(start, end)

    def _weights_of_plan(self, month: int, plan: str, *, by_cost: bool) -> Weights:
        weights = self._of_plan.get((month, plan))
        if weights is None:
            used, number = self.used, self._numbers[2].get(plan, -1)
            weights = self._weights(np.flatnonzero((used.months == month) & (used.plan == number)), by_cost=by_cost)
            self._of_plan[month, plan] = weights
        return weights

    def _weights(self, pools: Integers, *, by_cost: bool) -> Weights:
        """Weights of the named features of some pools in the order of their names; by calls where no cost is known."""
        if not len(pools):
            return [], []
        if by_cost:
            used = self.used
            costs: dict[str, int] = defaultdict(int)
            for n in cast("list[int]", spread(used.starts[pools], used.sizes[pools]).tolist()):
                costs[used.names[used.feature[n]]] += int(used.costs[n])
            weights = _positive(costs)
            if weights[0]:
                return weights
        called = self._called
        at = spread(called.starts[pools], called.sizes[pools])
        sums = sums_of(called.calls[at], called.features[at], len(called.names))
        return _positive(dict(zip(called.names, sums, strict=True)))

    @cached_property
    def _called(self) -> _Called:
        used = self.used
        weighs = used.calls > 0
        if "" in self._features:
            weighs &= used.feature > 0  # the empty name is the first of all
        sizes = np.bincount(used.pool[weighs], minlength=len(used.keys) + 1)
        return _Called(used.names, np.cumsum(sizes) - sizes, sizes, used.feature[weighs], used.calls[weighs])


def weighed(amounts: Sequence[int]) -> Weighed:
    """A column of amounts."""
    return integers(amounts) if sum(map(abs, amounts)) < _SUMMED_MAX else np.array(amounts, dtype=object)


def _codes(words: Sequence[Word], known: Mapping[Word, int]) -> Integers:
    """The number of each word in `known`, -1 of those that are not in it."""
    return np.fromiter(map(known.get, words, repeat(-1)), dtype=np.int64, count=len(words))


def _positive(weights: Mapping[str, int]) -> Weights:
    """What weighs anything and has a name."""
    names = sorted(name for name, weight in weights.items() if name and weight > 0)
    return names, [weights[name] for name in names]
