"""How much better or worse the treated are than those left alone, experiment by experiment, and how sure that is."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import BLUE, GREEN, GREY, INK, RED, Chart, Row, chart, layer, percent, quantitative

ROW_PX, AROUND_PX = 46, 70
COLOURS = {"not worse": GREEN, "running": BLUE, "not shown": GREY, "rolled back": RED, "harm": RED}


class Interval(NamedTuple):
    """One experiment: the difference of the rates of right answers and its ends, as ratios, and what it must stay above."""

    name: str
    value: Decimal
    low: Decimal
    high: Decimal
    margin: Decimal
    standing: str


def intervals(title: str, found: Sequence[Interval], *, subtitle: str = "") -> Chart:
    """A line from the low to the high end of each, a dot at the difference, and a tick where it would be worse by the margin."""
    rows: list[Row] = [
        {
            "name": one.name, "value": percent(one.value), "low": percent(one.low), "high": percent(one.high),
            "margin": percent(-one.margin), "standing": one.standing,
        }
        for one in found
    ]  # fmt: skip
    names = [one.name for one in found]
    y = {
        "field": "name",
        "type": "nominal",
        "sort": names,
        "title": None,
        "axis": {"labelLimit": 220, "domain": False, "ticks": False},
    }
    axis = {
        "labelExpr": "(datum.value > 0 ? '+' : datum.value < 0 ? '−' : '') + format(abs(datum.value), '~g')",
        "tickCount": 7,
    }
    x = quantitative("low", title="points of answers that are right, treated less control", axis=axis)
    there = [standing for standing in COLOURS if any(one.standing == standing for one in found)]
    colour = {"field": "standing", "type": "nominal", "legend": {"orient": "top"},
              "scale": {"domain": there, "range": [COLOURS[standing] for standing in there]}}  # fmt: skip
    numbers = ("low", "high", "value", "margin")
    return chart(
        title,
        subtitle,
        [
            layer([{"zero": "0"}], {"type": "rule", "color": GREY}, {"x": quantitative("zero")}, numbers=("zero",)),
            layer(rows, {"type": "rule", "strokeWidth": 4}, {"x": x, "x2": {"field": "high"}, "y": y, "color": colour}, numbers=numbers),
            layer(rows, {"type": "point", "filled": True, "size": 110, "opacity": 1}, {"x": quantitative("value"), "y": y, "color": colour}, numbers=numbers),
            layer(rows, {"type": "tick", "color": INK, "thickness": 2, "size": 22}, {"x": quantitative("margin"), "y": y}, numbers=numbers),
        ],
        height=ROW_PX * max(len(found), 1) + AROUND_PX,
    )  # fmt: skip
