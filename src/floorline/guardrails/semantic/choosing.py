"""Which of the stored answers near a question it may have: the nearest that no veto speaks against, and what its neighbours say of it."""

from collections.abc import Sequence

import msgspec

from floorline.guardrails.semantic import features
from floorline.guardrails.semantic.question import Question
from floorline.guardrails.semantic.vetoes import veto

NEIGHBOURS = 5
"""So many stored questions are looked at."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A stored question near to the one asked. Two with the same `answer` were answered the same: a hash will do; none where answers are not compared."""

    key: int
    similarity: float
    question: Question
    answer: bytes = b""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The stored question whose answer may be the one, and what is known of the pair. With a `veto` none may: this is the nearest."""

    key: int
    similarity: float
    agreement: float | None
    features: tuple[float, ...]
    veto: str = ""


def choose(asked: Question, near: Sequence[Candidate], similarity_min: float) -> Chosen | None:
    """The one of `near`, which are the nearest of all, nearest first; None where none is near enough."""
    close = [one for one in near if one.similarity >= similarity_min]
    if not close:
        return None
    vetoes = [veto(asked, one.question) for one in close]
    place = vetoes.index("") if "" in vetoes else 0
    found = close[place]
    agreement = _agreement(found, near)
    return Chosen(
        key=found.key,
        similarity=found.similarity,
        agreement=agreement,
        features=features.of(asked, found.question, found.similarity, agreement),
        veto=vetoes[place],
    )


def _agreement(found: Candidate, near: Sequence[Candidate]) -> float | None:
    """The share of the neighbours that were answered as `found` was, each counting by its similarity."""
    if not found.answer:
        return None
    total = sum(max(one.similarity, 0.0) for one in near)
    same = sum(max(one.similarity, 0.0) for one in near if one.answer == found.answer)
    return same / total if total > 0 else 0.0
