"""The text that a stored answer is, in every dialect, whole and streamed."""

import json
from dataclasses import replace

import pytest

from floorline.gateway.cache.entry import Entry
from floorline.gateway.policy import Dialect
from floorline.gateway.semantic.saying import said
from tests.support.dialects import OPENAI, SPEECHES, Speech, event

ENDPOINTS = {"openai": "chat.completions", "anthropic": "messages", "gemini": "generateContent"}


def entry(dialect: Dialect, endpoint: str, body: bytes | None, *, streamed: bool = False) -> Entry:
    return Entry(
        key=b"k" * 24, call_id="c", made_ms=0, expires_ms=1, customer="", user="", feature="", provider="p", model="m",
        priced_as="p", served="m", dialect=dialect, endpoint=endpoint, streamed=streamed, usage_asked=False, avoided=None,
        content_type="text/event-stream" if streamed else "application/json", body=body,
    )  # fmt: skip


def completion(**message: object) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", **message}}]}).encode()


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
def test_an_answer_says_the_same_whole_and_streamed(speech: Speech) -> None:
    dialect: Dialect = speech.name  # the names of the speeches are those of dialects
    whole = said(entry(dialect, ENDPOINTS[speech.name], speech.whole))
    stream = said(entry(dialect, ENDPOINTS[speech.name], speech.stream, streamed=True))
    assert whole == stream == "Hello."


def test_responses_and_converse_are_read_too() -> None:
    output = [
        {"type": "reasoning", "summary": []},
        {
            "type": "message",
            "content": [{"type": "output_text", "text": "Hel"}, {"type": "output_text", "text": "lo."}],
        },
    ]
    assert said(entry("openai", "responses", json.dumps({"output": output}).encode())) == "Hello."
    stream = event({"type": "response.created"}) + event({"type": "response.completed", "response": {"output": output}})
    assert said(entry("openai", "responses", stream, streamed=True)) == "Hello."
    converse = {"output": {"message": {"content": [{"reasoningContent": {}}, {"text": "Hello."}]}}}
    assert said(entry("bedrock", "converse", json.dumps(converse).encode())) == "Hello."


@pytest.mark.parametrize(
    "body",
    [
        completion(content=None, tool_calls=[{"id": "t", "function": {"name": "f", "arguments": "{}"}}]),
        completion(content=""),
        json.dumps({"choices": [{"index": 0, "message": {"content": "a"}}, {"index": 1, "message": {"content": "b"}}]}).encode(),
        b'{"choices": []}',
        b"{",
        b"\xff",
        None,
    ],
)  # fmt: skip
def test_what_is_no_text_alone_says_nothing(body: bytes | None) -> None:
    assert said(entry("openai", "chat.completions", body)) is None


def test_calls_of_tools_say_nothing_in_any_dialect() -> None:
    use = {"type": "message", "role": "assistant", "model": "m", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
           "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    assert said(entry("anthropic", "messages", json.dumps(use).encode())) is None
    call = {
        "candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}, "finishReason": "STOP"}]
    }
    assert said(entry("gemini", "generateContent", json.dumps(call).encode())) is None
    output = json.dumps({"output": [{"type": "function_call", "name": "f"}]}).encode()
    assert said(entry("openai", "responses", output)) is None
    used = json.dumps({"output": {"message": {"content": [{"toolUse": {}}]}}}).encode()
    assert said(entry("bedrock", "converse", used)) is None


def test_a_stream_that_is_not_read_says_nothing() -> None:
    assert said(entry("bedrock", "converse-stream", b"\0\0\0\0", streamed=True)) is None
    broken = replace(OPENAI, events=[b"data: {\n\n"])
    assert said(entry("openai", "chat.completions", broken.stream, streamed=True)) is None
