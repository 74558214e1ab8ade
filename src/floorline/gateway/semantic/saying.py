"""The text that an answer is. Answers that are something else (calls of tools, pictures, several choices) have none, and are not kept:
what may act is never answered with what another question led to.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import msgspec

from floorline.gateway.policy import Dialect
from floorline.gateway.translate.answers import Answer
from floorline.gateway.translate.completion import UNREADABLE
from floorline.gateway.wire.framing import sse_data

_DONE = b"[DONE]"


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    function_call: msgspec.Raw | None = None
    audio: msgspec.Raw | None = None

    @property
    def said(self) -> str | None:
        """Its words; None where it does something else."""
        if self.tool_calls or self.function_call is not None or self.audio is not None:
            return None
        return self.content or self.refusal or ""


class _Choice(msgspec.Struct):
    index: int = 0
    message: _Message | None = None
    delta: _Message | None = None
    text: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] = []
    error: msgspec.Raw | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct):
    type: str = ""
    content: list[_Block] = []


class _Response(msgspec.Struct):
    output: list[_Item] = []


class _ResponseEvent(msgspec.Struct):
    type: str = ""
    response: _Response | None = None


class _Spoken(msgspec.Struct):
    content: list[dict[str, msgspec.Raw]] = []


class _Output(msgspec.Struct):
    message: _Spoken | None = None


class _Converse(msgspec.Struct):
    output: _Output | None = None


_completion = msgspec.json.Decoder(_Completion)
_response = msgspec.json.Decoder(_Response)
_response_event = msgspec.json.Decoder(_ResponseEvent)
_converse = msgspec.json.Decoder(_Converse)
_words = msgspec.json.Decoder(str)


class Spoken(Protocol):
    """An answer as its provider gave it: readable bytes of an endpoint, whole or a stream."""

    @property
    def dialect(self) -> Dialect:
        """Whose words it is in."""
        ...

    @property
    def endpoint(self) -> str:
        """What was asked, in the provider's dialect."""
        ...

    @property
    def content_type(self) -> str:
        """What its head says that it is."""
        ...

    @property
    def streamed(self) -> bool:
        """It came as a stream."""
        ...

    @property
    def body(self) -> bytes | None:
        """Its bytes, None where there are none."""
        ...


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that nobody stores."""

    dialect: Dialect
    endpoint: str
    content_type: str
    streamed: bool
    body: bytes | None


def said(entry: Spoken) -> str | None:
    """What the answer says; None where it is no text alone, or cannot be read."""
    if entry.body is None:
        return None
    try:
        endpoint, body = (entry.endpoint, entry.body)
        if entry.dialect in ("anthropic", "gemini"):
            endpoint, body = "chat.completions", _translated(entry, entry.body)
        read = _READERS.get((endpoint, entry.streamed))
        found = None if read is None or body is None else read(body)
    except UNREADABLE:
        return None
    return found.strip() if found else None


def _translated(entry: Spoken, body: bytes) -> bytes | None:
    """The answer in OpenAI's words."""
    answer = Answer(entry.dialect, 200, entry.content_type, None, created=0, usage_shown=False)
    if answer.streamed:
        return answer.feed(body) + answer.end()
    status, told = answer.whole(body)
    return told if status == 200 else None


def _whole_completion(body: bytes) -> str | None:
    return _joined([_completion.decode(body)])


def _streamed_completion(body: bytes) -> str | None:
    return _joined(_completion.decode(data) for data in _events(body) if data != _DONE)


def _joined(parts: Iterator[_Completion] | list[_Completion]) -> str | None:
    texts: list[str] = []
    for part in parts:
        if part.error is not None:
            return None
        for choice in part.choices:
            message = choice.message or choice.delta
            text = choice.text or "" if message is None else message.said
            if choice.index or text is None:
                return None
            texts.append(text)
    return "".join(texts)


def _whole_response(body: bytes) -> str | None:
    return _of_response(_response.decode(body))


def _streamed_response(body: bytes) -> str | None:
    """The last event holds the whole response."""
    for data in reversed(list(_events(body))):
        event = _response_event.decode(data)
        if event.type == "response.completed" and event.response is not None:
            return _of_response(event.response)
    return None


def _of_response(response: _Response) -> str | None:
    texts: list[str] = []
    for item in response.output:
        if item.type == "reasoning":
            continue
        if item.type != "message":
            return None
        texts += [block.text or block.refusal or "" for block in item.content]
    return "".join(texts)


def _whole_converse(body: bytes) -> str | None:
    output = _converse.decode(body).output
    if output is None or output.message is None:
        return None
    texts: list[str] = []
    for block in output.message.content:
        if "text" in block:
            texts.append(_words.decode(block["text"]))
        elif "reasoningContent" not in block:
            return None
    return "".join(texts)


def _events(body: bytes) -> Iterator[bytes]:
    for event in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = sse_data(event)
        if data:
            yield data


_READERS: Mapping[tuple[str, bool], Callable[[bytes], str | None]] = {
    ("chat.completions", False): _whole_completion,
    ("chat.completions", True): _streamed_completion,
    ("responses", False): _whole_response,
    ("responses", True): _streamed_response,
    ("converse", False): _whole_converse,
}
"""By endpoint, and whether it came as a stream. Bedrock's streams are not read."""
