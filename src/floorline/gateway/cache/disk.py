"""The tier on this machine's disk, which all its gateways share: one sealed file an answer; those that expire soonest go first.

    cache/<2 hex digits>/<the key in hex>      its time of change is when it expires

Everything but one `stat` happens in a thread of its own: a slow disk delays the call that would have been answered from it, and
no other.
"""

import asyncio
import logging
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from floorline.errors import LedgerCorrupt
from floorline.gateway.cache.entry import Entry
from floorline.gateway.cache.vault import Random, seal, subject, unseal
from floorline.ledger.content import Subject, SubjectKeys

log = logging.getLogger(__name__)

CACHE = "cache"
"""Its folder in FLOORLINE_HOME."""

WAITING_BYTES_MAX = 64 << 20
"""Of answers that wait to be written; more is not kept, and counted."""

SWEEP_SHARE = 16
"""After every such part of the limit that was written, what is too much goes."""

SWEEP_S = 300
"""And at least so often, so that what has expired goes too."""


class Disk:
    """The answers below one folder. `failures` counts by what failed."""

    name = "disk"

    def __init__(self, folder: Path, bytes_max: int, keys: SubjectKeys, random: Random) -> None:
        self.used_bytes = self.entries = 0
        self.failures: Counter[str] = Counter()
        self._folder, self._bytes_max, self._keys, self._random = folder, bytes_max, keys, random
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cache")
        self._waiting_bytes = self._written_bytes = 0
        self._swept_s = 0.0
        self._thread.submit(self._sweep)

    def _path(self, key: bytes) -> str:
        name = key.hex()
        return f"{self._folder}/{name[:2]}/{name}"

    async def get(self, key: bytes) -> Entry | None:
        """The entry of `key`, None when there is none that can be read."""
        path = self._path(key)
        if not os.path.exists(path):  # noqa: ASYNC240, PTH110 - one stat: a thread for every miss costs fifty times as much
            return None
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, path, key)

    def _read(self, path: str, key: bytes) -> Entry | None:
        try:
            sealed = subject(Path(path).read_bytes())
            opens = None if sealed is None else self._keys.find(sealed.customer, sealed.user)
        except FileNotFoundError:
            return None
        except (OSError, LedgerCorrupt) as error:
            self._failed("read", error)
            return None
        return None if sealed is None or opens is None else unseal(sealed, opens, key)

    def put(self, entry: Entry, whose: Subject) -> None:
        """Keep `entry`, soon."""
        size = entry.size_bytes
        if self._waiting_bytes + size > WAITING_BYTES_MAX:
            self.failures["behind"] += 1
            return
        self._waiting_bytes += size
        self._thread.submit(self._write, entry, whose, size)

    def _write(self, entry: Entry, whose: Subject, size: int) -> None:
        try:
            sealed = seal(entry, self._keys.make(whose), self._random)
            path = Path(self._path(entry.key))
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            draft.touch(0o600)
            draft.write_bytes(sealed)
            os.utime(draft, ns=(entry.expires_ms * 1_000_000, entry.expires_ms * 1_000_000))
            draft.replace(path)
            self._written_bytes += len(sealed)
        except (OSError, LedgerCorrupt) as error:
            self._failed("write", error)
        finally:
            self._waiting_bytes -= size
        if self._written_bytes * SWEEP_SHARE > self._bytes_max or time.monotonic() > self._swept_s + SWEEP_S:
            self._sweep()

    def _failed(self, what: str, error: Exception) -> None:
        self.failures[what] += 1
        log.error("the cache on the disk cannot be used: %s", error)

    def _sweep(self) -> None:
        """Remove what has expired, and of more than the limit what expires soonest. Of several processes each may do it."""
        self._written_bytes, self._swept_s = 0, time.monotonic()
        now_ns = time.time_ns()
        kept: list[tuple[int, int, str]] = []
        for part in self._folder.glob("[0-9a-f][0-9a-f]"):
            with suppress(OSError):
                for file in os.scandir(part):
                    status = file.stat()
                    if status.st_mtime_ns <= now_ns:
                        _remove(file.path)
                    else:
                        kept.append((status.st_mtime_ns, status.st_size, file.path))
        kept.sort(reverse=True)
        used = sum(size for _, size, _ in kept)
        while used > self._bytes_max:
            _, size, path = kept.pop()
            _remove(path)
            used -= size
        self.used_bytes, self.entries = used, len(kept)

    async def close(self) -> None:
        """Write what waits."""
        await asyncio.to_thread(self._thread.shutdown)


def _remove(path: str) -> None:
    with suppress(OSError):  # another process was faster
        os.unlink(path)  # noqa: PTH108 - as scandir gave it
