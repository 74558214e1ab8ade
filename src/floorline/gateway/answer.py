"""One answer on its way to a client: head, framing, body, and an end that is visible when it is not a clean one."""

from collections.abc import Callable
from http import HTTPStatus
from operator import itemgetter
from typing import Protocol

import msgspec

from floorline.gateway.message import OF_THE_CONNECTION, Headers

JOINED_BYTES_MAX = 64 << 10  # a larger body is written beside its head, not copied behind it
_LINES = {status: b"HTTP/1.1 %d \r\n" % status for status in range(200, 1000)} | {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_ON_ONE_LINE = bytes.maketrans(b"\r\n\0", b"   ")  # a value cannot begin another header
_BODILESS = frozenset({204, 304})
_NAME = itemgetter(0)


def error_answer(message: str, kind: str = "invalid_request_error") -> bytes:
    """An error of the server itself, told before any dialect is known, in the shape that most clients read."""
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": None}})


class Line(Protocol):
    """What an answer needs of the connection that it goes out on."""

    old: bool
    """The request was HTTP/1.0's."""

    write: Callable[[bytes], None]

    @property
    def date(self) -> bytes:
        """The whole date header."""
        ...

    def answered(self, answer: "Answer") -> None:
        """The answer is complete."""
        ...

    def broke_off(self, *, visible: bool) -> None:
        """The answer ends here, and is not whole. `visible`: its framing shows so."""
        ...


class Answer:
    """The reply to one request, written to the connection that the request came on."""

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_ended",
        "_left",
        "_line",
        "gone",
        "keep",
        "on_full",
        "on_gone",
        "on_room",
        "started",
    )

    def __init__(self, line: Line, *, keep: bool, bodiless: bool) -> None:
        self._line, self._bodiless = line, bodiless
        self._chunked = self._ended = False
        self._left: int | None = None
        self.keep, self.gone, self.started = keep, False, False
        self.on_gone: Callable[[], None] | None = None
        self.on_full: Callable[[], None] | None = None
        self.on_room: Callable[[], None] | None = None

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer in one write."""
        assert not self.started, "an answer is started once"
        self.started = True
        head = self._head(status, headers, b"" if status in _BODILESS else b"content-length: %d\r\n" % len(body))
        if self._bodiless or status in _BODILESS:
            body = b""
        if not self.gone and not self._ended:
            if len(body) <= JOINED_BYTES_MAX:
                self._line.write(head + body)
            else:
                self._line.write(head)
                self._line.write(body)
        self._finish()

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """The head; `length` None is chunked, or until close for a client of HTTP/1.0."""
        assert not self.started, "an answer is started once"
        self.started = True
        self._bodiless = self._bodiless or status in _BODILESS
        framing = b""
        if status in _BODILESS:
            pass
        elif length is not None:
            self._left, framing = length, b"content-length: %d\r\n" % length
        elif self._line.old:
            self.keep = False
        else:
            self._chunked, framing = True, b"transfer-encoding: chunked\r\n"
        head = self._head(status, headers, framing)
        if not self.gone and not self._ended:
            self._line.write(head)

    def write(self, data: bytes) -> None:
        """The next bytes of the body."""
        assert self.started, "the head comes first"
        if not data or self.gone or self._ended or self._bodiless:
            return
        if self._chunked:
            self._line.write(b"%x\r\n%b\r\n" % (len(data), data))
            return
        if self._left is not None:
            if len(data) > self._left:  # more than was announced can only be shown as broken
                self.abort()
                return
            self._left -= len(data)
        self._line.write(data)

    def end(self) -> None:
        """The body is complete. One that is shorter than its content-length is broken, not ended."""
        assert self.started, "the head comes first"
        if self._left and not self._bodiless:
            self.abort()
            return
        if self._chunked and not self._bodiless and not self.gone and not self._ended:
            self._line.write(b"0\r\n\r\n")
        self._finish()

    def abort(self) -> None:
        """Break the connection, so that the client sees that the answer is not whole. What was written still goes out where
        the answer's framing shows that more was to come.
        """
        if not self._ended:
            self._ended = True
            self._line.broke_off(visible=not self.started or self._chunked or bool(self._left))

    def left(self) -> None:
        """The client has left."""
        if not self.gone:
            self.gone = True
            if not self._ended and self.on_gone is not None:
                self.on_gone()

    def _head(self, status: int, headers: Headers, framing: bytes) -> bytes:
        if not OF_THE_CONNECTION.isdisjoint(map(_NAME, headers)):
            headers = [header for header in headers if header[0] not in OF_THE_CONNECTION]
        lines = [*map(b": ".join, headers), b""]
        text, count = b"\r\n".join(lines), len(lines) - 1
        if text.count(b"\n") != count or text.count(b"\r") != count or b"\0" in text:
            mended = [(name.translate(_ON_ONE_LINE), value.translate(_ON_ONE_LINE)) for name, value in headers]
            return self._head(status, mended, framing)
        if not self.keep:
            text += b"connection: close\r\n"
        elif self._line.old:
            text += b"connection: keep-alive\r\n"
        return b"%b%b%b%b\r\n" % (_LINES[status], self._line.date, text, framing)

    def _finish(self) -> None:
        if not self._ended:
            self._ended = True
            self._line.answered(self)

    @property
    def ended(self) -> bool:
        """Nothing more can be written."""
        return self._ended
