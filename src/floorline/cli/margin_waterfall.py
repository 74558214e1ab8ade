"""`floorline margin waterfall`: from revenue to margin in bars of text."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from floorline.cli.grid import Column, print_grid
from floorline.cli.margin_text import cents, console
from floorline.margin.report import percent
from floorline.margin.table import MarginReport
from floorline.margin.waterfall import Step, Waterfall

BAR_WIDTH = 40
_STYLE = {"revenue": "green", "cost": "red", "sum": "bold"}


def print_waterfalls(report: MarginReport, found: Sequence[Waterfall], left: int) -> None:
    """Print the waterfalls; `left` more there are."""
    out = console()
    last = report.end.toordinal() - 1
    out.print(
        f"From revenue to margin: {report.start} to {report.end.fromordinal(last)}, days of {report.timezone}, USD"
    )
    for one in found:
        out.print()
        _print_one(out, one)
    if left:
        out.print(f"{left} more, which --key, a greater --limit or --json shows.")


def _print_one(out: Console, one: Waterfall) -> None:
    steps = one.steps
    low = min(0, *(min(step.start, step.end) for step in steps))
    high = max(1, *(max(step.start, step.end) for step in steps))
    print_grid(
        out,
        one.key[0] if one.key else "total",
        [
            Column(title="", cells=[_label(step) for step in steps], name=True),
            Column(title="USD", cells=[cents(step.usd) for step in steps]),
            Column(title="of revenue", cells=[percent(one.share(step)) for step in steps], weight=1),
            Column(
                title="",
                cells=[Text(_bar(step, low, high), style=_STYLE[step.kind]) for step in steps],
                weight=2,
                left=True,
            ),
        ],
        sections=[n for n, step in enumerate(steps) if step.kind == "sum"],
    )


def _label(step: Step) -> str:
    sign = "= " if step.kind == "sum" else "+ " if step.pico > 0 else "- "
    return sign + step.name.replace("_", " ")


def _bar(step: Step, low: int, high: int) -> str:
    """The bar between `low` and `high`; what is not nothing is at least one block."""
    first, last = (
        (edge - low) * BAR_WIDTH // (high - low) for edge in (min(step.start, step.end), max(step.start, step.end))
    )
    first = min(first, BAR_WIDTH - 1)
    blocks = max(1, last - first) if step.pico else 0
    return " " * first + "█" * blocks
