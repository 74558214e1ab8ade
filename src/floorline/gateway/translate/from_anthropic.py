"""Anthropic's answers as chat completions: whole, streamed, and errors.

Left out are thinking, citations, and blocks of tools that run at Anthropic, which a chat completion cannot ask for.
"""

from collections.abc import Sequence

import msgspec

from floorline.gateway.translate.completion import (
    UNREADABLE,
    Call,
    Chunks,
    Finish,
    Head,
    Tokens,
    Told,
    Untold,
    completion,
    failed,
    json_text,
    last_stated,
)

_FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 503,
}
_OVERLOADED = 529
"""Anthropic's own number, which OpenAI's clients do not know."""


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: _Details | None = None


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Message(msgspec.Struct):
    id: str
    model: str
    content: list[_Block]
    stop_reason: str | None = None
    usage: _Usage | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Error(msgspec.Struct):
    type: str = "api_error"
    message: str = ""


class _Failure(msgspec.Struct):
    error: _Error


class _Event(msgspec.Struct):
    type: str
    message: _Message | None = None
    index: int = 0
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: _Error | None = None


_message = msgspec.json.Decoder(_Message)
_event = msgspec.json.Decoder(_Event)
_failure = msgspec.json.Decoder(_Failure)


def whole(body: bytes, created: int) -> bytes:
    """The chat completion that a message is. Untold where it is none."""
    try:
        message = _message.decode(body)
    except UNREADABLE as error:
        raise Untold(f"anthropic's answer is no message ({error})") from error
    texts = [block.text for block in message.content if block.type == "text"]
    calls = [
        Call(id=block.id, name=block.name, arguments=json_text(block.input, "anthropic"))
        for block in message.content
        if block.type == "tool_use"
    ]
    head = Head(id=message.id, model=message.model, created=created)
    return completion(
        head, texts, calls, _finish(message.stop_reason), _tokens([] if message.usage is None else [message.usage])
    )


def error(status: int, body: bytes) -> Told | None:
    """The error that an answer tells; None when it is not in Anthropic's shape."""
    try:
        told = _failure.decode(body).error
    except UNREADABLE:
        return None
    return Told(status=503 if status == _OVERLOADED else status, kind=told.type, message=told.message)


class Stream:
    """A stream's events, one by one. `ended`: the last one has come."""

    __slots__ = ("_calls", "_chunks", "_created", "_finish", "_inputs", "_usages", "ended")

    def __init__(self, created: int, *, usage_shown: bool) -> None:
        self.ended = False
        self._created = created
        self._chunks = Chunks(usage_shown=usage_shown)
        self._calls: dict[int, int] = {}
        self._inputs: dict[int, str] = {}
        self._finish: Finish | None = None
        self._usages: list[_Usage] = []

    def event(self, data: bytes) -> bytes:
        """What the caller gets of one event. Untold where it makes no sense."""
        try:
            event = _event.decode(data)
        except UNREADABLE as problem:
            raise Untold(f"anthropic sent an event that cannot be read ({problem})") from problem
        match event.type:
            case "message_start":
                return self._begin(event.message)
            case "content_block_start" if event.content_block is not None:
                return self._block(event.index, event.content_block)
            case "content_block_delta" if event.delta is not None:
                return self._piece(event.index, event.delta)
            case "content_block_stop":
                return self._block_end(event.index)
            case "message_delta":
                self._state(event.usage)
                self._finish = _finish(None if event.delta is None else event.delta.stop_reason)
                return b""
            case "message_stop":
                return self._end()
            case "error":
                return self._fail(event.error or _Error())
            case _:
                return b""

    def end(self) -> bytes:
        """There are no more events: the last one of a message has said so itself."""
        return b""

    def _begin(self, message: _Message | None) -> bytes:
        if message is None:
            raise Untold("anthropic began a stream without its message")
        self._state(message.usage)
        return self._chunks.begin(Head(id=message.id, model=message.model, created=self._created))

    def _state(self, usage: _Usage | None) -> None:
        if usage is not None:
            self._usages.append(usage)

    def _block(self, index: int, block: _Block) -> bytes:
        """A block begins. A call that begins with arguments says all of them there, unless pieces follow."""
        if block.type == "text":
            return self._chunks.text(block.text)
        if block.type != "tool_use":
            return b""
        self._calls[index] = self._chunks.calls
        self._inputs[index] = json_text(block.input, "anthropic")
        return self._chunks.call(Call(id=block.id, name=block.name, arguments=""))

    def _piece(self, index: int, delta: _Delta) -> bytes:
        if delta.type == "text_delta":
            return self._chunks.text(delta.text)
        if delta.type == "input_json_delta" and index in self._calls:
            if delta.partial_json:
                self._inputs.pop(index, None)
            return self._chunks.arguments(self._calls[index], delta.partial_json)
        return b""

    def _block_end(self, index: int) -> bytes:
        """A call of which no piece came has the arguments that it began with: `{}` where there are none."""
        given = self._inputs.pop(index, None)
        return b"" if given is None else self._chunks.arguments(self._calls[index], given)

    def _end(self) -> bytes:
        if self._finish is None:
            raise Untold("anthropic ended a message without a reason")
        self.ended = True
        return self._chunks.end(self._finish, _tokens(self._usages))

    def _fail(self, told: _Error) -> bytes:
        self.ended = True
        return failed(Told(status=_STATUSES.get(told.type, 500), kind=told.type, message=told.message))


def _finish(reason: str | None) -> Finish:
    found = _FINISHES.get(reason or "")
    if found is None:
        raise Untold(f"anthropic ended the answer for a reason that OpenAI has no word for: {reason}")
    return found


def _tokens(usages: Sequence[_Usage]) -> Tokens | None:
    """What was used, by everything that was stated of it so far."""
    if not usages:
        return None
    details = [usage.output_tokens_details for usage in usages if usage.output_tokens_details is not None]
    cached = last_stated(usages, "cache_read_input_tokens")
    written = last_stated(usages, "cache_creation_input_tokens")
    return Tokens(
        prompt=last_stated(usages, "input_tokens") + written + cached,
        completion=last_stated(usages, "output_tokens"),
        cached=cached,
        written=written,
        reasoning=last_stated(details, "thinking_tokens"),
    )
