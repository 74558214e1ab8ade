"""Answers that Anthropic and Gemini really gave, as OpenAI's own SDK reads what their callers get."""

import gzip
import json
from collections.abc import Iterator

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from floorline.gateway.policy import Dialect
from floorline.gateway.translate.answers import Answer
from floorline.pricing.usage import read_answer
from tests.support.data import shared_data

ENDPOINTS = frozenset({"messages", "generateContent", "streamGenerateContent"})
NO_WORDS = ("pause_turn", "picture or sound")
"""What of the recorded answers has no place in a chat completion; it cannot be asked for in one either."""

COMPACTED = b'"compaction"'
"""Of answers that Anthropic made in several turns of its own: their `usage` is that of the last one."""


def recorded(dialect: str) -> Iterator[dict[str, object]]:
    path = shared_data("provider_http") / f"{dialect}.jsonl.gz"
    with gzip.open(path) as lines:
        for line in lines:
            record = json.loads(line)
            if record["endpoint"] in ENDPOINTS:
                yield record


def translated(dialect: Dialect, body: bytes, *, streamed: bool, step: int) -> list[dict[str, object]]:
    """What the caller gets: one completion, or the chunks of a stream that comes `step` bytes at a time."""
    kind = "text/event-stream" if streamed else "application/json"
    answer = Answer(dialect, 200, kind, None, created=1, usage_shown=True)
    if not streamed:
        return [json.loads(answer.whole(body)[1])]
    made = b"".join([answer.feed(body[place : place + step]) for place in range(0, len(body), step)]) + answer.end()
    assert answer.complete
    return [json.loads(event[6:]) for event in made.split(b"\n\n") if event not in (b"", b"data: [DONE]")]


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_recorded_answers_are_chat_completions_with_every_token(dialect: Dialect) -> None:
    seen = 0
    for record in recorded(dialect):
        body, streamed = record["response_body_raw"].encode(), record["body_kind"] == "sse"
        found = translated(dialect, body, streamed=streamed, step=37)
        if "error" in found[-1]:
            assert any(words in found[-1]["error"]["message"] for words in NO_WORDS), found[-1]
            continue
        for one in found:
            (ChatCompletionChunk if streamed else ChatCompletion).model_validate(one)
        kind = "text/event-stream" if streamed else "application/json"
        usage = read_answer(dialect, record["endpoint"], body, content_type=kind)
        if usage.status == "ok" and not usage.also and COMPACTED not in body:
            assert found[-1]["usage"]["total_tokens"] == usage.usage.tokens, record["source_path"]
        seen += 1
    assert seen > 100
