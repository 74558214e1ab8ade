"""What a window earned and cost by customer, plan and feature, from what the ledger answers: the sides of a bridge."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from floorline.margin.allocation import CostPool, Grown, tally_costs, tally_revenue
from floorline.margin.attribution import Names
from floorline.margin.cells import Cells, codes_of
from floorline.margin.pools import Attribution, Pools
from floorline.margin.queries import DRIVER_COUNTS, DRIVER_MONEY, DriverRow, RevenueColumns
from floorline.margin.scaling import COLUMN_MAX, wide
from floorline.margin.sides import (
    CalledColumns,
    Coded,
    Owned,
    Owners,
    Received,
    ReceivedColumns,
    Shared,
    SharedColumns,
    received_columns,
    shared_columns,
)  # fmt: skip
from floorline.margin.vectors import Integers, integers
from floorline.margin.works import Kind, Works

MILLION = 10**6
Paid = tuple[str, str, str]
"""Customer, plan, and the feature that is paid for, empty for all that the plan bundles."""
_KEEP = Owned._fields
_WORDS = len(DRIVER_COUNTS) + 2 * len(DRIVER_MONEY)


def called(rows: Sequence[DriverRow], names: Names) -> CalledColumns:
    """The calls by their owners' canonical names."""
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
    return CalledColumns(
        Owners(
            Coded(list(customers), customer),
            Coded(list(plans), plan),
            Coded(list(features), np.repeat(feature, sizes)),
        ),
        Coded(list(kinds), np.repeat(kind, sizes)),
        _works(rows),
    )


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


def _works(rows: Sequence[DriverRow]) -> Works:
    """A cost that no unit of a line explains is of other units, one for each priced call where none is counted."""
    numbers = _numbers("".join([row.numbers for row in rows]))
    calls, hits, refused, unpriced, *units = numbers[: len(DRIVER_COUNTS)]
    *costs, retry, adjusted, effective = numbers[len(DRIVER_COUNTS) :]
    other = effective - adjusted - retry - sum(costs)
    free = hits + refused
    counted = (units[-1] != 0) | (other == 0)
    units[-1] = np.where(counted, units[-1], np.maximum(0, calls - free - unpriced) * MILLION)
    return Works(calls, free, unpriced, retry, adjusted, np.stack(units), np.stack([*costs, other]))


def _numbers(text: str) -> Integers:
    """A row for each of DRIVER_COUNTS and DRIVER_MONEY, of 64 bits where all of them hold what they have."""
    table = np.frombuffer(bytes.fromhex(text), dtype="<i8").reshape(-1, _WORDS).T
    counts, low, high = table[: len(DRIVER_COUNTS)], table[len(DRIVER_COUNTS) :: 2], table[len(DRIVER_COUNTS) + 1 :: 2]
    if (high == low >> 63).all():
        numbers = np.concatenate([counts, low])
        if not numbers.size or -COLUMN_MAX < numbers.min() <= numbers.max() < COLUMN_MAX:
            return numbers
    return np.concatenate([wide(counts), (wide(high) << 64) + wide(low.view("<u8"))])


def received(paid: Pools, used: Pools, days: Mapping[Paid, int], cells: Cells) -> ReceivedColumns:
    """Revenue by owner. What a customer pays for a bundle is one rate a day; its features have shares of the days."""
    bundled = {owner: grown for owner, grown in paid.items() if not owner.feature}
    own = {owner: grown for owner, grown in paid.items() if owner.feature}
    found = [
        Received(owner, amount, days.get((owner.customer, owner.plan, owner.feature), 0) * MILLION, own=True)
        for owner, amount in _divided(own, cells)
    ]
    parts = _divided(bundled, cells)
    whole: dict[tuple[str, str], int] = defaultdict(int)
    for owner, amount in parts:
        whole[owner.customer, owner.plan] += amount
    for owner, amount in parts:
        covered = days.get((owner.customer, owner.plan, ""), 0) * MILLION
        total = whole[owner.customer, owner.plan]
        found.append(Received(owner, amount, covered * amount // total if total > 0 else 0))
    found += [Received(owner, amount, by_day=False) for owner, amount in _divided(used, cells)]
    return received_columns(found)


def _divided(pools: Pools, cells: Cells) -> list[tuple[Owned, int]]:
    return _window(tally_revenue(pools, cells, _KEEP).amounts)


def _window(amounts: Mapping[tuple[int | str, ...], Grown]) -> list[tuple[Owned, int]]:
    """What the window itself has of each amount."""
    return [
        (Owned._make(map(str, key)), through - before)
        for key, (before, through) in amounts.items()
        if through != before
    ]


def shared(costs: Mapping[CostPool, Grown], cells: Cells, to: Attribution) -> SharedColumns:
    """Costs that no call carries, divided as in every table."""
    return shared_columns(
        [
            Shared(owner, component, amount)
            for component, tally in tally_costs(costs, cells, _KEEP, to.with_traits).items()
            for owner, amount in _window(tally.amounts)
        ]
    )


def paid_days(lines: RevenueColumns, to: Attribution) -> dict[Paid, int]:
    """For how many days of the window something is paid, each day once however many lines it has."""
    window = to.window
    edges = sorted({window.start, window.end, *(d for d in to.spans.own if window.start < d < window.end)})
    covered: dict[Paid, list[tuple[int, int]]] = defaultdict(list)
    rows = zip(lines.customer, lines.plan, lines.feature, lines.amount, lines.start, lines.end, strict=True)
    for customer, plan, feature, amount, start, end in rows:
        until = max(end, start + 1)  # a line of no days is earned on its first one
        for first, last in pairwise(edges):
            if amount > 0 and start < last and until > first:
                owner = to.owner(customer, plan, feature, first)
                covered[owner.customer, owner.plan, owner.feature].append((max(start, first), min(until, last)))
    return {paid: _union(stretches) for paid, stretches in covered.items()}


def _union(stretches: Sequence[tuple[int, int]]) -> int:
    """The days of some stretches, each once."""
    days, reached = 0, 0
    for start, end in sorted(stretches):
        days += max(0, end - max(start, reached))
        reached = max(reached, end)
    return days
