"""What each part of a bridge moved, in every row: from the steps of the cells of calls, and from what payers pay for their days."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from floorline.margin.bridge import Part
from floorline.margin.scaling import is_wide, narrow, rounded, scaled, totals, wide_column
from floorline.margin.substitution import CHAIN, Cells, Prices, Walks, sums_of_measures, walks
from floorline.margin.vectors import Integers, distinct
from floorline.margin.works import Kind

_BLOCK_OF: Mapping[Part, int] = {
    "input_tokens": 0, "prompt_cache": 0, "output_tokens": 1, "reasoning_tokens": 2, "other_units": 3
}  # fmt: skip


class Rows(NamedTuple):
    """The rows of an explanation: how many there are, and which one each group is of. Sums of rows are Python's integers."""

    number: int
    of_group: Integers

    def sums(self, values: Integers, groups: Integers) -> Integers:
        """The sum of the values of each row."""
        return totals(values, self.of_group[groups], self.number)

    def added(self, of_groups: Sequence[int]) -> Integers:
        """The sum of each row's groups, which have one value each."""
        return totals(wide_column(of_groups), self.of_group, self.number)


class Payers(NamedTuple):
    """Who pays, or calls, within each group: a customer on a plan."""

    group: Integers
    customer: Integers


class Named(NamedTuple):
    """What names added within a part: the row of each, its number among its like, and how much."""

    row: Integers
    name: Integers
    amount: Integers

    def renamed(self, names: Integers) -> "Named":
        """By other numbers."""
        return self._replace(name=names[self.name] if len(names) else self.name)


Moves = dict[Part, tuple[Integers, Integers]]
"""What each part acts on, before and after its own step, in each row."""


class CostSteps(NamedTuple):
    """The moves of the rows' cost, and what was added to it by customers (calls), by kinds (mix of models) and by kinds again
    (prices).
    """

    moves: Moves
    by_customer: Named
    by_model: Named
    by_price: Named


class RevenueSteps(NamedTuple):
    """The moves of the rows' revenue, and what customers added to it by what they buy and by what they pay for a day."""

    moves: Moves
    by_volume: Named
    by_price: Named


# -- cost


class _Paid(NamedTuple):
    """What each payer's calls cost and how many they were and are; what they would cost at their new number, and that at the
    new share of calls that fell back.
    """

    cost: Integers
    before: Integers
    after: Integers
    at_new_calls: Integers
    fallen: Integers


def cost_steps(cells: Cells, payers: Payers, rows: Rows, prices: Prices) -> CostSteps:
    """The moves of each row's cost: the first begins at the old cost, and their differences sum to the change.

    Cost without a call (a correction whose call is in another cell) is unattributed.
    """
    loose = [rows.sums(np.where(side.calls <= 0, side.cost, 0), cells.group) for side in (cells.was, cells.now)]
    cells = cells.with_calls().matched_first()
    group = cells.group
    walked = walks(cells, prices)
    steps = [rows.sums(total, group) for total in walked.totals]
    paid = _paid(cells, walked, len(payers.group))
    volume = rows.added(_at_new_volume(paid, payers, len(rows.of_group)))
    by_payer, fallen = (rows.sums(column, payers.group) for column in (paid.at_new_calls, paid.fallen))
    moves: Moves = {
        "call_volume": (rows.sums(cells.was.cost, group), volume),
        "customer_mix": (volume, by_payer),
        "model_mix": (fallen, steps[0]),
    }
    for step, part in enumerate(CHAIN[1:], start=1):
        old = rows.sums(_acted_on(walked, step - 1, part), group)
        moves[part] = old, old + steps[step] - steps[step - 1]
    old, new = moves["unattributed"]
    moves["unattributed"] = old + loose[0], new + loose[1]
    moves["retries"] = steps[-1], rows.sums(cells.now.cost, group) + fallen - by_payer
    return CostSteps(moves, *_named(cells, walked, paid, payers, rows))


def _acted_on(walked: Walks, step: int, part: Part) -> Integers:
    """What the next step acts on: its own block with the retries that come with it, or all cost."""
    block = _BLOCK_OF.get(part)
    if block is None:
        return walked.totals[step]
    total, own = walked.totals[step], walked.chain[step, block]
    whole = walked.chain[step].sum(axis=0)
    at = np.flatnonzero((whole > 0) & (whole != total))
    found = own.copy()
    found[at] = scaled(total[at], [own[at]], [whole[at]])
    return found


def _paid(cells: Cells, walked: Walks, count: int) -> _Paid:
    cost, before, after, first = (
        sums_of_measures(column, cells.payer, count)
        for column in (cells.was.cost, cells.was.calls, cells.now.calls, walked.totals[0])
    )
    at_new_calls = first.copy()
    at = np.flatnonzero(before)
    at_new_calls[at] = scaled(cost[at], [after[at]], [before[at]])
    return _Paid(cost, before, after, at_new_calls, at_new_calls + _fell_back(cells, walked, before, after))


def _at_new_volume(paid: _Paid, payers: Payers, groups: int) -> list[int]:
    """The cost of each group at its new number of calls."""
    cost, before, after, by_payer = (
        totals(column, payers.group, groups).tolist()
        for column in (paid.cost, paid.before, paid.after, paid.at_new_calls)
    )
    return [rounded(cost[n], after[n], before[n]) if before[n] else by_payer[n] for n in range(groups)]


def _named(cells: Cells, walked: Walks, paid: _Paid, payers: Payers, rows: Rows) -> tuple[Named, Named, Named]:
    row = rows.of_group[cells.group]
    first, (before, after) = walked.totals[0], (column[cells.payer] for column in (paid.before, paid.after))
    at = np.flatnonzero(before)
    mix = np.zeros_like(first)
    mix[at] = first[at] - scaled(cells.was.cost[at], [after[at]], [before[at]])
    return (
        Named(rows.of_group[payers.group], payers.customer, paid.at_new_calls - paid.cost),
        Named(row, cells.kind, mix),
        Named(row, cells.kind, walked.totals[-1] - walked.totals[-2]),
    )


# -- calls that fell back


def _fell_back(cells: Cells, walked: Walks, before: Integers, after: Integers) -> Integers:
    """What each payer's calls that fell back cost more, at old costs, than they would have where they were tried first,
    beyond what those of before did at the new number of calls.
    """
    tried = np.array([bool(kind.tried) for kind in cells.kinds], dtype=bool)[cells.kind]
    fallen = np.flatnonzero(tried & (before[cells.payer] > 0))
    added = [0] * len(before)
    if len(fallen):
        payers, of = np.unique(cells.payer[fallen], return_inverse=True)
        served = np.flatnonzero(~tried & (cells.was.calls > 0) & np.isin(cells.payer, payers))
        kinds: list[int] = np.unique(cells.kind[fallen]).tolist()
        for kind in kinds:
            direct = _direct(cells, served, payers, cells.kinds[kind])
            some = cells.kind[fallen] == kind
            pairs: list[tuple[int, int]] = list(zip(fallen[some].tolist(), of[some].tolist(), strict=True))
            for cell, n in pairs:
                payer = int(payers[n])
                calls = int(before[payer]), int(after[payer])
                added[payer] += _beyond(cells, walked, cell, calls, (direct[0][n], direct[1][n]))
    column = wide_column(added)
    return column if is_wide(before) else narrow(column)


def _beyond(cells: Cells, walked: Walks, cell: int, calls: tuple[int, int], direct: tuple[int, int]) -> int:
    """The same of one cell; `calls` are the payer's before and after, `direct` the cost and number of those served as tried."""
    was, now = int(cells.was.calls[cell]), int(cells.now.calls[cell])
    cost, count = (int(cells.was.cost[cell]), was) if was else (int(walked.totals[0, cell]), now)
    if not (direct[1] and count):
        return 0
    more = now * calls[0] - was * calls[1]
    return rounded(more, cost * direct[1] - direct[0] * count, calls[0] * count * direct[1])


def _direct(cells: Cells, served: Integers, payers: Integers, kind: Kind) -> tuple[list[int], list[int]]:
    """The old cost and number of each payer's calls that were served as tried: those of the model that `kind` tried first
    (or of a dated name of it), or of all models where it served none, or of all calls.
    """
    same = np.array([one.call_type == kind.call_type for one in cells.kinds], dtype=bool)
    named = same & np.array([one.model.startswith(kind.tried) for one in cells.kinds], dtype=bool)
    of = np.searchsorted(payers, cells.payer[served])
    costs, calls = [0] * len(payers), [0] * len(payers)
    for some in (named, same, np.ones_like(same)):
        at = some[cells.kind[served]]
        sums = (
            totals(column[served][at], of[at], len(payers)).tolist() for column in (cells.was.cost, cells.was.calls)
        )
        for n, (cost, count) in enumerate(zip(*sums, strict=True)):
            if not calls[n]:
                costs[n], calls[n] = cost, count
    return costs, calls


# -- revenue


class Earnings(NamedTuple):
    """What each payer pays a group for its days (10^-12 USD) and for how many (10^-6 days), before and after."""

    payers: Payers
    was: Integers
    days_was: Integers
    now: Integers
    days_now: Integers


def revenue_steps(earned: Earnings, used: tuple[Integers, Integers], rows: Rows) -> RevenueSteps:
    """The moves of each row's revenue: days sold at the old average, whose they are, what each pays for a day.

    A payer without days before has no old rate: its own new one counts. `used` is the rows' revenue of metered use and
    outcomes, at prices that are stated once, and is volume alone. An amount without days is volume too.
    """
    (group, customer), was, days_was, now, days_now = earned
    at_old_rate = now.copy()
    at = np.flatnonzero(days_was > 0)
    at_old_rate[at] = scaled(was[at], [days_now[at]], [days_was[at]])
    held = days_now > 0
    at_old_rates = np.where(held, at_old_rate, 0)
    paid_was, paid_now = (np.where(days > 0, amount, 0) for days, amount in ((days_was, was), (days_now, now)))
    volume = rows.added(_days_sold(earned, paid_was, at_old_rates, len(rows.of_group)))
    by_payer = rows.sums(at_old_rates, group)
    loose_now = rows.sums(now - paid_now, group)
    moves: Moves = {
        "revenue_volume": (rows.sums(was, group) + used[0], volume + loose_now + used[1]),
        "customer_mix": (volume, by_payer),
        "revenue_price": (by_payer, rows.sums(paid_now, group)),
    }
    row = rows.of_group[group]
    bought = Named(row, customer, np.where(held, at_old_rate, now) - was)
    return RevenueSteps(moves, bought, Named(row, customer, np.where(held, now - at_old_rate, 0)))


def _days_sold(earned: Earnings, paid_was: Integers, at_old_rates: Integers, groups: int) -> list[int]:
    """What each group's days would earn now at their old average."""
    paid, old, new, by_payer = (
        totals(column, earned.payers.group, groups).tolist()
        for column in (paid_was, earned.days_was, earned.days_now, at_old_rates)
    )
    return [rounded(paid[n], new[n], old[n]) if old[n] > 0 else by_payer[n] for n in range(groups)]


# -- who leads


def leading(named: Sequence[tuple[int, Named]], toward: Integers, names: Sequence[str]) -> dict[int, tuple[str, int]]:
    """The name that added most to each row in the direction `toward` (1, -1, or 0 for none), and how much; of equals the last
    in order. Each of `named` counts with its sign. What has no name leads nothing.
    """
    row, name = np.concatenate([one.row for _, one in named]), np.concatenate([one.name for _, one in named])
    first, key = distinct([row, name])
    sums = totals(np.concatenate([sign * one.amount for sign, one in named]), key, len(first))
    row, name = row[first], name[first]
    at = np.flatnonzero(sums * toward[row] > 0)
    found: dict[int, tuple[str, int]] = {}
    numbers: list[tuple[int, int, int]] = list(zip(row[at].tolist(), name[at].tolist(), sums[at].tolist(), strict=True))
    for of, number, total in numbers:
        word, known = names[number], found.get(of, ("", 0))
        if word and (abs(total), word) > (abs(known[1]), known[0]):
            found[of] = word, total
    return found
