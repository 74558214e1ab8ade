"""Customers side by side: what each pays against what is kept of it; and one customer's payments against its cost."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from floorline.charts.base import (
    BLUE,
    GREY,
    LINES,
    RED,
    RED_AREA,
    Chart,
    by_day,
    chart,
    figure,
    last_marks,
    layer,
    line_mark,
    percent,
    quantitative,
)
from floorline.margin.vectors import Numbers, whole_numbers
from floorline.margin.words import cents, counted
from floorline.margin.words import percent as percent_text
from floorline.money import PICO, PLACES, ZERO, usd_of

POINTS_MAX = 800
"""Customers that have a point of their own: those under water first, then the dearest. The others are counted in squares."""

MARGIN_MIN = Decimal(-1)
"""The lowest margin that has a place of its own: what is lower stands at the lower edge."""

BRUSH = "brush"
"""The name of the selection: an area of the chart, as ranges of `revenue` (USD a month) and `margin` (percent)."""

HEIGHT = 440
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "stroke")
NO_PLAN, OTHER_PLANS = "no plan", "other plans"
_COLUMN, _MIDDLE = Decimal("1.33"), Decimal("1.15")
_SQUARE_PERCENT = 5
_SQUARE = PICO * _SQUARE_PERCENT // 100
_BEYOND = Decimal("1.1")  # so that a point on the corner's edge is seen within it
_CENT = Decimal("0.01")
_TENTH = Decimal("0.1")
_SCALE_X = {"type": "log", "nice": False}
_DOLLARS = {"labelExpr": "'$' + format(datum.value, '~s')", "grid": False, "labelOverlap": True}
_PERCENT = {"labelExpr": "format(datum.value, '.0f') + ' %'", "tickCount": 6}


class Placed(NamedTuple):
    """Customers that pay, a place for each in columns, because of ten thousand few are drawn by themselves: revenue and cost in
    10^-12 USD a month, the margin in 10^-12 of the revenue, the plan ('' without one), and whether it is under water.
    """

    customers: Sequence[str]
    plans: Sequence[str]
    revenue: Numbers
    margin: Numbers
    cost: Numbers
    under_water: npt.NDArray[np.bool_]

    def at(self, places: npt.NDArray[np.intp]) -> "Placed":
        """Those in some places."""
        some = cast("list[int]", places.tolist())
        return Placed(
            [self.customers[place] for place in some],
            [self.plans[place] for place in some],
            *(column[places] for column in (self.revenue, self.margin, self.cost, self.under_water)),
        )


class Paid(NamedTuple):
    """What a customer paid and cost in some days, USD; None where it is not known."""

    day: date
    revenue: Decimal | None
    cost: Decimal | None


class Quadrant(NamedTuple):
    """The corner of those that pay no more than `revenue` a month and keep less than `margin` of it."""

    revenue: Decimal
    margin: Decimal


def customer_scatter(
    title: str,
    customers: Placed,
    costly: Quadrant | None,
    *,
    opens: Callable[[str], str] = str,
    subtitle: str = "",
) -> Chart:
    """A point for each customer that pays, its area the cost, its colour and shape the plan; beyond POINTS_MAX the others are
    counted in squares. `opens` is the address of a customer's page. Revenue is on an axis of logarithms; margins below MARGIN_MIN stand at the lower edge.
    """
    paying = customers.at(np.flatnonzero(customers.revenue > 0))
    own, others = _apart(paying)
    plans = _plans(paying.plans)
    low, high = _ends(paying.revenue)
    domain = {"domain": [figure(low), figure(high)]}
    x = quantitative(
        "revenue", title="revenue a month", scale={**_SCALE_X, **domain}, axis={**_DOLLARS, "values": _ticks(low, high)}
    )
    lowest = _lowest(paying.margin)
    y = quantitative("margin", title=None, scale={"domain": [lowest, 100], "nice": False}, axis=_PERCENT)
    rows = _points(own, plans, opens)
    squares = _squares(others)
    zero = [{"revenue": figure(high), "margin": "0", "label": "break-even"}]
    above = {"type": "text", "align": "right", "dx": -6, "dy": -9, "color": GREY, "fontSize": 12}
    legend = {"orient": "top", "direction": "horizontal", "columns": 2}
    names = [*plans]
    told = {
        "color": {"field": "plan", "type": "nominal", "legend": legend, "scale": {"domain": names, "range": [LINES[n % len(LINES)] for n in range(len(names))]}},
        "shape": {"field": "plan", "type": "nominal", "legend": legend, "scale": {"domain": names, "range": [SHAPES[n % len(SHAPES)] for n in range(len(names))]}},
        "size": quantitative("cost", legend=None, scale={"range": [36, 900], "zero": True}),
        "tooltip": {"field": "said"},
    }  # fmt: skip
    numbers = ("revenue", "margin", "cost")
    points = layer(rows, {"type": "point", "filled": True, "opacity": 0.8, "cursor": "pointer"}, {"x": x, "y": y, **told}, numbers=numbers)  # float: an opacity  # fmt: skip
    points["params"] = [{"name": BRUSH, "select": {"type": "interval", "encodings": ["x", "y"]}}]
    layers = [
        *(_corner(costly, low, x, y, lowest) if costly is not None else ()),
        layer(zero, {"type": "rule", "color": GREY, "strokeDash": [4, 4]}, {"y": y}, numbers=("margin",)),
        layer(zero, above, {"x": x, "y": y, "text": {"field": "label"}}, numbers=("revenue", "margin")),
        *(
            [
                layer(
                    squares,
                    {"type": "square", "color": GREY, "opacity": 0.5},  # float: an opacity
                    {
                        "x": x,
                        "y": y,
                        "size": quantitative("customers", legend=None, scale={"range": [20, 260]}),
                        "tooltip": {"field": "said"},
                    },
                    numbers=("revenue", "margin", "customers"),
                )
            ]
            if squares
            else ()
        ),
        points,
    ]
    made = chart(title, subtitle, layers, height=HEIGHT)
    return {**made, "resolve": {"scale": {"size": "independent"}}}


def pays_and_costs(title: str, points: Sequence[Paid], *, subtitle: str = "") -> Chart:
    """What a customer pays and what it costs over time: above its cost it earns, below it loses."""
    axis = {"labelExpr": "'$' + format(datum.value, ',~r')", "tickCount": 6}
    layers: list[Chart] = []
    for name, colour, dash in (("revenue", BLUE, [1, 0]), ("cost", RED, [6, 4])):
        amounts = [(one.day, one.revenue if name == "revenue" else one.cost) for one in points]
        rows = [{"day": day.isoformat(), "usd": figure(amount)} for day, amount in amounts]
        known = [(day, amount) for day, amount in amounts if amount is not None]
        ends = [
            {"day": day.isoformat(), "usd": figure(amount), "label": f"{name} {cents(amount)}"}
            for day, amount in known[-1:]
        ]
        y = quantitative("usd", title=None, scale={"zero": True}, axis=axis)
        if not known:
            continue
        mark = {**line_mark(len(known)), "color": colour, "strokeDash": dash, "point": {"color": colour, "size": 40}}
        layers += [layer(rows, mark, {"x": by_day(), "y": y}, numbers=("usd",)), *last_marks(ends, by_day(), y, "usd", colour=colour)]  # fmt: skip
    return chart(title, subtitle, layers)


def _corner(costly: Quadrant, low: Decimal, x: Chart, y: Chart, lowest: int) -> tuple[Chart, Chart]:
    """The corner of the costly customers, and its name."""
    rows = [
        {
            "revenue": figure(low), "until": figure(costly.revenue * _BEYOND), "margin": str(lowest), "high": percent(costly.margin),
            "label": "costly",
        }
    ]  # fmt: skip
    numbers = ("revenue", "until", "margin", "high")
    area = {"type": "rect", "color": RED_AREA, "opacity": 0.7}  # float: an opacity
    text = {
        "type": "text",
        "align": "left",
        "baseline": "bottom",
        "dx": 6,
        "dy": -6,
        "color": RED,
        "fontSize": 14,
        "fontWeight": "bold",
    }
    reach = {"x": x, "x2": {"field": "until"}, "y": y, "y2": {"field": "high"}}
    return (
        layer(rows, area, reach, numbers=numbers),
        layer(rows, text, {"x": x, "y": y, "text": {"field": "label"}}, numbers=numbers),
    )


def _apart(paying: Placed) -> tuple[Placed, Placed]:
    """Those that have a point of their own, in order, and the others."""
    cost, under_water = paying.cost.tolist(), paying.under_water.tolist()
    some = np.arange(len(cost))
    if len(cost) > POINTS_MAX:
        some = np.flatnonzero(paying.under_water | (paying.cost >= np.sort(paying.cost)[-POINTS_MAX]))
    first = sorted(some.tolist(), key=lambda place: (not under_water[place], -cost[place], paying.customers[place]))
    own = np.array(first[:POINTS_MAX], dtype=np.intp)
    others = np.ones(len(cost), dtype=np.bool_)
    others[own] = False
    return paying.at(own), paying.at(np.flatnonzero(others))


def _plans(of_customers: Sequence[str]) -> list[str]:
    """The plans that have a colour and a shape: those with the most customers, and the others as one."""
    count = Counter([plan or NO_PLAN for plan in of_customers])
    ordered = sorted(count, key=lambda plan: (-count[plan], plan))
    return ordered if len(ordered) <= len(SHAPES) else [*ordered[: len(SHAPES) - 1], OTHER_PLANS]


def _points(placed: Placed, plans: Sequence[str], opens: Callable[[str], str]) -> list[dict[str, str | None]]:
    amounts = zip(
        *(map(usd_of, column.tolist()) for column in (placed.revenue, placed.margin, placed.cost)), strict=True
    )
    return [
        _point(customer, plan or NO_PLAN, plans, opens(customer), *of_one)
        for customer, plan, of_one in zip(placed.customers, placed.plans, amounts, strict=True)
    ]


def _point(
    customer: str, plan: str, plans: Sequence[str], to: str, revenue: Decimal, margin: Decimal, cost: Decimal
) -> dict[str, str | None]:
    return {
        "revenue": figure(max(revenue, _CENT).quantize(_CENT)),
        "margin": figure((max(margin, MARGIN_MIN) * 100).quantize(_TENTH)),
        "cost": figure(max(cost, Decimal(0)).quantize(_CENT)),
        "plan": plan if plan in plans else OTHER_PLANS,
        "said": f"{customer} · {plan} · pays {cents(revenue)}, costs {cents(cost)} a month · {percent_text(margin)}",
        "to": to,
    }


def _squares(placed: Placed) -> list[dict[str, str | None]]:
    """How many customers are at each place of a grid."""
    edges = _edges(max(placed.revenue.tolist(), default=0))
    bounds = whole_numbers([int(edge.scaleb(PLACES).to_integral_value(ROUND_CEILING)) for edge in edges])
    columns = np.searchsorted(bounds, np.maximum(placed.revenue, bounds[0]), "right")
    rows = np.maximum(placed.margin, 0) // _SQUARE - np.minimum(np.maximum(-placed.margin, 0), PICO) // _SQUARE
    found: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for column, row, cost in zip(columns.tolist(), rows.tolist(), placed.cost.tolist(), strict=True):
        found[column, row].append(cost)
    return [
        {
            "revenue": figure((edges[column - 1] * _MIDDLE).quantize(_CENT)),
            "margin": str(row * _SQUARE_PERCENT),
            "customers": str(len(costs)),
            "said": f"{counted(len(costs), 'customer')}, together {cents(usd_of(sum(costs)))} of cost a month",
        }
        for (column, row), costs in sorted(found.items())
    ]


def _edges(most: int) -> list[Decimal]:
    """Where the columns of the grid begin, each _COLUMN times the one before, up to the greatest revenue."""
    edges = [_CENT]
    while edges[-1] * _COLUMN <= usd_of(most):
        edges.append(edges[-1] * _COLUMN)
    return edges


def _ends(revenues: Numbers) -> tuple[Decimal, Decimal]:
    """The ends of an axis of logarithms that holds the revenues with some room around them."""
    ends = (Decimal(1), Decimal(100))
    if len(revenues):
        ends = usd_of(int(revenues.min())), usd_of(int(revenues.max()))
    least, most = (max(one, _CENT) for one in ends)
    return (least * Decimal("0.8")).quantize(Decimal("0.0001")), (most * Decimal("1.3")).quantize(_CENT)


def _ticks(low: Decimal, high: Decimal) -> list[str]:
    """1, 2 and 5 times the powers of ten from `low` to `high`."""
    found = [Decimal(step).scaleb(power) for power in range(low.adjusted(), high.adjusted() + 1) for step in (1, 2, 5)]
    return [format(one, "f") for one in found if low <= one <= high]


def _lowest(margins: Numbers) -> int:
    """The lower end of the axis of margins, in percent."""
    least = max(usd_of(int(margins.min())) if len(margins) else ZERO, MARGIN_MIN)
    return min(-10, int(((least * 100 - 5) / 10).to_integral_value(ROUND_FLOOR)) * 10)
