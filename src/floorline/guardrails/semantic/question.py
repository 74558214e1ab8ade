"""A question as it is compared: read once, kept beside its vector, and never needed again as text.

Read are words and what stands out among them: numbers with their units, times, names, codes, what is quoted, negations, who
plays which part, script and language. The lists are English's (`lexicon.py`); of other languages numbers, names, codes and script are read alike.
"""

import re
import unicodedata
from collections.abc import Sequence

import msgspec

from floorline.guardrails.semantic.lexicon import (
    AMBIGUOUS_TIMES,
    ASKING,
    FUNCTION,
    LANGUAGES,
    NEGATIONS,
    NUMBERS,
    PEOPLE,
    ROLES,
    TIMES,
    UNITS,
    stem,
)

_TOKEN = re.compile(
    r"""
    (?P<quoted>"[^"\n]{1,200}"|“[^”\n]{1,200}”|`[^`\n]{1,200}`)
    |(?P<code>https?://\S+|[\w.+-]+@[\w-]+\.[\w.]+|\#\w+|[A-Za-z]+[-_/]?\d[\w-]*|\d+[-_/]?[A-Za-z_][\w-]*\d[\w-]*|\w+_\w+)
    |(?P<number>\d+(?:[.,:/]\d+)*)
    |(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)
    |(?P<sign>[$€£¥%])
    |(?P<stop>[.!?\n])
    """,
    re.VERBOSE,
)
_WORDS_MAX = 400
"""Of a longer question only so much is read: no embedder's window holds it (`traps.py`)."""


class Question(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one question.

    `words` are all of it in order, in lower case; `content` the stems of those that say what it is about. `numbers` are written one way,
    `measures` those with a unit (`5 usd`). `names` are capitalised within a sentence, in lower case; `opening` the word that its first sentence opens with.
    `parts` pairs a preposition with the stem after it, `people` are the persons named by pronouns in order. `asks` is how it asks, '' when by no question word.
    """

    words: tuple[str, ...]
    content: tuple[str, ...]
    numbers: frozenset[str] = frozenset()
    measures: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    quoted: frozenset[str] = frozenset()
    parts: frozenset[tuple[str, str]] = frozenset()
    people: tuple[str, ...] = ()
    negations: int = 0
    passive: bool = False
    asks: str = ""
    scripts: frozenset[str] = frozenset()
    language: str = ""

    @property
    def stems(self) -> frozenset[str]:
        """What it is about, in no order."""
        return frozenset(self.content)


def read(text: str) -> Question:
    """The question `text` asks."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    reading = _Reading()
    for found in _TOKEN.finditer(text):
        if len(reading.words) >= _WORDS_MAX:
            break
        reading.take(found.lastgroup or "", found[0])
    return reading.question(scripts(text))


def scripts(text: str) -> frozenset[str]:
    """The writing systems of its letters, by the names Unicode gives them; `LATIN` alone for English."""
    if text.isascii():
        return _LATIN if any(map(str.isalpha, text)) else frozenset()
    found = {unicodedata.name(one, "UNKNOWN").partition(" ")[0] for one in set(text) if one.isalpha()}
    return frozenset(found - {"MODIFIER", "FEMININE", "MASCULINE", "MICRO"})


_LATIN = frozenset({"LATIN"})


class _Reading:
    """Takes tokens in order."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.content: list[str] = []
        self.people: list[str] = []
        self.numbers: set[str] = set()
        self.measures: set[str] = set()
        self.times: set[str] = set()
        self.names: set[str] = set()
        self.codes: set[str] = set()
        self.quoted: set[str] = set()
        self.parts: set[tuple[str, str]] = set()
        self.negations = 0
        self.asks = ""
        self._opens, self._part, self._number, self._sign = True, "", "", ""

    def take(self, kind: str, token: str) -> None:
        """One more token."""
        match kind:
            case "stop":
                self._opens, self._part = True, ""
                return
            case "quoted":
                self.quoted.add(token[1:-1].strip().lower())
                self.words.append(token.lower())
            case "code":
                self._code(token)
            case "number":
                self._count(_written(token))
            case "sign":
                self._unit(UNITS[token])
            case _:
                self._word(token)
        self._opens = False

    def _code(self, token: str) -> None:
        found = token.lower()
        self.words.append(found)
        counted = re.fullmatch(r"(\d+(?:\.\d+)?)(st|nd|rd|th|[a-z]{1,3})", found)
        self.codes.add(counted[0] if counted else found)
        self._about(found)

    def _count(self, number: str) -> None:
        self.words.append(number)
        self.numbers.add(number)
        self._about(number)
        self._number = number
        if self._sign:
            self.measures.add(f"{number} {self._sign}")
            self._sign = ""

    def _unit(self, unit: str) -> None:
        if self._number:
            self.measures.add(f"{self._number} {unit}")
            self._number = ""
        else:
            self._sign = unit if unit in _BEFORE else ""

    def _word(self, token: str) -> None:
        word = token.lower()
        self.words.append(word)
        if word in NUMBERS:
            self._count_word(word)
            return
        negates = word.replace("'", "") in NEGATIONS
        self.negations += negates
        if not self.asks and word in ASKING:
            self.asks = word
        if word in PEOPLE:
            self.people.append(PEOPLE[word])
        capital = token[0].isupper() and token.partition("'")[0] != "I"
        if word in TIMES or (capital and not self._opens and word in AMBIGUOUS_TIMES):
            self.times.add(word[:_TIME_LETTERS])
        elif capital and (not self._opens or _shouts(token)) and (word not in FUNCTION or _shouts(token)):
            self.names.add(word.removesuffix("'s"))
        unit = UNITS.get(word)
        if unit is not None and self._number:
            self._unit(unit)
        self._number = ""
        self._part = ROLES.get(word, self._part)
        if not negates and word.partition("'")[0] not in FUNCTION:
            self._about(stem(word) if unit is None else unit)

    def _count_word(self, word: str) -> None:
        self.numbers.add(NUMBERS[word])
        self._number = NUMBERS[word]
        self._about(NUMBERS[word])

    def _about(self, found: str) -> None:
        self.content.append(found)
        if self._part:
            self.parts.add((self._part, found))
            self._part = ""

    def question(self, of_scripts: frozenset[str]) -> Question:
        """What was read."""
        return Question(
            words=tuple(self.words),
            content=tuple(self.content),
            numbers=frozenset(self.numbers),
            measures=frozenset(self.measures),
            times=frozenset(self.times),
            names=frozenset(self.names),
            codes=frozenset(self.codes),
            quoted=frozenset(self.quoted),
            parts=frozenset(self.parts),
            people=tuple(self.people),
            negations=self.negations,
            passive=_passive(self.words),
            asks=self.asks,
            scripts=of_scripts,
            language=_language(self.words),
        )


_BEFORE = frozenset({"$", "€", "£", "¥"})
_TIME_LETTERS = 3
"""Tell a month or a day from every other, short or whole."""


def _shouts(token: str) -> bool:
    """Whether capitals are its own, wherever it stands: NATO, iPhone, McKinsey."""
    return len(token) > 1 and any(map(str.isupper, token[1:]))


def _written(number: str) -> str:
    """A number the one way: without marks between its thousands, and without zeros that say nothing."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", number):
        number = number.replace(",", "")
    return re.sub(r"\.0+$", "", number)  # 3.10 is another version than 3.1


def _passive(words: Sequence[str]) -> bool:
    """Whether something is done `by` somebody."""
    return "by" in words and any(word in _BEING for word in words[: words.index("by")])


_BEING = frozenset({"is", "are", "was", "were", "be", "been", "being", "get", "got", "gets"})


def _language(words: Sequence[str]) -> str:
    """The language whose small words it has the most of; '' where that is not clear."""
    counts = sorted([(sum([word in small for word in words]), name) for name, small in LANGUAGES.items()], reverse=True)
    (most, name), (second, _) = counts[:2]
    return name if most >= 2 and most > second else ""
