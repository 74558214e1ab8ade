"""`floorline alerts`: what has to be looked at, why, and what became of it."""

from datetime import datetime, time, timedelta
from typing import get_args

import click

from floorline.alerts.digest import digest, digest_markdown, noise, noise_markdown
from floorline.alerts.model import Alert, State, week_start
from floorline.alerts.tuning import RULES
from floorline.cli.alerts_text import (
    alert_document,
    digest_document,
    noise_document,
    print_alert,
    print_alerts,
    print_rules,
    remarks_document,
    rules_document,
)
from floorline.cli.deliveries import send_tests
from floorline.cli.output import emit_json
from floorline.clock import day_of, timezone
from floorline.errors import BadInput
from floorline.jobs import answering
from floorline.jobs.alerting import shelf_of
from floorline.wiring import actor, load_config, now, open_ledger, open_state

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document; money as text of 12 places.")
_NOTE = click.option("--note", default="", help="Why, for whoever reads it later.")
_WEEK = click.option("--week", metavar="2026-W46", help="The ISO week; this one when not given.")


@click.group("alerts")
def command() -> None:
    """What fired and is open, what is done about it, how it is told.

    The control process judges every 15 minutes (`alerts.every`); docs/alerts.md defines each rule.
    """


@command.command("list")
@click.option("--all", "all_", is_flag=True, help="Resolved ones too.")
@click.option("--state", "state_", type=click.Choice(get_args(State)), help="Those in this state alone.")
@click.option("--rule", type=click.Choice(RULES), help="Those of this rule alone.")
@_JSON
def list_(*, all_: bool, state_: State | None, rule: str | None, as_json: bool) -> None:
    """List what is open, the most dollars first."""
    found = [
        alert
        for alert in _alerts()
        if (alert.active or all_ or state_ == "resolved")
        and state_ in {None, alert.state}
        and rule in {None, alert.rule}
    ]
    found.sort(key=lambda one: (not one.active, -(one.at_stake_usd or 0), one.id))
    if as_json:
        emit_json([alert_document(alert) for alert in found])
    else:
        print_alerts(found)


@command.command("show")
@click.argument("alert_id", metavar="ID")
@_JSON
def show(alert_id: str, *, as_json: bool) -> None:
    """Show one alert with its history. ID may be a part of the id that no other one has."""
    alert = _find(alert_id)
    with open_state() as state:
        remarks = answering.remarks(state, alert)
    if as_json:
        emit_json({**alert_document(alert), "remarks": remarks_document(remarks)})
    else:
        print_alert(alert, remarks)


@command.command("acknowledge")
@click.argument("alert_id", metavar="ID")
@_NOTE
@_JSON
def acknowledge(alert_id: str, *, note: str, as_json: bool) -> None:
    """Say that you work on ID. The routes hear of it at the next evaluation, a pager stops."""
    found = _find(alert_id)
    with open_state() as state:
        alert = answering.acknowledge(state, found.id, by=actor(), note=note, now=now())
    _tell_done(alert, as_json=as_json)


@command.command("resolve")
@click.argument("alert_id", metavar="ID")
@_NOTE
@_JSON
def resolve(alert_id: str, *, note: str, as_json: bool) -> None:
    """Say that ID is over. While its condition holds on it stays silent for the rest of the week."""
    found = _find(alert_id)
    with open_ledger(load_config(secrets=False)) as ledger:
        zone = timezone(ledger.timezone)
        alert = answering.resolve(ledger.state, found.id, by=actor(), note=note, now=now(), zone=zone)
    _tell_done(alert, as_json=as_json)


@command.command("assign")
@click.argument("alert_id", metavar="ID")
@click.argument("to", metavar="WHO")
@_NOTE
@_JSON
def assign(alert_id: str, to: str, *, note: str, as_json: bool) -> None:
    """Give ID to WHO, a name or an address, until it fires again; to nobody with ''."""
    found = _find(alert_id)
    with open_state() as state:
        alert = answering.assign(state, found.id, to=to, by=actor(), note=note, now=now())
    if as_json:
        emit_json(alert_document(alert))
    else:
        click.echo(f"{alert.id} is {alert.answerable or 'nobody'}'s")


@command.command("note")
@click.argument("alert_id", metavar="ID")
@click.argument("text")
@_JSON
def note_(alert_id: str, text: str, *, as_json: bool) -> None:
    """Say something of ID, for whoever looks at it later."""
    found = _find(alert_id)
    with open_state() as state:
        alert = answering.remark(state, found.id, by=actor(), note=text, now=now())
    if as_json:
        emit_json(alert_document(alert))
    else:
        click.echo(f"noted of {alert.id}")


@command.command("digest")
@_WEEK
@_JSON
def digest_(*, week: str | None, as_json: bool) -> None:
    """What happened in a week, and what is open, as Markdown."""
    start, end = _bounds(week)
    found = digest(_alerts(), start, end)
    if as_json:
        emit_json(digest_document(found))
    else:
        click.echo(digest_markdown(found), nl=False)


@command.command("noise")
@_WEEK
@_JSON
def noise_(*, week: str | None, as_json: bool) -> None:
    """What fired in a week, whether that was too much, and what to tune."""
    start, end = _bounds(week)
    report = noise(_alerts(), start, end, load_config(secrets=False).alerts.tuning.noisy_week)
    if as_json:
        emit_json(noise_document(report))
    else:
        click.echo(noise_markdown(report), nl=False)


@command.command("rules")
@_JSON
def rules(*, as_json: bool) -> None:
    """Every rule as it is set: what is on, thresholds, evidence, and what features have of their own."""
    tuning = load_config(secrets=False).alerts.tuning
    if as_json:
        emit_json(rules_document(tuning))
    else:
        print_rules(tuning)


command.add_command(send_tests, "test")


def _alerts() -> list[Alert]:
    with open_state() as state:
        return list(shelf_of(state).all().values())


def _find(wanted: str) -> Alert:
    """The alert of that id, or the only one whose id contains it."""
    known = {alert.id: alert for alert in _alerts()}
    if wanted in known:
        return known[wanted]
    matching = [id_ for id_ in known if wanted in id_]
    if len(matching) == 1:
        return known[matching[0]]
    if matching:
        raise BadInput(f"{wanted!r} is a part of {len(matching)} ids: {', '.join(matching[:5])}")
    raise BadInput(f"there is no alert {wanted!r}: see `floorline alerts list --all`")


def _bounds(week: str | None) -> tuple[datetime, datetime]:
    """The first instant of an ISO week of the reporting timezone, and that of the next one."""
    with open_ledger(load_config(secrets=False)) as ledger:
        zone = timezone(ledger.timezone)
    try:
        day = datetime.strptime(f"{week}-1", "%G-W%V-%u").date() if week else day_of(now(), zone)  # noqa: DTZ007 - a day
    except ValueError as error:
        raise BadInput(f"--week {week!r}: write it as 2026-W46") from error
    monday = week_start(day)
    first, last = (datetime.combine(one, time(), zone) for one in (monday, monday + timedelta(days=7)))
    return first, last


def _tell_done(alert: Alert, *, as_json: bool) -> None:
    if as_json:
        emit_json(alert_document(alert))
    else:
        click.echo(f"{alert.id} is {alert.state}")
