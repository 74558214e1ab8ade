"""Where in a segment of the content store each call is, in a file beside the segment, so that one call is found without reading
all that is kept.

    000000000001.idx        [64-bit hash of the call's id][offset u32], one a frame, in the segment's order

An index is a help and no record: it is written after its frame and never brought to disk on purpose. What it lacks at its end (a
kill between the two, a power failure, a segment of an earlier release) is found by reading the segment from there on.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from floorline.ledger.segment import START, Segment
from floorline.ledger.spool import Position

_ENTRY = struct.Struct("<8sI")


def index_path(segment: Path) -> Path:
    """The index of the segment at `segment`."""
    return segment.with_suffix(".idx")


class IndexWriter:
    """Writes the indexes of one folder's segments. One thread calls it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segment, self._fd = 0, -1

    def add(self, call_id: str, at: Position) -> None:
        """`call_id` is the frame that was just appended at `at`. Where that cannot be written, the index of this segment
        ends: it may lack what comes last, and never anything between.
        """
        if at.segment != self._segment:
            self.close()
            self._segment = at.segment
            with suppress(OSError):
                path = self._folder / f"{at.segment:012d}.idx"
                self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if self._fd >= 0 and not self._wrote(_ENTRY.pack(_hash(call_id), at.offset)):
            self.close()

    def _wrote(self, entry: bytes) -> bool:
        try:
            return os.write(self._fd, entry) == len(entry)
        except OSError:
            return False

    def close(self) -> None:
        """Nothing more is added for now."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def candidates(path: Path, call_id: str) -> Iterator[bytes]:
    """The frames of the segment at `path` among which `call_id` is if it is there at all: those that the index names, then
    those that it lacks. Damaged as `Segment.frames`, FileNotFoundError for a segment that went meanwhile.
    """
    segment, wanted, last = Segment(path), _hash(call_id), 0
    for hashed, offset in _entries(index_path(path)):
        if not START <= offset < segment.size or offset <= last:
            break  # the end of it was never written
        last = offset
        if hashed == wanted:
            yield _frame(segment, offset)
    segment.tail = last or START
    for offset, payload in segment.frames():
        if offset != last:
            yield payload


def _frame(segment: Segment, offset: int) -> bytes:
    segment.tail = offset
    return next((payload for _, payload in segment.frames()), b"")


def _entries(path: Path) -> Iterator[tuple[bytes, int]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    whole = len(content) - len(content) % _ENTRY.size
    yield from _ENTRY.iter_unpack(content[:whole])


def _hash(call_id: str) -> bytes:
    return blake2b(call_id.encode(), digest_size=8).digest()
