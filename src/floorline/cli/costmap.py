"""`floorline costmap`: what every feature's cost is made of."""

import csv
import sys
from datetime import date

import click
from rich.console import Console
from rich.text import Text

from floorline.cli.grid import Column, print_grid
from floorline.cli.margin import days_and_scope, margins, window
from floorline.cli.margin_text import ZONE_STYLE, cents, console, dollars, floor_cell, print_exceptions
from floorline.cli.output import emit_json
from floorline.jobs.costmap import cost_map_of
from floorline.jobs.margins import MarginRequest
from floorline.margin.costmap import COLUMNS, HIDDEN, CostMap, MapRow
from floorline.margin.costmap_report import costmap_document, costmap_lines
from floorline.margin.dimensions import Scope
from floorline.margin.report import percent, share_percent
from floorline.money import usd_of


@click.command("costmap")
@days_and_scope
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--no-p95", is_flag=True, help="Leave the percentiles out: they read every call.")
def command(
    start: date | None, end: date | None, environment: str, purpose: str, *, as_json: bool, as_csv: bool, no_p95: bool
) -> None:
    """What every feature's cost is made of: a row a feature, a column a component, means and 95th percentiles, hidden costs,
    and what a feature should report but does not. docs/costmap.md defines every column.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    with margins() as of:
        start, end = window(of, start, end)
        scope = Scope(environment=environment, purpose=purpose)
        found = cost_map_of(of, MarginRequest(by=("feature",), start=start, end=end, scope=scope, with_p95=not no_p95))
    if as_json:
        emit_json(costmap_document(found))
    elif as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(costmap_lines(found))
    else:
        print_map(found)


def print_map(found: CostMap) -> None:
    """Print the columns that hold something, each component's means and percentiles, and what is missing."""
    out = console()
    report, rows = found.report, (*found.rows, found.total)
    last = date.fromordinal(report.end.toordinal() - 1)
    if not found.rows:
        out.print(f"Cost map: {report.start} to {last}, days of {report.timezone}: no call and no cost.")
        return
    held = [column for column in COLUMNS if any(column in row.cells for row in rows)]
    dearest = sorted(held, key=lambda column: -found.total.cells[column].cost_pico)
    absent = print_grid(
        out,
        f"Cost map: {report.start} to {last}, days of {report.timezone}, USD",
        [
            Column(title="feature", cells=[_name(row) for row in rows], name=True),
            Column(title="COGS", cells=[cents(row.figures.cogs) for row in rows]),
            *(
                Column(
                    title=_title(column), cells=[_cost(row, column) for row in rows], weight=2 + dearest.index(column)
                )
                for column in held
            ),
            *_margin_columns(rows),
        ],
        sections=[len(rows) - 2],
        bold_last=True,
    )
    if absent:
        out.print(f"No room for: {', '.join(absent)} (--csv and --json have all).", soft_wrap=True)
    print_exceptions(out, [row.figures for row in found.rows])
    _print_components(out, found)
    _print_notes(out, found)


def _name(row: MapRow) -> str:
    return row.key[0] if row.key else "total"


def _title(column: str) -> str:
    return f"{column.replace('_', ' ')}{'†' if column in HIDDEN else ''}"


def _cost(row: MapRow, column: str) -> str:
    cell = row.cells.get(column)
    return cents(cell.cost) if cell else ""


def _margin_columns(rows: tuple[MapRow, ...]) -> list[Column]:
    zones = [Text(row.figures.zone, style=ZONE_STYLE[row.figures.zone]) if row.figures.held_to else "" for row in rows]
    return [
        Column(title="margin %", cells=[percent(row.figures.margin_ratio) for row in rows], weight=1),
        Column(title="floor", cells=[floor_cell(row.figures) for row in rows], weight=1 + len(COLUMNS)),
        Column(title="zone", cells=zones, weight=1),
    ]


def _print_components(out: Console, found: CostMap) -> None:
    lines = [(row, column) for row in found.rows for column in ("", *row.cells)]
    cells = [(row, column, row.cells.get(column)) for row, column in lines]
    print_grid(
        out,
        "What a call and an outcome cost, by component",
        [
            Column(title="feature", cells=["" if column else _name(row) for row, column in lines], name=True),
            Column(title="component", cells=[_title(column) or "all" for _, column in lines], name=True),
            Column(title="cost", cells=[cents(cell.cost if cell else row.figures.cogs) for row, _, cell in cells]),
            Column(
                title="share", cells=[percent(row.share(column)) if column else "" for row, column in lines], weight=1
            ),
            Column(
                title="$/call\nmean",
                cells=[
                    dollars(cell.per_call_mean if cell else row.figures.cost_per_call_mean) for row, _, cell in cells
                ],
            ),
            Column(
                title="$/call\nP95",
                cells=[dollars(cell.per_call_p95 if cell else row.figures.cost_per_call_p95) for row, _, cell in cells],
            ),
            Column(
                title="$/outcome\nmean",
                cells=[
                    dollars(cell.per_outcome_mean if cell else row.figures.cost_per_successful_outcome)
                    for row, _, cell in cells
                ],
                weight=2,
            ),
            Column(
                title="$/outcome\nP95",
                cells=[dollars(cell.per_outcome_p95 if cell else row.per_outcome_p95) for row, _, cell in cells],
                weight=2,
            ),
        ],
        sections=[n for n, line in enumerate(lines[1:]) if not line[1]],
    )


def _print_notes(out: Console, found: CostMap) -> None:
    total = found.total
    if total.hidden_pico:
        share = share_percent(total.hidden_pico, total.figures.cogs_pico)
        out.print(f"† hidden costs: {cents(usd_of(total.hidden_pico))}, {share} of COGS.")
    if total.embeddings_told is None and "embedding" in total.cells:
        out.print("Re-embedding is not known: no embedding call says what it embeds (metadata content_hash).")
    elif total.embeddings_told is not None and total.embeddings_told < 1:
        out.print(
            f"Re-embedding is known for {percent(total.embeddings_told)} of the embedding cost; the rest does not say what it embeds."
        )
    for row in found.rows:
        for missing in row.missing:
            out.print(
                f"{_name(row)} reports no {missing.component.replace('_', ' ')}: {missing.because}.", soft_wrap=True
            )
    if found.p95_method not in {"exact", "none"}:
        out.print(f"P95: {found.p95_method} (within 1 %).")
