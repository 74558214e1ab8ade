"""Which of the stored answers near a question it may have: the nearest that no veto speaks against, and what its neighbours say of it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from floorline.guardrails.semantic import features
from floorline.guardrails.semantic.question import Question
from floorline.guardrails.semantic.vetoes import veto

NEIGHBOURS = 5
"""So many stored questions are looked at."""


class Stored(Protocol):
    """A stored question near to the one asked. Two with the same `answer` were answered the same: a hash will do; none where answers are not compared.
    What it asks is read when it is asked for: most often one of the nearest is enough.
    """

    @property
    def key(self) -> int:
        """Which one."""
        ...

    @property
    def similarity(self) -> float:
        """How alike it is to the one asked."""
        ...

    @property
    def question(self) -> Question:
        """What it asks."""
        ...

    @property
    def answer(self) -> bytes:
        """What it was answered."""
        ...


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A stored question that was read before."""

    key: int
    similarity: float
    question: Question
    answer: bytes = b""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The stored question whose answer may be the one, and what is known of the pair. With a `veto` none may: this is the nearest, and nothing
    is made of the pair.
    """

    key: int
    similarity: float
    agreement: float | None
    features: tuple[float, ...]
    veto: str = ""


def choose(asked: Question, near: Sequence[Stored], similarity_min: float) -> Chosen | None:
    """The one of `near`, which are the nearest of all, nearest first; None where none is near enough."""
    close = [one for one in near if one.similarity >= similarity_min]
    if not close:
        return None
    vetoes: list[str] = []
    for one in close:
        vetoes.append(veto(asked, one.question))
        if not vetoes[-1]:
            agreement = _agreement(one, near)
            return Chosen(
                key=one.key,
                similarity=one.similarity,
                agreement=agreement,
                features=features.of(asked, one.question, one.similarity, agreement),
            )
    nearest = close[0]
    return Chosen(key=nearest.key, similarity=nearest.similarity, agreement=None, features=(), veto=vetoes[0])


def _agreement(found: Stored, near: Sequence[Stored]) -> float | None:
    """The share of the neighbours that were answered as `found` was, each counting by its similarity."""
    if not found.answer:
        return None
    total = sum(max(one.similarity, 0.0) for one in near)
    same = sum(max(one.similarity, 0.0) for one in near if one.answer == found.answer)
    return same / total if total > 0 else 0.0
