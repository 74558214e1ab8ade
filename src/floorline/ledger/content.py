"""The content store: prompts and answers, where a feature asks for them and nowhere else.

    content/<day of expiry>/<writer>/*.seg     frames, encrypted under the subject's own key; a day's folder goes when it is over
    content/<day of expiry>/<writer>/*.idx     where in a segment each call is (content_index.py)
    content/keys/<customer>/<user>             the subject's key, itself encrypted under the signing secret; names are keyed hashes

A subject is a customer and one of its users. Shredding a subject removes its key: what was written under it can be read by
nobody any more, wherever a copy of it lies. Content is in no backup, for the same reason.
"""

import hmac
import os
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from floorline.errors import LedgerCorrupt, LedgerFull
from floorline.ledger.content_index import IndexWriter, candidates
from floorline.ledger.segment import Damaged, Segment, sync_folder
from floorline.ledger.spool import Spool, segment_paths

SEGMENT_BYTES = 16 << 20
QUOTA_BYTES = 16 << 30
SIDE_BYTES_MAX = 4 << 20
"""Of a request or an answer; what is longer is kept up to here and marked as cut."""

SUBJECTS_KNOWN_MAX = 10_000
SYNC_MS = 1_000
CONTENT = "content"
"""The store's folder in FLOORLINE_HOME."""

_NONCE_BYTES = 12
_KEY_BYTES = 32
KEYS = "keys"
"""The folder of the subjects' keys, in the store's."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What was said in one call: `request` and `answer` as their bytes were, cut at SIDE_BYTES_MAX when `cut`."""

    call_id: str
    at: datetime
    feature: str
    request: bytes
    answer: bytes
    cut: bool = False


class Kept(NamedTuple):
    """What is kept of a call, and a name of its subject that tells it from others and says nothing else."""

    content: Content
    subject: str


class _Frame(msgspec.Struct, frozen=True, array_like=True):
    call_id: str
    customer: str  # the keyed hashes that name the subject's key
    user: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose content it is; either name may be ''."""

    customer: str
    user: str


class SubjectKeys:
    """The keys of subjects, in files that any process of this machine may make or remove."""

    def __init__(self, folder: Path, secret: bytes, random: Callable[[int], bytes]) -> None:
        self._folder, self._random = folder, random
        self._hashing = hmac.digest(secret, b"floorline content names", "sha256")
        self._wrapping = AESGCM(hmac.digest(secret, b"floorline content keys", "sha256"))

    def names(self, subject: Subject) -> tuple[str, str]:
        """The file names of the subject's customer and user: keyed hashes, which tell nothing without the secret."""
        return self._hash(subject.customer), self._hash(f"{subject.customer}\0{subject.user}")

    def _hash(self, name: str) -> str:
        return hmac.digest(self._hashing, name.encode(), "sha256")[:16].hex()

    def make(self, subject: Subject) -> bytes:
        """The subject's key, made when there is none."""
        customer, user = self.names(subject)
        key = self.find(customer, user)
        if key is not None:
            return key
        path = self._folder / customer / user
        for folder in (self._folder.parent, self._folder, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        nonce, key = self._random(_NONCE_BYTES), self._random(_KEY_BYTES)
        draft = path.with_name(f"{user}.{os.getpid()}")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor, made with its mode
            file.write(nonce + self._wrapping.encrypt(nonce, key, user.encode()))
            file.flush()
            os.fsync(fd)
        with suppress(FileExistsError):  # another process was faster: its key holds
            os.link(draft, path)
        draft.unlink()
        sync_folder(path.parent)
        made = self.find(customer, user)
        assert made is not None, "a key that was just made is there"
        return made

    def find(self, customer: str, user: str) -> bytes | None:
        """The key under these names; None when it was never made or was shredded. LedgerCorrupt when it cannot be read."""
        path = self._folder / customer / user
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return self._wrapping.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], user.encode())
        except InvalidTag as error:
            raise LedgerCorrupt(
                f"{path} was made under another signing secret: start with the FLOORLINE_SECRET (or the file `secret`) of then"
            ) from error

    def stamp(self, customer: str, user: str) -> object:
        """What tells the key file under these names from a later one; None when there is none."""
        try:
            status = os.stat(self._folder / customer / user)  # noqa: PTH116 - twice as fast
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def count(self, subject: Subject, *, whole_customer: bool) -> int:
        """How many keys `shred` would remove."""
        return len(self._paths(subject, whole_customer=whole_customer))

    def shred(self, subject: Subject, *, whole_customer: bool) -> int:
        """Remove the subject's key, or those of all users of its customer; how many there were."""
        paths = self._paths(subject, whole_customer=whole_customer)
        for path in paths:
            with path.open("r+b") as file:
                file.write(self._random(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        if paths:
            sync_folder(paths[0].parent)
        return len(paths)

    def _paths(self, subject: Subject, *, whole_customer: bool) -> list[Path]:
        customer, user = self.names(subject)
        return sorted((self._folder / customer).glob("*" if whole_customer else user))


@dataclass(frozen=True, slots=True)
class _Known:
    """A subject's key, the names it has, and what tells its file from a later one's."""

    cipher: AESGCM
    customer: str
    user: str
    stamp: object


@dataclass(slots=True)
class _Day:
    """What expires on one day, as this process writes it, and the day of which the last call was."""

    spool: Spool
    index: IndexWriter
    written: date

    def append(self, call_id: str, frame: bytes) -> bool:
        """Keep a frame; False when it does not fit."""
        at = self.spool.append(frame)
        if at is not None:
            self.index.add(call_id, at)
        return at is not None

    def close(self) -> None:
        """Bring everything to disk."""
        self.index.close()
        self.spool.close()


class ContentStore:
    """The content below one folder. A process writes under a name of its own and reads what all wrote.

    One thread calls `put` and `close`.
    """

    def __init__(
        self,
        folder: Path,
        secret: bytes,
        random: Callable[[int], bytes],
        *,
        writer: str = "",
        segment_bytes: int = SEGMENT_BYTES,
        quota_bytes: int = QUOTA_BYTES,
    ) -> None:
        """`writer` '' only reads. `quota_bytes` is what one writer keeps for one day of expiry."""
        self.keys = SubjectKeys(folder / KEYS, secret, random)
        self._folder, self._random, self._writer = folder, random, writer
        self._segment_bytes, self._quota_bytes = segment_bytes, quota_bytes
        self._days: dict[date, _Day] = {}
        self._known: OrderedDict[Subject, _Known] = OrderedDict()

    def put(self, content: Content, subject: Subject, ttl_days: int) -> bool:
        """Keep `content` for `ttl_days`; False when it does not fit the quota or the disk: content is no record."""
        known = self._key_of(subject)
        nonce = self._random(_NONCE_BYTES)
        plain = msgspec.msgpack.encode(content)
        sealed = nonce + known.cipher.encrypt(nonce, plain, content.call_id.encode())
        frame = msgspec.msgpack.encode(_Frame(content.call_id, known.customer, known.user, sealed))
        today = content.at.astimezone(UTC).date()
        try:
            return self._day_of(today, ttl_days).append(content.call_id, frame)
        except LedgerFull:
            return False

    def _key_of(self, subject: Subject) -> _Known:
        """The subject's key; asked for anew when the file is another, because it was shredded meanwhile."""
        known = self._known.get(subject)
        if known is None or self.keys.stamp(known.customer, known.user) != known.stamp:
            key, (customer, user) = self.keys.make(subject), self.keys.names(subject)
            known = _Known(AESGCM(key), customer, user, self.keys.stamp(customer, user))
            self._known[subject] = known
            if len(self._known) > SUBJECTS_KNOWN_MAX:
                self._known.popitem(last=False)
        return known

    def _day_of(self, today: date, ttl_days: int) -> _Day:
        expiry = today + timedelta(days=ttl_days)
        day = self._days.get(expiry)
        if day is None:
            assert self._writer, "who writes has a name"
            for rested in [other for other, held in self._days.items() if held.written < today]:
                self._days.pop(rested).close()
            folder = self._folder / expiry.isoformat() / self._writer
            spool = Spool(
                folder, segment_bytes=self._segment_bytes, quota_bytes=self._quota_bytes, fail="open", sync_ms=SYNC_MS
            )
            day = self._days[expiry] = _Day(spool, IndexWriter(folder), today)
        day.written = max(day.written, today)
        return day

    def close(self) -> None:
        """Bring everything to disk."""
        for day in self._days.values():
            day.close()
        self._days.clear()

    def find(self, call_id: str) -> Content | None:
        """What is kept of a call; None when nothing was, it has expired, or its subject was shredded."""
        for path in self._segments():
            with suppress(Damaged, FileNotFoundError):
                for payload in candidates(path, call_id):
                    frame = _decoded(payload)
                    if frame.call_id == call_id:
                        return _opened(frame, self._cipher(frame))
        return None

    def holds(self, call_id: str) -> bool:
        """Whether anything is kept of a call: what `find` then gives, unless its subject was shredded."""
        for path in self._segments():
            with suppress(Damaged, FileNotFoundError):
                if any(_decoded(payload).call_id == call_id for payload in candidates(path, call_id)):
                    return True
        return False

    def read(self) -> Iterator[Kept]:
        """Everything that is kept and can be read, what expires last first. Days that end meanwhile, and segments that
        cannot be read, are passed over.
        """
        ciphers: dict[tuple[str, str], AESGCM | None] = {}
        for path in reversed(self._segments()):
            try:
                payloads = Segment(path).read()[0]
            except (Damaged, FileNotFoundError):
                continue
            for _, payload in reversed(payloads):
                frame = _decoded(payload)
                whose = frame.customer, frame.user
                if whose not in ciphers:
                    ciphers[whose] = self._cipher(frame)
                content = _opened(frame, ciphers[whose])
                if content is not None:
                    yield Kept(content, f"{frame.customer}/{frame.user}")

    def _cipher(self, frame: _Frame) -> AESGCM | None:
        key = self.keys.find(frame.customer, frame.user)
        return None if key is None else AESGCM(key)

    def _segments(self) -> list[Path]:
        return [path for folder in sorted(self._folder.glob("????-??-??/*")) for path in segment_paths(folder)]


def _decoded(payload: bytes) -> _Frame:
    return msgspec.msgpack.decode(payload, type=_Frame)


def _opened(frame: _Frame, cipher: AESGCM | None) -> Content | None:
    """What the frame holds; None without its key, or under another one."""
    if cipher is None:
        return None
    nonce, sealed = frame.sealed[:_NONCE_BYTES], frame.sealed[_NONCE_BYTES:]
    try:
        plain = cipher.decrypt(nonce, sealed, frame.call_id.encode())
    except InvalidTag:  # written under a key that was shredded; its subject came back under another
        return None
    return msgspec.msgpack.decode(plain, type=Content)


def purge(folder: Path, now: datetime) -> int:
    """Remove the days of the content store in `folder` that are over; how many there were."""
    today = now.astimezone(UTC).date()
    over = [path for path in folder.glob("????-??-??") if _day(path) < today]
    for path in over:
        shutil.rmtree(path, ignore_errors=True)  # what its writer adds at this moment goes the next time
    return len(over)


def _day(path: Path) -> date:
    """The day that a folder is named for; the last there is for a name that is none, so that it is never over."""
    try:
        return date.fromisoformat(path.name)
    except ValueError:
        return date.max
