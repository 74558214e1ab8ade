r"""Which records the ledger has: 16-byte identity → 16-byte fingerprint, exact, for tens of millions.

New claims live in memory, because the spool's frames repeat them: after a kill they are replayed from there. Before a
segment is removed its claims are saved as a *run*: a file of claims sorted by identity. Runs of like size are merged,
so that a lookup touches few of them. (A B-tree would rewrite a page per random claim: docs/ledger.md.)

    run (little-endian): magic "FLCLAIM\0", format u32, crc32c u32 of the rest, count u64, zeros to 64 bytes,
    then `count` first halves of identities (u64, ascending), `count` second halves, `count` × 16 bytes of fingerprints

`runs.json` names the runs that count; any other file is left over from a kill and removed.
"""

import os
import struct
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from floorline.errors import LedgerCorrupt
from floorline.ledger.checksum import extend
from floorline.ledger.segment import sync_folder

FORMAT = 1
MAGIC = b"FLCLAIM\0"
FAN = 4  # this many runs of like size become one
SLICE_ROWS = 1 << 20  # rows merged at a time: bounds the memory of a merge
_HEADER = struct.Struct("<8sIIQ")
_START = 64
_ROW = 32

Keys = npt.NDArray[np.uint64]
Prints = npt.NDArray[np.void]


class Run:
    """One sorted file of claims, mapped read-only."""

    def __init__(self, path: Path) -> None:
        """LedgerCorrupt when the file is not one of ours or has another size than its header says."""
        self.path = path
        size = path.stat().st_size
        with path.open("rb") as file:
            magic, version, self.crc, self.count = _HEADER.unpack(file.read(_HEADER.size).ljust(_HEADER.size, b"\0"))
        if magic != MAGIC or version > FORMAT or size != _START + _ROW * self.count:
            raise LedgerCorrupt(
                f"{path} is not a whole run of claims (format {version}, {size} bytes, {self.count} claims)"
            )
        body = np.memmap(path, dtype=np.uint8, mode="r", offset=_START)
        self.high: Keys = body[: 8 * self.count].view(np.uint64)
        self.low: Keys = body[8 * self.count : 16 * self.count].view(np.uint64)
        self.prints: Prints = body[16 * self.count :].view(np.dtype("V16"))

    def find(self, high: Keys, low: Keys) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Which of the wanted identities (ascending by `high`) are here: their places in the question, and in this run."""
        at = np.searchsorted(self.high, high)
        at = np.minimum(at, self.count - 1)
        asked = np.flatnonzero(self.high[at] == high)
        at = at[asked]
        # Different identities may share their first half; walk to the one with the same second half.
        different = self.low[at] != low[asked]
        while different.any():
            more = different & (at + 1 < self.count)
            at = at + more
            more &= self.high[at] == high[asked]
            keep = ~different | more
            asked, at = asked[keep], at[keep]
            different = self.low[at] != low[asked]
        return asked, at

    def verify(self) -> None:
        """LedgerCorrupt when the claims are not those that were written."""
        if _checksum(self.path) != self.crc:
            raise LedgerCorrupt(f"{self.path}: the checksum of its {self.count} claims does not match")


class Identities:
    """The claims of one ledger. Not safe for several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Open the index in `folder`, making it when it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._fresh: dict[bytes, bytes] = {}
        listed = folder / "runs.json"
        names = msgspec.json.decode(listed.read_bytes(), type=list[str]) if listed.exists() else []
        for path in folder.iterdir():
            if path.suffix in {".run", ".new"} and path.name not in names:
                path.unlink()
        self._runs = [Run(folder / name) for name in names]
        self._next = max((int(Path(name).stem) for name in names), default=0) + 1

    def __len__(self) -> int:
        return len(self._fresh) + sum(run.count for run in self._runs)

    @property
    def runs(self) -> int:
        """How many files a lookup looks into."""
        return len(self._runs)

    def find(self, identities: Sequence[bytes]) -> list[bytes | None]:
        """The fingerprint of each identity, None for one that nobody claimed."""
        fresh = self._fresh
        found = [fresh.get(identity) for identity in identities]
        if not self._runs or not identities:
            return found
        pairs: Keys = np.frombuffer(b"".join(identities), dtype=np.uint64).reshape(-1, 2)
        order = np.argsort(pairs[:, 0])
        high, low = pairs[order, 0], pairs[order, 1]
        for run in self._runs:
            asked, at = run.find(high, low)
            prints = run.prints[at].tobytes()
            for n, place in enumerate(order[asked].tolist()):
                found[place] = prints[16 * n : 16 * n + 16]
        return found

    def claim(self, identity: bytes, fingerprint: bytes) -> None:
        """Remember one. The caller has looked it up: it is not known yet, or known with this very fingerprint."""
        self._fresh[identity] = fingerprint

    def release(self, identity: bytes, fingerprint: bytes) -> None:
        """Forget a claim that was not saved yet, because its record could not be stored."""
        if self._fresh.get(identity) == fingerprint:
            del self._fresh[identity]

    def save(self) -> None:
        """Every claim is on disk when this returns."""
        if not self._fresh:
            return
        pairs: Keys = np.frombuffer(b"".join(self._fresh), dtype=np.uint64).reshape(-1, 2)
        prints: Prints = np.frombuffer(b"".join(self._fresh.values()), dtype=np.dtype("V16"))
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        writer = _RunWriter(self._path(), len(order))
        writer.put(pairs[order, 0], pairs[order, 1], prints[order])
        self._publish([*self._runs, writer.close()])
        self._fresh = {}
        self._merge()

    def _merge(self) -> None:
        """Merge the newest runs while `FAN` of them are of like size: so there are at most FAN - 1 of each size."""
        while True:
            same = [run for run in self._runs if _magnitude(run.count) <= _magnitude(self._runs[-1].count)]
            if len(same) < FAN:
                return
            kept = [run for run in self._runs if run not in same]
            merged = merge(same, self._path())
            self._publish([*kept, merged])

    def _path(self) -> Path:
        path = self.folder / f"{self._next:012d}.run"
        self._next += 1
        return path

    def _publish(self, runs: list[Run]) -> None:
        """From now on these runs count; files of others go."""
        temporary = self.folder / "runs.new"
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode([run.path.name for run in runs]))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.folder / "runs.json")
        sync_folder(self.folder)
        for run in self._runs:
            if run not in runs:
                run.path.unlink()
        self._runs = runs


def _magnitude(count: int) -> int:
    """Runs whose counts have the same magnitude are merged: powers of FAN."""
    return count.bit_length() // 2


class _RunWriter:
    """A run being written: parts in ascending order, then the header."""

    def __init__(self, path: Path, count: int) -> None:
        self.path, self.count, self.done = path, count, 0
        with path.open("wb") as file:
            file.truncate(_START + _ROW * count)
        self._body = np.memmap(path, dtype=np.uint8, mode="r+", offset=_START)

    def put(self, high: Keys, low: Keys, prints: Prints) -> None:
        a, b, n = self.done, self.done + len(high), self.count
        self._body[8 * a : 8 * b] = high.view(np.uint8)
        self._body[8 * (n + a) : 8 * (n + b)] = low.view(np.uint8)
        self._body[16 * (n + a) : 16 * (n + b)] = prints.view(np.uint8)
        self.done = b

    def close(self) -> Run:
        assert self.done == self.count, "a run holds what it said it would"
        self._body.flush()
        with self.path.open("r+b") as file:
            file.write(_HEADER.pack(MAGIC, FORMAT, _checksum(self.path), self.count))
            file.flush()
            os.fsync(file.fileno())
        return Run(self.path)


def merge(runs: Sequence[Run], path: Path) -> Run:
    """One run of all claims of `runs`, by slices of the identities' range, so that memory stays bounded.

    Identities are hashes, spread evenly: equal slices of the range hold about equally many.
    """
    for run in runs:
        run.verify()
    count = sum(run.count for run in runs)
    slices = count // SLICE_ROWS + 1
    limits = [np.uint64(n * (2**64 // slices)) for n in range(1, slices)]
    cuts = [[0, *(int(np.searchsorted(run.high, limit)) for limit in limits), run.count] for run in runs]
    writer = _RunWriter(path, count)
    for n in range(slices):
        spans = [slice(cut[n], cut[n + 1]) for cut in cuts]
        high = np.concatenate([run.high[span] for run, span in zip(runs, spans, strict=True)])
        low = np.concatenate([run.low[span] for run, span in zip(runs, spans, strict=True)])
        prints = np.concatenate([run.prints[span] for run, span in zip(runs, spans, strict=True)])
        order = np.lexsort((low, high))
        writer.put(high[order], low[order], prints[order])
    return writer.close()


def _checksum(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        file.seek(_START)
        while part := file.read(1 << 22):
            crc = extend(crc, part)
    return crc
