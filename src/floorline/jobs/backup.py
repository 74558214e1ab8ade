"""Backup and restore: a ledger's folder as of one moment in one file, and back into an empty folder.

    tar: the folder's files as they are, then manifest.json with the size and the digest of each

The copy is hard links (`ledger/snapshot.py`), so that the ledger stands still for as long as it takes to make them; the
file is written from the links while everything goes on.
"""

import io
import os
import shutil
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import IO, cast

import msgspec

from floorline.errors import BadInput
from floorline.ledger.lock import Lock
from floorline.ledger.segment import sync_folder
from floorline.ledger.surface import AnyLedger

FORMAT = 1
MANIFEST = "manifest.json"
_PART_BYTES = 1 << 20


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds: `files` maps each name to its digest. It comes last, so that a file cut short has none."""

    format: int
    made_at: datetime
    files: Mapping[str, str]


@dataclass(slots=True)
class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    file: IO[bytes]

    def __post_init__(self) -> None:
        self.hash = blake2b(digest_size=16)

    def read(self, size: int = -1) -> bytes:
        part = self.file.read(size)
        self.hash.update(part)
        return part


def backup(ledger: AnyLedger, file: Path, now: datetime) -> Manifest:
    """Write everything that `ledger` holds at this moment to `file`, which must not exist. Commands, the control process
    and gateways go on meanwhile. LedgerBusy when another backup of the same ledger runs.
    """
    if file.exists():
        raise BadInput(f"{file} exists: name another file")
    folder = ledger.home / "backup"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = Lock.take(folder / "lock", wait_s=0)
    copy, part = folder / "copy", file.with_name(f"{file.name}.part")
    try:
        shutil.rmtree(copy, ignore_errors=True)  # of a backup that was killed
        ledger.backup(copy)
        manifest = _write(copy, part, now)
        part.rename(file)
        sync_folder(file.absolute().parent)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
        shutil.rmtree(copy, ignore_errors=True)
        lock.release()
    return manifest


def _write(folder: Path, file: Path, now: datetime) -> Manifest:
    digests: dict[str, str] = {}
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds the signing secret
    with os.fdopen(fd, "wb") as out, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            entry = tar.gettarinfo(path, name)
            if not entry.isreg():
                tar.addfile(entry)
                continue
            with path.open("rb") as content:
                hashing = _Hashing(content)
                tar.addfile(entry, cast("IO[bytes]", hashing))
            digests[name] = hashing.hash.hexdigest()
        manifest = Manifest(format=FORMAT, made_at=now, files=digests)
        body = msgspec.json.encode(manifest)
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(body)
        tar.addfile(entry, io.BytesIO(body))
        tar.close()
        out.flush()
        os.fsync(out.fileno())
    return manifest


def restore(file: Path, home: Path) -> Manifest:
    """Make `home`, which must be empty or not there, what the backup in `file` holds. It appears whole or not at all.

    BadInput when `file` is no whole backup, or `home` holds something.
    """
    if home.exists() and any(home.iterdir()):
        raise BadInput(f"{home} is not empty: name a folder that is, or that does not exist, in FLOORLINE_HOME")
    home = home.absolute()
    folder = home.with_name(f".{home.name}.restoring")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        manifest = _extract(file, folder)
        with suppress(FileNotFoundError):
            home.rmdir()
        folder.rename(home)
        sync_folder(home.parent)
    except (OSError, tarfile.TarError) as error:
        raise BadInput(f"{file} cannot be restored to {home}: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return manifest


def _extract(file: Path, folder: Path) -> Manifest:
    with tarfile.open(file, "r:") as tar:
        tar.extractall(folder, filter="data")
    listed = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(listed.read_bytes(), type=Manifest)
        listed.unlink()
    except FileNotFoundError as error:
        raise BadInput(f"{file} is not a whole backup: it has no {MANIFEST} at its end") from error
    except msgspec.MsgspecError as error:
        raise BadInput(f"{file} is not a backup of Floorline: {error}") from error
    if manifest.format > FORMAT:
        raise BadInput(f"{file} has format {manifest.format}, this release reads up to {FORMAT}: upgrade Floorline")
    found = {
        path.relative_to(folder).as_posix(): _digest(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    if found != manifest.files:
        names = sorted(name for name in {*found, *manifest.files} if found.get(name) != manifest.files.get(name))
        raise BadInput(f"{file} is damaged: {', '.join(names[:3])} is not what was backed up")
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            sync_folder(path)
    return manifest


def _digest(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            digest.update(part)
        os.fsync(file.fileno())
    return digest.hexdigest()
