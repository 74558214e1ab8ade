"""Documents of pages that are asked for again: each is made once and served for some seconds to everybody who asks the same.

HTML, JSON, CSV and the next page of a table are faces of one document; whoever sorts a table asks for it again and again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

Document = TypeVar("Document")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How long a document holds, in seconds since its making began: `fresh_s` whatever happens meanwhile, `kept_s` while the
    generation stays. Under constant traffic every second is a new generation: `fresh_s` bounds the work then.
    """

    fresh_s: float = 5
    kept_s: float = 60

    def __post_init__(self) -> None:
        if not 0 <= self.fresh_s <= self.kept_s:
            raise ValueError(
                f"a document is fresh for {self.fresh_s} s and kept for {self.kept_s} s: fresh is the shorter"
            )


@dataclass(slots=True, kw_only=True)
class _Entry(Generic[Document]):
    made: Future[Document]
    begun_s: float
    generation: Hashable
    weight: int = 0


class Memo(Generic[Document]):
    """Documents by key, the least recently used ones leaving first. Threads may share it.

    `now_s` is a clock that never goes back, `generation` whatever is another value once what documents are made of has
    changed. What all documents weigh by `weigh` stays within `weight_max`, save for the newest one.
    """

    def __init__(
        self,
        *,
        now_s: Callable[[], float],
        generation: Callable[[], Hashable],
        weigh: Callable[[Document], int],
        weight_max: int,
    ) -> None:
        self._now_s, self._generation, self._weigh, self._weight_max = now_s, generation, weigh, weight_max
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry[Document]] = OrderedDict()
        self._weight = 0

    def get(self, key: Hashable, make: Callable[[], Document], holding: Holding) -> Document:
        """The document of `key`: one that still holds, else what `make` returns. Who asks while it is being made waits for it,
        and gets what `make` raises; nothing is kept of that.
        """
        now_s, generation = self._now_s(), self._generation()  # before it is made: what changes meanwhile makes it old
        with self._lock:
            found = self._entries.get(key)
            if found is not None and _holds(found, now_s, generation, holding):
                self._entries.move_to_end(key)
                made = found.made
                mine = None
            else:
                made = Future[Document]()
                mine = _Entry(made=made, begun_s=now_s, generation=generation)
                self._put(key, mine)
        if mine is not None:
            self._make(key, mine, make)
        return made.result()

    def forget(self) -> None:
        """Nothing holds any more: somebody decided something, and is to see it. What is being made is not kept."""
        with self._lock:
            self._entries.clear()
            self._weight = 0

    def _make(self, key: Hashable, mine: _Entry[Document], make: Callable[[], Document]) -> None:
        try:
            document = make()
        except BaseException as error:
            with self._lock:
                self._drop(key, mine)
            mine.made.set_exception(error)
            raise
        with self._lock:
            if self._entries.get(key) is mine:
                mine.weight = self._weigh(document)
                self._weight += mine.weight
                self._make_room(key)
        mine.made.set_result(document)

    def _put(self, key: Hashable, mine: _Entry[Document]) -> None:
        old = self._entries.pop(key, None)
        self._weight -= old.weight if old else 0
        self._entries[key] = mine

    def _drop(self, key: Hashable, mine: _Entry[Document]) -> None:
        if self._entries.get(key) is mine:
            del self._entries[key]

    def _make_room(self, newest: Hashable) -> None:
        for key in [key for key in self._entries if key != newest]:
            if self._weight <= self._weight_max:
                return
            if self._entries[key].made.done():
                self._weight -= self._entries.pop(key).weight


def _holds(entry: _Entry[Document], now_s: float, generation: Hashable, holding: Holding) -> bool:
    age_s = now_s - entry.begun_s
    return age_s < (holding.kept_s if entry.generation == generation else holding.fresh_s)
