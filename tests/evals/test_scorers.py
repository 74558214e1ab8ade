"""What makes an answer right."""

from decimal import Decimal

import pytest

from floorline.evals.scorers import (
    ANSWER_CHARS_MAX,
    Exact,
    JsonSchema,
    Normalised,
    Numeric,
    Plain,
    Regex,
    Score,
    compiled,
    last_number,
    read_score,
    score,
    validator,
)

ORDER = JsonSchema(schema='{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}')
NEAR = Numeric(tolerance=Decimal("0.01"))


@pytest.mark.parametrize(
    ("scorer", "answer", "expected", "right"),
    [
        (Exact(), "Paris", "Paris", True),
        (Exact(), "paris", "Paris", False),
        (Exact(), "1", 1, True),
        (Normalised(), "**Paris**.", "Paris", True),
        (Normalised(), '{"a": 1.0}', {"a": 1}, True),
        (Normalised(), "The capital of France is Paris, on the Seine", "Paris", False),
        (ORDER, '```json\n{"id": 7}\n```', None, True),
        (ORDER, 'Here it is:\n```json\n{"id": 7}\n```\nAnything else?', None, True),
        (ORDER, '{"id": "7"}', None, False),
        (ORDER, "I cannot", None, False),
        (Regex(pattern=r"^\d{5}$"), "48213", None, True),
        (Regex(pattern=r"^\d{5}$"), "order 48213", None, False),
        (NEAR, "The total is $1,234.50.", 1230, True),
        (NEAR, "1,260", 1230, False),
        (NEAR, "12 %", Decimal("0.12"), True),
        (NEAR, "a lot", 1230, False),
        (Numeric(absolute=Decimal(1)), "-4", -5, True),
    ],
)
def test_each_way_tells_right_from_wrong(scorer: Plain, answer: str, expected: object, right: bool) -> None:
    found = score(scorer, answer, expected)
    assert found.right is right
    assert bool(found.reason) is not right


@pytest.mark.parametrize(
    ("scorer", "answer", "expected"),
    [
        (Exact(), "Paris", None),
        (Normalised(), "Paris", None),
        (NEAR, "12", "a dozen"),
        (ORDER, "x" * (ANSWER_CHARS_MAX + 1), None),
    ],
)
def test_what_cannot_be_told_is_neither_right_nor_wrong(scorer: Plain, answer: str, expected: object) -> None:
    found = score(scorer, answer, expected)
    assert found.right is None
    assert found.reason


def test_a_schema_or_pattern_that_is_none_is_said_so() -> None:
    with pytest.raises(ValueError, match="no JSON schema"):
        validator('{"type": "objekt"}')
    with pytest.raises(ValueError, match="no JSON schema"):
        validator('{"$ref": "https://example.com/order.json"}')
    with pytest.raises(ValueError, match="no regular expression"):
        compiled("(")


def test_the_last_number_of_an_answer_counts() -> None:
    assert last_number("In 2024 we sold 1,250.5 of them") == Decimal("1250.5")
    assert last_number("none") is None


def test_a_score_of_the_users_own_is_read_strictly() -> None:
    assert read_score(b'{"right": true, "value": 0.9}') == Score(right=True, value=0.9)
    for wrong in (b"{}", b'{"right": 1}', b'{"right": true, "value": 7}', b'{"right": true, "colour": "red"}', b"yes"):
        with pytest.raises(ValueError, match="a scorer answers"):
            read_score(wrong)
