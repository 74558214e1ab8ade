"""`floorline stripe`: how fresh revenue is, and pulling it by hand."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from floorline.cli.margin import Day
from floorline.cli.output import emit_json, note
from floorline.config import Config
from floorline.config.stripe import StripeSettings
from floorline.errors import BadInput, Mismatch
from floorline.jobs.stripe.inbox import Inbox, Waiting
from floorline.jobs.stripe.syncing import Syncing, freshness
from floorline.margin.freshness import Freshness
from floorline.wiring import load_config, now, open_ledger, open_state, stripe_account

SHOWN_MAX = 20
_CONFIG = click.option("--config", "config_file", type=click.Path(path_type=Path), help="The configuration file.")


@click.group("stripe")
def command() -> None:
    """Revenue from Stripe as it happens. docs/stripe.md says how it is kept fresh."""


@command.command("status")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(config_file: Path | None, *, as_json: bool) -> None:
    """How fresh revenue is, and what waits or is refused. Exit code 1 when it is stale."""
    config = load_config(config_file, secrets=False)
    settings = _settings(config)
    with open_state() as state:
        inbox = Inbox(state)
        fresh, waiting = freshness(inbox, settings.lag_max), inbox.waiting()
    if as_json:
        emit_json(_document(fresh, waiting, now()))
    else:
        _print(fresh, waiting, now())
    if fresh.is_stale(now()):
        raise Mismatch(
            f"{fresh.said(now())}: `floorline stripe pull`, and look at the job stripe-pull of `floorline doctor`"
        )


@command.command("pull")
@_CONFIG
def pull(config_file: Path | None) -> None:
    """List what changed since the last pull, fetch it, and make the ledger say the same, now."""
    with _syncing(config_file) as syncing:
        _pull(syncing)


@command.command("backfill")
@_CONFIG
@click.option("--from", "start", type=Day(), required=True, help="Invoices created from this day on.")
def backfill(config_file: Path | None, start: date) -> None:
    """Fetch every invoice that was created since a day, and all that hangs on it. Interrupted, a pull goes on with it."""
    with _syncing(config_file) as syncing:
        zone = ZoneInfo(syncing.timezone)
        syncing.backfill(int(datetime.combine(start, time(), zone).timestamp()), now())
        _pull(syncing)


def _pull(syncing: Syncing) -> None:
    """Pull and take until nothing is due. Mismatch when documents were refused."""
    click.echo(syncing.pull(now()))
    syncing.inbox.retry(now())
    refused = 0
    while said := (taken := syncing.take(now())).said:
        refused += taken.refused
        click.echo(said)
    if refused:
        raise Mismatch(f"{refused} documents are not in the ledger: `floorline stripe status` says why")


@contextmanager
def _syncing(config_file: Path | None) -> Generator[Syncing]:
    config = load_config(config_file, secrets=False)
    settings = _settings(config)
    with open_ledger(config) as ledger:
        note(ledger.notices)
        yield Syncing(ledger, stripe_account(settings))


def _settings(config: Config) -> StripeSettings:
    if config.stripe is None:
        raise BadInput("no Stripe account is configured: write `stripe:` with its `api_key` into floorline.yaml")
    return config.stripe


def _document(fresh: Freshness, waiting: dict[str, Waiting], at: datetime) -> dict[str, object]:
    lag = fresh.lag(at)
    return {
        "source": fresh.source,
        "complete_until": _text(fresh.complete_until),
        "newest_event_at": _text(fresh.newest_event_at),
        "lag_seconds": None if lag is None else int(lag.total_seconds()),
        "lag_max_seconds": int(fresh.lag_max.total_seconds()),
        "stale": fresh.is_stale(at),
        "waiting": fresh.waiting,
        "refused": [
            {"kind": one.kind, "id": one.id, "since": _text(one.first_at), "tries": one.tries, "error": one.error}
            for one in waiting.values()
            if one.refused
        ],
    }


def _print(fresh: Freshness, waiting: dict[str, Waiting], at: datetime) -> None:
    click.echo(fresh.said(at))
    newest = "none yet" if fresh.newest_event_at is None else f"{fresh.newest_event_at:%Y-%m-%d %H:%M} UTC"
    click.echo(f"newest change: {newest}; {fresh.waiting} documents to fetch")
    refused = [one for one in waiting.values() if one.refused]
    for one in refused[:SHOWN_MAX]:
        click.echo(f"refused: {one.kind} {one.id} ({one.tries} tries): {one.error}")
    if len(refused) > SHOWN_MAX:
        click.echo(f"… and {len(refused) - SHOWN_MAX} more: --json has all of them")


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat()
