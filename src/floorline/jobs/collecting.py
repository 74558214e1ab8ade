"""From the gateways' spools into the ledger: every closed call once, every call that never closed as `lost`, once.

    look (which segments, which process lives) → read → write_frames → lose → remove

A gateway spools an opening before a call's first byte goes upstream, and a Call when it ends. Nothing is noted down of
how far a spool was read: after a kill it is read again from its beginning, and identities make it exactly once. A segment
goes only when no more can come into it, all its calls are in the ledger (which holds them on disk by then), and none of
its openings waits for its closing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from floorline.events import Opening
from floorline.jobs.lost import Estimator
from floorline.ledger import codec
from floorline.ledger.checkpoint import Place, awaited
from floorline.ledger.ledger import Ledger
from floorline.ledger.lock import is_free
from floorline.ledger.segment import Damaged, Segment, Torn
from floorline.ledger.snapshot import GATEWAYS
from floorline.ledger.spool import number_of, remove, segment_paths, used_bytes
from floorline.ledger.state import Quarantined

READ_FRAMES = 4_096
_LOST_AT_ONCE = 1_000

T = TypeVar("T")
Tell = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Collected:
    """What was done so far: `new` calls in the ledger, `same` ones that were there already (after a kill), `late` ones
    whose loss was recorded before they closed, `lost` ones, and frames that were `refused` and are in quarantine. `labels`
    are those that are new.
    """

    new: int = 0
    same: int = 0
    late: int = 0
    lost: int = 0
    refused: int = 0
    labels: int = 0


@dataclass(slots=True, kw_only=True)
class _Followed:
    """One segment that is being read. `open` are the identities whose openings it holds and that are not closed yet;
    `read` says that everything in it was read at least once.
    """

    segment: Segment
    inode: int
    read: bool = False
    open: set[bytes] = field(default_factory=set[bytes])
    torn: Torn | None = None

    @property
    def path(self) -> Path:
        return self.segment.path


class Following:
    """The spool of one gateway, whichever of its processes wrote it."""

    def __init__(self, folder: Path, ledger: Ledger, done: Collected, tell: Tell) -> None:
        self.name = folder.name
        self._folder, self._ledger, self._done, self._tell = folder, ledger, done, tell
        self._followed: dict[Path, _Followed] = {}
        self._openings: dict[bytes, tuple[Opening, _Followed]] = {}
        self._living: bytes | None = None  # the epoch of the process that writes
        self._living_at_read: bytes | None = None  # the same, before everything was read for the last time
        self._caught_up = False
        self._told: set[Path] = set()

    @property
    def open(self) -> int:
        """How many calls are under way, as far as was read."""
        return len(self._openings)

    @property
    def spool_bytes(self) -> int:
        """What the spool holds on disk."""
        return used_bytes(self._folder / "spool")

    def look(self) -> None:
        """Find new segments, and whether a process still writes. In this order: when nobody does afterwards, nothing is
        added any more to what was found before.
        """
        paths = segment_paths(self._folder / "spool")
        for path in self._followed.keys() - paths:
            del self._followed[path]  # a gateway that ends takes its unused spare along
        for path in paths:
            self._follow(path)
        last = max(self._followed.values(), key=lambda one: number_of(one.path), default=None)
        self._living = None if last is None or is_free(self._folder / "lock") else last.segment.epoch

    def _follow(self, path: Path) -> None:
        """A name may have come back with another file behind it: the one that is read keeps its inode from being used again."""
        try:
            inode = path.stat().st_ino
            if path in self._followed and self._followed[path].inode == inode:
                return
            self._followed[path] = _Followed(segment=Segment(path), inode=inode)
        except FileNotFoundError:
            return
        except Damaged as damaged:
            if is_free(self._folder / "lock"):
                self._put_aside(path, damaged.torn)
            elif path not in self._told:
                self._told.add(path)
                self._tell(f"{damaged}")

    def read(self) -> None:
        """Put what is new into the ledger. Raises what the ledger raises; what was not kept is read again then."""
        for _, followed in sorted(self._followed.items()):
            while self._read_some(followed):
                pass
            followed.read = True
        self._living_at_read = self._living
        if not self._caught_up:
            self._forget_closed()
            self._caught_up = True

    def _read_some(self, followed: _Followed) -> bool:
        """Whether there may be more."""
        segment, frames = followed.segment, list[bytes]()
        before = segment.tail
        try:
            for _, payload in islice(segment.frames(), READ_FRAMES):
                frames.append(payload)
        except Damaged as damaged:
            if followed.torn is None:
                self._tell(f"{damaged}")
            followed.torn = damaged.torn
        try:
            self._take(followed, frames)
        except BaseException:
            segment.tail = before
            raise
        return len(frames) == READ_FRAMES

    def _take(self, followed: _Followed, frames: Iterable[bytes]) -> None:
        calls: list[bytes] = []
        labels: list[bytes] = []
        versions: dict[str, str] = {}
        for payload in frames:
            number = codec.number_of(payload)
            try:
                if number == codec.OPENING:
                    self._open(codec.decode_opening(payload), codec.identity_in(payload), followed)
                elif number == codec.PRICE_VERSION:
                    name, body = codec.decode_price_version(payload)
                    versions[name] = body
                elif number == codec.LABELS:
                    labels.append(payload)
                else:
                    calls.append(payload)
            except ValueError as error:
                self._refuse([(payload, str(error))], followed.path)
        if versions:
            self._ledger.state.add_price_versions(versions, now=datetime.now(UTC))
        if calls:
            self._write(calls, followed)
        if labels:
            self._write_labels(labels, followed.path)

    def _open(self, opening: Opening, identity: bytes, followed: _Followed) -> None:
        self._openings[identity] = (opening, followed)
        followed.open.add(identity)

    def _write(self, calls: Sequence[bytes], followed: _Followed) -> None:
        written = self._ledger.write_frames(calls)
        self._done.new += written.new
        self._done.same += written.same
        self._done.late += len(written.refused)
        self._refuse([(calls[at], reason) for at, reason in written.invalid], followed.path)
        self._close(map(codec.identity_in, calls))

    def _write_labels(self, labels: Sequence[bytes], path: Path) -> None:
        written = self._ledger.write_frames(labels)
        self._done.labels += written.new
        self._refuse([(labels[at], reason) for at, reason in written.invalid], path)

    def _close(self, identities: Iterable[bytes]) -> None:
        for identity in identities:
            if (found := self._openings.pop(identity, None)) is not None:
                found[1].open.discard(identity)

    def _refuse(self, frames: Sequence[tuple[bytes, str]], path: Path) -> None:
        """Keep what cannot be a record, with the reason."""
        if frames:
            now, origin = datetime.now(UTC), f"gateway {self.name} {path.name}"
            self._ledger.state.quarantine(
                [
                    Quarantined(
                        origin=origin, record_id=codec.identity_in(frame).hex(), reason=reason, body=frame, at=now
                    )
                    for frame, reason in frames
                ]
            )
            self._done.refused += len(frames)

    def _forget_closed(self) -> None:
        """After a start: the closings of some openings may have been collected, and their segments removed."""
        for part in _parts(self._openings.items(), _LOST_AT_ONCE):
            known = self._known([opening for _, (opening, _) in part])
            self._close([identity for (identity, _), there in zip(part, known, strict=True) if there])

    def _known(self, openings: Sequence[Opening]) -> list[bool]:
        by_source: dict[str, list[int]] = {}
        for at, opening in enumerate(openings):
            by_source.setdefault(opening.source, []).append(at)
        there = [False] * len(openings)
        for source, places in by_source.items():
            found = self._ledger.known(source, [openings[at].id for at in places])
            for at, fingerprint in zip(places, found, strict=True):
                there[at] = fingerprint is not None
        return there

    def lose(self, now: datetime, estimator: Estimator) -> None:
        """Record as lost what is open beyond its deadline, or whose process ended; `read` came before."""
        due = [
            (identity, opening)
            for identity, (opening, followed) in self._openings.items()
            if opening.deadline <= now or followed.segment.epoch != self._living_at_read
        ]
        for part in _parts(due, _LOST_AT_ONCE):
            known = self._known([opening for _, opening in part])
            entries = [estimator.entry(opening) for (_, opening), there in zip(part, known, strict=True) if not there]
            self._keep_versions(estimator, now)
            written = self._ledger.write(entries)
            self._done.lost += written.new
            for at, reason in written.invalid:
                self._quarantine_lost(entries[at].record.id, reason, now)
            self._close([identity for identity, _ in part])

    def _keep_versions(self, estimator: Estimator, now: datetime) -> None:
        versions = estimator.pricer.versions
        if versions:
            self._ledger.state.add_price_versions({name: one.to_json() for name, one in versions.items()}, now=now)
            versions.clear()

    def _quarantine_lost(self, record_id: str, reason: str, now: datetime) -> None:
        row = Quarantined(origin=f"gateway {self.name} lost", record_id=record_id, reason=reason, at=now)
        self._ledger.state.quarantine([row])
        self._done.refused += 1

    def remove(self, now: datetime) -> None:
        """Remove the segments that are done with; damaged ones are set aside. What the gateway's counters have not saved stays."""
        done: list[Path] = []
        for path, followed in list(self._followed.items()):
            ended = followed.segment.epoch != self._living_at_read
            if followed.open or not followed.read or not (ended or followed.segment.sealed):
                continue
            if _is_needed(followed, awaited(self._folder, now)):
                continue
            torn = followed.torn or (followed.segment.lost_beyond() if ended else None)
            if torn is None:
                done.append(path)
            else:
                self._put_aside(path, torn)
            del self._followed[path]
        remove(done)

    def _put_aside(self, path: Path, torn: Torn) -> None:
        folder = self._folder.parent.parent / "damaged"
        folder.mkdir(exist_ok=True)
        moved = path.rename(folder / f"{self.name}-{path.stat().st_ino}-{path.name}")
        self._tell(
            f"{path} is damaged at offset {torn.offset}: {torn.reason}. Whole records before it are kept; calls that closed "
            f"behind it count as lost. The file is now {moved}"
        )


class Collector:
    """Follows every gateway below `home`. One thread calls `step`, again and again."""

    def __init__(self, ledger: Ledger, home: Path, estimator: Estimator, tell: Tell) -> None:
        self.done = Collected()
        self._ledger, self._home, self._estimator, self._tell = ledger, home, estimator, tell
        self._gateways: dict[str, Following] = {}

    def step(self, now: datetime) -> None:
        """Collect what is there by now, of every gateway. Raises what the ledger raises; the next step goes on from there."""
        for gateway in self.gateways():
            gateway.look()
            gateway.read()
            gateway.lose(now, self._estimator)
            gateway.remove(now)

    @property
    def followed(self) -> list[Following]:
        """The gateways that were found so far; any thread may ask."""
        return list(self._gateways.values())

    def reprice(self, estimator: Estimator) -> None:
        """From the next step on, other prices hold for what is lost."""
        self._estimator = estimator

    def gateways(self) -> list[Following]:
        """Every gateway that has a folder."""
        for folder in sorted((self._home / GATEWAYS).glob("*/spool")):
            name = folder.parent.name
            if name not in self._gateways:
                self._gateways[name] = Following(folder.parent, self._ledger, self.done, self._tell)
        return list(self._gateways.values())


def _is_needed(followed: _Followed, place: Place | None) -> bool:
    """Whether the segment, which was read to its end, has anything beyond `place`."""
    if place is None or followed.segment.epoch != place.epoch:
        return False
    number = number_of(followed.path)
    return number > place.segment or (number == place.segment and followed.segment.tail > place.offset)


def _parts(items: Iterable[T], size: int) -> list[list[T]]:
    listed = list(items)
    return [listed[start : start + size] for start in range(0, len(listed), size)]
