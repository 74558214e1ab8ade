"""What a window earned and cost by customer, plan and feature, from what the ledger answers: the sides of a bridge."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from floorline.margin.allocation import CostPool, Grown, tally_costs, tally_revenue
from floorline.margin.attribution import Names
from floorline.margin.cells import Cells
from floorline.margin.explanation import Called, Owned, Received, Shared
from floorline.margin.pools import Attribution, Pools
from floorline.margin.queries import DriverColumns, RevenueColumns
from floorline.margin.substitution import Kind, Paid, Work

MILLION = 10**6
_KEEP = Owned._fields


def called(columns: DriverColumns, names: Names) -> list[Called]:
    """The calls by their owners' canonical names."""
    found: list[Called] = []
    works = _works(columns)
    for raw, as_of, work in zip(zip(*columns.names, strict=True), columns.as_of, works, strict=True):
        customer, plan, feature, *kind = raw
        customer = names.resolve("customer", customer, as_of)
        owner = Owned(customer, names.plan(plan, customer, as_of), names.resolve("feature", feature, as_of))
        found.append(Called(owner, Kind(*kind), work))
    return found


def _works(columns: DriverColumns) -> Iterator[Work]:
    """A cost that no unit of a line explains is of other units, one for each priced call where none is counted."""
    counts = zip(columns.calls, columns.hits, columns.refused, columns.unpriced, strict=True)
    quantities = zip(
        columns.input_tokens, columns.cache_read_tokens, columns.cache_write_tokens, columns.output_tokens,
        columns.reasoning_tokens, columns.other_units, strict=True,
    )  # fmt: skip
    dollars = zip(
        columns.input_cost, columns.cache_read_cost, columns.cache_write_cost, columns.output_cost,
        columns.reasoning_cost, strict=True,
    )  # fmt: skip
    money = zip(columns.retry_cost, columns.adjusted_cost, columns.effective_cost, strict=True)
    rows = zip(counts, quantities, dollars, money, strict=True)
    for (calls, hits, refused, unpriced), units, costs, (retry, adjusted, effective) in rows:
        other = effective - adjusted - retry - sum(costs)
        work = Work(
            calls=calls,
            free_calls=hits + refused,
            unpriced=unpriced,
            retry=retry,
            adjusted=adjusted,
            quantities=units,
            dollars=(*costs, other),
        )
        counted = units[-1] or not other
        yield work if counted else work._replace(quantities=(*units[:-1], max(0, work.priced) * MILLION))


def received(paid: Pools, used: Pools, days: Mapping[Paid, int], cells: Cells) -> list[Received]:
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
    return found


def _divided(pools: Pools, cells: Cells) -> list[tuple[Owned, int]]:
    return _window(tally_revenue(pools, cells, _KEEP).amounts)


def _window(amounts: Mapping[tuple[int | str, ...], Grown]) -> list[tuple[Owned, int]]:
    """What the window itself has of each amount."""
    return [
        (Owned._make(map(str, key)), through - before)
        for key, (before, through) in amounts.items()
        if through != before
    ]


def shared(costs: Mapping[CostPool, Grown], cells: Cells, to: Attribution) -> list[Shared]:
    """Costs that no call carries, divided as in every table."""
    return [
        Shared(owner, component, amount)
        for component, tally in tally_costs(costs, cells, _KEEP, to.with_traits).items()
        for owner, amount in _window(tally.amounts)
    ]


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
