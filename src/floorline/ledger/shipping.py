"""From the spool to the store: batches whose boundaries the spool fixed, as often as it takes.

A batch is every frame of one table and version between two cut marks (or the ends) of a segment. Its token names the
segment and the offsets, so that a retry, in this process or the next, is the same batch under the same token.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex

from floorline.errors import FloorlineError
from floorline.ledger.codec import CUT, Frame, decode
from floorline.ledger.segment import Damaged, Segment, Torn, sync_file
from floorline.ledger.store import Batch, BatchRefused, Store, StoreDown

THREADS = 2  # the store reads a batch with one processor; a second one reads the next meanwhile
_NAMES_A_QUERY = 1_000
WAITING_MAX = 3  # batches on their way before `submit` waits: bounds memory, keeps both sides busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """A batch, the segment it came from, and the frames it was made of with their offsets."""

    segment: int
    batch: Batch
    frames: Sequence[tuple[int, Frame]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One record that the store refuses."""

    segment: int
    offset: int
    frame: Frame
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """What a segment of an earlier process holds: whole payloads with their offsets, and where it is damaged."""

    path: Path
    epoch: bytes
    payloads: list[tuple[int, bytes]]
    torn: Torn | None


def read_left(path: Path) -> Left:
    """The segment at `path`, brought to disk first so that what is read now is there next time too."""
    sync_file(path)
    try:
        segment = Segment(path)
    except Damaged as damaged:
        return Left(path, b"", [], damaged.torn)
    payloads, torn = segment.read()
    return Left(path, segment.epoch, payloads, torn)


def shipments(epoch: bytes, segment: int, group: Sequence[tuple[int, Frame]]) -> list[Shipment]:
    """The batches of the frames between two cuts, one for each table and version, in the order they first appear."""
    kinds: dict[tuple[int, int], list[tuple[int, Frame]]] = {}
    for offset, frame in group:
        kinds.setdefault((frame.table.number, frame.version), []).append((offset, frame))
    return [
        Shipment(
            segment=segment,
            frames=frames,
            batch=Batch(
                table=frames[0][1].table,
                version=version,
                token=f"{epoch.hex()}/{segment}/{frames[0][0]}-{frames[-1][0]}/{number}.{version}",
                rows=[frame.row for _, frame in frames],
            ),
        )
        for (number, version), frames in kinds.items()
    ]


def groups(payloads: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, Frame]]]:
    """The frames of a segment, decoded, split where it was cut; a segment's end is a cut."""
    group: list[tuple[int, Frame]] = []
    for offset, payload in payloads:
        if payload == CUT:
            if group:
                yield group
            group = []
        else:
            group.append((offset, decode(payload)))
    if group:
        yield group


def ship(store: Store, shipment: Shipment) -> list[Rejected]:
    """Put the batch into the store. Records that the store refuses are returned with the reason; the rest is stored."""
    batch = shipment.batch
    try:
        store.insert(batch)
    except BatchRefused as refused:
        bad = dict(_refused(store, batch, range(len(batch.rows))))
        if not bad:
            raise StoreDown(
                f"the store refuses a batch of {batch.table.name} but none of its rows: {refused}"
            ) from refused
        good = [row for n, row in enumerate(batch.rows) if n not in bad]
        if good:
            left_out = blake2b(",".join(map(str, sorted(bad))).encode(), digest_size=8).hexdigest()
            store.insert(replace(batch, rows=good, token=f"{batch.token}-{left_out}"))
        return [
            Rejected(segment=shipment.segment, offset=offset, frame=frame, reason=bad[n])
            for n, (offset, frame) in enumerate(shipment.frames)
            if n in bad
        ]
    return []


def ship_lost(store: Store, shipment: Shipment) -> int:
    """Put in what the store does not hold of a batch that was shipped again after a kill; how many records that were.

    The engine notes a batch's token a moment before it publishes the batch's part. Killed in between, it takes the same
    token for a repetition and drops it. So what is not there goes in again, under a token that was never used.
    """
    names = [frame.name() for _, frame in shipment.frames]
    held: set[tuple[str, str]] = set()
    for start in range(0, len(names), _NAMES_A_QUERY):
        ids = [name for _, name in names[start : start + _NAMES_A_QUERY]]
        held |= store.held(shipment.batch.table.name, ids)
    lost = [frame for frame, name in zip(shipment.frames, names, strict=True) if name not in held]
    if lost:
        token = f"{shipment.batch.token}/again/{token_hex(8)}"
        batch = replace(shipment.batch, token=token, rows=[frame.row for _, frame in lost])
        ship(store, replace(shipment, batch=batch, frames=lost))
    return len(lost)


def _refused(store: Store, batch: Batch, span: range) -> Iterator[tuple[int, str]]:
    """The rows of `span` that the store refuses by themselves, by halving, without writing anything."""
    reason = store.probe(replace(batch, rows=[batch.rows[n] for n in span]))
    if reason and len(span) == 1:
        yield span[0], reason
    elif reason:
        half = len(span) // 2
        yield from _refused(store, batch, span[:half])
        yield from _refused(store, batch, span[half:])


class Shipper:
    """Ships in threads of its own, so that the next batch is encoded while others are stored. Batches are independent of
    each other: their order does not matter, only that each arrives.

    A failure stops it; `wait` raises the failure, and the next `wait` or `submit` tries the same batches again.
    """

    def __init__(self, store: Store, rejected: Callable[[list[Rejected]], None]) -> None:
        self._store, self._rejected = store, rejected
        self._queue: deque[Shipment] = deque()
        self._flying = 0
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self._stopping = False
        self._threads: list[threading.Thread] = []

    def submit(self, shipments: Sequence[Shipment]) -> None:
        """Queue some; waits while enough are queued. Raises what stopped the shipping; all are queued even so."""
        with self._changed:
            self._queue.extend(shipments)
            while len(self._threads) < min(THREADS, len(self._queue) + self._flying):
                thread = threading.Thread(target=self._run, name=f"ledger-ship-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._settle(WAITING_MAX)

    def wait(self) -> None:
        """Everything queued is stored when this returns. Raises what stopped the shipping."""
        with self._changed:
            self._settle(0)

    def close(self) -> None:
        """Stop; what is queued stays in the spool."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _settle(self, waiting: int) -> None:
        """Wait, holding the lock, until no more than `waiting` are on their way; what failed before is tried again once."""
        self._failure = None
        self._changed.notify_all()
        self._changed.wait_for(lambda: self._failure is not None or len(self._queue) + self._flying <= waiting)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (shipment := self._next()) is not None:
            try:
                rejected = ship(self._store, shipment)
                if rejected:
                    self._rejected(rejected)
            except FloorlineError as error:
                self._landed(failed=shipment, failure=error)
            except BaseException as error:
                self._landed(failed=shipment, failure=error)
                raise
            else:
                self._landed()

    def _next(self) -> Shipment | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or (self._queue and self._failure is None))
            if self._stopping:
                return None
            self._flying += 1
            return self._queue.popleft()

    def _landed(self, *, failed: Shipment | None = None, failure: BaseException | None = None) -> None:
        with self._changed:
            self._flying -= 1
            if failed is not None:
                self._queue.appendleft(failed)
                self._failure = failure
            self._changed.notify_all()
