"""Evaluation sets."""

import pytest

from floorline.evals.sets import read_case, read_set


def test_a_line_is_a_case_with_messages() -> None:
    case = read_case(
        {"id": "t-1", "input": "Where is my order?", "expected": "order_status", "system": "Name the intent."}
    )
    assert case.id == "t-1"
    assert case.messages == [
        {"role": "system", "content": "Name the intent."},
        {"role": "user", "content": "Where is my order?"},
    ]
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert read_case({"input": talk, "rubric": "polite"}).messages == talk


def test_a_case_without_an_id_is_the_same_wherever_it_stands() -> None:
    one, again, other = (read_case({"input": text}) for text in ("Hi", "Hi", "Ho"))
    assert one.id == again.id != other.id
    assert read_case({"input": "Hi", "step": "answer"}).id != one.id


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"expected": "x"}, "lacks `input`"),
        ({"input": "  "}, "is empty"),
        ({"input": []}, "is empty"),
        ({"input": "x", "answer": "y"}, "members are input, id, expected"),
        ({"input": 7}, "Expected"),
        ({"input": [{"role": "robot", "content": "x"}]}, "message 1"),
        ({"input": "x", "human": [{"answer": "y"}]}, "right"),
    ],
)
def test_a_wrong_line_says_how_to_write_it(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_case(values)


def test_wrong_lines_are_named_and_the_others_kept() -> None:
    cases, wrong = read_set([(1, {"input": "a"}), (2, {"inputs": "b"}), (3, {"input": "a"}), (4, {"input": "c"})])
    assert [case.input for case in cases] == ["a", "c"]
    assert [line.partition(":")[0] for line in wrong] == ["line 2", "line 3"]
