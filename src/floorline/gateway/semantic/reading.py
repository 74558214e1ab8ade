"""Stored questions as they are read for a look: what was read lately is not read again. Reading is half of what a look costs beside its vector."""

from functools import lru_cache

from floorline.gateway.semantic.store import Close
from floorline.guardrails.semantic.question import Question, read

SHORT = 256
"""Characters. A longer question takes ten times the memory, so that fewer of them are remembered."""

_short = lru_cache(maxsize=4_096)(read)
_long = lru_cache(maxsize=256)(read)


class Stored:
    """A stored question that stands near, read when it is asked for."""

    __slots__ = ("_close", "key")

    def __init__(self, key: int, close: Close) -> None:
        self.key, self._close = key, close

    @property
    def similarity(self) -> float:
        """How alike it is to the one asked."""
        return self._close.similarity

    @property
    def question(self) -> Question:
        """What it asks."""
        text = self._close.known.question
        return _short(text) if len(text) <= SHORT else _long(text)

    @property
    def answer(self) -> bytes:
        """A hash of what its answer says."""
        return self._close.known.said


def forget() -> None:
    """Something was purged: nothing of what was read stays."""
    _short.cache_clear()
    _long.cache_clear()
