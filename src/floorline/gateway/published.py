"""What the control process publishes for gateways, a file each: customers' figures, certificates. It reaches every gateway, and stays
there with the control process up or down.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from floorline.errors import BadInput

Content = TypeVar("Content")


class Published(Generic[Content]):
    """What is in a file, read again when the file is another. `read` makes something of its bytes; ValueError when it cannot."""

    __slots__ = ("_path", "_read", "_seen")

    def __init__(self, path: Path, read: Callable[[bytes], Content]) -> None:
        self._path, self._read = path, read
        self._seen: tuple[int, ...] | None = None

    def poll(self) -> Content | None:
        """The content when it is another than at the last poll; else None, after one `stat`. A file that is gone changes
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
            return self._read(content)
        except ValueError as error:
            raise BadInput(f"{self._path} {error}") from error
