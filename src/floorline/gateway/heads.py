"""Heads of requests that were read before: a client sends the same one with each of its calls, but for the length of the body.

What llhttp has found in a head holds for every head of the same bytes, so that one that is known need not be read again: the
request is made from what was found. A head is remembered once a whole request with it came in one piece, of the plainest
kind: HTTP/1.1, kept alive, with one Content-Length and nothing that is about the connection.
"""

import re
from collections.abc import Mapping

import msgspec

REMEMBERED_MAX = 1_024
HEAD_BYTES_MAX = 4 << 10

LENGTH_DIGITS_MAX = 9

_LENGTH = b"ength: "
"""Where a length is looked for, however the header is written: a head is remembered where that is its only length."""

_LENGTHS = re.compile(rb"\r\ncontent-length: ?(\d{1,9})(?=\r\n)", re.IGNORECASE)
_UNPLAIN = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"connection", b"keep-alive", b"http2-settings", b"te"}
)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of requests with one head. `headers` and `raw_headers` are without the length; `known` is for whoever works
    something out from the head alone, and need not do so again.
    """

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    raw_headers: list[tuple[bytes, bytes]]
    known: dict[object, object] = {}


class Heads:
    """The heads that one server remembers. Forgotten as a whole when they are too many, as callers choose them."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def find(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head of the one whole request in `data`, when it is known, and the request's body."""
        end = data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) + 4
        start = data.find(_LENGTH, 0, end) + len(_LENGTH)
        stop = data.find(b"\r", start, end)
        digits = data[start:stop]
        if not digits.isdigit() or len(digits) > LENGTH_DIGITS_MAX or int(digits) != len(data) - end:
            return None
        head = self._known.get(data[:start] + data[stop:end])
        return None if head is None else (head, data[end:])

    def learn(self, data: bytes, body: bytes, head: Head) -> None:
        """Remember what was found in `data`, which is one whole request of HTTP/1.1 that is kept alive."""
        end = len(data) - len(body)
        lengths = list(_LENGTHS.finditer(data, 0, end))
        if len(lengths) != 1 or end > HEAD_BYTES_MAX or data.find(b"\r\n\r\n") + 4 != end or not _plain(head.headers):
            return
        start, stop = lengths[0].span(1)
        if data.find(_LENGTH, 0, end) + len(_LENGTH) != start:
            return
        if len(self._known) >= REMEMBERED_MAX:
            self._known.clear()
        self._known[data[:start] + data[stop:end]] = head

    def clear(self) -> None:
        """Forget them all: the limits that they were read under have changed."""
        self._known.clear()


def _plain(headers: Mapping[bytes, bytes]) -> bool:
    return _UNPLAIN.isdisjoint(headers) and b"host" in headers
