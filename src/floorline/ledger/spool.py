"""The spool: numbered segments, a quota, and what to do when it is used up.

The writer of a gateway runs with `sync_ms`: a thread brings to disk what is new and keeps the next segment ready. An
import runs without: it calls `sync` itself before it says that a record is kept. A segment of a process that ended is
never appended to; the ledger ships and removes it.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from floorline.errors import LedgerFull
from floorline.ledger.checkpoint import Place
from floorline.ledger.segment import OVERHEAD, START, Segment, sync_folder

SEGMENT_BYTES = 64 << 20
QUOTA_BYTES = 4 << 30
RESTS_AFTER = 20
"""Periods without a record after which the thread that syncs rests."""


class Position(Struct, frozen=True):
    """Where a record is: the name of its segment for ever, and its offset."""

    segment: int
    offset: int


class Spool:
    """Appends payloads to numbered segments of `folder`, at most `quota_bytes` of them in all."""

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        quota_bytes: int = QUOTA_BYTES,
        fail: Literal["open", "closed"] = "closed",
        sync_ms: int | None = None,
    ) -> None:
        """The first segment is made by the first append. `fail` says what a full spool does: `closed` refuses the
        record (LedgerFull), `open` drops and counts it.
        """
        self.folder, self.fail = folder, fail
        self.segment_bytes, self.quota_bytes = segment_bytes, quota_bytes
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob("*.new"):
            leftover.unlink()
        self.epoch = os.urandom(16)  # names this spool's batches for ever: segment numbers start anew once all are gone
        self.number = max((number_of(path) for path in segment_paths(folder)), default=0)
        self.dropped = 0
        self._held = (0, 0)  # the segment in which records were seen, and since when
        self.failure: OSError | LedgerFull | None = None  # of the thread; a health page shows it
        self._current: Segment | None = None
        self._spare: Segment | None = None
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._retired: deque[Segment] = deque()
        self._wake, self._stopping = threading.Event(), False
        self._resting = False  # the thread waits until something is appended
        self._thread: threading.Thread | None = None
        if sync_ms is not None:
            self._roll()
            self._thread = threading.Thread(target=self._run, args=(sync_ms,), name="spool-sync", daemon=True)
            self._thread.start()

    @property
    def payload_bytes_max(self) -> int:
        """The longest payload that a segment holds."""
        return self.segment_bytes - START - OVERHEAD

    @property
    def used_bytes(self) -> int:
        """What the segments hold on disk, the one being written and the spare included."""
        return used_bytes(self.folder)

    @property
    def place(self) -> Place:
        """Where the next record goes."""
        current = self._current
        if current is None:
            return Place(self.epoch, self.number + 1, START)
        return Place(self.epoch, self.number, current.tail)

    def append(self, payload: bytes) -> Position | None:
        """Where the record is now; None when it was dropped because the spool is full and fails open.

        LedgerFull when it is full and fails closed: nothing was kept. ValueError for a payload that no segment holds.
        """
        offset = -1 if self._current is None else self._current.append(payload)
        if offset < 0:
            if len(payload) > self.payload_bytes_max:
                raise ValueError(f"a record of {len(payload)} bytes exceeds a segment's {self.payload_bytes_max}")
            try:
                current = self._roll()
            except LedgerFull:
                if self.fail == "closed":
                    raise
                self.dropped += 1
                return None
            offset = current.append(payload)
        if self._resting:
            self._wake.set()
        return Position(self.number, offset)

    def reserve(self, size: int) -> None:
        """See that records of `size` bytes in all can be appended from here on. LedgerFull when they cannot."""
        if self._current is None or self._current.room < size:
            self._prepare()

    def sync(self) -> None:
        """Everything appended so far is on disk when this returns."""
        with self._syncing:
            while self._retired:
                self._retired[0].sync()
                self._retired.popleft()
            current = self._current
            if current is not None:
                current.sync()

    def fits(self, payload: bytes) -> bool:
        """Whether the segment being written still has room for `payload`."""
        return self._current is not None and len(payload) <= self._current.room

    def sealed_paths(self) -> list[Path]:
        """The segments that nothing more is appended to, oldest first."""
        with self._lock:
            open_ = [segment.path for segment in (self._current, self._spare) if segment is not None]
        return [path for path in segment_paths(self.folder) if path not in open_]

    def seal(self) -> None:
        """End the segment being written: the next append starts a new one, and this one can be shipped and removed."""
        with self._lock:
            if self._current is not None:
                self._current.seal()
                self._retired.append(self._current)
                self._current = None

    def seal_after(self, period_ns: int, now_ns: int) -> None:
        """End the segment being written when records have been seen in it for `period_ns`, so that they can leave. Called
        now and then, by whoever appends.
        """
        current = self._current
        if current is None or current.tail == START:
            return
        number, since_ns = self._held
        if number != self.number:
            self._held = self.number, now_ns
        elif now_ns - since_ns >= period_ns:
            self.seal()

    def close(self) -> None:
        """Stop the thread, seal and sync; an unused spare is removed."""
        if self._thread is not None:
            self._stopping = True
            self._wake.set()
            self._thread.join()
        self.seal()
        self.sync()
        if self._spare is not None:
            self._spare.path.unlink(missing_ok=True)  # whoever keeps the folder may have removed it whole
            self._spare = None

    def _roll(self) -> Segment:
        spare = self._prepare()
        with self._lock:
            if self._current is not None:
                self._current.seal()
                self._retired.append(self._current)
            self._current, self._spare = spare, None
            self.number += 1
        self._wake.set()
        return spare

    def _prepare(self) -> Segment:
        """The next segment. Both threads may want it: exactly one makes it."""
        with self._lock:
            if self._spare is None:
                self._spare = self._create()
                if self._thread is not None:
                    self._spare.populate()
            return self._spare

    def _create(self) -> Segment:
        used = self.used_bytes
        if used + self.segment_bytes > self.quota_bytes:
            raise LedgerFull(
                f"the spool in {self.folder} holds {used} bytes, another segment of {self.segment_bytes} would exceed its "
                f"quota of {self.quota_bytes}: the store has not taken them yet; see that it runs, or raise the quota"
            )
        path = self.folder / f"{self.number + 1:012d}.seg"
        try:
            return Segment.create(path, self.segment_bytes, self.epoch)
        except OSError as error:
            raise LedgerFull(f"a spool segment of {self.segment_bytes} bytes cannot be made: {error}") from error

    def _run(self, period_ms: int) -> None:
        """Sync every period; once nothing has come for some of them, rest until something does: each waking costs."""
        seen, still = self.place, 0
        while not self._stopping:
            try:
                self.sync()
                self._prepare()
                self.failure = None
            except (OSError, LedgerFull) as error:
                self.failure = error
            place = self.place
            still = still + 1 if place == seen and self.failure is None else 0
            seen = place
            self._resting = still >= RESTS_AFTER
            if self._resting and self.place == seen:  # what comes from here on wakes
                self._wake.wait()
            else:
                self._wake.wait(period_ms / 1000)
            self._resting = False
            self._wake.clear()


def segment_paths(folder: Path) -> list[Path]:
    """The segments in `folder`, oldest first."""
    return sorted(folder.glob("*.seg"))


def used_bytes(folder: Path) -> int:
    """What the segments in `folder` hold on disk. Another process may remove some meanwhile."""
    used = 0
    for path in segment_paths(folder):
        with contextlib.suppress(FileNotFoundError):
            used += path.stat().st_size
    return used


def number_of(path: Path) -> int:
    """A segment's number, from its name."""
    return int(path.stem)


def remove(paths: Sequence[Path]) -> None:
    """Remove segments whose records the store holds on disk."""
    for path in paths:
        path.unlink()
    if paths:
        sync_folder(paths[0].parent)
