"""What is not to be answered from a cache any more: a file in FLOORLINE_HOME that commands add to and every gateway reads.

A purge is a rule, not a deed: an answer whose call was opened at or before it and that it names is dead, in the memory of every
process, on the disk and in a shared tier, whether its gateway runs now or is started tomorrow. Customers and users are named
by the keyed hashes of ledger/content.py alone: `<customer>`, and `<customer>/<user>`.
"""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from floorline.errors import BadInput
from floorline.ledger.content import Subject, SubjectKeys
from floorline.ledger.files import put_file
from floorline.ledger.lock import Lock

PURGES_NAME = "cache.purges"
KEPT_MS = 32 * 86_400_000
"""Longer than any answer is kept: an older purge has nothing left to name."""

LOCK_WAIT_S = 10
Kind = Literal["all", "call", "feature", "customer", "user"]


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """Every answer that `word` names, of calls opened at `at_ms` (milliseconds since 1970) or before. `all` has no word."""

    kind: Kind
    word: str = ""
    at_ms: int


class Purges:
    """The purges that hold."""

    __slots__ = ("_latest", "all")

    def __init__(self, all_: Iterable[Purge] = ()) -> None:
        self.all = tuple(all_)
        self._latest: dict[tuple[str, str], int] = {}
        for one in self.all:
            key = one.kind, one.word
            self._latest[key] = max(one.at_ms, self._latest.get(key, one.at_ms))

    def dead(self, call_id: str, feature: str, customer: str, user: str, made_ms: int) -> bool:
        """Whether an answer is not to be used any more: the call that it was made for, the names of its subject, and when that
        call was opened.
        """
        latest = self._latest
        return bool(latest) and any(
            made_ms <= latest.get(key, -1)
            for key in (
                ("all", ""),
                ("call", call_id),
                ("feature", feature),
                ("customer", customer),
                ("user", f"{customer}/{user}"),
            )
        )


_purges = msgspec.json.Decoder(tuple[Purge, ...])


def add_purges(path: Path, new: Sequence[Purge], now_ms: int) -> None:
    """Add to the file; those that have nothing left to name go. BadInput when it cannot be written or read."""
    try:
        lock = Lock.take(path.with_name(f"{path.name}.lock"), wait_s=LOCK_WAIT_S)
        try:
            kept = [one for one in _read(path) if one.at_ms > now_ms - KEPT_MS]
            put_file(path, msgspec.json.encode([*kept, *new]))
        finally:
            lock.release()
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}; nothing was purged") from error


def _read(path: Path) -> tuple[Purge, ...]:
    try:
        return _purges.decode(path.read_bytes())
    except FileNotFoundError:
        return ()
    except msgspec.DecodeError as error:
        raise BadInput(f"{path} is damaged ({error}): remove it, and `floorline cache purge --all`") from error


class Purger:
    """Adds purges to the file. `keys` knows the names of subjects."""

    def __init__(self, path: Path, keys: SubjectKeys) -> None:
        self._path, self._keys = path, keys

    def all(self, now: datetime) -> None:
        """Every answer."""
        self._add([Purge(kind="all", at_ms=_ms(now))], now)

    def calls(self, ids: Iterable[str], now: datetime) -> None:
        """The answers that were made for these calls."""
        self._add([Purge(kind="call", word=one, at_ms=_ms(now)) for one in ids], now)

    def feature(self, name: str, now: datetime) -> None:
        """Every answer of a feature."""
        self._add([Purge(kind="feature", word=name, at_ms=_ms(now))], now)

    def subjects(self, whose: Iterable[tuple[Subject, bool]], now: datetime) -> None:
        """Every answer that was made for these customers (where the second is True) and users."""
        self._add([self._subject(one, now, whole_customer=whole) for one, whole in whose], now)

    def _subject(self, whose: Subject, now: datetime, *, whole_customer: bool) -> Purge:
        customer, user = self._keys.names(whose)
        if whole_customer:
            return Purge(kind="customer", word=customer, at_ms=_ms(now))
        return Purge(kind="user", word=f"{customer}/{user}", at_ms=_ms(now))

    def _add(self, new: Sequence[Purge], now: datetime) -> None:
        add_purges(self._path, new, _ms(now))


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000)


class PurgeFile:
    """The purges in a file, read again when the file is another."""

    __slots__ = ("_path", "_seen")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None

    def poll(self) -> Purges | None:
        """The purges when they are others than at the last poll, else None, after one `stat`. BadInput when the file is
        damaged, OSError when it cannot be read: what was known holds on.
        """
        try:
            status = os.stat(self._path)  # noqa: PTH116 - twice as fast
        except FileNotFoundError:
            return None
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen == self._seen:
            return None
        self._seen = seen  # a file that is wrong is complained of once
        return Purges(_read(self._path))
