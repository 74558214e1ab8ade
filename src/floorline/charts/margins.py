"""Margins against their floors: one over time, several over time, all at one time."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from floorline.charts.base import (
    GREEN_AREA,
    GREY,
    INK,
    LINES,
    RED,
    RED_AREA,
    YELLOW_AREA,
    ZONE_COLOURS,
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

STEP = 5
"""Percent between two lines of the grid at least; scales end on one."""

ROW_HEIGHT = 36
_PERCENT_AXIS = {"title": None, "axis": {"labelExpr": "format(datum.value, '.0f') + ' %'", "tickCount": 6}}


class MarginPoint(NamedTuple):
    """A margin as a ratio on a day; None where it is unknown."""

    day: date
    margin: Decimal | None


class FeatureMargin(NamedTuple):
    """A feature's margin and floor as ratios, and its zone: `red`, `yellow`, `green`, or '' without one."""

    feature: str
    margin: Decimal | None
    floor: Decimal | None
    zone: str


def margin_over_time(
    title: str, points: Sequence[MarginPoint], *, floor: Decimal, band: Decimal, subtitle: str = ""
) -> Chart:
    """A margin day by day against its floor, over the zones: red below the floor, yellow up to `band` above, green."""
    low, high = _bounds([point.margin for point in points] + [floor, floor + band])
    first, last = points[0].day, points[-1].day
    zones = [
        {
            "day": first.isoformat(),
            "end": last.isoformat(),
            "low": figure(below),
            "high": figure(above),
            "colour": colour,
        }
        for below, above, colour in (
            (Decimal(low), floor * 100, RED_AREA),
            (floor * 100, (floor + band) * 100, YELLOW_AREA),
            ((floor + band) * 100, Decimal(high), GREEN_AREA),
        )
    ]
    scale = {"domain": [low, high], "nice": False, "zero": False}
    y = quantitative("margin", scale=scale, **_PERCENT_AXIS)
    rows = [{"day": point.day.isoformat(), "margin": percent(point.margin)} for point in points]
    known = [point for point in points if point.margin is not None]
    shown = [
        {"day": one.day.isoformat(), "margin": percent(one.margin), "label": _label(one.margin)} for one in known[-1:]
    ]
    floors = [{"day": first.isoformat(), "margin": percent(floor), "label": f"floor {_label(floor)}"}]
    label = {"type": "text", "align": "left", "dx": 4, "dy": 12, "color": RED}
    at_zone = {"x": by_day(), "x2": {"field": "end"}, "y": quantitative("low", scale=scale, **_PERCENT_AXIS)}
    layers = [
        layer(
            zones,
            {"type": "rect"},
            {**at_zone, "y2": {"field": "high"}, "color": {"field": "colour", "type": "nominal", "scale": None}},
            numbers=("low", "high"),
        ),
        layer(
            floors,
            {"type": "rule", "color": RED, "strokeDash": [6, 4], "strokeWidth": 2},
            {"y": y},
            numbers=("margin",),
        ),
        layer(rows, line_mark(len(known)), {"x": by_day(), "y": y}, numbers=("margin",)),
        layer(floors, label, {"x": by_day(), "y": y, "text": {"field": "label"}}, numbers=("margin",)),
        *last_marks(shown, by_day(), y, "margin"),
    ]
    return chart(title, subtitle, layers)


def margin_lines(title: str, lines: Mapping[str, Sequence[MarginPoint]], *, subtitle: str = "") -> Chart:
    """The margins of several features over time, in the order of `lines`."""
    every = [point.margin for points in lines.values() for point in points]
    low, high = _bounds(every)
    scale = {"domain": [low, high], "nice": False, "zero": False}
    rows = [
        {"day": point.day.isoformat(), "margin": percent(point.margin), "feature": feature}
        for feature, points in lines.items()
        for point in points
    ]
    names = list(lines)
    colours = [LINES[n % len(LINES)] for n in range(len(names))]
    colour = {"field": "feature", "type": "nominal", "scale": {"domain": names, "range": colours}}
    mark = {"type": "line", "strokeWidth": 3, "point": {"size": 50}, "invalid": "break-paths-show-path-domains"}
    encoding = {"x": by_day(), "y": quantitative("margin", scale=scale, **_PERCENT_AXIS), "color": colour}
    return chart(title, subtitle, [layer(rows, mark, encoding, numbers=("margin",))])


def features_against_floors(title: str, features: Sequence[FeatureMargin], *, subtitle: str = "") -> Chart:
    """A bar for each feature in the colour of its zone, and a tick where its floor is."""
    low, high = _bounds([*(one.margin for one in features), *(one.floor for one in features), Decimal(0)])
    rows = [
        {
            "feature": one.feature, "margin": percent(one.margin), "floor": percent(one.floor),
            "label": _label(one.margin), "colour": ZONE_COLOURS.get(one.zone, GREY),
        }
        for one in features
    ]  # fmt: skip
    named = [one.feature for one in features]
    y = {
        "field": "feature",
        "type": "nominal",
        "sort": named,
        "title": None,
        "axis": {"labelLimit": 220, "ticks": False},
    }
    x = quantitative("margin", scale={"domain": [low, min(high + 10, 110)], "nice": False}, **_PERCENT_AXIS)
    colour = {"field": "colour", "type": "nominal", "scale": None}
    text = {"type": "text", "align": "left", "dx": 6, "color": INK}
    ends = [
        {**row, "margin": row["margin"] if (one.margin or 0) > 0 else "0"}
        for row, one in zip(rows, features, strict=True)
    ]
    numbers = ("margin", "floor")
    bar = {"type": "bar", "height": {"band": 0.6}}  # float: a share of the row
    tick = {"type": "tick", "thickness": 3, "color": INK, "height": {"band": 0.9}}  # float: as above
    layers = [
        layer(rows, bar, {"y": y, "x": x, "color": colour}, numbers=numbers),
        layer(ends, text, {"y": y, "x": x, "text": {"field": "label"}}, numbers=numbers),
        layer(rows, tick, {"y": y, "x": {**x, "field": "floor"}}, numbers=numbers),
    ]
    return chart(title, subtitle, layers, height=110 + ROW_HEIGHT * len(features))


def _bounds(ratios: Sequence[Decimal | None]) -> tuple[int, int]:
    """The ends of a scale in percent that holds `ratios` with some room around them."""
    known = [ratio * 100 for ratio in ratios if ratio is not None] or [Decimal(0), Decimal(100)]
    low = ((min(known) - 2) / STEP).to_integral_value(ROUND_FLOOR) * STEP
    high = ((max(known) + 2) / STEP).to_integral_value(ROUND_CEILING) * STEP
    return int(low), int(high)


def _label(ratio: Decimal | None) -> str:
    return "unknown" if ratio is None else f"{ratio * 100:.1f} %".replace("-", "−")
