"""`floorline certificates`: what labels have shown, what gateways act by, and a person's word against it."""

from collections.abc import Sequence
from datetime import datetime

import click
from rich.console import Console

from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.config import Config
from floorline.errors import BadInput
from floorline.guardrails.rules import Guardrails
from floorline.jobs.certificates import Held, document, held_of
from floorline.jobs.certifying import CERTIFIERS, Kept, go_on, id_of, publish, stop
from floorline.jobs.margins import Margins
from floorline.margin.words import cents, counted
from floorline.money import usd_of
from floorline.proof.words import percent
from floorline.wiring import actor, load_config, now, open_ledger

DAYS = 30
"""Of which the dollars are."""


@click.group("certificates", invoke_without_command=True)
@click.option("--feature", default="", help="This feature's alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
@click.pass_context
def command(ctx: click.Context, feature: str, *, as_json: bool) -> None:
    """What labels have shown of each optimisation that may be wrong, and whether gateways act by it (docs/certificates.md).

    A certificate's name is KIND/FEATURE/STEP/SUBJECT, as the list prints it.
    """
    if ctx.invoked_subcommand is not None:
        return
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        found = held_of(Margins(ledger, config.policies), now(), DAYS, feature)
    if as_json:
        emit_json([document(one) for one in found])
    elif found:
        print_list(plain_console(), found)
    else:
        click.echo("no certificate yet: a guardrail that needs one makes labels in shadow first (docs/certificates.md)")


@command.command("show")
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(name: str, *, as_json: bool) -> None:
    """One certificate: what it is made of, and every turn that it took."""
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        found = held_of(Margins(ledger, config.policies), now(), DAYS, "")
    one = next((held for held in found if id_of(held.kept.certificate.place) == name), None)
    if one is None:
        raise BadInput(f"there is no certificate {name!r}: `floorline certificates` lists them")
    if as_json:
        emit_json(document(one))
    else:
        print_one(plain_console(), one)


@command.command("stop")
@click.argument("name", metavar="NAME")
@click.option("--why", required=True, help="Why gateways are to act by it no more; kept with it and in the audit.")
def stop_one(name: str, why: str) -> None:
    """Take a certificate back, whatever labels show: gateways know within a second."""
    config, instant = load_config(secrets=False), now()
    with open_ledger(config) as ledger:
        stop(ledger.state, name, by=actor(), why=_said(why), now=instant)
        publish(ledger, _rails(config), CERTIFIERS, instant)
    click.echo(f"stopped: gateways act by {name} no more, until `floorline certificates go-on`")


@command.command("go-on")
@click.argument("name", metavar="NAME")
@click.option("--why", required=True, help="Why it may go on; kept with it and in the audit.")
def let_go_on(name: str, why: str) -> None:
    """Let a certificate that somebody stopped be what its labels make it."""
    config, instant = load_config(secrets=False), now()
    with open_ledger(config) as ledger:
        kept = go_on(ledger.state, name, by=actor(), why=_said(why), now=instant)
        publish(ledger, _rails(config), CERTIFIERS, instant)
    click.echo(f"{name} is {kept.certificate.state}: {kept.certificate.reason}")


def _said(why: str) -> str:
    if not why.strip():
        raise BadInput("--why is empty: say it in a few words")
    return why.strip()


def _rails(config: Config) -> Guardrails:
    return config.gateway.guardrails or Guardrails()


def print_list(out: Console, found: Sequence[Held]) -> None:
    """A table, and why each is what it is."""
    published = [one.kept.published for one in found]
    print_grid(
        out,
        f"Certificates; dollars are of the last {DAYS} days",
        (
            Column(title="name", cells=[id_of(one.place) for one in published], name=True),
            Column(title="state", cells=[one.state for one in published]),
            Column(title="labels", cells=[f"{one.labels:,}" for one in published]),
            Column(title="right", cells=[percent(_ratio(one.rights, one.labels)) for one in published], weight=1),
            Column(title="bound", cells=[percent(one.bound) for one in published]),
            Column(title="held against", cells=[percent(one.budget) for one in published], weight=1),
            Column(title="since", cells=[_day(one.since) for one in published], weight=2),
            Column(title="saved, net", cells=[_money(one.net) for one in found]),
        ),
    )
    for one in published:
        if one.reason:
            out.print(f"{id_of(one.place)}: {one.reason}.", soft_wrap=True)  # a reason may name a command


def print_one(out: Console, held: Held) -> None:
    """One certificate in sentences, and its turns."""
    one = held.kept.published
    out.print(
        f"{id_of(one.place)} is {one.state} since {one.since:%Y-%m-%d %H:%M %Z}: {one.reason or 'no reason is kept'}.",
        soft_wrap=True,
    )
    right = f"{counted(one.labels, 'label')}, {one.rights:,} of them right"
    out.print(f"{right}; bound {percent(one.bound)}, held against {percent(one.budget)}.")
    if one.is_unmeasured:
        out.print(f"Nobody knows in how many of its verdicts its judge {one.judge} errs.")
    elif one.judge:
        out.print(f"Its judge {one.judge} is taken to err in {percent(one.judge_error)} of its verdicts.")
    if one.threshold is not None:
        out.print(f"It acts from a score of {one.threshold:.3f} on.")
    if one.alarm.n:
        out.print(f"Its alarm has seen {counted(one.alarm.n, 'label')} since then.")
    if held.net is not None:
        out.print(
            f"Its guardrail saved {_money(held.net)} for {one.feature or 'calls without a feature'} in {DAYS} days, net."
        )
    _print_turns(out, held.kept)


def _print_turns(out: Console, kept: Kept) -> None:
    turns = list(reversed(kept.turns))
    print_grid(
        out,
        "What became of it, the latest first",
        (
            Column(title="at", cells=[f"{one.at:%Y-%m-%d %H:%M}" for one in turns]),
            Column(title="state", cells=[one.state for one in turns]),
            Column(title="by", cells=[one.by for one in turns], weight=1),
            Column(title="why", cells=[one.reason for one in turns], name=True),
        ),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _money(pico: int | None) -> str:
    return "" if pico is None else cents(usd_of(pico))
