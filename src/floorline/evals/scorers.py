"""What makes an answer right: one small value for each way of telling, and `score` for those that need nobody else.

`exact`, `normalised`, `json_schema`, `regex` and `numeric` are decided here. `similarity`, `judge`, `python` and `http` ask an
embedder, a model or somebody's code: `jobs/evaluating.py` does, and a score of theirs looks the same.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

from floorline.evals.sameness import SAME, number, same_answer

if TYPE_CHECKING:
    from jsonschema_rs import Validator

ANSWER_CHARS_MAX = 1 << 20
"""Of an answer that is looked at; a longer one cannot be scored."""

REASON_CHARS_MAX = 300
SIMILAR = 0.9
"""The cosine from which answers count as alike where nobody says another."""


Grade: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Score(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scorer says of an answer: `right` is None where it cannot tell, which is neither right nor wrong. `value` is the
    grade from 0 to 1 that `right` was told by, None where there is none.
    """

    right: bool | None
    value: Grade | None = None
    reason: str = ""


class Exact(msgspec.Struct, frozen=True, kw_only=True, tag="exact"):
    """The expected answer, byte for byte."""


class Normalised(msgspec.Struct, frozen=True, kw_only=True, tag="normalised"):
    """The expected answer by its words, its number or the values of its JSON (`evals/sameness.py`)."""


class JsonSchema(msgspec.Struct, frozen=True, kw_only=True, tag="json_schema"):
    """JSON, in a fence or not, that is valid under `schema` (a JSON document; drafts 4 to 2020-12)."""

    schema: str


class Regex(msgspec.Struct, frozen=True, kw_only=True, tag="regex"):
    """`pattern` is found in the answer."""

    pattern: str


class Numeric(msgspec.Struct, frozen=True, kw_only=True, tag="numeric"):
    """The number that the answer is, or ends with, is within `tolerance` of the expected one: that much of it, or `absolute`."""

    tolerance: Decimal = Decimal(0)
    absolute: Decimal = Decimal(0)


class Similarity(msgspec.Struct, frozen=True, kw_only=True, tag="similarity"):
    """The embedding of the answer by `model` has at least this cosine with that of the expected one. A hint, not a proof."""

    model: str
    threshold: float = SIMILAR


class Judge(msgspec.Struct, frozen=True, kw_only=True, tag="judge"):
    """The model named says that it is right by the expected answer or the case's rubric; with `compare` it says instead which of two
    models' answers is better, asked twice with them swapped (`evals/judging.py`).
    """

    model: str
    compare: bool = False


class Python(msgspec.Struct, frozen=True, kw_only=True, tag="python"):
    """A function of the user's own, `module:function`, called with the case and the answer."""

    call: str


class Http(msgspec.Struct, frozen=True, kw_only=True, tag="http"):
    """A service of the user's own, which is posted the case and the answer."""

    url: str
    timeout_ms: int = 10_000


Scorer: TypeAlias = Exact | Normalised | JsonSchema | Regex | Numeric | Similarity | Judge | Python | Http
Plain: TypeAlias = Exact | Normalised | JsonSchema | Regex | Numeric
"""Those that need nobody else."""

PLAIN = (Exact, Normalised, JsonSchema, Regex, Numeric)

_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?\s*%?")
_json = msgspec.json.Encoder(decimal_format="number")
_score = msgspec.json.Decoder(Score)
_FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)


def score(scorer: Plain, answer: str, expected: object = None) -> Score:
    """Whether `answer` is right. `expected` is text, a number, or any value of JSON; None: the case states none."""
    if len(answer) > ANSWER_CHARS_MAX:
        return Score(right=None, reason=f"the answer has {len(answer)} characters, more than {ANSWER_CHARS_MAX}")
    match scorer:
        case JsonSchema():
            return _valid(scorer, answer)
        case Regex():
            return _told(compiled(scorer.pattern).search(answer) is not None, f"no match of {scorer.pattern}")
        case _ if expected is None:
            return Score(right=None, reason="the case states no expected answer")
        case Exact():
            return _told(answer == said(expected), "other bytes than expected")
        case Normalised():
            return _told(same_answer(answer, said(expected)) in SAME, "another answer than expected")
        case Numeric():
            return _close(scorer, answer, expected)


def read_score(document: bytes) -> Score:
    """The score that somebody's code answered: `{"right": true}`, or with a `value` and a `reason`. ValueError says what is wrong
    with it.
    """
    try:
        found = _score.decode(document)
    except msgspec.DecodeError as error:
        raise ValueError(f'a scorer answers {{"right": true, "value": 0.9, "reason": "…"}}: {error}') from error
    return msgspec.structs.replace(found, reason=_line(found.reason))


def said(expected: object) -> str:
    """What is expected as a model would say it: text as it is, all else as JSON."""
    if isinstance(expected, str):
        return expected
    return _json.encode(expected).decode()


def compiled(pattern: str) -> re.Pattern[str]:
    """ValueError says what is wrong with it."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


@lru_cache(maxsize=256)
def validator(schema: str) -> "Validator":
    """What validates by a JSON schema; nothing is fetched for it. ValueError says what is wrong with it."""
    import jsonschema_rs  # noqa: PLC0415 - only where a schema is named: a gateway that has none holds megabytes less

    try:
        return jsonschema_rs.validator_for(schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise ValueError(f"it is no JSON schema: {_line(str(error))}") from error


def json_of(answer: str) -> str:
    """The JSON of an answer: what is in its only fence, or all of it."""
    fences = _FENCED.findall(answer)
    return fences[0] if len(fences) == 1 else answer


def last_number(answer: str) -> Decimal | None:
    """The number that an answer is or, where it says more, ends with; None where it has none."""
    whole = number(answer)
    if whole is not None:
        return whole
    found = _NUMBER.findall(answer)
    return number(found[-1]) if found else None


def _valid(scorer: JsonSchema, answer: str) -> Score:
    try:
        value = msgspec.json.decode(json_of(answer))
    except (msgspec.DecodeError, RecursionError) as error:
        return Score(right=False, reason=f"it is no JSON: {_line(str(error))}")
    for error in validator(scorer.schema).iter_errors(value):
        place = "/".join(str(step) for step in error.instance_path)
        return Score(right=False, reason=_line(f"{place or 'the whole'}: {error.message}"))
    return Score(right=True)


def _close(scorer: Numeric, answer: str, expected: object) -> Score:
    wanted, found = number(said(expected)), last_number(answer)
    if wanted is None:
        return Score(right=None, reason=f"{_line(said(expected))} is no number to be near to")
    if found is None:
        return Score(right=False, reason="it holds no number")
    room = max(scorer.absolute, scorer.tolerance * abs(wanted))
    return _told(abs(found - wanted) <= room, f"{found}, where {wanted} ± {room} is expected")


def _told(right: bool, otherwise: str) -> Score:
    return Score(right=right, reason="" if right else _line(otherwise))


def _line(text: str) -> str:
    """Text of somebody else's on one line, bounded."""
    return " ".join(text.split())[:REASON_CHARS_MAX]
