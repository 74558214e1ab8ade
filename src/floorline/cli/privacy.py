"""`floorline content` and `floorline erase`: who may see what was said, and how it goes."""

import base64
import re

import click

from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.jobs.erasing import Erased, Eraser, Found, Kind, Plan
from floorline.ledger.content import Content
from floorline.ledger.state import Audited
from floorline.wiring import actor, load_config, now, open_content, open_eraser, open_state

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What could steer a terminal."""


@click.group("content")
def content() -> None:
    """Show prompts and answers that a feature keeps (`capture` in floorline.yaml)."""


@content.command("show")
@click.argument("call_id", metavar="CALL_ID")
@click.option("--reason", required=True, help="Why it is looked at; the audit keeps it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(call_id: str, reason: str, *, as_json: bool) -> None:
    """Show the prompt and answer of the call CALL_ID (the header x-floorline-call-id of its answer).

    Only the owner of FLOORLINE_HOME can, and each look is in the audit before anything is shown.
    """
    if not reason.strip():
        raise BadInput("--reason is empty: say why the content is looked at")
    store = open_content()
    with open_state() as state:
        state.audit(Audited(at=now(), actor=actor(), action="content.show", subject=call_id, detail=reason))
    found = store.find(call_id)
    if found is None:
        raise BadInput(f"nothing is kept of call {call_id!r}: it was not captured, has expired, or was erased")
    if as_json:
        emit_json(_document(found))
        return
    click.echo(f"{found.call_id}  {found.at:%Y-%m-%d %H:%M:%S} UTC  {found.feature}{'  (cut)' if found.cut else ''}")
    for name, side in (("request", found.request), ("answer", found.answer)):
        click.echo(f"\n── {name}, {len(side)} bytes")
        click.echo(_CONTROLS.sub("�", side.decode(errors="replace")))


def _document(found: Content) -> dict[str, object]:
    return {
        "call_id": found.call_id,
        "at": found.at.isoformat(),
        "feature": found.feature,
        "cut": found.cut,
        **_side("request", found.request),
        **_side("answer", found.answer),
    }


def _side(name: str, side: bytes) -> dict[str, object]:
    """As text, or in base64 when it is none."""
    try:
        return {name: side.decode()}
    except UnicodeDecodeError:
        return {name: None, f"{name}_base64": base64.b64encode(side).decode()}


@click.group("erase")
def erase() -> None:
    """Erase a customer or a user: names become surrogates, content cannot be read any more, totals hold.

    Works alone and beside a running control process. An erasure that was interrupted is finished first.
    """


@erase.command("customer")
@click.argument("name", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; needs --yes.")
def customer(name: str, *, yes: bool, as_json: bool) -> None:
    """Erase the customer ID under all its names, with its users."""
    _erase("customer", name, "", yes=yes, as_json=as_json)


@erase.command("user")
@click.argument("name", metavar="ID")
@click.option("--customer", "of_customer", default="", help="Only this customer's user of that name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; needs --yes.")
def user(name: str, of_customer: str, *, yes: bool, as_json: bool) -> None:
    """Erase the user ID of every customer, or of one."""
    _erase("user", name, of_customer, yes=yes, as_json=as_json)


def _erase(kind: Kind, name: str, of_customer: str, *, yes: bool, as_json: bool) -> None:
    if not name.strip():
        raise BadInput(f"the {kind}'s name is empty: rows without a name belong to nobody")
    if as_json and not yes:
        raise BadInput("--json needs --yes: nobody can be asked")
    with open_eraser(load_config(secrets=False), lambda step: click.echo(f"{step} …", err=True)) as eraser:
        finished = _finish_pending(eraser)
        if finished is not None and (finished[0].kind, finished[0].name, finished[0].customer) == (
            kind,
            name,
            of_customer,
        ):
            _done(finished[1], as_json=as_json)
            return
        found = eraser.look(kind, name, of_customer)
        if not as_json:
            _show(found)
        if found.nothing:
            if as_json:
                emit_json({"erased": False, **_found(found)})
            return
        if not yes:
            click.confirm(f"Erase {kind} {name} for good?", abort=True)
        eraser.begin(found.plan)
        erased = eraser.finish(found.plan, now())
    _done(erased, found, as_json=as_json)


def _finish_pending(eraser: Eraser) -> tuple[Plan, Erased] | None:
    """The erasure that was interrupted, if there was one; it is complete now."""
    plan = eraser.pending()
    if plan is None:
        return None
    click.echo(f"the erasure of {plan.kind} {plan.name} was interrupted: it is finished first", err=True)
    return plan, eraser.finish(plan, now())


def _done(erased: Erased, found: Found | None = None, *, as_json: bool) -> None:
    if as_json:
        emit_json({"erased": True, "surrogate": erased.surrogate, **(_found(found) if found else {})})
        return
    click.echo(f"erased; in every report it is {erased.surrogate} now")


def _found(found: Found) -> dict[str, object]:
    return {
        "rows": dict(found.rows),
        "months": list(found.months),
        "content_keys": found.content_keys,
        "virtual_keys": list(found.virtual_keys),
        "quarantined": found.quarantined,
        "damaged": list(found.damaged),
        "shared_aliases": list(found.shared),
    }


def _show(found: Found) -> None:
    names = found.plan.renaming.names
    if found.nothing:
        click.echo(f"nothing is kept of {found.plan.kind} {found.plan.name}")
    else:
        click.echo(f"{found.plan.kind} {found.plan.name}" + (f", also {', '.join(names[1:])}" if names[1:] else ""))
        for table, rows in found.rows.items():
            if rows:
                click.echo(f"  {rows} rows of {table} get a surrogate")
        if found.months:
            click.echo(f"  months: {', '.join(found.months)}")
        for count, what in (
            (found.content_keys, "content keys are shredded: what was kept under them cannot be read any more"),
            (len(found.virtual_keys), f"virtual keys are revoked: {', '.join(found.virtual_keys)}"),
            (found.quarantined, "quarantined rows are removed"),
            (len(found.damaged), f"damaged segments are removed: {', '.join(found.damaged)}"),
        ):
            if count:
                click.echo(f"  {count} {what}")
    if found.shared:
        click.echo(f"  left as they are, because they have meant another customer too: {', '.join(found.shared)}")
