"""How commands print: one JSON document for machines, tables for people."""

import click
import msgspec


def emit_json(value: object) -> None:
    """Print `value` as one JSON document. Money must already be text (`money.text`)."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
