"""Recognised revenue of one day after another, divided as the tables of single days divide it, for little more than one of them.

What a day earned is the difference of two cumulative figures of its month, and each of those is divided by the same weights: so
a day begins with the evening before, and names, owners and weights are looked up once a month.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from floorline.margin.allocation import Kept, Tally, tally_revenue
from floorline.margin.cells import Cells, Owner, codes_of
from floorline.margin.pools import Attribution, Pools, grown_of
from floorline.margin.queries import RevenueColumns
from floorline.margin.revenue import month_after, month_of
from floorline.margin.vectors import Integers, Splitter, added, integers, shares_of, sums_of

_ADDED_MAX = 1 << 61


def daily_tallies(
    lines: RevenueColumns, others: Sequence[Pools], days: range, cells: Cells, to: Attribution, keep: Sequence[str]
) -> list[Tally]:
    """For each of `days` what tally_revenue says of the revenue_pools of its table and of `others`, by the parts `keep`; where
    features are among these, others name theirs. OverflowError where an amount or a weight exceeds a column.
    """
    found: list[Tally] = []
    columns = _Columns(lines, to)
    first = days.start
    while first < days.stop:
        end = min(month_after(first), days.stop)
        month = _Month(columns, range(to.month(first), end), cells, to, keep)
        evenings = [month.earned(day) for day in range(first, end + 1)]
        for before, through in pairwise(evenings):
            tally = tally_revenue(others[len(found)], cells, keep)
            for key, grown in zip(month.keys, zip(before, through, strict=True), strict=True):
                if grown != (0, 0):
                    tally.add_to(key, grown)
            found.append(tally)
        first = end
    return found


def month_to_date(amounts: Iterable[tuple[int, Owner, int]], days: range) -> list[Pools]:
    """Amounts of days as the tables of each of `days` have them: those of the day and of its month before it."""
    in_order = sorted(amounts, key=itemgetter(0))
    dates = [day for day, _, _ in in_order]
    return [grown_of(in_order[bisect_left(dates, month_of(day)) : bisect_right(dates, day)], day) for day in days]


class _Columns:
    """Revenue lines as columns; raw names by number."""

    def __init__(self, lines: RevenueColumns, to: Attribution) -> None:
        raws: dict[tuple[str, str, str], int] = {}
        self.raw = codes_of(list(zip(lines.customer, lines.plan, lines.feature, strict=True)), raws)
        self.raws = list(raws)
        self.amounts, self.starts = integers(lines.amount), integers(lines.start)
        self.days = np.maximum(1, integers(lines.end) - self.starts)
        changing = to.spans.changing
        self.changes = np.array([customer in changing for customer, _, _ in self.raws], dtype=bool)[self.raw]

    def meeting(self, days: range) -> npt.NDArray[np.bool_]:
        """Which lines have a day among these."""
        return (self.starts < days.stop) & (self.starts + self.days > days.start)


class _Stretch:
    """Some lines, from one day to another in which their names mean the same: whose they are, and what they earn."""

    def __init__(self, columns: _Columns, some: npt.NDArray[np.bool_], days: range, owner_of_raw: Integers) -> None:
        self._amounts, self._starts, self._days = (
            column[some] for column in (columns.amounts, columns.starts, columns.days)
        )
        self._owners = owner_of_raw[columns.raw[some]]
        self._first, self._end = days.start, days.stop
        self._at_first = self._earned(days.start)

    def earned(self, day: int, owners: int) -> Integers:
        """By owner, what the lines earned in the stretch before `day`."""
        upto = min(day, self._end)
        if upto <= self._first:
            return np.zeros(owners, dtype=np.int64)
        return added(self._earned(upto) - self._at_first, self._owners, owners)

    def _earned(self, day: int) -> Integers:
        return shares_of(self._amounts, np.clip(day - self._starts, 0, self._days), self._days)


class _Month:
    """The days of one month: whose the lines are, and how the revenue of each owner is divided."""

    def __init__(self, columns: _Columns, days: range, cells: Cells, to: Attribution, keep: Sequence[str]) -> None:
        self._numbers: dict[Owner, int] = {}
        self._stretches: list[_Stretch] = []
        meeting = columns.meeting(days)
        for some, spans in (
            (meeting & ~columns.changes, to.spans.shared),
            (meeting & columns.changes, to.spans.own),
        ):
            self._resolve(columns, some, days, spans, to)
        self._divide(list(self._numbers), cells, Tally(keep))

    def _resolve(
        self, columns: _Columns, some: npt.NDArray[np.bool_], days: range, spans: Sequence[int], to: Attribution
    ) -> None:
        present: list[int] = np.unique(columns.raw[some]).tolist()
        if not present:
            return
        edges = [days.start, *(day for day in spans if days.start < day < days.stop), days.stop]
        for first, end in pairwise(edges):
            owner_of_raw = np.zeros(len(columns.raws), dtype=np.int64)
            owner_of_raw[present] = codes_of([to.owner(*columns.raws[n], first) for n in present], self._numbers)
            self._stretches.append(_Stretch(columns, some, range(first, end), owner_of_raw))

    def _divide(self, owners: Sequence[Owner], cells: Cells, tally: Tally) -> None:
        """Which owners are divided among features, and which key each owner and each part belongs to."""
        bundled = [n for n, owner in enumerate(owners) if not owner.feature] if tally.needs_feature else []
        known = [n for n, owner in enumerate(owners) if owner.feature] if tally.needs_feature else range(len(owners))
        self._bundled, self._known = integers(bundled), integers(known)
        numbers: dict[Kept, int] = {}
        of_known = codes_of([tally.key_of(owners[n]) for n in known], numbers)
        self._splitter = None
        self._key = of_known
        if bundled:
            division = cells.division([owners[n][:3] for n in bundled])
            self._splitter = Splitter(division.sizes, division.weights)
            of_part = np.repeat(np.arange(len(bundled)), division.sizes)
            keys, key = tally.keys_of([owners[n] for n in bundled], of_part, division.names, division.features)
            self._key = np.concatenate([of_known, codes_of(keys, numbers)[key]])
        self.keys = list(numbers)

    def earned(self, day: int) -> list[int]:
        """By key, what the month has earned before `day`."""
        owners = len(self._known) + len(self._bundled)
        earned = np.zeros(owners, dtype=np.int64)
        for stretch in self._stretches:
            earned += stretch.earned(day, owners)
            if np.abs(earned).max(initial=0) >= _ADDED_MAX:
                raise OverflowError("what an owner earned exceeds a column")
        amounts = earned[self._known]
        if self._splitter is not None:
            amounts = np.concatenate([amounts, self._splitter.parts(earned[self._bundled])])
        return sums_of(amounts, self._key, len(self.keys))
