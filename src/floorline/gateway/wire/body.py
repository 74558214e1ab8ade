"""What is read of a request's body: a few members, all others passed over unread."""

import re
from collections.abc import Mapping
from itertools import product
from typing import TypeVar

import msgspec

from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.members import Repeated, members, place
from floorline.gateway.wire.routes import Route

MODEL_BYTES_MAX = 512
"""Bedrock's ARNs are the longest names in use."""

MEMBERS_MAX = 10_000
"""Of a body, at its first level: requests have some dozens, and each is looked at."""

IMAGE_TOKENS = 1_000
"""What one inline image or file is estimated at: providers count 85 to 1,600 for a picture, whatever its bytes."""

_T = TypeVar("_T")
_NOTHING = msgspec.Raw(b"")
_CAPS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_CAPPING = frozenset(_CAPS)
_NAMING = frozenset({"safety_identifier", "user", "metadata"})
_OTHER_SPELLINGS = frozenset(map("".join, product(*zip("model", "MODEL", strict=True)))) - {"model"}
_BLOB = re.compile(rb"[A-Za-z0-9+/=_-]{1024,}")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-"
_BLOCK_BYTES = 512


class View(msgspec.Struct, kw_only=True):
    """What the gateway knows about a request without reading it whole.

    `model` is what the caller asked for, '' only on a passthrough; `named` is what the body itself calls it (a path may have the
    word), '' when it does not. `output_cap` bounds one answer's output tokens.
    `end_user` is the caller's own user. `wants_usage`: a stream's extra usage chunk was asked for.
    `stream_options` is that member as it came, empty when there is none. `model_at` is where in the body the model's name begins
    and ends, with its quotes; (0, 0) where that is not known. `held` are members of the body as they came, those of the
    application's own template among them.
    """

    model: str
    named: str = ""
    stream: bool = False
    output_cap: int | None = None
    end_user: str = ""
    wants_usage: bool = False
    stream_options: bytes = b""
    model_at: tuple[int, int] = (0, 0)
    held: Mapping[str, msgspec.Raw] = {}


class _Named(msgspec.Struct):
    """What a passthrough may name."""

    model: str | None = None
    stream: bool | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Generation(msgspec.Struct):
    camel: int | None = msgspec.field(name="maxOutputTokens", default=None)
    snake: int | None = msgspec.field(name="max_output_tokens", default=None)


class _Gemini(msgspec.Struct):
    """Google's requests: protobuf's JSON takes both spellings."""

    camel: _Generation | None = msgspec.field(name="generationConfig", default=None)
    snake: _Generation | None = msgspec.field(name="generation_config", default=None)
    instructions: msgspec.Raw = msgspec.field(name="systemInstruction", default=_NOTHING)
    instructions_snake: msgspec.Raw = msgspec.field(name="system_instruction", default=_NOTHING)
    tools: msgspec.Raw = _NOTHING

    @property
    def held(self) -> dict[str, msgspec.Raw]:
        """The members of the application's template."""
        return _there(systemInstruction=self.instructions, system_instruction=self.instructions_snake, tools=self.tools)


class _Inference(msgspec.Struct):
    max_tokens: int | None = msgspec.field(name="maxTokens", default=None)


class _Bedrock(msgspec.Struct):
    """Converse's own, and what the models' own requests call it."""

    inference: _Inference | None = msgspec.field(name="inferenceConfig", default=None)
    max_tokens: int | None = None
    system: msgspec.Raw = _NOTHING
    messages: msgspec.Raw = _NOTHING
    tools: msgspec.Raw = _NOTHING
    configured_tools: msgspec.Raw = msgspec.field(name="toolConfig", default=_NOTHING)

    @property
    def held(self) -> dict[str, msgspec.Raw]:
        """The members of the application's template, those of Converse and those of the models' own requests."""
        return _there(system=self.system, messages=self.messages, tools=self.tools, toolConfig=self.configured_tools)


def _there(**members: msgspec.Raw) -> dict[str, msgspec.Raw]:
    return {name: raw for name, raw in members.items() if raw is not _NOTHING}


_text = msgspec.json.Decoder(str | None)
_flag = msgspec.json.Decoder(bool | None)
_count = msgspec.json.Decoder(int | None)
_named = msgspec.json.Decoder(_Named)
_options = msgspec.json.Decoder(_StreamOptions | None)
_metadata = msgspec.json.Decoder(_Metadata | None)
_gemini = msgspec.json.Decoder(_Gemini)
_bedrock = msgspec.json.Decoder(_Bedrock)


def view(route: Route, body: bytes) -> View | Invalid:
    """What `body` says, or why it cannot be served and what to change."""
    if route.action != "call":
        return _passed_through(route, body)
    try:
        seen = _call(route, body)
    except Repeated as again:
        return _repeated(again.name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _unreadable(body, error)
    if not body.isascii() and (bad := _not_utf8(body)) is not None:
        return bad
    if not seen.model:
        return Invalid(kind="model_missing", message="model is missing: name the model to call", param="model")
    if not _is_name(seen.model):
        return Invalid(
            kind="model_invalid",
            message=f"model is no name of a model: use at most {MODEL_BYTES_MAX} printable ASCII characters",
            param="model",
        )
    return seen


def _call(route: Route, body: bytes) -> View:
    if route.dialect == "gemini":
        asked = _gemini.decode(body)
        held = asked.camel or asked.snake
        cap = None if held is None else held.camel if held.camel is not None else held.snake
        return View(model=route.model, stream=route.streamed, output_cap=cap, held=asked.held)
    if route.dialect == "bedrock":
        request = _bedrock.decode(body)
        cap = request.max_tokens if request.inference is None else request.inference.max_tokens
        return View(model=route.model, stream=route.streamed, output_cap=cap, held=request.held)
    return _plain(route, body)


def _plain(route: Route, body: bytes) -> View:
    """OpenAI's and Anthropic's requests: one pass over the body finds its members, and where the model's name stands."""
    held = members(body)
    if len(held) > MEMBERS_MAX:
        raise msgspec.ValidationError(f"{len(held)} members are more than {MEMBERS_MAX}")
    model = _read(held, "model", _text)
    start = place(body, held, "model")
    if not _OTHER_SPELLINGS.isdisjoint(held):
        raise Repeated("model")  # some parsers take names in any case
    options = held.get("stream_options")
    asked_for = None if options is None else _read(held, "stream_options", _options)
    return View(
        model=route.model or model or "",
        named=model or "",
        stream="stream" in held and _read(held, "stream", _flag) is True,
        output_cap=None if _CAPPING.isdisjoint(held) else _cap(held),
        end_user="" if _NAMING.isdisjoint(held) else _end_user(route, held),
        wants_usage=asked_for is not None and asked_for.include_usage is True,
        stream_options=b"" if options is None else bytes(options),
        model_at=(start, start + len(memoryview(held["model"]))) if start else (0, 0),
        held=held,
    )


def _read(held: Mapping[str, msgspec.Raw], name: str, decoder: msgspec.json.Decoder[_T | None]) -> _T | None:
    """The member `name`, None when it is absent or null. ValidationError names the member."""
    raw = held.get(name)
    if raw is None:
        return None
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise msgspec.ValidationError(f"{what} - at `$.{name}{where or '`'}") from error


def _is_name(model: str) -> bool:
    """Whether `model` can stand in a path and in a header."""
    return model.isascii() and model.isprintable() and len(model) <= MODEL_BYTES_MAX


def _cap(held: Mapping[str, msgspec.Raw]) -> int | None:
    cap = None
    for name in _CAPS:
        if name in held:
            count = _read(held, name, _count)
            cap = count if cap is None else cap
    return cap


def _end_user(route: Route, held: Mapping[str, msgspec.Raw]) -> str:
    if route.dialect == "openai":
        return _read(held, "safety_identifier", _text) or _read(held, "user", _text) or ""
    metadata = _read(held, "metadata", _metadata)
    return (metadata.user_id or "") if metadata is not None else ""


def _passed_through(route: Route, body: bytes) -> View:
    """A passthrough's body may be anything: what it names is read where it is JSON."""
    if body[:1].lstrip() != b"{":
        return View(model=route.model, stream=route.streamed)
    try:
        seen = _named.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return View(model=route.model, stream=route.streamed)
    named = seen.model or ""
    if not _is_name(named):
        named = ""
    return View(model=route.model or named, named=named, stream=route.streamed or seen.stream is True)


def _repeated(name: str) -> Invalid:
    shown = name[:80]
    return Invalid(
        kind="repeated_member",
        message=f"the body names a member twice, at or after {shown!r}: parsers differ on which counts, send it once",
        param=shown,
    )


def _not_utf8(body: bytes) -> Invalid | None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return Invalid(
            kind="invalid_utf8",
            message=f"the body is not UTF-8 at byte {error.start}: send JSON as UTF-8",
        )
    return None


def _unreadable(body: bytes, error: Exception) -> Invalid:
    if not body.strip():
        return Invalid(kind="invalid_json", message="the body is empty: send a JSON object")
    if body[:2] in (b"\x1f\x8b", b"\x28\xb5"):
        return Invalid(kind="invalid_json", message="the body is compressed: send it as plain JSON")
    if (bad := _not_utf8(body)) is not None:
        return bad
    if isinstance(error, RecursionError):
        return Invalid(kind="invalid_json", message="the body is nested too deeply: send fewer than 1,000 levels")
    if isinstance(error, msgspec.ValidationError):
        what, _, where = str(error).partition(" - at ")
        member = where.strip("`").removeprefix("$.")
        named = f"{member}: " if member else "the body: "
        what = what.replace("`", "").replace("expected", "Expected")
        return Invalid(kind="invalid_type", message=f"{named}{what}: mend that and send it again", param=member)
    return Invalid(kind="invalid_json", message=f"the body is not JSON ({error}): send one JSON object")


def _may_hold_blobs(body: bytes) -> bool:
    """Whether a run of 1,024 base64 characters can be in `body`: then one of its blocks of 512 has no other character.
    The search for the runs themselves costs ten times as much, and most bodies hold none.
    """
    for start in range(0, len(body) - _BLOCK_BYTES + 1, _BLOCK_BYTES):
        end = start + _BLOCK_BYTES
        if body.find(b" ", start, end) < 0 and not body[start:end].translate(None, _BASE64):
            return True
    return False


def estimate_input_tokens(body: bytes) -> int:
    """About how many input tokens `body` is, for costs that must be estimated: its bytes over four, rounded up.

    Base64 is no text: each run of 1,024 characters or more counts as one image.
    """
    size, images = len(body), 0
    if _may_hold_blobs(body):
        for blob in _BLOB.finditer(body):
            size -= blob.end() - blob.start()
            images += 1
    return -(-size // 4) + images * IMAGE_TOKENS
