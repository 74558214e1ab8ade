"""`floorline ledger`: check and repair what the ledger holds."""

import click

from floorline.cli.output import emit_json
from floorline.clock import timezone as zone_of
from floorline.errors import BadInput, Mismatch
from floorline.wiring import load_config, open_ledger


@click.group("ledger")
def command() -> None:
    """Check and repair the ledger in FLOORLINE_HOME."""


@command.command("verify")
def verify() -> None:
    """Compare every rollup with its base table, and look for identities stored twice. Exit code 1 when one differs."""
    with open_ledger(load_config(secrets=False)) as ledger:
        differences = ledger.verify()
    for difference in differences:
        click.echo(difference, err=True)
    if differences:
        raise Mismatch(f"{len(differences)} differences: `floorline ledger rebuild` computes every rollup anew")
    click.echo("every rollup equals its base table, and every identity is there once")


@command.command("rebuild")
@click.option("--timezone", help="Days of this IANA timezone instead of the ledger's own.")
def rebuild(timezone: str | None) -> None:
    """Compute every rollup anew from the base tables. A timezone that floorline.yaml states wins when it is next read."""
    if timezone is not None:
        try:
            zone_of(timezone)
        except ValueError as error:
            raise BadInput(str(error)) from error
    with open_ledger(load_config(secrets=False)) as ledger:
        ledger.rebuild(timezone)
        click.echo(f"every rollup is computed anew, with days of {ledger.timezone}")


@command.command("salvage")
def salvage() -> None:
    """Open a ledger whose spool is damaged: keep every whole record, and move the damaged file to `damaged/`."""
    with open_ledger(load_config(secrets=False), set_aside=True) as ledger:
        notices = ledger.notices
    for notice in notices:
        click.echo(notice)
    if not notices:
        click.echo("nothing is damaged")


@command.command("quarantined")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def quarantined(*, as_json: bool) -> None:
    """List the records that were not stored, and why."""
    with open_ledger(load_config(secrets=False)) as ledger:
        found = ledger.state.quarantined()
    rows = [
        {"origin": one.origin, "line": one.line, "source": one.source, "id": one.record_id, "reason": one.reason, "at": one.at.isoformat()}
        for one in found
    ]  # fmt: skip
    if as_json:
        emit_json(rows)
        return
    for one in rows:
        click.echo(f"{one['at']}  {one['source']}/{one['id']}  {one['reason']}  ({one['origin']})")
    click.echo(f"{len(rows)} records are not in the ledger" if rows else "every record is in the ledger")
