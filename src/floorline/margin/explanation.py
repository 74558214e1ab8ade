"""Two windows and the bridges between them: one for each feature, customer or plan, and their sum.

What a window holds is handed in by customer, plan and feature, in canonical names, empty where unknown.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from msgspec.structs import replace

from floorline.margin.bridge import Bridge, Days, Move, Part, Side, primary_driver, total_of
from floorline.margin.report import Json, money_or_null, text_of
from floorline.margin.substitution import (
    NO_WORK,
    NOTHING_EARNED,
    Cell,
    CostSteps,
    Earned,
    Kind,
    Paid,
    Payer,
    Prices,
    RevenueSteps,
    Work,
    cost_steps,
    price_index,
    revenue_steps,
)  # fmt: skip
from floorline.margin.table import UNMATCHED_COST, UNMATCHED_REVENUE

By = Literal["feature", "customer", "plan"]
BY: tuple[By, ...] = get_args(By)


class Owned(NamedTuple):
    """Whose something is."""

    customer: str
    plan: str
    feature: str


class Called(NamedTuple):
    """The calls of one owner of one kind."""

    owner: Owned
    kind: Kind
    work: Work


class Received(NamedTuple):
    """Revenue of one owner: paid for its days (10^-6 of them), or, without `by_day`, for use and outcomes. `own`: paid for
    the feature itself and not as a share of a bundle.
    """

    owner: Owned
    amount: int
    quantity: int = 0
    by_day: bool = True
    own: bool = False


class Shared(NamedTuple):
    """A cost that no call carries, as it was divided."""

    owner: Owned
    component: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one window earned and cost; amounts in 10^-12 USD."""

    days: Days
    called: Sequence[Called] = ()
    received: Sequence[Received] = ()
    shared: Sequence[Shared] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The bridges of all rows, those that lost most first, and their sum part by part."""

    by: By
    rows: tuple[Bridge, ...]
    total: Bridge


@dataclass(slots=True)
class _Group:
    """One feature of a row, in one window."""

    work: dict[tuple[Payer, Kind], Work] = field(default_factory=dict[tuple[Payer, Kind], Work])
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


def explain(
    was: Facts, now: Facts, by: By, crossings: Mapping[str, tuple[str, ...]] | None = None, *, only: str = ""
) -> Explanation:
    """The bridges from one window to the next, or the one of the row `only`. `crossings` names the baselines that begin between
    them, by row.
    """
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
        _bridge(row, summed, was.days, now.days, (crossings or {}).get(row, ()))
        for row, summed in sums.items()
        if any(summed.was) or any(summed.now)
    ]
    rows.sort(key=lambda bridge: (bridge.change_pico, bridge.key))
    return Explanation(by=by, rows=tuple(rows), total=total_of(rows, was.days, now.days))


_UNMATCHED = frozenset({UNMATCHED_COST, UNMATCHED_REVENUE})


def _grouped(facts: Facts, by: By) -> Groups:
    groups: dict[str, dict[str, _Group]] = defaultdict(lambda: defaultdict(_Group))
    for owner, kind, work in facts.called:
        group = groups[getattr(owner, by) or UNMATCHED_COST][owner.feature]
        cell = (owner.customer, owner.plan), kind
        group.work[cell] = group.work.get(cell, NO_WORK).plus(work)
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


def _side(group: _Group, work: Sequence[Work]) -> Side:
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


def _bridge(row: str, summed: _Sum, before: Days, after: Days, crossings: tuple[str, ...]) -> Bridge:
    """The finished row. Within a part the name that moved most in the part's own direction leads."""
    bridge = Bridge(
        key=(row,),
        before=before,
        after=after,
        was=summed.was,
        now=summed.now,
        cost_moves=summed.cost,
        revenue_moves=summed.revenue,
        crossings=crossings,
    )
    leading: dict[Part, tuple[str, int]] = {}
    for part, total in bridge.parts.items():
        same = {name: pico for name, pico in summed.margin_by_name.get(part, {}).items() if pico * total > 0}
        if same:
            name = max(same, key=lambda one: (abs(same[one]), one))
            leading[part] = (name, same[name])
    return replace(bridge, leading=leading)


def explanation_document(found: Explanation) -> Json:
    """The bridges as JSON; `to` is exclusive, dollars and points are of margin, and the parts sum to the change."""
    before, after = found.total.before, found.total.after
    return {
        "by": found.by,
        "before": {"from": before.start.isoformat(), "to": before.end.isoformat()},
        "after": {"from": after.start.isoformat(), "to": after.end.isoformat()},
        "currency": "USD",
        "rows": [{"key": {found.by: bridge.key[0]}, **_fields(bridge)} for bridge in found.rows],
        "total": _fields(found.total),
    }


def _fields(bridge: Bridge) -> Json:
    driver = primary_driver(bridge)
    points = bridge.points
    return {
        "before": _side_fields(bridge.was),
        "after": _side_fields(bridge.now),
        "change_usd": text_of(bridge.change_pico),
        "parts": [
            {
                "part": part,
                "usd": text_of(pico),
                "points": money_or_null(points[part] * 100) if points else None,
                "moved": money_or_null(bridge.growth(part)),
                "leading": bridge.leading[part][0] if part in bridge.leading else None,
            }
            for part, pico in bridge.parts.items()
        ],
        "driver": None
        if driver is None
        else {"part": driver.part, "usd": text_of(driver.pico), "sentence": driver.sentence, "lever": driver.lever},
        "baselines": list(bridge.crossings),
    }


def _side_fields(side: Side) -> Json:
    return {
        "revenue": text_of(side.revenue_pico),
        "cogs": text_of(side.cogs_pico),
        "margin_usd": text_of(side.margin_pico),
        "margin_ratio": money_or_null(side.margin_ratio),
        "calls": side.calls,
    }
