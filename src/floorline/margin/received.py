"""What a window received by customer, plan and feature, as columns: the revenue of a side of a bridge.

The amounts are those of every table of the window (margin.pools, margin.allocation), for ten thousand customers at once.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial, reduce
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from floorline.margin.again import Again, anew
from floorline.margin.allocation import split_grown
from floorline.margin.cells import Cells, Division, PoolNames
from floorline.margin.coded import Coded, coded, codes_of
from floorline.margin.pools import Attribution, Pools
from floorline.margin.queries import RevenueColumns
from floorline.margin.revenue import Window, month_of
from floorline.margin.scaling import column_of, floored, is_wide, narrow, totals, wide, wide_column
from floorline.margin.sides import Owned, Owners, ReceivedColumns
from floorline.margin.vectors import Integers, Splitter, added, distinct, integers, shares_of

MILLION = 10**6
_DAY_BITS = 24


class Paid(NamedTuple):
    """What a window's revenue lines earn by month and owner, and for how many of its days (10^-6) each owner pays."""

    earned: "_Grown"
    covered: Integers


def paid(lines: "Lines", window: Window) -> Paid:
    """What lines are paid for days of a window."""
    pieces = lines.pieces(window)
    return Paid(_earned(pieces, window, lines.names), _days(pieces, window, len(lines.names)) * MILLION)


def received(lines: Paid, used: Pools, cells: Cells, again: Again = anew) -> ReceivedColumns:
    """Revenue by owner: of `lines`, which are paid for days, and of what is `used`. What a customer pays for a bundle is one rate
    a day; its features have shares of the days. What lines earn in a month that is over is divided `again` as before.
    """
    by_day, by_use = _divided(lines.earned, cells, again), _divided(_of_pools(used), cells)
    own = ~lines.earned.features.equal("")[by_day.owner]
    covered = lines.covered[by_day.owner]
    quantity = np.where(own, covered, _shares(covered, by_day, len(lines.covered)))
    none = np.zeros(len(by_use.owner), dtype=np.int64)
    return ReceivedColumns(
        owners=_together(by_day.owners(), by_use.owners()),
        amount=np.concatenate([by_day.amount, by_use.amount]),
        quantity=np.concatenate([quantity, none]),
        by_day=np.concatenate([np.ones(len(own), dtype=bool), none > 0]),
        own=np.concatenate([own, none > 0]),
    )


class Lines:
    """Revenue lines as columns, for windows within one reach; whose they are is looked up once a span in which names mean the same.
    It stays the same however it is used.

    The lines of customers whose names change are apart from all others: only they are looked up that often.
    """

    def __init__(self, lines: RevenueColumns, to: Attribution) -> None:
        spans = to.spans
        raws = coded(list(zip(lines.customer, lines.plan, lines.feature, strict=True)))
        amounts, starts = integers(lines.amount), integers(lines.start)
        columns = amounts, starts, np.maximum(1, integers(lines.end) - starts)
        changes = np.array([customer in spans.changing for customer in lines.customer], dtype=bool)
        apart = (np.flatnonzero(~changes), spans.shared), (np.flatnonzero(changes), spans.own)
        owners: dict[Owned, int] = {}
        self._parts = [
            (days, _owners_by_span(raws.at(at), days, to, owners), [column[at] for column in columns])
            for at, days in apart
            if len(at)
        ]
        self.names = list(owners)
        """The owners by number."""

    def pieces(self, window: Window) -> list["_Piece"]:
        """What lies in the window's reach up to its end, a piece for each month and span."""
        found: list[_Piece] = []
        for spans, owners, columns in self._parts:
            cuts = (day for day in (*window.months, *spans) if window.reach_start < day < window.end)
            for first, end in pairwise(sorted({window.reach_start, window.end, *cuts})):
                found.append(_Piece(first, end, owners[bisect_right(spans, first)], *columns))
        return found


def _owners_by_span(
    raws: Coded[tuple[str, str, str]], spans: Sequence[int], to: Attribution, known: dict[Owned, int]
) -> list[Integers]:
    """The number of each line's owner among the `known`, before the first of `spans` and from each of them on."""
    held, at = np.unique(raws.codes, return_inverse=True)
    numbers: list[int] = held.tolist()
    customers, plans, features = ([raws.words[n][part] for n in numbers] for part in range(3))
    by_span = [to.owned(customers, plans, features, day) for day in (to.window.reach_start, *spans)]
    return [codes_of([Owned(*owned[:3]) for owned in owners], known)[at] for owners in by_span]


class _Piece(NamedTuple):
    """Revenue lines from one day to another, within a month and a span in which their names mean the same."""

    first: int
    end: int
    owner: Integers
    amount: Integers
    start: Integers
    days: Integers

    def earned(self, day: int) -> Integers:
        """What each line has earned before a day."""
        return shares_of(self.amount, np.clip(day - self.start, 0, self.days), self.days)


class _Grown(NamedTuple):
    """By month and owner, what was earned up to the day before the window, and up to its last one. The columns are the parts of
    the names.
    """

    names: Sequence[Owned]
    customers: Coded[str]
    plans: Coded[str]
    features: Coded[str]
    months: Sequence[int]
    before: Sequence[Integers]
    through: Sequence[Integers]


class _Parts(NamedTuple):
    """What the window has of the amounts: whose, for which feature, and how much, which is not nothing."""

    of: _Grown
    owner: Integers
    feature: Coded[str]
    amount: Integers

    def owners(self) -> Owners:
        """By customer, plan and the feature that was divided to."""
        return Owners(self.of.customers.at(self.owner), self.of.plans.at(self.owner), self.feature)


def _earned(pieces: Sequence[_Piece], window: Window, names: Sequence[Owned]) -> _Grown:
    """What the lines earned, by month and owner."""
    start, months = window.start, sorted({month_of(piece.first) for piece in pieces})
    sums: list[tuple[Integers, Integers]] = []
    for month in months:
        some = [piece for piece in pieces if month_of(piece.first) == month]
        owner = np.concatenate([piece.owner for piece in some])
        before = [piece.earned(min(max(start, piece.first), piece.end)) - piece.earned(piece.first) for piece in some]
        through = [piece.earned(piece.end) - piece.earned(piece.first) for piece in some]
        sums.append(
            (_sums(np.concatenate(before), owner, len(names)), _sums(np.concatenate(through), owner, len(names)))
        )
    return _Grown(names, *_parts_of(names), months, [before for before, _ in sums], [through for _, through in sums])


def _parts_of(names: Sequence[Owned]) -> tuple[Coded[str], Coded[str], Coded[str]]:
    """The owners' customers, plans and features."""
    customers, plans, features = zip(*names, strict=True) if names else ((), (), ())
    return coded(customers), coded(plans), coded(features)


def _of_pools(pools: Pools) -> _Grown:
    """The same of amounts that are known by month and owner."""
    owners: dict[Owned, int] = {}
    months = sorted({owner.month for owner in pools})
    number = codes_of([Owned(owner.customer, owner.plan, owner.feature) for owner in pools], owners)
    month = np.array([owner.month for owner in pools], dtype=np.int64)
    before, through = (column_of([grown[n] for grown in pools.values()]) for n in range(2))
    at = [np.flatnonzero(month == one) for one in months]
    return _Grown(
        list(owners),
        *_parts_of(list(owners)),
        months,
        [_sums(before[some], number[some], len(owners)) for some in at],
        [_sums(through[some], number[some], len(owners)) for some in at],
    )


def _sums(values: Integers, groups: Integers, count: int) -> Integers:
    """The sums of groups, of Python's integers where a column does not hold them."""
    try:
        return totals(values, groups, count) if is_wide(values) else added(values, groups, count)
    except OverflowError:
        return totals(values, groups, count)


def _divided(grown: _Grown, cells: Cells, again: Again = anew) -> _Parts:
    """To the feature that an owner names, else divided by the plan's rule: in months before the last `again` as before."""
    none = np.zeros(0, dtype=np.int64)
    parts = [_Parts(grown, none, Coded((), none), none)]
    for n, month in enumerate(grown.months):
        divide, of = again if cells.before_last(month) else anew, cells.of_month(month)
        parts.append(divide((_divided_in, month), (grown, of), partial(_divided_in, grown, n, of)))
    feature = reduce(Coded[str].followed, [part.feature for part in parts])
    owner, amount = (
        np.concatenate(columns) for columns in zip(*[(part.owner, part.amount) for part in parts], strict=True)
    )
    first, part = distinct([owner, feature.codes])
    amount = _sums(amount, part, len(first))
    held = np.flatnonzero(amount)
    return _Parts(grown, owner[first[held]], feature.at(first[held]), amount[held])


def _divided_in(grown: _Grown, n: int, cells: Cells) -> _Parts:
    """The same of one month, nothing left out."""
    names, month, before, through = grown.names, grown.months[n], grown.before[n], grown.through[n]
    named = ~grown.features.equal("")
    earning = (before != 0) | (through != 0)
    at, bundled = np.flatnonzero(earning & named), np.flatnonzero(earning & ~named)
    own = _Parts(grown, at, grown.features.at(at), through[at] - before[at])
    if not len(bundled):
        return own
    whose = [names[n] for n in bundled.tolist()]
    pools = PoolNames([month] * len(whose), [one.customer for one in whose], [one.plan for one in whose])
    division, amounts = _split(pools, before[bundled], through[bundled], cells)
    return _Parts(
        grown,
        np.concatenate([at, np.repeat(bundled, division.sizes)]),
        own.feature.followed(Coded(division.names, division.features)),
        np.concatenate([own.amount, amounts]),
    )


def _split(pools: PoolNames, before: Integers, through: Integers, cells: Cells) -> tuple[Division, Integers]:
    """How pools are divided among features, and what the window has of each part."""
    try:
        division = cells.division(pools)
        splitter = Splitter(division.sizes, division.weights)
        return division, splitter.parts(narrow(through)) - splitter.parts(narrow(before))
    except OverflowError:  # as in tally_revenue
        return _split_in_full(pools, before, through, cells)


def _split_in_full(pools: PoolNames, before: Integers, through: Integers, cells: Cells) -> tuple[Division, Integers]:
    names: dict[str, int] = {}
    features: list[Integers] = []
    amounts: list[int] = []
    for pool, *grown in zip(zip(*pools, strict=True), before.tolist(), through.tolist(), strict=True):
        of, weights = cells.feature_weights(*pool)
        features.append(codes_of(of or [""], names))
        amounts += [reached - done for done, reached in split_grown((grown[0], grown[1]), weights or [1])]
    sizes = integers([len(some) for some in features])
    feature = np.concatenate(features)
    return Division(list(names), sizes, feature, np.ones_like(feature)), wide_column(amounts)


def _days(pieces: Sequence[_Piece], window: Window, owners: int) -> Integers:
    """For how many days of the window each owner pays something, each day once however many lines it has."""
    found = np.zeros(owners, dtype=np.int64)
    some: list[tuple[Integers, Integers, Integers]] = []
    for piece in pieces:
        start = np.maximum(piece.start, max(piece.first, window.start))
        end = np.minimum(piece.start + piece.days, min(piece.end, window.end))
        at = np.flatnonzero((piece.amount > 0) & (start < end))
        some.append((piece.owner[at], start[at], end[at]))
    if not some:
        return found
    owner, start, end = (np.concatenate(columns) for columns in zip(*some, strict=True))
    order = np.lexsort((end, start, owner))
    owner, start, end = owner[order], start[order], end[order]
    reached = np.maximum.accumulate(owner << _DAY_BITS | end)  # of another owner it is less than any day of this one
    before = np.concatenate([reached[:0], [0], reached[:-1]])[: len(owner)] - (owner << _DAY_BITS)
    np.add.at(found, owner, np.maximum(0, end - np.maximum(start, before)))
    return found


def _shares(covered: Integers, parts: _Parts, owners: int) -> Integers:
    """The share that each part has of its owner's days: that of its amount in all that the owner pays, rounded down."""
    whole = _sums(parts.amount, parts.owner, owners)[parts.owner]
    found = np.zeros_like(covered)
    at = np.flatnonzero(whole > 0)
    columns = covered[at], parts.amount[at], whole[at]
    try:
        found[at] = floored(columns[0], columns[1], columns[2])
    except OverflowError:
        found = wide(found)
        found[at] = floored(*map(wide, columns))
    return found


def _together(one: Owners, other: Owners) -> Owners:
    """One after the other."""
    return Owners(*[first.followed(second) for first, second in zip(one, other, strict=True)])
