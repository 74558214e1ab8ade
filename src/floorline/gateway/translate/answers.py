"""What a caller gets of an answer in another dialect: of a whole one at once, of a stream event by event."""

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from floorline.gateway.policy import Dialect
from floorline.gateway.translate import from_anthropic, from_gemini
from floorline.gateway.translate.completion import Told, Untold, failed
from floorline.gateway.wire.framing import Held, sse_data

EVENT_BYTES_MAX = 32 << 20
"""The longest event that is gathered."""

ERROR_SHOWN_MAX = 500
"""Characters of an error that is not in its provider's own shape."""

_EVENTS = re.compile(rb".*?\n\r?\n|.+\Z", re.DOTALL)

Decode = Callable[[bytes], bytes]


class Stream(Protocol):
    """A stream of one dialect: bytes for the caller, of each event's data and of the stream's end."""

    ended: bool
    """The answer is over, in full or with an error: nothing more is told."""

    def event(self, data: bytes) -> bytes:
        """What the caller gets of one event. Untold when it makes no sense."""
        ...

    def end(self) -> bytes:
        """What the caller gets at the stream's end."""
        ...


class _Whole(Protocol):
    def __call__(self, body: bytes, created: int) -> bytes: ...


class _Streams(Protocol):
    def __call__(self, created: int, *, usage_shown: bool) -> Stream: ...


_WHOLES: Mapping[Dialect, _Whole] = {"anthropic": from_anthropic.whole, "gemini": from_gemini.whole}
_STREAMS: Mapping[Dialect, _Streams] = {"anthropic": from_anthropic.Stream, "gemini": from_gemini.Stream}
_ERRORS: Mapping[Dialect, Callable[[int, bytes], Told | None]] = {
    "anthropic": from_anthropic.error,
    "gemini": from_gemini.error,
}


class Answer:
    """One answer on its way into OpenAI's words.

    `streamed`: it comes as events. `complete`: its end was told, in full or as an error; what ends without is broken.
    """

    __slots__ = ("_created", "_decode", "_dialect", "_rest", "_status", "_stream", "streamed")

    def __init__(
        self,
        dialect: Dialect,
        status: int,
        content_type: str,
        decode: Decode | None,
        *,
        created: int,
        usage_shown: bool,
    ) -> None:
        """`decode` makes readable bytes of compressed ones. `created` is seconds since 1970."""
        self._dialect: Dialect = dialect
        self._status, self._created, self._decode = status, created, decode
        self.streamed = status < 400 and content_type.partition(";")[0].strip().lower() == "text/event-stream"
        self._stream = _STREAMS[dialect](created, usage_shown=usage_shown)
        self._rest = Held(EVENT_BYTES_MAX)

    @property
    def content_type(self) -> bytes:
        """Of what the caller gets."""
        return b"text/event-stream; charset=utf-8" if self.streamed else b"application/json"

    @property
    def complete(self) -> bool:
        """Whether a stream's end has come."""
        return self._stream.ended

    def whole(self, body: bytes) -> tuple[int, bytes]:
        """Status and body for the caller, of a whole answer or an error. What cannot be told is a 502."""
        if self._decode is not None:
            body = self._decode(body)
        if self._status >= 400:
            told = _ERRORS[self._dialect](self._status, body) or self._unshaped(body)
            return told.status, told.body()
        try:
            return self._status, _WHOLES[self._dialect](body, self._created)
        except Untold as untold:
            told = _untold(untold)
            return told.status, told.body()

    def feed(self, piece: bytes) -> bytes:
        """What the caller gets of the next bytes of a stream: whole events, or nothing yet."""
        if self._decode is not None:
            piece = self._decode(piece)
        return b"".join([self._event(event) for event in _EVENTS.findall(self._rest.events(piece))])

    def end(self) -> bytes:
        """What the caller gets where the stream ends: its last event may lack the empty line behind it."""
        rest = self._rest.take()
        last = self._event(rest) if rest else b""
        return last if self._stream.ended else last + self._stream.end()

    def _event(self, event: bytes) -> bytes:
        if self._stream.ended:
            return b""
        data = sse_data(event)
        if not data:
            return b""
        try:
            return self._stream.event(data)
        except Untold as untold:
            self._stream.ended = True
            return failed(_untold(untold))

    def _unshaped(self, body: bytes) -> Told:
        """An error that is not in the provider's shape, of a proxy on the way maybe."""
        return Told(status=self._status, kind="upstream_error", message=body.decode(errors="replace")[:ERROR_SHOWN_MAX])


def _untold(untold: Untold) -> Told:
    return Told(status=502, kind="translation_failed", message=str(untold))
