"""The keyring file: how a change of keys reaches every gateway, with the control process up or down."""

import os
from pathlib import Path

from floorline.errors import BadInput
from floorline.gateway.keys import Keyring
from floorline.ledger.files import put_file

KEYRING_NAME = "keyring"
_MISSING = ()


def write_keyring(path: Path, content: bytes) -> None:
    """Put `content` in place of the file at once, for its owner alone, on disk when this returns. One writer at a time."""
    try:
        put_file(path, content)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}; no key was changed") from error


class KeyringFile:
    """The ring in a file, read again when the file is another. Without a file there is no key, and every call is refused."""

    __slots__ = ("_path", "_secret", "_seen")

    def __init__(self, path: Path, secret: bytes) -> None:
        self._path, self._secret = path, secret
        self._seen: tuple[int, ...] | None = None

    def poll(self) -> Keyring | None:
        """The ring when it is another than at the last poll, and at the first in any case; else None, after one `stat`.

        BadInput when the file is damaged, of another secret, gone or cannot be read: the ring polled last stays in force.
        """
        try:
            status = os.stat(self._path)  # noqa: PTH116 - twice as fast
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen == self._seen:
                return None
            content = self._path.read_bytes()
        except FileNotFoundError:
            return self._missing()
        except OSError as error:  # nothing is remembered: the next poll tries again
            raise BadInput(f"{self._path} cannot be read: {error.strerror}") from error
        self._seen = seen  # a file that is wrong is complained of once
        try:
            return Keyring.from_bytes(content, self._secret)
        except BadInput as error:
            raise BadInput(f"{self._path} {error}") from error

    def _missing(self) -> Keyring | None:
        before, self._seen = self._seen, _MISSING
        if before is None:
            return Keyring((), self._secret)
        if before == _MISSING:
            return None
        raise BadInput(f"{self._path} is gone: any `floorline keys` command that changes a key writes it anew")
