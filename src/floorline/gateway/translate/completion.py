"""An answer in OpenAI's words: what a target's answer is read into, and the bytes that its caller gets of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from floorline.gateway.wire.errors import error_body

_encode = msgspec.json.encode

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON of others can end with."""

Finish = Literal["stop", "length", "tool_calls", "content_filter"]


class Untold(Exception):
    """The target's answer has no words in a chat completion: its caller is told so instead of half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An error that a target told. `kind` is its own word."""

    status: int
    kind: str
    message: str

    def body(self) -> bytes:
        """As OpenAI says it."""
        return error_body("openai", self.status, self.kind, self.message)


@dataclass(slots=True, kw_only=True)
class Tokens:
    """What a target says was used, in OpenAI's words: `prompt` holds what was read from a cache and written to it, `completion`
    what was thought.
    """

    prompt: int
    completion: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0

    def members(self) -> dict[str, object]:
        """OpenAI's `usage`."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached, "cache_write_tokens": self.written},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }


def last_stated(usages: Sequence[msgspec.Struct], name: str) -> int:
    """The count that stands: each of a provider's figures is a total so far, and the last one that is not null holds."""
    found = (getattr(usage, name) for usage in reversed(usages))
    return next((count for count in found if count is not None), 0)


def json_text(raw: msgspec.Raw, dialect: str) -> str:
    """JSON that was passed over unread, as text."""
    try:
        return bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise Untold(f"{dialect} sent a call whose arguments are not UTF-8") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a function that the model asks for. `arguments` is JSON."""

    id: str
    name: str
    arguments: str

    def members(self) -> dict[str, object]:
        """One of OpenAI's `tool_calls`."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every piece of an answer says of it. `created` is seconds since 1970."""

    id: str
    model: str
    created: int

    def members(self, kind: str) -> dict[str, object]:
        """The first members of an object of that kind."""
        return {"id": f"chatcmpl-{self.id}", "object": kind, "created": self.created, "model": self.model}


def completion(head: Head, texts: Sequence[str], calls: Sequence[Call], finish: Finish, tokens: Tokens | None) -> bytes:
    """A whole answer."""
    message: dict[str, object] = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": None}
    if calls:
        message["tool_calls"] = [call.members() for call in calls]
    whole = head.members("chat.completion")
    whole["choices"] = [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}]
    if tokens is not None:
        whole["usage"] = tokens.members()
    return _encode(whole)


class Chunks:
    """Makes a stream's chunks. `usage_shown`: the caller wants to know the usage, which has a chunk of its own at the end."""

    __slots__ = ("_after", "_before", "_calls", "_head", "_usage_shown")

    def __init__(self, *, usage_shown: bool) -> None:
        self._usage_shown = usage_shown
        self._after = b'}],"usage":null}\n\n' if usage_shown else b"}]}\n\n"
        self._calls = 0
        self._name(Head(id="", model="", created=0))

    @property
    def calls(self) -> int:
        """How many calls of functions have begun."""
        return self._calls

    def begin(self, head: Head) -> bytes:
        """The first chunk."""
        self._name(head)
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def _name(self, head: Head) -> None:
        self._head = head.members("chat.completion.chunk")
        self._before = b'data: %b,"choices":[{"index":0,"delta":' % _encode(self._head)[:-1]

    def text(self, text: str) -> bytes:
        """A piece of text."""
        return self._chunk({"content": text}) if text else b""

    def call(self, call: Call) -> bytes:
        """A call begins, with what there is of its arguments."""
        begun = {"index": self._calls, **call.members()}
        self._calls += 1
        return self._chunk({"tool_calls": [begun]})

    def arguments(self, index: int, piece: str) -> bytes:
        """A piece of the arguments of the call at `index`."""
        return self._chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}) if piece else b""

    def end(self, finish: Finish, tokens: Tokens | None) -> bytes:
        """Everything from the reason of the end on."""
        last = self._chunk({}, _encode(finish))
        if tokens is not None and self._usage_shown:
            last += _event(_encode({**self._head, "choices": [], "usage": tokens.members()}))
        return last + b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, object], finish: bytes = b"null") -> bytes:
        """One chunk; what all of them say is put together once."""
        return b"".join((self._before, _encode(delta), b',"logprobs":null,"finish_reason":', finish, self._after))


def failed(told: Told) -> bytes:
    """An error in the middle of a stream, after which nothing comes."""
    return _event(told.body())


def _event(data: bytes) -> bytes:
    return b"data: %b\n\n" % data
