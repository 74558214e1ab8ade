"""Where the events of a stream begin and end, and how the JSON inside one is replaced."""

import re
import struct
import zlib
from collections.abc import Callable, Mapping

import msgspec

from floorline.gateway.wire.members import members

MESSAGE_BYTES_MIN = 16
"""Of a message of an AWS event stream: its lengths and checksums alone."""

_DATA = re.compile(rb"^data:[ ]?([^\r\n]*)", re.MULTILINE)


class Held:
    """The beginning of an event whose end has not come yet, in the pieces that it came in; never more than `limit` bytes."""

    __slots__ = ("_limit", "_parts", "_size", "_tail", "broken")

    def __init__(self, limit: int) -> None:
        self.broken = False
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._tail = b""

    def __bool__(self) -> bool:
        return self._size > 0

    def take(self) -> bytes:
        """Everything that is held."""
        found = b"".join(self._parts)
        self._parts.clear()
        self._size, self._tail = 0, b""
        return found

    def events(self, piece: bytes) -> bytes:
        """The whole server-sent events, up to the last empty line; the rest is held."""
        tail = self._tail
        seam = tail + piece if tail else piece
        newline, crlf = seam.rfind(b"\n\n"), seam.rfind(b"\n\r\n")
        if newline < 0 and crlf < 0:
            return self._keep(piece)
        return self._split(piece, max(newline + 2, crlf + 3) - len(tail))

    def messages(self, piece: bytes) -> bytes:
        """The whole messages of an AWS event stream; the rest is held. From a length that cannot be one on, all passes: `broken`."""
        if self.broken:
            return piece
        block = self.take() + piece if self._size else piece
        position = 0
        while position + 4 <= len(block):
            (length,) = struct.unpack_from(">I", block, position)
            if length < MESSAGE_BYTES_MIN:
                self.broken = True
                return block
            if position + length > len(block):
                break
            position += length
        return self._split(block, position) if position < len(block) else block

    def _split(self, piece: bytes, end: int) -> bytes:
        """What is held and `piece` up to `end`; the rest is held."""
        whole = self.take() + piece[:end] if self._size else piece[:end]
        rest = piece[end:]
        return whole + self._keep(rest) if rest else whole

    def _keep(self, piece: bytes) -> bytes:
        self._parts.append(piece)
        self._size += len(piece)
        self._tail = (self._tail + piece[-3:])[-3:]
        return self.take() if self._size > self._limit else b""


def sse_data(event: bytes) -> bytes:
    """The data of one server-sent event, its lines joined."""
    return b"\n".join(_DATA.findall(event))


def with_sse_data(event: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """`event` with its data changed; as it is when the data is not one line."""
    found = _DATA.search(event)
    if found is None or _DATA.search(event, found.end()) is not None:
        return event
    return event[: found.start(1)] + change(found[1]) + event[found.end(1) :]


def with_value(document: bytes, path: tuple[str, ...], added: Mapping[str, bytes]) -> bytes:
    """`document` with members added to the object at `path`; as it is when there is no such object."""
    try:
        held = members(document)
        if path:
            inner = held.get(path[0])
            if inner is None:
                return document
            held[path[0]] = msgspec.Raw(with_value(bytes(inner), path[1:], added))
        else:
            held.update({name: msgspec.Raw(value) for name, value in added.items()})
    except (msgspec.DecodeError, RecursionError):
        return document
    return msgspec.json.encode(held)


def message_parts(message: bytes) -> tuple[bytes, bytes]:
    """Headers and payload of one message of an AWS event stream."""
    (headers_length,) = struct.unpack_from(">I", message, 4)
    return message[12 : 12 + headers_length], message[12 + headers_length : -4]


def event_message(headers: bytes, payload: bytes) -> bytes:
    """One message of an AWS event stream, with its checksums."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))
