"""Recognised revenue of stretches of days that follow each other, divided as the tables of single stretches divide it, for little
more than one of them.

What a stretch earned within a month is the difference of two cumulative figures of that month, and each of those is divided by the
same weights: so a stretch begins with the evening before, and names, owners and weights are looked up once a month.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, repeat
from operator import itemgetter
from typing import cast

import numpy as np

from floorline.margin.again import Again, anew
from floorline.margin.allocation import Kept, Tally, tally_revenue
from floorline.margin.cells import Cells, Owner, PoolNames
from floorline.margin.coded import codes_of
from floorline.margin.pools import Attribution, Owned, Pools, grown_of
from floorline.margin.queries import RevenueColumns
from floorline.margin.revenue import month_after, month_of
from floorline.margin.vectors import Integers, Splitter, added, integers, shares_of, sums_of

_ADDED_MAX = 1 << 61
_NOBODY = np.zeros(0, dtype=np.int64)
_KNOWN, _UNKNOWN = (
    Owner._fields[1:6],
    Owner._fields[6:],
)  # the parts of an Owner that are Owned, and those that lines do not name
_FEATURE = _KNOWN.index("feature")


class Billed:
    """Revenue lines as columns, and whose they are; it stays the same however it is used. Those of customers whose names change
    within the reach are apart from all others: only they are looked up that often.
    """

    def __init__(self, lines: RevenueColumns, to: Attribution) -> None:
        changing, spans = to.spans.changing, to.spans
        changes = np.array([customer in changing for customer in lines.customer], dtype=bool)
        apart = ((np.flatnonzero(~changes), spans.shared), (np.flatnonzero(changes), spans.own))
        self._parts = [_Part(lines, at, days, to) for at, days in apart if len(at)]

    def stretches(self, days: range, kind: str, numbers: dict[Owned, int]) -> list["_Stretch"]:
        """The lines that have a day among these, of one kind or of all, from one span to the next; their owners by `numbers`, to
        which new ones are added.
        """
        return [one for part in self._parts for one in part.stretches(days, kind, numbers)]


class Earning:
    """How what lines earn is divided by the parts `keep`, for any stretches of days of one window: names, owners and weights are
    looked up once a month. OverflowError where an amount or a weight exceeds a column.

    `again` gives what was made of the lines and of a month's cells for as long as these are the same: what a month that is over
    earned by each evening of it is reckoned once. The last month of the window is not asked for there: its use goes on.
    """

    def __init__(self, billed: Billed, cells: Cells, keep: Sequence[str], again: Again = anew) -> None:
        self._billed, self._cells, self._keep, self._again = billed, cells, tuple(keep), again
        self._months: dict[range, _Month] = {}
        self._tallied: dict[tuple[tuple[int, ...], str], list[Tally]] = {}

    def tallies(self, others: Sequence[Pools], edges: Sequence[int], kind: str = "") -> list[Tally]:
        """For each stretch from one of `edges` to the next what tally_revenue says of the revenue_pools of its table and of
        `others`; of the lines of one kind, or of all. Where features are among the kept parts, these others name theirs.
        """
        of_lines = self._of_lines(tuple(edges), kind)
        return [
            tally.plus(tally_revenue(pools, self._cells, self._keep)) if pools else tally
            for tally, pools in zip(of_lines, others, strict=True)
        ]

    def _of_lines(self, edges: tuple[int, ...], kind: str) -> list[Tally]:
        """The tallies of lines alone."""
        if (edges, kind) not in self._tallied:
            self._tallied[edges, kind] = self._tally_lines(edges, kind)
        return self._tallied[edges, kind]

    def _tally_lines(self, edges: tuple[int, ...], kind: str) -> list[Tally]:
        found = [Tally(self._keep) for _ in edges[1:]]
        first = edges[0]
        while first < edges[-1]:
            end = min(month_after(first), edges[-1])
            month = self._month(range(month_of(first), end), last=end == edges[-1])
            for tally, (start, stop) in zip(found, pairwise(edges), strict=True):
                if start < end and stop > first:
                    month.add_to(tally, start, min(stop, end), kind)
            first = end
        return found

    def _month(self, days: range, *, last: bool) -> "_Month":
        if days not in self._months:
            billed, keep, cells = self._billed, self._keep, self._cells.of_month(days.start)
            again = anew if last else self._again
            self._months[days] = again((_Month, days, keep), (billed, cells), lambda: _Month(billed, days, cells, keep))
        return self._months[days]


def amounts_to_date(amounts: Iterable[tuple[int, Owner, int]], edges: Sequence[int]) -> list[Pools]:
    """Amounts of days as the table of each stretch has them: its own, and those of the month it begins in before it."""
    in_order = sorted(amounts, key=itemgetter(0))
    dates = [day for day, _, _ in in_order]
    return [
        grown_of(in_order[bisect_left(dates, month_of(start)) : bisect_left(dates, stop)], start)
        for start, stop in pairwise(edges)
    ]


class _Part:
    """Some revenue lines as columns; their names mean the same from one of `spans` to the next."""

    def __init__(self, lines: RevenueColumns, at: Integers, spans: Sequence[int], to: Attribution) -> None:
        raws: dict[tuple[str, str, str], int] = {}
        self._raw = codes_of(list(zip(lines.customer, lines.plan, lines.feature, strict=True)), raws)[at]
        self._customers, self._plans, self._features = ([raw[n] for raw in raws] for n in range(3))
        self._kinds: dict[str, int] = {}
        self._kind = codes_of(lines.kind, self._kinds)[at]
        self._amounts, self._starts, ends = (integers(column)[at] for column in (lines.amount, lines.start, lines.end))
        self._days = np.maximum(1, ends - self._starts)
        self._spans, self._to = spans, to
        self._known: dict[int, tuple[list[Owned], Integers]] = {}

    def stretches(self, days: range, kind: str, numbers: dict[Owned, int]) -> Iterator["_Stretch"]:
        """See Billed.stretches."""
        meeting = (self._starts < days.stop) & (self._starts + self._days > days.start)
        some = np.flatnonzero(meeting & (self._kind == self._kinds.get(kind, -1)) if kind else meeting)
        edges = [days.start, *(day for day in self._spans if days.start < day < days.stop), days.stop]
        columns = [column[some] for column in (self._amounts, self._starts, self._days)]
        for first, end in pairwise(edges if len(some) else ()):
            owners, owner = self._owners(first)
            yield _Stretch(range(first, end), codes_of(owners, numbers)[owner[some]], *columns)

    def _owners(self, day: int) -> tuple[list[Owned], Integers]:
        """Whose the lines are in the span that holds `day`, and the number of each line's owner among them."""
        span = bisect_right(self._spans, day)
        if span not in self._known:
            owners: dict[Owned, int] = {}
            of_raw = codes_of(self._to.owned(self._customers, self._plans, self._features, day), owners)
            self._known[span] = list(owners), of_raw[self._raw]
        return self._known[span]


class _Stretch:
    """Some lines, from one day to another in which their names mean the same: whose they are, and what they earn."""

    def __init__(self, days: range, owner: Integers, amounts: Integers, starts: Integers, lengths: Integers) -> None:
        self.owner = owner
        self._first, self._end = days.start, days.stop
        self._amounts, self._starts, self._lengths = amounts, starts, lengths
        self._at_first = self._earned(days.start)

    def earned(self, day: int, owners: int) -> Integers:
        """By owner, what the lines earned in the stretch before `day`."""
        upto = min(day, self._end)
        if upto <= self._first:
            return np.zeros(owners, dtype=np.int64)
        return added(self._earned(upto) - self._at_first, self.owner, owners)

    def _earned(self, day: int) -> Integers:
        return shares_of(self._amounts, np.clip(day - self._starts, 0, self._lengths), self._lengths)


class _Month:
    """The days of one month: whose the lines are, and how the revenue of each owner is divided."""

    def __init__(self, billed: Billed, days: range, cells: Cells, keep: Sequence[str]) -> None:
        self._billed, self._days = billed, days
        self._numbers: dict[Owned, int] = {}
        self._of_kind: dict[str, list[_Stretch]] = {}
        self._evenings: dict[tuple[int, str], list[int]] = {}
        present = np.unique(np.concatenate([_NOBODY, *(stretch.owner for stretch in self._stretches(""))]))
        self._divide(present, _some(list(self._numbers), present), cells, Tally(keep))

    def add_to(self, tally: Tally, start: int, stop: int, kind: str) -> None:
        """Add what lines of one kind, or all, earned in the month from the evening before `start` to that before `stop`."""
        grown = zip(self._earned(start, kind), self._earned(stop, kind), strict=True)
        for key, amounts in zip(self._keys, grown, strict=True):
            if amounts != (0, 0):
                tally.add_to(key, amounts)

    def _stretches(self, kind: str) -> list[_Stretch]:
        if kind not in self._of_kind:
            self._of_kind[kind] = self._billed.stretches(self._days, kind, self._numbers)
        return self._of_kind[kind]

    def _divide(self, present: Integers, owners: Sequence[Owned], cells: Cells, tally: Tally) -> None:
        """Which owners are divided among features, and which key each owner and each part belongs to."""
        divided = np.array([tally.needs_feature and not owner[_FEATURE] for owner in owners], dtype=bool)
        self._bundled, self._known = present[divided], present[~divided]
        month, numbers = self._days.start, dict[Kept, int]()
        known = _columns(month, _some(owners, np.flatnonzero(~divided)))
        self._key = codes_of(tally.keys(known, rest=False), numbers)
        self._splitter = None
        if divided.any():
            some = _some(owners, np.flatnonzero(divided))
            customers, plans, *_ = zip(*some, strict=True)
            division = cells.division(PoolNames([month] * len(some), customers, plans))
            self._splitter = Splitter(division.sizes, division.weights)
            of_part = np.repeat(np.arange(len(self._bundled)), division.sizes)
            keys, key = tally.keys_of(
                tally.keys(_columns(month, some), rest=True), of_part, division.names, division.features
            )
            self._key = np.concatenate([self._key, codes_of(keys, numbers)[key]])
        self._keys = list(numbers)

    def _earned(self, day: int, kind: str) -> list[int]:
        """By key, what the lines have earned in the month before `day`."""
        if (day, kind) not in self._evenings:
            self._evenings[day, kind] = self._divided(self._by_owner(day, kind))
        return self._evenings[day, kind]

    def _by_owner(self, day: int, kind: str) -> Integers:
        stretches, owners = self._stretches(kind), len(self._numbers)
        earned = np.zeros(owners, dtype=np.int64)
        for stretch in stretches:
            earned += stretch.earned(day, owners)
            if np.abs(earned).max(initial=0) >= _ADDED_MAX:
                raise OverflowError("what an owner earned exceeds a column")
        return earned

    def _divided(self, earned: Integers) -> list[int]:
        amounts = earned[self._known]
        if self._splitter is not None:
            amounts = np.concatenate([amounts, self._splitter.parts(earned[self._bundled])])
        return sums_of(amounts, self._key, len(self._keys))


def _some(owners: Sequence[Owned], numbers: Integers) -> Sequence[Owned]:
    """The owners of these numbers, which ascend."""
    return owners if len(numbers) == len(owners) else [owners[n] for n in cast("list[int]", numbers.tolist())]


def _columns(month: int, owners: Sequence[Owned]) -> dict[str, Sequence[int] | Sequence[str]]:
    """The parts of owners as columns, by the names that Owner has for them."""
    nothing = [""] * len(owners)
    parts = zip(*owners, strict=True) if owners else repeat(nothing)
    return {
        "month": [month] * len(owners),
        **dict(zip(_KNOWN, parts, strict=False)),
        **dict.fromkeys(_UNKNOWN, nothing),
    }
