"""The keyring file: how a change of keys reaches every gateway, with the control process up or down."""

import os
from pathlib import Path

from floorline.errors import BadInput
from floorline.gateway.keys import Keyring

KEYRING_NAME = "keyring"
POLL_MS = 500
"""How often a gateway polls: a revocation holds within 2 s."""


def write_keyring(path: Path, content: bytes) -> None:
    """Put `content` in place of the file at once, for its owner alone, on disk when this returns. One writer at a time."""
    draft = path.with_name(f"{path.name}.new")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor, made with its mode
            os.fchmod(fd, 0o600)
            file.write(content)
            file.flush()
            os.fsync(fd)
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}; no key was changed") from error


class KeyringFile:
    """The ring in a file, read again when the file is another. Without a file there is no key, and every call is refused.

    `problem` is empty, or says why the file is not followed: then the last good ring stays.
    """

    __slots__ = ("_path", "_secret", "_seen", "problem", "ring")

    def __init__(self, path: Path, secret: bytes) -> None:
        """BadInput when there is a file and it is no ring of this secret."""
        self._path, self._secret = path, secret
        self._seen: tuple[int, int, int] | None = None
        self.ring = Keyring((), secret)
        self.problem = ""
        self.poll()
        if self.problem and self._seen is not None:
            raise BadInput(self.problem)

    def poll(self) -> bool:
        """Whether the ring is another now. One `stat` when nothing changed: a few microseconds."""
        try:
            status = os.stat(self._path)  # noqa: PTH116 - twice as fast
        except OSError as error:
            if self._seen is not None or not isinstance(error, FileNotFoundError):
                self.problem = f"{self._path} cannot be read: {error.strerror}; the keys known last stay in force"
            return False
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen == self._seen:
            return False
        try:
            self.ring = Keyring.from_bytes(self._path.read_bytes(), self._secret)
        except BadInput as error:
            self._seen, self.problem = seen, f"{self._path} {error}"
            return False
        except OSError as error:
            self.problem = f"{self._path} cannot be read: {error.strerror}; the keys known last stay in force"
            return False
        self._seen, self.problem = seen, ""
        return True
