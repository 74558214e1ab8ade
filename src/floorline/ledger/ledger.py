"""The ledger: every record exactly once, through one path.

    look up identities → append to the spool → sync → claim the identities → ship → delete the segment

After a kill at any point, `open` replays the claims from what the spool holds, then ships it again with the same batch
boundaries and tokens. docs/ledger.md says what is promised, how it is proved, and what is not.
"""

import logging
import threading
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from floorline.clock import timezone as zone_of
from floorline.errors import BadInput, FloorlineError, LedgerCorrupt, LedgerFull
from floorline.events import LedgerRecord
from floorline.ledger.answers import KeptAnswers, circumstances
from floorline.ledger.changes import Changes
from floorline.ledger.codec import CUT, Frame, Unfit, decode, encode, identity_of
from floorline.ledger.driver import Connect, Embedded, embedded
from floorline.ledger.identity import Identities
from floorline.ledger.lock import Lock
from floorline.ledger.memory import ANSWERS_BYTES_MAX, Memory, weightless
from floorline.ledger.renaming import Renaming, rename
from floorline.ledger.segment import sync_filesystem
from floorline.ledger.shipping import Left, Rejected, Shipment, Shipper, groups, read_left, ship_lost, shipments
from floorline.ledger.snapshot import copy_gateways, copy_ledger
from floorline.ledger.spool import QUOTA_BYTES, Position, Spool, number_of, remove, segment_paths
from floorline.ledger.store import Bindable, Store, StoreDown
from floorline.query import Query

if TYPE_CHECKING:
    from floorline.ledger.state import State

Row = TypeVar("Row")
Made = TypeVar("Made")
log = logging.getLogger(__name__)
BATCH_ROWS = 50_000  # larger ones are merged less: a quarter less processor time a call than 20,000
SEGMENT_BYTES = 64 << 20  # holds a batch of calls of up to 1.3 KB; its end is a cut
READERS = 2  # queries beside each other; the engine itself reads one with every core where that helps
RETIRE_SEGMENTS = 4  # segments are removed this many at a time: each time the disk is waited for
RECOVER_SEGMENTS = 2  # are in memory at a time when an opening ships again


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record and the 16-byte fingerprint of the normalised input it was made from (not of prices), so that a new
    price book does not make a row another one. `codec.fingerprint_of` makes one.
    """

    record: LedgerRecord
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of the entries of one `write`.

    `new` were kept, `same` were there already. Nothing is kept of `refused` (positions of entries whose identity is there
    with another fingerprint) nor of `invalid` (position and reason: its table cannot hold it).
    """

    new: int
    same: int
    refused: list[int] = field(default_factory=list[int])
    invalid: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


class Ledger:
    """One folder of records, owned by one process at a time. Threads may share it. Use it in a `with`."""

    def __init__(
        self,
        home: Path,
        store: Store,
        lock: Lock,
        answers: KeptAnswers | None,
        *,
        durable: bool,
        embedded: bool,
        batch_rows: int,
    ) -> None:
        """Not for use: `open` makes one."""
        self.home, self.store = home, store
        self.notices: list[str] = []
        self._lock, self._durable, self._embedded, self._answers = lock, durable, embedded, answers
        self._busy = threading.RLock()
        self._identities = Identities(home / "claims")
        self._shipper = Shipper(store, self._quarantine)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="floorline-reader")
        self._group: list[tuple[int, Frame]] = []
        self._group_segment: int = 0
        self._unsynced = False
        self._state: State | None = None
        self._state_lock = threading.Lock()
        self._spool: Spool | None = None
        self._batch_rows = batch_rows
        self._broken = ""
        self._generation = 0
        self._memory: Memory | None = None

    @classmethod
    def open(
        cls,
        home: Path,
        *,
        timezone: str | None = None,
        connect: Connect | None = None,
        wait_s: int = 10,
        durability: Literal["disk", "process"] = "disk",
        segment_bytes: int = SEGMENT_BYTES,
        quota_bytes: int = QUOTA_BYTES,
        batch_rows: int = BATCH_ROWS,
        set_aside: bool = False,
    ) -> "Ledger":
        """Take the folder's lock, migrate, ship what the spool still holds.

        `timezone` None keeps the store's own (UTC when it is new); another one rebuilds the rollups and says so in
        `notices`. `connect` None is chDB in the folder. `durability` process survives a kill, disk a power failure too.
        With `set_aside` a damaged segment is moved to `damaged/` and its whole records are kept; without, LedgerCorrupt.
        BadInput when there is no such timezone, LedgerBusy when another process owns the folder for longer than `wait_s`.
        """
        try:
            zone_of(timezone or "UTC")
        except ValueError as error:
            raise BadInput(str(error)) from error
        home.mkdir(parents=True, exist_ok=True)
        lock = Lock.take(home / "lock", wait_s=wait_s)
        answers = KeptAnswers(home)
        reach = connect or embedded(home / "store")
        store = Store(reach, changing=answers.forget)
        try:
            store.migrate(timezone or "UTC")
            ledger = cls(
                home,
                store,
                lock,
                answers if isinstance(reach, Embedded) else None,
                durable=durability == "disk",
                embedded=connect is None,
                batch_rows=batch_rows,
            )
            ledger._start(timezone, segment_bytes, quota_bytes, set_aside=set_aside)
        except BaseException:
            store.close()
            lock.release()
            raise
        return ledger

    def _start(self, timezone: str | None, segment_bytes: int, quota_bytes: int, *, set_aside: bool) -> None:
        try:
            self._recover(set_aside=set_aside)
            self._keep_days(timezone)
        except BaseException:
            self._shipper.close()
            raise
        self._spool = Spool(self.home / "spool", segment_bytes=segment_bytes, quota_bytes=quota_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> "State":
        """What is not a record. Opened at first use: its library is the slowest to load."""
        with self._state_lock:
            if self._state is None:
                from floorline.ledger.state import State  # noqa: PLC0415 - see above

                self._state = State.open(self.home)
            return self._state

    @property
    def timezone(self) -> str:
        """The reporting timezone of the rollups' days."""
        return self.store.timezone

    @property
    def generation(self) -> int:
        """Another number once there is something else to read than before, as long as this process owns the ledger."""
        return self._generation

    # -- in

    def known(self, source: str, ids: Sequence[str]) -> list[bytes | None]:
        """The stored fingerprint of each (`source`, id), None for one that is not there."""
        with self._busy:
            return self._identities.find([identity_of(source, id_) for id_ in ids])

    def write(self, entries: Sequence[Entry]) -> Written:
        """Keep the entries that are new. They survive a kill when this returns; queries see them after the next flush.

        LedgerFull when the spool's quota or the disk is used up, StoreDown when the store does not take what is shipped
        meanwhile: entries before the one that it happened at are kept, and writing all of them again does no harm.
        """
        payloads: list[tuple[int, bytes]] = []
        invalid: list[tuple[int, str]] = []
        for position, entry in enumerate(entries):
            try:
                payloads.append((position, encode(entry.record, entry.fingerprint)))
            except Unfit as error:
                invalid.append((position, str(error)))
        return self._admit(payloads, invalid)

    def write_frames(self, payloads: Sequence[bytes]) -> Written:
        """As `write`, for records that `codec.encode` made frames of already, in this process or in another.

        A frame of a table or version that this release does not know is `invalid`. Rows are not checked again.
        """
        return self._admit(list(enumerate(payloads)), [])

    def _admit(self, payloads: Sequence[tuple[int, bytes]], invalid: list[tuple[int, str]]) -> Written:
        with self._busy:
            frames = self._decode(payloads, invalid)
            stored = self._identities.find([frame.identity for _, frame, _ in frames])
            new, same, refused = 0, 0, list[int]()
            fresh: dict[bytes, bytes] = {}
            with self._in_step():
                for (position, frame, payload), before in zip(frames, stored, strict=True):
                    known = before or fresh.get(frame.identity)
                    if known is None:
                        self._keep(frame, payload)
                        fresh[frame.identity] = frame.fingerprint
                        new += 1
                    elif known == frame.fingerprint:
                        same += 1
                    else:
                        refused.append(position)
                self._sync()
            return Written(new=new, same=same, refused=refused, invalid=sorted(invalid))

    def _decode(
        self, payloads: Sequence[tuple[int, bytes]], invalid: list[tuple[int, str]]
    ) -> list[tuple[int, Frame, bytes]]:
        """The frames that the spool can hold; the others are added to `invalid`."""
        frames: list[tuple[int, Frame, bytes]] = []
        longest = self._open_spool.payload_bytes_max
        for position, payload in payloads:
            if len(payload) > longest:
                invalid.append((position, f"the record has {len(payload)} bytes, at most {longest} fit"))
                continue
            try:
                frames.append((position, decode(payload), payload))
            except ValueError as error:
                invalid.append((position, str(error)))
        return frames

    def _keep(self, frame: Frame, payload: bytes) -> None:
        """Append one record, claim its identity, and cut a batch when there are enough."""
        position = self._append(payload)
        ended, segment = self._group, self._group_segment
        if position.segment != segment:
            self._group, self._group_segment = [], position.segment
        self._identities.claim(frame.identity, frame.fingerprint)
        self._group.append((position.offset, frame))
        self._unsynced = True
        self._generation += 1
        if position.segment != segment:
            self._submit(ended, segment)  # the end of a segment is a cut
        if len(self._group) >= self._batch_rows:
            self._cut()
            self._retire(at_least=RETIRE_SEGMENTS)

    def _append(self, payload: bytes) -> Position:
        """Where the frame is now. A full spool is emptied into the store before it is an error."""
        spool = self._open_spool
        try:
            position = spool.append(payload)
        except LedgerFull:
            self._cut()
            spool.seal()
            self._retire(at_least=1)
            position = spool.append(payload)
        assert position is not None, "the ledger's own spool fails closed"
        return position

    def _cut(self) -> None:
        """End the batch: from here on its boundaries are fixed in the spool, and it is on its way."""
        if not self._group:
            return
        spool = self._open_spool
        if spool.fits(CUT):
            spool.append(CUT)
        else:
            spool.seal()
        self._unsynced = True
        ended, self._group = self._group, []
        self._submit(ended, self._group_segment)

    def _submit(self, group: Sequence[tuple[int, Frame]], segment: int) -> None:
        if group:
            self._sync()
            if self._memory is not None:
                self._memory.changes.of_frames(frame for _, frame in group)
            self._shipper.submit(shipments(self._open_spool.epoch, segment, group))

    def _sync(self) -> None:
        if self._durable and self._unsynced:
            self._open_spool.sync()
        self._unsynced = False

    @contextmanager
    def _in_step(self) -> Generator[None]:
        """What is in memory and what is in the spool go together. When anything but an expected failure comes between,
        only the spool is believed: nothing more is written, shipped or removed until the next `open` reads it.
        """
        if self._broken:
            raise LedgerCorrupt(
                f"the ledger stopped in the middle of a write ({self._broken}): close it and open it again"
            )
        try:
            yield
        except FloorlineError:
            raise
        except BaseException as error:
            self._broken = f"{type(error).__name__}: {error}"
            raise

    def flush(self) -> None:
        """Everything written is in the store when this returns, and queries see it."""
        self._flushed()

    def _flushed(self) -> tuple[Memory | None, int]:
        """As `flush`; what remembers answers, and the number of the last change that queries see now."""
        with self._busy:
            with self._in_step():
                self._cut()
            self._shipper.wait()
            return self._memory, self._memory.changes.now if self._memory is not None else 0

    # -- out

    def remember(self, *, today: Callable[[], date], bytes_max: int = ANSWERS_BYTES_MAX) -> Changes:
        """Keep answers for as long as they hold: for a process that answers the same again and again. See `Memory`. Begins anew when
        it did already, with what the process before this one kept at its end if that holds. What changes in other ways than through
        this ledger is to be told to what it returns.
        """
        with self._busy:
            self._shipper.wait()  # what is on its way is told to nobody
            changes = Changes(starts := self.store.day_starts())
            memory = Memory(changes, self.store.query, today=today, bytes_max=bytes_max)
            if self._answers is not None:
                memory.take(self._answers.take(circumstances(self.store, starts)))
            self._memory = memory
        return changes

    def keep_answers(self) -> None:
        """Keep what is remembered and holds for the next process, until something changes. `close` does."""
        with self._busy:
            self.flush()
            if self._memory is None or self._answers is None:
                return
            try:
                self.store.mark()
                if self._durable and self._embedded:
                    sync_filesystem(self.home)
                self._answers.keep(circumstances(self.store, self.store.day_starts()), self._memory.lasting())
            except (StoreDown, OSError) as error:
                log.warning("the answers are not kept for the next process: %s", error)

    def query(self, query: Query[Row]) -> list[Row]:
        """The rows of `query`, over everything written so far."""
        return self._answered(query, *self._flushed())

    def begin(self, query: Query[Row]) -> Future[list[Row]]:
        """As `query`, on another thread: its rows, or what it raises, when they are asked for."""
        memory, now = self._flushed()
        if memory is not None and memory.holds(query):
            known: Future[list[Row]] = Future()
            known.set_result(memory.answer(query, now))
            return known
        return self._readers.submit(self._answered, query, memory, now)

    def made(
        self, key: Hashable, of: Sequence[object], make: Callable[[], Made], weigh: Callable[[Made], int] = weightless
    ) -> Made:
        """What `make` makes of answers, again for as long as they hold where answers are remembered: see `Memory.made`."""
        return make() if self._memory is None else self._memory.made(key, of, make, weigh)

    def over(self, day: date) -> bool:
        """Whether answers about days before `day` are remembered as they are: see `Memory.over`."""
        return self._memory is not None and self._memory.over(day)

    def _answered(self, query: Query[Row], memory: Memory | None, now: int) -> list[Row]:
        return self.store.query(query) if memory is None else memory.answer(query, now)

    def answer(self, sql: str, parameters: Mapping[str, Bindable]) -> list[list[object]]:
        """The values of the rows of a query, over everything written so far: for one that comes from another process."""
        self.flush()
        return self.store.answer(sql, parameters)

    def verify(self) -> list[str]:
        """What does not hold: rollups that differ from their base tables, identities stored twice; [] when all is well."""
        self.flush()
        return self.store.differences()

    def rebuild(self, timezone: str | None = None) -> None:
        """Compute every rollup anew from the base tables, as a repair or for another timezone's days."""
        with self._busy:
            self._empty_spool()
            with self._changing_everything():
                self.store.rebuild(timezone or self.store.timezone)

    def rename(self, renaming: Renaming) -> None:
        """Give the rows of one customer or user their surrogates, in the base tables and in every rollup. Identities stay:
        what is imported again is known. Interrupted, the same `renaming` goes on.
        """
        with self._busy:
            self._empty_spool()
            with self._changing_everything():
                rename(self.store, renaming)

    @contextmanager
    def _changing_everything(self) -> Generator[None]:
        """What is not told record by record, and days that may be another timezone's afterwards. Interrupted, nothing is
        remembered any more until the next `open` ends it.
        """
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.changes.of_everything()  # before it can be seen
        yield
        self._generation += 1
        if memory is not None:
            memory.changes.reckon(self.store.day_starts())
            self._memory = memory

    def _empty_spool(self) -> None:
        """Nothing is on its way, and no segment is left."""
        self.flush()
        with self._in_step():
            self._open_spool.seal()
            self._retire(at_least=1)

    def backup(self, folder: Path) -> None:
        """Put a copy of everything as of one moment into `folder`, which must not exist and lie on the same filesystem.

        Writes wait for as long as it takes to link the files. BadInput when the store is a server's, which has backups
        of its own.
        """
        if not self._embedded:
            raise BadInput(
                "the store is a ClickHouse server's: back it up with its own BACKUP, and this folder beside it"
            )
        folder.mkdir(mode=0o700)
        copy_gateways(self.home, folder)
        with self._busy:
            self._empty_spool()
            with self._in_step():
                self._identities.save()
            with self.store.still() as parts:
                copy_ledger(self.home.resolve(), parts, folder)

    def close(self) -> None:
        """Ship everything, remove the spool's segments, give the folder free. What could not be shipped stays spooled."""
        with self._busy:
            if self._spool is None:
                return
            try:
                if not self._broken:
                    self._empty_spool()
                    self.keep_answers()
            finally:
                self._shipper.close()
                self._readers.shutdown()
                self._spool.close()
                self._spool = None
                self.store.close()
                if self._state is not None:
                    self._state.close()
                self._lock.release()

    @property
    def _open_spool(self) -> Spool:
        assert self._spool is not None, "the ledger is closed"
        return self._spool

    # -- segments that the store holds

    def _retire(self, *, at_least: int) -> None:
        """Remove the segments whose batches the store holds, when there are enough of them to wait for the disk once."""
        done = self._open_spool.sealed_paths()
        if len(done) >= at_least:
            self._shipper.wait()
            self._settle(done)

    def _settle(self, done: Sequence[Path]) -> None:
        """Remove segments that were shipped. Claims are saved first, so none may be pending that could be released."""
        if done:
            self._identities.save()
            if self._durable and self._embedded:
                sync_filesystem(self.home)
            remove(done)

    def _recover(self, *, set_aside: bool) -> None:
        """Replay the claims of every frame in the spool and ship the frames with their batches' own tokens, a few
        segments at a time. The engine can lose what was under way when it was killed, so each batch is looked up after
        it was shipped again, and the rollups are compared with their base tables.
        """
        paths = segment_paths(self.home / "spool")
        for start in range(0, len(paths), RECOVER_SEGMENTS):
            damaged: list[Left] = []
            again: list[Shipment] = []
            for path in paths[start : start + RECOVER_SEGMENTS]:
                left = read_left(path)
                if left.torn is not None:
                    if not set_aside:
                        raise left.torn.error()
                    damaged.append(left)
                for group in groups(left.payloads):
                    self._claim_again(group)
                    again += (batches := shipments(left.epoch, number_of(path), group))
                    self._shipper.submit(batches)
            self._shipper.wait()
            if again:
                self._mend(again)
            self.notices += [self._put_aside(left) for left in damaged]
            self._settle([path for path in paths[start : start + RECOVER_SEGMENTS] if path.exists()])

    def _mend(self, again: Sequence[Shipment]) -> None:
        """Put right what a kill made the engine lose of the batches that were under way."""
        lost = sum(ship_lost(self.store, shipment) for shipment in again)
        differences = self.store.differences()
        if lost or differences:
            self.store.rebuild(self.store.timezone)
            self.notices.append(
                f"the last process was killed while it stored: {lost} records were put in again and the rollups rebuilt"
            )

    def _claim_again(self, group: Sequence[tuple[int, Frame]]) -> None:
        known = self._identities.find([frame.identity for _, frame in group])
        for (_, frame), fingerprint in zip(group, known, strict=True):
            if fingerprint is None:
                self._identities.claim(frame.identity, frame.fingerprint)

    def _put_aside(self, left: Left) -> str:
        """Move a damaged segment, whose whole records are stored, out of the spool; what to tell the user."""
        assert left.torn is not None
        self._identities.save()
        folder = self.home / "damaged"
        folder.mkdir(exist_ok=True)
        moved = left.path.rename(folder / f"{left.epoch.hex()}-{left.path.name}")
        return (
            f"{left.path} is damaged at offset {left.torn.offset}: {left.torn.reason}. {len(left.payloads)} whole records before "
            f"it are kept; what was after it is lost unless it is imported again. The file is now {moved}"
        )

    def _keep_days(self, timezone: str | None) -> None:
        """Rebuild the rollups when another timezone is asked for, or when a rebuild was interrupted."""
        interrupted = self.store.rebuilding
        wanted = timezone or interrupted or self.store.timezone
        if interrupted:
            self.notices.append(f"a rebuild of the rollups was interrupted: rebuilt for days of {wanted}")
        elif wanted != self.store.timezone:
            self.notices.append(
                f"the reporting timezone was {self.store.timezone}: rollups rebuilt for days of {wanted}"
            )
        else:
            return
        self.store.rebuild(wanted)

    def _quarantine(self, rejected: list[Rejected]) -> None:
        """Keep what the store refuses, with its reason, and forget its claims so that a mended record can come."""
        from floorline.ledger.state import Quarantined  # noqa: PLC0415 - as in `state`

        now = datetime.now(UTC)
        kept: list[Quarantined] = []
        for one in rejected:
            source, record_id = one.frame.name()
            kept.append(
                Quarantined(
                    origin=f"spool {one.segment}/{one.offset}",
                    source=source,
                    record_id=record_id,
                    reason=f"{one.frame.table.name}: {one.reason}",
                    body=one.frame.row,
                    at=now,
                )
            )
            self._identities.release(one.frame.identity, one.frame.fingerprint)
        self.state.quarantine(kept)
