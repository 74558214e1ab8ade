"""`floorline baselines`: what costs are compared within, when it changed and what each change did."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import date

import click

from floorline.cli.grid import Column, print_grid
from floorline.cli.margin import Day
from floorline.cli.margin_text import console, dollars
from floorline.cli.output import emit_json, note
from floorline.clock import day_of, timezone
from floorline.jobs.baselining import Baselines
from floorline.margin.baseline import FIELDS, Effect, Entry, declaration_of
from floorline.margin.changelog import describe, entry_document, in_force, log_document, what_changed
from floorline.margin.report import percent
from floorline.margin.words import counted
from floorline.wiring import actor, load_config, now, open_ledger


@contextmanager
def _opened() -> Generator[tuple[Baselines, date]]:
    """The baselines of the home folder's ledger, and today there."""
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        note(ledger.notices)
        yield Baselines(ledger, config.policies), day_of(now(), timezone(ledger.timezone))


@click.group("baselines", invoke_without_command=True)
@click.option("--feature", default="", help="This feature's alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
@click.pass_context
def command(ctx: click.Context, feature: str, *, as_json: bool) -> None:
    """Baselines in force and the changelog: model, prompt and route of each step of a feature, and what each change did to cost per
    call and margin.
    """
    if ctx.invoked_subcommand is not None:
        return
    with _opened() as (baselines, today):
        log = [entry for entry in baselines.log(now()) if feature in {"", entry.place.feature}]
    if as_json:
        emit_json(log_document(log, today, feature))
        return
    held = in_force(log, today)
    if not log:
        click.echo(
            "No baseline is known: the control process looks for them once a day, `floorline baselines detect` does now."
        )
        return
    _print_held(held, today)
    _print_changes([entry for entry in log if entry.declared or entry.before is not None])


@command.command("declare")
@click.argument("feature")
@click.option("--from", "start", type=Day(), help="The first day; today when not given.")
@click.option("--model", default="", help="The model that serves from then on.")
@click.option("--prompt", default="", help="The version of its prompt, as the calls say it.")
@click.option("--route", default="", help="The route, as `floorline baselines` shows it.")
@click.option("--workflow", default="", help="The workflow that it is of; every one when not given.")
@click.option("--step", default="", help="The step that it is of; every one when not given.")
@click.option("--call-type", default="", help="The call type that it is of; every one when not given.")
@click.option("--name", default="", help="What it is called.")
@click.option("--note", "why", default="", help="Why.")
@click.option("--json", "as_json", is_flag=True, help="Print its entry as JSON.")
def declare(feature: str, start: date | None, why: str, *, as_json: bool, **said: str) -> None:
    """Declare a baseline of FEATURE: from that day on figures are of something else. Say at least one of --model, --prompt,
    --route and --name; the same place and day again replaces it.
    """
    if not any(said[name] for name in (*FIELDS, "name")):
        raise click.UsageError("nothing is said of the baseline: add --model, --prompt, --route or --name")
    with _opened() as (baselines, today):
        declaration = declaration_of(feature, start or today, {**said, "note": why, "by": actor()})
        entry = baselines.declare(declaration, "command", now())
    if as_json:
        emit_json(entry_document(entry))
    else:
        click.echo(f"{feature}: {describe(entry)}")


@command.command("detect")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def detect(*, as_json: bool) -> None:
    """Look at the traffic of the days that are over now, as the control process does once a day."""
    with _opened() as (baselines, _):
        found = baselines.detect(now())
    if as_json:
        emit_json({"new": found.added, "withdrawn": found.withdrawn, "measured": found.measured})
    else:
        click.echo(f"Baselines: {found}.")


def _where(entry: Entry) -> str:
    place = entry.place
    return " / ".join(name for name in (place.workflow, place.step, place.call_type) if name) or "every step"


def _print_held(held: Sequence[Entry], today: date) -> None:
    print_grid(
        console(),
        f"Baselines on {today}",
        [
            Column(title="feature", cells=[entry.place.feature for entry in held], name=True),
            Column(title="step", cells=[_where(entry) for entry in held], name=True),
            Column(title="model", cells=[entry.values.model or "–" for entry in held], name=True),
            Column(title="prompt", cells=[entry.values.prompt or "–" for entry in held], name=True),
            Column(title="route", cells=[entry.values.route or "–" for entry in held], weight=1),
            Column(title="since", cells=[entry.start.isoformat() for entry in held]),
            Column(title="declared by", cells=[entry.by or entry.source for entry in held], weight=2),
        ],
    )


def _print_changes(changes: Sequence[Entry]) -> None:
    out = console()
    if not changes:
        out.print("No change since the first.")
        return
    print_grid(
        out,
        "Changes: cost per call of the step and margin of the feature, up to 7 days before and after",
        [
            Column(title="from", cells=[entry.start.isoformat() for entry in changes]),
            Column(title="feature", cells=[entry.place.feature for entry in changes], name=True),
            Column(title="step", cells=[_where(entry) for entry in changes], name=True),
            Column(title="what changed", cells=[_what(entry) for entry in changes], name=True),
            Column(title="cost per call", cells=[_moved(entry.effect) for entry in changes]),
            Column(title="growth", cells=[percent(entry.effect and entry.effect.cost_growth) for entry in changes]),
            Column(title="a month", cells=[dollars(entry.effect and entry.effect.usd_a_month) for entry in changes]),
            Column(title="margin", cells=[_margins(entry.effect) for entry in changes]),
        ],
    )
    waiting = sum(entry.effect is None for entry in changes)
    if waiting:
        out.print(f"{counted(waiting, 'change')} without figures: three days on each side of it must be over.")


def _what(entry: Entry) -> str:
    said = f" ({entry.name or 'declared'} by {entry.by or entry.source})" if entry.declared else ""
    return what_changed(entry) + said


def _moved(effect: Effect | None) -> str:
    if effect is None:
        return "–"
    return f"{dollars(effect.cost_per_call_before)} → {dollars(effect.cost_per_call_after)}"


def _margins(effect: Effect | None) -> str:
    return "–" if effect is None else f"{percent(effect.margin_before)} → {percent(effect.margin_after)}"
