"""Customers one by one: what each pays and costs, on which plans, and where it stands.

Made of one table by customer and plan, whose rows of a customer sum to its row of the table by customer, to the last digit.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Literal, NamedTuple, overload

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
    return _standing(row.key[0], row.revenue_pico, row.cogs_pico)


def _standing(name: str, revenue_pico: int, cogs_pico: int) -> Standing:
    if name in NAMELESS:
        return "unmatched"
    if revenue_pico <= 0:
        return "free"
    return "under_water" if cogs_pico > revenue_pico else "pays"


def loss_pico(row: Figures) -> int:
    """What the row costs beyond what it pays, in 10^-12 USD; nothing where it pays for itself."""
    return max(0, row.cogs_pico - row.revenue_pico)


def loss(row: Figures) -> Decimal:
    """The same in USD."""
    return usd_of(loss_pico(row))


class Everybody(Sequence[CustomerFigures]):
    """The customers of a table by customer and plan, by margin ascending as in the table by customer. Each is made when it is looked
    at, as of ten thousand few are; what is asked of all is in columns, a place for each.
    """

    def __init__(self, rows: Sequence[Figures]) -> None:
        count = Counter([row.key[0] for row in rows])
        several: dict[str, list[Figures]] = {name: [] for name, number in count.items() if number > 1}
        for row in rows if several else ():
            if row.key[0] in several:
                several[row.key[0]].append(row)
        alone = [row for row in rows if row.key[0] not in several]
        self._plans = {name: _plans(own) for name, own in several.items()}
        self._rows = by_margin([*alone, *(summed(own, (name,)) for name, own in several.items())]) if several else alone

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> CustomerFigures: ...

    @overload
    def __getitem__(self, index: slice) -> list[CustomerFigures]: ...

    def __getitem__(self, index: int | slice) -> CustomerFigures | list[CustomerFigures]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        row = self._rows[index]
        name = row.key[0]
        if name in self._plans:
            return customer_of(row, self._plans[name])
        return customer_of(replace(row, key=(name,)), _plans([row]))

    @cached_property
    def names(self) -> list[str]:
        """What they are called."""
        return [row.key[0] for row in self._rows]

    @cached_property
    def main_plans(self) -> list[str]:
        """The main plan of each, '' where none is known."""
        plans = [row.key[-1] for row in self._rows]
        if self._plans:
            plans = [
                next(iter(self._plans[name]), "") if name in self._plans else plan
                for name, plan in zip(self.names, plans, strict=True)
            ]
        return ["" if plan in NAMELESS else plan for plan in plans]

    @property
    def plans(self) -> set[str]:
        """Every plan that any of them is on."""
        return set(self.main_plans).union(*self._plans.values()) - {""}

    @cached_property
    def revenue_pico(self) -> list[int]:
        """What each pays, in 10^-12 USD."""
        return [row.revenue_pico for row in self._rows]

    @cached_property
    def cogs_pico(self) -> list[int]:
        """What each costs, in 10^-12 USD."""
        return cogs_of(self._rows)

    @cached_property
    def standings(self) -> list[Standing]:
        """Where each stands."""
        found: list[Standing] = [*map(_standing, self.names, self.revenue_pico, self.cogs_pico)]
        return found

    @property
    def costs_known(self) -> list[bool]:
        """Of whom anything of the cost is known."""
        return [bool(cogs) or row.cost_known for row, cogs in zip(self._rows, self.cogs_pico, strict=True)]

    def standing(self, *how: Standing) -> list[int]:
        """The places of those that stand so."""
        return [place for place, standing in enumerate(self.standings) if standing in how]

    def under_water(self) -> list[CustomerFigures]:
        """Those that cost more than they pay, the greatest loss first."""
        return under_water([self[place] for place in self.standing("under_water")])


def customers(report: MarginReport) -> Everybody:
    """The customers of a table by customer and plan."""
    assert report.by == ("customer", "plan"), "customers are told from their rows by plan"
    return Everybody(report.rows)


def under_water(found: Iterable[CustomerFigures]) -> list[CustomerFigures]:
    """Those that cost more than they pay, the greatest loss first."""
    return sorted(
        (one for one in found if one.standing == "under_water"), key=lambda one: (-loss_pico(one.figures), one.name)
    )


def _plans(rows: Sequence[Figures]) -> tuple[str, ...]:
    if len(rows) == 1:
        (_, plan) = rows[0].key
        return () if plan in NAMELESS else (plan,)
    named = [row for row in rows if row.key[1] not in NAMELESS]
    return tuple(row.key[1] for row in sorted(named, key=lambda row: (-row.revenue_pico, -row.cogs_pico, row.key)))
