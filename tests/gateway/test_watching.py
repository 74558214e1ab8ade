"""Watched calls: how an answer ended and what a prompt is made of is on the record, in sizes alone."""

import json
from pathlib import Path

import pytest

from floorline.gateway.watching import ending, said
from floorline.guardrails.frame import ENFORCE
from floorline.guardrails.output import OutputRule
from floorline.guardrails.rules import Guardrails, Rules
from tests.support.dialects import OPENAI, SPEECHES, Speech
from tests.support.serving import EVENTS, MODEL, answer, run, serving, streamed

WATCHED = Guardrails(default=Rules(watch=True))
speeches = pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)


def completion(text: str, reason: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return json.dumps({"id": "c", "model": MODEL, "choices": [choice], "usage": usage}).encode()


def test_sizes_of_what_could_be_shorter_are_noted_and_never_a_word(tmp_path: Path) -> None:
    system = "Answer in JSON.\n\nExamples:\nInput: red\nOutput: {}\n\nInput: blue\nOutput: {}"
    asked = [
        {"role": "system", "content": system},
        {"role": "user", "content": "<document>one</document><document>two</document> Which?"},
    ]

    async def test() -> None:
        async with serving(tmp_path, guardrails=WATCHED) as live:
            live.stub.script = answer(completion('Certainly, here:\n```json\n{"a": 1}\n```', "length"))
            await live.ask(OPENAI.path, json.dumps({"model": MODEL, "messages": asked}).encode())
            noted = (await live.settled()).call.metadata
            assert noted["answer_end"] == "length"
            assert (noted["preamble_tokens"], noted["context_tokens"], noted["context_pieces"]) == ("4", "12", "2")
            assert (int(noted["example_tokens"]) > 5, noted["example_pieces"]) == (True, "2")
            assert not any("Certainly" in value for value in noted.values())

    run(test())


@speeches
def test_an_ordinary_answer_stopped_by_itself_whole_or_streamed(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=WATCHED) as live:
            live.stub.script = answer(speech.whole)
            await live.ask(speech.path, speech.ask)
            live.stub.script = streamed(speech.events, headers=EVENTS)
            await live.ask(speech.stream_path, speech.ask_stream)
            for call in (await live.settled(calls=2)).calls:
                assert (call.metadata["answer_end"], "preamble_tokens" in call.metadata) == ("stop", False)

    run(test())


def test_features_that_are_not_watched_have_nothing_noted(tmp_path: Path) -> None:
    rules = Rules(holdout_ppm=0, output=OutputRule(setting=ENFORCE, tokens_max=5))

    async def test() -> None:
        async with serving(tmp_path, guardrails=Guardrails(default=rules)) as live:
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, OPENAI.ask)
            assert "answer_end" not in (await live.settled()).call.metadata

    run(test())


@pytest.mark.parametrize(
    ("body", "end"),
    [
        (b'{"stop_reason": "max_tokens"}', "length"),
        (b'{"finishReason":"MAX_TOKENS"}', "length"),
        (b'{"incomplete_details":{"reason":"max_output_tokens"}}', "length"),
        (b'{"stopReason":"end_turn"}', "stop"),
        (b'data: {"finish_reason":null}', "unknown"),
    ],
)
def test_every_dialect_says_in_its_words_that_an_answer_was_cut(body: bytes, end: str) -> None:
    assert ending(body) == end


def test_the_texts_of_pieces_are_read_in_their_order() -> None:
    assert said(b'data: {"delta":{"text":"Hel"}}\n\ndata: {"delta":{"text":"lo\\n"}}\n\n') == "Hello\n"
