"""A figure day by day against the condition that is judged of it, and what happened meanwhile; and what was promised against what came."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from floorline.charts.base import (
    BLUE,
    GREEN,
    GREY,
    INK,
    RED,
    RED_AREA,
    Chart,
    by_day,
    chart,
    figure,
    last_marks,
    layer,
    line_mark,
    quantitative,
)
from floorline.charts.dollars import Mark

ROW_HEIGHT = 52
_LABEL_MAX = 40


class FigurePoint(NamedTuple):
    """A ratio on a day; None where it is unknown."""

    day: date
    ratio: Decimal | None


class Kept(NamedTuple):
    """What somebody promised and what came of it, USD a quarter; None while it is not measured."""

    name: str
    promised: Decimal
    realised: Decimal | None


def against_condition(
    title: str,
    points: Sequence[FigurePoint],
    *,
    threshold: Decimal,
    fires_below: bool,
    marks: Sequence[Mark] = (),
    subtitle: str = "",
) -> Chart:
    """A share in percent, day by day; the area in which it alarms is shaded, `marks` are what happened."""
    rows = [{"day": one.day.isoformat(), "ratio": _percent(one.ratio)} for one in points]
    known = [one for one in points if one.ratio is not None]
    limit = {"ratio": _percent(threshold), "label": f"alarms {'below' if fires_below else 'above'} {_label(threshold)}"}
    edges = [one.ratio for one in known if one.ratio is not None] + [threshold]
    low, high = min(edges), max(edges)
    room = max((high - low) / 10, Decimal("0.01"))
    low, high = _whole(low - room, ROUND_FLOOR), _whole(high + room, ROUND_CEILING)
    area = {"low": _percent(low if fires_below else threshold), "high": _percent(threshold if fires_below else high)}
    scale = {"domain": [int(low * 100), int(high * 100)], "nice": False, "zero": False}
    axis = {"labelExpr": "format(datum.value, ',.0f') + ' %'", "tickCount": 6}
    y = quantitative("ratio", title=None, scale=scale, axis=axis)
    shown = [
        {"day": one.day.isoformat(), "ratio": _percent(one.ratio), "label": _label(one.ratio)} for one in known[-1:]
    ]
    first = [{**limit, "day": points[0].day.isoformat()}]
    happened = [{"day": mark.day.isoformat(), "label": mark.text} for mark in marks]
    side = 12 if fires_below else -10
    layers = [
        layer([area], {"type": "rect", "color": RED_AREA}, {"y": quantitative("low", title=None, scale=scale, axis=axis), "y2": {"field": "high"}}, numbers=("low", "high")),
        layer(first, {"type": "rule", "color": RED, "strokeDash": [6, 4], "strokeWidth": 2}, {"y": y}, numbers=("ratio",)),
        layer(first, {"type": "text", "align": "left", "dx": 4, "dy": side, "color": RED}, {"x": by_day(), "y": y, "text": {"field": "label"}}, numbers=("ratio",)),
        layer(rows, line_mark(len(known)), {"x": by_day(), "y": y}, numbers=("ratio",)),
        *last_marks(shown, by_day(), y, "ratio"),
    ]  # fmt: skip
    if happened:
        text = {"type": "text", "align": "left", "dx": 5, "dy": 12, "color": GREY}
        layers += [
            layer(happened, {"type": "rule", "color": GREY, "strokeDash": [4, 4]}, {"x": by_day()}),
            layer(happened, text, {"x": by_day(), "y": {"value": 0}, "text": {"field": "label"}}),
        ]
    return chart(title, subtitle, layers, height=300)


def promised_and_realised(title: str, items: Sequence[Kept], *, subtitle: str = "") -> Chart:
    """A bar of what each brought below its name, and a tick where its promise is; one that is not measured has the tick alone."""
    rows = [
        {
            "name": one.name if len(one.name) <= _LABEL_MAX else f"{one.name[: _LABEL_MAX - 1]}…",
            "promised": figure(one.promised),
            "realised": figure(one.realised),
            "colour": BLUE if one.realised is None else GREEN if one.realised >= one.promised else RED,
        }
        for one in items
    ]
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": None}
    dollars = {"labelExpr": "(datum.value < 0 ? '−$' : '$') + format(abs(datum.value), ',~r')", "tickCount": 5}
    x = quantitative("realised", title="USD a quarter", axis=dollars)
    colour = {"field": "colour", "type": "nominal", "scale": None}
    numbers = ("promised", "realised")
    bar = {"type": "bar", "height": {"band": 0.3}}  # float: a share of the row
    tick = {"type": "tick", "thickness": 3, "color": INK, "height": {"band": 0.42}}  # float: as above
    above = {"type": "text", "align": "left", "dy": -20, "color": INK}
    layers = [
        layer(rows, bar, {"y": y, "x": x, "color": colour}, numbers=numbers),
        layer(rows, tick, {"y": y, "x": {**x, "field": "promised"}}, numbers=numbers),
        layer(rows, above, {"y": y, "x": {"value": 0}, "text": {"field": "name"}}, numbers=numbers),
    ]
    return chart(title, subtitle, layers, height=90 + ROW_HEIGHT * len(items))


def _whole(ratio: Decimal, way: str) -> Decimal:
    """A ratio of whole percents."""
    return ratio.quantize(Decimal("0.01"), rounding=way)


def _percent(ratio: Decimal | None) -> str | None:
    return figure(None if ratio is None else ratio * 100)


def _label(ratio: Decimal | None) -> str:
    return "unknown" if ratio is None else f"{ratio * 100:.1f} %".replace("-", "−")
