"""Features side by side: what each sells against what it keeps of it, and how far that is from its floor."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import (
    GREY,
    INK,
    ZONE_COLOURS,
    ZONE_LEGEND,
    ZONE_SHAPES,
    Chart,
    Row,
    chart,
    figure,
    layer,
    percent,
    quantitative,
)  # fmt: skip

NAMED_MAX = 14
"""Features whose names stand in the chart, the greatest volumes first; every one is in the table beside it."""

MARGIN_MIN = Decimal("-0.5")
"""The lowest margin that has a place of its own: what is lower is drawn there, and its name says how low it is."""

HEIGHT = 420
LABEL_PX = 20
_ROOM_FOR_NAMES = {"expr": "width < 420 ? 0 : 1"}
"""Names would lie upon each other in a narrow chart: there they are read by pointing, and in the table."""

_EDGE = Decimal("0.25")
_NUMBERS = ("volume", "margin", "floor", "cost")


class Placed(NamedTuple):
    """A feature: its volume (USD of revenue, or calls), margin and floor as ratios, cost in USD, zone, what is said of it, and the
    address that it opens.
    """

    feature: str
    volume: Decimal
    margin: Decimal
    floor: Decimal | None
    cost: Decimal
    zone: str
    said: str
    to: str = ""


def margin_by_volume(title: str, features: Sequence[Placed], *, volume: str, subtitle: str = "") -> Chart:
    """A point for each feature that sells, larger the more it costs, and a stem to its floor. `volume` names the axis below, which
    is of logarithms, so that a feature which sells a thousandth of another is seen.
    """
    placed = sorted((one for one in features if one.volume > 0), key=lambda one: (-one.volume, one.feature))
    rows = [_row(one, named=number < NAMED_MAX) for number, one in enumerate(placed)]
    held = [row for row in rows if row["floor"] is not None]
    x = quantitative(
        "volume", title=volume, scale={"type": "log"}, axis={"format": "~s", "tickCount": 6, "grid": False}
    )
    percents = {"labelExpr": "format(datum.value, '.0f') + ' %'", "tickCount": 6}
    y = quantitative("margin", title=None, axis=percents, scale={"zero": True})
    stem = {"type": "rule", "color": GREY, "strokeDash": [3, 3]}
    tick = {"type": "tick", "orient": "horizontal", "thickness": 3, "width": 18, "color": INK}
    point = {"type": "point", "filled": True, "opacity": 0.85}  # float: an opacity
    layers: list[Chart] = [
        layer(held, stem, {"x": x, "y": y, "y2": {"field": "floor"}}, numbers=_NUMBERS),
        layer(held, tick, {"x": x, "y": {**y, "field": "floor"}}, numbers=_NUMBERS),
        layer(rows, point, {"x": x, "y": y, **_told(placed)}, numbers=_NUMBERS),
    ]
    at = {"x": x, "y": y, "text": {"field": "label"}}
    for align, below in sorted({_label_at(one, placed) for one in placed}):
        name = {"type": "text", "align": align, "dy": below, "color": INK, "fontSize": 12, "opacity": _ROOM_FOR_NAMES}
        there = [row for row, one in zip(rows, placed, strict=True) if _label_at(one, placed) == (align, below)]
        layers.append(layer(there, name, at, numbers=_NUMBERS))
    return chart(title, subtitle, layers, height=HEIGHT)


def _row(one: Placed, *, named: bool) -> Row:
    return {
        "feature": one.feature,
        "volume": figure(one.volume),
        "margin": percent(max(one.margin, MARGIN_MIN)),
        "floor": percent(one.floor),
        "cost": figure(one.cost),
        "zone": one.zone,
        "said": one.said,
        "to": one.to,
        "label": f"{one.feature} · {one.said}" if named else "",
    }


def _told(placed: Sequence[Placed]) -> Chart:
    """How a point tells its zone, its cost and, pointed at, the rest."""
    zones = [zone for zone in ZONE_COLOURS if any(one.zone == zone for one in placed)]
    legend = ZONE_LEGEND
    told: Chart = {
        "size": quantitative("cost", legend=None, scale={"range": [70, 900]}),
        "tooltip": [{"field": name, "type": "nominal"} for name in ("feature", "said", "zone")],
    }
    for channel, means in (("color", ZONE_COLOURS), ("shape", ZONE_SHAPES)):
        scale = {"domain": zones, "range": [means[zone] for zone in zones]}
        told[channel] = {"field": "zone", "type": "nominal", "legend": legend, "scale": scale}
    return told


def _label_at(one: Placed, placed: Sequence[Placed]) -> tuple[str, int]:
    """How a name is aligned, so that it stays within the chart, and how far below its point it stands: away from the floor."""
    most, least = (ends(other.volume for other in placed).ln() for ends in (max, min))
    share = (one.volume.ln() - least) / (most - least) if most > least else Decimal("0.5")
    align = "left" if share < _EDGE else "right" if share > 1 - _EDGE else "center"
    return align, LABEL_PX if one.floor is not None and one.margin < one.floor else -LABEL_PX
