"""`floorline dashboard-link`: a link that lets the owner of this machine into the dashboard, once."""

import click

from floorline.cli.output import emit_json
from floorline.web.access.links import ENTER_LIFETIME
from floorline.wiring import load_config, now
from floorline.wiring.access import audit, base_url, control_runs, open_records


@click.command("dashboard-link")
@click.option("--json", "as_json", is_flag=True, help='Print {"url", "expires_at"}.')
def command(*, as_json: bool) -> None:
    """Print a link into the dashboard, as an admin. It works once, for 15 minutes.

    Only the owner of FLOORLINE_HOME can make one. docs/access.md has the other ways in.
    """
    config = load_config(secrets=False)
    instant = now()
    with open_records(config) as records:
        url = f"{base_url(config, records)}/enter/{records.links.make('enter', instant)}"
        audit(records, "link.make", "local owner")
    if as_json:
        emit_json({"url": url, "expires_at": (instant + ENTER_LIFETIME).isoformat()})
    else:
        click.echo(url)
    if not control_runs():
        click.echo("no control process runs: `floorline serve` starts one, and the link works then", err=True)
