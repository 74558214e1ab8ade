"""The content store: prompts and answers, where a feature asks for them and nowhere else.

    content/<day of expiry>/<writer>/*.seg     frames, encrypted under the subject's own key; a day's folder goes when it is over
    content/keys/<customer>/<user>             the subject's key, itself encrypted under the signing secret; names are keyed hashes

A subject is a customer and one of its users. Shredding a subject removes its key: what was written under it can be read by
nobody any more, wherever a copy of it lies. Content is in no backup, for the same reason.
"""

import hmac
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from floorline.errors import LedgerCorrupt
from floorline.ledger.segment import Segment, sync_folder
from floorline.ledger.spool import Spool, segment_paths

SEGMENT_BYTES = 16 << 20
QUOTA_BYTES = 16 << 30
SIDE_BYTES_MAX = 4 << 20
"""Of a request or an answer; what is longer is kept up to here and marked as cut."""

_NONCE_BYTES = 12
_KEY_BYTES = 32
_KEYS = "keys"


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What was said in one call: `request` and `answer` as their bytes were, cut at SIDE_BYTES_MAX when `cut`."""

    call_id: str
    at: datetime
    feature: str
    request: bytes
    answer: bytes
    cut: bool = False


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
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        nonce, key = self._random(_NONCE_BYTES), self._random(_KEY_BYTES)
        draft = path.with_name(f"{user}.{os.getpid()}")
        draft.write_bytes(nonce + self._wrapping.encrypt(nonce, key, user.encode()))
        draft.chmod(0o600)
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

    def shred(self, subject: Subject, *, whole_customer: bool) -> int:
        """Remove the subject's key, or those of all users of its customer; how many there were."""
        customer, user = self.names(subject)
        folder = self._folder / customer
        paths = list(folder.glob("*")) if whole_customer else [path for path in (folder / user,) if path.exists()]
        for path in paths:
            with path.open("r+b") as file:
                file.write(self._random(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        if paths:
            sync_folder(folder)
        return len(paths)


class ContentStore:
    """The content below one folder. A process writes under a name of its own and reads what all wrote."""

    def __init__(self, folder: Path, secret: bytes, random: Callable[[int], bytes], *, writer: str = "") -> None:
        self.keys = SubjectKeys(folder / _KEYS, secret, random)
        self._folder, self._random, self._writer = folder, random, writer
        self._spools: dict[date, Spool] = {}
        self._known: dict[Subject, tuple[AESGCM, str, str]] = {}
        self.dropped = 0

    def put(self, content: Content, subject: Subject, ttl_days: int) -> None:
        """Keep `content` for `ttl_days`. What does not fit the quota is dropped and counted: content is no record."""
        cipher, customer, user = self._cipher(subject)
        nonce = self._random(_NONCE_BYTES)
        plain = msgspec.msgpack.encode(content)
        sealed = nonce + cipher.encrypt(nonce, plain, content.call_id.encode())
        frame = msgspec.msgpack.encode(_Frame(content.call_id, customer, user, sealed))
        before = self._spool_of(content.at.date() + timedelta(days=ttl_days)).append(frame)
        if before is None:
            self.dropped += 1

    def _cipher(self, subject: Subject) -> tuple[AESGCM, str, str]:
        """The subject's cipher; asked for anew when its key was shredded meanwhile."""
        customer, user = self.keys.names(subject)
        known = self._known.get(subject)
        if known is None or not (self._folder / _KEYS / customer / user).exists():
            known = self._known[subject] = (AESGCM(self.keys.make(subject)), customer, user)
            if len(self._known) > 10_000:
                del self._known[next(iter(self._known))]
        return known

    def _spool_of(self, expiry: date) -> Spool:
        spool = self._spools.get(expiry)
        if spool is None:
            assert self._writer, "who writes has a name"
            for day in [day for day in self._spools if day < expiry - timedelta(days=3_650)]:
                self._spools.pop(day).close()
            folder = self._folder / expiry.isoformat() / self._writer
            spool = Spool(folder, segment_bytes=SEGMENT_BYTES, quota_bytes=QUOTA_BYTES, fail="open", sync_ms=1_000)
            self._spools[expiry] = spool
        return spool

    def close(self) -> None:
        """Bring everything to disk."""
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()

    def find(self, call_id: str) -> Content | None:
        """What is kept of a call; None when nothing was, it has expired, or its subject was shredded."""
        for frame in self._frames():
            if frame.call_id == call_id:
                return self._open(frame)
        return None

    def _open(self, frame: _Frame) -> Content | None:
        key = self.keys.find(frame.customer, frame.user)
        if key is None:
            return None
        nonce, sealed = frame.sealed[:_NONCE_BYTES], frame.sealed[_NONCE_BYTES:]
        try:
            plain = AESGCM(key).decrypt(nonce, sealed, frame.call_id.encode())
        except InvalidTag:  # written under a key that was shredded; its subject came back under another
            return None
        return msgspec.msgpack.decode(plain, type=Content)

    def _frames(self) -> Iterator[_Frame]:
        for folder in sorted(self._folder.glob("????-??-??/*")):
            for path in segment_paths(folder):
                for _, payload in Segment(path).read()[0]:
                    yield msgspec.msgpack.decode(payload, type=_Frame)

    def purge(self, now: datetime) -> int:
        """Remove the days that are over; how many there were."""
        today = now.astimezone(UTC).date()
        over = [path for path in self._folder.glob("????-??-??") if _day(path) < today]
        for path in over:
            shutil.rmtree(path)
        return len(over)


def _day(path: Path) -> date:
    """The day that a folder is named for; the last there is for a name that is none, so that it is never over."""
    try:
        return date.fromisoformat(path.name)
    except ValueError:
        return date.max
