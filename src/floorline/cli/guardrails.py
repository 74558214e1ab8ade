"""`floorline guardrails`: what each guardrail saved, and what that did to customers."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import click
from rich.console import Console

from floorline.cli.acquisition_text import print_acquisition
from floorline.cli.grid import Column, print_grid
from floorline.cli.margin import days_and_scope, margins, window
from floorline.cli.margin_text import console
from floorline.cli.output import emit_json
from floorline.jobs.acquisition import acquisitions_of
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.margins import Margins
from floorline.margin.acquisition import PAYBACK_MONTHS, acquisition_document, monthly_limits
from floorline.margin.dimensions import Scope
from floorline.margin.effectiveness import CUSTOMERS_MIN, HARMS, Difference, Effect, Rate, Side, total
from floorline.margin.effectiveness_report import effectiveness_document
from floorline.margin.words import cents, counted, dollars, percent
from floorline.money import usd_of
from floorline.wiring import load_config


@click.group("guardrails", invoke_without_command=True)
@click.option("--feature", default="", help="This feature's alone.")
@days_and_scope
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
@click.pass_context
def command(
    ctx: click.Context,
    feature: str,
    start: date | None,
    end: date | None,
    environment: str,
    purpose: str,
    *,
    as_json: bool,
) -> None:
    """What each guardrail did: calls touched, dollars saved net of its own cost, held-out against treated customers, and errors,
    outcomes and retention beside it. docs/effectiveness.md defines every figure.
    """
    if ctx.invoked_subcommand is not None:
        return
    with margins() as of:
        start, end = window(of, start, end)
        found = effects_of(of, start, end, Scope(environment=environment, purpose=purpose), feature)
        days = _days(of, start, end)
        zone = of.ledger.timezone
    if as_json:
        emit_json(effectiveness_document(found, start, end, zone))
    else:
        print_effects(console(), found, days)


@command.command("acquisition")
@days_and_scope
@click.option(
    "--months", type=click.IntRange(min=1), default=PAYBACK_MONTHS, show_default=True,
    help="The months in which a conversion must pay back what free users cost.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
def acquisition(
    start: date | None, end: date | None, environment: str, purpose: str, months: int, *, as_json: bool
) -> None:
    """What free plans cost a month, against their acquisition budget; how many of their customers pay now, and how many must for the
    plan to pay back.
    """
    with margins() as of:
        start, end = window(of, start, end)
        scope = Scope(environment=environment, purpose=purpose)
        limits = monthly_limits(load_config(secrets=False).gateway.allowance.budgets)
        found = acquisitions_of(of, start, end, scope, limits=limits, payback_months=months)
        days = _days(of, start, end)
    if as_json:
        emit_json(acquisition_document(found, start, end))
    else:
        print_acquisition(console(), found, days)


def _days(of: Margins, start: date, end: date) -> str:
    return f"{start} to {date.fromordinal(end.toordinal() - 1)}, days of {of.ledger.timezone}"


def print_effects(out: Console, found: Sequence[Effect], days: str) -> None:
    """A table of savings, one of what customers made of them, and what is to be said besides."""
    if not found:
        out.print(f"Guardrails: {days}: none touched a call, or would have.")
        return
    _print_savings(out, found, days)
    compared = [one for one in found if one.held_out.customers]
    if compared:
        out.print()
        _print_sides(out, compared)
    for one in found:
        _print_notes(out, one)


def _print_savings(out: Console, found: Sequence[Effect], days: str) -> None:
    summed = total(found)
    titles = ("feature", "guardrail", "mode", "touched", "saved", "own cost", "net", "by hold-out, 95 % sure")
    rows = [
        (
            one.feature or "(none)", one.guardrail, ", ".join(one.modes), f"{one.touched:,}", _money(one.saved),
            _money(one.spent), _money(one.net), _measured(one),
        )
        for one in found
    ]  # fmt: skip
    last = ("total", "", "", "", _money(summed.saved), _money(summed.spent), _money(summed.net), "")
    cells = [list(column) for column in zip(*rows, last, strict=True)]
    weights = (0, 0, 2, 0, 0, 1, 0, 0)
    print_grid(
        out,
        f"Guardrails: {days}, USD",
        [
            Column(title=title, cells=column, weight=weight, name=title in {"feature", "guardrail"})
            for title, column, weight in zip(titles, cells, weights, strict=True)
        ],
        sections=[len(rows) - 1],
        bold_last=True,
    )


def _print_sides(out: Console, found: Sequence[Effect]) -> None:
    sides: list[tuple[str, str, Side]] = []
    for one in found:
        sides += [(one.feature or "(none)", one.guardrail, one.treated), ("", "held out", one.held_out)]
    print_grid(
        out,
        "Treated customers, and those that were left alone",
        [
            Column(title="feature", cells=[feature for feature, _, _ in sides], name=True),
            Column(title="guardrail", cells=[guardrail for _, guardrail, _ in sides], name=True),
            Column(title="customers", cells=[f"{side.customers:,}" for _, _, side in sides]),
            Column(title="calls", cells=[f"{side.calls:,}" for _, _, side in sides], weight=1),
            Column(title="a call", cells=[_per_call(side.cost_per_call) for _, _, side in sides]),
            Column(title="errors", cells=[_share(side.errors) for _, _, side in sides], weight=2),
            Column(title="successes", cells=[_share(side.successes) for _, _, side in sides]),
            Column(title="retention", cells=[_share(side.retention) for _, _, side in sides]),
        ],
        sections=range(1, len(sides) - 1, 2),
    )


def _print_notes(out: Console, one: Effect) -> None:
    name = f"{one.guardrail} of {one.feature or 'calls without a feature'}"
    for name_of_rate, by in one.harms.items():
        out.print(
            f"{name}: {HARMS[name_of_rate]} where it acts, by {percent(by.low)} to {percent(by.high)}. A saving that costs "
            "customers is a loss: look at the answers before it goes on."
        )
    if one.shadow_calls:
        out.print(
            f"{name}: in shadow it would have touched {counted(one.shadow_calls, 'call')}, saving {_money(one.would_save)}."
        )
    if one.unvalued:
        out.print(f"{name}: what {counted(one.unvalued, 'touched call')} saved is not known, and counted as nothing.")
    if one.in_both:
        out.print(
            f"{name}: {counted(one.in_both, 'customer')} changed sides in these days and are compared on neither."
        )


def _measured(one: Effect) -> str:
    """The saving that the hold-out shows over all treated calls, or what it lacks."""
    found = one.measured
    if found is None:
        held_out = one.held_out.cost_per_call.customers if one.held_out.cost_per_call else 0
        thin = f"{held_out} of {CUSTOMERS_MIN} held out" if held_out < CUSTOMERS_MIN else "too few treated"
        return f"not enough: {thin}"
    return _between(found)


def _between(found: Difference) -> str:
    return f"{_usd(found.value)} ({_usd(found.low)} to {_usd(found.high)})"


def _usd(pico: Decimal) -> str:
    return cents(usd_of(int(pico)))


def _money(pico: int) -> str:
    return cents(usd_of(pico))


def _per_call(rate: Rate | None) -> str:
    return dollars(None if rate is None else usd_of(int(rate.value)))


def _share(rate: Rate | None) -> str:
    return percent(None if rate is None else rate.value)
