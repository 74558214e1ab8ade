"""Two windows and the bridges between them: one for each feature, customer or plan, and their sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import NamedTuple

import numpy as np

from floorline.margin.bridge import Bridge, Days, Move, Part, Side, primary_driver, total_of
from floorline.margin.coded import coded
from floorline.margin.moves import CostSteps, Moves, Named, RevenueSteps, cost_steps, leading, revenue_steps
from floorline.margin.placing import Placing
from floorline.margin.report import Json, money_or_null, text_of
from floorline.margin.scaling import either
from floorline.margin.sides import By, CalledColumns, Facts
from floorline.margin.substitution import Models, PriceMoves, Prices, price_index
from floorline.margin.vectors import Integers

Crossings = Mapping[str, tuple[str, ...]]
"""The baselines that begin between the windows, by row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The bridges of all rows, those that lost most first, and their sum part by part."""

    by: By
    rows: tuple[Bridge, ...]
    total: Bridge


def explain(
    was: Facts, now: Facts, by: By, crossings: Crossings | None = None, *, only: str = "", prices: Prices | None = None
) -> Explanation:
    """The bridges from one window to the next, or the one of the row `only`. `prices` tells how prices moved where the facts do
    not have every call.
    """
    prices = prices or partial(price_moves, was.called, now.called)
    places = Placing((was.of(by, only), now.of(by, only)) if only else (was, now), by)
    rows = _bridges(places, prices, (was.days, now.days), crossings or {})
    rows.sort(key=lambda bridge: (bridge.change_pico, bridge.key))
    return Explanation(by=by, rows=tuple(rows), total=total_of(rows, was.days, now.days))


def price_moves(was: CalledColumns, now: CalledColumns, models: Models) -> PriceMoves:
    """How the prices of some models moved from the calls of one window to those of the other."""
    never = Days(date.min, date.min)
    places = Placing((Facts(days=never, called=was), Facts(days=never, called=now)), "feature")
    return price_index(either(places.cells)[0], models)


class _End(NamedTuple):
    """What the rows earned and cost in one window, their calls, and those of them that cost nothing."""

    revenue: Integers
    cost: Integers
    calls: Integers
    free_calls: Integers

    def sides(self) -> list[Side]:
        """Of each row."""
        return [Side(*numbers) for numbers in zip(*(column.tolist() for column in self), strict=True)]


def _bridges(places: Placing, prices: Prices, windows: tuple[Days, Days], crossings: Crossings) -> list[Bridge]:
    """The bridge of each row that has anything."""
    of_calls, cost = either(lambda widened: _cost(places, prices, widened))
    revenue = either(lambda widened: _revenue(places, widened))
    shared = [places.rows.sums(one.amount, at.group) for one, at in zip(places.shared, places.of_shared, strict=True)]
    earned = [
        places.rows.sums(one.amount, at.group) for one, at in zip(places.received, places.of_received, strict=True)
    ]
    was, now = (_End(earned[n], of_calls[n][0] + shared[n], *of_calls[n][1:]) for n in range(2))
    moves = _cost_moves(places, cost.moves, shared, (was, now)), _revenue_moves(places, revenue.moves, (was, now))
    leaders = _leaders(places, cost, revenue, _gained(*moves))
    each = zip(places.names, was.sides(), now.sides(), *map(_of_rows, moves), strict=True)
    return [
        Bridge(
            key=(name,),
            before=windows[0],
            after=windows[1],
            was=before,
            now=after,
            cost_moves=cost_moves,
            revenue_moves=revenue_moves,
            leading={part: found[number] for part, found in leaders.items() if number in found},
            crossings=crossings.get(name, ()),
        )
        for number, (name, before, after, cost_moves, revenue_moves) in enumerate(each)
        if any(before) or any(after)
    ]


def _cost(
    places: Placing, prices: Prices, widened: bool
) -> tuple[list[tuple[Integers, Integers, Integers]], CostSteps]:
    """What each window's calls cost, how many they are and how many of them free, by row; and the steps of that cost."""
    cells, payers = places.cells(widened)
    rows = places.rows
    ends = [
        (rows.sums(side.cost, cells.group), rows.sums(side.calls, cells.group), rows.sums(side.free_calls, cells.group))
        for side in (cells.was, cells.now)
    ]
    named = places.named[rows.of_group[cells.group]]
    some = cells if named.all() else cells.at(np.flatnonzero(named))
    return ends, cost_steps(some, payers, rows, prices)


def _revenue(places: Placing, widened: bool) -> RevenueSteps:
    was, now = (
        places.rows.sums(np.where(one.by_day, 0, one.amount), at.group)
        for one, at in zip(places.received, places.of_received, strict=True)
    )
    return revenue_steps(places.earnings(widened), (was, now), places.rows)


def _cost_moves(places: Placing, moves: Moves, shared: Sequence[Integers], ends: tuple[_End, _End]) -> Moves:
    """With costs that no call carries; and all cost of rows that name nobody is unattributed."""
    old, new = moves["unattributed"]
    unnamed = [np.where(places.named, 0, end.cost) for end in ends]
    others = [np.where(places.named, amount, 0) for amount in shared]
    return {**moves, "other_costs": (others[0], others[1]), "unattributed": (old + unnamed[0], new + unnamed[1])}


def _revenue_moves(places: Placing, moves: Moves, ends: tuple[_End, _End]) -> Moves:
    """As _cost_moves."""
    was, now = (np.where(places.named, 0, end.revenue) for end in ends)
    named: Moves = {
        part: (np.where(places.named, old, 0), np.where(places.named, new, 0)) for part, (old, new) in moves.items()
    }
    return {**named, "unattributed": (was, now)}


def _gained(cost: Moves, revenue: Moves) -> dict[Part, Integers]:
    """The margin that each part gave to each row, or took from it (negative)."""
    found: dict[Part, Integers] = {}
    for sign, moves in ((-1, cost), (1, revenue)):
        for part, (old, new) in moves.items():
            found[part] = found.get(part, 0) + sign * (new - old)
    return found


def _of_rows(moves: Moves) -> list[dict[Part, Move]]:
    """The moves row by row."""
    parts = list(moves)
    columns = (zip(old.tolist(), new.tolist(), strict=True) for old, new in moves.values())
    return [dict(zip(parts, row, strict=True)) for row in zip(*columns, strict=True)]


def _leaders(
    places: Placing, cost: CostSteps, revenue: RevenueSteps, gained: Mapping[Part, Integers]
) -> dict[Part, dict[int, tuple[str, int]]]:
    """By part and row the name that moved most in the part's own direction."""
    models = coded([kind.model for kind in places.kinds])
    prices = coded([f"{kind.provider} {kind.model}".strip() for kind in places.kinds])
    by_model, by_price = cost.by_model.renamed(models.codes), cost.by_price.renamed(prices.codes)
    named: tuple[tuple[Part, Sequence[str], Sequence[tuple[int, Named]]], ...] = (
        ("call_volume", places.customers, [(-1, cost.by_customer)]),
        ("customer_mix", places.customers, [(-1, cost.by_customer), (1, revenue.by_volume)]),
        ("model_mix", models.words, [(-1, by_model)]),
        ("provider_price", prices.words, [(-1, by_price)]),
        ("other_costs", places.components, places.shared_by_name()),
        ("revenue_volume", places.customers, [(1, revenue.by_volume)]),
        ("revenue_price", places.customers, [(1, revenue.by_price)]),
    )
    return {part: leading(many, gained[part], names) for part, names, many in named}


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
