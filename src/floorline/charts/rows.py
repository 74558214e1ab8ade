"""Many lines over the same days, one below the other, so that forty are as readable as four."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple

from floorline.charts.base import BLUE, GREY, ZONE_COLOURS, ZONE_SHAPES, Chart, by_day, chart, figure, layer

ROW_HEIGHT, ROW_HEIGHT_MANY = 58, 40
MANY = 12
"""Rows from which each is lower."""

MANY_DAYS = 45
"""Days from which points are smaller."""

PERCENT_MIN = -50
"""The lowest margin that has a place of its own: what is lower is drawn there, its figure says how low it is."""

_LABEL_WIDTH_PX = 190
Unit = Literal["percent", "usd"]


class RowPoint(NamedTuple):
    """A figure on a day, a ratio or USD, None where it is unknown; `zone` is red, yellow, green or unknown, '' without one."""

    day: date
    value: Decimal | None
    zone: str = ""


class DayRow(NamedTuple):
    """One line: its name, what is said below the name, its points, and the value that it is held to."""

    name: str
    said: str
    points: Sequence[RowPoint]
    held_to: Decimal | None = None


def rows_by_day(title: str, rows: Sequence[DayRow], *, unit: Unit, subtitle: str = "") -> Chart:
    """The rows in their order, all on one scale. What a line is held to is dashed, and zero a thin line; a point tells its
    zone by colour and by shape.
    """
    labels = [f"{row.name}\n{row.said}" for row in rows]
    axis = {
        "ticks": False, "domain": False, "labelLimit": _LABEL_WIDTH_PX, "labelOffset": -8,
        "labelExpr": "split(datum.label, '\\n')",
    }  # fmt: skip
    y = {
        "field": "row",
        "type": "nominal",
        "sort": labels,
        "title": None,
        "axis": axis,
        "scale": {"padding": 0.15},
    }  # float: a share of the row
    at = {"y": y, "yOffset": {"field": "value", "type": "quantitative", "scale": _scale(rows, unit)}}
    points = [
        {"row": label, "name": row.name, "day": one.day.isoformat(), "value": _drawn(one.value, unit), "zone": one.zone}
        for label, row in zip(labels, rows, strict=True)
        for one in row.points
    ]
    across = [
        {**span, "row": label, "value": value, "kind": kind}
        for label, row in zip(labels, rows, strict=True)
        for span in _spans(row)
        for kind, value in (("zero", "0"), ("held to", _drawn(row.held_to, unit)))
        if value is not None
    ]
    dashed = {"condition": {"test": "datum.kind === 'zero'", "value": [1, 0]}, "value": [5, 4]}
    faint = {"condition": {"test": "datum.kind === 'zero'", "value": 0.35}, "value": 1}  # float: an opacity
    rule = {"x": by_day(), "x2": {"field": "end"}, **at, "strokeDash": dashed, "opacity": faint}
    line = {
        "type": "line",
        "color": GREY,
        "strokeWidth": 1.5,
        "invalid": "break-paths-show-path-domains",
    }  # float: points of width
    layers = [
        layer(across, {"type": "rule", "color": GREY}, rule, numbers=("value",)),
        layer(points, line, {"x": by_day(), **at, "detail": {"field": "row"}}, numbers=("value",)),
        layer(points, *_points(rows, at), numbers=("value",)),
    ]
    return chart(title, subtitle, layers, height=70 + len(rows) * (ROW_HEIGHT if len(rows) < MANY else ROW_HEIGHT_MANY))


def _points(rows: Sequence[DayRow], at: Mapping[str, object]) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The mark of the points and how they tell their zones, where they have any."""
    days = max((len(row.points) for row in rows), default=0)
    mark = {"type": "point", "filled": True, "opacity": 1, "size": 45 if days < MANY_DAYS else 16, "color": BLUE}
    zones = [zone for zone in ZONE_COLOURS if any(one.zone == zone for row in rows for one in row.points)]
    encoding: dict[str, object] = {"x": by_day(), **at}
    legend = {"orient": "top", "direction": "horizontal"}
    if zones:
        colours, shapes = [ZONE_COLOURS[zone] for zone in zones], [ZONE_SHAPES[zone] for zone in zones]
        encoding |= {
            "color": {
                "field": "zone",
                "type": "nominal",
                "legend": legend,
                "scale": {"domain": zones, "range": colours},
            },
            "shape": {
                "field": "zone",
                "type": "nominal",
                "legend": legend,
                "scale": {"domain": zones, "range": shapes},
            },
        }
    return mark, encoding


def _spans(row: DayRow) -> list[dict[str, str | None]]:
    """From the first day of a row to its last, where it has any."""
    return [{"day": row.points[0].day.isoformat(), "end": row.points[-1].day.isoformat()}] if row.points else []


def _drawn(value: Decimal | None, unit: Unit) -> str | None:
    return figure(value if value is None or unit == "usd" else value * 100)


def _scale(rows: Sequence[DayRow], unit: Unit) -> dict[str, object]:
    """Upwards, with zero within it; percent end at PERCENT_MIN."""
    scale: dict[str, object] = {"reverse": True, "nice": False, "zero": True}
    if unit == "usd":
        return scale
    known = [one.value for row in rows for one in row.points if one.value is not None]
    known += [row.held_to for row in rows if row.held_to is not None]
    low = (min([*known, Decimal(0)]) * 10).to_integral_value(ROUND_FLOOR) * 10
    high = (max([*known, Decimal(0)]) * 10).to_integral_value(ROUND_CEILING) * 10
    return {**scale, "domain": [max(int(low), PERCENT_MIN), max(int(high), 10)], "clamp": True}
