"""`floorline price`: what one call costs, line by line, at any date, and which price version says so."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation

import click
from rich import box
from rich.console import Console
from rich.table import Table

from floorline.cli.output import emit_json
from floorline.clock import parse_instant
from floorline.errors import BadInput, Mismatch
from floorline.events import COUNTS, TOKEN_BUCKETS, Usage
from floorline.money import text
from floorline.pricing.book import PriceVersion, Unpriced
from floorline.pricing.cost import Costing, price
from floorline.wiring import load_book, load_config, now

TIERS = {
    "standard": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
"""What `--tier` says, as the context that an answer would report."""

WIDTH_MIN = 110


def _amount_options(function: Callable[..., None]) -> Callable[..., None]:
    """One option per bucket and count: `--cache-read`, `--web-searches`."""
    for name in reversed(COUNTS):
        flag = f"--{name.replace('_', '-')}"
        function = click.option(flag, name, type=Quantity(), metavar="N", help=f"{_words(name)} (a number)")(function)
    for name in reversed(TOKEN_BUCKETS):
        flag = f"--{name.replace('_', '-')}"
        tokens = click.IntRange(min=0)
        function = click.option(flag, name, type=tokens, metavar="N", help=f"{_words(name)} tokens")(function)
    return function


def _words(name: str) -> str:
    return name.replace("_", " ")


class Quantity(click.ParamType[Decimal]):
    """A decimal number of at least 0."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The number that the text says."""
        try:
            quantity = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not quantity.is_finite() or quantity < 0:
            self.fail(f"{value} must be at least 0", param, ctx)
        return quantity


@click.command("price")
@click.argument("model")
@click.option("--provider", default="", help="Who is called; may be left out where the model's name is unambiguous.")
@click.option("--at", "at", default="", metavar="DATE", help="Price as of this day or instant, UTC (default: now).")
@click.option("--tier", type=click.Choice(list(TIERS)), default="standard", help="The tier that the answer reports.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money as text of 12 places.")
@_amount_options
def command(model: str, *, provider: str, at: str, tier: str, as_json: bool, **amounts: int | Decimal | None) -> None:
    """Price one call to MODEL: its cost lines, list, contracted and effective cost, and the price version.

    Buckets are disjoint: `--input` is what no other input bucket holds, so cached tokens go to `--cache-read` alone.
    Exit code 1 when the model has no price.
    """
    try:
        when = parse_instant(at) if at else now()
    except ValueError as error:
        raise BadInput(f"--at: {error}") from error
    usage = Usage(
        buckets={name: int(amounts[name] or 0) for name in TOKEN_BUCKETS if amounts.get(name) is not None},
        counts={name: Decimal(amounts[name] or 0) for name in COUNTS if amounts.get(name) is not None},
        context=TIERS[tier],
    )
    if not (usage.buckets or usage.counts):
        raise BadInput("nothing to price: say what was used, for instance --input 1000 --output 200")
    book, warnings = load_book(load_config(secrets=False))
    for warning in warnings:
        click.echo(f"floorline: {warning}", err=True)
    version = book.resolve(provider, model, when, usage.context)
    costing = price(usage, version)
    if as_json:
        emit_json(document(model, when, version, costing))
    elif isinstance(version, PriceVersion) and costing.effective_cost is not None:
        _print(version, costing, tier)
    if costing.effective_cost is None:
        raise Mismatch(costing.reason)


def document(model: str, when: datetime, version: PriceVersion | Unpriced, costing: Costing) -> dict[str, object]:
    """What `--json` prints: costs are null when the call has no price, and `reason` says why."""
    priced = version if isinstance(version, PriceVersion) else None
    return {
        "model": priced.model if priced else model,
        "provider": priced.provider if priced else "",
        "at": when.isoformat().replace("+00:00", "Z"),
        "cost_usd": _money(costing.effective_cost),
        "list_cost": _money(costing.list_cost),
        "contracted_cost": _money(costing.contracted_cost),
        "effective_cost": _money(costing.effective_cost),
        "cost_basis": costing.basis,
        "reason": costing.reason,
        "lines": [
            {
                "unit": line.unit,
                "quantity": f"{line.quantity:f}",
                "per": line.per,
                "unit_price": text(line.unit_price),
                "list": text(line.list),
                "contracted": text(line.contracted),
                "effective": text(line.effective),
            }
            for line in costing.lines
        ],
        "price_version": costing.price_version,
        "source": priced.source if priced else None,
        "list_source": priced.list_source if priced else None,
        "effective_from": priced.effective_from.isoformat() if priced and priced.effective_from else None,
        "context": dict(priced.context) if priced else {},
        "free": priced.free if priced else False,
    }


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else text(amount)


def _print(version: PriceVersion, costing: Costing, tier: str) -> None:
    # Wide enough for every digit: a narrow terminal breaks the line, rich would cut the amount.
    console = Console(width=max(Console().width, WIDTH_MIN))
    console.print(_table(costing))
    since = f", from {version.effective_from}" if version.effective_from else ""
    source = version.source if version.source == version.list_source else f"{version.source} over {version.list_source}"
    click.echo(f"{version.provider}/{version.model}, price version {version.id} ({source}{since})")
    for unit_price in version.prices:
        if unit_price.utilisation is not None:
            click.echo(
                f"{unit_price.unit}: {unit_price.nominal} USD per {unit_price.per} at a utilisation of"
                f" {unit_price.utilisation} costs {unit_price.list} per {unit_price.per} in use"
            )
    if version.free:
        click.echo("The price book says that this model is free.")
    if TIERS[tier] and not version.context:
        click.echo(f"No price of its own is known for {tier} at that time: the standard prices are shown.")


def _table(costing: Costing) -> Table:
    """The lines and their sum; the list price has a column of its own where a contract differs from it."""
    assert costing.list_cost is not None
    assert costing.contracted_cost is not None
    negotiated = any(line.list != line.contracted for line in costing.lines)
    table = Table("unit", "quantity", "price", *(("list", "contracted") if negotiated else ("cost",)), box=box.SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
        column.no_wrap = True
    for line in costing.lines:
        amounts = (line.list, line.contracted) if negotiated else (line.contracted,)
        unit_price = f"{line.unit_price.normalize():f} per {line.per:,}"
        table.add_row(line.unit, f"{line.quantity:,f}", unit_price, *(text(amount) for amount in amounts))
    totals = (costing.list_cost, costing.contracted_cost) if negotiated else (costing.contracted_cost,)
    table.add_section()
    table.add_row("total", "", "", *(text(amount) for amount in totals))
    return table
