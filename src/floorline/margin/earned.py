"""Recognised revenue of stretches of days that follow each other, divided as the tables of single stretches divide it, for little
more than one of them.

What a stretch earned within a month is the difference of two cumulative figures of that month, and each of those is divided by the
same weights: so a stretch begins with the evening before, and names, owners and weights are looked up once a month.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from floorline.margin.allocation import Kept, Tally, tally_revenue
from floorline.margin.cells import Cells, Owner, codes_of
from floorline.margin.pools import Attribution, Owned, Pools, grown_of
from floorline.margin.queries import RevenueColumns
from floorline.margin.revenue import month_after, month_of
from floorline.margin.vectors import Integers, Splitter, added, integers, shares_of, sums_of

_ADDED_MAX = 1 << 61
_UNKNOWN = ("", "", "")  # workflow, outcome and user: lines name none


def earned_tallies(
    lines: RevenueColumns,
    others: Sequence[Pools],
    edges: Sequence[int],
    cells: Cells,
    to: Attribution,
    keep: Sequence[str],
) -> list[Tally]:
    """For each stretch from one of `edges` to the next what tally_revenue says of the revenue_pools of its table and of `others`, by
    the parts `keep`; where features are among these, others name theirs. OverflowError where an amount or a weight exceeds a
    column.
    """
    found = [tally_revenue(pools, cells, keep) for pools in others]
    parts = _parts(lines, to)
    first = edges[0]
    while first < edges[-1]:
        end = min(month_after(first), edges[-1])
        month = _Month(parts, range(to.month(first), end), cells, keep)
        for tally, (start, stop) in zip(found, pairwise(edges), strict=True):
            if start < end and stop > first:
                _add(tally, month, start, min(stop, end))
        first = end
    return found


def amounts_to_date(amounts: Iterable[tuple[int, Owner, int]], edges: Sequence[int]) -> list[Pools]:
    """Amounts of days as the table of each stretch has them: its own, and those of the month it begins in before it."""
    in_order = sorted(amounts, key=itemgetter(0))
    dates = [day for day, _, _ in in_order]
    return [
        grown_of(in_order[bisect_left(dates, month_of(start)) : bisect_left(dates, stop)], start)
        for start, stop in pairwise(edges)
    ]


def _add(tally: Tally, month: "_Month", start: int, stop: int) -> None:
    """Add what the month earned up to `start` and up to `stop`."""
    for key, grown in zip(month.keys, zip(month.earned(start), month.earned(stop), strict=True), strict=True):
        if grown != (0, 0):
            tally.add_to(key, grown)


def _parts(lines: RevenueColumns, to: Attribution) -> list["_Part"]:
    """The lines of customers whose names change within the reach apart from all others: only they are looked up that often."""
    changing, spans = to.spans.changing, to.spans
    changes = np.array([customer in changing for customer in lines.customer], dtype=bool)
    apart = ((~changes, spans.shared), (changes, spans.own))
    return [_Part(lines, some, days, to) for some, days in apart if some.any()]


class _Part:
    """Some revenue lines as columns; their names mean the same from one of `spans` to the next."""

    def __init__(
        self, lines: RevenueColumns, some: npt.NDArray[np.bool_], spans: Sequence[int], to: Attribution
    ) -> None:
        raws: dict[tuple[str, str, str], int] = {}
        numbers: list[int] = np.flatnonzero(some).tolist()
        named = list(zip(lines.customer, lines.plan, lines.feature, strict=True))
        self._raw = codes_of(named if len(numbers) == len(named) else [named[n] for n in numbers], raws)
        self._customers, self._plans, self._features = ([raw[at] for raw in raws] for at in range(3))
        self.spans, self._to = spans, to
        self.amounts, self.starts = integers(lines.amount)[some], integers(lines.start)[some]
        self.days = np.maximum(1, integers(lines.end)[some] - self.starts)
        self._known: dict[int, tuple[list[Owned], Integers]] = {}

    def meeting(self, days: range) -> npt.NDArray[np.bool_]:
        """Which lines have a day among these."""
        return (self.starts < days.stop) & (self.starts + self.days > days.start)

    def owners(self, day: int) -> tuple[list[Owned], Integers]:
        """Whose the lines are in the span that holds `day`, and the number of each line's owner among them."""
        span = bisect_right(self.spans, day)
        if span not in self._known:
            owners: dict[Owned, int] = {}
            of_raw = codes_of(self._to.owned(self._customers, self._plans, self._features, day), owners)
            self._known[span] = list(owners), of_raw[self._raw]
        return self._known[span]


class _Stretch:
    """Some lines, from one day to another in which their names mean the same: whose they are, and what they earn."""

    def __init__(self, part: _Part, some: npt.NDArray[np.bool_], days: range, owners: Integers) -> None:
        self._amounts, self._starts, self._days = (column[some] for column in (part.amounts, part.starts, part.days))
        self._owners = owners
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

    def __init__(self, parts: Sequence[_Part], days: range, cells: Cells, keep: Sequence[str]) -> None:
        self._numbers: dict[Owned, int] = {}
        self._stretches: list[_Stretch] = []
        self._evenings: dict[int, list[int]] = {}
        for part in parts:
            self._resolve(part, days)
        owners = [Owner._make((days.start, *owned, *_UNKNOWN)) for owned in self._numbers]
        self._divide(owners, cells, Tally(keep))

    def _resolve(self, part: _Part, days: range) -> None:
        some = part.meeting(days)
        edges = [days.start, *(day for day in part.spans if days.start < day < days.stop), days.stop]
        for first, end in pairwise(edges if some.any() else ()):
            owners, of_line = part.owners(first)
            present, of_some = np.unique(of_line[some], return_inverse=True)
            there: list[int] = present.tolist()
            numbers = codes_of([owners[n] for n in there], self._numbers)
            self._stretches.append(_Stretch(part, some, range(first, end), numbers[of_some]))

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
        if day not in self._evenings:
            self._evenings[day] = self._earned(day)
        return self._evenings[day]

    def _earned(self, day: int) -> list[int]:
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
