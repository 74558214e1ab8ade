"""A copy of a ledger's folder as of one moment, made of hard links: it takes as long as there are files, not bytes.

Whoever calls sees to it that the ledger stands still. Parts of the store and runs of claims never change once they are
there, so they are linked; what is appended to or replaced in place is copied. Gateways go on meanwhile: of their spools
every whole frame is taken over.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Set as AbstractSet
from pathlib import Path

from floorline.ledger.segment import Damaged, Segment
from floorline.ledger.spool import segment_paths

GATEWAYS = "gateways"
SECRETS = ("secret", "keyring")
"""Files beside the ledger without which its keys are worth nothing."""


def copy_gateways(home: Path, into: Path) -> None:
    """What the gateways have spooled by now. Comes before the ledger's own copy: what is collected in between is in both,
    and once in a ledger that opens them.
    """
    for spool in sorted((home / GATEWAYS).glob("*/spool")):
        copied = into / GATEWAYS / spool.parent.name / "spool"
        copied.mkdir(parents=True)
        for path in segment_paths(spool):
            with contextlib.suppress(FileNotFoundError):  # collected meanwhile
                _copy_segment(path, copied / path.name)


def _copy_segment(path: Path, to: Path) -> None:
    """The whole frames of a segment that is being written. A damaged one is copied as it is."""
    segment = Segment(path)
    try:
        frames = [payload for _, payload in segment.frames()]
    except Damaged:
        shutil.copyfile(path, to)
        return
    if frames:
        copy = Segment.create(to, segment.size, segment.epoch)
        for payload in frames:
            assert copy.append(payload) >= 0, "what fitted into a segment fits into one of the same size"
        copy.seal()


def copy_ledger(home: Path, parts: AbstractSet[Path], into: Path) -> None:
    """Store, claims, state and secrets. `parts` are the store's active parts: others are on their way in or out."""
    _link_tree(home / "store", into / "store", parts)
    for part in parts:
        assert (into / part.relative_to(home)).is_dir(), f"{part} is active and was not reached"
    (into / "claims").mkdir()
    for path in (home / "claims").iterdir():
        if path.suffix == ".run":
            _link(path, into / "claims" / path.name)
    _copy_state(home / "state.sqlite", into / "state.sqlite")
    for name in ("claims/runs.json", *SECRETS):
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(home / name, into / name)


def _link_tree(folder: Path, into: Path, parts: AbstractSet[Path]) -> None:
    """Folders of parts are linked, the rest is copied, symbolic links as such; what is no active part is left out where
    parts are kept.
    """
    into.mkdir()
    holds_parts = (folder / "format_version.txt").exists()
    for entry in os.scandir(folder):
        source, target = Path(entry.path), into / entry.name
        if entry.is_symlink():
            target.symlink_to(source.readlink())
        elif not entry.is_dir():
            shutil.copy2(source, target)
        elif source in parts:
            shutil.copytree(source, target, copy_function=_link)
        elif not holds_parts or entry.name in {"deduplication_logs", "detached"}:
            _link_tree(source, target, parts)


def _link(source: str | Path, target: str | Path) -> None:
    """A second name for a file that never changes; a copy where the filesystem has no hard links."""
    try:
        os.link(source, target)
    except PermissionError:
        shutil.copy2(source, target)


def _copy_state(source: Path, target: Path) -> None:
    """SQLite's own copy, consistent beside writers."""
    if not source.exists():
        return
    with (
        contextlib.closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
