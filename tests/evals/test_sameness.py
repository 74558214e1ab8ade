"""Whether two answers say the same."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.evals.sameness import normalised, number, same_answer, structure

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("Paris", "Paris", "exact"),
        ("Yes.", " **yes** ", "normalised"),
        ("“Größe”", "GRÖSSE", "normalised"),
        ("１２", "12", "normalised"),
        ("1,000", "1000.0", "normalised"),
        ("5%", "0.05", "normalised"),
        ('{"a": 1, "b": [2, 3]}', '```json\n{"b": [2.0, 3], "a": 1}\n```', "structured"),
        ('{"a": "Done."}', '{"a": "done"}', "structured"),
        ("yes", "no", "different"),
        ("12", "13", "different"),
        ('{"a": 1}', '{"a": 2}', "different"),
        ('{"a": true}', '{"a": 1}', "different"),
        ('{"a": 1}', '{"a": 1, "b": null}', "different"),
        ("[1, 2]", "[2, 1]", "different"),
        ("{}", "It is an empty object", "different"),
        ("The cat sat on the mat", "A cat was sitting on a mat", "unknown"),
        ('{"note": "your order ships on Monday"}', '{"note": "Monday is when it ships"}', "unknown"),
        ("", "  ", "unknown"),
    ],
)
def test_answers_agree_by_bytes_words_or_values(first: str, second: str, found: str) -> None:
    assert same_answer(first, second) == found
    assert same_answer(second, first) == found


@given(VALUES)
def test_json_is_the_same_however_it_is_written(value: object) -> None:
    plain = msgspec.json.encode([value]).decode()
    spaced = msgspec.json.format(msgspec.json.encode([value], order="sorted"), indent=2).decode()
    assert same_answer(plain, spaced) in ("exact", "normalised", "structured")


@given(st.text(max_size=40), st.text(max_size=40))
def test_sameness_does_not_depend_on_the_order(first: str, second: str) -> None:
    assert same_answer(first, second) == same_answer(second, first)


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once


def test_what_is_nested_too_deeply_has_no_structure() -> None:
    assert structure("[" * 5_000 + "]" * 5_000) is None


def test_a_number_is_read_whole_or_not_at_all() -> None:
    assert number("12 %") == Decimal("0.12")
    assert number("12 apples") is None
    assert number("NaN") is None
