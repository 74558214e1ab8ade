"""What a window earned and cost by customer, plan and feature, from what the ledger answers: the sides of a bridge."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from floorline.margin.allocation import CostPool, Grown, Kept, tally_costs
from floorline.margin.attribution import Names
from floorline.margin.cells import Cells
from floorline.margin.coded import Coded, coded
from floorline.margin.packed import unpacked
from floorline.margin.pools import Attribution
from floorline.margin.queries import DRIVER_COUNTS, DRIVER_MONEY, DriverColumns
from floorline.margin.scaling import fitting
from floorline.margin.sides import CalledColumns, Owned, Owners, Shared, SharedColumns, shared_columns  # fmt: skip
from floorline.margin.vectors import Integers, distinct
from floorline.margin.works import Kind, Works

MILLION = 10**6
Alike = tuple[str, str, str, str, str, str, int]
"""What the calls of many customers have in common: the names of a row of the drivers, and the first day of their span."""
_KEEP = Owned._fields


class Part(NamedTuple):
    """The calls of one answer: each raw customer's of each kind once, with their numbers; and whose they are by canonical names."""

    customers: Coded[str]
    alike: Coded[Alike]
    owners: Owners
    kind: Coded[Kind]
    numbers: Integers


def part_of(columns: DriverColumns, names: Names) -> Part:
    """An answer by the owners' canonical names."""
    alike: list[Alike] = list(
        zip(
            columns.feature, columns.plan, columns.call_type, columns.provider, columns.model, columns.tried, columns.as_of,
            strict=True,
        )
    )  # fmt: skip
    of = np.repeat(np.arange(len(alike)), columns.sizes)
    customers = coded(columns.customers)
    features = coded([names.resolve("feature", one[0], one[-1]) for one in alike])
    return Part(
        customers,
        Coded(alike, of),
        Owners(*_whose(columns, customers, of, names), features.at(of)),
        coded([Kind(*one[2:6]) for one in alike]).at(of),
        unpacked(columns.numbers, len(DRIVER_COUNTS), len(DRIVER_MONEY)),
    )


def bytes_of(part: Part) -> int:
    """What an answer weighs, about."""
    columns = part.customers, part.alike, *part.owners, part.kind
    return part.numbers.nbytes + sum(column.codes.nbytes for column in columns)


def _whose(columns: DriverColumns, raw: Coded[str], of: Integers, names: Names) -> tuple[Coded[str], Coded[str]]:
    """The customer and the plan of each of the calls that are alike (`of`)."""
    plan, day = coded(columns.plan), coded(columns.as_of)
    first, place = distinct([plan.codes[of], day.codes[of], raw.codes])
    kinds: list[int] = of[first].tolist()
    called_by: list[int] = raw.codes[first].tolist()
    stated, days = [columns.plan[n] for n in kinds], [columns.as_of[n] for n in kinds]
    customers = names.resolve_all("customer", [raw.words[n] for n in called_by], days)
    return coded(customers).at(place), coded(names.plans(stated, customers, days)).at(place)


def called(parts: Sequence[Part]) -> CalledColumns:
    """The calls of answers about days that follow each other. What is alike in all raw names, days told apart, is one."""
    whole = reduce(_with, parts)
    return CalledColumns(whole.owners, whole.kind, _works(whole.numbers))


def _with(part: Part, more: Part) -> Part:
    """Both, of which either has what is alike once."""
    customers, alike = part.customers.followed(more.customers), part.alike.followed(more.alike)
    count = len(part.alike.codes)
    first, place = distinct([alike.codes, customers.codes])
    at = first[place[count:]]
    known, fresh = np.flatnonzero(at < count), np.flatnonzero(at >= count)
    numbers = np.concatenate([part.numbers, more.numbers[:, fresh]], axis=1)
    numbers[:, at[known]] += more.numbers[:, known]
    held = np.concatenate([np.arange(count), at[fresh]])
    owners = [one.followed(other).at(held) for one, other in zip(part.owners, more.owners, strict=True)]
    return Part(
        customers.at(held), alike.at(held), Owners(*owners), part.kind.followed(more.kind).at(held), fitting(numbers)
    )


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
