"""`floorline experiments`: what is tried on a share of customers, and what came of it."""

from collections.abc import Sequence

import click
from rich.console import Console

from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.guardrails.rules import Guardrails
from floorline.jobs.experiments import Group, Trial, document, trials
from floorline.jobs.margins import Margins
from floorline.margin.words import cents, counted, dollars
from floorline.money import usd_of
from floorline.proof.words import percent, points, size
from floorline.wiring import load_config, now, open_ledger

DAYS = 30
"""Of which costs and hold-outs are."""


@click.group("experiments", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """What is tried on a share of customers, and the hold-out of every guardrail: quality and cost of both sides (docs/experiments.md)."""
    if ctx.invoked_subcommand is not None:
        return
    found = _found()
    if as_json:
        emit_json([document(one) for one in found])
    elif found:
        print_trials(plain_console(), found)
    else:
        click.echo("nothing is tried, and nobody was held out: `experiments` in floorline.yaml (docs/experiments.md)")


@command.command("show")
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(name: str, *, as_json: bool) -> None:
    """One experiment, in sentences."""
    found = [one for one in _found() if one.name == name and not one.is_holdout]
    if not found:
        raise BadInput(f"there is no experiment {name!r}: `floorline experiments` lists them")
    if as_json:
        emit_json(document(found[0]))
    else:
        print_trial(plain_console(), found[0])


def _found() -> list[Trial]:
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        return trials(Margins(ledger, config.policies), config.gateway.guardrails or Guardrails(), now(), DAYS)


def print_trials(out: Console, found: Sequence[Trial]) -> None:
    """A table, and why each stands where it does."""
    print_grid(
        out,
        f"Experiments and hold-outs; costs are of the last {DAYS} days",
        (
            Column(title="name", cells=[_name(one) for one in found], name=True),
            Column(title="stands", cells=[one.standing for one in found]),
            Column(
                title="customers", cells=[f"{one.control.units:,} / {one.treated.units:,}" for one in found], weight=2
            ),
            Column(
                title="right", cells=[f"{percent(one.control.rate)} / {percent(one.treated.rate)}" for one in found]
            ),
            Column(title="difference", cells=[points(one.difference) for one in found]),
            Column(title="a call", cells=[f"{_cost(one.control)} / {_cost(one.treated)}" for one in found], weight=1),
            Column(title="saved, net", cells=[cents(usd_of(one.net)) for one in found]),
        ),
    )
    out.print("Where there are two figures the control's comes first.")
    for one in found:
        out.print(f"{_name(one)}: {one.reason}.")


def print_trial(out: Console, one: Trial) -> None:
    """One experiment in sentences."""
    out.print(
        f"{one.name} of {one.feature}{f', step {one.step}' if one.step else ''}: {one.does}. {one.standing}: {one.reason}."
    )
    for name, group in (("control", one.control), ("treatment", one.treated)):
        said = f"{counted(group.units, 'customer')}, {counted(group.labels, 'label')}, {percent(group.rate)} right"
        out.print(f"{name}: {said}, {_cost(group)} a call")
    if one.difference is not None and one.low is not None and one.high is not None:
        ends = f"{points(one.low)} to {points(one.high)}"
        out.print(f"difference: {points(one.difference)} ({ends}); it is to be above {points(-one.margin)}")
    if one.pairs is not None:
        needed = f", about {one.needed:,} show an equal treatment to {size(one.margin)}" if one.needed else ""
        out.print(f"pairs of customers: {one.pairs:,}{needed}")
    out.print(f"saved, net: {cents(usd_of(one.net))}")


def _name(one: Trial) -> str:
    whose = one.feature or "(none)"
    return (
        f"hold-out of {one.name}, {whose}"
        if one.is_holdout
        else f"{one.name}, {whose}{f'/{one.step}' if one.step else ''}"
    )


def _cost(group: Group) -> str:
    return "–" if group.cost is None else dollars(usd_of(group.cost))
