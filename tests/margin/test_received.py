"""Revenue of a bridge in columns is that of every table, and the days that are paid for count once however many lines pay."""

from collections import defaultdict
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.margin.allocation import tally_revenue
from floorline.margin.cells import Cells
from floorline.margin.pools import Attribution, Pools, grown_of, revenue_pools
from floorline.margin.queries import RevenueColumns
from floorline.margin.received import MILLION, Lines, paid, received
from floorline.margin.revenue import Window
from floorline.margin.sides import Owned, Received, ReceivedColumns
from tests.margin.test_additivity import FIRST, calls, cells_of, columns_of, lines, names
from tests.margin.test_earned import earnings


def by_plan(window: Window) -> Attribution:
    """Bridges tell customers, plans and features apart, and no segments."""
    known = names()
    return Attribution(known, window, known.boundaries(window.reach_start, window.reach_end, ["plan"]), ["plan"])


def records(columns: ReceivedColumns) -> list[Received]:
    """Each as a record."""
    owners = [[column.words[code] for code in column.codes.tolist()] for column in columns.owners]
    rows = zip(*owners, *(column.tolist() for column in columns[1:]), strict=True)
    return [Received(Owned(*row[:3]), *row[3:]) for row in rows]


def one_by_one(billed: RevenueColumns, used: Pools, cells: Cells, to: Attribution) -> list[Received]:
    """The same in Python's integers."""
    pools, days = revenue_pools(billed, to), paid_days(billed, to)
    own = of_window({owner: grown for owner, grown in pools.items() if owner.feature}, cells)
    parts = of_window({owner: grown for owner, grown in pools.items() if not owner.feature}, cells)
    whole: dict[tuple[str, str], int] = defaultdict(int)
    for owner, amount in parts.items():
        whole[owner.customer, owner.plan] += amount
    found = [Received(owner, amount, days.get(owner, 0) * MILLION, own=True) for owner, amount in own.items()]
    for owner, amount in parts.items():
        total = whole[owner.customer, owner.plan]
        covered = days.get(owner._replace(feature=""), 0) * MILLION
        found.append(Received(owner, amount, covered * amount // total if total > 0 else 0))
    return [*found, *(Received(owner, amount, by_day=False) for owner, amount in of_window(used, cells).items())]


def of_window(pools: Pools, cells: Cells) -> dict[Owned, int]:
    amounts = tally_revenue(pools, cells, Owned._fields).amounts
    found = {Owned(*map(str, key)): through - before for key, (before, through) in amounts.items()}
    return {owner: amount for owner, amount in found.items() if amount}


def paid_days(billed: RevenueColumns, to: Attribution) -> dict[Owned, int]:
    """Day by day."""
    window = to.window
    edges = sorted({window.start, window.end, *(day for day in to.spans.own if window.start < day < window.end)})
    days: dict[Owned, set[int]] = defaultdict(set)
    rows = zip(billed.customer, billed.plan, billed.feature, billed.amount, billed.start, billed.end, strict=True)
    for customer, plan, feature, amount, start, end in rows:
        for first, last in pairwise(edges):
            owner = to.owner(customer, plan, feature, first)
            if amount > 0:
                paid = range(max(start, first), min(max(end, start + 1), last))
                days[Owned(owner.customer, owner.plan, owner.feature)].update(paid)
    return {owner: len(some) for owner, some in days.items()}


def merged(found: list[Received]) -> dict[tuple[Owned, bool, bool], tuple[int, int]]:
    """By owner, as groups of a bridge add them up."""
    sums: dict[tuple[Owned, bool, bool], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for owner, amount, quantity, by_day, own in found:
        known = sums[owner, by_day, own]
        sums[owner, by_day, own] = known[0] + amount, known[1] + quantity
    return {key: both for key, both in sums.items() if any(both)}


@settings(max_examples=50, deadline=None)
@given(lines, calls, earnings, st.integers(0, 60), st.integers(1, 45))
def test_what_is_received_is_what_tables_say_by_customer_plan_and_feature(billed, uses, reached, offset, length):
    window = Window(start=FIRST + offset, end=FIRST + offset + length)
    to, columns = by_plan(window), columns_of(billed)
    cells = cells_of(uses, window, to)
    amounts = [(FIRST + d, to.owner(c, "", f, FIRST + d), amount) for d, c, f, amount in reached]
    used = grown_of([one for one in amounts if window.reach_start <= one[0] < window.end], window.start)
    found = records(received(paid(Lines(columns, to), window), used, cells))
    assert merged(found) == merged(one_by_one(columns, used, cells, to))


def test_so_it_is_of_more_than_columns_hold():
    window = Window(start=FIRST + 10, end=FIRST + 40)
    to, large = by_plan(window), 9 * 10**18
    columns = columns_of([("x", "", "", large - n, 0, 45) for n in range(3)] + [("y", "pro", "a", large, 5, 30)])
    cells = cells_of([("x", "a", 0, 5, 7), ("x", "b", 0, 3, 7), ("x", "b", 1, 2, 1)], window, to)
    used = grown_of([(FIRST + 20, to.owner("x", "", "a", FIRST + 20), 10**20)], window.start)
    found = records(received(paid(Lines(columns, to), window), used, cells))
    assert merged(found) == merged(one_by_one(columns, used, cells, to))
    assert sum(one.amount for one in found) > 10**20
