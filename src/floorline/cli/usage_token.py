"""`floorline usage-token`: a token with which a customer's browser may read its own usage."""

from datetime import timedelta

import click

from floorline.cli.output import emit_json
from floorline.jobs.usage_tokens import LIFETIME, LIFETIME_MAX, TokenMaker
from floorline.wiring import actor, now, open_state, signing_secret

_MINUTE = timedelta(minutes=1)


@click.command("usage-token")
@click.argument("customer")
@click.option(
    "--minutes", type=click.IntRange(1, LIFETIME_MAX // _MINUTE), default=LIFETIME // _MINUTE, show_default=True,
    help="How long it holds. It cannot be revoked.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(customer: str, minutes: int, *, as_json: bool) -> None:
    """Make a token that shows CUSTOMER, by the name that its calls carry, what it has used: for `GET /api/v1/usage/CUSTOMER` and the
    widget. docs/usage-api.md has both. The audit keeps that you did.
    """
    if not customer:
        raise click.UsageError("name the customer that the token is for")
    at, lifetime = now(), minutes * _MINUTE
    with open_state() as state:
        token = TokenMaker(state.audit, signing_secret).make(customer, lifetime, by=actor(), now=at)
    if as_json:
        emit_json({"token": token, "customer": customer, "expires_at": (at + lifetime).isoformat()})
    else:
        click.echo(token)
