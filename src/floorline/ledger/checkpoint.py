"""What a gateway has counted, on disk: frames that are appended as it changes, and made one again when they have become many.

    frame: [length u32][crc32c u32][payload]      payload: one `Saved` as msgpack

Each frame names the place in the spool up to which it counts, so that after `kill -9` the records beyond it are counted again from
there, each once. The collector leaves the spool's segments in place until a checkpoint has gone beyond them.
"""

import contextlib
import errno
import os
import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from floorline.ledger.checksum import value

NAME = "counters"
EARLIER = "counters.before"
"""The files' names in a gateway's folder: its own, and what the ledger tells it of the time before it counted."""

APPENDED_BYTES_MAX = 4 << 20
"""What may be appended, beyond as much as the whole had, before it is written whole again."""

_HEAD = struct.Struct("<II")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in a gateway's spool: in which process's, which segment, which offset."""

    epoch: bytes = b""
    segment: int = 0
    offset: int = 0


class SavedBucket(msgspec.Struct, frozen=True, array_like=True):
    """One bucket as it stood: a later one of the same budget, holder and start replaces it."""

    budget: str
    holder: str
    start: datetime
    end: datetime
    name: str
    used: int
    presumed: int
    held: int
    calls: int


class SavedCall(msgspec.Struct, frozen=True, array_like=True):
    """A call under way: what is needed to say what it cost if it is lost."""

    id: str
    at: datetime
    customer: str
    user: str
    plan: str
    feature: str
    workflow: str
    key: str
    provider: str
    model: str
    input_tokens: int


class Saved(msgspec.Struct, frozen=True, array_like=True):
    """One frame. `since` says from when on each budget counts, `open` are the calls under way; both are as they stood. The buckets
    of a `whole` frame are all there are, otherwise those that changed.
    """

    place: Place
    at: datetime
    whole: bool
    since: dict[str, datetime]
    open: tuple[SavedCall, ...]
    buckets: tuple[SavedBucket, ...]


FORGOTTEN = timedelta(days=32)
"""A gateway that has not come back for longer than the longest window needs no records any more."""


def awaited(folder: Path, now: datetime) -> Place | None:
    """From where on the spool of the gateway in `folder` must stay, because its counters are not beyond it; None: nowhere."""
    saved = load(folder / NAME)
    return None if saved is None or not saved.since or now - saved.at > FORGOTTEN else saved.place


class EarlierUse(msgspec.Struct, frozen=True, array_like=True):
    """What one holder used of a budget in a window before `since`, from when on the gateway counts."""

    budget: str
    holder: str
    start: datetime
    end: datetime
    name: str
    since: datetime
    used: int


class Earlier(msgspec.Struct, frozen=True, array_like=True):
    """What the ledger knew at `at` of the time before a gateway counted."""

    at: datetime
    uses: tuple[EarlierUse, ...]


def earlier_bytes(earlier: Earlier) -> bytes:
    """As the file holds it."""
    return _encode(earlier)


def load_earlier(path: Path) -> Earlier | None:
    """What the file says; None when there is none, or it is of another release."""
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Earlier)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Saved)


class Checkpoint:
    """The file of one gateway, which alone writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._whole_bytes = self._bytes = 0

    @property
    def is_long(self) -> bool:
        """Whether the next frame should be a whole one."""
        return self._fd < 0 or self._bytes > 2 * self._whole_bytes + APPENDED_BYTES_MAX

    def write(self, saved: Saved) -> None:
        """Append the frame; a whole one takes the place of everything before it. OSError when the disk does not take it: what was
        there stays, and the next frame must be a whole one.
        """
        payload = _encode(saved)
        frame = _HEAD.pack(len(payload), value(payload)) + payload
        if not saved.whole:
            assert self._fd >= 0, "the first frame is a whole one"
            try:
                _write(self._fd, frame)
            except OSError:
                self.close()
                raise
            self._bytes += len(frame)
            return
        temporary = self._path.with_suffix(".new")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self.close()
        try:
            _write(fd, frame)
            temporary.rename(self._path)
        except OSError:
            os.close(fd)
            raise
        self._fd, self._whole_bytes, self._bytes = fd, len(frame), len(frame)

    def remove(self) -> None:
        """There is nothing to keep."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the file back."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)


def _write(fd: int, frame: bytes) -> None:
    written = os.write(fd, frame)
    if written != len(frame):
        raise OSError(errno.ENOSPC, f"{written} of {len(frame)} bytes were written: the disk is full")


def load(path: Path) -> Saved | None:
    """All whole frames of a file made one; None when there is no file or nothing in it can be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    last: Saved | None = None
    buckets: dict[tuple[str, str, datetime], SavedBucket] = {}
    for saved in _frames(content):
        if saved.whole:
            buckets.clear()
        buckets.update({(one.budget, one.holder, one.start): one for one in saved.buckets})
        last = saved
    return None if last is None else msgspec.structs.replace(last, whole=True, buckets=tuple(buckets.values()))


def _frames(content: bytes) -> Iterator[Saved]:
    at = 0
    while at + _HEAD.size <= len(content):
        length, crc = _HEAD.unpack_from(content, at)
        payload = content[at + _HEAD.size : at + _HEAD.size + length]
        if len(payload) < length or value(payload) != crc:
            return
        try:
            yield _decoder.decode(payload)
        except msgspec.DecodeError:
            return  # of another release: everything is counted from what can be read
        at += _HEAD.size + length
