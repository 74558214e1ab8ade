"""`floorline runbook`: floors, zones, response times and who answers, on one page from the configuration."""

import click

from floorline.cli.output import emit_json
from floorline.clock import day_of, timezone
from floorline.delivery.message import SEVERITIES
from floorline.delivery.route import Route
from floorline.margin.runbook import runbook_document, runbook_markdown
from floorline.wiring import load_config, now


@click.command("runbook")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_json: bool) -> None:
    """The one-page runbook, from floorline.yaml: floors and where they come from, what each zone demands of whom and
    within how many hours, exceptions and their review dates. Markdown that reads well in a terminal too.
    """
    config = load_config(secrets=False)
    day = day_of(now(), timezone(config.timezone))
    routes = [_route(route) for route in config.routes]
    if as_json:
        emit_json(runbook_document(config.policies, day, routes))
    else:
        click.echo(runbook_markdown(config.policies, day, routes), nl=False)


def _route(route: Route) -> str:
    """A way out and what takes it."""
    severities = [severity for severity in SEVERITIES if severity in route.severities]
    takes = [*severities, *(["reports"] if route.reports else [])]
    return f"{route.name} ({route.channel.kind}): {', '.join(takes) or 'nothing'}"
