"""What in the words of a prompt could go: what it says twice, its examples, and phrases that change no answer.

Found by their form, not understood: each finding is a place to look at, and docs/prompts.md says what each rule takes for one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from floorline.prompts.said import size_of

WORDS_MIN = 5
"""Of a statement: shorter ones repeat by nature (headings, labels)."""

ALIKE_PERCENT = 80
"""Two statements are the same when they share this much of all words in both, and what they do not share turns nothing round."""

_TURNING = frozenset(
    {"not", "never", "no", "none", "without", "except", "unless", "only", "always", "don", "doesn", "cannot"}
)

STATEMENTS_MAX = 600
"""Of a prompt; what comes after them is not compared."""

_STATEMENT = re.compile(r"(?<=[.!?;:])\s+|\n+")
_WORD = re.compile(r"\w+", re.UNICODE)
_TAGGED = re.compile(r"<(examples?|exemplars?|samples?|demonstrations?)\b[^>]*>.*?</\1>", re.IGNORECASE | re.DOTALL)
_ONE = re.compile(r"<(?:example|exemplar|sample|demonstration)\b", re.IGNORECASE)
_HEADED = re.compile(
    r"\W*(?:here (?:are|is) (?:some |an? |a few )?)?(?:few[- ]shot |worked |sample )?(?:examples?|demonstrations?)\b[^.\n]{0,40}(?:[:\n]|$)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^\W*(input|output|q|a|question|answer|user|assistant|human|ai|bot|customer|agent|request|response|query|reply)\s*\d*\s*[:=]",
    re.IGNORECASE | re.MULTILINE,
)
_PHRASES = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        r"\byou are an? (?:very |highly |extremely )?(?:helpful|intelligent|smart|knowledgeable|friendly)(?:,? (?:and )?\w+)? (?:ai )?(?:assistant|model|chatbot)\b\.?",
        r"\bas an? (?:ai|large) language model\b,?",
        r"\btake a deep breath\b[^.\n]*\.?",
        r"\b(?:it is|this is|it's) (?:very |extremely |absolutely )?(?:important|critical|crucial|essential|imperative) (?:that|to)\b",
        r"\b(?:please )?(?:make sure|be sure|ensure) (?:that you|that|to)\b",
        r"\b(?:please )?(?:note|keep in mind|bear in mind|remember|do not forget|don't forget) that\b",
        r"\b(?:always )?do your (?:very )?best\b[^.\n]*\.?",
        r"\b(?:thank you|thanks)(?: (?:in advance|very much|so much))?\b[.!]?",
        r"\bplease\b",
        r"^[ \t]*[-=*_#~]{4,}[ \t]*$",
        r"[ \t]{4,}(?=\S)|[ \t]+$|\n{3,}",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A statement that is said `times` times, in about these words. `size` are the bytes of all but the first."""

    text: str
    times: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Words that change no answer, and how often; `size` are the bytes of them all."""

    text: str
    times: int
    size: int


def examples(text: str) -> list[str]:
    """The worked examples in a prompt's words: what is between tags of that name; what stands under a heading of that name
    with labelled sides; and paragraphs with two labelled sides.
    """
    found = [match[0] for match in _TAGGED.finditer(text)]
    under = False
    for paragraph in re.split(r"\n\s*\n", _TAGGED.sub("\n\n", text)):
        labelled = len({label[1].lower() for label in _LABEL.finditer(paragraph)})
        headed = _HEADED.match(paragraph) is not None
        if labelled > 1 or (labelled and under) or (headed and "\n" in paragraph.strip()):
            found.append(paragraph)
        under = headed or (under and labelled > 0)
    return found


def pieces(found: Sequence[str]) -> int:
    """How many examples there are in what `examples` has found: several may stand between the tags of all of them."""
    return sum([max(len(_ONE.findall(text)), 1) for text in found])


def without(text: str, parts: Sequence[str]) -> str:
    """`text` without these pieces of it."""
    for part in parts:
        text = text.replace(part, "\n", 1)
    return text


def repeats(text: str) -> list[Repeat]:
    """What is said more than once, the longest first."""
    first: list[tuple[str, frozenset[str]]] = []
    again: dict[int, list[str]] = {}
    for statement, words in _statements(text):
        said = next((n for n, (_, known) in enumerate(first) if _alike(words, known)), None)
        if said is None:
            first.append((statement, words))
        else:
            again.setdefault(said, []).append(statement)
    found = [
        Repeat(text=first[n][0], times=len(others) + 1, size=sum(map(size_of, others))) for n, others in again.items()
    ]
    return sorted(found, key=lambda one: (-one.size, one.text))


def _statements(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    kept = 0
    for piece in _STATEMENT.split(text):
        statement = piece.strip()
        words = [word.casefold() for word in _WORD.findall(statement)]
        if len(words) >= WORDS_MIN:
            kept += 1
            if kept > STATEMENTS_MAX:
                return
            yield statement, frozenset(words)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    small, large = sorted((len(one), len(other)))
    if small * 100 < large * ALIKE_PERCENT:
        return False
    if len(one & other) * 100 < len(one | other) * ALIKE_PERCENT:
        return False
    return not any(word in _TURNING or not word.isalpha() for word in one ^ other)


def boilerplate(text: str) -> list[Phrase]:
    """Phrases that change no answer: courtesy, self-description, emphasis, lines drawn, white space. The largest first."""
    found: dict[str, list[str]] = {}
    for pattern in _PHRASES:
        for match in pattern.finditer(text):
            words = " ".join(match[0].split()) or "white space"
            found.setdefault(words.casefold(), []).append(match[0])
        text = pattern.sub(" ", text)
    phrases = [
        Phrase(text=name, times=len(matches), size=sum(map(size_of, matches))) for name, matches in found.items()
    ]
    return sorted(phrases, key=lambda one: (-one.size, one.text))
