"""Calls into the ledger with every rollup kept, beside the engine's own insert of the same rows without rollups.

The engine opens one folder a process, so that each measurement runs in a process of its own.
"""

import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from floorline.bench import sample
from floorline.bench.report import Row
from floorline.ledger.codec import CUT, TABLES, decode, encode, fingerprint_of
from floorline.ledger.driver import embedded
from floorline.ledger.identity import Identities
from floorline.ledger.ledger import BATCH_ROWS, SEGMENT_BYTES, Entry, Ledger
from floorline.ledger.spool import Spool
from floorline.ledger.store import Batch, Store

T = TypeVar("T")
ROWS = 200_000
ENCODED_ROWS_MAX = 400_000  # what is encoded beforehand is held in memory
CALLS_PER_DAY = 100_000
CHUNK = 2_000
SLICE_ROWS = (
    200_000  # made beforehand at a time, and in the store before the next is made: nothing is stored unmeasured
)


@dataclass(slots=True)
class Spent:
    """What one measurement took."""

    rows: int
    seconds: float = 0.0  # float: time, not money
    cpu_seconds: float = 0.0  # float: time, not money

    def row(self, name: str, note: str) -> Row:
        """As the report shows it."""
        cpu_us = self.cpu_seconds / self.rows * 1e6
        rate = f"{self.rows / self.seconds:,.0f}"
        return Row(name=name, value=rate, unit="calls/s", note=f"{cpu_us:.0f} µs of processor a call; {note}")


@contextmanager
def _measured(spent: Spent) -> Generator[None]:
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    yield
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent.seconds += time.perf_counter() - started
    spent.cpu_seconds += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(*, rows: int = ROWS) -> list[Row]:
    """Every measurement with `rows` calls; what must be encoded beforehand with at most 400,000 of them."""
    encoded = min(rows, ENCODED_ROWS_MAX)
    engine = _apart(engine_only, encoded)
    shipped = _apart(shipping, encoded)
    parts = _apart(writing, rows)
    whole = Spent(sum(p.rows for p in parts), sum(p.seconds for p in parts), sum(p.cpu_seconds for p in parts))
    batches = f"batches of {BATCH_ROWS:,}"
    return [
        engine.row("baseline: the engine's own insert, no rollups", f"{batches}, MessagePack as encoded beforehand"),
        shipped.row("spool → claims → store with every rollup", f"{batches}, encoded beforehand"),
        whole.row(
            "write: identities, encoding, spool, store with every rollup",
            f"{whole.rows:,} calls in writes of {CHUNK:,}",
        ),
        *_ends(parts),
        _apart(claiming, rows).row("identities: look up and claim", f"the last tenth of {rows:,}"),
    ]


def _ends(parts: list[Spent]) -> list[Row]:
    """The first and the last slice, when there are several."""
    if len(parts) == 1:
        return []
    first, last = parts[0], parts[-1]
    before = sum(part.rows for part in parts[:-1])
    return [
        first.row(f"  of these the first {first.rows:,}", "into an empty ledger"),
        last.row(f"  of these the last {last.rows:,}", f"into a ledger of {before:,}"),
    ]


def _apart(measure: Callable[[Path, int], T], rows: int) -> T:
    """The measurement in a process of its own, in a folder that goes with it."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="floorline-bench-") as folder, context.Pool(1) as pool:
        return pool.apply(measure, (Path(folder), rows))


def _payloads(rows: int) -> list[bytes]:
    return [encode(call, fingerprint_of(call.id.encode())) for call in sample.calls(rows, per_day=CALLS_PER_DAY)]


def engine_only(folder: Path, rows: int) -> Spent:
    """The base table alone, through the same client."""
    store = Store(embedded(folder / "store"))
    store.migrate("UTC")
    for view in store.views():
        store.client.command(f"DROP VIEW {view.name} SYNC")
    encoded = [decode(payload).row for payload in _payloads(rows)]
    spent = Spent(rows)
    with _measured(spent):
        for start in range(0, rows, BATCH_ROWS):
            store.insert(Batch(table=TABLES[1], version=1, token=str(start), rows=encoded[start : start + BATCH_ROWS]))
    store.close()
    return spent


def shipping(folder: Path, rows: int) -> Spent:
    """What the control process does with what a gateway spooled."""
    payloads = _payloads(rows)
    Ledger.open(folder).close()
    spent = Spent(rows)
    with _measured(spent):
        spool = Spool(folder / "spool", segment_bytes=SEGMENT_BYTES)
        for number, payload in enumerate(payloads, 1):
            spool.append(payload)
            if number % BATCH_ROWS == 0:
                spool.append(CUT)
        spool.close()
        Ledger.open(folder).close()
    return spent


def writing(folder: Path, rows: int) -> list[Spent]:
    """`Ledger.write` and all that follows until it is stored, a slice after the other. Making the records is not measured, and
    nothing is on its way meanwhile.
    """
    parts: list[Spent] = []
    with Ledger.open(folder) as ledger:
        for first in range(0, rows, SLICE_ROWS):
            calls = sample.calls(min(SLICE_ROWS, rows - first), first=first, per_day=CALLS_PER_DAY)
            entries = [Entry(record=call, fingerprint=fingerprint_of(call.id.encode())) for call in calls]
            spent = Spent(len(entries))
            with _measured(spent):
                new = sum(ledger.write(entries[at : at + CHUNK]).new for at in range(0, len(entries), CHUNK))
                ledger.flush()
            assert new == len(entries)
            parts.append(spent)
    return parts


def claiming(folder: Path, rows: int) -> Spent:
    """The index alone: look up, claim, save every 32,768 as segments are removed; the last tenth is measured."""
    index = Identities(folder)
    spent = Spent(rows // 10)
    for start in range(0, rows, CHUNK):
        data = os.urandom(16 * CHUNK)
        identities = [data[n : n + 16] for n in range(0, len(data), 16)]
        step = Spent(CHUNK)
        with _measured(step):
            assert not any(index.find(identities))
            for identity in identities:
                index.claim(identity, identity)
            if start // 32_768 != (start + CHUNK) // 32_768:
                index.save()
        if start >= rows - spent.rows:
            spent.seconds += step.seconds
            spent.cpu_seconds += step.cpu_seconds
    return spent
