"""What calls cost minute by minute beside what they earn. The data of these charts can be added to while they are shown:
the dataset is called DATASET, and `row` makes its rows.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import BLUE, GREEN, GREY, RED, Chart, chart, figure, quantitative
from floorline.charts.dollars import precise

DATASET = "points"
HEIGHT = 200
_AXIS = {"labelExpr": "datum.value === 0 ? '$0' : '$' + format(datum.value, ',.2~r')", "tickCount": 4}


class CostMoment(NamedTuple):
    """What a call cost in the minutes from `at` on, USD (None: unknown or none); `at` has the timezone that is shown."""

    at: datetime
    usd: Decimal | None
    calls: int
    is_unusual: bool


def row(moment: CostMoment) -> dict[str, str | int | None]:
    """A moment as the dataset has it. Its time is what clocks show, told as if it were UTC, so that a browser shows the same
    wherever it is.
    """
    label = f"{moment.at:%H:%M}: {precise(moment.usd)} a call, {moment.calls:,} calls"
    return {
        "at": f"{moment.at:%Y-%m-%dT%H:%M:%SZ}",
        "usd": figure(moment.usd),
        "unusual": "unusual" if moment.is_unusual else "",
        "label": f"{label}: far more than usual" if moment.is_unusual else label,
    }


def cost_against_earning(title: str, moments: Sequence[CostMoment], earned: Decimal | None) -> Chart:
    """A line of what a call costs, marked where it is unusual, and a dashed one of what a call earns, where that is known."""
    x = {"field": "at", "type": "temporal", "title": None, "scale": {"type": "utc"}, "axis": _clock()}
    y = quantitative("usd", title=None, scale={"zero": True}, axis=_AXIS)
    tip = {"field": "label", "type": "nominal", "title": None}
    line = {
        "type": "line",
        "color": BLUE,
        "strokeWidth": 2,
        "invalid": "break-paths-show-path-domains",
        "point": {"color": BLUE, "size": 6},  # minutes between two without a call are no line
    }
    mark = {"type": "point", "filled": True, "color": RED}
    unusual = {"test": "datum.unusual === 'unusual'"}
    marks = {
        "shape": {"condition": {**unusual, "value": "triangle-up"}, "value": "circle"},
        "size": {"condition": {**unusual, "value": 130}, "value": 80},
        "opacity": {"condition": {**unusual, "value": 1}, "value": 0},
    }
    layers: list[Chart] = [
        {"mark": line, "encoding": {"x": x, "y": y}},
        {"mark": mark, "encoding": {"x": x, "y": y, "tooltip": tip, **marks}},
    ]
    if earned is not None:
        layers.insert(0, _earning(earned, y))
    spec = chart(title, "", layers, height=HEIGHT)
    spec["data"] = {
        "name": DATASET,
        "values": [row(one) for one in shortened(moments)],
        "format": {"type": "json", "parse": {"at": "date", "usd": "number"}},
    }
    return spec


def shortened(moments: Sequence[CostMoment]) -> list[CostMoment]:
    """The moments without those that say nothing: of several in a row without a cost, the first, which breaks the line."""
    return [
        one
        for number, one in enumerate(moments)
        if one.usd is not None or (number and moments[number - 1].usd is not None)
    ]


def _earning(earned: Decimal, y: dict[str, object]) -> Chart:
    values = [{"usd": figure(earned), "label": f"a call earns {precise(earned)}"}]
    data = {"values": values, "format": {"type": "json", "parse": {"usd": "number"}}}
    rule = {"type": "rule", "color": GREEN, "strokeDash": [6, 4], "strokeWidth": 2}
    return {"data": data, "mark": rule, "encoding": {"y": y, "tooltip": {"field": "label", "title": None}}}


def _clock() -> dict[str, object]:
    return {"format": "%H:%M", "grid": False, "labelOverlap": True, "tickCount": 6, "tickColor": GREY}
