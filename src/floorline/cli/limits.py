"""`floorline limits`: how answers ended under their bounds, and what of prompts and answers could be shorter."""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import click

from floorline import money
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.jobs.limits import UseRow, limits_use
from floorline.margin.words import dollars, percent
from floorline.wiring import load_config, now, open_ledger

DAYS_MAX = 366


@click.command("limits")
@click.option(
    "--days", type=click.IntRange(1, DAYS_MAX), default=7, show_default=True, help="How many days, up to now."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
def command(days: int, *, as_json: bool) -> None:
    """Show by feature how many answers were cut by a bound, and what preambles, retrieved context and examples cost (docs/limits.md).

    It is of features with `guardrails.watch: true`, and of calls whose answers were bounded.
    """
    with open_ledger(load_config(secrets=False)) as ledger:
        today = now().astimezone(ZoneInfo(ledger.timezone)).date()
        found = limits_use(ledger, today - timedelta(days=days - 1), today + timedelta(days=1))
    if as_json:
        emit_json([document(row) for row in found])
    elif found:
        show(found, days)
    else:
        click.echo(
            f"no call of the last {days} days was watched: `guardrails.watch: true` in floorline.yaml turns it on"
        )


def document(row: UseRow) -> dict[str, object]:
    """A feature's figures for programs."""
    ratio = row.cut_ratio
    return {
        "feature": row.feature,
        "watched": row.watched,
        "cut": row.cut,
        "cut_ratio": None if ratio is None else str(round(ratio, 4)),
        "bounded": row.bounded,
        "bounded_cut": row.bounded_cut,
        "with_preamble": row.with_preamble,
        "preamble_tokens": row.preamble_tokens,
        "preamble_usd": money.text(row.preamble_cost),
        "structured_output_suggested": row.suggests_structured,
        "with_context": row.with_context,
        "context_tokens": row.context_tokens,
        "context_pieces": row.context_pieces,
        "context_usd": money.text(row.context_cost),
        "one_piece_fewer_usd": money.text(row.one_piece_fewer),
        "with_examples": row.with_examples,
        "example_tokens": row.example_tokens,
        "example_pieces": row.example_pieces,
        "examples_usd": money.text(row.examples_cost),
        "one_example_fewer_usd": money.text(row.one_example_fewer),
    }


def show(found: Sequence[UseRow], days: int) -> None:
    """The table for people, and what it suggests."""
    print_grid(
        plain_console(),
        f"Answers and prompts over the last {days} days",
        (
            Column(title="feature", cells=[row.feature or "(none)" for row in found], name=True),
            Column(title="watched", cells=[f"{row.watched:,}" for row in found]),
            Column(title="cut", cells=["" if row.cut_ratio is None else percent(row.cut_ratio) for row in found]),
            Column(title="bounded", cells=[f"{row.bounded:,}" for row in found], weight=3),
            Column(title="preambles", cells=[dollars(row.preamble_cost) for row in found], weight=1),
            Column(title="context", cells=[dollars(row.context_cost) for row in found]),
            Column(title="a piece less", cells=[dollars(row.one_piece_fewer) for row in found], weight=2),
            Column(title="examples", cells=[dollars(row.examples_cost) for row in found], weight=1),
            Column(title="an example less", cells=[dollars(row.one_example_fewer) for row in found], weight=4),
        ),
    )
    for row in found:
        if row.suggests_structured:
            click.echo(
                f"{row.feature or '(none)'}: {row.with_preamble:,} of {row.watched:,} answers say something before their JSON"
                f" ({row.preamble_tokens:,} tokens): ask for structured output instead"
            )
