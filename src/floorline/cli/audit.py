"""`floorline audit`: who did what, and which models serve which tasks."""

import click

from floorline.cli.output import emit_json
from floorline.cli.tiers import command as tiers
from floorline.wiring import guarded_home, open_state


@click.group("audit", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """List who did what: looks at content, erasures, keys, accounts, logins, tokens, decisions, and messages that were given
    up; oldest first.
    """
    if ctx.invoked_subcommand is not None:
        return
    guarded_home()
    with open_state() as state:
        entries = state.audited()
    if as_json:
        emit_json(
            [
                {
                    "at": entry.at.isoformat(),
                    "actor": entry.actor,
                    "action": entry.action,
                    "subject": entry.subject,
                    "detail": entry.detail,
                }
                for entry in entries
            ]
        )
        return
    for entry in entries:
        detail = f"  {entry.detail}" if entry.detail else ""
        click.echo(f"{entry.at:%Y-%m-%dT%H:%M:%SZ}  {entry.actor}  {entry.action}  {entry.subject}{detail}")
    if not entries:
        click.echo("nothing was done yet that is audited")


command.add_command(tiers)
