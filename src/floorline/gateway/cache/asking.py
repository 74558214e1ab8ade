"""What a request asks, as a key under which its answer is found again, and whether a cache may be asked at all.

Two requests have the same key when partition, endpoint, model, query, the headers that change answers, and every member of
the body but those of BESIDE are the same, in whatever order the members stand and however they are spaced. Inside of a member
order and spelling count: `{"a": 1, "b": 2}` there is another question than `{"b": 2, "a": 1}`.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import sha256

import msgspec

from floorline.gateway.asked import BLOCK_BYTES
from floorline.gateway.message import Request
from floorline.gateway.policy import Dialect
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.members import members, without

PURPOSE = b"floorline exact cache"
"""What the key of the keys is derived for."""

KEY_BYTES = 24

ENDS: Mapping[str, bytes] = {
    "chat.completions": b"[DONE]",
    "completions": b"[DONE]",
    "responses": b"response.completed",
    "messages": b"message_stop",
    "embeddings": b"",
    "generateContent": b"",
    "streamGenerateContent": b"finishReason",
    "embedContent": b"",
    "converse": b"",
    "converse-stream": b"metadata",
    "invoke": b"",
    "invoke-stream": b"",
}
"""The endpoints whose answers depend on the request alone, and what the whole stream of each holds near its end."""

BESIDE: Mapping[Dialect, frozenset[str]] = {
    "openai": frozenset(
        {
            "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "stream",
            "stream_options", "user",
        }
    ),
    "anthropic": frozenset({"metadata", "service_tier", "stream"}),
    "gemini": frozenset({"labels"}),
    "bedrock": frozenset({"requestMetadata"}),
}  # fmt: skip
"""Members that say who asks or how the answer is sent; the key has on its own whether it is a stream."""

STATEFUL = ("background", "conversation", "previous_response_id")
"""Members that make an answer depend on what the provider keeps, or leave it for later."""

SERVED_TOOLS = (b'"mcp"', b'"computer_use_preview"', b'"code_interpreter"', b'"shell"', b'"local_shell"')
"""Kinds of tools that act while the provider answers: asked again, they act again."""

VARYING = (b"anthropic-beta", b"anthropic-version", b"openai-beta")
"""Headers that change answers."""

_NO = frozenset({"no-store", "no-cache"})


class Keys:
    """Makes keys under one secret of at most 64 bytes, as `Hasher` does: without it nobody can tell, or try out, what was asked."""

    def __init__(self, secret: bytes) -> None:
        self._fresh = sha256(secret.ljust(BLOCK_BYTES, b"\0")).copy

    def of(
        self,
        call: UnderWay,
        partition: tuple[str, ...],
        vary: tuple[str, ...],
        members: Mapping[str, msgspec.Raw] | None = None,
    ) -> bytes:
        """The key of what `call` asks within `partition`; of `members` in place of its body's, where they are given."""
        route, view, request = call.route, call.view, call.request
        headers = request.headers
        said = members_of(call) if members is None else members
        hashed = self._fresh()
        hashed.update(
            _head(
                (
                    partition,
                    (route.dialect, route.endpoint, route.provider, view.model, _without_key(request.query)),
                    (view.stream, view.stream and view.wants_usage, view.stream and call.include_cost),
                    list(map(headers.get, VARYING)),
                    [headers.get(name.encode()) for name in vary],
                )
            )
        )
        hashed.update(msgspec.json.format(_sorted(without(said, BESIDE[route.dialect])), indent=-1))
        return hashed.digest()[:KEY_BYTES]


_head = msgspec.msgpack.Encoder().encode
_sorted = msgspec.json.Encoder(order="sorted").encode


def members_of(call: UnderWay) -> Mapping[str, msgspec.Raw]:
    """The members of the body: of two dialects the view has only some."""
    if call.route.dialect in ("openai", "anthropic"):
        return call.view.held
    return members(call.request.body)


def _without_key(query: str) -> str:
    if "key=" not in query:
        return query
    return "&".join([part for part in query.split("&") if not part.startswith("key=")])


def passed_by(call: UnderWay, temperature_max: Decimal) -> str:
    """Why no cache is asked about the call, and nothing of it is kept; '' when one may be."""
    route = call.route
    if route.action != "call" or route.endpoint not in ENDS:
        return "endpoint"
    if forbidden(call.request):
        return "no_store"
    held = call.view.held
    if route.dialect == "openai" and route.endpoint == "responses":
        if any(_is_set(held.get(name)) for name in STATEFUL):
            return "stateful"
        tools = held.get("tools")
        if tools is not None and any(kind in bytes(tools) for kind in SERVED_TOOLS):
            return "acting_tools"
    warmth = _temperature(call)
    return "temperature" if warmth is not None and warmth > temperature_max else ""


def forbidden(request: Request) -> bool:
    """Whether the caller asks that nothing be stored, or that nothing stored be answered."""
    headers = request.headers
    if b"cache-control" not in headers and b"pragma" not in headers:
        return False
    return not _NO.isdisjoint(_directives(request, b"cache-control" if b"cache-control" in headers else b"pragma"))


def age_max_s(request: Request) -> int | None:
    """How old an answer may be that the caller takes: `cache-control: max-age=N`."""
    if b"cache-control" not in request.headers:
        return None
    for directive in _directives(request, b"cache-control"):
        name, _, value = directive.partition("=")
        if name == "max-age" and value.isdecimal() and value.isascii():
            return int(value[:12])
    return None


def _directives(request: Request, name: bytes) -> list[str]:
    """What a header says, which may stand several times."""
    said = [value for key, value in request.raw_headers if key == name] or [request.headers[name]]
    return [part.strip() for part in b",".join(said).decode("latin-1").lower().split(",")]


def _is_set(raw: msgspec.Raw | None) -> bool:
    return raw is not None and bytes(raw) not in (b"null", b"false", b'""')


class _Sampling(msgspec.Struct):
    temperature: Decimal | None = None


class _Gemini(msgspec.Struct):
    camel: _Sampling | None = msgspec.field(name="generationConfig", default=None)
    snake: _Sampling | None = msgspec.field(name="generation_config", default=None)


class _Bedrock(msgspec.Struct):
    inference: _Sampling | None = msgspec.field(name="inferenceConfig", default=None)
    temperature: Decimal | None = None


_number = msgspec.json.Decoder(Decimal | None)
_gemini = msgspec.json.Decoder(_Gemini)
_bedrock = msgspec.json.Decoder(_Bedrock)
_HOTTEST = Decimal("Infinity")


def _plain(call: UnderWay) -> Decimal | None:
    raw = call.view.held.get("temperature")
    return None if raw is None else _number.decode(raw)


def _of_gemini(call: UnderWay) -> Decimal | None:
    asked = _gemini.decode(call.request.body)
    said = asked.camel or asked.snake
    return None if said is None else said.temperature


def _of_bedrock(call: UnderWay) -> Decimal | None:
    asked = _bedrock.decode(call.request.body)
    return asked.temperature if asked.inference is None else asked.inference.temperature


_TEMPERATURES: Mapping[Dialect, Callable[[UnderWay], Decimal | None]] = {
    "openai": _plain,
    "anthropic": _plain,
    "gemini": _of_gemini,
    "bedrock": _of_bedrock,
}


def _temperature(call: UnderWay) -> Decimal | None:
    """What the request states, None when it states none; above every bound when it is no number."""
    try:
        return _TEMPERATURES[call.route.dialect](call)
    except msgspec.DecodeError:
        return _HOTTEST
