"""Bytes of an answer, in any chunks, to its JSON payloads: documents, lines, server-sent events, AWS event streams.

Nothing here reads a socket. A framer holds at most one unfinished payload, never more than its limit in bytes.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Protocol

LIMIT_BYTES = 32 * 1024 * 1024
"""The largest single payload that is held to be read (an image inside a final event is the largest in practice)."""


class Framer(Protocol):
    """Turns chunks into payloads. `trouble` is empty, or a sentence that says what was wrong with the framing."""

    trouble: str

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The payloads that `chunk` completes."""
        ...

    def close(self) -> Iterator[bytes]:
        """What is left when the answer has ended."""
        ...


def framer(content_type: str, start: bytes, limit: int = LIMIT_BYTES) -> Framer:
    """The framer for an answer of `content_type` that begins with `start` (leading white space removed)."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/vnd.amazon.eventstream" or start[:1] == b"\0":
        return EventStreamFramer(limit)
    if kind == "text/event-stream" or (start[:1] not in (b"{", b"[", b"") and _SSE_START.match(start)):
        return SseFramer(limit)
    if kind in ("application/x-ndjson", "application/ndjson", "application/stream+json", "application/jsonl"):
        return LineFramer(limit)
    if start[:1] == b"[":
        return ArrayFramer(limit)
    return DocumentFramer(limit)


_SSE_START = re.compile(rb"\xef\xbb\xbf|:|data\b|event\b|id\b|retry\b")


def _too_long(limit: int) -> str:
    return f"a payload exceeds {limit} bytes and was not read: raise the limit if usage is missing"


class LineFramer:
    """One payload a line (NDJSON). Ends of line are LF, CR or CRLF."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.trouble = ""
        self._limit = limit
        self._buffer = bytearray()
        self._scanned = 0
        self._dropping = False

    @property
    def empty(self) -> bool:
        """No part of a line is held."""
        return not self._buffer and not self._dropping

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Every non-empty line that `chunk` completes."""
        return (line for line in self.lines(chunk) if line.strip())

    def lines(self, chunk: bytes) -> list[bytes]:
        """Every line that `chunk` completes, empty ones included, without its end."""
        buffer = self._buffer
        buffer += chunk
        # A carriage return that is the last byte may be half of a CRLF: it waits for the next chunk.
        end = max(buffer.rfind(b"\n", self._scanned), buffer.rfind(b"\r", self._scanned, len(buffer) - 1)) + 1
        if end == 0:
            self._scanned = max(len(buffer) - 1, 0)
            if len(buffer) > self._limit:
                self.trouble = _too_long(self._limit)
                self._dropping, self._scanned = True, 0
                buffer.clear()
            return []
        lines = bytes(buffer[:end]).splitlines()
        del buffer[:end]
        self._scanned = 0
        if self._dropping:
            self._dropping = False
            return lines[1:]
        return lines

    def close(self) -> Iterator[bytes]:
        """The last line when nothing ended it."""
        last = bytes(self._buffer).strip()
        self._buffer.clear()
        if last and not self._dropping:
            yield last


class SseFramer:
    """Server-sent events: the data of each event, its lines joined, comments and other fields left out."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.trouble = ""
        self._limit = limit
        self._lines = LineFramer(limit)
        self._data: list[bytes] = []
        self._held = 0

    @property
    def between(self) -> bool:
        """Nothing is held: the next byte begins an event."""
        return not self._data and self._lines.empty

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of every event that `chunk` completes, `[DONE]` left out."""
        for line in self._lines.lines(chunk):
            yield from self._line(line)
        self.trouble = self.trouble or self._lines.trouble

    def close(self) -> Iterator[bytes]:
        """The data of the last event when no empty line ended it."""
        for line in self._lines.close():
            yield from self._line(line)
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if line[:5] == b"data:":
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._held += len(value)
            if self._held > self._limit:
                self.trouble = _too_long(self._limit)
                self._data.clear()
            else:
                self._data.append(value)
        elif not line:
            event = b"\n".join(self._data)
            self._data.clear()
            self._held = 0
            if event.strip() not in (b"", b"[DONE]"):
                yield event


class DocumentFramer:
    """One JSON document, or, when its first line is a whole document, one a line."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.trouble = ""
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Nothing until the end: a document is read whole."""
        self._held += len(chunk)
        if self._held > self._limit:
            self.trouble = _too_long(self._limit)
            self._parts.clear()
        else:
            self._parts.append(chunk)
        return iter(())

    def close(self) -> Iterator[bytes]:
        """The document."""
        document = b"".join(self._parts)
        self._parts.clear()
        if document.strip():
            yield document


class ArrayFramer:
    """The objects of one JSON array, each as soon as it is complete (Gemini's stream without `alt=sse`)."""

    _STRUCTURE = re.compile(rb'["{}\[\]]')
    _STRING_END = re.compile(rb'"|\\')

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.trouble = ""
        self._limit = limit
        self._buffer = bytearray()
        self._position = 0
        self._start = -1
        self._depth = 0
        self._in_string = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Every object of the array that `chunk` completes."""
        self._buffer += chunk
        while (place := self._next()) is not None:
            yield from self._step(place)
        keep = self._start if self._start >= 0 else self._position
        del self._buffer[:keep]
        self._position -= keep
        self._start = min(self._start, 0)
        if len(self._buffer) > self._limit:
            self.trouble = _too_long(self._limit)
            self._start = -1  # the object's end is still looked for; its bytes are not kept
            del self._buffer[: self._position]
            self._position = 0

    def _next(self) -> int | None:
        """The place of the next byte that matters, or None when the buffer holds no more."""
        pattern = self._STRING_END if self._in_string else self._STRUCTURE
        found = pattern.search(self._buffer, self._position)
        if found is None:
            self._position = len(self._buffer)
            return None
        if self._buffer[found.start()] == 0x5C:  # a backslash: with the byte after it, which may not be here yet
            if found.start() + 1 >= len(self._buffer):
                self._position = found.start()
                return None
            self._position = found.start() + 2
            return found.start()
        self._position = found.end()
        return found.start()

    def _step(self, place: int) -> Iterator[bytes]:
        byte = self._buffer[place]
        if byte == 0x22:
            self._in_string = not self._in_string
        elif byte in b"{[":
            self._depth += 1
            if self._depth == 2 and byte == 0x7B:
                self._start = place
        elif byte in b"}]":
            self._depth -= 1
            if self._depth == 1 and self._start >= 0:
                yield bytes(self._buffer[self._start : self._position])
                self._start = -1

    def close(self) -> Iterator[bytes]:
        """Nothing more; an array that never ended is a trouble."""
        if self._depth > 0:
            self.trouble = self.trouble or f"the JSON array ends {self._depth} levels deep: the answer was cut off"
        return iter(())


class EventStreamFramer:
    """AWS's binary event stream (`application/vnd.amazon.eventstream`), both checksums of every message verified.

    Message: total length, headers length, CRC-32 of these 8 bytes, headers, payload, CRC-32 of everything before it.
    """

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.trouble = ""
        self._limit = limit
        self._buffer = bytearray()
        self._offset = 0  # of the buffer's first byte in the stream
        self._broken = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The payload of every message that `chunk` completes."""
        if self._broken:
            return
        self._buffer += chunk
        while len(self._buffer) >= 12:
            length, headers_length, checksum = struct.unpack_from(">III", self._buffer)
            if zlib.crc32(self._buffer[:8]) != checksum:
                self._stop(f"prelude CRC {zlib.crc32(self._buffer[:8]):08x} is not the stated {checksum:08x}")
                return
            if not 16 + headers_length <= length <= self._limit:
                self._stop(f"length {length} is not between {16 + headers_length} and {self._limit}")
                return
            if len(self._buffer) < length:
                return
            message = bytes(self._buffer[:length])
            (checksum,) = struct.unpack_from(">I", message, length - 4)
            if zlib.crc32(message[:-4]) != checksum:
                self._stop(f"message CRC {zlib.crc32(message[:-4]):08x} is not the stated {checksum:08x}")
                return
            del self._buffer[:length]
            self._offset += length
            if b":exception-type" in message[12 : 12 + headers_length]:
                shown = message[12 + headers_length : -4][:120].decode(errors="replace")
                self.trouble = f"the provider ended the stream with an exception: {shown}"
            else:
                yield message[12 + headers_length : -4]

    def _stop(self, what: str) -> None:
        self.trouble = f"event stream message at byte {self._offset}: {what}; the rest was not read"
        self._broken = True
        self._buffer.clear()

    def close(self) -> Iterator[bytes]:
        """Nothing more; a message that was cut off is a trouble."""
        if self._buffer and not self.trouble:
            self.trouble = f"the event stream ends inside the message at byte {self._offset}: the answer was cut off"
        return iter(())
