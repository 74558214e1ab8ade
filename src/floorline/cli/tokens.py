"""`floorline tokens`: what programs show to the dashboard's API."""

from datetime import datetime
from typing import cast

import click
from rich import box
from rich.table import Column, Table

from floorline.cli.expiring import end, minute
from floorline.cli.grid import plain_console
from floorline.cli.output import emit_json
from floorline.web.access.tokens import SCOPES, Scope, Token
from floorline.wiring import actor, now
from floorline.wiring.access import audit, open_records


@click.group("tokens")
def command() -> None:
    """Make, list and revoke tokens for the API of the control process.

    Works beside a running control process and without one; a change holds from the next request on.
    """


@command.command("create")
@click.option("--name", required=True, help="Who or what will use it.")
@click.option(
    "--scope", type=click.Choice(tuple(SCOPES)), default="read", show_default=True,
    help="read: pages and figures; write: decisions too; admin: accounts, tokens and the audit too; feedback: POST /api/v1/feedback alone.",
)  # fmt: skip
@click.option(
    "--expires", default="90d", show_default=True, help="When it ends: 90d, 2027-01-31 (UTC), an instant, or never."
)
@click.option("--json", "as_json", is_flag=True, help='Print {"id", "token", "expires_at"}.')
def create(name: str, scope: str, expires: str, *, as_json: bool) -> None:
    """Make a token. Its text is shown this once and kept nowhere: only its hash is."""
    instant = now()
    until = None if expires == "never" else end(expires, instant)
    with open_records() as records:
        issued = records.tokens.create(name, cast("Scope", scope), until, by=actor(), now=instant)
        audit(records, "token.create", issued.id, f"{issued.token.name}, {scope}")
    if as_json:
        emit_json({"id": issued.id, "token": issued.text, "expires_at": until.isoformat() if until else None})
        return
    click.echo(issued.text)
    click.echo(f"{issued.id} ({issued.token.name}, {scope}): the token is shown this once, keep it now", err=True)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(*, as_json: bool) -> None:
    """List every token; never its text, which nobody has."""
    with open_records() as records:
        tokens = records.tokens.all()
    instant = now()
    if as_json:
        emit_json([_document(id_, token, instant) for id_, token in tokens.items()])
        return
    if not tokens:
        click.echo("no tokens yet: `floorline tokens create --name …`")
        return
    table = Table(Column("id", no_wrap=True), "name", "scope", "state", "created", "by", "expires", box=box.SIMPLE)
    for id_, token in tokens.items():
        until = minute(token.expires_at) if token.expires_at else "never"
        table.add_row(
            id_, token.name, token.scope, token.standing(instant), minute(token.created_at), token.created_by, until
        )
    plain_console().print(table)


@command.command("revoke")
@click.argument("token_id", metavar="ID")
def revoke(token_id: str) -> None:
    """Take the token ID back. It is refused from the next request on."""
    with open_records() as records:
        token = records.tokens.revoke(token_id, now())
        audit(records, "token.revoke", token_id, token.name)
    click.echo(f"{token_id} ({token.name}) is revoked")


def _document(id_: str, token: Token, instant: datetime) -> dict[str, object]:
    return {
        "id": id_,
        "name": token.name,
        "scope": token.scope,
        "state": token.standing(instant),
        "created_at": token.created_at.isoformat(),
        "created_by": token.created_by,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
    }
