"""The steps of a bridge cell by cell, in Python's integers: what the columns of margin.explanation must say to the last digit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import NamedTuple

from msgspec.structs import replace

from floorline.margin.bridge import Bridge, Days, Move, Part, Side, total_of
from floorline.margin.explanation import Explanation
from floorline.margin.sides import By, Called, Received, Shared
from floorline.margin.table import UNMATCHED_COST, UNMATCHED_REVENUE
from floorline.margin.works import UNITS, Kind

Numbers = tuple[int, ...]
Payer = tuple[str, str]
"""Customer and plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What one window earned and cost."""

    days: Days
    called: Sequence[Called] = ()
    received: Sequence[Received] = ()
    shared: Sequence[Shared] = ()


_NOTHING: Numbers = (0,) * len(UNITS)
_PROMPT = 3
_BLOCKS = 4
_CHAIN: tuple[Part, ...] = (
    "model_mix", "cache_hits", "unattributed", "input_tokens", "prompt_cache", "output_tokens", "reasoning_tokens",
    "other_units", "provider_price",
)  # fmt: skip
"""The steps of a cell; the first is its cost per call before, at the calls of after."""
_BLOCK_OF: Mapping[Part, int] = {
    "input_tokens": 0, "prompt_cache": 0, "output_tokens": 1, "reasoning_tokens": 2, "other_units": 3
}  # fmt: skip
_HITS, _UNPRICED, _PRICE = (_CHAIN.index(part) for part in ("cache_hits", "unattributed", "provider_price"))
Chain = tuple[Numbers, ...]
"""Dollars of the prompt, the output, reasoning and other units, after each step of _CHAIN."""


class Sum(NamedTuple):
    """What the calls of one cell amount to: `free_calls` (hits, refusals) cost nothing, `unpriced` nobody knows what.

    Quantities and dollars (10^-12 USD) by UNITS are of the attempts that served; `retry` is what the others cost,
    `adjusted` what later corrections added to the dollars.
    """

    calls: int = 0
    free_calls: int = 0
    unpriced: int = 0
    retry: int = 0
    adjusted: int = 0
    quantities: Numbers = _NOTHING
    dollars: Numbers = _NOTHING

    @property
    def forwarded(self) -> int:
        """Calls that went to a provider."""
        return self.calls - self.free_calls

    @property
    def priced(self) -> int:
        """Forwarded calls whose cost is known."""
        return self.forwarded - self.unpriced

    @property
    def cost(self) -> int:
        """Everything that the calls cost."""
        return sum(self.dollars) + self.adjusted + self.retry

    def plus(self, other: "Sum") -> "Sum":
        """Both together."""
        return Sum(
            calls=self.calls + other.calls,
            free_calls=self.free_calls + other.free_calls,
            unpriced=self.unpriced + other.unpriced,
            retry=self.retry + other.retry,
            adjusted=self.adjusted + other.adjusted,
            quantities=tuple(map(add, self.quantities, other.quantities)),
            dollars=tuple(map(add, self.dollars, other.dollars)),
        )

    def settled(self) -> "Sum":
        """The same with the corrections spread over the units, which they do not name: in proportion to the dollars,
        or to the quantities of a cell that had no price.
        """
        if not self.adjusted:
            return self
        weights = next((w for w in (self.dollars, self.quantities) if min(w) >= 0 and any(w)), (*_NOTHING[1:], 1))
        whole = sum(weights)
        parts = [_scaled(self.adjusted, weight, whole) for weight in weights]
        parts[weights.index(max(weights))] += self.adjusted - sum(parts)
        return self._replace(adjusted=0, dollars=tuple(map(add, self.dollars, parts)))


NO_WORK = Sum()


class Cell(NamedTuple):
    """One cell in both windows, settled."""

    payer: Payer
    kind: Kind
    was: Sum
    now: Sum

    @property
    def matched(self) -> bool:
        """Whether its own change can be measured."""
        return 0 < self.was.priced <= self.was.forwarded and self.now.calls > 0

    def with_calls(self) -> "Cell":
        """The cell without cost that no call of it explains."""
        was, now = (work if work.calls > 0 else NO_WORK for work in (self.was, self.now))
        return Cell(self.payer, self.kind, was, now)


class Index(NamedTuple):
    """How cells that exist in both windows changed: for each step and block what was there before and after it, and the
    retries that the old rate would have cost and those that were.
    """

    steps: tuple[tuple[Numbers, Numbers], ...]
    retries: tuple[int, int]


Prices = Mapping[tuple[str, str], tuple[Numbers, Numbers]]
"""By provider and model: the dollars of each block before and after the step of the price, over all groups."""


def price_index(cells: Iterable[Cell]) -> Prices:
    """How the price of each model moved, over the cells that exist in both windows taken as one."""
    sides: dict[tuple[str, str], tuple[Sum, Sum]] = {}
    for cell in cells:
        if cell.matched:
            model = (cell.kind.provider, cell.kind.model)
            was, now = sides.get(model, (NO_WORK, NO_WORK))
            sides[model] = was.plus(cell.was), now.plus(cell.now)
    chains = {model: _forward(was, now) for model, (was, now) in sides.items()}
    return {model: (chain[_PRICE - 1], chain[_PRICE]) for model, chain in chains.items()}


class CostSteps(NamedTuple):
    """The moves of a group's cost, and by part the cost that each name added."""

    moves: dict[Part, Move]
    by_name: dict[Part, dict[str, int]]


class _Walk(NamedTuple):
    """A cell's total cost after each step, the dollars of its blocks, and the retries that its old rate would cost now."""

    cell: Cell
    totals: Numbers
    blocks: Chain
    retries: int


def cost_steps(cells: Sequence[Cell], prices: Prices) -> CostSteps:
    """The moves of one group's cost: the first begins at the old cost, and their differences sum to the change.

    Cost without a call (a correction whose call is in another cell) is unattributed.
    """
    loose = sum(c.was.cost for c in cells if c.was.calls <= 0), sum(c.now.cost for c in cells if c.now.calls <= 0)
    cells = [cell.with_calls() for cell in cells]
    walks = _walks(cells, prices)
    by_name: dict[Part, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    volume, payers, fallen = _calls_and_payers(walks, by_name)
    moves: dict[Part, Move] = {
        "call_volume": (sum(cell.was.cost for cell in cells), volume),
        "customer_mix": (volume, payers),
        "model_mix": (fallen, sum(walk.totals[0] for walk in walks)),
    }
    for step, part in enumerate(_CHAIN[1:], start=1):
        moves[part] = _moved(walks, step, part)
    old, new = moves["unattributed"]
    moves["unattributed"] = old + loose[0], new + loose[1]
    for walk in walks:
        model = f"{walk.cell.kind.provider} {walk.cell.kind.model}".strip()
        by_name["provider_price"][model] += walk.totals[_PRICE] - walk.totals[_PRICE - 1]
    at_old_rate = sum(walk.totals[_PRICE] for walk in walks)
    moves["retries"] = (at_old_rate, sum(cell.now.cost for cell in cells) + fallen - payers)
    return CostSteps(moves, by_name)


def _moved(walks: Sequence[_Walk], step: int, part: Part) -> Move:
    """What a step acts on, before and after: its own block with the retries that come with it, or all cost."""
    change = sum(walk.totals[step] - walk.totals[step - 1] for walk in walks)
    block = _BLOCK_OF.get(part)
    if block is None:
        old = sum(walk.totals[step - 1] for walk in walks)
    else:
        old = sum(_with_retries(walk, step - 1, block) for walk in walks)
    return old, old + change


def _with_retries(walk: _Walk, step: int, block: int) -> int:
    own = walk.blocks[step]
    whole = sum(own)
    return _scaled(walk.totals[step], own[block], whole) if whole > 0 else own[block]


# -- volume, customers and fallbacks


def _calls_and_payers(walks: Sequence[_Walk], by_name: dict[Part, dict[str, int]]) -> tuple[int, int, int]:
    """The group's cost at the new number of calls; then with the new share of each payer; then with the new share of
    calls that fell back.
    """
    of_payer: dict[Payer, list[_Walk]] = defaultdict(list)
    for walk in walks:
        of_payer[walk.cell.payer].append(walk)
    was = sum(walk.cell.was.cost for walk in walks)
    calls_was, calls_now = (sum(counts) for counts in _calls(walks))
    payers = fallen = 0
    own: dict[str, int] = defaultdict(int)
    for (customer, _), some in of_payer.items():
        cost = sum(walk.cell.was.cost for walk in some)
        before, after = (sum(counts) for counts in _calls(some))
        at_new_calls = _scaled(cost, after, before) if before else sum(walk.totals[0] for walk in some)
        payers += at_new_calls
        fallen += at_new_calls + _fell_back(some) if before else at_new_calls
        own[customer] += at_new_calls - cost
        for walk in some:
            share = _scaled(walk.cell.was.cost, after, before) if before else walk.totals[0]
            by_name["model_mix"][walk.cell.kind.model] += walk.totals[0] - share
    by_name["call_volume"] = by_name["customer_mix"] = own
    volume = _scaled(was, calls_now, calls_was) if calls_was else payers
    return volume, payers, fallen


def _calls(walks: Sequence[_Walk]) -> tuple[list[int], list[int]]:
    return [walk.cell.was.calls for walk in walks], [walk.cell.now.calls for walk in walks]


def _fell_back(walks: Sequence[_Walk]) -> int:
    """What one payer's calls that fell back cost more, at old costs, than they would have where they were tried first,
    beyond what those of before did at the new number of calls.
    """
    fallen = [walk for walk in walks if walk.cell.kind.tried]
    if not fallen:
        return 0
    before, after = (sum(counts) for counts in _calls(walks))
    added = 0
    for walk in fallen:
        was, now = walk.cell.was.calls, walk.cell.now.calls
        cost, calls = (walk.cell.was.cost, was) if was else (walk.totals[0], now)
        direct = _direct(walk.cell.kind, walks)
        more = now * before - was * after
        if direct is not None and calls:
            added += _scaled(more, cost * direct[1] - direct[0] * calls, before * calls * direct[1])
    return added


def _direct(kind: Kind, walks: Sequence[_Walk]) -> tuple[int, int] | None:
    """The old cost and number of the payer's calls that were served as tried: those of the model that `kind` tried first
    (or of a dated name of it), or of all models where it served none.
    """
    cells = [walk.cell for walk in walks if not walk.cell.kind.tried and walk.cell.was.calls]
    same = [cell for cell in cells if cell.kind.call_type == kind.call_type]
    named = [cell for cell in same if cell.kind.model.startswith(kind.tried)]
    found = next((some for some in (named, same, cells) if some), None)
    return (sum(cell.was.cost for cell in found), sum(cell.was.calls for cell in found)) if found else None


# -- the chain of a cell


def _walks(cells: Sequence[Cell], prices: Prices) -> list[_Walk]:
    of_kind: dict[Kind, list[Cell]] = defaultdict(list)
    for cell in cells:
        of_kind[cell.kind].append(cell)
    return [walk for kind, some in of_kind.items() for walk in _walks_of_kind(kind, some, prices)]


def _walks_of_kind(kind: Kind, cells: Sequence[Cell], prices: Prices) -> list[_Walk]:
    walks = [_walk(cell, _forward(cell.was, cell.now)) for cell in cells if cell.matched]
    others = [cell for cell in cells if not cell.matched]
    if not others:
        return walks
    model = (kind.provider, kind.model)
    index = _index(walks) or _index(_as_one(cells)) or _prices_only(prices.get(model))
    return [*walks, *(_estimated(cell, index) for cell in others)]


def _forward(was: Sum, now: Sum) -> Chain:
    """The steps of a cell that was priced before and is called now."""
    old = _blocks(was.dollars)
    forwarded, priced = (was.forwarded, now.forwarded), (was.priced, now.priced)
    # quantity ÷ forwarded calls × priced calls, new for old, is quantity for quantity times this
    per_call = priced[1] * forwarded[0], priced[0] * forwarded[1]
    at = _at_prices(was, now, *per_call)
    prompt_was, prompt_now = sum(was.quantities[:_PROMPT]), sum(now.quantities[:_PROMPT])
    mix = tuple([_scaled(value, now.calls, was.calls) for value in old])
    hits = tuple([_scaled(value, forwarded[1], forwarded[0]) for value in old])
    known = tuple([_scaled(value, priced[1], priced[0]) for value in old])
    measured = prompt_was and forwarded[1]
    prompt = _scaled(old[0], prompt_now * per_call[0], prompt_was * per_call[1]) if measured else at[0]
    blocks = [(*at[:block], *known[block:]) for block in range(1, _BLOCKS + 1)]
    return (mix, hits, known, (prompt, *known[1:]), *blocks, _blocks(now.dollars))


def _at_prices(was: Sum, now: Sum, numerator: int, denominator: int) -> Numbers:
    """What each block would cost now at the old prices; a unit that was not used before has none but its new one."""
    units = zip(was.quantities, now.quantities, was.dollars, now.dollars, strict=True)
    return _blocks(
        [
            _scaled(cost_was, new * numerator, old * denominator) if old and denominator else cost_now
            for old, new, cost_was, cost_now in units
        ]
    )


def _blocks(numbers: Sequence[int]) -> Numbers:
    """The prompt's three units as one, and the others."""
    return (sum(numbers[:_PROMPT]), *numbers[_PROMPT:])


def _walk(cell: Cell, chain: Chain) -> _Walk:
    """The totals of a matched cell: retries stay what they were for each dollar of the served attempts."""
    was = cell.was
    served = sum(was.dollars)
    if served > 0:
        retries = [_scaled(was.retry, sum(step), served) for step in chain]
    else:
        retries = [_scaled(was.retry, cell.now.calls, was.calls)] * len(chain)
    totals = tuple(sum(step) + retry for step, retry in zip(chain, retries, strict=True))
    return _Walk(cell, totals, chain, retries[-1])


def _index(walks: Sequence[_Walk]) -> Index | None:
    if not walks:
        return None
    sums = [tuple(map(sum, zip(*(walk.blocks[step] for walk in walks), strict=True))) for step in range(len(_CHAIN))]
    steps = tuple((sums[step - 1], sums[step]) for step in range(1, len(_CHAIN)))
    return Index(steps, (sum(walk.retries for walk in walks), sum(walk.cell.now.retry for walk in walks)))


def _as_one(cells: Sequence[Cell]) -> list[_Walk]:
    """All cells of a kind as one, where that one exists in both windows."""
    was = now = NO_WORK
    for cell in cells:
        was, now = was.plus(cell.was), now.plus(cell.now)
    one = Cell(("", ""), cells[0].kind, was, now)
    return [_walk(one, _forward(was, now))] if one.matched else []


def _prices_only(price: tuple[Numbers, Numbers] | None) -> Index:
    same = ((0,) * _BLOCKS, (0,) * _BLOCKS)
    return Index((*[same] * (len(_CHAIN) - 2), price or same), (0, 0))


def _estimated(cell: Cell, index: Index) -> _Walk:
    """The steps of a cell without a measure of its own, from its new cost backwards; 0 where it has no calls now."""
    now = cell.now
    if now.calls <= 0:
        none = ((0,) * _BLOCKS,) * (len(_CHAIN) - 1)
        return _Walk(cell, (*[0] * (len(_CHAIN) - 1), now.cost), (*none, _blocks(now.dollars)), now.retry)
    steps: list[Numbers] = [_blocks(now.dollars)]
    for before, after in reversed(index.steps):
        steps.append(tuple(_backwards(*three) for three in zip(steps[-1], before, after, strict=True)))
    chain = _since_priced(cell, steps[::-1])
    old_rate, new_rate = index.retries
    retry = _scaled(now.retry, old_rate, new_rate) if new_rate > 0 else now.retry
    served = sum(now.dollars)
    retries = [_scaled(retry, sum(step), served) if served > 0 else retry for step in chain]
    return _Walk(cell, tuple(sum(s) + r for s, r in zip(chain, retries, strict=True)), chain, retries[-1])


def _backwards(value: int, before: int, after: int) -> int:
    return _scaled(value, before, after) if before >= 0 and after > 0 else value


def _since_priced(cell: Cell, steps: Sequence[Numbers]) -> Chain:
    """Calls that there were before, all free or without a price, cost nothing until that has changed; and a call that
    is a hit now never costs more for it than each of the forwarded ones.
    """
    was, now = cell.was, cell.now
    none = (0,) * _BLOCKS
    if was.calls > 0:
        first = _UNPRICED if was.forwarded > 0 else _HITS
        return (*[none] * first, *steps[first:])
    if now.forwarded <= 0:
        return tuple(steps)
    most = tuple(_scaled(value, now.calls, now.forwarded) for value in steps[_HITS])
    return (tuple(map(min, steps[0], most)), *steps[1:])


# -- revenue


Paid = tuple[str, str, str]
"""Customer, plan, and the feature that is paid for, empty for all that the plan bundles."""


class Earned(NamedTuple):
    """What a payer pays a group for its days (10^-12 USD), and for how many, in 10^-6 days."""

    amount: int = 0
    quantity: int = 0


NOTHING_EARNED = Earned()


class RevenueSteps(NamedTuple):
    """The moves of a group's revenue, and by part the revenue that each customer added."""

    moves: dict[Part, Move]
    by_name: dict[Part, dict[str, int]]


def revenue_steps(was: Mapping[Paid, Earned], now: Mapping[Paid, Earned], used: Move) -> RevenueSteps:
    """The moves of one group's revenue: days sold at the old average, whose they are, what each pays for a day.

    A payer without days before has no old rate: its own new one counts. `used` is revenue of metered use and outcomes,
    at prices that are stated once, and is volume alone. An amount without days is volume too.
    """
    days_was, days_now = (sum(one.quantity for one in side.values()) for side in (was, now))
    loose = [sum(one.amount for one in side.values() if one.quantity <= 0) for side in (was, now)]
    paid_was = sum(one.amount for one in was.values()) - loose[0]
    paid_now = sum(one.amount for one in now.values()) - loose[1]
    at_old_rates = 0
    by_name: dict[Part, dict[str, int]] = {"revenue_volume": defaultdict(int), "revenue_price": defaultdict(int)}
    for payer in {**was, **now}:
        before, after = was.get(payer, NOTHING_EARNED), now.get(payer, NOTHING_EARNED)
        at_old_rate = _scaled(before.amount, after.quantity, before.quantity) if before.quantity > 0 else after.amount
        if after.quantity > 0:
            at_old_rates += at_old_rate
            by_name["revenue_price"][payer[0]] += after.amount - at_old_rate
        by_name["revenue_volume"][payer[0]] += (at_old_rate if after.quantity > 0 else after.amount) - before.amount
    by_name["customer_mix"] = by_name["revenue_volume"]
    volume = _scaled(paid_was, days_now, days_was) if days_was > 0 else at_old_rates
    moves: dict[Part, Move] = {
        "revenue_volume": (paid_was + loose[0] + used[0], volume + loose[1] + used[1]),
        "customer_mix": (volume, at_old_rates),
        "revenue_price": (at_old_rates, paid_now),
    }
    return RevenueSteps(moves, by_name)


def _scaled(value: int, numerator: int, denominator: int) -> int:
    """value × numerator ÷ denominator to the nearest integer, halves up; the denominator is positive."""
    assert denominator > 0, f"{value} × {numerator} ÷ {denominator}"
    return (2 * value * numerator + denominator) // (2 * denominator)


# -- rows


@dataclass(slots=True)
class _Group:
    """One feature of a row, in one window."""

    work: dict[tuple[Payer, Kind], Sum] = field(default_factory=dict[tuple[Payer, Kind], Sum])
    earned: dict[Paid, Earned] = field(default_factory=dict[Paid, Earned])
    used: int = 0
    shared: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(slots=True)
class _Sum:
    """A row in the making."""

    was: Side = field(default_factory=Side)
    now: Side = field(default_factory=Side)
    cost: dict[Part, Move] = field(default_factory=dict[Part, Move])
    revenue: dict[Part, Move] = field(default_factory=dict[Part, Move])
    margin_by_name: dict[Part, dict[str, int]] = field(default_factory=dict[Part, dict[str, int]])


Groups = Mapping[str, Mapping[str, _Group]]
"""By the name of the row, then by feature."""


def explain(was: Records, now: Records, by: By, only: str = "") -> Explanation:
    """The bridges from one window to the next, or the one of the row `only`."""
    before, after = _grouped(was, by), _grouped(now, by)
    cells = {
        (row, feature): _cells(before.get(row, {}).get(feature), after.get(row, {}).get(feature))
        for row in {**before, **after}
        for feature in {**before.get(row, {}), **after.get(row, {})}
    }
    prices = price_index(cell for some in cells.values() for cell in some)
    sums: dict[str, _Sum] = {}
    for (row, feature), some in cells.items():
        if only not in ("", row):
            continue  # its cells tell how prices moved, no more
        groups = before.get(row, {}).get(feature, _Group()), after.get(row, {}).get(feature, _Group())
        _add_group(sums.setdefault(row, _Sum()), groups, some, prices, named=row not in _UNMATCHED)
    rows = [
        _bridge(row, summed, was.days, now.days) for row, summed in sums.items() if any(summed.was) or any(summed.now)
    ]
    rows.sort(key=lambda bridge: (bridge.change_pico, bridge.key))
    return Explanation(by=by, rows=tuple(rows), total=total_of(rows, was.days, now.days))


_UNMATCHED = frozenset({UNMATCHED_COST, UNMATCHED_REVENUE})


def _grouped(facts: Records, by: By) -> Groups:
    groups: dict[str, dict[str, _Group]] = defaultdict(lambda: defaultdict(_Group))
    for owner, kind, work in facts.called:
        group = groups[getattr(owner, by) or UNMATCHED_COST][owner.feature]
        cell = (owner.customer, owner.plan), kind
        group.work[cell] = group.work.get(cell, NO_WORK).plus(Sum(*work))
    for owner, amount, quantity, by_day, own in facts.received:
        group = groups[getattr(owner, by) or UNMATCHED_REVENUE][owner.feature]
        if by_day:
            payer = owner.customer, owner.plan, owner.feature if own else ""
            known = group.earned.get(payer, NOTHING_EARNED)
            group.earned[payer] = Earned(known.amount + amount, known.quantity + quantity)
        else:
            group.used += amount
    for owner, component, amount in facts.shared:
        group = groups[getattr(owner, by) or UNMATCHED_COST][owner.feature]
        group.shared[component] = group.shared.get(component, 0) + amount
    return groups


def _cells(was: _Group | None, now: _Group | None) -> list[Cell]:
    before, after = was.work if was else {}, now.work if now else {}
    return [
        Cell(payer, kind, before.get((payer, kind), NO_WORK).settled(), after.get((payer, kind), NO_WORK).settled())
        for payer, kind in {**before, **after}
    ]


def _add_group(to: _Sum, groups: tuple[_Group, _Group], cells: Sequence[Cell], prices: Prices, *, named: bool) -> None:
    """Add the steps of one feature of a row; of a row that is not `named` everything is unattributed."""
    was, now = groups
    to.was = to.was.plus(_side(was, [cell.was for cell in cells]))
    to.now = to.now.plus(_side(now, [cell.now for cell in cells]))
    shared: Move = sum(was.shared.values()), sum(now.shared.values())
    earned: Move = sum(one.amount for one in was.earned.values()), sum(one.amount for one in now.earned.values())
    if not named:
        calls: Move = sum(cell.was.cost for cell in cells), sum(cell.now.cost for cell in cells)
        _add_moves(to.cost, {"unattributed": (calls[0] + shared[0], calls[1] + shared[1])})
        _add_moves(to.revenue, {"unattributed": (earned[0] + was.used, earned[1] + now.used)})
        return
    cost = cost_steps(cells, prices)
    revenue = revenue_steps(was.earned, now.earned, (was.used, now.used))
    _add_moves(to.cost, {**cost.moves, "other_costs": shared})
    _add_moves(to.revenue, revenue.moves)
    _add_names(to.margin_by_name, cost, revenue, _components(was, now))


def _side(group: _Group, work: Sequence[Sum]) -> Side:
    return Side(
        revenue_pico=sum(one.amount for one in group.earned.values()) + group.used,
        cogs_pico=sum(one.cost for one in work) + sum(group.shared.values()),
        calls=sum(one.calls for one in work),
        free_calls=sum(one.free_calls for one in work),
    )


def _components(was: _Group, now: _Group) -> dict[str, int]:
    return {name: now.shared.get(name, 0) - was.shared.get(name, 0) for name in {**was.shared, **now.shared}}


def _add_moves(to: dict[Part, Move], moves: Mapping[Part, Move]) -> None:
    for part, (old, new) in moves.items():
        known = to.get(part, (0, 0))
        to[part] = known[0] + old, known[1] + new


def _add_names(
    to: dict[Part, dict[str, int]], cost: CostSteps, revenue: RevenueSteps, components: Mapping[str, int]
) -> None:
    costs: Iterable[tuple[Part, Mapping[str, int]]] = (*cost.by_name.items(), ("other_costs", components))
    for sign, many in ((-1, costs), (1, revenue.by_name.items())):
        for part, by_name in many:
            known = to.setdefault(part, {})
            for name, amount in by_name.items():
                if name:
                    known[name] = known.get(name, 0) + sign * amount


def _bridge(row: str, summed: _Sum, before: Days, after: Days) -> Bridge:
    """The finished row. Within a part the name that moved most in the part's own direction leads."""
    bridge = Bridge(
        key=(row,),
        before=before,
        after=after,
        was=summed.was,
        now=summed.now,
        cost_moves=summed.cost,
        revenue_moves=summed.revenue,
    )
    leading: dict[Part, tuple[str, int]] = {}
    for part, total in bridge.parts.items():
        same = {name: pico for name, pico in summed.margin_by_name.get(part, {}).items() if pico * total > 0}
        if same:
            name = max(same, key=lambda one: (abs(same[one]), one))
            leading[part] = (name, same[name])
    return replace(bridge, leading=leading)
