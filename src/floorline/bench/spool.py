"""What one append to the spool costs, beside a plain file append of the same bytes."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from floorline.bench import sample
from floorline.bench.report import Row
from floorline.ledger.codec import encode
from floorline.ledger.spool import Spool

ROWS = 50_000
PACED_PER_S = 500
PACED_ROWS = 1_000


def run(*, rows: int = ROWS) -> list[Row]:
    """Encode and append `rows` calls flat out, then some at the pace of traffic (cold caches)."""
    calls = list(sample.calls(min(rows, 5_000)))
    started = time.perf_counter_ns()
    payloads = [encode(call, bytes(16)) for call in calls]
    encoded_us = (time.perf_counter_ns() - started) / len(calls) / 1_000
    size = sum(map(len, payloads)) // len(payloads)
    report = [
        Row(name="encode and check one call", value=f"{encoded_us:.1f}", unit="µs", note=f"{size} bytes, 3 cost lines")
    ]
    with tempfile.TemporaryDirectory(prefix="floorline-bench-") as folder:
        report += _appends("flat out", folder, payloads, rows, pace_ns=0)
        report += _appends(f"at {PACED_PER_S}/s", folder, payloads, PACED_ROWS, pace_ns=10**9 // PACED_PER_S)
    return report


def _appends(name: str, folder: str, payloads: list[bytes], rows: int, *, pace_ns: int) -> list[Row]:
    spool = Spool(Path(folder) / f"spool {pace_ns}", sync_ms=50)
    taken = _measure(spool.append, payloads, rows, pace_ns)
    spool.close()
    with (Path(folder) / f"plain {pace_ns}").open("ab", buffering=0) as file:
        plain = _measure(file.write, payloads, rows, pace_ns)
    return [
        *_rows(f"append to the spool, {name}", taken, "durable within 50 ms, survives kill -9 at once"),
        *_rows(f"baseline: write() to a file, {name}", plain, "no checksum, no preallocation, no sync"),
    ]


def _measure(append: Callable[[bytes], object], payloads: list[bytes], rows: int, pace_ns: int) -> list[int]:
    """Nanoseconds of each append, ascending."""
    clock = time.perf_counter_ns
    taken: list[int] = []
    due = clock()
    for n in range(rows):
        if pace_ns:
            due += pace_ns
            time.sleep(max(0, due - clock()) / 10**9)
        payload = payloads[n % len(payloads)]
        started = clock()
        append(payload)
        taken.append(clock() - started)
    return sorted(taken)


def _rows(name: str, taken: list[int], note: str) -> list[Row]:
    p50, p99 = taken[len(taken) // 2] / 1_000, taken[len(taken) * 99 // 100] / 1_000
    return [
        Row(name=f"{name}, p50", value=f"{p50:.1f}", unit="µs", note=note),
        Row(name=f"{name}, p99", value=f"{p99:.1f}", unit="µs"),
    ]
