"""What a command and the control process that owns the ledger say to each other, over the Unix socket in FLOORLINE_HOME.

    message = [length u32][MessagePack]          little-endian; one request, its replies, then the next request

A connection opens with Hello and Welcome, which name the protocol's version: two releases that differ in it refuse each
other in words. Nothing but the messages below can be said; no code travels.
"""

import os
import socket
import struct
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import msgspec

from floorline.errors import BadInput, FloorlineError, LedgerBusy, LedgerCorrupt, LedgerFull, Mismatch
from floorline.ledger.ledger import Written
from floorline.ledger.renaming import Renaming
from floorline.ledger.store import BatchRefused, Bindable, StoreDown

VERSION = 1
SOCKET = "control.sock"
MESSAGE_BYTES_MAX = 1 << 30
PAGE_ROWS = 2_000
_LENGTH = struct.Struct("<I")
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Something said in either direction."""


class Hello(Message, frozen=True, array_like=True, tag=True):
    """The first request of a connection."""

    version: int


class Known(Message, frozen=True, array_like=True, tag=True):
    """Asks for stored fingerprints."""

    source: str
    ids: Sequence[str]


class Write(Message, frozen=True, array_like=True, tag=True):
    """Hands frames in."""

    payloads: Sequence[bytes]


class Ask(Message, frozen=True, array_like=True, tag=True):
    """A query; answered by Pages, the last of which says so."""

    sql: str
    parameters: Mapping[str, Bindable]


class Flush(Message, frozen=True, array_like=True, tag=True):
    """Everything written is to be in the store."""


class Verify(Message, frozen=True, array_like=True, tag=True):
    """Asks for what does not hold."""


class Rebuild(Message, frozen=True, array_like=True, tag=True):
    """Every rollup is to be computed anew; "" keeps the timezone."""

    timezone: str


class Rename(Message, frozen=True, array_like=True, tag=True):
    """The rows of a customer or user are to get their surrogates, what gateways have spooled by now included."""

    renaming: Renaming


class Zone(Message, frozen=True, array_like=True, tag=True):
    """Asks for the reporting timezone."""


class Backup(Message, frozen=True, array_like=True, tag=True):
    """A consistent copy is to be put into an empty folder."""

    folder: str


Deed = Flush | Rebuild | Rename | Backup
Request = Hello | Known | Write | Ask | Verify | Zone | Deed


class Welcome(Message, frozen=True, array_like=True, tag=True):
    """The first reply of a connection. `notices` are the ledger's."""

    version: int
    pid: int
    notices: Sequence[str]


class Done(Message, frozen=True, array_like=True, tag=True):
    """It is done; with what was asked for, as text."""

    texts: Sequence[str] = ()


class Prints(Message, frozen=True, array_like=True, tag=True):
    """Stored fingerprints, None for an id that is not there."""

    found: Sequence[bytes | None]


class Kept(Message, frozen=True, array_like=True, tag=True):
    """What became of frames."""

    written: Written


class Page(Message, frozen=True, array_like=True, tag=True):
    """Some rows of an answer. `wide`: whole numbers beyond 64 bits are among them, and every whole number is text."""

    rows: msgspec.Raw
    last: bool
    wide: bool = False


class Failed(Message, frozen=True, array_like=True, tag=True):
    """The request was refused or failed: the error's class and what it says."""

    error: str
    message: str


Reply = Welcome | Done | Prints | Kept | Page | Failed

ERRORS: dict[str, type[FloorlineError]] = {
    error.__name__: error
    for error in (
        FloorlineError,
        BadInput,
        Mismatch,
        LedgerBusy,
        LedgerFull,
        LedgerCorrupt,
        StoreDown,
        BatchRefused,
    )
}
"""Errors that come out on the other side as what they were; another one comes out as the nearest of these above it."""

_encoder = msgspec.msgpack.Encoder()
requests = msgspec.msgpack.Decoder(Request)
replies = msgspec.msgpack.Decoder(Reply)


class Closed(FloorlineError):
    """The other side went away."""


def send(connection: socket.socket, message: Request | Reply) -> None:
    """Say something. Closed when nobody listens any more."""
    body = _encoder.encode(message)
    if len(body) > MESSAGE_BYTES_MAX:
        raise FloorlineError(f"an answer of {len(body)} bytes is too long to pass on, at most {MESSAGE_BYTES_MAX} are")
    try:
        connection.sendall(_LENGTH.pack(len(body)))
        connection.sendall(body)
    except OSError as error:
        raise Closed(f"nobody listens: {error.strerror}") from error


def receive(connection: socket.socket) -> bytes | None:
    """The next message; None when the other side has said everything. Closed when it went away in the middle."""
    head = _exactly(connection, _LENGTH.size)
    if not head:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > MESSAGE_BYTES_MAX:
        raise Closed(f"a message of {length} bytes was announced: this is no ledger's socket")
    body = _exactly(connection, length)
    if len(body) < length:
        raise Closed("the connection ended in the middle of a message")
    return body


def _exactly(connection: socket.socket, count: int) -> bytes:
    """`count` bytes, fewer only when the connection ends before the first of them."""
    buffer = bytearray(count)
    view, read = memoryview(buffer), 0
    while read < count:
        try:
            got = connection.recv_into(view[read:])
        except OSError as error:
            raise Closed(f"the connection broke: {error.strerror}") from error
        if not got:
            if read:
                raise Closed("the connection ended in the middle of a message")
            return b""
        read += got
    return bytes(buffer)


def failed(error: FloorlineError) -> Failed:
    """An error, as it is told."""
    name = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in ERRORS)
    return Failed(name, str(error))


def raised(failure: Failed) -> FloorlineError:
    """The error that was told."""
    return ERRORS.get(failure.error, FloorlineError)(failure.message)


def pages(rows: Sequence[Sequence[object]]) -> Iterator[Page]:
    """The rows of an answer, in messages of some thousand: neither side holds all of them encoded."""
    for start in range(0, max(len(rows), 1), PAGE_ROWS):
        part, last = rows[start : start + PAGE_ROWS], start + PAGE_ROWS >= len(rows)
        try:
            yield Page(msgspec.Raw(_encoder.encode(part)), last)
        except OverflowError:
            yield Page(msgspec.Raw(_encoder.encode(_narrow(part))), last, wide=True)


def _narrow(value: object) -> object:
    """`value` with numbers beyond what MessagePack holds as text: sums of 128 bits."""
    if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX:
        return str(value)
    if isinstance(value, list | tuple):
        return [_narrow(one) for one in cast("Sequence[object]", value)]
    return value


@contextmanager
def reachable(folder: Path) -> Generator[str]:
    """A name for the socket in `folder` that is short enough for the kernel (107 bytes), however deep the folder is."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)
