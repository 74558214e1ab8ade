"""Small files that several processes read while one puts another in their place."""

import os
from collections.abc import Iterable
from pathlib import Path

from floorline.ledger.segment import sync_folder


def put_file(path: Path, content: bytes) -> None:
    """Put `content` in place of the file at once, for its owner alone, on disk when this returns. One writer at a time."""
    put_parts(path, (content,))


def put_parts(path: Path, parts: Iterable[bytes]) -> None:
    """As `put_file`, for content that comes in parts. Interrupted, what was written is the draft of the file."""
    draft = draft_of(path)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor, made with its mode
        os.fchmod(fd, 0o600)
        file.writelines(parts)
        file.flush()
        os.fsync(fd)
    draft.replace(path)
    sync_folder(path.parent)


def draft_of(path: Path) -> Path:
    """Where the file is written before it is put in place."""
    return path.with_name(f"{path.name}.new")
