"""Customers one by one: what each pays and costs, on which plans, and where it stands.

Made of one table by customer and plan, whose rows of a customer sum to its row of the table by customer, to the last digit.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from floorline.margin.metrics import Figures, cogs_of
from floorline.margin.table import NAMELESS, MarginReport, by_margin, summed
from floorline.money import usd_of

Standing = Literal["under_water", "pays", "free", "unmatched"]
"""Where a customer stands: its cost exceeds what it pays; it does not; it pays nothing; the row is nobody's by name."""

CALLS_MIN = 30
"""A customer with fewer calls in a window says little by itself."""


class CustomerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One customer's row of the table by customer, where it stands, and its plans, the one that brings in (else costs) most first."""

    name: str
    figures: Figures
    standing: Standing
    plans: tuple[str, ...] = ()

    @property
    def plan(self) -> str:
        """Its main plan, '' where none is known."""
        return self.plans[0] if self.plans else ""

    @property
    def tokens(self) -> int:
        """Every token of its calls, in and out."""
        return self.figures.sums.input_tokens + self.figures.sums.output_tokens

    @property
    def thin(self) -> bool:
        """Whether its calls are too few to say much."""
        return self.figures.sums.calls < CALLS_MIN

    @property
    def margin_ratio(self) -> Decimal | None:
        """Its margin as a ratio; None without revenue, or where nothing of its cost is known."""
        return self.figures.margin_ratio if self.figures.cost_known else None


class Account(NamedTuple):
    """What a customer pays and costs, in 10^-12 USD."""

    name: str
    revenue: int
    cogs: int


def accounts(rows: Sequence[Figures]) -> list[Account]:
    """The customers by name of a table by customer (and plan), each once."""
    found: dict[str, tuple[int, int]] = {}
    for row, cogs in zip(rows, cogs_of(rows), strict=True):
        name, revenue = row.key[0], row.revenue_pico
        known = found.get(name)
        found[name] = (revenue, cogs) if known is None else (known[0] + revenue, known[1] + cogs)
    return [Account(name, *amounts) for name, amounts in found.items() if name not in NAMELESS]


def customer_of(row: Figures, plans: tuple[str, ...] = ()) -> CustomerFigures:
    """The customer of a row of the table by customer."""
    return CustomerFigures(name=row.key[0], figures=row, standing=standing(row), plans=plans)


def standing(row: Figures) -> Standing:
    """Where the customer of a row stands. Cost that is not known counts nothing, so that nobody is under water by guess."""
    if row.key[0] in NAMELESS:
        return "unmatched"
    if row.revenue_pico <= 0:
        return "free"
    return "under_water" if row.cogs_pico > row.revenue_pico else "pays"


def loss_pico(row: Figures) -> int:
    """What the row costs beyond what it pays, in 10^-12 USD; nothing where it pays for itself."""
    return max(0, row.cogs_pico - row.revenue_pico)


def loss(row: Figures) -> Decimal:
    """The same in USD."""
    return usd_of(loss_pico(row))


def customers(report: MarginReport) -> list[CustomerFigures]:
    """The customers of a table by customer and plan, by margin ascending as in the table by customer."""
    assert report.by == ("customer", "plan"), "customers are told from their rows by plan"
    rows: dict[str, list[Figures]] = {}
    for row in report.rows:
        rows.setdefault(row.key[0], []).append(row)
    found = {name: customer_of(_one(name, own), _plans(own)) for name, own in rows.items()}
    return [found[row.key[0]] for row in by_margin([one.figures for one in found.values()])]


def under_water(found: Iterable[CustomerFigures]) -> list[CustomerFigures]:
    """Those that cost more than they pay, the greatest loss first."""
    return sorted(
        (one for one in found if one.standing == "under_water"), key=lambda one: (-loss_pico(one.figures), one.name)
    )


def _one(name: str, rows: Sequence[Figures]) -> Figures:
    return replace(rows[0], key=(name,)) if len(rows) == 1 else summed(rows, (name,))


def _plans(rows: Sequence[Figures]) -> tuple[str, ...]:
    if len(rows) == 1:
        (_, plan) = rows[0].key
        return () if plan in NAMELESS else (plan,)
    named = [row for row in rows if row.key[1] not in NAMELESS]
    return tuple(row.key[1] for row in sorted(named, key=lambda row: (-row.revenue_pico, -row.cogs_pico, row.key)))
