"""One process owns a ledger's folder at a time, and one a gateway's."""

import errno
import fcntl
import os
import time
from pathlib import Path

from floorline.errors import LedgerBusy

_RETRY_MS = 50


class Lock:
    """A lock on a file that holds its owner's process id. The kernel gives it free when the owner ends, however it ends."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, path: Path, *, wait_s: int) -> "Lock":
        """The lock of `path`, waiting up to `wait_s` seconds. LedgerBusy names the process that has it."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno != errno.EWOULDBLOCK:
                    os.close(fd)
                    raise
                if time.monotonic() >= deadline:
                    owner = os.pread(fd, 20, 0).decode() or "unknown"
                    os.close(fd)
                    raise LedgerBusy(
                        f"process {owner} owns {path.parent} and did not finish in {wait_s} s: wait for it or end it"
                    ) from error
                time.sleep(_RETRY_MS / 1000)
            else:
                os.ftruncate(fd, 0)
                os.pwrite(fd, str(os.getpid()).encode(), 0)
                return cls(fd)

    def release(self) -> None:
        """Give the folder free."""
        os.close(self._fd)


def is_free(path: Path) -> bool:
    """Whether no living process holds the lock of `path`. It may be taken as soon as this returns."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return False
    finally:
        os.close(fd)
    return True
