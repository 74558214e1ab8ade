"""`floorline guardrails acquisition`: what free plans cost and bring, as a table."""

from collections.abc import Sequence

from rich.console import Console

from floorline.cli.grid import Column, print_grid
from floorline.margin.acquisition import Acquisition
from floorline.margin.words import UNKNOWN, cents, counted, percent
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
            out.print(_why(one))


def _why(one: Acquisition) -> str:
    spent = f"{one.plan} cost {_money(one.cost)} in {counted(one.days, 'day')}"
    if one.margin_per_customer is None:
        return f"{spent}, and nobody pays for any plan: there is no margin that could pay it back."
    each = f"{_money(one.margin_per_customer)} a month"
    if one.needed is None:
        return f"{spent}, and a paying customer leaves {each}: no conversion pays it back. Mend the paid plans' margin first."
    return (
        f"{spent}: at {each} of margin from a paying customer it takes {counted(one.needed, 'conversion')} to pay that back in "
        f"{counted(one.payback_months, 'month')}, and there were {one.conversions:,}. Cap the plan, serve it by a cheaper model, or convert more."
    )


def _money(pico: int | None) -> str:
    return UNKNOWN if pico is None else cents(usd_of(pico))
