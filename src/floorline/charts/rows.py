"""Many lines over the same days, one below the other, so that forty are as readable as four."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple

from floorline.charts.base import (
    BLUE,
    GREY,
    ZONE_COLOURS,
    ZONE_LEGEND,
    ZONE_SHAPES,
    Chart,
    Row,
    by_day,
    chart,
    figure,
    layer,
    quantitative,
)  # fmt: skip

ROW_HEIGHTS = ((6, 92), (12, 58))
"""Up to how many rows each is how high."""

ROW_HEIGHT_MANY = 40

MANY_DAYS = 45
"""Days from which points are smaller."""

PERCENT_MIN = -50
"""The lowest margin that has a place of its own: what is lower is drawn there, its figure says how low it is."""

_LABEL_WIDTH_PX = 190
_DRAWN_PLACES = 4
Unit = Literal["percent", "usd"]


class RowPoint(NamedTuple):
    """A figure on a day, a ratio or USD, None where it is unknown; `zone` is red, yellow, green or unknown, '' without one."""

    day: date
    value: Decimal | None
    zone: str = ""


class DayRow(NamedTuple):
    """One line: its name, what is said below the name, its points, the value that it is held to, and the address that it opens."""

    name: str
    said: str
    points: Sequence[RowPoint]
    held_to: Decimal | None = None
    to: str = ""


def rows_by_day(title: str, rows: Sequence[DayRow], *, unit: Unit, subtitle: str = "") -> Chart:
    """The rows in their order, all on one scale. What a line is held to is dashed, and zero a thin line; a point tells its
    zone by colour and by shape. A chart of forty rows is sent to a browser: its data say a row by its number, and figures
    with as many digits as can be seen.
    """
    points: list[Row] = [
        {"row": str(number), "day": one.day.isoformat(), "value": _drawn(one.value, unit)}
        | ({"zone": one.zone} if one.zone else {})
        for number, row in enumerate(rows)
        for one in row.points
    ]
    at = {"y": _names(rows), "yOffset": {"field": "value", "type": "quantitative", "scale": _scale(rows, unit)}}
    dashed = {"condition": {"test": "datum.kind === 'zero'", "value": [1, 0]}, "value": [5, 4]}
    faint = {"condition": {"test": "datum.kind === 'zero'", "value": 0.35}, "value": 1}  # float: an opacity
    rule = {"x": by_day(), "x2": {"field": "end"}, **at, "strokeDash": dashed, "opacity": faint}
    line = {"type": "line", "color": GREY, "strokeWidth": 2, "invalid": "break-paths-show-path-domains"}
    shared = layer(points, line, {"x": by_day(), **at, "detail": {"field": "row"}}, numbers=("value",))
    data = shared.pop("data")
    mark, encoding = _points(rows, at, unit)
    addresses = {"calculate": f"{json.dumps([row.to for row in rows])}[datum.row]", "as": "to"}
    layers: list[Chart] = [
        layer(_across(rows, unit), {"type": "rule", "color": GREY}, rule, numbers=("value",)),
        shared,
        {"transform": [addresses], "mark": mark, "encoding": encoding},
    ]
    each = next((height for most, height in ROW_HEIGHTS if len(rows) <= most), ROW_HEIGHT_MANY)
    height = 70 + len(rows) * each
    return {**chart(title, subtitle, layers, height=height), "data": data}


def _names(rows: Sequence[DayRow]) -> Chart:
    """The axis of rows: each name with what is said below it."""
    axis = {
        "ticks": False, "domain": False, "labelLimit": _LABEL_WIDTH_PX, "labelOffset": -8,
        "labelExpr": f"{json.dumps([[row.name, row.said] for row in rows])}[datum.value]",
    }  # fmt: skip
    domain = [str(number) for number in range(len(rows))]
    scale = {"domain": domain, "padding": 0.15}  # float: a share of the row
    return {"field": "row", "type": "nominal", "title": None, "axis": axis, "scale": scale}


def _points(rows: Sequence[DayRow], at: Mapping[str, object], unit: Unit) -> tuple[Chart, Chart]:
    """The mark of the points, and how they tell their zones, where they have any."""
    days = max((len(row.points) for row in rows), default=0)
    mark: Chart = {"type": "point", "filled": True, "opacity": 1, "size": 45 if days < MANY_DAYS else 16, "color": BLUE}
    zones = [zone for zone in ZONE_COLOURS if any(one.zone == zone for row in rows for one in row.points)]
    told: list[Chart] = [
        {"field": "day", "type": "temporal", "format": "%-d %b", "title": "day"},
        quantitative(
            "value", title="percent" if unit == "percent" else "USD", format=",.1f" if unit == "percent" else ",.2f"
        ),
    ]
    encoding: Chart = {"x": by_day(), **at, "tooltip": told}
    if zones:
        legend = ZONE_LEGEND
        for channel, means in (("color", ZONE_COLOURS), ("shape", ZONE_SHAPES)):
            scale = {"domain": zones, "range": [means[zone] for zone in zones]}
            encoding[channel] = {"field": "zone", "type": "nominal", "legend": legend, "scale": scale}
        told.append({"field": "zone", "type": "nominal", "title": "zone"})
    return mark, encoding


def _across(rows: Sequence[DayRow], unit: Unit) -> list[Row]:
    """The lines that lie across a row from its first day to its last: zero, and what it is held to."""
    return [
        {"row": str(number), "day": row.points[0].day.isoformat(), "end": row.points[-1].day.isoformat(), "kind": kind, "value": value}
        for number, row in enumerate(rows)
        if row.points
        for kind, value in (("zero", "0"), ("held to", _drawn(row.held_to, unit)))
        if value is not None
    ]  # fmt: skip


def _drawn(value: Decimal | None, unit: Unit) -> str | None:
    if value is None:
        return None
    shown = value if unit == "usd" else value * 100
    return figure(round(shown, max(0, _DRAWN_PLACES - max(0, shown.adjusted()))))


def _scale(rows: Sequence[DayRow], unit: Unit) -> Chart:
    """Upwards, with zero within it; percent end at PERCENT_MIN."""
    scale: Chart = {"reverse": True, "nice": False, "zero": True}
    if unit == "usd":
        return scale
    known = [one.value for row in rows for one in row.points if one.value is not None]
    known += [row.held_to for row in rows if row.held_to is not None]
    low = (min([*known, Decimal(0)]) * 10).to_integral_value(ROUND_FLOOR) * 10
    high = (max([*known, Decimal(0)]) * 10).to_integral_value(ROUND_CEILING) * 10
    return {**scale, "domain": [max(int(low), PERCENT_MIN), max(int(high), 10)], "clamp": True}
