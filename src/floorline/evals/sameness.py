"""Whether two answers say the same: by their bytes, by their words, or by the values of their JSON. What these cannot tell is
for a judge to say, and without one counts as different wherever a promise depends on it.
"""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias, cast

import msgspec

Sameness = Literal["exact", "normalised", "structured", "different", "unknown"]
SAME: tuple[Sameness, ...] = ("exact", "normalised", "structured")
"""What counts as the same answer; `different` does not, and of `unknown` nobody knows."""

LABEL_WORDS_MAX = 3
"""Answers of so few words are labels, numbers or names: other words are another answer."""

Json: TypeAlias = "bool | Decimal | str | list[Json] | dict[str, Json] | None"
"""A value of JSON with exact numbers."""

_FENCED = re.compile(r"\A\s*```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```\s*\Z", re.DOTALL)
_SPACE = re.compile(r"\s+")
_MARKS = "*_`\"'“”‘’«»"
_ENDS = " .!。！"
_OBJECT = re.compile(r"\A\s*[\[{]")
_decoder = msgspec.json.Decoder(dict[str, object] | list[object], float_hook=Decimal)


class _Missing:
    """What stands at a place that only the other answer has."""


_MISSING = _Missing()
_Place: TypeAlias = "Json | _Missing"


def same_answer(first: str, second: str) -> Sameness:
    """How two answers agree. `different` is said only where it is certain: unlike values in JSON, or unlike labels."""
    if first == second:
        return "exact"
    one, other = normalised(first), normalised(second)
    if one == other:
        return "normalised" if one else "unknown"
    values = structure(first), structure(second)
    if values[0] is not None and values[1] is not None:
        return _structured(values[0], values[1])
    if (values[0] is None) is not (values[1] is None):
        return "different"
    numbers = number(first), number(second)
    if numbers[0] is not None and numbers[1] is not None:
        return "normalised" if numbers[0] == numbers[1] else "different"
    return "different" if _is_label(one) and _is_label(other) else "unknown"


def normalised(text: str) -> str:
    """The words alone: compatible characters, case, space, emphasis, quotes around it and the last full stop do not count."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    inner = _FENCED.match(folded)
    bare, shorter = None, _SPACE.sub(" ", inner[1] if inner else folded).strip()
    while bare != shorter:
        bare, shorter = shorter, shorter.strip(_MARKS).rstrip(_ENDS).strip()
    return shorter


def structure(text: str) -> Json:
    """The object or list that the whole answer is, in a fence or not; None where it is none. Numbers are exact."""
    inner = _FENCED.match(text)
    bare = inner[1] if inner else text
    if not _OBJECT.match(bare):
        return None
    try:
        return _exact(_decoder.decode(bare))
    except (msgspec.DecodeError, RecursionError):
        return None


def number(text: str) -> Decimal | None:
    """The number that the whole answer is, with thousands' commas or a percent sign; None where it is none."""
    plain = normalised(text).replace(",", "")
    try:
        found = Decimal(plain.removesuffix("%").rstrip())
    except InvalidOperation:
        return None
    if not found.is_finite():
        return None
    return found / 100 if plain.endswith("%") else found


def _exact(value: object) -> Json:
    """The value with its whole numbers as decimals too, so that 1 and 1.0 are one."""
    match value:
        case bool() | None | str() | Decimal():
            return value
        case int():
            return Decimal(value)
        case list():
            return [_exact(item) for item in cast("list[object]", value)]
        case dict():
            return {name: _exact(item) for name, item in cast("dict[str, object]", value).items()}
        case _:
            raise AssertionError(f"JSON has no {type(value).__name__}")


def _structured(first: Json, second: Json) -> Sameness:
    """Equal values are the same answer; unlike prose within them is for a judge, and anything else unlike is a difference."""
    found: Sameness = "structured"
    for one, other in _leaves(first, second):
        if not (isinstance(one, str) and isinstance(other, str)):
            if type(one) is not type(other) or one != other:
                return "different"
            continue
        words = normalised(one), normalised(other)
        if words[0] == words[1]:
            continue
        if _is_label(words[0]) and _is_label(words[1]):
            return "different"
        found = "unknown"
    return found


def _leaves(first: _Place, second: _Place) -> list[tuple[_Place, _Place]]:
    """The values at the same places; a place that only one has stands beside what is missing."""
    pairs: list[tuple[_Place, _Place]]
    if isinstance(first, dict) and isinstance(second, dict):
        pairs = [(first.get(name, _MISSING), second.get(name, _MISSING)) for name in {**first, **second}]
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = [*zip(first, second, strict=True)]
    else:
        return [(first, second)]
    return [leaf for one, other in pairs for leaf in _leaves(one, other)]


def _is_label(words: str) -> bool:
    return len(words.split()) <= LABEL_WORDS_MAX
