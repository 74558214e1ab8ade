"""`floorline deliveries`: what waits in the outbox, what failed and why; and `floorline alerts test`."""

import sys
from datetime import datetime

import click
from rich.console import Console

from floorline.cli.grid import Column, print_grid
from floorline.cli.margin_text import console
from floorline.cli.output import emit_json
from floorline.delivery.message import one_line
from floorline.delivery.outbox import Delivery, deliveries, overtaken
from floorline.delivery.outbox import retry as retry_delivery
from floorline.delivery.route import Route
from floorline.errors import BadInput
from floorline.jobs.delivering import send_test
from floorline.wiring import load_config, now, open_state

SHOWN_MAX = 40


@click.group("deliveries", invoke_without_command=True)
@click.option("--state", "wanted", type=click.Choice(["waiting", "failed", "taken"]), help="Only those.")
@click.option("--route", "route", help="Only those of this route.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def command(ctx: click.Context, wanted: str | None, route: str | None, *, as_json: bool) -> None:
    """List the messages of the outbox, oldest first: those that wait for their receiver, failed, or were taken lately.

    The control process sends them. A failed one says why, and `floorline deliveries retry` has it sent again.
    """
    if ctx.invoked_subcommand is not None:
        return
    with open_state() as state:
        found = [one for one in deliveries(state) if wanted in {None, one.state} and route in {None, one.route}]
    if as_json:
        emit_json([_document(one) for one in found])
    elif found:
        _print(console(), found, now())
    else:
        click.echo("the outbox is empty" if wanted is route is None else "there is none")


@command.command("retry")
@click.argument("ids", nargs=-1, metavar="[ID]…")
@click.option("--failed", "all_failed", is_flag=True, help="Every one that failed.")
@click.option("--route", "route", help="Only those of this route.")
def retry(ids: tuple[str, ...], route: str | None, *, all_failed: bool) -> None:
    """Have messages that failed or wait sent within seconds, by the control process.

    A message stays failed where a later one about the same thing was taken: a trigger after its resolve would raise the
    alarm again.
    """
    if bool(ids) == all_failed:
        raise click.UsageError("name the deliveries, or say --failed for every one that failed")
    with open_state() as state:
        known = deliveries(state)
        _refuse_unknown(ids, known)
        chosen = [
            one
            for one in known
            if (one.id in ids or (all_failed and one.state == "failed")) and route in {None, one.route}
        ]
        for one in chosen:
            if retry_delivery(state, one.id, now=now()) is not None:
                click.echo(f"{one.id}  {one.route}  is due again")
            else:
                click.echo(f"{one.id}  {one.route}  stays as it is: {_why_not(one, known)}", err=True)
    if not chosen:
        click.echo("there is none")


@click.command("test")
@click.option("--route", "name", help="Only this route.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def send_tests(name: str | None, *, as_json: bool) -> None:
    """Send one message through each route of floorline.yaml, past the outbox, and say what each answered.

    The message says that it is a test and has a chart. An incident that it opens at PagerDuty is resolved at once. The exit
    code is 1 where a route did not take it. Run it where the secrets of the routes are set.
    """
    routes = _routes(name)
    answers = [(route, send_test(route, now())) for route in routes]
    if as_json:
        emit_json(
            [
                {"route": route.name, "kind": route.channel.kind, "outcome": answer.outcome, "answer": answer.words}
                for route, answer in answers
            ]
        )
    else:
        for route, answer in answers:
            said = {"taken": "took it", "later": "did not take it now", "refused": "refused it"}[answer.outcome]
            click.echo(f"{route.name} ({route.channel.kind}) {said}: {answer.words}")
    if any(answer.outcome != "taken" for _, answer in answers):
        sys.exit(1)


def _routes(name: str | None) -> list[Route]:
    routes = load_config(secrets=False).routes
    if not routes:
        raise BadInput("floorline.yaml has no routes: name one under `delivery:` (docs/delivery.md)")
    chosen = [route for route in routes if name in {None, route.name}]
    if not chosen:
        raise BadInput(f"there is no route {name!r}: {', '.join(route.name for route in routes)}")
    return chosen


def _refuse_unknown(ids: tuple[str, ...], known: list[Delivery]) -> None:
    unknown = [id_ for id_ in ids if all(one.id != id_ for one in known)]
    if unknown:
        raise BadInput(f"there is no delivery {unknown[0]}: `floorline deliveries` lists them")


def _why_not(one: Delivery, known: list[Delivery]) -> str:
    if one.state == "taken":
        return "it was taken"
    return "a later message about the same was taken" if overtaken(one, known) else "it is gone"


def _document(one: Delivery) -> dict[str, object]:
    return {
        "id": one.id,
        "route": one.route,
        "state": one.state,
        "message": one.message.id,
        "action": one.message.action,
        "severity": one.message.severity,
        "title": one.message.title,
        "queued_at": one.queued_at.isoformat(),
        "attempts": one.attempts,
        "tried_at": one.tried_at.isoformat() if one.tried_at else None,
        "next_at": one.next_at.isoformat() if one.state == "waiting" else None,
        "answer": one.words,
    }


def _print(out: Console, found: list[Delivery], at: datetime) -> None:
    shown = found[-SHOWN_MAX:]
    columns = [
        Column(title="id", cells=[one.id for one in shown], name=True),
        Column(title="route", cells=[one.route for one in shown], name=True),
        Column(title="state", cells=[_state(one, at) for one in shown]),
        Column(title="tries", cells=[str(one.attempts) for one in shown], weight=2),
        Column(title="queued (UTC)", cells=[f"{one.queued_at:%m-%d %H:%M}" for one in shown], weight=1),
        Column(
            title="message", cells=[f"{one.message.action}: {one_line(one.message.title)}" for one in shown], name=True
        ),
        Column(title="answer", cells=[one.words for one in shown], name=True),
    ]
    print_grid(out, "Messages on their way out", columns)
    if len(found) > len(shown):
        out.print(f"{len(found) - len(shown)} older ones are not listed; --json lists every one")


def _state(one: Delivery, at: datetime) -> str:
    if one.state != "waiting":
        return one.state
    wait_s = int((one.next_at - at).total_seconds())
    return (
        "waiting, due"
        if wait_s <= 0
        else f"waiting, in {wait_s} s"
        if wait_s < 120
        else f"waiting, in {wait_s // 60} min"
    )
