"""What in a prompt could go is found by its form."""

import pytest

from floorline.prompts.said import size_of
from floorline.prompts.wording import boilerplate, examples, pieces, repeats, without

PROMPT = """You are a helpful assistant. Answer the customer's question in at most three sentences.
Never promise a refund before the order is looked up.

# Style
Answer the customer's question in at most three sentences!
Please be sure to use plain words.

Examples:
Q: Where is my parcel?
A: Let me look it up.

Q: Can I pay later?
A: Yes, within 14 days.

<example>Customer: hi
Agent: hello</example>

----------
Do not promise a refund before the order was seen."""


def test_worked_examples_are_found_by_tags_headings_and_labelled_sides():
    assert [one.split()[0] for one in examples(PROMPT)] == ["<example>Customer:", "Examples:", "Q:"]
    assert "parcel" not in without(PROMPT, examples(PROMPT))
    assert "Never promise" in without(PROMPT, examples(PROMPT))
    assert pieces(["<examples><example>a</example> <example id='2'>b</example></examples>", "Q: c\nA: d"]) == 3
    assert examples("For example, say hello.\n\nNote: one label is no example.") == []


def test_what_is_said_twice_in_other_words_is_found_and_what_is_turned_round_is_not():
    (twice,) = repeats(without(PROMPT, examples(PROMPT)))
    assert (twice.text, twice.times) == ("Answer the customer's question in at most three sentences.", 2)
    assert twice.size == size_of("Answer the customer's question in at most three sentences!")
    for one, other in (
        ("Use the formal form of address in every letter.", "Never use the formal form of address in every letter."),
        ("List the top 3 reasons for each of the cases.", "List the top 5 reasons for each of the cases."),
        ("Short words here.", "Short words here."),
    ):
        assert repeats(f"{one}\n{other}") == []
    three = "Look at the whole document before you answer. " * 3
    assert [(one.times, one.size) for one in repeats(three)] == [(3, 2 * 45)]


def test_a_prompt_of_ten_thousand_lines_is_compared_only_as_far_as_its_first_statements():
    text = "\n".join(f"rule number n{n} says something of its own about x{n}" for n in range(10_000))
    assert repeats(text) == []


def test_phrases_that_change_no_answer_are_counted_with_their_bytes():
    found = {one.text: (one.times, one.size) for one in boilerplate(PROMPT)}
    assert found["you are a helpful assistant."] == (1, 28)
    assert found["please be sure to"] == (1, 17)
    assert found["----------"] == (1, 10)
    assert boilerplate("Answer with the name of the customer alone.") == []


@pytest.mark.parametrize("text", ["", " ", "\n\n", "é" * 100, "\ud800 half a pair"])
def test_texts_without_statements_hold_nothing(text):
    assert repeats(text) == []
    assert examples(text) == []
