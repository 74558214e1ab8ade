"""What callers of OpenAI's chat completions get of answers of Anthropic and Gemini: whole, streamed, and errors."""

import gzip
import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.gateway.metering import decoder
from floorline.gateway.policy import Dialect
from floorline.gateway.translate.answers import Answer
from tests.support.dialects import event

NOW = 1_772_366_400


def whole(dialect: Dialect, body: object, status: int = 200) -> tuple[int, dict[str, object]]:
    """Status and body that the caller gets of a whole answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(dialect, status, "application/json", None, created=NOW, usage_shown=False)
    assert not answer.streamed
    told, made = answer.whole(raw)
    return told, json.loads(made)


def streamed(dialect: Dialect, pieces: list[bytes], *, usage_shown: bool = True) -> tuple[bytes, bool]:
    """The bytes that the caller gets of a stream, and whether its end was told."""
    answer = Answer(dialect, 200, "text/event-stream; charset=utf-8", None, created=NOW, usage_shown=usage_shown)
    assert answer.streamed
    passed = b"".join([answer.feed(piece) for piece in pieces])
    return passed + answer.end(), answer.complete


def chunks(stream: bytes) -> list[dict[str, object]]:
    """The events of a chat completion's stream, without its last word."""
    events = stream.split(b"\n\n")
    assert events[-2:] == [b"data: [DONE]", b""], "the stream ends as OpenAI's do"
    return [json.loads(one.removeprefix(b"data: ")) for one in events[:-2]]


def joined(stream: bytes) -> dict[str, object]:
    """The whole answer that the chunks make: text, calls, reason and usage."""
    text, calls, finish, usage = "", {}, None, None
    for chunk in chunks(stream):
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            finish = choice["finish_reason"] or finish
            text += choice["delta"].get("content") or ""
            for piece in choice["delta"].get("tool_calls", ()):
                call = calls.setdefault(piece["index"], {"id": piece.get("id"), "name": "", "arguments": ""})
                call["name"] += piece["function"].get("name", "")
                call["arguments"] += piece["function"]["arguments"]
    return {"text": text, "calls": [calls[place] for place in sorted(calls)], "finish": finish, "usage": usage}


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "I look "},
        {"type": "text", "text": "outside."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 200,
        "cache_read_input_tokens": 3000,
        "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 15},
    },
}
USAGE = {
    "prompt_tokens": 3210,
    "completion_tokens": 40,
    "total_tokens": 3250,
    "prompt_tokens_details": {"cached_tokens": 3000, "cache_write_tokens": 200},
    "completion_tokens_details": {"reasoning_tokens": 15},
}
GEMINI_USAGE = {**USAGE, "prompt_tokens_details": {"cached_tokens": 3000, "cache_write_tokens": 0}}
MESSAGE_EVENTS = [
    event({"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None, "usage": {**MESSAGE["usage"], "output_tokens": 1}}}, "message_start"),
    event({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}, "content_block_start"),
    event({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}}, "content_block_delta"),
    event({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}}, "content_block_delta"),
    event({"type": "content_block_stop", "index": 0}, "content_block_stop"),
    event({"type": "ping"}, "ping"),
    event({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}, "content_block_start"),
    event({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "I look "}}, "content_block_delta"),
    event({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "outside."}}, "content_block_delta"),
    event({"type": "content_block_stop", "index": 1}, "content_block_stop"),
    event({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}}, "content_block_start"),
    event({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}}, "content_block_delta"),
    event({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"city": '}}, "content_block_delta"),
    event({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '"Oslo"}'}}, "content_block_delta"),
    event({"type": "content_block_stop", "index": 2}, "content_block_stop"),
    event({"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}}, "content_block_start"),
    event({"type": "content_block_stop", "index": 3}, "content_block_stop"),
    event({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 40}}, "message_delta"),
    event({"type": "message_stop"}, "message_stop"),
]  # fmt: skip

RESPONSE = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Hm.", "thought": True},
                    {"text": "I look "},
                    {"text": "outside.", "thoughtSignature": "c2ln"},
                    {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "c2ln"},
                    {"functionCall": {"id": "f-2", "name": "now", "args": {}}},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 3200,
        "toolUsePromptTokenCount": 10,
        "cachedContentTokenCount": 3000,
        "candidatesTokenCount": 25,
        "thoughtsTokenCount": 15,
        "totalTokenCount": 3250,
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}


def response(parts: list[dict[str, object]], **members: object) -> bytes:
    """One response of Gemini's stream."""
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    if "finish" in members:
        candidate["finishReason"] = members.pop("finish")
    data = {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r1", **members}
    return event(data).replace(b"\n\n", b"\r\n\r\n")


PARTS = RESPONSE["candidates"][0]["content"]["parts"]
RESPONSE_EVENTS = [
    response(PARTS[:1], usageMetadata={"promptTokenCount": 3200, "totalTokenCount": 3200}),
    response(PARTS[1:2]),
    response(PARTS[2:4]),
    response(PARTS[4:], finish="STOP"),
    response([{"text": ""}], usageMetadata=RESPONSE["usageMetadata"]),
]
STREAMS: list[tuple[Dialect, list[bytes]]] = [("anthropic", MESSAGE_EVENTS), ("gemini", RESPONSE_EVENTS)]
by_stream = pytest.mark.parametrize(("dialect", "events"), STREAMS, ids=["anthropic", "gemini"])


def test_a_message_of_anthropic_is_a_chat_completion() -> None:
    assert whole("anthropic", MESSAGE) == (
        200,
        {
            "id": "chatcmpl-msg_1",
            "object": "chat.completion",
            "created": NOW,
            "model": "claude-sonnet-4-6",
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": "I look outside.",
                        "refusal": None,
                        "tool_calls": [
                            {
                                "id": "toolu_1",
                                "type": "function",
                                "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                            },
                            {"id": "toolu_2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
                        ],
                    },
                    "logprobs": None,
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": USAGE,
        },
    )


def test_a_response_of_gemini_is_a_chat_completion() -> None:
    status, found = whole("gemini", RESPONSE)
    (choice,) = found["choices"]
    assert (status, found["id"], found["model"], found["usage"]) == (
        200,
        "chatcmpl-r1",
        "gemini-2.5-flash",
        GEMINI_USAGE,
    )
    assert choice["message"]["content"] == "I look outside."
    assert [(call["id"], call["function"]["name"]) for call in choice["message"]["tool_calls"]] == [
        ("call_r1_0", "weather"),
        ("f-2", "now"),
    ]
    assert choice["finish_reason"] == "tool_calls"


def test_a_stream_of_anthropic_becomes_these_bytes() -> None:
    events = [MESSAGE_EVENTS[0], *MESSAGE_EVENTS[6:8], *MESSAGE_EVENTS[10:13], *MESSAGE_EVENTS[-2:]]
    made, complete = streamed("anthropic", events)
    head = '"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":1772366400,"model":"claude-sonnet-4-6","choices":'
    deltas = [
        '{"role":"assistant","content":"","refusal":null}',
        '{"content":"I look "}',
        '{"tool_calls":[{"index":0,"id":"toolu_1","type":"function","function":{"name":"weather","arguments":""}}]}',
        '{"tool_calls":[{"index":0,"function":{"arguments":"{\\"city\\": "}}]}',
    ]
    expected = [
        f'{{{head}[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}],"usage":null}}'
        for delta in deltas
    ]
    expected += [
        f'{{{head}[{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"tool_calls"}}],"usage":null}}',
        f'{{{head}[],"usage":{json.dumps(USAGE, separators=(",", ":"))}}}',
        "[DONE]",
    ]
    assert made.decode() == "".join(f"data: {one}\n\n" for one in expected)
    assert complete


@by_stream
def test_a_stream_says_the_same_as_the_whole_answer(dialect: Dialect, events: list[bytes]) -> None:
    made, complete = streamed(dialect, events)
    _, full = whole(dialect, MESSAGE if dialect == "anthropic" else RESPONSE)
    message = full["choices"][0]["message"]
    found = joined(made)
    assert complete
    assert found["text"] == message["content"]
    assert [json.loads(call["arguments"]) for call in found["calls"]] == [{"city": "Oslo"}, {}]
    assert [(call["id"], call["name"]) for call in found["calls"]] == [
        (call["id"], call["function"]["name"]) for call in message["tool_calls"]
    ]
    assert (found["finish"], found["usage"]) == (full["choices"][0]["finish_reason"], full["usage"])


@by_stream
def test_usage_is_told_only_to_who_asked_for_it(dialect: Dialect, events: list[bytes]) -> None:
    made, _ = streamed(dialect, events, usage_shown=False)
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks(made))


@by_stream
@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 4_000), max_size=30))
def test_a_stream_cut_anywhere_gives_the_same_bytes(dialect: Dialect, events: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(events)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    assert streamed(dialect, pieces) == streamed(dialect, [stream])


@by_stream
@settings(deadline=None)
@given(length=st.integers(0, 4_000))
def test_a_stream_that_ends_early_never_looks_whole(dialect: Dialect, events: list[bytes], length: int) -> None:
    stream = b"".join(events)
    last = MESSAGE_EVENTS[-1] if dialect == "anthropic" else b"".join(RESPONSE_EVENTS[-2:])
    made, complete = streamed(dialect, [stream[: min(length, len(stream) - len(last))]])
    assert b"[DONE]" not in made
    assert not complete or b'{"error":' in made


WHOLES = {"anthropic": json.dumps(MESSAGE).encode(), "gemini": json.dumps(RESPONSE).encode()}


@by_stream
@settings(deadline=None)
@given(place=st.integers(0, 4_000), length=st.integers(0, 20), put=st.binary(max_size=4))
def test_a_damaged_answer_is_an_error_or_an_answer_never_a_crash(
    dialect: Dialect, events: list[bytes], place: int, length: int, put: bytes
) -> None:
    for status in (200, 500):
        document = WHOLES[dialect]
        told, found = whole(dialect, document[:place] + put + document[place + length :], status)
        assert (told >= 400) == ("error" in found)
    stream = b"".join(events)
    made, complete = streamed(dialect, [stream[:place] + put + stream[place + length :]])
    assert complete or b"[DONE]" not in made
    assert all(json.loads(one[6:]) for one in made.split(b"\n\n")[:-1] if one != b"data: [DONE]")


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_arguments_that_are_no_utf8_are_an_error(dialect: Dialect) -> None:
    status, found = whole(dialect, WHOLES[dialect].replace(b"Oslo", b"\xff"))
    assert (status, found["error"]["code"]) == (502, "translation_failed")
    events = MESSAGE_EVENTS if dialect == "anthropic" else RESPONSE_EVENTS
    broken = [
        one.replace(b'"now", "input": {}', b'"now", "input": {"\xff": 1}').replace(b"Oslo", b"\xff") for one in events
    ]
    made, complete = streamed(dialect, broken)
    assert complete
    assert b"[DONE]" not in made


@settings(deadline=None)
@given(
    counts=st.fixed_dictionaries(
        {name: st.integers(0, 10**9) for name in ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")}
    )
)  # fmt: skip
def test_no_token_of_anthropics_is_lost_or_made(counts: dict[str, int]) -> None:
    _, found = whole("anthropic", {**MESSAGE, "usage": counts})
    assert found["usage"]["total_tokens"] == sum(counts.values())
    assert found["usage"]["prompt_tokens"] == sum(counts.values()) - counts["output_tokens"]


@settings(deadline=None)
@given(text=st.text(max_size=40), cut=st.integers(0, 40))
def test_text_comes_through_as_it_is(text: str, cut: int) -> None:
    _, found = whole("anthropic", {**MESSAGE, "content": [{"type": "text", "text": text}]})
    assert found["choices"][0]["message"]["content"] == text
    parts = [{"text": text[:cut]}, {"text": text[cut:]}]
    made, _ = streamed("gemini", [response(parts[:1]), response(parts[1:], finish="STOP")])
    assert joined(made)["text"] == text


@pytest.mark.parametrize(
    ("dialect", "reason", "finish"),
    [
        ("anthropic", "end_turn", "stop"),
        ("anthropic", "stop_sequence", "stop"),
        ("anthropic", "max_tokens", "length"),
        ("anthropic", "model_context_window_exceeded", "length"),
        ("anthropic", "refusal", "content_filter"),
        ("gemini", "STOP", "stop"),
        ("gemini", "MAX_TOKENS", "length"),
        ("gemini", "SAFETY", "content_filter"),
        ("gemini", "RECITATION", "content_filter"),
    ],
)
def test_the_reason_of_an_end_is_openais(dialect: Dialect, reason: str, finish: str) -> None:
    if dialect == "anthropic":
        _, found = whole(dialect, {**MESSAGE, "content": [{"type": "text", "text": "a"}], "stop_reason": reason})
    else:
        candidate = {"content": {"parts": [{"text": "a"}]}, "finishReason": reason}
        _, found = whole(dialect, {**RESPONSE, "candidates": [candidate]})
    assert found["choices"][0]["finish_reason"] == finish


def test_a_blocked_prompt_is_a_filtered_answer() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5}, "responseId": "r"}
    status, found = whole("gemini", blocked)
    assert (status, found["choices"][0]["finish_reason"], found["choices"][0]["message"]["content"]) == (
        200,
        "content_filter",
        None,
    )
    made, complete = streamed("gemini", [event(blocked)])
    assert (complete, joined(made)["finish"]) == (True, "content_filter")


@pytest.mark.parametrize(
    ("dialect", "body", "words"),
    [
        ("anthropic", {**MESSAGE, "stop_reason": "pause_turn"}, "pause_turn"),
        ("anthropic", b"<html>", "no message"),
        ("anthropic", {**MESSAGE, "content": "text"}, "no message"),
        ("gemini", {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "x(1"}]}, "x(1"),
        (
            "gemini",
            {"candidates": [{"content": {"parts": [{"inlineData": {"data": "aQ=="}}]}, "finishReason": "STOP"}]},
            "picture",
        ),
        ("gemini", {"candidates": []}, "no reason"),
        ("gemini", b"", "cannot be read"),
    ],
)
def test_an_answer_that_has_no_words_in_a_chat_completion_is_an_error(
    dialect: Dialect, body: object, words: str
) -> None:
    status, found = whole(dialect, body)
    assert (status, found["error"]["code"]) == (502, "translation_failed")
    assert words in found["error"]["message"]


@pytest.mark.parametrize(
    ("dialect", "status", "body", "told"),
    [
        (
            "anthropic",
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: too many"}},
            (400, "max_tokens: too many", "invalid_request_error", "invalid_request_error"),
        ),
        (
            "anthropic",
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            (503, "Overloaded", "server_error", "overloaded_error"),
        ),
        (
            "gemini",
            429,
            {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}},
            (429, "Quota exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        ),
        (
            "gemini",
            400,
            [{"error": {"code": 400, "message": "Bad", "status": "INVALID_ARGUMENT"}}],
            (400, "Bad", "invalid_request_error", "INVALID_ARGUMENT"),
        ),
        ("gemini", 502, b"<html>Bad Gateway</html>", (502, "<html>Bad Gateway</html>", "server_error", "upstream_error")),
        ("gemini", 500, [], (500, "[]", "server_error", "upstream_error")),
    ],
)  # fmt: skip
def test_a_providers_error_is_told_in_openais_shape(
    dialect: Dialect, status: int, body: object, told: tuple[int, str, str, str]
) -> None:
    found, error = whole(dialect, body, status)
    assert (found, error["error"]["message"], error["error"]["type"], error["error"]["code"]) == told


@pytest.mark.parametrize(
    ("dialect", "events", "message"),
    [
        (
            "anthropic",
            [
                *MESSAGE_EVENTS[:8],
                event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error"),
            ],
            "Overloaded",
        ),
        (
            "gemini",
            [
                *RESPONSE_EVENTS[:2],
                event({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}),
            ],
            "Overloaded",
        ),
        ("anthropic", [*MESSAGE_EVENTS[:8], b"data: {nonsense\n\n"], "cannot be read"),
        ("anthropic", [event({"type": "message_start"})], "without its message"),
        ("anthropic", [MESSAGE_EVENTS[0], MESSAGE_EVENTS[-1]], "without a reason"),
        ("gemini", [*RESPONSE_EVENTS[:2], response([], finish="OTHER")], "OTHER"),
    ],
)
def test_an_error_in_a_stream_is_its_last_event(dialect: Dialect, events: list[bytes], message: str) -> None:
    made, complete = streamed(dialect, [*events, *events])
    last = json.loads(made.split(b"\n\n")[-2].removeprefix(b"data: "))
    assert complete
    assert message in last["error"]["message"]
    assert made.count(b'"error"') == 1


def test_an_event_that_never_ends_is_an_error_not_a_gap() -> None:
    answer = Answer("anthropic", 200, "text/event-stream", None, created=NOW, usage_shown=False)
    made = b"".join([answer.feed(b"data: " + bytes(1 << 20).replace(b"\0", b"x")) for _ in range(40)])
    assert answer.complete
    assert b"cannot be read" in made


def test_compressed_answers_are_read() -> None:
    body = gzip.compress(json.dumps(MESSAGE).encode())
    answer = Answer("anthropic", 200, "application/json", decoder("gzip"), created=NOW, usage_shown=False)
    assert answer.whole(body)[0] == 200
    stream = gzip.compress(b"".join(RESPONSE_EVENTS))
    answer = Answer("gemini", 200, "text/event-stream", decoder("gzip"), created=NOW, usage_shown=True)
    made = b"".join([answer.feed(stream[place : place + 50]) for place in range(0, len(stream), 50)]) + answer.end()
    assert joined(made)["usage"] == GEMINI_USAGE
