"""`floorline notices`: price changes that providers announced, and what each does to the company's own traffic."""

from datetime import date
from decimal import Decimal, InvalidOperation

import click

from floorline.alerts.events import PRICE_CHANGES, PRICE_NOTICES, PriceChange, PriceNotice
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.margin import Day
from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.jobs.price_watch import PriceWatch
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited
from floorline.margin.words import cents
from floorline.money import text
from floorline.pricing.providers import canonical
from floorline.wiring import actor, book_with, load_config, now, open_ledger, open_state

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document; money as text of 12 places.")


@click.group("notices")
def command() -> None:
    """Price changes that providers announced: the alert `price_change` tells what each does to your own traffic."""


@command.command("add")
@click.option("--provider", required=True, help="Who announced it.")
@click.option("--model", required=True, help="The model as it is called.")
@click.option("--from", "valid_from", type=Day(), required=True, help="The first day (UTC) of the new prices.")
@click.option(
    "--price", "prices", multiple=True, required=True, metavar="UNIT=USD", help="input=1.25 for a million tokens, …"
)
@click.option("--source", default="", help="Where it was read.")
@_JSON
def add(*, provider: str, model: str, valid_from: date, prices: tuple[str, ...], source: str, as_json: bool) -> None:
    """Keep a notice, and price the last 30 days again under it. A unit that is not named keeps its price."""
    instant = now()
    seller = canonical(provider)
    notice = PriceNotice(
        id=f"{seller}/{model}/{valid_from}",
        provider=seller,
        model=model,
        valid_from=valid_from,
        prices=dict(map(_price, prices)),
        source=source,
        entered_by=actor(),
        at=instant,
    )
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        watch = PriceWatch(
            ledger=ledger,
            state=ledger.state,
            book_with=lambda extra: book_with(config, extra),
            trusted_cost_providers=config.trusted_cost_providers,
        )
        change = watch.announced(notice, instant)
        Shelf(ledger.state, PRICE_NOTICES, PriceNotice).put(notice.id, notice, now=instant)
        Shelf(ledger.state, PRICE_CHANGES, PriceChange).put(notice.id, change, now=instant)
        ledger.state.audit(Audited(at=instant, actor=actor(), action="notice.add", subject=notice.id, detail=source))
    if as_json:
        emit_json(_document(notice, change))
        return
    click.echo(f"{notice.id}: {_effect(change)}")


@command.command("list")
@_JSON
def list_(*, as_json: bool) -> None:
    """List the notices, the next first, with what each costs or saves a month."""
    with open_state() as state:
        notices = sorted(
            Shelf(state, PRICE_NOTICES, PriceNotice).all().values(), key=lambda one: (one.valid_from, one.id)
        )
        changes = Shelf(state, PRICE_CHANGES, PriceChange).all()
    if as_json:
        emit_json([_document(notice, changes.get(notice.id)) for notice in notices])
        return
    if not notices:
        click.echo("no notices yet: `floorline notices add --provider … --model … --from … --price input=…`")
        return
    print_grid(
        plain_console(),
        "Announced prices",
        [
            Column(title="notice", cells=[notice.id for notice in notices], name=True),
            Column(title="prices", cells=[_prices(notice) for notice in notices], name=True),
            Column(title="effect", cells=[_effect(changes.get(notice.id)) for notice in notices], name=True),
        ],
    )


@command.command("remove")
@click.argument("notice_id", metavar="ID")
def remove(notice_id: str) -> None:
    """Forget a notice that does not hold; its alert ends with it."""
    instant = now()
    with open_state() as state:
        shelf = Shelf(state, PRICE_NOTICES, PriceNotice)
        if shelf.get(notice_id) is None:
            raise BadInput(f"there is no notice {notice_id!r}: see `floorline notices list`")
        shelf.change(notice_id, lambda _: None, now=instant)
        Shelf(state, PRICE_CHANGES, PriceChange).change(notice_id, lambda _: None, now=instant)
        state.audit(Audited(at=instant, actor=actor(), action="notice.remove", subject=notice_id))
    click.echo(f"{notice_id} is forgotten")


def _price(stated: str) -> tuple[str, Decimal]:
    unit, _, amount = stated.partition("=")
    try:
        return unit.strip(), Decimal(amount.strip())
    except InvalidOperation as error:
        raise BadInput(f"--price {stated!r}: write it as input=1.25, in USD for the usual number of units") from error


def _prices(notice: PriceNotice) -> str:
    return ", ".join(f"{unit} ${price:f}" for unit, price in notice.prices.items())


def _effect(change: PriceChange | None) -> str:
    if change is None or change.monthly_effect_usd is None:
        return "no call of the last 30 days to price"
    effect = change.monthly_effect_usd
    return (
        f"{cents(abs(effect))} a month {'less' if effect < 0 else 'more'} on {change.calls} calls of the last 30 days"
    )


def _document(notice: PriceNotice, change: PriceChange | None) -> dict[str, object]:
    effect = None if change is None else change.monthly_effect_usd
    return {
        "id": notice.id,
        "provider": notice.provider,
        "model": notice.model,
        "from": notice.valid_from.isoformat(),
        "prices": {unit: f"{price:f}" for unit, price in notice.prices.items()},
        "source": notice.source or None,
        "entered_by": notice.entered_by,
        "at": notice.at.isoformat(),
        "monthly_effect_usd": None if effect is None else text(effect),
        "calls": 0 if change is None else change.calls,
    }
