"""Retrieved context and words before structured output, found by their form."""

import pytest

from floorline.guardrails.shape import Context, context, preamble


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<documents><document>a</document><document>b</document></documents>", 2),
        ("<context>all of it</context> What is it?", 1),
        ('<document index="1">a</document>\n<chunk>b</chunk>', 2),
        ("Answer from this.\nContext:\nfirst part\n\nsecond part\n\nQuestion: what?", 2),
        ("## Search results:\nonly one", 1),
    ],
)
def test_context_is_counted_in_pieces(text: str, pieces: int) -> None:
    found = context(text)
    assert found.pieces == pieces
    assert 0 < found.size <= len(text)


def test_what_is_asked_after_a_context_is_no_part_of_it() -> None:
    assert context("Context:\nabcd\n\nQuestion: efgh?").size == 4


@pytest.mark.parametrize(
    "text", ["", "In this context we say: no.", "Context:\n", "<docker>x</docker>", "<context>open"]
)
def test_what_only_sounds_like_it_is_none(text: str) -> None:
    assert context(text) == Context()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('Sure! Here is the JSON:\n```json\n{"a": 1}\n```\nAnything else?', "Sure! Here is the JSON:"),
        ('Here you are:\n{"a": [1, 2]}', "Here you are:"),
        ("The list:\n[1, 2]\nDone.", "The list:"),
        ('{"a": 1}', ""),
        ('```json\n{"a": 1}\n```', ""),
        ("Use {braces} with care", ""),
        ("Code:\n```json\nnot json\n```", ""),
        ('Cut:\n```json\n{"a": ', ""),
        ("Just words.", ""),
    ],
)
def test_a_preamble_is_what_stands_before_json(answer: str, said: str) -> None:
    assert preamble(answer) == said
