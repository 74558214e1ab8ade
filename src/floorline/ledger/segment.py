r"""One segment of the spool: a file of frames, appended to through a mapping without a system call per record.

    header (64 bytes): magic "FLSPOOL\0", format u32, size u64, epoch 16 bytes, crc32c of these u32, zeros
    frame: [length u32][crc32c u32][payload][zeros to a multiple of 8]

The crc covers length and payload; the length is stored last, so that a reader who sees a length sees a whole frame after
`kill -9`. Length 0: nothing yet. Length 0xFFFFFFFF: sealed, nothing more will come. Numbers are little-endian.
Blocks are allocated before the file is mapped: on a full disk a store into a hole would be SIGBUS, this way the disk's
refusal is an OSError at `create`.
"""

import contextlib
import ctypes
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from floorline.errors import LedgerCorrupt
from floorline.ledger.checksum import extend, value

FORMAT = 1
MAGIC = b"FLSPOOL\0"
START = 64
OVERHEAD = 16  # of one frame at most: its own 8 bytes, and the 8 that the seal needs
_SEALED = 0xFFFFFFFF
_HEADER = struct.Struct("<8sIQ16s")
_WORD = struct.Struct("<I")
_MS_SYNC, _MADV_POPULATE_WRITE = 4, 23  # Linux

# Through ctypes because that releases the GIL: mmap.flush() and mmap.madvise() hold it for tens of milliseconds.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.msync.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.syncfs.argtypes = [ctypes.c_int]


@dataclass(frozen=True, slots=True)
class Torn:
    """Where a segment stops being readable, and why."""

    path: Path
    offset: int
    reason: str

    def error(self) -> "Damaged":
        """As the user sees it."""
        return Damaged(self)


class Damaged(LedgerCorrupt):
    """A segment that cannot be read to its end. `torn` says where."""

    def __init__(self, torn: Torn) -> None:
        super().__init__(
            f"spool segment {torn.path} is damaged at offset {torn.offset}: {torn.reason}. Records before it are whole. Keep a "
            f"copy, then run `floorline ledger salvage`: what is whole is kept, the rest is reported"
        )
        self.torn = torn


class Segment:
    """One mapped file, written by one process or read by any."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Map `path`. LedgerCorrupt when its header is not one of ours or the file was cut short."""
        fd = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        try:
            size = os.fstat(fd).st_size
            if size < START:
                raise Torn(path, size, f"the file has {size} bytes, a header has {START}").error()
            self._map = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0))
        finally:
            os.close(fd)
        self.path = path
        self.epoch = self._read_header(size)
        self.size = size
        self.tail = START
        self._synced = 0
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._map)) if writable else 0

    def _read_header(self, size: int) -> bytes:
        magic, version, expected, epoch = _HEADER.unpack_from(self._map)
        (crc,) = _WORD.unpack_from(self._map, _HEADER.size)
        if magic != MAGIC or crc != value(self._map[: _HEADER.size]):
            raise Torn(self.path, 0, "its header is not a spool segment's").error()
        if version > FORMAT:
            raise LedgerCorrupt(
                f"{self.path} has format {version}, this release reads up to {FORMAT}: upgrade Floorline"
            )
        if size < expected:
            raise Torn(self.path, size, f"the file has {size} bytes, its header says {expected}").error()
        return epoch

    @classmethod
    def create(cls, path: Path, size: int, epoch: bytes) -> "Segment":
        """Reserve `size` bytes, then publish under the final name. OSError (ENOSPC, EFBIG) leaves nothing behind."""
        temporary = path.with_suffix(".new")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
            header = _HEADER.pack(MAGIC, FORMAT, size, epoch)
            os.pwrite(fd, header + _WORD.pack(value(header)), 0)
            os.fsync(fd)
            temporary.rename(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            raise
        finally:
            os.close(fd)
        sync_folder(path.parent)
        return cls(path, writable=True)

    def populate(self) -> None:
        """Write-fault every page now, off the path of calls; only before the first append. Kernels before 5.14 fault later."""
        _libc.madvise(self._address, self.size, _MADV_POPULATE_WRITE)

    @property
    def room(self) -> int:
        """The longest payload that still fits, in bytes."""
        return self.size - self.tail - OVERHEAD

    def append(self, payload: bytes) -> int:
        """Store one frame and return its offset, or -1 when the segment is full."""
        at, length = self.tail, len(payload)
        end = at + 8 + length
        if end + 8 > self.size:
            return -1
        assert length, "a frame is never empty: length 0 means the end"
        word = _WORD.pack(length)
        data = self._map
        data[at + 4 : end] = _WORD.pack(extend(value(word), payload)) + payload
        data[at : at + 4] = word  # last: publishes the frame
        self.tail = end + 7 & ~7
        return at

    def seal(self) -> None:
        """Say that nothing more will come."""
        self._map[self.tail : self.tail + 4] = _WORD.pack(_SEALED)

    @property
    def sealed(self) -> bool:
        """Whether the writer said, at `tail`, that nothing more will come. A reader asks at the end of `frames`."""
        return self.tail + 4 <= self.size and _WORD.unpack_from(self._map, self.tail)[0] == _SEALED

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Every (offset, payload) from `tail` on, as far as they are whole; again to follow the writer.

        LedgerCorrupt at the first frame whose checksum does not match.
        """
        while (frame := self._next()) is not None:
            if isinstance(frame, Torn):
                raise frame.error()
            yield frame

    def read(self) -> tuple[list[tuple[int, bytes]], Torn | None]:
        """Every whole frame of a segment that nobody writes any more, and where it is damaged, if it is."""
        found: list[tuple[int, bytes]] = []
        self.tail = START
        while (frame := self._next()) is not None:
            if isinstance(frame, Torn):
                return found, frame
            found.append(frame)
        return found, self.lost_beyond()

    def _next(self) -> tuple[int, bytes] | Torn | None:
        at, data = self.tail, self._map
        if at + 8 > self.size:
            return None
        length, crc = _WORD.unpack_from(data, at)[0], _WORD.unpack_from(data, at + 4)[0]
        if length in {0, _SEALED}:
            return None
        if at + 8 + length > self.size:
            return Torn(self.path, at, f"a frame of {length} bytes would end beyond the file")
        payload = data[at + 8 : at + 8 + length]
        if extend(value(_WORD.pack(length)), payload) != crc:
            return Torn(self.path, at, f"the checksum of a frame of {length} bytes does not match")
        self.tail = at + 8 + length + 7 & ~7
        return at, payload

    def lost_beyond(self) -> Torn | None:
        """Of a segment that was read to its end and that nobody writes any more, where it is damaged, if it is.

        A whole frame beyond the end means that the page between was lost (a power failure). What a kill leaves
        beyond the end is one payload without its length, which nobody was told is kept.
        """
        data, tail = self._map, self.tail
        if tail + 8 > self.size or self.sealed:
            return None
        rest = data[tail:].rstrip(b"\0")
        for at in range(8, len(rest) - 8, 8):
            length = _WORD.unpack_from(rest, at)[0]
            if not 0 < length <= len(rest) - at + 7:
                continue
            payload = data[tail + at + 8 : tail + at + 8 + length]
            if extend(value(_WORD.pack(length)), payload) == _WORD.unpack_from(rest, at + 4)[0]:
                return Torn(self.path, tail, f"nothing is here, yet there is a whole frame at {tail + at}")
        return None

    def sync(self) -> None:
        """To disk, what was appended since the last call. One thread calls it; `append` may run meanwhile.

        OSError on a failed write: dirty pages may be gone, so a later success proves nothing; stop and say so.
        """
        last = self.tail + (4 if self.sealed else 0)
        start = self._synced & -mmap.PAGESIZE
        if last > self._synced:
            if _libc.msync(self._address + start, last - start, _MS_SYNC):
                raise OSError(ctypes.get_errno(), "msync", str(self.path))
            self._synced = last


def sync_folder(folder: Path) -> None:
    """To disk, the names in `folder`."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_filesystem(folder: Path) -> None:
    """To disk, everything of the filesystem that `folder` is on: what the embedded engine wrote without asking for it."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        if _libc.syncfs(fd):
            raise OSError(ctypes.get_errno(), "syncfs", str(folder))
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """To disk, what any process wrote to `path`."""
    sync_folder(path)
