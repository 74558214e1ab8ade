"""Vectors by key, and those nearest to another: compared one by one while they are few, found through a graph beyond.

Not for several threads at once: who owns an index has the lock.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from floorline.embedding.vector import Vector

EXACT_MAX = 20_000
"""Vectors that are compared one by one: milliseconds, as fast as memory is read. A graph takes half a millisecond with twice as many."""

MOVED = 8
"""Vectors that move into the graph with each new one, once there are too many: nobody waits for all of them."""

_FIRST = 1


class Neighbour(NamedTuple):
    """A stored vector and its cosine with the one asked about."""

    key: int
    similarity: float


class Graph(Protocol):
    """What finds near vectors without comparing all; it may miss one."""

    def add(self, key: int, vector: Vector) -> None:
        """One more."""
        ...

    def remove(self, key: int) -> None:
        """One less."""
        ...

    def search(self, vector: Vector, count: int) -> list[Neighbour]:
        """The nearest, nearest first."""
        ...


class Index:
    """Vectors of one model. Without `graph`, which makes an empty one for so many dimensions, every search compares all."""

    def __init__(
        self, dimensions: int, graph: Callable[[int], Graph] | None = None, *, exact_max: int = EXACT_MAX
    ) -> None:
        self._dimensions, self._make, self._exact_max = dimensions, graph, exact_max
        self._rows: dict[int, int] = {}
        self._keys: NDArray[np.int64] = np.zeros(_FIRST, dtype=np.int64)
        self._vectors: NDArray[np.float32] = np.zeros((_FIRST, dimensions), dtype=np.float32)
        self._graph: Graph | None = None
        self._in_graph: set[int] = set()

    def __len__(self) -> int:
        return len(self._rows) + len(self._in_graph)

    def __contains__(self, key: int) -> bool:
        return key in self._rows or key in self._in_graph

    @property
    def exact(self) -> bool:
        """Whether a search compares every vector."""
        return self._graph is None

    def add(self, key: int, vector: Vector) -> None:
        """Hold `vector` under `key`, which is new."""
        assert key not in self, f"{key} is held already"
        if self._graph is None and self._make is not None and len(self._rows) >= self._exact_max:
            self._graph = self._make(self._dimensions)
        if self._graph is None:
            self._append(key, vector)
            return
        self._into(self._graph, key, vector)
        for _ in range(min(MOVED, len(self._rows))):
            last = len(self._rows) - 1
            moved, vector = int(self._keys[last]), self._vectors[last].copy()
            del self._rows[moved]
            self._into(self._graph, moved, vector)
        if not self._rows:
            self._keys, self._vectors = self._keys[:0], self._vectors[:0]

    def _append(self, key: int, vector: Vector) -> None:
        row = len(self._rows)
        if row == len(self._keys):
            self._keys = np.concatenate([self._keys, np.zeros_like(self._keys)])
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._keys[row], self._vectors[row], self._rows[key] = key, vector, row

    def _into(self, graph: Graph, key: int, vector: Vector) -> None:
        graph.add(key, vector)
        self._in_graph.add(key)

    def remove(self, key: int) -> None:
        """Forget one; nothing where it is not held."""
        if self._graph is not None and key in self._in_graph:
            self._in_graph.remove(key)
            self._graph.remove(key)
            return
        row = self._rows.pop(key, None)
        if row is None:
            return
        last = len(self._rows)
        if row != last:  # the last one takes its place
            moved = int(self._keys[last])
            self._keys[row], self._vectors[row], self._rows[moved] = moved, self._vectors[last], row

    def search(self, vector: Vector, count: int) -> list[Neighbour]:
        """The nearest, nearest first; at most `count`."""
        compared = self._compared(vector, count)
        if self._graph is None:
            return compared
        found = [one for one in self._graph.search(vector, count) if one.key in self._in_graph]
        return sorted([*compared, *found], key=lambda one: -one.similarity)[:count]

    def _compared(self, vector: Vector, count: int) -> list[Neighbour]:
        """The nearest of those that are compared one by one."""
        held = len(self._rows)
        if not held:
            return []
        cosines = self._vectors[:held] @ vector
        count = min(count, held)
        best = np.argpartition(-cosines, count - 1)[:count] if count < held else np.arange(held)
        return [
            Neighbour(int(self._keys[row]), float(cosines[row]))
            for row in best[np.argsort(-cosines[best], kind="stable")]
        ]
