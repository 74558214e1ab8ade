"""The file of customers' figures: how what the ledger knows reaches every gateway, with the control process up or down."""

import os
from pathlib import Path

from floorline.errors import BadInput
from floorline.guardrails.figures import Known, from_bytes


class FiguresFile:
    """The figures in a file, read again when the file is another."""

    __slots__ = ("_path", "_seen")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None

    def poll(self) -> Known | None:
        """The figures when they are others than at the last poll; else None, after one `stat`. A file that is gone changes
        nothing: what was read grows old. BadInput when it is damaged or cannot be read.
        """
        try:
            status = os.stat(self._path)  # noqa: PTH116 - twice as fast
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen == self._seen:
                return None
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadInput(f"{self._path} cannot be read: {error.strerror}") from error
        self._seen = seen  # a file that is wrong is complained of once
        try:
            return from_bytes(content)
        except ValueError as error:
            raise BadInput(f"{self._path} {error}") from error
