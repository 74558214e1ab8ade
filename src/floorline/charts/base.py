"""What every chart has in common: its size, its light style, and how figures stand in it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

Chart = dict[str, object]
"""A Vega-Lite specification, whole or a layer of one."""

Row = Mapping[str, str | None]
"""One row of data: names, days as ISO 8601, figures as decimal text, None for what is unknown."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
WIDTH, HEIGHT, PADDING = 800, 400, 14
RED, YELLOW, GREEN = "#c0392b", "#c98a00", "#2e8b57"
RED_AREA, YELLOW_AREA, GREEN_AREA = "#fae3e0", "#fcf2d4", "#e6f4ea"
INK, BLUE, GREY = "#1d2733", "#27548a", "#68737d"
PALE_BLUE, RIBBON = "#8fabc9", "#dbe4ee"
DARK = {
    "#ffffff": "#14181d", INK: "#e4e9ee", GREY: "#9aa6b2", BLUE: "#7fb2e5", RED: "#ff8a7a", YELLOW: "#e8b84a", GREEN: "#63c794",
    RED_AREA: "#3a2220", YELLOW_AREA: "#352e1a", GREEN_AREA: "#1b3226", "#e6e9ed": "#2a3138", "#b4bcc4": "#4a545e",
    PALE_BLUE: "#4c6c90", RIBBON: "#26313d",
}  # fmt: skip
"""What stands for each colour on a dark page."""
ZONE_COLOURS = {"red": RED, "yellow": YELLOW, "green": GREEN, "unknown": GREY}
ZONE_SHAPES = {"red": "triangle-down", "yellow": "diamond", "green": "triangle-up", "unknown": "cross"}
"""A zone is told by colour and by shape."""

ZONE_LEGEND = {
    "orient": "top", "direction": "horizontal", "columns": {"expr": "width < 400 ? 1 : 4"},
    "labelExpr": "{red: 'below floor', yellow: 'near floor', green: 'above floor', unknown: 'unknown'}[datum.label]",
}  # fmt: skip

FEW = 10
LINES = ("#27548a", "#d1495b", "#2e8b57", "#c98a00", "#7b4fa3", "#1b998b", "#8c564b", "#5f6b76")
_FONT = "Helvetica, Arial, sans-serif"
_CONFIG = {
    "background": "#ffffff",
    "font": _FONT,
    "view": {"stroke": None},
    "title": {"anchor": "start", "fontSize": 18, "subtitleFontSize": 13, "color": INK, "subtitleColor": GREY, "offset": 14},
    "axis": {
        "labelFontSize": 13, "titleFontSize": 13, "labelColor": INK, "titleColor": GREY, "titleFontWeight": "normal",
        "gridColor": "#e6e9ed", "domainColor": "#b4bcc4", "tickColor": "#b4bcc4", "labelPadding": 6,
    },
    "legend": {"labelFontSize": 13, "labelColor": INK, "title": None, "symbolSize": 140, "symbolStrokeWidth": 3},
    "text": {"fontSize": 13},
}  # fmt: skip


def chart(title: str, subtitle: str, layers: Sequence[Chart], *, height: int = HEIGHT) -> Chart:
    """A whole chart of `layers`, WIDTH by `height` points with its title and axes."""
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": subtitle} if subtitle else title,
        "width": WIDTH,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": PADDING,
        "layer": list(layers),
        "config": _CONFIG,
    }


def layer(
    rows: Sequence[Row], mark: Mapping[str, object], encoding: Mapping[str, object], *, numbers: Sequence[str] = ()
) -> Chart:
    """A layer with its own data; the fields `numbers` are read from decimal text, `day` and `end` as days."""
    parse: dict[str, str] = dict.fromkeys(numbers, "number")
    parse |= {name: "date" for name in ("day", "end") if any(name in row for row in rows)}
    data = {"values": [dict(row) for row in rows], "format": {"type": "json", "parse": parse}}
    return {"data": data, "mark": dict(mark), "encoding": dict(encoding)}


def line_mark(known: int) -> dict[str, object]:
    """A line over `known` figures that breaks where one is unknown; where they are few, each is a point too."""
    point: object = {"color": BLUE, "size": 40} if known < FEW else False
    return {
        "type": "line",
        "color": BLUE,
        "strokeWidth": 3,
        "invalid": "break-paths-show-path-domains",
        "point": point,
    }


def last_marks(
    rows: Sequence[Row], x: Mapping[str, object], y: Mapping[str, object], number: str, *, colour: str = BLUE
) -> list[Chart]:
    """A dot at the end of a line and the `label` of its figure beside it."""
    dot = {"type": "point", "filled": True, "size": 90, "color": colour, "opacity": 1}
    text = {"type": "text", "align": "left", "dx": 9, "color": INK, "fontWeight": "bold", "fontSize": 15}
    at = {"x": x, "y": y}
    return [
        layer(rows, dot, at, numbers=(number,)),
        layer(rows, text, {**at, "text": {"field": "label"}}, numbers=(number,)),
    ]


def figure(value: Decimal | None) -> str | None:
    """A figure as it stands in the data."""
    return None if value is None else format(value, "f")


def percent(ratio: Decimal | None) -> str | None:
    """A ratio in percent, as it stands in the data."""
    return figure(None if ratio is None else ratio * 100)


def quantitative(field: str, **more: object) -> dict[str, object]:
    """A channel of a number."""
    return {"field": field, "type": "quantitative", **more}


def by_day() -> dict[str, object]:
    """The axis of days: as many labels as have room, none doubled where there are few days. A day is its midnight in UTC,
    so that it is the same day wherever the chart is drawn.
    """
    axis = {"format": "%-d %b", "grid": False, "labelOverlap": True, "tickCount": {"interval": "day", "step": 1}}
    return {"field": "day", "type": "temporal", "title": None, "axis": axis, "scale": {"type": "utc"}}
