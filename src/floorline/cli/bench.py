"""`floorline bench`: what the ledger's and the pricing's parts cost on this machine."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from floorline.bench.report import Row, machine

SUITES = {
    "pricing": "price one call, beside two bare Decimal multiplications",
    "spool": "append one record, beside a plain file append",
    "ingest": "calls/s into the ledger with rollups, beside the engine's own insert",
    "margin": "margin queries, beside the engine's own sums",
}


@click.command("bench")
@click.argument("suite", type=click.Choice([*SUITES, "all"]), default="all")
@click.option(
    "--rows", type=click.IntRange(min=1_000), help="Calls for ingest and margin; each suite has its own default."
)
@click.option("--save", type=click.Path(path_type=Path), help="Also write the figures to this JSON file.")
def command(suite: str, rows: int | None, save: Path | None) -> None:
    """Measure a part beside a bare baseline in the same run and print a table with the machine.

    Figures are ratios to read, not tests: nothing passes or fails here.
    """
    console = Console()
    host = machine()
    console.print(f"[bold]{host}[/bold]")
    figures: dict[str, list[Row]] = {}
    for name in SUITES if suite == "all" else [suite]:
        figures[name] = _run(name, rows)
        table = Table("figure", "value", "unit", "note", title=f"{name}: {SUITES[name]}", title_justify="left")
        for row in figures[name]:
            table.add_row(row.name, row.value, row.unit, row.note)
        console.print(table)
    if save is not None:
        rendered = {
            name: [{"name": r.name, "value": r.value, "unit": r.unit, "note": r.note} for r in rows_]
            for name, rows_ in figures.items()
        }
        save.write_text(json.dumps({"machine": host, "suites": rendered}, indent=2) + "\n")


def _run(suite: str, rows: int | None) -> list[Row]:
    run: Callable[..., list[Row]] = importlib.import_module(f"floorline.bench.{suite}").run
    if rows is None or suite in {"pricing", "spool"}:
        return run()
    return run(rows=rows)
