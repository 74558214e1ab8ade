"""What many cells of calls amount to, as columns: the numbers that a bridge's steps of cost are made from.

Amounts are integers of 10^-12 USD. Columns are of 64 bits, or of Python's integers where those would not do (margin.scaling).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from floorline.margin.scaling import bounded, column_of, columns_of_sums, narrow, scaled, wide
from floorline.margin.vectors import Integers

UNITS = ("input", "cache_read", "cache_write", "output", "reasoning", "other")
"""What quantities and dollars are told apart by; the first three are the prompt's tokens, together."""
Numbers = tuple[int, ...]
_NOTHING: Numbers = (0,) * len(UNITS)
_COUNTS = 5
PROMPT = 3
BLOCKS = 4


class Kind(NamedTuple):
    """What serves a call. `tried` is the model that was tried first where another one served, empty otherwise."""

    call_type: str
    provider: str
    model: str
    tried: str = ""


class Work(NamedTuple):
    """What the calls of one cell amount to: `free_calls` (hits, refusals) cost nothing, `unpriced` nobody knows what.

    Quantities and dollars (10^-12 USD) by UNITS are of the attempts that served; `retry` is what the others cost,
    `adjusted` what later corrections added to the dollars.
    """

    calls: int = 0
    free_calls: int = 0
    unpriced: int = 0
    retry: int = 0
    adjusted: int = 0
    quantities: Numbers = _NOTHING
    dollars: Numbers = _NOTHING

    @property
    def cost(self) -> int:
        """Everything that the calls cost."""
        return sum(self.dollars) + self.adjusted + self.retry


class Works(NamedTuple):
    """The work of many cells: as Work, a column for each number, and for quantities and dollars one for each of UNITS."""

    calls: Integers
    free_calls: Integers
    unpriced: Integers
    retry: Integers
    adjusted: Integers
    quantities: Integers
    dollars: Integers

    @property
    def forwarded(self) -> Integers:
        """Calls that went to a provider."""
        return self.calls - self.free_calls

    @property
    def priced(self) -> Integers:
        """Forwarded calls whose cost is known."""
        return self.forwarded - self.unpriced

    @property
    def served(self) -> Integers:
        """The dollars of the attempts that served."""
        return self.dollars.sum(axis=0)

    @property
    def cost(self) -> Integers:
        """Everything that the calls cost."""
        return self.served + self.adjusted + self.retry

    def at(self, rows: Integers) -> "Works":
        """Some of the cells."""
        return Works(*[column[..., rows] for column in self])

    def first(self, count: int) -> "Works":
        """The first cells, as they are here."""
        return Works(*[column[..., :count] for column in self])

    def widened(self) -> "Works":
        """The same in Python's integers."""
        return Works(*map(wide, self))

    def narrow(self) -> "Works":
        """The same in columns of 64 bits; OverflowError where they do not hold them."""
        return Works(*map(narrow, self))

    def among(self, groups: Integers, count: int) -> "Works":
        """The sums of the groups from 0 to `count` - 1. OverflowError where one exceeds a column."""
        sums = [columns_of_sums(row, groups, count) for column in self for row in np.atleast_2d(column)]
        return of_rows(np.stack(sums))

    def placed(self, places: Integers, count: int) -> "Works":
        """As among, fast where each group has one cell at most."""
        if len(places) and np.bincount(places).max() > 1:
            return self.among(places, count)
        rows = np.zeros_like(self.calls, shape=(_COUNTS + 2 * len(UNITS), count))
        rows[:, places] = self.rows()
        return of_rows(rows)

    def settled(self) -> "Works":
        """The same with the corrections spread over the units, which they do not name: in proportion to the dollars,
        or to the quantities of a cell that had no price.
        """
        at = np.flatnonzero(self.adjusted)
        if not len(at):
            return self
        adjusted, weights = self.adjusted[at], self._weights(at)
        whole = weights.sum(axis=0)
        parts = np.stack([scaled(adjusted, [weight], [whole]) for weight in weights])
        parts[np.argmax(weights, axis=0), np.arange(len(at))] += adjusted - parts.sum(axis=0)
        dollars, corrections = self.dollars.copy(), self.adjusted.copy()
        dollars[:, at] += parts
        corrections[at] = 0
        return self._replace(adjusted=corrections, dollars=bounded(dollars))

    def _weights(self, at: Integers) -> Integers:
        """What divides the corrections of some cells: the last unit takes all where neither dollars nor quantities do."""
        found = np.zeros_like(self.dollars[:, at])
        found[-1] = 1
        for weights in (self.quantities[:, at], self.dollars[:, at]):
            divides = (weights.min(axis=0) >= 0) & (weights.max(axis=0) > 0)
            found = np.where(divides, weights, found)
        return found

    def with_calls(self) -> "Works":
        """The cells that have calls, and nothing in place of the others."""
        none = np.flatnonzero(self.calls <= 0)
        if not any(column[..., none].any() for column in self):
            return self
        rows = self.rows()
        rows[:, none] = 0
        return of_rows(rows)

    def rows(self) -> Integers:
        """A table of its own with a row for each number."""
        return np.vstack([*self])


def of_rows(rows: Integers) -> Works:
    """Works from a table with a row for each of their numbers."""
    calls, free_calls, unpriced, retry, adjusted = rows[:_COUNTS]
    quantities, dollars = rows[_COUNTS : _COUNTS + len(UNITS)], rows[_COUNTS + len(UNITS) :]
    return Works(calls, free_calls, unpriced, retry, adjusted, quantities, dollars)


def columns_of(works: Sequence[Work]) -> Works:
    """The columns of some records, in Python's integers where one of them needs it."""
    flat = [number for work in works for number in (*work[:_COUNTS], *work.quantities, *work.dollars)]
    return of_rows(column_of(flat).reshape(len(works), _COUNTS + 2 * len(UNITS)).T)


def blocks(numbers: Integers) -> Integers:
    """The prompt's three units as one, and the others."""
    return np.concatenate([numbers[:PROMPT].sum(axis=0, keepdims=True), numbers[PROMPT:]])
