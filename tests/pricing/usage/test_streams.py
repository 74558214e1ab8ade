"""Streams: the last word stands, any chunking gives the same result, streamed equals not streamed."""

import base64
import json
import struct
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.pricing.usage import UsageReader, read_answer
from floorline.pricing.usage.framing import ArrayFramer, EventStreamFramer, LineFramer, SseFramer
from tests.pricing.usage.recorded import extractions, records


def sse(*events: object, end: str = "\n") -> bytes:
    lines = [f"data: {json.dumps(event) if not isinstance(event, str) else event}{end}{end}" for event in events]
    return "".join(lines).encode()


def aws(payload: object, *, event: str = "chunk", kind: str = ":event-type") -> bytes:
    def header(name: str, value: str) -> bytes:
        return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()

    headers, body = header(kind, event), json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


ANTHROPIC = (
    {"type": "message_start", "message": {"type": "message", "model": "claude", "usage": {
        "input_tokens": 596, "cache_creation_input_tokens": 4, "output_tokens": 3, "service_tier": "standard"}}},
    {"type": "content_block_start", "content_block": {"type": "server_tool_use", "id": "t", "name": "code_execution"}},
    {"type": "message_delta", "usage": {"input_tokens": 596, "output_tokens": 40}},
    {"type": "message_delta", "usage": {"output_tokens": 99, "output_tokens_details": {"thinking_tokens": 28}}},
    {"type": "message_stop"},
)  # fmt: skip
CHAT = (
    {"object": "chat.completion.chunk", "model": "gpt", "choices": [{"delta": {"content": "usage\n"}}], "usage": None},
    {"object": "chat.completion.chunk", "model": "gpt", "choices": [],
     "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}},
    "[DONE]",
)  # fmt: skip


def test_anthropics_figures_are_cumulative_and_the_last_stands():
    got = read_answer("anthropic", "messages", sse(*ANTHROPIC), content_type="text/event-stream")
    assert got.usage.buckets == {"input": 596, "cache_write_5m": 4, "output": 71, "reasoning": 28}
    assert got.usage.model == "claude"
    assert got.usage.counts == {"requests": 1, "tool_calls": 1}
    assert got.complete


def test_a_stream_that_stops_early_says_that_its_figures_are_a_lower_bound():
    got = read_answer("anthropic", "messages", sse(*ANTHROPIC[:2]), content_type="text/event-stream")
    assert got.usage.buckets["output"] == 3
    assert not got.complete


def test_groq_repeats_its_usage_and_it_counts_once():
    usage = {"prompt_tokens": 21, "completion_tokens": 9, "total_tokens": 30}
    body = sse({"model": "m", "choices": [], "usage": usage}, {"choices": [], "x_groq": {"usage": usage}}, "[DONE]")
    assert read_answer("groq", "chat.completions", body).usage.buckets == {"input": 21, "output": 9}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_server_sent_events_end_their_lines_in_three_ways(end):
    body = (": comment" + end + end).encode() + sse(*CHAT, end=end)
    assert read_answer("openai", "chat.completions", body).usage.buckets == {"input": 9, "output": 4}


def test_the_data_of_one_event_may_span_lines_and_need_no_last_empty_line():
    body = b'event: x\nid: 1\ndata: {"usage":\ndata:  {"prompt_tokens": 3}}'
    assert read_answer("openai", "chat.completions", body).usage.buckets == {"input": 3}


def test_responses_end_with_an_event_that_holds_the_whole_answer():
    answer = {
        "model": "gpt-5",
        "output": [{"type": "web_search_call"}],
        "usage": {"input_tokens": 5, "output_tokens": 2},
    }
    body = sse(
        {"type": "response.created", "response": {"usage": None}}, {"type": "response.completed", "response": answer}
    )
    got = read_answer("openai", "responses", body)
    assert got.usage.buckets == {"input": 5, "output": 2}
    assert got.usage.counts["web_searches"] == 1


def test_geminis_array_stream_and_lines_of_json_are_read_as_they_come():
    chunks = [
        {
            "candidates": [{"content": {"parts": [{"text": 'a "quoted\\" } text'}]}}],
            "usageMetadata": {"promptTokenCount": 4},
        },
        {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2}},
    ]
    array = read_answer("gemini", "streamGenerateContent", json.dumps(chunks, indent=1).encode())
    assert array.usage.buckets == {"input": 4, "output": 2}
    assert array.complete
    assert not read_answer("gemini", "streamGenerateContent", json.dumps(chunks[:1]).encode()).complete
    lines = b'{"model":"q","done":false}\n{"done":true,"prompt_eval_count":21,"eval_count":8}\n'
    for content_type in ("application/x-ndjson", ""):
        got = read_answer("ollama", "chat", lines, content_type=content_type)
        assert (got.usage.model, got.usage.buckets) == ("q", {"input": 21, "output": 8})


def test_watsonx_states_the_prompt_once_and_zero_after_it():
    body = sse(
        {"results": [{"input_token_count": 8, "generated_token_count": 0}]},
        {"results": [{"input_token_count": 0, "generated_token_count": 11}]},
    )
    assert read_answer("watsonx", "generation", body).usage.buckets == {"input": 8, "output": 11}


def test_bedrocks_event_stream_wraps_the_models_own_events():
    inner = [base64.b64encode(json.dumps(event).encode()).decode() for event in ANTHROPIC]
    body = b"".join(aws({"bytes": event, "p": "abc"}) for event in inner)
    body += aws({"bytes": base64.b64encode(json.dumps({"amazon-bedrock-invocationMetrics": {
        "inputTokenCount": 596, "outputTokenCount": 7}}).encode()).decode()})  # fmt: skip
    got = read_answer("bedrock", "invoke-stream", body, content_type="application/vnd.amazon.eventstream")
    assert got.usage.buckets == {"input": 596, "cache_write_5m": 4, "output": 71, "reasoning": 28}
    silent = aws(
        {
            "bytes": base64.b64encode(
                b'{"amazon-bedrock-invocationMetrics":{"inputTokenCount":6,"outputTokenCount":7}}'
            ).decode()
        }
    )
    assert read_answer("bedrock", "invoke-stream", silent).usage.buckets == {"input": 6, "output": 7}


def test_bedrock_agents_add_up_their_models_invocations():
    def traces(trace: str, model: str, used: dict) -> bytes:
        given_ = {
            "trace": {"orchestrationTrace": {"modelInvocationInput": {"traceId": trace, "foundationModel": model}}}
        }
        done = {"orchestrationTrace": {"modelInvocationOutput": {"traceId": trace, "metadata": {"usage": used}}}}
        return aws(given_, event="trace") + aws({"trace": done}, event="trace")

    body = traces("1", "a", {"inputTokens": 10, "outputTokens": 1}) + traces(
        "2", "b", {"inputTokens": 20, "outputTokens": 2}
    )
    body += traces("3", "a", {"inputTokens": 30, "outputTokens": 3}) + aws(
        {"bytes": base64.b64encode(b"{text").decode()}
    )
    got = read_answer("bedrock", "agents", body)
    assert [(part.model, part.buckets) for part in got.parts] == [
        ("a", {"input": 40, "output": 4}),
        ("b", {"input": 20, "output": 2}),
    ]


def test_a_flipped_bit_in_an_event_stream_is_an_error_that_names_both_checksums():
    body = bytearray(aws({"usage": {"inputTokens": 5, "outputTokens": 6}}, event="metadata"))
    body[-8] ^= 1
    got = read_answer("bedrock", "converse-stream", bytes(body), content_type="application/vnd.amazon.eventstream")
    assert got.status == "error"
    assert "CRC" in got.reason
    exception = aws({"message": "slow down"}, event="throttlingException", kind=":exception-type")
    assert "slow down" in read_answer("bedrock", "converse-stream", exception).reason


def test_memory_stays_within_the_limit_and_what_was_left_out_is_said():
    for framer in (SseFramer(1000), LineFramer(1000), ArrayFramer(1000)):
        opening = b"[" if isinstance(framer, ArrayFramer) else b""
        held = list(framer.feed(opening + b'data: {"a": "'))
        for _ in range(500):
            held += framer.feed(b"x" * 100)
        assert not held
        assert "exceeds 1000 bytes" in framer.trouble
    assert len(list(EventStreamFramer(1000).feed(aws({"a": "x" * 2000})))) == 0
    reader = UsageReader("openai", "chat.completions", limit_bytes=300)
    reader.feed(sse({"choices": [{"delta": {"content": "x" * 1000}}]}) + sse(*CHAT))
    got = reader.finish()
    assert got.usage.buckets == {"input": 9, "output": 4}
    assert (got.status, got.complete) == ("error", False)


BODIES = {
    "anthropic": sse(*ANTHROPIC),
    "crlf": sse(*ANTHROPIC, end="\r\n"),
    "cr": sse(*CHAT, end="\r"),
    "array": json.dumps([{"a": '\\" ]} {'}, {"usageMetadata": {"promptTokenCount": 4}, "modelVersion": "g"}]).encode(),
    "lines": b'{"model":"q"}\r\n\r\n{"prompt_eval_count":21,"eval_count":8}',
    "document": json.dumps({"model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}, indent=2).encode(),
    "aws": aws({"role": "a"}) + aws({"usage": {"inputTokens": 5, "outputTokens": 6}}, event="metadata"),
}


@pytest.mark.parametrize("name", sorted(BODIES))
@given(cuts=st.lists(st.integers(0, 1200), max_size=12))
def test_any_chunking_gives_the_same_result(name, cuts):
    body = BODIES[name]
    whole = read_answer("", "", body)
    assert whole.usage is not None
    reader = UsageReader("", "")
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    for start, end in pairwise(edges):
        reader.feed(body[start:end])
    assert reader.finish() == whole


@pytest.mark.parametrize("name", sorted(BODIES))
def test_one_byte_at_a_time_gives_the_same_result(name):
    body = BODIES[name]
    reader = UsageReader("", "")
    for place in range(len(body)):
        reader.feed(body[place : place + 1])
    assert reader.finish() == read_answer("", "", body)


def test_recorded_streams_read_the_same_in_any_chunks():
    from floorline.cli.usage import body_of

    streams = [(record, expected) for record, expected in extractions() if record.stream]
    assert len(streams) >= 200
    for record, expected in streams:
        headers = {name.lower(): value for name, value in record.response_headers.items() if isinstance(value, str)}
        body = body_of(record)
        for size in (7, 1000):
            if len(body) > 200_000 and size == 7:
                continue
            reader = UsageReader(
                record.provider, record.endpoint, content_type=headers.get("content-type", ""), headers=headers
            )
            for place in range(0, len(body), size):
                reader.feed(body[place : place + size])
            assert reader.finish() == expected, record.source_path


def test_a_recorded_answer_streamed_says_what_it_says_whole():
    """Every recorded Anthropic and chat answer, replayed as its provider would stream it."""
    checked = 0
    for record in records("anthropic.jsonl.gz", "mistral.jsonl.gz"):
        if record.stream:
            continue
        answer = json.loads(record.response_body_raw)
        usage, blocks = answer["usage"], answer.pop("content", [])
        if record.provider == "anthropic":
            start = {**usage, "output_tokens": 1} | {
                "iterations": None,
                "server_tool_use": None,
                "output_tokens_details": None,
            }
            opened = [{"type": "content_block_start", "content_block": block} for block in blocks]
            events = [{"type": "message_start", "message": {**answer, "usage": start}}, *opened,
                      {"type": "message_delta", "usage": usage}]  # fmt: skip
            whole = read_answer("anthropic", "messages", record.response_body_raw.encode())
        else:
            events = [{**answer, "choices": [], "usage": None}, {**answer, "choices": []}, "[DONE]"]
            whole = read_answer("mistral", record.endpoint, record.response_body_raw.encode())
        assert read_answer(record.provider, record.endpoint, sse(*events)) == whole, record.source_path
        checked += 1
    assert checked >= 250


def test_what_follows_a_payload_that_was_too_long_is_read():
    lines = LineFramer(100)
    assert list(lines.feed(b'{"a": "' + b"x" * 200)) == []
    assert list(lines.feed(b'"}\n{"b": 1}\n')) == [b'{"b": 1}']
    assert "exceeds 100 bytes" in lines.trouble
    reader = UsageReader("openai", "embeddings", limit_bytes=50)
    reader.feed(b'{"data": [' + b"0," * 100)
    reader.feed(b'0], "usage": {"prompt_tokens": 1}}')
    assert "exceeds 50 bytes" in reader.finish().reason


def test_nothing_is_read_behind_a_broken_message():
    framer = EventStreamFramer()
    broken = b"\0\0\0\x10\0\0\0\0" + b"\0\0\0\1"
    assert list(framer.feed(broken)) == []
    assert list(framer.feed(aws({"usage": {}}))) == []
    assert "prelude CRC" in framer.trouble
    long = struct.pack(">II", 8, 0)
    framer = EventStreamFramer()
    assert list(framer.feed(long + struct.pack(">I", zlib.crc32(long)))) == []
    assert "length 8 is not between" in framer.trouble
    cut = read_answer("bedrock", "converse-stream", aws({"usage": {"inputTokens": 1}})[:-3])
    assert (cut.status, "cut off" in cut.reason) == ("error", True)


def test_an_agents_invocation_that_never_answered_used_nothing():
    asked = {"trace": {"orchestrationTrace": {"modelInvocationInput": {"traceId": "1", "foundationModel": "a"}}}}
    assert read_answer("bedrock", "agents", aws(asked, event="trace")).status == "no_usage"
    assert read_answer("bedrock", "invoke-stream", aws({"bytes": "not base64!"})).status == "no_usage"
    words = base64.b64encode(b"words").decode()
    assert read_answer("bedrock", "invoke-stream", aws({"bytes": words})).status == "no_usage"
