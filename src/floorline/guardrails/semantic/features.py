"""What a verifier judges two near questions by: their likeness, the answers around them, and what their words have in common.

A feature's own labels say which of these counts for how much; there are no weights that come with Floorline, because what holds on one
product is worse than nothing on the next.
"""

from itertools import pairwise, takewhile

from floorline.guardrails.semantic.question import Question

NAMES = (
    "similarity",
    "agreement",
    "words_common",
    "stems_common",
    "pairs_common",
    "letters_common",
    "words_fewer",
    "words_ratio",
    "stems_unmatched_fewer",
    "stems_unmatched_more",
    "letters_unmatched",
    "order_kept",
    "beginning_common",
    "end_common",
    "asks_alike",
    "people_alike",
    "names_common",
    "numbers_common",
)
"""In their order. All but counts of words and letters are shares, from 0 to 1."""

SIMILARITY, AGREEMENT = 0, 1


def of(asked: Question, stored: Question, similarity: float, agreement: float | None) -> tuple[float, ...]:
    """The features of a pair. Answers that nobody compared agree in nothing."""
    mine, theirs = asked.stems, stored.stems
    unmatched = sorted((len(mine - theirs), len(theirs - mine)))
    fewer, more = sorted((len(asked.words), len(stored.words)))
    return (
        similarity,
        agreement or 0.0,
        _common(frozenset(asked.words), frozenset(stored.words)),
        _common(mine, theirs),
        _common(frozenset(pairwise(asked.words)), frozenset(pairwise(stored.words))),
        _common(_letters(asked), _letters(stored)),
        float(fewer),
        fewer / more if more else 1.0,
        float(unmatched[0]),
        float(unmatched[1]),
        float(max(map(len, mine ^ theirs), default=0)),
        _order_kept(asked, stored),
        _run(asked.words, stored.words),
        _run(asked.words[::-1], stored.words[::-1]),
        float(asked.asks == stored.asks),
        float(asked.people == stored.people),
        float(len(asked.names & stored.names)),
        float(len(asked.numbers & stored.numbers)),
    )


def _common(one: frozenset[object], other: frozenset[object]) -> float:
    """What two sets have in common of what either has."""
    either = len(one | other)
    return len(one & other) / either if either else 1.0


def _letters(question: Question) -> frozenset[str]:
    """Runs of three letters."""
    text = f" {' '.join(question.words)} "
    return frozenset([text[place : place + 3] for place in range(len(text) - 2)])


def _order_kept(one: Question, other: Question) -> float:
    """The share of neighbouring words in common that stand in the same order in both."""
    places = {word: place for place, word in enumerate(other.content)}
    found = [places[word] for word in dict.fromkeys(one.content) if word in places]
    return sum(first < second for first, second in pairwise(found)) / (len(found) - 1) if len(found) > 1 else 1.0


def _run(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """The share of the longer one that both begin with."""
    longer = max(len(one), len(other))
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return same / longer if longer else 1.0
