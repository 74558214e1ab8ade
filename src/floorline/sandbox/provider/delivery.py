"""How an answer goes out: its bytes in order, the pauses between them, and how the connection ends. Pure: who plays the
script is in connection.py.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from floorline.sandbox.provider.controls import Fault
from floorline.sandbox.provider.message import Asked, Headers, Said

_SLOW_HEADERS_S = 0.001
_SETTLE_S = 0.02  # what was written has left this machine by then, so that a reset does not overtake it
_GARBAGE = b"\x16\x03\x01\x00garbage, not HTTP\r\n\r\n"
_AFTER = b"bytes that belong to no answer"
_INTERIM: dict[str, bytes] = {
    "100-continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "early-hints": b"HTTP/1.1 103 Early Hints\r\nlink: </>; rel=preload\r\n\r\n",
}
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


class End(Enum):
    """How the connection goes on after an answer."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for so long."""

    seconds: float


Move = bytes | Pause | End


def script(said: Said, asked: Asked, *, latency_ms: int) -> Iterator[Move]:
    """Everything that is done for one answer; the last move is an `End`. `latency_ms` holds where the call asks for
    none of its own.
    """
    controls = said.controls
    wait = latency_ms if controls.latency_ms is None else controls.latency_ms
    if wait:
        yield Pause(wait / 1000)
    match controls.fault:
        case "reset":
            yield End.RESET
        case "hang":
            yield End.HANG
        case "garbage":
            yield _GARBAGE
            yield End.CLOSE
        case "reset-mid-stream" | "truncate" | "hang-mid-stream" | "error-mid-stream":
            yield from _broken(said, asked, controls.fault)
        case fault:
            yield from _complete(said, asked, fault)


def _complete(said: Said, asked: Asked, fault: Fault) -> Iterator[Move]:
    """An answer that arrives in full, however oddly."""
    if fault in _INTERIM:
        yield _INTERIM[fault]
    parts, headers = said.parts, said.headers
    if fault == "bad-body":
        parts = (
            [b'{"choices": [{"message": {"content": "this is not JSON}']
            if not said.streamed
            else [b"data: {not JSON\n\n"]
        )
    elif fault == "gzip":
        parts, headers = _compressed(parts), (*headers, ("content-encoding", "gzip"))
    frames = Frames(said, parts, headers, until_close=fault == "until-close" or (asked.http10 and said.streamed))
    closes = frames.until_close or not asked.continues
    head = frames.head(closes=closes)
    if fault == "slow-headers":
        for place in range(len(head)):
            yield head[place : place + 1]
            yield Pause(_SLOW_HEADERS_S)
        head = b""
    pause = Pause(said.controls.chunk_ms / 1000) if said.controls.chunk_ms and said.streamed else None
    yield head + frames.part(parts[0])
    for part in parts[1:]:
        if pause is not None:
            yield pause
        yield frames.part(part)
    last = frames.last + (_AFTER if fault == "bytes-after" else b"")
    if last:
        yield last
    yield End.CLOSE if closes or fault == "close-after" else End.KEEP


def _broken(said: Said, asked: Asked, fault: Fault) -> Iterator[Move]:
    """The first half of an answer, and then its end: a reset, a close, silence, or the dialect's own word for it."""
    parts = said.parts
    half = parts[: len(parts) // 2] if len(parts) > 1 else [parts[0][: len(parts[0]) // 2]]
    frames = Frames(said, parts, said.headers, until_close=asked.http10 and said.streamed)
    yield frames.head(closes=False)
    for part in half:
        yield frames.part(part)
    if fault == "error-mid-stream":
        yield frames.part(said.failure) + frames.last
        yield End.KEEP if asked.continues and not frames.until_close else End.CLOSE
        return
    yield Pause(_SETTLE_S)
    yield {"reset-mid-stream": End.RESET, "truncate": End.CLOSE}.get(fault, End.HANG)


def _compressed(parts: Sequence[bytes]) -> list[bytes]:
    """The parts as one gzip body, each of them readable as soon as it is there."""
    if len(parts) == 1:
        return [gzip.compress(parts[0], mtime=0)]
    squeeze = zlib.compressobj(wbits=31)
    packed = [squeeze.compress(part) + squeeze.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    return [*packed, squeeze.flush()]


class Frames:
    """The answer in HTTP/1.1: a length where the body is whole, chunks where it is streamed, neither where the end of
    the connection is its end.
    """

    def __init__(self, said: Said, parts: Sequence[bytes], headers: Headers, *, until_close: bool) -> None:
        self.until_close = until_close
        self._status = said.status
        self._headers = headers
        self._chunked = said.streamed and not until_close
        self._length = None if said.streamed or until_close else sum(map(len, parts))
        self.last = b"0\r\n\r\n" if self._chunked else b""

    def head(self, *, closes: bool) -> bytes:
        """Status line and headers."""
        lines = [f"HTTP/1.1 {self._status} {_REASONS.get(self._status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self._headers]
        if self._chunked:
            lines.append("transfer-encoding: chunked")
        elif self._length is not None:
            lines.append(f"content-length: {self._length}")
        lines.append("connection: close" if closes else "connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def part(self, part: bytes) -> bytes:
        """One part of the body."""
        return b"%x\r\n%b\r\n" % (len(part), part) if self._chunked else part
