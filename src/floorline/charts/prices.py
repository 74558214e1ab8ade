"""Prices of a model over time."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import GREY, LINES, Chart, by_day, chart, figure, layer, quantitative

_HEIGHT = 300


class PriceSpan(NamedTuple):
    """What a unit cost from the day `start` until the day before `end`, in USD of so many units as `unit` says."""

    unit: str
    start: date
    end: date
    usd: Decimal


def price_history(title: str, spans: Sequence[PriceSpan], *, changes: Sequence[date] = (), subtitle: str = "") -> Chart:
    """A line for each unit, level while its price holds; a dashed rule on the days of `changes`."""
    rows = [
        {"day": span.start.isoformat(), "end": span.end.isoformat(), "usd": figure(span.usd), "unit": span.unit}
        for span in spans
    ]
    units = list(dict.fromkeys(span.unit for span in spans))
    colours = [LINES[n % len(LINES)] for n in range(len(units))]
    dollars = {"labelExpr": "'$' + format(datum.value, ',~f')", "tickCount": 5}
    days = {**by_day(), "axis": {"format": "%b %Y", "grid": False, "labelOverlap": True, "tickCount": 6}}
    encoding = {
        "x": days,
        "x2": {"field": "end"},
        "y": quantitative("usd", title=None, axis=dollars, scale={"zero": True}),
        "color": {"field": "unit", "type": "nominal", "scale": {"domain": units, "range": colours}},
    }
    happened = [{"day": day.isoformat()} for day in changes]
    layers = [
        layer(happened, {"type": "rule", "color": GREY, "strokeDash": [4, 4]}, {"x": days}),
        layer(rows, {"type": "rule", "strokeWidth": 3, "strokeCap": "round"}, encoding, numbers=("usd",)),
    ]
    return chart(title, subtitle, layers if changes else layers[1:], height=_HEIGHT)
