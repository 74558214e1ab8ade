"""What the server and the pipeline hand each other: a whole request, and the place where its answer goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, in order, duplicates kept."""

OF_THE_CONNECTION = frozenset(
    {
        b"connection", b"content-length", b"date", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
        b"upgrade",
    }
)  # fmt: skip
"""What each connection says for itself: of an answer that is passed on, none of it is."""


class Request(msgspec.Struct, kw_only=True):
    """One request, its body read whole. `path` is as it came, not decoded; `query` is without its question mark.

    `headers` holds the last value of each name (`cookie`-like lists are not used here); `raw_headers` all, in order.
    `received_ns` is the monotonic clock when its last byte was read. `known` is what was worked out from the same head before, by
    whoever did; None where the head is not one that is remembered.
    """

    method: str
    path: str
    query: str = ""
    headers: dict[bytes, bytes] = {}
    raw_headers: list[tuple[bytes, bytes]] = []
    body: bytes = b""
    received_ns: int = 0
    known: dict[object, object] | None = None


class Reply(Protocol):
    """Where the answer of one request goes. Nothing here waits: what the client does not read yet is buffered by the
    transport, and `on_full` and `on_room` tell the source to pause and to go on.
    """

    gone: bool
    """The client has left: what is written goes nowhere."""

    started: bool
    """The status line is out: an error can no longer be told, only shown by `abort`."""

    on_gone: Callable[[], None] | None
    on_full: Callable[[], None] | None
    on_room: Callable[[], None] | None

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer in one write. `content-length`, `date` and `connection` are added."""
        ...

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """The head. `length` None: chunked, or until close for HTTP/1.0."""
        ...

    def write(self, data: bytes) -> None:
        """The next bytes of the body."""
        ...

    def end(self) -> None:
        """The body is complete."""
        ...

    def abort(self) -> None:
        """Break the connection, so that the client sees that the answer is not whole."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer of the gateway's own."""

    status: int
    body: bytes
    content_type: bytes = b"text/plain; charset=utf-8"
