"""The use of whole months by customer, plan and feature, and how it divides what no call carries."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from floorline.margin.policy import PlanPolicy
from floorline.margin.vectors import Integers, integers, numbered, spread, sums_of
from floorline.money import EXACT, PLACES

Word = TypeVar("Word", bound=Hashable)
_SUMMED_MAX = 1 << 61


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


PoolKey = tuple[int, str, str]
"""Month, customer and plan."""
Weights = tuple[list[str], list[int]]
"""Features in the order of their names, and what each weighs."""


class Division(NamedTuple):
    """How each of many pools divides: `sizes[n]` of `features` (numbers of `names`) and of `weights` are those of pool n."""

    names: list[str]
    sizes: Integers
    features: Integers
    weights: Integers


class Used(NamedTuple):
    """Every cell once, by pool and by feature in the order of names: the numbers of its pool and of its feature in `pools`
    and `names`, and its weights. The cells of pool n are `sizes[n]` from `starts[n]` on. `costs` are a column, or Python's
    integers where 64 bits might not hold them.
    """

    pools: list[PoolKey]
    names: list[str]
    starts: Integers
    sizes: Integers
    pool: Integers
    feature: Integers
    calls: Integers
    tokens: Integers
    costs: Integers | npt.NDArray[np.object_]


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
        self._pools: dict[PoolKey, int] = {}
        self._features: dict[str, int] = {}
        self._added: list[tuple[Integers, Integers, Integers, Integers, Integers | npt.NDArray[np.object_]]] = []
        self._of_plan: dict[tuple[int, str], Weights] = {}
        found = list(uses)
        self.add(
            [owner[:3] for owner, _ in found],
            [1] * len(found),
            [owner.feature for owner, _ in found],
            [use.calls for _, use in found],
            [use.input_tokens + use.output_tokens for _, use in found],
            [use.cost for _, use in found],
        )

    def add(
        self,
        pools: Sequence[PoolKey],
        sizes: Sequence[int],
        features: Sequence[str],
        calls: Sequence[int],
        tokens: Sequence[int],
        costs: Sequence[int],
    ) -> None:
        """Add use by pool and feature: pool n has `sizes[n]` of `features`, `calls`, `tokens` and `costs`."""
        self._added.append(
            (
                np.repeat(codes_of(pools, self._pools), integers(sizes)),
                codes_of(features, self._features),
                integers(calls),
                integers(tokens),
                integers(costs) if sum(map(abs, costs)) < _SUMMED_MAX else np.array(costs, dtype=object),
            )
        )

    @cached_property
    def used(self) -> Used:
        """What was added. Without drivers other than calls in it, those are 0."""
        names = sorted(self._features)
        rank = np.zeros(len(names), dtype=np.int64)
        rank[codes_of(names, self._features)] = np.arange(len(names))
        pool, feature, calls, tokens, costs = (np.concatenate(columns) for columns in zip(*self._added, strict=True))
        cells, cell = numbered(pool * len(names) + rank[feature], len(self._pools) * len(names))
        sums = [np.zeros(len(cells), dtype=column.dtype) for column in (calls, tokens, costs)]
        for total, column in zip(sums, (calls, tokens, costs), strict=True):
            np.add.at(total, cell, column)
        pool, feature = np.divmod(cells, max(1, len(names)))
        sizes = np.bincount(pool, minlength=len(self._pools))
        return Used(list(self._pools), names, np.cumsum(sizes) - sizes, sizes, pool, feature, *sums)

    def division(self, pools: Sequence[PoolKey]) -> Division:
        """The feature_weights of each of `pools`; one that has none is all of the feature "", which is not known.

        OverflowError where a weight exceeds a column.
        """
        called = self._called
        of_pool = np.fromiter(map(self._pools.get, pools, repeat(-1)), dtype=np.int64, count=len(pools))
        starts, sizes = called.starts[of_pool], called.sizes[of_pool]
        if self._ruled:
            sizes[[plan in self._ruled for _, _, plan in pools]] = 0
        known = {name: number for number, name in enumerate(called.names)}
        features, weights = [called.features], [called.calls]
        end = len(called.features)
        placed: dict[tuple[tuple[str, ...], tuple[int, ...]], tuple[int, int]] = {}
        for n in np.flatnonzero(sizes == 0).tolist():
            names, numbers = self.feature_weights(*pools[n])
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
        policy = self._plans.get(plan)
        if policy is not None and policy.allocation == "value_weights":
            return _positive({name: int(EXACT.scaleb(weight, PLACES)) for name, weight in policy.weights.items()})
        by_cost = policy is not None and policy.allocation == "cost"
        own = [(month, customer, plan)] if (month, customer, plan) in self._pools else []
        weights = self._weights(own, by_cost=by_cost)
        if not weights[0]:
            weights = self._weights(self._pools_of_customers.get((month, customer), ()), by_cost=by_cost)
        if not weights[0]:
            weights = self._weights_of_plan(month, plan, by_cost=by_cost)
        if not weights[0] and policy is not None:
            weights = list(policy.features), [1] * len(policy.features)
        return weights

    def _weights_of_plan(self, month: int, plan: str, *, by_cost: bool) -> Weights:
        weights = self._of_plan.get((month, plan))
        if weights is None:
            weights = self._weights(self._pools_of_plans.get((month, plan), ()), by_cost=by_cost)
            self._of_plan[month, plan] = weights
        return weights

    def _weights(self, pools: Sequence[PoolKey], *, by_cost: bool) -> Weights:
        """Weights of the named features of some pools in the order of their names; by calls where no cost is known."""
        if not pools:
            return [], []
        of_pools = integers([self._pools[pool] for pool in pools])
        if by_cost:
            used = self.used
            costs: dict[str, int] = defaultdict(int)
            for n in spread(used.starts[of_pools], used.sizes[of_pools]).tolist():
                costs[used.names[used.feature[n]]] += int(used.costs[n])
            weights = _positive(costs)
            if weights[0]:
                return weights
        called = self._called
        at = spread(called.starts[of_pools], called.sizes[of_pools])
        sums = sums_of(called.calls[at], called.features[at], len(called.names))
        return _positive(dict(zip(called.names, sums, strict=True)))

    @cached_property
    def _called(self) -> _Called:
        used = self.used
        weighs = used.calls > 0
        if "" in self._features:
            weighs &= used.feature > 0  # the empty name is the first of all
        sizes = np.bincount(used.pool[weighs], minlength=len(used.pools) + 1)
        return _Called(used.names, np.cumsum(sizes) - sizes, sizes, used.feature[weighs], used.calls[weighs])

    @cached_property
    def _pools_of_customers(self) -> dict[tuple[int, str], list[PoolKey]]:
        """The pools of a month and customer; made when a first customer has no calls on the plan it pays for."""
        found: dict[tuple[int, str], list[PoolKey]] = defaultdict(list)
        for pool in self._pools:
            found[pool[0], pool[1]].append(pool)
        return found

    @cached_property
    def _pools_of_plans(self) -> dict[tuple[int, str], list[PoolKey]]:
        """The pools of a month and plan."""
        found: dict[tuple[int, str], list[PoolKey]] = defaultdict(list)
        for pool in self._pools:
            found[pool[0], pool[2]].append(pool)
        return found


def codes_of(words: Sequence[Word], known: dict[Word, int]) -> Integers:
    """The number of each word in `known`, to which new ones are added."""
    return integers([known.setdefault(word, len(known)) for word in words])


def _positive(weights: Mapping[str, int]) -> Weights:
    """What weighs anything and has a name."""
    names = sorted(name for name, weight in weights.items() if name and weight > 0)
    return names, [weights[name] for name in names]
