"""Answers that outlive the process that remembered them: one file in the ledger's folder.

    frames of [length u32][crc32c u32][body]    little-endian; a frame without a body ends the file
    first body                                  MessagePack: under what the answers hold, by name
    every other                                 MessagePack: an Answer; its rows are JSON, which holds sums of any size

The process that owns the ledger writes it at its orderly end and the next one takes it in. It is gone, from the disk too, before
anything in the store changes, whoever changes it. What it says is believed under the very same circumstances only: the release, the
engine, the tables, the days, and how the store itself stands.
"""

import logging
import os
import struct
import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from floorline import __version__
from floorline.errors import FloorlineError
from floorline.ledger.checksum import value as checksum
from floorline.ledger.files import draft_of, put_parts
from floorline.ledger.schema import migrations
from floorline.ledger.segment import sync_folder
from floorline.ledger.store import Store, StoreDown
from floorline.query import Reads

Row = TypeVar("Row")
log = logging.getLogger(__name__)
NAME = "answers"
FORMAT = 1
_HEAD = struct.Struct("<II")


class Answer(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A question by its text and its parameters, what it reads, and its rows as they are packed."""

    sql: str
    parameters: str
    reads: Reads
    rows: bytes


_heads = msgspec.msgpack.Decoder(dict[str, str])
_answers = msgspec.msgpack.Decoder(Answer)


class Unbelieved(FloorlineError):
    """Why a file of answers is not used."""


def packed(rows: Sequence[object]) -> bytes | None:
    """Rows as bytes; None where they have something that JSON does not hold."""
    try:
        return msgspec.json.encode(rows)
    except (msgspec.MsgspecError, TypeError, ValueError):
        return None


def unpacked(rows: bytes, row: type[Row]) -> list[Row] | None:
    """What was packed, None where it is not of rows of this type."""
    try:
        return msgspec.json.decode(rows, type=list[row])
    except (msgspec.MsgspecError, TypeError, ValueError):
        return None


def circumstances(store: Store, day_starts: Sequence[int]) -> dict[str, str]:
    """What tells whether answers of an earlier process are answers of this one: by name, as people call it."""
    return {
        "format": str(FORMAT),
        "release": __version__,
        "engine": store.engine(),
        "tables": _digest("".join(migration.checksum for migration in migrations()).encode()),
        "timezone": store.timezone,
        "days": _digest(array("q", day_starts).tobytes()),
        "store": store.standing(),
    }


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


class KeptAnswers:
    """The file of one ledger, of the process that owns it. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._lock = threading.Lock()
        self._gone = False

    def forget(self) -> None:
        """There is no file, on the disk either, when this returns. StoreDown where that cannot be had: nothing may change then."""
        if self._gone:
            return
        with self._lock:
            try:
                for path in (self._path, draft_of(self._path)):
                    path.unlink(missing_ok=True)
                sync_folder(self._path.parent)
            except OSError as error:
                raise StoreDown(
                    f"{self._path} cannot be removed ({error.strerror}), and what it says would be wrong"
                ) from error
            self._gone = True

    def take(self, under: Mapping[str, str]) -> list[Answer]:
        """The answers of the file where they hold `under` these circumstances, the least lately used first. They are in no file then."""
        try:
            with self._path.open("rb") as file:
                found = list(_believed(file, under))
        except FileNotFoundError:
            log.info("no answers are known from before: none were kept, or the ledger was changed since")
            return []
        except (Unbelieved, OSError) as error:
            log.warning("the answers in %s are not used: %s", self._path, error)
            found = []
        else:
            log.info("%d answers from before hold", len(found))
        self.forget()
        return found

    def keep(self, under: Mapping[str, str], answers: Iterable[Answer]) -> None:
        """Put the answers, the least lately used first, in place of the file. OSError when it cannot be written: there is none then."""
        self._gone = False
        try:
            put_parts(self._path, _frames(under, answers))
        except OSError:
            self.forget()
            raise


def _frames(under: Mapping[str, str], answers: Iterable[Answer]) -> Iterator[bytes]:
    yield from _frame(msgspec.msgpack.encode(under))
    for answer in answers:
        yield from _frame(msgspec.msgpack.encode(answer))
    yield from _frame(b"")


def _frame(body: bytes) -> tuple[bytes, bytes]:
    return _HEAD.pack(len(body), checksum(body)), body


def _believed(file: IO[bytes], under: Mapping[str, str]) -> Iterator[Answer]:
    bodies = _bodies(file)
    try:
        said = _heads.decode(next(bodies, b""))
        for name, now in under.items():
            if (before := said.get(name, "unknown")) != now:
                raise Unbelieved(f"their {name} is {before}, and this is {now}")
        for body in bodies:
            yield _answers.decode(body)
    except msgspec.MsgspecError as error:
        raise Unbelieved(f"the file is damaged ({error})") from error


def _bodies(file: IO[bytes]) -> Iterator[bytes]:
    """The bodies of all frames but the last, each as it was written."""
    left = os.fstat(file.fileno()).st_size
    while True:
        head = file.read(_HEAD.size)
        length, crc = _HEAD.unpack(head) if len(head) == _HEAD.size else (left, 0)
        left -= _HEAD.size + length
        if left < 0:
            raise Unbelieved("the file is cut short")
        body = file.read(length)
        if checksum(body) != crc:
            raise Unbelieved(f"the file is damaged before offset {file.tell()}")
        if not body:
            return
        yield body
