"""`floorline guardrails acquisition`: what free plans cost and bring, as a table."""

from collections.abc import Sequence

from rich.console import Console

from floorline.cli.grid import Column, print_grid
from floorline.margin.acquisition import Acquisition, shortfall
from floorline.margin.words import UNKNOWN, cents, percent
from floorline.money import usd_of


def print_acquisition(out: Console, found: Sequence[Acquisition], days: str) -> None:
    """A row a plan, and a sentence about each that does not pay back."""
    if not found:
        out.print(f"Acquisition: {days}: no plan that nobody pays for was used.")
        return
    print_grid(
        out,
        f"Acquisition: {days}, USD",
        [
            Column(title="plan", cells=[one.plan for one in found], name=True),
            Column(title="customers", cells=[f"{one.customers:,}" for one in found]),
            Column(title="a month", cells=[_money(one.cost_a_month) for one in found]),
            Column(title="budget", cells=[_money(one.limit) for one in found], weight=2),
            Column(title="used", cells=[percent(one.used_ratio) for one in found], weight=1),
            Column(title="pay now", cells=[f"{one.conversions:,}" for one in found]),
            Column(title="rate", cells=[percent(one.conversion_ratio) for one in found]),
            Column(title="must", cells=[UNKNOWN if one.needed is None else f"{one.needed:,}" for one in found]),
            Column(title="pays back", cells=["yes" if one.pays_back else "no" for one in found]),
        ],
    )
    for one in found:
        if not one.pays_back:
            out.print(shortfall(one))


def _money(pico: int | None) -> str:
    return UNKNOWN if pico is None else cents(usd_of(pico))
