"""Features side by side: what each sells against what it keeps of it, and how far that is from its floor."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import (
    GREY,
    INK,
    ZONE_COLOURS,
    ZONE_SHAPES,
    Chart,
    chart,
    figure,
    layer,
    percent,
    quantitative,
)

NAMED_MAX = 14
"""Features whose names stand in the chart, the greatest volumes first; every one is in the table beside it."""

MARGIN_MIN = Decimal("-0.5")
"""The lowest margin that has a place of its own: what is lower is drawn there, and its name says how low it is."""

HEIGHT = 420
LABEL_PX = 20
_EDGE = Decimal("0.25")


class Placed(NamedTuple):
    """A feature: its volume (USD of revenue, or calls), margin and floor as ratios, cost in USD, zone, and what is said of it."""

    feature: str
    volume: Decimal
    margin: Decimal
    floor: Decimal | None
    cost: Decimal
    zone: str
    said: str


def margin_by_volume(title: str, features: Sequence[Placed], *, volume: str, subtitle: str = "") -> Chart:
    """A point for each feature, larger the more it costs, and a stem to its floor. `volume` names the axis below; the axis is of
    logarithms, so that a feature which sells a thousandth of another is seen.
    """
    placed = sorted((one for one in features if one.volume > 0), key=lambda one: (-one.volume, one.feature))
    named = {one.feature for one in placed[:NAMED_MAX]}
    rows = [
        {
            "feature": one.feature,
            "volume": figure(one.volume),
            "margin": percent(max(one.margin, MARGIN_MIN)),
            "floor": percent(one.floor),
            "cost": figure(one.cost),
            "zone": one.zone,
            "label": f"{one.feature} · {one.said}" if one.feature in named else "",
        }
        for one in placed
    ]
    held = [row for row in rows if row["floor"] is not None]
    numbers = ("volume", "margin", "floor", "cost")
    x = quantitative(
        "volume",
        title=volume,
        scale={"type": "log", "nice": True},
        axis={"format": "~s", "tickCount": 6, "grid": False},
    )
    y = quantitative(
        "margin",
        title=None,
        axis={"labelExpr": "format(datum.value, '.0f') + ' %'", "tickCount": 6},
        scale={"zero": True},
    )
    zones = [zone for zone in ZONE_COLOURS if any(one.zone == zone for one in features)]
    legend = {"orient": "top", "direction": "horizontal"}
    told = {
        "color": {"field": "zone", "type": "nominal", "legend": legend, "scale": {"domain": zones, "range": [ZONE_COLOURS[zone] for zone in zones]}},
        "shape": {"field": "zone", "type": "nominal", "legend": legend, "scale": {"domain": zones, "range": [ZONE_SHAPES[zone] for zone in zones]}},
        "size": quantitative("cost", legend=None, scale={"range": [70, 900]}),
    }  # fmt: skip
    tick = {"type": "tick", "orient": "horizontal", "thickness": 3, "width": 18, "color": INK}
    layers = [
        layer(held, {"type": "rule", "color": GREY, "strokeDash": [3, 3]}, {"x": x, "y": y, "y2": {"field": "floor"}}, numbers=numbers),
        layer(held, tick, {"x": x, "y": {**y, "field": "floor"}}, numbers=numbers),
        layer(rows, {"type": "point", "filled": True, "opacity": 0.85}, {"x": x, "y": y, **told}, numbers=numbers),  # float: an opacity
        *(
            layer(
                [row for row, one in zip(rows, placed, strict=True) if _label_at(one, placed) == place],
                {"type": "text", "align": place[0], "dy": place[1], "color": INK, "fontSize": 12},
                {"x": x, "y": y, "text": {"field": "label"}},
                numbers=numbers,
            )
            for place in sorted({_label_at(one, placed) for one in placed})
        ),
    ]  # fmt: skip
    return chart(title, subtitle, layers, height=HEIGHT)


def _label_at(one: Placed, placed: Sequence[Placed]) -> tuple[str, int]:
    """How a name is aligned, so that it stays within the chart, and how far below its point it stands: away from the floor."""
    most, least = (ends(other.volume for other in placed).ln() for ends in (max, min))
    share = (one.volume.ln() - least) / (most - least) if most > least else Decimal("0.5")
    align = "left" if share < _EDGE else "right" if share > 1 - _EDGE else "center"
    return align, LABEL_PX if one.floor is not None and one.margin < one.floor else -LABEL_PX
