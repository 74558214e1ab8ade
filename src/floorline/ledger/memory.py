"""Answers that are given again for as long as they are true.

An answer holds until something that it was made of changes (`changes.py`). A question about days that go on until today is asked
in two: what is before today seldom changes and is asked once; today is asked anew whenever there is a new call.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar, cast

import msgspec

from floorline.ledger.answers import Answer, packed, unpacked
from floorline.ledger.changes import Changes
from floorline.query import Query, Reads

Row = TypeVar("Row")
Made = TypeVar("Made")
_Key = tuple[str, str]
ANSWERS_BYTES_MAX = 384 << 20
"""What all answers of a control process weigh, unless it is told otherwise."""

NAME_BYTES, NUMBER_BYTES = 64, 32
"""What a short name or a number weighs in a list, about."""

MADE_MAX, MADE_BYTES_MAX = 64, 64 << 20
"""How many things that were made of answers are kept, and what those of them that say what they weigh do together."""


@dataclass(slots=True, kw_only=True)
class _Kept:
    """An answer, or one that is on its way, and the number of the last change that is in it for certain. `packed` are its rows as
    an earlier process had them, until somebody asks for them.
    """

    reads: Reads
    rows: Future[list[Any]] = field(default_factory=Future[list[Any]])
    since: int
    weight: int = 0
    packed: bytes | None = None


def weightless(_: object) -> int:
    """The weight of what is small beside the answers that it was made of."""
    return 0


class Memory:
    """The answers of one ledger to questions that say what they read, the least recently used ones leaving first. Threads may
    share it; what it returned stays as it is.

    `ask` has the store answer, `today` is the day that questions are asked in two at. All answers weigh about `bytes_max` at
    most, save for the newest one.
    """

    def __init__(
        self,
        changes: Changes,
        ask: Callable[[Query[Any]], list[Any]],
        *,
        today: Callable[[], date],
        bytes_max: int,
    ) -> None:
        self.changes = changes
        self._ask, self._today, self._bytes_max = ask, today, bytes_max
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._weight = 0
        self._made: OrderedDict[tuple[Hashable, tuple[int, ...]], tuple[Sequence[object], Any, int]] = OrderedDict()

    def answer(self, query: Query[Row], now: int) -> list[Row]:
        """The rows of `query`. `now` is the number of a change: it and all before it can be seen."""
        parts = self._parts(query)
        if parts is None:
            return self._part(query, now)
        return parts[1]([self._part(part, now) for part in parts[0]])

    def take(self, answers: Iterable[Answer]) -> None:
        """Remember these, which hold now, as if they had been asked for one after another."""
        with self._lock:
            for one in answers:
                key, kept = (one.sql, one.parameters), _Kept(reads=one.reads, since=self.changes.now, packed=one.rows)
                self._drop(key)
                self._kept[key] = kept
                self._weigh(key, kept, len(one.rows))

    def lasting(self) -> Iterator[Answer]:
        """What is remembered and holds still, the least lately used first."""
        with self._lock:
            known = list(self._kept.items())
        for (sql, parameters), kept in known:
            if self.changes.happened(kept.reads, kept.since):
                continue
            rows = kept.packed
            if rows is None and kept.rows.done() and kept.rows.exception() is None:
                rows = packed(kept.rows.result())
            if rows is not None:
                yield Answer(sql=sql, parameters=parameters, reads=kept.reads, rows=rows)

    def holds(self, query: Query[Any]) -> bool:
        """Whether nothing need be asked for the answer."""
        parts = self._parts(query)
        wanted = (query,) if parts is None else parts[0]
        with self._lock:
            return all((kept := self._found(part)) is not None and kept.rows.done() for part in wanted)

    def made(
        self, key: Hashable, of: Sequence[object], make: Callable[[], Made], weigh: Callable[[Made], int] = weightless
    ) -> Made:
        """What `make` makes `of` answers (or rows of them), and of nothing else but what `key` tells: made once for as long as they
        are given again. What it returned stays as it is, too. What is heavy, about as many bytes as `weigh` says, leaves sooner.
        """
        named = key, tuple(map(id, of))  # they are kept with what is made of them: nothing else gets their place
        with self._lock:
            known = self._made.get(named)
            if known is not None:
                self._made.move_to_end(named)
                return cast("Made", known[1])
        made = make()
        with self._lock:
            self._made[named] = of, made, weigh(made)
            while len(self._made) > MADE_MAX or sum(weight for _, _, weight in self._made.values()) > MADE_BYTES_MAX:
                self._made.popitem(last=False)
        return made

    def over(self, day: date) -> bool:
        """Whether all that is asked of days before `day` is asked in one: none of them is today, or later."""
        return day <= self._today()

    def _parts(self, query: Query[Row]) -> tuple[Sequence[Query[Any]], Callable[[list[list[Any]]], list[Row]]] | None:
        """The questions that `query` is asked in, and what puts their answers together; None where it is asked as it is."""
        reads, halves = query.reads, query.halves
        if reads is None or halves is None or not reads.start < (today := self._today()) < reads.end:
            return None
        return halves.parts(today), lambda answers: halves.together(*answers)

    def _part(self, query: Query[Row], now: int) -> list[Row]:
        """The rows of a question that is asked as it is. Who asks while it is being answered waits for that."""
        if query.reads is None:
            return self._ask(query)
        with self._lock:
            found = self._found(query)
            if found is not None:
                self._kept.move_to_end(_key(query))
        return self._asked(query, query.reads, now) if found is None else found.rows.result()

    def _found(self, query: Query[Any]) -> _Kept | None:
        """What is kept of a question and still holds."""
        key = _key(query)
        kept = self._kept.get(key)
        if kept is None or kept.reads != query.reads or self.changes.happened(kept.reads, kept.since):
            return None
        if kept.packed is not None and not self._unpack(key, kept, kept.packed, query.row):
            return None
        return kept

    def _unpack(self, key: _Key, kept: _Kept, rows: bytes, row: type[Any]) -> bool:
        """Have what an earlier process knew as rows; whether it can be had."""
        found = unpacked(rows, row)
        if found is None:
            self._drop(key)
            return False
        kept.rows.set_result(found)
        kept.packed = None
        self._weigh(key, kept, weight_of(found))
        return True

    def _asked(self, query: Query[Row], reads: Reads, now: int) -> list[Row]:
        mine, key = _Kept(reads=reads, since=now), _key(query)
        with self._lock:
            self._drop(key)
            self._kept[key] = mine
        try:
            rows = self._ask(query)
        except BaseException as error:
            with self._lock:
                if self._kept.get(key) is mine:
                    self._drop(key)
            mine.rows.set_exception(error)
            raise
        weight = weight_of(rows)
        with self._lock:
            if self._kept.get(key) is mine:
                self._weigh(key, mine, weight)
        mine.rows.set_result(rows)
        return rows

    def _drop(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._weight -= kept.weight
            if kept.rows.done() and kept.rows.exception() is None:
                self._let_go(kept.rows.result())

    def _let_go(self, rows: list[Any]) -> None:
        """Keep nothing that was made of these rows, or of what was made of them."""
        gone, gone_of = {id(rows), *map(id, rows)}, list[Any]()
        while some := [named for named in self._made if not gone.isdisjoint(named[1])]:
            gone_of += [self._made.pop(named) for named in some]  # and nothing else gets their place meanwhile
            gone.update(id(one) for _, one, _ in gone_of)

    def _weigh(self, key: _Key, kept: _Kept, weight: int) -> None:
        self._weight += weight - kept.weight
        kept.weight = weight
        self._make_room(key)

    def _make_room(self, newest: _Key) -> None:
        for key in [key for key in self._kept if key != newest]:
            if self._weight <= self._bytes_max:
                return
            if (kept := self._kept[key]).packed is not None or kept.rows.done():
                self._drop(key)


def _key(query: Query[Any]) -> _Key:
    return query.sql, repr(sorted(query.parameters.items()))


def weight_of(rows: Iterable[object]) -> int:
    """About how many bytes some rows are."""
    return sum(_weight(row) for row in rows)


def _weight(value: object) -> int:
    if isinstance(value, msgspec.Struct):
        return NAME_BYTES + sum(_weight(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, str):
        return NAME_BYTES + len(value)
    if isinstance(value, list):
        values = cast("list[object]", value)
        first = values[0] if values else 0
        if isinstance(first, list):
            return sum(map(_weight, values))
        return NAME_BYTES + len(values) * (NAME_BYTES if isinstance(first, str) else NUMBER_BYTES)
    return NUMBER_BYTES
