"""One call in each of three dialects: 100 tokens in, 20 out, whole and streamed, as their providers answer it."""

import json
from dataclasses import dataclass
from decimal import Decimal

from tests.support.serving import EVENTS, JSON, MODEL

INPUT_TOKENS, OUTPUT_TOKENS = 100, 20
COST = Decimal("0.00014")
"""100 tokens at a dollar a million and 20 at two."""


def event(data: object, name: str = "") -> bytes:
    """One server-sent event."""
    first = f"event: {name}\n" if name else ""
    return f"{first}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How one dialect asks and answers. `events` make the stream; the last one is terminal."""

    name: str
    path: str
    stream_path: str
    ask: bytes
    ask_stream: bytes
    whole: bytes
    events: list[bytes]

    @property
    def stream(self) -> bytes:
        """The stream's bytes."""
        return b"".join(self.events)

    @property
    def headers(self) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
        """Of a whole answer, and of a stream."""
        return JSON, EVENTS

    def error_kind(self, body: bytes) -> str:
        """The kind of an error of the gateway's own, read where the dialect's clients read it."""
        error = json.loads(body)["error"]
        if self.name == "gemini":
            assert error["code"] >= 400
            assert isinstance(error["status"], str)
            return error["details"][0]["reason"].lower()
        if self.name == "anthropic":
            assert json.loads(body)["type"] == "error"
        assert error["type"]
        assert error["message"]
        return error["code"]


def _body(**more: object) -> bytes:
    return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], **more}).encode()


def _chunk(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return event({"id": "c-1", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice], "usage": None})


_USAGE = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": 120}
OPENAI = Speech(
    name="openai",
    path="/v1/chat/completions",
    stream_path="/v1/chat/completions",
    ask=_body(),
    ask_stream=_body(stream=True, stream_options={"include_usage": True}),
    whole=json.dumps({
        "id": "c-1", "object": "chat.completion", "created": 1, "model": MODEL, "usage": _USAGE,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    }).encode(),
    events=[
        _chunk("Hel"),
        _chunk("lo."),
        _chunk("", "stop"),
        event({"id": "c-1", "object": "chat.completion.chunk", "model": MODEL, "choices": [], "usage": _USAGE}),
        event("[DONE]"),
    ],
)  # fmt: skip

_MESSAGE = {"id": "m-1", "type": "message", "role": "assistant", "model": MODEL, "stop_reason": None}
ANTHROPIC = Speech(
    name="anthropic",
    path="/v1/messages",
    stream_path="/v1/messages",
    ask=_body(max_tokens=100),
    ask_stream=_body(max_tokens=100, stream=True),
    whole=json.dumps({
        **_MESSAGE, "stop_reason": "end_turn", "content": [{"type": "text", "text": "Hello."}],
        "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
    }).encode(),
    events=[
        event({"type": "message_start", "message": {
            **_MESSAGE, "content": [], "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": 1}}}, "message_start"),
        event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}, "content_block_start"),
        event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello."}}, "content_block_delta"),
        event({"type": "content_block_stop", "index": 0}, "content_block_stop"),
        event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": OUTPUT_TOKENS}}, "message_delta"),
        event({"type": "message_stop"}, "message_stop"),
    ],
)  # fmt: skip


def _candidates(text: str, *, output: int, done: bool = False) -> dict[str, object]:
    candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}
    if done:
        candidate["finishReason"] = "STOP"
    usage = {"promptTokenCount": INPUT_TOKENS, "candidatesTokenCount": output, "totalTokenCount": INPUT_TOKENS + output}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": MODEL}


GEMINI = Speech(
    name="gemini",
    path=f"/v1beta/models/{MODEL}:generateContent",
    stream_path=f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
    ask=b'{"contents": [{"parts": [{"text": "Say hello."}]}]}',
    ask_stream=b'{"contents": [{"parts": [{"text": "Say hello."}]}]}',
    whole=json.dumps(_candidates("Hello.", output=OUTPUT_TOKENS, done=True)).encode(),
    events=[
        event(_candidates("Hel", output=5)),
        event(_candidates("lo", output=12)),
        event(_candidates(".", output=OUTPUT_TOKENS, done=True)),
    ],
)

SPEECHES = (OPENAI, ANTHROPIC, GEMINI)
