"""`floorline backup` and `floorline restore`."""

from pathlib import Path

import click

from floorline.cli.output import note
from floorline.jobs import backup as jobs
from floorline.wiring import home, load_config, now, open_ledger


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write the ledger, its state, its keys and what gateways have spooled, as of one moment, to FILE.

    It may run beside everything else. FILE holds the signing secret: keep it as you keep that.
    """
    with open_ledger(load_config(secrets=False)) as ledger:
        note(ledger.notices)
        manifest = jobs.backup(ledger, file, now())
    click.echo(f"{file}: {len(manifest.files)} files, {file.stat().st_size:,} bytes")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(file: Path) -> None:
    """Make FLOORLINE_HOME, which must be empty or not there, what the backup in FILE holds."""
    manifest = jobs.restore(file, home())
    click.echo(f"{home()} holds {len(manifest.files)} files as of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
    click.echo("`floorline ledger verify` compares its rollups with its records")
