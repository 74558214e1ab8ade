"""The cost map as other tools read it: one JSON document, or the cells of a CSV. Money is text of 12 places."""

from decimal import Decimal

from floorline.margin.costmap import COLUMNS, HIDDEN, Cell, CostMap, MapRow
from floorline.margin.floors import exception_fields
from floorline.margin.report import Json, money_or_null, quality, text_of
from floorline.money import text

_FIGURES = ("per_call_mean", "per_call_p95", "per_outcome_mean", "per_outcome_p95")


def costmap_document(found: CostMap) -> Json:
    """The whole map; `to` is exclusive."""
    report = found.report
    return {
        "from": report.start.isoformat(),
        "to": report.end.isoformat(),
        "timezone": report.timezone,
        "currency": "USD",
        "columns": list(COLUMNS),
        "hidden": list(HIDDEN),
        "p95_method": found.p95_method,
        "rows": [{"feature": row.key[0], **_fields(row)} for row in found.rows],
        "total": _fields(found.total),
    }


def _fields(row: MapRow) -> Json:
    figures = row.figures
    held = figures.held_to
    return {
        "cogs": text_of(figures.cogs_pico),
        "hidden": text_of(row.hidden_pico),
        "calls": figures.sums.calls,
        "successful_outcomes": figures.outcomes.successes if figures.outcomes else 0,
        **_whole(row),
        "components": {column: _cell(row, column, cell) for column, cell in row.cells.items()},
        "embeddings_told": money_or_null(row.embeddings_told),
        "missing": [{"component": one.component, "because": one.because} for one in row.missing],
        "margin_ratio": money_or_null(figures.margin_ratio),
        "floor": None if held is None else f"{held.ratio:f}",
        "zone": figures.zone,
        "exception": None if held is None else exception_fields(held),
        "quality": quality(figures),
    }


def _whole(row: MapRow) -> dict[str, str | None]:
    """The figures of all components together: per call what calls cost, per outcome what everything does."""
    figures = row.figures
    return {
        "per_call_mean": money_or_null(figures.cost_per_call_mean),
        "per_call_p95": money_or_null(figures.cost_per_call_p95),
        "per_outcome_mean": money_or_null(figures.cost_per_successful_outcome),
        "per_outcome_p95": money_or_null(row.per_outcome_p95),
    }


def _cell(row: MapRow, column: str, cell: Cell) -> Json:
    return {
        "cost": text(cell.cost),
        "share": money_or_null(row.share(column)),
        "calls": cell.calls,
        **{name: money_or_null(amount) for name, amount in cell_figures(cell).items()},
    }


def cell_figures(cell: Cell) -> dict[str, Decimal | None]:
    """A cell's means and percentiles, by name."""
    return dict(
        zip(
            _FIGURES,
            (cell.per_call_mean, cell.per_call_p95, cell.per_outcome_mean, cell.per_outcome_p95),
            strict=True,
        )
    )


def costmap_lines(found: CostMap) -> list[list[str]]:
    """Header, a line for each feature, and the total; what is unknown is empty."""
    header = ["feature", "cogs", "hidden", "calls", "successful_outcomes", *_FIGURES]
    header += [f"{column}_{name}" for column in COLUMNS for name in ("cost", *_FIGURES)]
    return [[*header, "missing"], *(_line(row) for row in (*found.rows, found.total))]


def _line(row: MapRow) -> list[str]:
    figures = row.figures
    successes = figures.outcomes.successes if figures.outcomes else 0
    whole = [amount or "" for amount in _whole(row).values()]
    name = row.key[0] if row.key else "total"
    cells = [
        name,
        text_of(figures.cogs_pico),
        text_of(row.hidden_pico),
        str(figures.sums.calls),
        str(successes),
        *whole,
    ]
    for column in COLUMNS:
        cell = row.cells.get(column)
        cells.append(text(cell.cost if cell else Decimal(0)))
        cells += [money_or_null(amount) or "" for amount in cell_figures(cell or Cell(cost_pico=0)).values()]
    return [*cells, " ".join(missing.component for missing in row.missing)]
