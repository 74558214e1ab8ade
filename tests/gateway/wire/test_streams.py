"""A stream on its way to the client: the same bytes in any pieces, the end held back, the edits and nothing else."""

import base64
import json
import re
import struct
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.cli.usage import Recorded, body_of
from floorline.gateway.wire import streams
from floorline.gateway.wire.framing import event_message
from floorline.gateway.wire.routes import Route
from floorline.gateway.wire.streams import HoldLast, Stamp, StreamEdit, stream_edit
from floorline.pricing.usage import read_answer
from tests.gateway.wire.requests import routed
from tests.pricing.usage.recorded import records

SSE = "text/event-stream; charset=utf-8"
CHAT = routed("/v1/chat/completions")
RESPONSES = routed("/v1/responses")
MESSAGES = routed("/v1/messages")
GEMINI = routed("/v1beta/models/g:streamGenerateContent")
CONVERSE = routed("/model/m/converse-stream")
STAMP = Stamp(cost_usd=Decimal("0.00012"), cost_basis="computed", price_version="pv_1")
STAMPED = {"cost_usd": 0.00012, "cost_basis": "computed", "price_version": "pv_1"}

CHUNK = b'data: {"id":"c","choices":[{"delta":{"content":"[DONE] \\"usage\\":{} "}}],"usage":null}\n\n'
LAST = b'data: {"id":"c","choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"
CHAT_STREAM = CHUNK * 3 + LAST + USAGE + DONE

START = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":3}}}\n\n'
DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"message_stop"}}\n\n'
ENDING = b'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":5}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop" }\n\n'
MESSAGES_STREAM = START + DELTA * 2 + b"event: ping\ndata: {}\n\n" + ENDING + STOP

CREATED = b'event: response.created\ndata: {"type":"response.created","response":{"usage":null}}\n\n'
TEXT = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"response.completed"}\n\n'
)
COMPLETED = (
    b'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{"input_tokens":3}}}\n\n'
)
RESPONSES_STREAM = CREATED + TEXT + COMPLETED

PART = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":3}}\r\n\r\n'
FINAL = (
    b'data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"totalTokenCount":5}}\r\n\r\n'
)
GEMINI_STREAM = PART * 2 + FINAL


def message(name: str, payload: bytes, kind: bytes = b":event-type") -> bytes:
    value = name.encode()
    return event_message(bytes([len(kind)]) + kind + b"\x07" + struct.pack(">H", len(value)) + value, payload)


WORDS = message("contentBlockDelta", b'{"delta":{"text":"metadata"}}')
METADATA = message("metadata", b'{"usage":{"inputTokens":3,"outputTokens":5},"metrics":{"latencyMs":1}}')
CONVERSE_STREAM = WORDS * 2 + message("messageStop", b'{"stopReason":"end_turn"}') + METADATA
EVENTSTREAM = "application/vnd.amazon.eventstream"

EXAMPLES = [
    (CHAT, SSE, CHAT_STREAM), (MESSAGES, SSE, MESSAGES_STREAM), (RESPONSES, SSE, RESPONSES_STREAM),
    (GEMINI, SSE, GEMINI_STREAM), (CONVERSE, EVENTSTREAM, CONVERSE_STREAM),
]  # fmt: skip


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def passed(edit: StreamEdit, parts: Iterator[bytes]) -> bytes:
    """What the client has before the record is written."""
    return b"".join([edit.feed(part) for part in parts])


def through(edit: StreamEdit, parts: Iterator[bytes], stamp: Stamp | None = None) -> bytes:
    """What the client gets in all, as the pipeline sends it."""
    out: list[bytes] = []
    for part in parts:
        ended = edit.terminal
        out.append(edit.feed(part))
        if edit.terminal and not ended:
            out.append(edit.release(stamp))
    return b"".join(out) + edit.release(stamp)


def data(event: bytes) -> dict[str, object]:
    return json.loads(event.partition(b"data: ")[2])


@pytest.mark.parametrize(("where", "kind", "body"), EXAMPLES)
@pytest.mark.parametrize("size", [1, 2, 7, 100, 10_000])
def test_without_an_edit_the_client_gets_the_providers_bytes(where: Route, kind: str, body: bytes, size: int) -> None:
    assert through(stream_edit(where, kind), pieces(body, size)) == body


@pytest.mark.parametrize(
    ("where", "kind", "body", "end"),
    [
        (CHAT, SSE, CHAT_STREAM, DONE), (MESSAGES, SSE, MESSAGES_STREAM, STOP), (RESPONSES, SSE, RESPONSES_STREAM, COMPLETED),
        (CONVERSE, EVENTSTREAM, CONVERSE_STREAM, METADATA),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_terminal_event_is_held_whole_until_it_is_released(
    where: Route, kind: str, body: bytes, end: bytes, size: int
) -> None:
    edit = stream_edit(where, kind)

    assert passed(edit, pieces(body, size)) == body[: -len(end)]
    assert (edit.terminal, edit.failed) == (True, False)
    assert edit.release() == end
    assert edit.release() == b""
    assert edit.feed(b"more") == b"more"


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_geminis_last_event_is_held_until_the_answer_ends(size: int) -> None:
    edit = stream_edit(GEMINI, SSE)

    assert passed(edit, pieces(GEMINI_STREAM, size)) == PART * 2
    assert not edit.terminal
    assert edit.release() == FINAL


def test_geminis_other_candidates_go_on_after_one_has_finished() -> None:
    edit = stream_edit(GEMINI, SSE)

    assert [edit.feed(event) for event in (FINAL, PART, FINAL)] == [b"", FINAL, PART]
    assert edit.release() == FINAL


def test_whole_events_without_an_edit_pass_as_the_same_object() -> None:
    for where, kind, event in (
        (CHAT, SSE, CHUNK), (MESSAGES, SSE, START + DELTA), (RESPONSES, SSE, TEXT), (GEMINI, SSE, PART), (CONVERSE, EVENTSTREAM, WORDS)
    ):  # fmt: skip
        assert stream_edit(where, kind).feed(event) is event
    assert stream_edit(CHAT, SSE, usage_asked=True, include_cost=True).feed(CHUNK) is CHUNK


@pytest.mark.parametrize("size", [1, 2, 3, 50, 10_000])
def test_the_usage_chunk_that_only_we_asked_for_is_removed(size: int) -> None:
    edit = stream_edit(CHAT, SSE, usage_asked=True)

    assert through(edit, pieces(CHAT_STREAM, size)) == CHUNK * 3 + LAST + DONE


@pytest.mark.parametrize(
    "chunk",
    [
        b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":3}}\n\n',  # Mistral, Groq: the last chunk itself
        b'data: {"choices":[],"prompt_filter_results":[{}]}\n\n',  # Azure's first
        b'data: {"choices":[],"usage":null}\n\n',
        b": keep-alive\n\n",
        b"data: not json\n\n",
        b"\n\n",
    ],
)
def test_no_other_chunk_is_removed(chunk: bytes) -> None:
    body = chunk + CHAT_STREAM

    assert through(stream_edit(CHAT, SSE, usage_asked=True), pieces(body, 10_000)).startswith(chunk)


@pytest.mark.parametrize(
    "chunk", [b'{"choices": [ ] , "usage" : {"x":1}}', b'{"usage":{"x":1}}', b'{"choices":null,"usage":{}}']
)
def test_the_usage_chunk_is_known_in_every_spelling(chunk: bytes) -> None:
    body = CHUNK + b"data:" + chunk + b"\r\n\r\n" + DONE

    assert through(stream_edit(CHAT, SSE, usage_asked=True), pieces(body, 10_000)) == CHUNK + DONE


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("where", "body", "start", "end", "path"),
    [
        (CHAT, CHAT_STREAM, CHUNK * 3 + LAST, DONE, ("usage",)),
        (MESSAGES, MESSAGES_STREAM, MESSAGES_STREAM.partition(ENDING)[0], STOP, ("usage",)),
        (RESPONSES, RESPONSES_STREAM, CREATED + TEXT, b"", ("response", "usage")),
        (GEMINI, GEMINI_STREAM, PART * 2, b"", ("usageMetadata",)),
    ],
)  # fmt: skip
def test_the_cost_is_put_into_the_last_usage_event(
    where: Route, body: bytes, start: bytes, end: bytes, path: tuple[str, ...], size: int
) -> None:
    found = through(stream_edit(where, SSE, usage_asked=True, include_cost=True), pieces(body, size), STAMP)

    assert found.startswith(start)
    assert found.endswith(end)
    before, after = data(body[len(start) : len(body) - len(end)]), data(found[len(start) : len(found) - len(end)])
    usage, told = before, after
    for name in path:
        usage, told = usage[name], told[name]  # type: ignore[assignment]
    assert told == {**usage, **STAMPED}
    usage.update(STAMPED)
    assert after == before


def test_where_every_chunk_states_usage_the_last_one_is_told_the_cost() -> None:
    chunks = [b'data: {"choices":[{}],"usage":{"n":%d}}\n\n' % n for n in range(3)]
    edit = stream_edit(CHAT, SSE, include_cost=True)

    assert [edit.feed(chunk) for chunk in chunks] == [b"", chunks[0], chunks[1]]
    assert edit.feed(DONE) == b""
    assert data(edit.release(STAMP).removesuffix(DONE))["usage"] == {"n": 2, **STAMPED}


def test_bedrocks_metadata_is_told_the_cost_with_right_checksums() -> None:
    edit = stream_edit(CONVERSE, EVENTSTREAM, include_cost=True)

    found = through(edit, pieces(CONVERSE_STREAM, 10_000), STAMP)

    assert found.startswith(CONVERSE_STREAM.removesuffix(METADATA))
    read = read_answer("bedrock", "converse-stream", found, content_type=EVENTSTREAM)
    assert (read.status, read.complete) == ("ok", True)
    assert b'"cost_usd":0.000120000000' in found


def test_an_unknown_cost_is_null_and_a_stream_without_usage_stays_as_it_is() -> None:
    unpriced = Stamp(cost_usd=None, cost_basis="unpriced", price_version="")
    edit = stream_edit(CHAT, SSE, include_cost=True)

    assert b'"cost_usd":null,"cost_basis":"unpriced"' in through(edit, pieces(CHAT_STREAM, 10_000), unpriced)
    edit = stream_edit(CHAT, SSE, include_cost=True)
    assert through(edit, pieces(CHUNK + DONE, 10_000), STAMP) == CHUNK + DONE


@pytest.mark.parametrize(
    ("where", "kind", "event"),
    [
        (CHAT, SSE, b'data: {"error":{"message":"overloaded","code":503}}\n\n'),
        (CHAT, SSE, b'data: {"error":"overloaded"}\n\n'),
        (MESSAGES, SSE, b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'),
        (RESPONSES, SSE, b'event: response.failed\ndata: {"type":"response.failed","response":{}}\n\n'),
        (RESPONSES, SSE, b'event: error\ndata: {"type":"error","code":"server_error","message":"x"}\n\n'),
        (GEMINI, SSE, b'data: {"error":{"code":503}}\r\n\r\n'),
        (CONVERSE, EVENTSTREAM, message("throttlingException", b"{}", b":exception-type")),
    ],
)
def test_a_failure_that_the_provider_tells_is_a_terminal_event(where: Route, kind: str, event: bytes) -> None:
    edit = stream_edit(where, kind)

    assert edit.feed(event) == b""
    assert (edit.terminal, edit.failed) == (True, True)
    assert edit.release() == event


def test_a_null_error_is_none() -> None:
    chunk = b'data: {"choices":[{}],"error":null}\n\n'

    assert stream_edit(CHAT, SSE).feed(chunk) is chunk


def test_bedrocks_invoke_stream_ends_with_its_metrics_wherever_they_stand_in_base64() -> None:
    for lead in range(3):
        inner = b'{"type":"message_stop"%s,"amazon-bedrock-invocationMetrics":{"inputTokenCount":3}}' % (b" " * lead)
        last = message("chunk", b'{"bytes":"%s"}' % base64.b64encode(inner))
        edit = stream_edit(CONVERSE, EVENTSTREAM)

        assert passed(edit, iter([WORDS + last])) == WORDS
        assert edit.terminal
        assert edit.release() == last


def test_an_event_of_our_own_may_follow_only_a_whole_event() -> None:
    edit = stream_edit(CHAT, SSE)
    boundaries = [edit.at_boundary]
    for piece in (CHUNK, CHUNK[:20], CHUNK[20:], DONE):
        edit.feed(piece)
        boundaries.append(edit.at_boundary)

    assert boundaries == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [("application/json", ""), (SSE, "gzip"), ("application/x-ndjson", ""), ("", ""), (EVENTSTREAM, "br")],
)
def test_what_is_no_readable_stream_is_held_by_its_last_piece(kind: str, encoding: str) -> None:
    edit = stream_edit(CHAT, kind, encoding, usage_asked=True, include_cost=True)
    parts = [b"a", b"bc", b"d"]

    assert isinstance(edit, HoldLast)
    assert [edit.feed(part) for part in parts] == [b"", parts[0], parts[1]]
    assert edit.feed(b"e") == b"d"
    assert edit.release(STAMP) == b"e"


def test_an_event_longer_than_the_limit_passes_unread() -> None:
    edit = stream_edit(CHAT, SSE)
    long = b'data: {"x":"' + b"x" * (1 << 20)

    parts = [long, *[b"x" * (1 << 20)] * 33, b'"}\n\n', DONE]
    out = [edit.feed(part) for part in parts]

    assert max(len(piece) for piece in out) > streams.LIMIT_BYTES
    assert b"".join(out) + edit.release() == b"".join(parts)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_bytes_that_are_no_event_stream_pass(size: int) -> None:
    for nonsense in (b"\0\0\0\x01 is too short for a message", WORDS + b"\0" * 40 + METADATA, b"\0\0\0\0" + METADATA):
        edit = stream_edit(CONVERSE, EVENTSTREAM)

        assert passed(edit, pieces(nonsense, size)) + edit.release() == nonsense
        assert not edit.terminal
        assert not edit.at_boundary


events = st.lists(
    st.sampled_from([CHUNK, LAST, USAGE, DONE, START, DELTA, ENDING, STOP, COMPLETED, TEXT, PART, FINAL, b"\n", b"\r\n", b": x\n\n", b"data: {", b"data: 1\ndata: 2\n\n"])
).map(b"".join)  # fmt: skip


@given(
    events | st.binary(),
    st.lists(st.integers(1, 60)),
    st.sampled_from([CHAT, MESSAGES, RESPONSES, GEMINI]),
    st.booleans(),
    st.booleans(),
)
def test_any_pieces_give_the_same_bytes_and_the_same_end(
    body: bytes, sizes: list[int], where: Route, asked: bool, cost: bool
) -> None:
    def cut() -> Iterator[bytes]:
        at = 0
        for size in sizes:
            yield body[at : at + size]
            at += size
        yield body[at:]

    results: list[tuple[bytes, bool, bool]] = []
    for parts in (lambda: iter([body]), cut, lambda: pieces(body, 1)):
        edit = stream_edit(where, SSE, usage_asked=asked, include_cost=cost)
        early = passed(edit, parts())
        results.append((early + edit.release(STAMP), edit.terminal, edit.failed))

    assert results[0] == results[1] == results[2]
    if not asked and not cost:
        assert results[0][0] == body


@given(st.lists(st.sampled_from([WORDS, METADATA, b"\0\0\0"])).map(b"".join) | st.binary(), st.integers(1, 40))
def test_any_pieces_of_an_event_stream_give_the_same_bytes(body: bytes, size: int) -> None:
    edit = stream_edit(CONVERSE, EVENTSTREAM)

    assert passed(edit, pieces(body, size)) + edit.release() == body


PATHS = {
    "chat.completions": CHAT, "chat": CHAT, "assistants": CHAT, "generation": CHAT, "responses": RESPONSES, "messages": MESSAGES,
    "streamGenerateContent": GEMINI, "interactions": CHAT, "converse-stream": CONVERSE, "invoke-stream": CONVERSE,
    "agents": CONVERSE,
}  # fmt: skip


UNMARKED = ("writer", "watsonx")
"""Whose streams end without a word."""


@cache
def recorded() -> list[tuple[Recorded, Route, str, bytes]]:
    """Every recorded stream of events, with the route that it would come on and its type."""
    found: list[tuple[Recorded, Route, str, bytes]] = []
    for record in records():
        body = body_of(record)
        if record.stream and record.endpoint in PATHS:
            if body[:1] == b"\0":
                found.append((record, PATHS[record.endpoint], EVENTSTREAM, body))
            elif body.startswith((b"data:", b"event:", b"id:", b":")):
                found.append((record, PATHS[record.endpoint], SSE, body))
    assert len(found) > 200
    return found


def test_recorded_streams_pass_unchanged_and_their_end_is_held() -> None:
    for record, where, kind, body in recorded():
        for size in (len(body), 61):
            edit = stream_edit(where, kind)
            early = passed(edit, pieces(body, size))
            held = edit.release()

            assert early + held == body, record.source_path
            assert not edit.failed, record.source_path
            unmarked = (
                record.provider in UNMARKED or record.endpoint == "agents" or "guardrail_invoke" in record.source_path
            )
            assert edit.terminal != (unmarked or where is GEMINI), record.source_path
            assert bool(held) != unmarked, record.source_path


def test_recorded_usage_chunks_are_removed_whole_and_alone() -> None:
    removed = 0
    for record, where, kind, body in recorded():
        if record.endpoint != "chat.completions":
            continue
        extra = [
            event for event in re.findall(rb"data: .*\n\n", body) if re.search(rb'"choices":\[\].*"usage":\{', event)
        ]
        expected = body
        for event in extra:
            expected = expected.replace(event, b"")
        removed += len(extra)
        assert through(stream_edit(where, kind, usage_asked=True), pieces(body, 61)) == expected, record.source_path
    assert removed > 20


def test_recorded_streams_say_the_same_usage_with_their_cost_beside_it() -> None:
    told = 0
    for record, where, kind, body in recorded():
        found = through(stream_edit(where, kind, usage_asked=True, include_cost=True), pieces(body, 997), STAMP)

        told += found.count(b'"cost_usd":0.000120000000,"cost_basis":"computed","price_version":"pv_1"')
        before = read_answer(record.provider, record.endpoint, body, content_type=kind)
        assert read_answer(record.provider, record.endpoint, found, content_type=kind) == before, record.source_path
    assert told > 150
