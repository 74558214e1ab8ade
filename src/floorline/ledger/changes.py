"""What changed in a ledger since when, as the one process that writes to it can tell: which tables, and of calls, adjustments and
outcomes of which days. What cannot be told counts as everything.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from floorline.ledger.codec import Frame
from floorline.ledger.rows import RowStruct
from floorline.query import Reads

_EPOCH = date(1970, 1, 1).toordinal()
_MICROSECONDS = 1_000_000


class _Call(RowStruct, frozen=True, gc=False):
    """A row of `calls` as far as its instant."""

    at: int


class _Adjustment(RowStruct, frozen=True, gc=False):
    """A row of `adjustments` as far as the instant of its call, whose day it changes."""

    batch: str
    call_source: str
    call_id: str
    reason: str
    applied_at: int
    at: int


class _Outcome(RowStruct, frozen=True, gc=False):
    """A row of `outcomes` as far as its instant."""

    outcome_id: str
    at: int


_Dated = _Call | _Adjustment | _Outcome
_DATED: Mapping[str, msgspec.msgpack.Decoder[_Dated]] = {
    "calls": msgspec.msgpack.Decoder(_Call),
    "adjustments": msgspec.msgpack.Decoder(_Adjustment),
    "outcomes": msgspec.msgpack.Decoder(_Outcome),
}


class Changes:
    """Changes in the order in which they happened, each with a number; `now` is that of the last one. One thread at a time may tell
    what changes, any may ask. Whoever tells a change before it can be seen, and asks for `now` when everything told can be seen,
    knows of an answer made afterwards that it holds for as long as nothing `happened` since that number.
    """

    def __init__(self, day_starts: Sequence[int]) -> None:
        self.now = 0
        self._everything = 0
        self._tables: dict[str, int] = {}
        self._days: Mapping[str, dict[int, int]] = {name: {} for name in _DATED}
        self.reckon(day_starts)

    def reckon(self, day_starts: Sequence[int]) -> None:
        """Tell days apart by `day_starts`: the seconds since 1970 with which its first day begins, its second, and so on."""
        self._starts = day_starts
        self._last = 0
        self._from_us, self._to_us = 0, 0  # of the last day that a record was of: most are of the same one

    def of_everything(self) -> None:
        """Anything may be another."""
        self.now += 1
        self._everything = self.now

    def of_frames(self, frames: Iterable[Frame]) -> None:
        """These records are added."""
        self.now = number = self.now + 1
        for frame in frames:
            name = frame.table.name
            self._tables[name] = number
            decoder = _DATED.get(name)
            if decoder is not None:
                at = decoder.decode(frame.row).at
                if not self._from_us <= at < self._to_us:
                    self._turn_to(at)
                self._days[name][self._last] = number

    def of_day(self, table: str, day: date) -> None:
        """A record of one day is added to, or was, in a table of those with days."""
        self.now = self._tables[table] = self._days[table][day.toordinal() - _EPOCH] = self.now + 1

    def _turn_to(self, at: int) -> None:
        """Have `_last` be the day of an instant."""
        day = max(0, bisect_right(self._starts, at // _MICROSECONDS) - 1)
        if day + 1 == len(self._starts):  # or later
            self._everything = self.now
            return
        self._last = day
        self._from_us, self._to_us = self._starts[day] * _MICROSECONDS, self._starts[day + 1] * _MICROSECONDS

    def happened(self, reads: Reads, since: int) -> bool:
        """Whether anything that `reads` tells of may have changed after the change number `since`."""
        tables = self._tables
        if self._everything > since or any(tables.get(name, 0) > since for name in reads.whole):
            return True
        changed = [self._days[name] for name in reads.dated if tables.get(name, 0) > since]
        days = range(reads.start.toordinal() - _EPOCH, reads.end.toordinal() - _EPOCH)
        return any(_any_later(known, days, since) for known in changed)


def _any_later(known: Mapping[int, int], days: range, since: int) -> bool:
    """Whether one of `days` has a later number than `since`."""
    if len(days) < len(known):
        return any(known.get(day, 0) > since for day in days)
    return any(
        number > since and day in days for day, number in list(known.items())
    )  # a copy: another thread adds to it
