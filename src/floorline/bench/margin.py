"""Margin tables over many calls, beside the engine's own bare sums over the same rollups in the same run.

Calls are made by the engine itself (filling.py), because importing them is measured elsewhere.
"""

import statistics
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import perf_counter

from floorline.bench.filling import END, START, fill, statement
from floorline.bench.report import Row
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.ledger import Ledger
from floorline.margin.dimensions import Dimension

REPEATS = 5
QUARTER, MONTH = (START, END), (date(2026, 3, 1), END)
TABLES: tuple[tuple[Dimension, ...], ...] = (
    ("feature",), ("customer",), ("plan",), ("workflow",), ("model",), ("feature", "model"),
)  # fmt: skip
P95_TABLES: tuple[tuple[Dimension, ...], ...] = (("feature",), ("model",))
BASELINES = (
    ("feature", "calls_day"),
    ("customer_id", "calls_day"),
    ("workflow", "steps_day"),
    ("user_id", "detail_day"),
)


def run(*, rows: int = 10_000_000) -> list[Row]:
    """Median latency of the main tables over `rows` calls of 90 days and 10,000 customers."""
    with tempfile.TemporaryDirectory(prefix="floorline-bench-") as folder, Ledger.open(Path(folder)) as ledger:
        took = _timed(lambda: fill(ledger, rows))
        found = [
            Row(
                name="calls made by the engine",
                value=f"{rows:,}",
                unit="calls",
                note=f"in {took:.0f} s, rollups included",
            )
        ]
        found += [_baseline(ledger, column, rollup) for column, rollup in BASELINES]
        of = Margins(ledger)
        for name, window in (("90 days", QUARTER), ("31 days", MONTH)):
            found += [_table(of, by, name, window, with_p95=False) for by in TABLES]
        found += [_table(of, by, "90 days", QUARTER, with_p95=True) for by in P95_TABLES]
        found.append(_table(of, ("customer",), "31 days", MONTH, with_p95=True))
        return found


def _table(of: Margins, by: tuple[Dimension, ...], name: str, window: tuple[date, date], *, with_p95: bool) -> Row:
    request = MarginRequest(by=by, start=window[0], end=window[1], with_p95=with_p95)
    report = of.table(request)
    assert report.rows
    percentile = f", P95 {report.p95_method}" if with_p95 else ""
    return Row(
        name=f"margin by {','.join(by)}, {name}{percentile}",
        value=f"{_median_ms(lambda: of.table(request)):.0f}",
        unit="ms",
        note=f"{len(report.rows):,} rows",
    )


def _baseline(ledger: Ledger, column: str, rollup: str) -> Row:
    text = statement("margin_baseline")
    values = {"column": column, "rollup": rollup, "start": START, "end": END}

    def bare() -> int:
        return len(ledger.store.client.query(text, parameters=values).result_rows)

    return Row(
        name=f"bare sum of {rollup} by {column}, 90 days",
        value=f"{_median_ms(bare):.0f}",
        unit="ms",
        note=f"baseline, {bare():,} rows",
    )


def _median_ms(what: Callable[[], object]) -> float:
    return 1_000 * statistics.median(_timed(what) for _ in range(REPEATS))


def _timed(what: Callable[[], object]) -> float:
    start = perf_counter()
    what()
    return perf_counter() - start
