"""Questions with their answers, those of one scope beside each other: a scope is everything but the question that a request says.

Bounded in bytes over all scopes and in entries for each; the least recently used go first. Several threads may use it; who is on an
event loop asks a worker to.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from floorline.gateway.cache.entry import Entry

if TYPE_CHECKING:  # a gateway that compares no questions loads no numpy
    from floorline.embedding.index import Graph, Index
    from floorline.embedding.vector import Vector

OVERHEAD_BYTES = 1_280
"""What an entry takes beside its texts and its vector, with the room that indexes have to grow: measured, rounded up."""


class Known(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A question and its answer. `said` is a hash of what the answer says: two that say the same have the same. `epoch` is what it
    was kept under: the embedder, and with whom it is shared.
    """

    question: str
    said: bytes
    epoch: str
    entry: Entry

    def size_bytes(self, dimensions: int) -> int:
        """About what it takes in memory."""
        return OVERHEAD_BYTES + len(self.question) + self.entry.size_bytes + 4 * dimensions


class Close(NamedTuple):
    """A known question and how alike it is to the one asked."""

    known: Known
    similarity: float


class _Place(NamedTuple):
    scope: bytes
    known: Known
    size_bytes: int


class _Scope:
    __slots__ = ("calls", "index")

    def __init__(self, index: "Index") -> None:
        self.index = index
        self.calls: OrderedDict[str, int] = OrderedDict()  # the oldest first


class Store:
    """What one process knows. `evicted` counts what made room for others."""

    def __init__(self, bytes_max: int, graph: "Callable[[int], Graph] | None") -> None:
        self.used_bytes = self.evicted = 0
        self._bytes_max, self._graph = bytes_max, graph
        self._lock = Lock()
        self._scopes: dict[bytes, _Scope] = {}
        self._places: OrderedDict[int, _Place] = OrderedDict()  # the least recently used first
        self._next = 0

    def __len__(self) -> int:
        return len(self._places)

    def nearest(self, scope: bytes, vector: "Vector", count: int) -> Sequence[Close]:
        """The questions of the scope nearest to `vector`, nearest first."""
        with self._lock:
            held = self._scopes.get(scope)
            if held is None:
                return ()
            return [Close(self._places[key].known, similarity) for key, similarity in held.index.search(vector, count)]

    def used(self, scope: bytes, call_id: str) -> None:
        """The answer that was made for the call was used."""
        with self._lock:
            held = self._scopes.get(scope)
            key = None if held is None else held.calls.get(call_id)
            if key is not None:
                self._places.move_to_end(key)

    def add(self, scope: bytes, known: Known, vector: "Vector", entries_max: int) -> bool:
        """Know one more; whether it was new. The oldest of its scope goes where there are `entries_max`."""
        from floorline.embedding.index import Index  # noqa: PLC0415 - as above

        size = known.size_bytes(len(vector))
        with self._lock:
            held = self._scopes.get(scope)
            if size > self._bytes_max or (held is not None and known.entry.call_id in held.calls):
                return False
            if held is None:
                held = self._scopes[scope] = _Scope(Index(len(vector), self._graph))
            key, self._next = self._next, self._next + 1
            held.index.add(key, vector)
            held.calls[known.entry.call_id] = key
            self._places[key] = _Place(scope, known, size)
            self.used_bytes += size
            if len(held.calls) > entries_max:
                self._make_room(next(iter(held.calls.values())))
            while self.used_bytes > self._bytes_max:
                self._make_room(next(iter(self._places)))
            return True

    def fit(self, bytes_max: int) -> None:
        """Hold at most `bytes_max` from now on."""
        with self._lock:
            self._bytes_max = bytes_max
            while self.used_bytes > bytes_max:
                self._make_room(next(iter(self._places)))

    def drop(self, dead: Callable[[Known], bool]) -> int:
        """Forget everything that `dead` says so of; how many there were."""
        with self._lock:
            keys = [key for key, place in self._places.items() if dead(place.known)]
            for key in keys:
                self._remove(key)
            return len(keys)

    def _make_room(self, key: int) -> None:
        self._remove(key)
        self.evicted += 1

    def _remove(self, key: int) -> None:
        scope, known, size = self._places.pop(key)
        self.used_bytes -= size
        held = self._scopes[scope]
        held.index.remove(key)
        del held.calls[known.entry.call_id]
        if not held.calls:
            del self._scopes[scope]
