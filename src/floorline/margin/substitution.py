"""The steps of a bridge on the cost of groups of calls: each cause is put in place of its old value, one after another.

A group is one feature (of one customer, or one plan); a cell of it is one (customer, plan) and one (call type, provider,
model). Its cost is

    calls × forwarded per call × priced per forwarded × Σ over units (quantity per forwarded call × price) + retries

and every factor but the first follows the cell. A cell that exists in both windows is its own measure of what changed.
One that is new has no old factors: it is taken to have changed as the cells of its kind in the group that exist in both
windows did (a matched-model index, as consumer prices treat new goods), or as the kind as a whole where no cell does, or
only in price, as its model did elsewhere, or not at all; what is left is mix. Integers throughout, in columns of all cells;
each step of a cell is rounded once, and since steps are differences of one chain the parts add up exactly.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from floorline.margin.bridge import Part
from floorline.margin.scaling import either, is_wide, scaled, totals, wide
from floorline.margin.vectors import Integers, added
from floorline.margin.works import BLOCKS, PROMPT, Kind, Works, blocks

CHAIN: tuple[Part, ...] = (
    "model_mix", "cache_hits", "unattributed", "input_tokens", "prompt_cache", "output_tokens", "reasoning_tokens",
    "other_units", "provider_price",
)  # fmt: skip
"""The steps of a cell; the first is its cost per call before, at the calls of after."""
_HITS, _UNPRICED, _PROMPT, _UNITS, _PRICE = (
    CHAIN.index(part) for part in ("cache_hits", "unattributed", "input_tokens", "prompt_cache", "provider_price")
)
_STEPS = len(CHAIN)
Bools = npt.NDArray[np.bool_]
Chain = Integers
"""By step of CHAIN, block (dollars of the prompt, the output, reasoning and other units) and cell."""

Model = tuple[str, str]
"""Provider and model."""
Numbers = tuple[int, ...]
Models = Collection[Model]
PriceMoves = Mapping[Model, tuple[Numbers, Numbers]]
"""By model: the dollars of each block before and after the step of the price, over all groups."""
Prices = Callable[[Models], PriceMoves]
"""Asked of the models of which it is needed."""


class Cells(NamedTuple):
    """Cells in both windows, settled: the number of each one's group, payer (customer and plan within it) and kind among `kinds`,
    and its work.
    """

    group: Integers
    payer: Integers
    kind: Integers
    kinds: Sequence[Kind]
    was: Works
    now: Works

    @property
    def matched(self) -> Bools:
        """Which can be measured themselves: they were priced before and are called now."""
        return _matched(self.was, self.now)

    def at(self, held: Integers) -> "Cells":
        """Some of the cells."""
        group, payer, kind = (column[held] for column in (self.group, self.payer, self.kind))
        return Cells(group, payer, kind, self.kinds, self.was.at(held), self.now.at(held))

    def matched_first(self) -> "Cells":
        """The same cells, those before all others that can be measured themselves."""
        matched = self.matched
        return self if matched.all() else self.at(np.argsort(~matched, kind="stable"))

    def with_calls(self) -> "Cells":
        """The cells without cost that no call of them explains."""
        return self._replace(was=self.was.with_calls(), now=self.now.with_calls())


class Walks(NamedTuple):
    """Each cell's total cost after each step, the dollars of its blocks, and the retries that its old rate would cost now."""

    totals: Integers
    chain: Chain
    retries: Integers


class Index(NamedTuple):
    """How the kinds of each group changed: for each step and block what was there before and after it, and the retries
    that the old rate would have cost and those that were.
    """

    before: Integers
    after: Integers
    old_retries: Integers
    new_retries: Integers


def _matched(was: Works, now: Works) -> Bools:
    return (was.priced > 0) & (was.priced <= was.forwarded) & (now.calls > 0)


def model_of(kind: Kind) -> Model:
    """What has a price."""
    return kind.provider, kind.model


def price_index(cells: Cells, models: Models) -> PriceMoves:
    """How the price of some models moved, over the cells that exist in both windows taken as one."""
    numbers = {model: number for number, model in enumerate(models)}
    of_kind = np.array([numbers.get(model_of(kind), -1) for kind in cells.kinds], dtype=np.int64)
    model = of_kind[cells.kind] if len(cells.kind) else cells.kind
    at = np.flatnonzero(cells.matched & (model >= 0))
    found = np.unique(model[at])
    was, now = (side.at(at).widened().among(model[at], len(numbers)).at(found) for side in (cells.was, cells.now))
    chain = forward(was, now)
    names = list(numbers)
    return {
        names[number]: (tuple(chain[_PRICE - 1, :, n].tolist()), tuple(chain[_PRICE, :, n].tolist()))
        for n, number in enumerate(found.tolist())
    }


# -- the chain of a cell


def walks(cells: Cells, prices: Prices) -> Walks:
    """The steps of every cell; each has calls or nothing, and those that are matched come first."""
    matched = cells.matched
    count, zeros = int(np.count_nonzero(matched)), np.zeros_like
    assert matched[:count].all()
    found = measured(cells.was.first(count), cells.now.first(count))
    rest = len(matched) - count
    if not rest:
        return found
    unmeasured = Walks(
        zeros(cells.now.calls, shape=(_STEPS, rest)),
        zeros(cells.now.calls, shape=(_STEPS, BLOCKS, rest)),
        zeros(cells.now.calls, shape=rest),
    )
    others = count + np.flatnonzero(cells.now.calls[count:] > 0)
    if len(others):
        _put(unmeasured, others - count, _estimated(cells, found, np.arange(count), others, prices))
    return Walks(*[np.concatenate(columns, axis=-1) for columns in zip(found, unmeasured, strict=True)])


def _put(into: Walks, at: Integers, some: Walks) -> None:
    for column, part in zip(into, some, strict=True):
        column[..., at] = part


def measured(was: Works, now: Works) -> Walks:
    """The walks of matched cells: retries stay what they were for each dollar of the served attempts."""
    chain = forward(was, now)
    return _with_retries(chain, was.retry, was.served, scaled(was.retry, [now.calls], [was.calls]))


def _with_retries(chain: Chain, retry: Integers, served: Integers, otherwise: Integers) -> Walks:
    """Walks whose retries are to each step as `retry` is to what served, or `otherwise` where nothing did."""
    steps = chain.sum(axis=1)
    retries = otherwise
    at = np.flatnonzero(retry)
    rated = at[served[at] > 0]
    for step in steps:
        retries = otherwise.copy()
        retries[rated] = scaled(retry[rated], [step[rated]], [served[rated]])
        step += retries  # noqa: PLW2901 - the step's own row
    return Walks(steps, chain, retries)


def forward(was: Works, now: Works) -> Chain:
    """The steps of cells that were priced before and are called now."""
    old, called = blocks(was.dollars), was.calls
    forwarded, priced = (was.forwarded, now.forwarded), (was.priced, now.priced)
    known = (
        (forwarded[1] == now.calls) & (forwarded[0] == called),
        (priced[1] == forwarded[1]) & (priced[0] == forwarded[0]),
    )
    chain = np.zeros_like(old, shape=(_STEPS, *old.shape))
    for block, value in enumerate(old):
        chain[0, block] = scaled(value, [now.calls], [called])
        chain[_HITS, block] = _where(~known[0], value, forwarded, chain[0, block])
        chain[_UNPRICED, block] = _where(~known[1], value, priced, chain[_HITS, block])
    rate = _per_call(forwarded, priced, known[1])
    at, prompt = _at_old_prices(was, now, rate)
    chain[_PROMPT] = chain[_UNPRICED]
    chain[_PROMPT, 0] = prompt
    for block in range(BLOCKS):  # the prompt's is the step of its cache, each other block is a step
        chain[_UNITS + block] = chain[_UNITS + block - 1]
        chain[_UNITS + block, block] = at[block]
    chain[_PRICE] = blocks(now.dollars)
    return chain


def _where(changed: Bools, value: Integers, counts: tuple[Integers, Integers], same: Integers) -> Integers:
    """The value at the new count where that `changed` in another way than the count before it did."""
    found = same.copy()
    at = np.flatnonzero(changed)
    found[at] = scaled(value[at], [counts[1][at]], [counts[0][at]])
    return found


def _per_call(
    forwarded: tuple[Integers, Integers], priced: tuple[Integers, Integers], all_priced: Bools
) -> tuple[Integers, Integers]:
    """Quantity ÷ forwarded calls × priced calls, new for old, is quantity for quantity times this."""
    over, under = np.ones_like(priced[0]), np.ones_like(priced[0])
    over[forwarded[1] <= 0] = under[forwarded[1] <= 0] = 0
    at = np.flatnonzero(~all_priced & (forwarded[1] > 0))
    if len(at):
        some_over = wide(priced[1][at]) * forwarded[0][at]
        some_under = wide(priced[0][at]) * forwarded[1][at]
        common = np.gcd(some_over, some_under)
        over[at], under[at] = some_over // common, some_under // common
    return over, under


def _at_old_prices(was: Works, now: Works, rate: tuple[Integers, Integers]) -> tuple[Integers, Integers]:
    """What each block would cost now at the old prices, and the prompt's in the old proportions of its units. A unit that was
    not used before has no price but its new one.
    """
    dollars = blocks(was.dollars)[0]
    before, after = (side.quantities[:PROMPT].sum(axis=0) for side in (was, now))
    units = np.stack(
        [
            _for_quantity(*columns, rate)
            for columns in zip(was.quantities, now.quantities, was.dollars, now.dollars, strict=True)
        ]
    )
    at = blocks(units)
    return at, _for_quantity(before, after, dollars, at[0], rate)


def _for_quantity(
    old: Integers, new: Integers, cost: Integers, otherwise: Integers, rate: tuple[Integers, Integers]
) -> Integers:
    found = otherwise.copy()
    at = np.flatnonzero((old > 0) & (rate[1] > 0))
    over, under = (side[at] for side in rate)
    if (over == under).all():
        found[at] = scaled(cost[at], [new[at]], [old[at]])
    else:
        found[at] = scaled(cost[at], [new[at], over], [old[at], under])
    return found


# -- cells without a measure of their own


def _estimated(cells: Cells, measured_walks: Walks, matched: Integers, others: Integers, prices: Prices) -> Walks:
    """The steps of cells that are called now and have no measure of their own, from their new cost backwards."""
    segment = cells.group * len(cells.kinds) + cells.kind
    segments = np.unique(segment[others])
    of = np.searchsorted(segments, segment)
    of[of == len(segments)] = 0
    inside = segments[of] == segment
    index = _index(cells, measured_walks, matched[inside[matched]], of, len(segments))
    unmeasured = np.ones(len(segments), dtype=bool)
    unmeasured[of[matched[inside[matched]]]] = False
    if unmeasured.any():
        _index_otherwise(index, cells, np.flatnonzero(inside & unmeasured[of]), of, prices)
    was, now, of = cells.was.at(others), cells.now.at(others), of[others]
    chain = _backwards(blocks(now.dollars), index, of)
    _since_priced(chain, was, now)
    retry = _measured_by(now.retry, index.old_retries[of], index.new_retries[of])
    return _with_retries(chain, retry, now.served, retry)


def _index(cells: Cells, walked: Walks, at: Integers, of: Integers, count: int) -> Index:
    """The sums of the matched cells `at`, by segment (a group's kind)."""
    segment = of[at]
    sums = np.stack([[sums_of_measures(row[at], segment, count) for row in step] for step in walked.chain])
    retries = (
        sums_of_measures(walked.retries[at], segment, count),
        sums_of_measures(cells.now.retry[at], segment, count),
    )
    return Index(sums[:-1].copy(), sums[1:].copy(), *retries)


def sums_of_measures(values: Integers, groups: Integers, count: int) -> Integers:
    """The sums of groups, as a column like the values. What is only measured by may reach 2^62; OverflowError beyond."""
    return totals(values, groups, count) if is_wide(values) else added(values, groups, count)


def _index_otherwise(index: Index, cells: Cells, at: Integers, of: Integers, prices: Prices) -> None:
    """Fill in the index of segments without a matched cell: all their cells `at` as one, where that one exists in both windows,
    or the price of their model elsewhere.
    """
    segments, first, segment = np.unique(of[at], return_index=True, return_inverse=True)
    whole, one, retry = either(lambda widened: _as_one(cells, at, segment, len(segments), widened))
    index.before[..., segments[whole]], index.after[..., segments[whole]] = one.chain[:-1], one.chain[1:]
    index.old_retries[segments[whole]], index.new_retries[segments[whole]] = one.retries, retry
    rest = np.setdiff1d(np.arange(len(segments)), whole)
    models = {int(segments[n]): model_of(cells.kinds[int(cells.kind[at[first[n]]])]) for n in rest.tolist()}
    if not models:
        return
    known = prices(frozenset(models.values()))
    for number, model in models.items():
        if model in known:
            index.before[-1, :, number], index.after[-1, :, number] = known[model]


def _as_one(
    cells: Cells, at: Integers, segment: Integers, count: int, widened: bool
) -> tuple[Integers, Walks, Integers]:
    """Which segments exist in both windows when their cells `at` are taken as one; the walks of those, and their retries now."""
    some = [side.at(at).widened() if widened else side.at(at) for side in (cells.was, cells.now)]
    was, now = (side.among(segment, count) for side in some)
    whole = np.flatnonzero(_matched(was, now))
    return whole, measured(was.at(whole), now.at(whole)), now.retry[whole]


def _backwards(new: Integers, index: Index, of: Integers) -> Chain:
    chain = np.zeros_like(new, shape=(_STEPS, *new.shape))
    chain[-1] = new
    for step in range(_STEPS - 1, 0, -1):
        for block in range(BLOCKS):
            before, after = index.before[step - 1, block, of], index.after[step - 1, block, of]
            chain[step - 1, block] = _measured_by(chain[step, block], before, after)
    return chain


def _measured_by(values: Integers, before: Integers, after: Integers) -> Integers:
    """The values as they would have been before; the same where that says nothing."""
    found = values.copy()
    at = np.flatnonzero((before >= 0) & (after > 0) & (before != after) & (values != 0))
    found[at] = scaled(values[at], [before[at]], [after[at]])
    return found


def _since_priced(chain: Chain, was: Works, now: Works) -> None:
    """Calls that there were before, all free or without a price, cost nothing until that has changed; and a call that
    is a hit now never costs more for it than each of the forwarded ones.
    """
    called = was.calls > 0
    chain[:_HITS, :, called] = 0
    chain[:_UNPRICED, :, called & (was.forwarded > 0)] = 0
    at = np.flatnonzero(~called & (now.forwarded > 0))
    for block in range(BLOCKS):
        most = scaled(chain[_HITS, block, at], [now.calls[at]], [now.forwarded[at]])
        chain[0, block, at] = np.minimum(chain[0, block, at], most)
