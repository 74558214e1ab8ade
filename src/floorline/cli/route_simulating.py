"""`floorline route simulate`: what other rules would have made of the calls on record, in words and as JSON."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import click

from floorline import money
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.margin import Day
from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.guardrails.route import RouteRule
from floorline.jobs.simulating import CALLS_MAX, Moved, Simulated, simulate
from floorline.margin.words import counted, dollars, percent
from floorline.wiring import collecting, load_book, load_config, now, open_ledger
from floorline.wiring.simulating import decider

_Name = TypeVar("_Name", str, tuple[str, str])
DAYS = 7
SHOWN_MAX = 10


@click.command("simulate")
@click.option("--from", "start", type=Day(), help=f"The first day; without it the last {DAYS} whole days.")
@click.option("--to", "end", type=Day(), help="The day after the last one; today when not given.")
@click.option(
    "--config", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file with the rules to try, in place of the one in force.",
)  # fmt: skip
@click.option(
    "--calls", "calls_max", type=click.IntRange(1, 1_000_000), default=CALLS_MAX, show_default=True,
    help="Look at about so many calls at most: of more a sample, and the totals scaled up.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
def command(start: date | None, end: date | None, file: Path | None, calls_max: int, *, as_json: bool) -> None:
    """Replay calls on record under the route rules of a configuration: which would have gone elsewhere, what that would have cost, how
    long it would have taken, and whom it touches. Nothing is sent.

    docs/routing.md says what is known of such a call and what is not.
    """
    config = load_config(file, secrets=False)
    book, _ = load_book(config)
    rails = config.gateway.guardrails
    route = None if rails is None else rails.default.route
    with open_ledger(in_force := load_config(secrets=False)) as ledger:
        collecting(ledger, in_force, lambda step: click.echo(step, err=True))()
        today = now().astimezone(ZoneInfo(ledger.timezone)).date()
        last = end or today
        first = start or last - timedelta(days=DAYS)
        if first >= last:
            raise BadInput(f"from {first} to {last} holds no day: --to is the day after the last")
        found = simulate(ledger, first, last, decider(config, book, now()), book, calls_max=calls_max)
    unknown = _unknown(route)
    if as_json:
        emit_json(document(found, unknown))
    else:
        show(found, unknown)


def _unknown(route: RouteRule | None) -> list[str]:
    """What the rules ask that no record says."""
    if route is None:
        return ["no route rule is on: calls go where they ask to go"]
    said: list[str] = []
    if route.headers:
        said.append(f"headers are not on record ({', '.join(sorted(route.headers))}): rules take them for empty")
    if route.asks_budgets:
        said.append("how much of a budget was used is not on record: no rule that asks for it holds")
    if any(rule.when.of_figures for rule in route.routes):
        said.append("what customers pay and cost is that of now")
    return said


def document(found: Simulated, unknown: Sequence[str]) -> dict[str, object]:
    """The simulation for programs. Totals are of the calls that were looked at; `scale` is how many each stands for."""
    return {
        "from": found.start.isoformat(),
        "to": found.end.isoformat(),
        "calls": found.known,
        "calls_left_out": found.other,
        "calls_seen": found.seen,
        "scale": f"{found.scale:.6f}",
        "cost_usd": money.text(found.cost),
        "moved": _moved(found.moved),
        "rules": [{"rule": rule, **_moved(one)} for rule, one in _largest(found.rules)],
        "moves": [{"from": was, "to": then, **_moved(one)} for (was, then), one in _largest(found.moves)],
        "customers": [{"customer": name, **_moved(one)} for name, one in _largest(found.by_customer)],
        "unknown": list(unknown),
    }


def _moved(one: Moved) -> dict[str, object]:
    times = one.times_ms
    return {
        "calls": one.calls,
        "customers": len(one.customers),
        "unpriced": one.unpriced,
        "before_usd": money.text(one.before),
        "after_usd": money.text(one.after),
        "saved_usd": money.text(one.saved),
        "before_ms_median": None if times is None else times[0],
        "after_ms_median": None if times is None else times[1],
    }


def show(found: Simulated, unknown: Sequence[str]) -> None:
    """The simulation for people."""
    moved, scale = found.moved, found.scale
    last = found.end - timedelta(days=1)
    click.echo(
        f"{found.start} to {last}: {counted(found.known, 'call')} answered by a provider at a known cost"
        + (f" ({found.seen:,} of them looked at, totals scaled up)" if found.seen < found.known else "")
        + (f"; {found.other:,} more broke off or have no price" if found.other else "")
    )
    for one in unknown:
        click.echo(f"  {one}")
    if not moved.calls:
        click.echo("None of them would have gone elsewhere.")
        return
    cost = found.cost * scale
    share = moved.saved * scale / cost if cost else None
    click.echo(
        f"{counted(int(moved.calls * scale), 'call')} of {counted(len(moved.customers), 'customer')} (of {found.customers:,}) would have gone "
        f"elsewhere: {dollars(moved.before * scale)} becomes {dollars(moved.after * scale)}, {_difference(moved.saved * scale)}"
        + (f", {percent(abs(share))} of {dollars(cost)}" if share is not None else "")
    )
    if moved.unpriced:
        click.echo(f"  {counted(moved.unpriced, 'call')} would have gone where no price is known: in neither sum")
    _table("By rule", "rule", _largest(found.rules), scale)
    _table(
        "From model to model", "move", [(f"{was} → {then}", one) for (was, then), one in _largest(found.moves)], scale
    )
    _table("The customers it touches most", "customer", _largest(found.by_customer)[:SHOWN_MAX], scale)


def _difference(saved: Decimal) -> str:
    return f"{dollars(saved)} less" if saved >= 0 else f"{dollars(-saved)} more"


def _largest(found: Mapping[_Name, Moved]) -> list[tuple[_Name, Moved]]:
    """By how much of the cost they move."""
    return sorted(found.items(), key=lambda one: (-one[1].before, one[0]))


def _table(title: str, what: str, found: Sequence[tuple[str, Moved]], scale: Decimal) -> None:
    times = [one.times_ms for _, one in found]
    print_grid(
        plain_console(),
        f"\n{title}",
        (
            Column(title=what, cells=[name or "(none)" for name, _ in found], name=True),
            Column(title="calls", cells=[f"{int(one.calls * scale):,}" for _, one in found]),
            Column(title="customers", cells=[f"{len(one.customers):,}" for _, one in found], weight=1),
            Column(title="cost", cells=[dollars(one.before * scale) for _, one in found]),
            Column(title="would be", cells=[dollars(one.after * scale) for _, one in found]),
            Column(title="saved", cells=[dollars(one.saved * scale) for _, one in found]),
            Column(title="answer ms", cells=["" if pair is None else f"{pair[0]:,}" for pair in times], weight=2),
            Column(title="would be ms", cells=["" if pair is None else f"{pair[1]:,}" for pair in times], weight=2),
        ),
    )
