"""`floorline sessions`: who is logged into the dashboard."""

import click
from rich import box
from rich.table import Column, Table

from floorline.cli.expiring import minute
from floorline.cli.grid import plain_console
from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.web.access.sessions import SHORT, Session
from floorline.wiring import now
from floorline.wiring.access import audit, open_records


@click.group("sessions")
def command() -> None:
    """List and end the sessions of the dashboard."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(*, as_json: bool) -> None:
    """List every session that is not over, the one used last first."""
    with open_records() as records:
        found = records.sessions.all(now())
    if as_json:
        emit_json([_document(id_, one) for id_, one in found.items()])
        return
    if not found:
        click.echo("nobody is logged in")
        return
    table = Table(Column("id", no_wrap=True), "user", "by", "begun", "last used", "from", "with", box=box.SIMPLE)
    for id_, one in found.items():
        table.add_row(
            id_[:SHORT], one.user, one.kind, minute(one.begun_at), minute(one.seen_at), one.address, one.agent[:40]
        )
    plain_console().print(table)


@command.command("revoke")
@click.argument("session_id", metavar="[ID]", default="")
@click.option("--user", default="", help="Every session of this user instead of one.")
@click.option("--all", "everyone", is_flag=True, help="Every session.")
def revoke(session_id: str, user: str, *, everyone: bool) -> None:
    """End the session whose id begins with ID, or several. Its browser has to log in again."""
    if sum(map(bool, (session_id, user, everyone))) != 1:
        raise BadInput("name one session, or --user, or --all")
    instant = now()
    with open_records() as records:
        meant = [
            (id_, one)
            for id_, one in records.sessions.all(instant).items()
            if everyone or (one.user == user if user else id_.startswith(session_id))
        ]
        if session_id and len(meant) != 1:
            raise BadInput(
                f"{len(meant)} sessions have an id that begins with {session_id!r}: `floorline sessions list` has them"
            )
        for id_, one in meant:
            records.sessions.end(id_, instant)
            audit(records, "session.revoke", one.user, id_[:SHORT])
    click.echo(f"{len(meant)} session{'' if len(meant) == 1 else 's'} ended")


def _document(id_: str, session: Session) -> dict[str, object]:
    return {
        "id": id_[:SHORT],
        "user": session.user,
        "kind": session.kind,
        "begun_at": session.begun_at.isoformat(),
        "seen_at": session.seen_at.isoformat(),
        "address": session.address,
        "agent": session.agent,
    }
