"""What can be said of a request's difficulty without asking a model: figures of its text, and a hint at its task's tier.

The figures mean nothing by themselves: `scoring` weighs them per company, on its own labels, and they act where that helped. The tier
is for people and reports, and never acts.
"""

import math
import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SYMBOLS = frozenset("+=^*/\\<>{}[]()_|~%$#&@")
_NEGATIONS = frozenset({"not", "no", "never", "except", "without", "neither", "nor", "cannot"})
_LONG = 8
TEXT_CHARACTERS_MAX = 64 << 10
"""Of a request whose figures are counted."""

NAMES = (
    "characters", "words", "digits", "symbols", "questions", "lines", "long_words", "word_length", "capitalised", "beyond_ascii",
    "negations", "distinct_words", "quotes", "commas", "full_stops", "first_line", "longest_word", "last_line",
)  # fmt: skip
"""What `features` says, in its order: counts as logarithms, the rest as shares."""


def features(text: str) -> tuple[float, ...]:
    """The figures of a request's last turn, of its first characters where it is very long."""
    text = text[:TEXT_CHARACTERS_MAX]
    words = _WORD.findall(text)
    lowered = [word.lower() for word in words]
    lines = [line for line in text.splitlines() if line.strip()]
    size, count = max(len(text), 1), max(len(words), 1)
    return (
        math.log1p(len(text)),
        math.log1p(len(words)),
        sum([character.isdigit() for character in text]) / size,
        sum([character in _SYMBOLS for character in text]) / size,
        text.count("?") / count,
        math.log1p(len(lines)),
        sum([len(word) > _LONG for word in words]) / count,
        sum(map(len, words)) / count,
        sum([word[0].isupper() for word in words]) / count,
        sum([ord(character) > 127 for character in text]) / size,
        sum([word in _NEGATIONS for word in lowered]) / count,
        len(set(lowered)) / count,
        text.count('"') / count,
        text.count(",") / count,
        text.count(".") / count,
        len(lines[0]) / size if lines else 0.0,
        math.log1p(max(map(len, words), default=0)),
        math.log1p(len(lines[-1])) if lines else 0.0,
    )
