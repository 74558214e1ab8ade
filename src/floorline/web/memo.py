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

DEAR_S = 0.2
"""A document that takes this long to make is not waited for by whoever has seen an earlier one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How long a document holds, in seconds since its making began: `fresh_s` whatever happens meanwhile, `kept_s` while the
    generation stays. Under constant traffic every second is a new generation: `fresh_s` bounds the work then.
    """

    fresh_s: float = 5
    kept_s: float = 60
    served_s: float = 0
    """For how long one that took DEAR_S or longer to make is served while the next one is being made."""

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
    took_s: float = 0
    weight: int = 0
    renewing: bool = False


class Memo(Generic[Document]):
    """Documents by key, the least recently used ones leaving first. Threads may share it.

    `now_s` is a clock that never goes back, `generation` whatever is another value once what documents are made of has
    changed. What all documents weigh by `weigh` stays within `weight_max`, save for the newest one. `later` runs what may be
    done after the answer: the next one of a document that is dear.
    """

    def __init__(
        self,
        *,
        now_s: Callable[[], float],
        generation: Callable[[], Hashable],
        weigh: Callable[[Document], int],
        weight_max: int,
        later: Callable[[Callable[[], None]], object],
    ) -> None:
        self._now_s, self._generation, self._weigh, self._weight_max = now_s, generation, weigh, weight_max
        self._later = later
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry[Document]] = OrderedDict()
        self._weight = 0

    def get(self, key: Hashable, make: Callable[[], Document], holding: Holding) -> Document:
        """The document of `key`: one that still holds, else what `make` returns. Who asks while it is being made waits for it,
        and gets what `make` raises; nothing is kept of that. One that is dear is served as it was while it is made anew.
        """
        now_s, generation = self._now_s(), self._generation()  # before it is made: what changes meanwhile makes it old
        mine: _Entry[Document] | None = None
        renewed: _Entry[Document] | None = None
        with self._lock:
            found = self._entries.get(key)
            if found is not None and _holds(found, now_s, generation, holding):
                self._entries.move_to_end(key)
            elif found is not None and _serves(found, now_s, holding):
                self._entries.move_to_end(key)
                renewed = None if found.renewing else found
                found.renewing = True
            else:
                found = mine = _Entry(made=Future[Document](), begun_s=now_s, generation=generation)
                self._put(key, mine)
        if mine is not None:
            self._make(key, mine, make)
        elif renewed is not None:
            old = renewed
            self._later(lambda: self._renew(key, old, make))
        return found.made.result()

    def prepare(self, key: Hashable, make: Callable[[], Document], holding: Holding, again_s: float) -> bool:
        """Make the document of `key` before anybody asks for it, where there is none, and anew where it is dear, `again_s` old and
        asked for no renewal yet; whether it was made. Who asks meanwhile is served as by `get`.
        """
        with self._lock:
            found = self._entries.get(key)
            if found is not None and (not found.made.done() or found.renewing or not self._due(found, again_s)):
                return False
            if found is not None:
                found.renewing = True
        if found is None:
            self.get(key, make, holding)
        else:
            self._renew(key, found, make)
        return True

    def _due(self, entry: _Entry[Document], again_s: float) -> bool:
        return entry.took_s >= DEAR_S and self._now_s() - entry.begun_s >= again_s

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
        self._keep(key, mine, document)

    def _renew(self, key: Hashable, old: _Entry[Document], make: Callable[[], Document]) -> None:
        """Make the next document, and put it in place of `old` unless that is gone. What `make` raises is for whoever asks when
        `old` is served no more.
        """
        mine = _Entry[Document](made=Future(), begun_s=self._now_s(), generation=self._generation())
        try:
            document = make()
        finally:
            with self._lock:
                old.renewing = False
        with self._lock:
            if self._entries.get(key) is not old:
                return
            self._put(key, mine)
        self._keep(key, mine, document)

    def _keep(self, key: Hashable, mine: _Entry[Document], document: Document) -> None:
        with self._lock:
            mine.took_s = self._now_s() - mine.begun_s
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


def _serves(entry: _Entry[Document], now_s: float, holding: Holding) -> bool:
    return entry.made.done() and entry.took_s >= DEAR_S and now_s - entry.begun_s < holding.served_s
