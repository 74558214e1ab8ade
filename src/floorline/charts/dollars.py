"""Dollars: what a change or a margin is made of, and what a call costs over time."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import (
    BLUE,
    GREEN,
    GREY,
    INK,
    RED,
    Chart,
    by_day,
    chart,
    figure,
    last_marks,
    layer,
    line_mark,
    quantitative,
)

PARTS_MAX = 9
CENTS_BELOW = 100
"""Amounts below this, in USD, are shown with their cents."""

_LABEL_WIDTH_PX = 110
BAR_HEIGHT = 44
_TWO_LINES = "split(datum.label, '\\n')"
_DOLLARS = {"labelExpr": "(datum.value < 0 ? '−$' : '$') + format(abs(datum.value), ',~f')", "tickCount": 6}
_COLOUR = {"field": "colour", "type": "nominal", "scale": None}
_NUMBERS = ("from", "to", "top")


class Amount(NamedTuple):
    """A named part, in USD."""

    name: str
    usd: Decimal


class CostPoint(NamedTuple):
    """What a call cost on a day, in USD; None where it is unknown."""

    day: date
    usd: Decimal | None


class Mark(NamedTuple):
    """Something that happened on a day: a new model, a price."""

    day: date
    text: str


def waterfall(
    title: str, parts: Sequence[Amount], *, end: str, start: Amount | None = None, subtitle: str = ""
) -> Chart:
    """Bars that lead from `start` (from 0 without it) over each part but those of 0 to their sum, which is called `end`.
    Where there are more than PARTS_MAX, the smallest are one bar, `others`. Underscores in names are spaces.
    """
    rows = _bars(parts, end, start)
    axis = {"labelAngle": 0, "labelLimit": _LABEL_WIDTH_PX, "labelExpr": "split(datum.label, ' ')", "ticks": False}
    x = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": axis}
    y = quantitative("from", title=None, axis=_DOLLARS)
    bar = {"type": "bar", "width": {"band": 0.7}}  # float: a share of the column
    above = {"type": "text", "dy": -10, "fontWeight": "bold", "color": INK}
    layers = [
        layer(rows, bar, {"x": x, "y": y, "y2": {"field": "to"}, "color": _COLOUR}, numbers=_NUMBERS),
        layer(rows, above, {"x": x, "y": {**y, "field": "top"}, "text": {"field": "label"}}, numbers=_NUMBERS),
        layer([{"zero": "0"}], {"type": "rule", "color": GREY}, {"y": quantitative("zero")}, numbers=("zero",)),
    ]
    return chart(title, subtitle, layers)


def waterfall_down(title: str, parts: Sequence[Amount], *, end: str, start: Amount | None = None) -> Chart:
    """As `waterfall`, from above to below, with names and amounts beside the bars: for pages, which may be narrow."""
    rows = [{**row, "name": f"{row['name']}\n{row['label']}"} for row in _bars(parts, end, start)]
    axis = {"labelExpr": _TWO_LINES, "labelLimit": 180, "labelOffset": -8, "ticks": False, "domain": False}
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": axis}
    x = quantitative("from", title=None, axis={**_DOLLARS, "labelOverlap": True})
    bar = {"type": "bar", "height": {"band": 0.6}}  # float: a share of the row
    layers = [
        layer(rows, bar, {"y": y, "x": x, "x2": {"field": "to"}, "color": _COLOUR}, numbers=_NUMBERS),
        layer([{"zero": "0"}], {"type": "rule", "color": GREY}, {"x": quantitative("zero")}, numbers=("zero",)),
    ]
    return chart(title, "", layers, height=80 + BAR_HEIGHT * len(rows))


def amounts(title: str, parts: Sequence[Amount], *, subtitle: str = "") -> Chart:
    """A bar for each part, the largest first, with its dollars and its share of all below its name. Underscores in names are
    spaces.
    """
    total = sum((part.usd for part in parts), Decimal(0))
    ordered = sorted((part for part in parts if part.usd), key=lambda part: (-part.usd, part.name))
    rows = [
        {
            "name": f"{part.name.replace('_', ' ')}\n{precise(part.usd)}"
            + (f" · {part.usd * 100 / total:.1f} %" if total > 0 else ""),
            "usd": figure(part.usd),
        }
        for part in ordered
    ]
    axis = {"labelExpr": _TWO_LINES, "labelLimit": 180, "labelOffset": -8, "ticks": False}
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": axis}
    bar = {"type": "bar", "color": BLUE, "height": {"band": 0.6}}  # float: a share of the row
    bars = layer(rows, bar, {"y": y, "x": quantitative("usd", axis=None)}, numbers=("usd",))
    return chart(title, subtitle, [bars], height=70 + BAR_HEIGHT * len(rows))


def cost_per_call(
    title: str,
    points: Sequence[CostPoint],
    *,
    marks: Sequence[Mark] = (),
    p95: Sequence[CostPoint] = (),
    subtitle: str = "",
) -> Chart:
    """What a call cost, day by day, what 95 of a hundred cost at most, and what happened meanwhile."""
    rows = [{"day": point.day.isoformat(), "usd": figure(point.usd)} for point in points]
    dollars = {"labelExpr": "datum.value === 0 ? '$0' : '$' + format(datum.value, ',.3~r')", "tickCount": 6}
    y = quantitative("usd", title="a call", scale={"zero": True}, axis=dollars)
    known = [point for point in points if point.usd is not None]
    shown = [{"day": one.day.isoformat(), "usd": figure(one.usd), "label": precise(one.usd)} for one in known[-1:]]
    happened = [{"day": mark.day.isoformat(), "label": mark.text} for mark in marks]
    low = {"type": "text", "align": "left", "dx": 5, "dy": -12, "color": GREY}
    at_mark = {"x": by_day(), "y": {"value": "height"}, "text": {"field": "label"}}
    layers = [
        layer(happened, {"type": "rule", "color": GREY, "strokeDash": [4, 4]}, {"x": by_day()}),
        layer(happened, low, at_mark),
        layer(rows, line_mark(len(known)), {"x": by_day(), "y": y}, numbers=("usd",)),
        *last_marks(shown, by_day(), y, "usd"),
    ]
    tail = [{"day": point.day.isoformat(), "usd": figure(point.usd)} for point in p95 if point.usd is not None]
    if tail:
        thin = {"type": "line", "color": GREY, "strokeWidth": 1, "strokeDash": [2, 3]}
        name = {"type": "text", "align": "right", "dy": -9, "color": GREY}
        at = {"x": by_day(), "y": y, "text": {"value": "P95"}}
        layers += [
            layer(tail, thin, {"x": by_day(), "y": y}, numbers=("usd",)),
            layer(tail[-1:], name, at, numbers=("usd",)),
        ]
    return chart(title, subtitle, layers if marks else layers[2:])


def precise(usd: Decimal | None) -> str:
    """An amount with three significant digits: costs of calls are small."""
    if usd is None:
        return "unknown"
    if usd >= Decimal("99.95"):
        return f"${usd:,.0f}"
    rounded = usd.normalize() if not usd else round(usd, 2 - usd.adjusted())
    return f"${rounded:f}"


def _bars(parts: Sequence[Amount], end: str, start: Amount | None) -> list[dict[str, str | None]]:
    """The bars of a waterfall, each with where it begins and ends."""
    rows: list[dict[str, str | None]] = []
    level = Decimal(0)
    if start is not None:
        level = start.usd
        rows.append(_bar(start.name, Decimal(0), level, level, BLUE))
    for part in _largest(parts):
        rows.append(_bar(part.name, level, level + part.usd, part.usd, GREEN if part.usd >= 0 else RED))
        level += part.usd
    rows.append(_bar(end, Decimal(0), level, level, BLUE))
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names), "a bar's name is its own"
    return rows


def _largest(parts: Sequence[Amount]) -> list[Amount]:
    """The parts in their order, the smallest put together at the end where they are too many to read."""
    by_size = sorted((part for part in parts if part.usd), key=lambda part: abs(part.usd), reverse=True)
    own = by_size if len(by_size) <= PARTS_MAX else by_size[: PARTS_MAX - 1]
    others = sum((part.usd for part in by_size[len(own) :]), Decimal(0))
    return [part for part in parts if part in own] + ([Amount("others", others)] if others else [])


def _bar(name: str, before: Decimal, after: Decimal, amount: Decimal, colour: str) -> dict[str, str | None]:
    sign = "−" if amount < 0 else ""
    return {
        "name": name.replace("_", " "),
        "from": figure(before),
        "to": figure(after),
        "top": figure(max(before, after)),
        "label": f"{sign}${abs(amount):,.0f}" if abs(amount) >= CENTS_BELOW else f"{sign}${abs(amount):,.2f}",
        "colour": colour,
    }
