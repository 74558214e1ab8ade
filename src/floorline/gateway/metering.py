"""Reads an answer's usage while it passes: a copy of its bytes, decompressed, to the usage reader. Never changes a byte."""

import importlib
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol, cast

from floorline.gateway.accounting import priced_as
from floorline.gateway.cache.taking import Taking
from floorline.gateway.underway import Try
from floorline.gateway.upstream import Attempt
from floorline.pricing.usage import UsageReader, read_answer

DECODED_BYTES_MAX = 256 << 20
"""Of one answer. What a few compressed bytes can blow up to is not read without end."""

_STEP_BYTES = 1 << 20
_WRAPPED = zlib.MAX_WBITS | 32  # zlib's or gzip's, as its first bytes say
BYTES_A_TOKEN = 4
_NO_HEADERS: Mapping[str, str] = {}


class Meter:
    """The usage of one answer, fed as it comes, or whole."""

    __slots__ = (
        "_captured", "_decode", "_endpoint", "_events", "_headers", "_kind", "_one", "_reader", "_received", "_smallest",
    )  # fmt: skip

    def __init__(self, one: Try, attempt: Attempt, endpoint: str, captured: Taking | None) -> None:
        """`captured` takes in the same readable bytes, where the call's content is kept."""
        self._one, self._captured = one, captured
        headers = attempt.named
        self._endpoint = endpoint
        self._kind = headers.get(b"content-type", b"").decode("latin-1")
        self._headers = _texts(headers) if one.provider.dialect == "bedrock" else _NO_HEADERS
        self._decode = (
            decoder(headers[b"content-encoding"].decode("latin-1")) if b"content-encoding" in headers else None
        )
        self._reader: UsageReader | None = None
        self._received = self._events = 0
        self._smallest = 1 << 30

    def feed(self, data: bytes) -> None:
        """The next bytes of the answer."""
        if self._decode is not None:
            data = self._decode(data)
        size = len(data)
        self._received += size
        self._events += 1
        if 0 < size < self._smallest:
            self._smallest = size
        (self._reader or self._begun()).feed(data)
        if self._captured is not None:
            self._captured.feed(data)

    def whole(self, body: bytes, *, ending: str) -> None:
        """The answer, which has ended, in one piece."""
        one = self._one
        if self._decode is not None:
            body = self._decode(body)
        one.usage = read_answer(
            priced_as(one.provider), self._endpoint, body,
            content_type=self._kind, status=one.status, headers=self._headers,
        )  # fmt: skip
        one.ended_ns, one.ending = time.perf_counter_ns(), ending
        if ending != "complete":
            one.shown_tokens = -(-len(body) // BYTES_A_TOKEN)
        if self._captured is not None:
            self._captured.feed(body)
            self._captured.end()

    def ended(self, *, ending: str, streamed: bool) -> None:
        """The answer has ended, whole or not: what it says was used is noted on its try."""
        one = self._one
        one.usage = (self._reader or self._begun()).finish()
        one.ended_ns, one.ending = time.perf_counter_ns(), ending
        if ending != "complete":
            one.shown_tokens = self._shown(streamed=streamed)
        if self._captured is not None:
            self._captured.end()

    def _begun(self) -> UsageReader:
        self._reader = UsageReader(
            priced_as(self._one.provider), self._endpoint,
            content_type=self._kind, status=self._one.status, headers=self._headers,
        )  # fmt: skip
        return self._reader

    def _shown(self, *, streamed: bool) -> int:
        """About how many output tokens had come: a stream's pieces carry a token or more each in a frame whose size is
        that of the smallest; a whole answer is mostly text.
        """
        if not streamed:
            return -(-self._received // BYTES_A_TOKEN)
        text = self._received - self._events * self._smallest
        return max(self._events, -(-text // BYTES_A_TOKEN)) if self._events else 0


class Unmetered:
    """Reads nothing; for measurements of the bare way."""

    __slots__ = ("_one",)

    def __init__(self, one: Try, attempt: Attempt, endpoint: str, captured: Taking | None) -> None:
        del attempt, endpoint, captured
        self._one = one

    def feed(self, data: bytes) -> None:
        """Nothing is read."""

    def whole(self, body: bytes, *, ending: str) -> None:
        """Nothing is read."""
        del body
        self._one.ended_ns, self._one.ending = time.perf_counter_ns(), ending

    def ended(self, *, ending: str, streamed: bool) -> None:
        """Nothing is known but how it ended."""
        del streamed
        self._one.ended_ns, self._one.ending = time.perf_counter_ns(), ending


def _texts(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Headers as text: Bedrock states usage in them."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}


def decoder(encoding: str) -> Callable[[bytes], bytes] | None:
    """What makes readable bytes of an answer's; None where they are readable as they are. An encoding that is not known
    gives nothing to read: the answer is passed on and its call is unpriced.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip", "deflate"):
        return _Inflating(raw_allowed=name == "deflate").feed
    if name == "br":
        return _Brotli().feed
    return _nothing


def _nothing(_data: bytes) -> bytes:
    return b""


class _Inflating:
    """gzip and deflate, the latter with or without its wrapper; several gzip members one after another."""

    def __init__(self, *, raw_allowed: bool) -> None:
        self._undecided = raw_allowed
        self._start = b""
        self._engine = zlib.decompressobj(_WRAPPED)
        self._made = 0
        self._broken = False

    def feed(self, data: bytes) -> bytes:
        if self._undecided:
            data = self._start = self._start + data
            if len(data) < 2:
                return b""
            self._undecided = False
            if not _has_wrapper(data):
                self._engine = zlib.decompressobj(-zlib.MAX_WBITS)
        made: list[bytes] = []
        full = False
        while (data or full) and not self._broken and self._made < DECODED_BYTES_MAX:
            try:
                part = self._engine.decompress(data, _STEP_BYTES)
            except zlib.error:
                self._broken = True
                break
            made.append(part)
            self._made += len(part)
            data, full = self._engine.unconsumed_tail, len(part) == _STEP_BYTES
            if self._engine.eof:
                data, full = self._engine.unused_data, False
                self._engine = zlib.decompressobj(_WRAPPED)
        return b"".join(made)


def _has_wrapper(start: bytes) -> bool:
    """Whether a deflated answer begins as zlib's or gzip's format does."""
    return start[:2] == b"\x1f\x8b" or (start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0)


class _Engine(Protocol):
    """brotli.Decompressor, which has no types of its own."""

    def process(self, data: bytes, output_buffer_limit: int) -> bytes:
        """The next bytes: as many as the limit and some more, or all that are left."""
        ...


class _Brotli:
    def __init__(self) -> None:
        library = importlib.import_module("brotli")
        self._engine = cast("_Engine", library.Decompressor())
        self._error = cast("type[Exception]", library.error)
        self._made = 0
        self._broken = False

    def feed(self, data: bytes) -> bytes:
        made: list[bytes] = []
        while not self._broken and self._made < DECODED_BYTES_MAX:
            try:
                part = self._engine.process(data, output_buffer_limit=_STEP_BYTES)
            except self._error:
                self._broken = True
                break
            made.append(part)
            self._made += len(part)
            data = b""
            if len(part) < _STEP_BYTES:  # whether it can take more says nothing of what it still has to give
                break
        return b"".join(made)
