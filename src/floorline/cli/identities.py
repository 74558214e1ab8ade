"""`floorline identities`: names that only usage or only billing knows, and whom they probably belong to."""

from datetime import date

import click

from floorline.cli import margin_text
from floorline.cli.margin import days_and_scope, margins, window
from floorline.cli.output import emit_json
from floorline.margin.dimensions import Scope
from floorline.margin.report import identities_document


@click.command("identities")
@days_and_scope
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(start: date | None, end: date | None, environment: str, purpose: str, *, as_json: bool) -> None:
    """List customers, plans and features that usage and billing do not both know, with dollars and likely partners.

    Join two names with an alias: `floorline import aliases FILE`, or `aliases` in floorline.yaml.
    """
    with margins() as of:
        start, end = window(of, start, end)
        found = of.identities(start, end, Scope(environment=environment, purpose=purpose))
    if as_json:
        emit_json(identities_document(found, start, end))
    else:
        margin_text.print_identities(found, start, end)
