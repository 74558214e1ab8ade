"""How commands print: one JSON document for machines, tables for people."""

from collections.abc import Sequence

import click
import msgspec


def emit_json(value: object) -> None:
    """Print `value` as one JSON document. Money must already be text (`money.text`)."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def note(notices: Sequence[str]) -> None:
    """Say on standard error what the ledger did at its opening: a recovery, a rebuild, a damaged segment, a refused row."""
    for notice in notices:
        click.echo(f"note: {notice}", err=True)
