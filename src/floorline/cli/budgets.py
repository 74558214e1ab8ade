"""`floorline budgets`: where every budget stands."""

from collections.abc import Sequence
from pathlib import Path

import click

from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.guardrails.spending import instant_text
from floorline.jobs.budget_standings import BudgetStanding, billed, document, standings, unit_of
from floorline.wiring import home, load_config, now

SHOWN_MAX = 50


@click.command("budgets")
@click.argument("name", required=False)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(name: str | None, config_file: Path | None, *, as_json: bool) -> None:
    """Show what is used and held of every budget in its running window, or of the budget NAME, whoever's it is.

    The figures are the gateways' own, of half a second ago. `floorline doctor` compares them with the ledger.
    """
    budgets = load_config(config_file, secrets=False).gateway.allowance.budgets
    chosen = [one for one in budgets if name in {None, one.name}]
    if name is not None and not chosen:
        known = ", ".join(one.name for one in budgets) or "none is configured"
        raise click.UsageError(f"there is no budget {name!r}: {known}")
    found = standings(home(), chosen, now())
    if as_json:
        emit_json({"at": instant_text(now()), "budgets": document(found)})
    elif not budgets:
        click.echo("No budget is configured: `budgets` in floorline.yaml (docs/budgets.md).")
    else:
        _print(found)


def _print(found: Sequence[BudgetStanding]) -> None:
    shown = found[:SHOWN_MAX]
    columns = [
        Column(title="budget", cells=[one.budget.name for one in shown], name=True),
        Column(title="of", cells=[one.holder or "everyone" for one in shown], name=True),
        Column(title="used", cells=[one.budget.text(one.used) for one in shown]),
        Column(title="held", cells=[one.budget.text(one.held) for one in shown], weight=2),
        Column(title="limit", cells=[one.budget.text(one.budget.limit_quanta) for one in shown]),
        Column(title="", cells=[f"{one.percent} %" for one in shown]),
        Column(title="unit", cells=[unit_of(one.budget) for one in shown], left=True),
        Column(title="resets at", cells=[instant_text(one.window.end) for one in shown], weight=3, left=True),
        Column(
            title="overage", cells=[one.budget.text(over) if (over := billed(one)) else "" for one in shown], weight=4
        ),
    ]
    out = plain_console()
    print_grid(out, f"{len(found)} counters of running windows", columns)
    if len(found) > len(shown):
        out.print(f"{len(found) - len(shown)} more: `floorline budgets NAME`, or --json")
    presumed = sum(one.presumed > 0 for one in found)
    if presumed:
        out.print(
            f"Of {presumed} of them a part is presumed: calls whose cost nobody knows count as what they reserved."
        )
