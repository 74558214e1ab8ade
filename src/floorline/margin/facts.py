"""What a window earned and cost by customer, plan and feature, from what the ledger answers: the sides of a bridge."""

from collections.abc import Mapping, Sequence

import numpy as np

from floorline.margin.allocation import CostPool, Grown, Kept, tally_costs
from floorline.margin.attribution import Names
from floorline.margin.cells import Cells, codes_of
from floorline.margin.packed import unpacked
from floorline.margin.pools import Attribution
from floorline.margin.queries import DRIVER_COUNTS, DRIVER_MONEY, DriverRow
from floorline.margin.scaling import columns_of_sums, totals
from floorline.margin.sides import (
    CalledColumns,
    Coded,
    Owned,
    Owners,
    Shared,
    SharedColumns,
    shared_columns,
)  # fmt: skip
from floorline.margin.vectors import Integers, distinct, integers
from floorline.margin.works import Kind, Works

MILLION = 10**6
_KEEP = Owned._fields


def called(rows: Sequence[DriverRow], names: Names) -> CalledColumns:
    """The calls by their owners' canonical names. What is alike in all names, days told apart, is one."""
    customers: dict[str, int] = {}
    plans: dict[str, int] = {}
    features: dict[str, int] = {}
    kinds: dict[Kind, int] = {}
    columns: list[tuple[Integers, Integers]] = []
    for row in rows:
        customer, plan = _whose(row, names, customers, plans)
        columns.append((customer, plan))
    sizes = integers([len(row.customers) for row in rows])
    feature = codes_of([names.resolve("feature", row.feature, row.as_of) for row in rows], features)
    kind = codes_of([Kind(row.call_type, row.provider, row.model, row.tried) for row in rows], kinds)
    none = integers([])
    customer, plan = (np.concatenate([none, *some]) for some in zip(*columns, strict=True)) if columns else (none, none)
    owners = Owners(
        Coded(list(customers), customer),
        Coded(list(plans), plan),
        Coded(list(features), np.repeat(feature, sizes)),
    )
    of_kind = Coded(list(kinds), np.repeat(kind, sizes))
    numbers = unpacked("".join([row.numbers for row in rows]), len(DRIVER_COUNTS), len(DRIVER_MONEY))
    if len(set(map(_alike, rows))) == len(rows):
        return CalledColumns(owners, of_kind, _works(numbers))
    first, numbers = _added(rows, numbers)
    return CalledColumns(owners.at(first), of_kind.at(first), _works(numbers))


def _alike(row: DriverRow) -> tuple[str | int, ...]:
    """What the calls of a row have in common."""
    return row.feature, row.plan, row.call_type, row.provider, row.model, row.tried, row.as_of


def _added(rows: Sequence[DriverRow], numbers: Integers) -> tuple[Integers, Integers]:
    """Where each raw customer's calls of one kind are first, and the numbers of all of them."""
    kinds: dict[tuple[str | int, ...], int] = {}
    customers: dict[str, int] = {}
    kind = np.repeat(codes_of(list(map(_alike, rows)), kinds), [len(row.customers) for row in rows])
    first, place = distinct([kind, codes_of([name for row in rows for name in row.customers], customers)])
    try:
        return first, np.stack([columns_of_sums(column, place, len(first)) for column in numbers])
    except OverflowError:
        return first, np.stack([totals(column, place, len(first)) for column in numbers])


def _whose(row: DriverRow, names: Names, customers: dict[str, int], plans: dict[str, int]) -> tuple[Integers, Integers]:
    """The numbers of the row's customers, and of their plans."""
    canonical = row.customers
    if names.renames("customer"):
        canonical = [names.resolve("customer", customer, row.as_of) for customer in canonical]
    numbers = codes_of(canonical, customers)
    if row.plan:
        plan = names.plan(row.plan, "", row.as_of)
        return numbers, np.full(len(numbers), plans.setdefault(plan, len(plans)))
    return numbers, codes_of([names.plan("", customer, row.as_of) for customer in canonical], plans)


def _works(numbers: Integers) -> Works:
    """A cost that no unit of a line explains is of other units, one for each priced call where none is counted."""
    calls, hits, refused, unpriced, *units = numbers[: len(DRIVER_COUNTS)]
    *costs, retry, adjusted, effective = numbers[len(DRIVER_COUNTS) :]
    other = effective - adjusted - retry - sum(costs)
    free = hits + refused
    counted = (units[-1] != 0) | (other == 0)
    units[-1] = np.where(counted, units[-1], np.maximum(0, calls - free - unpriced) * MILLION)
    return Works(calls, free, unpriced, retry, adjusted, np.stack(units), np.stack([*costs, other]))


def shared(costs: Mapping[CostPool, Grown], cells: Cells, to: Attribution) -> SharedColumns:
    """Costs that no call carries, divided as in every table."""
    return shared_columns(
        [
            Shared(owner, component, amount)
            for component, tally in tally_costs(costs, cells, _KEEP, to.with_traits).items()
            for owner, amount in _of_window(tally.amounts)
        ]
    )


def _of_window(amounts: Mapping[Kept, Grown]) -> list[tuple[Owned, int]]:
    """What the window itself has of each amount."""
    return [
        (Owned._make(map(str, key)), through - before)
        for key, (before, through) in amounts.items()
        if through != before
    ]
