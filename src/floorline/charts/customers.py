"""Customers side by side: what each pays against what is kept of it; and one customer's payments against its cost."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

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
from floorline.margin.words import cents, counted
from floorline.margin.words import percent as percent_text

POINTS_MAX = 800
"""Customers that have a point of their own: those under water first, then the dearest. The others are counted in squares."""

MARGIN_MIN = Decimal(-1)
"""The lowest margin that has a place of its own: what is lower stands at the lower edge."""

BRUSH = "brush"
"""The name of the selection: an area of the chart, as ranges of `revenue` (USD a month) and `margin` (percent)."""

HEIGHT = 440
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "stroke")
OTHER_PLANS = "other plans"
_COLUMN, _MIDDLE = Decimal("1.33"), Decimal("1.15")
_SQUARE_PERCENT = 5
_BEYOND = Decimal("1.1")  # so that a point on the corner's edge is seen within it
_CENT = Decimal("0.01")
_TENTH = Decimal("0.1")
_SCALE_X = {"type": "log", "nice": False}
_DOLLARS = {"labelExpr": "'$' + format(datum.value, '~s')", "grid": False, "labelOverlap": True}
_PERCENT = {"labelExpr": "format(datum.value, '.0f') + ' %'", "tickCount": 6}


class Placed(NamedTuple):
    """A customer that pays: its revenue and cost in USD a month, its margin as a ratio, its plan ('' without one), and whether it
    is under water.
    """

    customer: str
    revenue: Decimal
    margin: Decimal
    cost: Decimal
    plan: str
    under_water: bool


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
    customers: Sequence[Placed],
    costly: Quadrant | None,
    *,
    opens: Callable[[str], str] = str,
    subtitle: str = "",
) -> Chart:
    """A point for each customer that pays, its area the cost, its colour and shape the plan; beyond POINTS_MAX the others are
    counted in squares. `opens` is the address of a customer's page. Revenue is on an axis of logarithms; margins below MARGIN_MIN stand at the lower edge.
    """
    paying = sorted(
        (one for one in customers if one.revenue > 0), key=lambda one: (not one.under_water, -one.cost, one.customer)
    )
    own, others = paying[:POINTS_MAX], paying[POINTS_MAX:]
    plans = _plans(paying)
    low, high = _ends([one.revenue for one in paying])
    domain = {"domain": [figure(low), figure(high)]}
    x = quantitative(
        "revenue", title="revenue a month", scale={**_SCALE_X, **domain}, axis={**_DOLLARS, "values": _ticks(low, high)}
    )
    lowest = _lowest(paying)
    y = quantitative("margin", title=None, scale={"domain": [lowest, 100], "nice": False}, axis=_PERCENT)
    rows = [_point(one, plans, opens(one.customer)) for one in own]
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


def _plans(customers: Iterable[Placed]) -> list[str]:
    """The plans that have a colour and a shape: those with the most customers, and the others as one."""
    count: defaultdict[str, int] = defaultdict(int)
    for one in customers:
        count[one.plan or "no plan"] += 1
    ordered = sorted(count, key=lambda plan: (-count[plan], plan))
    return ordered if len(ordered) <= len(SHAPES) else [*ordered[: len(SHAPES) - 1], OTHER_PLANS]


def _point(one: Placed, plans: Sequence[str], to: str) -> dict[str, str | None]:
    plan = one.plan or "no plan"
    return {
        "revenue": figure(max(one.revenue, _CENT).quantize(_CENT)),
        "margin": figure((max(one.margin, MARGIN_MIN) * 100).quantize(_TENTH)),
        "cost": figure(max(one.cost, Decimal(0)).quantize(_CENT)),
        "plan": plan if plan in plans else OTHER_PLANS,
        "said": f"{one.customer} · {plan} · pays {cents(one.revenue)}, costs {cents(one.cost)} a month · {percent_text(one.margin)}",
        "to": to,
    }


def _squares(customers: Sequence[Placed]) -> list[dict[str, str | None]]:
    """How many customers are at each place of a grid."""
    edges = _edges([one.revenue for one in customers])
    found: defaultdict[tuple[int, int], list[Decimal]] = defaultdict(list)
    for one in customers:
        row = int(max(one.margin, MARGIN_MIN) * 100 // _SQUARE_PERCENT)
        found[bisect_right(edges, max(one.revenue, _CENT)), row].append(one.cost)
    return [
        {
            "revenue": figure((edges[column - 1] * _MIDDLE).quantize(_CENT)),
            "margin": str(row * _SQUARE_PERCENT),
            "customers": str(len(costs)),
            "said": f"{counted(len(costs), 'customer')}, together {cents(sum(costs, Decimal(0)))} of cost a month",
        }
        for (column, row), costs in sorted(found.items())
    ]


def _edges(revenues: Sequence[Decimal]) -> list[Decimal]:
    """Where the columns of the grid begin, each _COLUMN times the one before."""
    edges, most = [_CENT], max(revenues, default=Decimal(0))
    while edges[-1] * _COLUMN <= most:
        edges.append(edges[-1] * _COLUMN)
    return edges


def _ends(revenues: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """The ends of an axis of logarithms that holds the revenues with some room around them."""
    known = [max(one, _CENT) for one in revenues] or [Decimal(1), Decimal(100)]
    return (min(known) * Decimal("0.8")).quantize(Decimal("0.0001")), (max(known) * Decimal("1.3")).quantize(_CENT)


def _ticks(low: Decimal, high: Decimal) -> list[str]:
    """1, 2 and 5 times the powers of ten from `low` to `high`."""
    found = [Decimal(step).scaleb(power) for power in range(low.adjusted(), high.adjusted() + 1) for step in (1, 2, 5)]
    return [format(one, "f") for one in found if low <= one <= high]


def _lowest(customers: Iterable[Placed]) -> int:
    """The lower end of the axis of margins, in percent."""
    least = min((max(one.margin, MARGIN_MIN) for one in customers), default=Decimal(0))
    return min(-10, int(((least * 100 - 5) / 10).to_integral_value(ROUND_FLOOR)) * 10)
