"""`floorline keys`: virtual keys for the gateway."""

from datetime import datetime
from typing import cast, get_args

import click
from rich import box
from rich.table import Column, Table

from floorline.cli.expiring import duration, end, minute
from floorline.cli.grid import plain_console
from floorline.cli.output import emit_json
from floorline.config.reader import nearest
from floorline.errors import BadInput
from floorline.events import ENVIRONMENTS, PURPOSES
from floorline.gateway.issuing import Issued, Wish
from floorline.gateway.keys import Key
from floorline.gateway.policy import Unattributed
from floorline.wiring import load_config, now, open_issuer


@click.group("keys")
def command() -> None:
    """Make, list, revoke and rotate the virtual keys that callers of the gateway use.

    Works beside a running gateway, which knows of every change within 2 seconds, and without one.
    """


@command.command("create")
@click.option("--name", required=True, help="Who or what will use it.")
@click.option("--customer", default="", help="Every call is this customer's, whatever headers say.")
@click.option("--feature", default="", help="Every call is this feature's.")
@click.option("--plan", default="", help="Every call is on this plan.")
@click.option("--environment", type=click.Choice(ENVIRONMENTS), help="Every call is of this environment.")
@click.option("--purpose", type=click.Choice(PURPOSES), help="Every call has this purpose.")
@click.option("--expires", help="When it ends: 90d, 12h, 2027-01-31 (UTC) or an instant. Never when left out.")
@click.option("--models", multiple=True, help="A glob over model names it may ask for; may stand several times.")
@click.option("--providers", multiple=True, help="A provider its calls may go to; may stand several times.")
@click.option("--unattributed", type=click.Choice(get_args(Unattributed)), help="Instead of the gateway's policy.")
@click.option("--json", "as_json", is_flag=True, help='Print {"id", "key"}.')
def create(
    *,
    name: str,
    customer: str,
    feature: str,
    plan: str,
    environment: str | None,
    purpose: str | None,
    expires: str | None,
    models: tuple[str, ...],
    providers: tuple[str, ...],
    unattributed: str | None,
    as_json: bool,
) -> None:
    """Make a virtual key. Its text is shown this once and kept nowhere: only its keyed hash is."""
    known = load_config(secrets=False).gateway.providers
    for provider in providers:
        if provider not in known:
            raise BadInput(f"--providers {provider!r} is none of floorline.yaml: {nearest(provider, known)}")
    instant = now()
    wish = Wish(
        name=name,
        customer=customer,
        feature=feature,
        plan=plan,
        environment=environment or "",
        purpose=purpose or "",
        expires_at=end(expires, instant) if expires else None,
        models=models,
        providers=providers,
        unattributed=cast("Unattributed | None", unattributed),
    )
    with open_issuer() as issuer:
        _show(issuer.create(wish, instant), as_json=as_json)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(*, as_json: bool) -> None:
    """List every key with what it is bound to; never its text, which nobody has."""
    with open_issuer() as issuer:
        keys = issuer.keys()
    instant = now()
    if as_json:
        emit_json([_document(key, instant) for key in keys])
        return
    if not keys:
        click.echo("no keys yet: `floorline keys create --name …`")
        return
    table = Table(
        Column("id", no_wrap=True), "name", "state", "bound to", "may ask for", "created", "expires", box=box.SIMPLE
    )
    for key in keys:
        table.add_row(
            key.id,
            key.name,
            _standing(key, instant),
            ", ".join(f"{field} {text}" for field, text in _bound(key).items()),
            ", ".join((*key.models, *(f"at {provider}" for provider in key.providers))),
            minute(key.created_at),
            minute(key.expires_at) if key.expires_at else "",
        )
    plain_console().print(table)


@command.command("revoke")
@click.argument("key_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def revoke(key_id: str, *, as_json: bool) -> None:
    """Take the key ID back. Every gateway refuses it within 2 seconds; calls under way end as they would."""
    with open_issuer() as issuer:
        key = issuer.revoke(key_id, now())
    if as_json:
        emit_json(_document(key, now()))
        return
    click.echo(f"{key.id} ({key.name}) is revoked")


@command.command("rotate")
@click.argument("key_id", metavar="ID")
@click.option("--grace", default="24h", show_default=True, help="How long the old key goes on: 0s, 30m, 24h, 7d.")
@click.option("--json", "as_json", is_flag=True, help='Print {"id", "key"} of the new key.')
def rotate(key_id: str, *, grace: str, as_json: bool) -> None:
    """Make a key of the same rights in place of ID, which goes on for the grace period."""
    period = duration(grace)
    if period is None:
        raise BadInput(f"--grace {grace!r}: write it as 30m, 24h or 7d")
    with open_issuer() as issuer:
        _show(issuer.rotate(key_id, period, now()), as_json=as_json)


def _show(issued: Issued, *, as_json: bool) -> None:
    if as_json:
        emit_json({"id": issued.key.id, "key": issued.text})
        return
    click.echo(issued.text)
    replaced = f", in place of {issued.key.replaces}" if issued.key.replaces else ""
    click.echo(f"{issued.key.id} ({issued.key.name}){replaced}: the key is shown this once, keep it now", err=True)


def _bound(key: Key) -> dict[str, str]:
    fields = {
        "customer": key.customer,
        "feature": key.feature,
        "plan": key.plan,
        "environment": key.environment,
        "purpose": key.purpose,
    }
    return {field: text for field, text in fields.items() if text}


def _standing(key: Key, instant: datetime) -> str:
    return "revoked" if key.revoked else "expired" if key.expired(instant) else "good"


def _document(key: Key, instant: datetime) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "state": _standing(key, instant),
        **{name: _bound(key).get(name) for name in ("customer", "feature", "plan", "environment", "purpose")},
        "models": key.models,
        "providers": key.providers,
        "unattributed": key.unattributed,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        "replaces": key.replaces or None,
    }
