"""A workflow as a flow from left to right: each step as thick as what it costs."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import (
    BLUE,
    GREY,
    INK,
    PALE_BLUE,
    RED,
    RIBBON,
    Chart,
    Row,
    chart,
    figure,
    layer,
    quantitative,
)
from floorline.charts.dollars import precise
from floorline.charts.margins import ROW_HEIGHT

STEPS_MAX = 8
HEIGHT = 300

_HALF_BAR = Decimal("0.3")
_LABEL_WIDTH_PX = 110
_LOW, _HIGH = Decimal("-1.35"), Decimal("1.3")
"""The chart's ends, a bar of the dearest step reaching from -1 to 1: beyond it labels stand."""


class FlowPart(NamedTuple):
    """A step in USD, what of it went into retries, its share of the whole, and whether it is among the few dearest."""

    name: str
    usd: Decimal
    retries_usd: Decimal
    share: Decimal | None
    greatest: bool


class WorkflowSpend(NamedTuple):
    """What a workflow's few dearest steps cost, and all its others, in USD; `to` is the address of its page, `page` in the data."""

    name: str
    greatest_usd: Decimal
    rest_usd: Decimal
    to: str = ""


def step_flow(title: str, parts: Sequence[FlowPart], *, subtitle: str = "") -> Chart:
    """The steps side by side in their order, joined by a ribbon: what is dear is thick, and the few dearest are dark. What a
    step paid for retries is its red part. Of more than STEPS_MAX the cheapest are one step at the end, `others`.
    """
    shown = _dearest(parts)
    scale = Decimal(max((part.usd for part in shown), default=Decimal(0)) or 1)
    bars = [_bar(place, part, scale) for place, part in enumerate(shown)]
    retries = [{**bar, "high": bar["retried"]} for bar, part in zip(bars, shown, strict=True) if part.retries_usd > 0]
    ends = [figure(-2 * _HALF_BAR), figure(len(shown) - 1 + 2 * _HALF_BAR)]
    x = quantitative("from", axis=None, scale={"domain": ends, "nice": False, "zero": False})
    y = quantitative("low", axis=None, scale={"domain": [figure(_LOW), figure(_HIGH)], "nice": False})
    box = {"x": x, "x2": {"field": "to"}, "y": y, "y2": {"field": "high"}}
    numbers = ("from", "to", "low", "high", "middle")
    label = {"x": {**x, "field": "middle"}, "tooltip": {"field": "said"}}
    narrow = (
        f"width < {max(len(shown), 1) * _LABEL_WIDTH_PX}"  # of the page: where labels would touch, shares alone stand
    )
    words = {"expr": f"{narrow} ? datum.short : datum.label"}
    above = {"type": "text", "baseline": "line-bottom", "dy": -6, "fontWeight": "bold", "color": INK, "text": words}
    room = {"expr": f"max(width / {max(len(shown), 1)} - 6, 20)"}
    below = {"type": "text", "baseline": "top", "dy": 9, "color": GREY, "limit": room}
    layers = [
        layer(list(_ribbon(bars)), {"type": "area", "interpolate": "monotone", "color": RIBBON}, box, numbers=numbers),
        layer(bars, {"type": "bar", "cornerRadius": 2, "minBandSize": 1},
              {**box, "color": {"field": "colour", "type": "nominal", "scale": None}, "tooltip": {"field": "said"}}, numbers=numbers),
        layer(retries, {"type": "bar", "color": RED}, {**box, "tooltip": {"field": "said"}}, numbers=numbers),
        layer(bars, above, {**label, "y": {**y, "field": "high"}}, numbers=numbers),
        layer(bars, below, {**label, "y": y, "text": {"field": "name"}}, numbers=numbers),
    ]  # fmt: skip
    return chart(title, subtitle, layers, height=HEIGHT)


def spend_by_workflow(title: str, workflows: Sequence[WorkflowSpend], *, subtitle: str = "") -> Chart:
    """A bar for each workflow in the order given: dark what its few dearest steps cost, pale the others."""
    rows = [
        {"name": one.name, "from": figure(start), "to": figure(end), "colour": colour, "page": one.to, "said": f"{one.name}, {what}: {precise(end - start)}"}
        for one in workflows
        for start, end, colour, what in (
            (Decimal(0), one.greatest_usd, BLUE, "its dearest steps"),
            (one.greatest_usd, one.greatest_usd + one.rest_usd, PALE_BLUE, "its other steps"),
        )
        if end > start
    ]  # fmt: skip
    ends = [
        {"name": one.name, "to": figure(one.greatest_usd + one.rest_usd), "label": precise(one.greatest_usd + one.rest_usd)}
        for one in workflows
    ]  # fmt: skip
    y = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"ticks": False, "domain": False, "labelLimit": 160},
    }
    dollars = {"labelExpr": "'$' + format(datum.value, ',~r')", "tickCount": 4}
    x = quantitative("from", title=None, axis=dollars)
    colour = {"field": "colour", "type": "nominal", "scale": None}
    bar = {"y": y, "x": x, "x2": {"field": "to"}, "color": colour, "tooltip": {"field": "said"}}
    text = {"type": "text", "align": "left", "dx": 6, "color": INK}
    layers = [
        layer(rows, {"type": "bar", "height": {"band": 0.6}}, bar, numbers=("from", "to")),  # float: a share of the row
        layer(ends, text, {"y": y, "x": {**x, "field": "to"}, "text": {"field": "label"}}, numbers=("to",)),
    ]
    return chart(title, subtitle, layers, height=max(2, len(workflows)) * ROW_HEIGHT + 60)


def _dearest(parts: Sequence[FlowPart]) -> list[FlowPart]:
    """The steps in their order, the cheapest put together at the end where they are too many to read."""
    if len(parts) <= STEPS_MAX:
        return list(parts)
    kept = set(sorted(range(len(parts)), key=lambda at: (-parts[at].usd, at))[: STEPS_MAX - 1])
    rest = [part for at, part in enumerate(parts) if at not in kept]
    shares = [part.share for part in rest if part.share is not None]
    others = FlowPart(
        "others",
        sum((part.usd for part in rest), Decimal(0)),
        sum((part.retries_usd for part in rest), Decimal(0)),
        sum(shares, Decimal(0)) if shares else None,
        greatest=False,
    )
    return [*(part for at, part in enumerate(parts) if at in kept), others]


def _bar(place: int, part: FlowPart, scale: Decimal) -> dict[str, str | None]:
    half = part.usd / scale
    share = "" if part.share is None else f"{part.share * 100:.0f} %"
    retried = f", {precise(part.retries_usd)} of it for retries" if part.retries_usd > 0 else ""
    return {
        "name": part.name.replace("_", " "),
        "from": figure(place - _HALF_BAR),
        "to": figure(place + _HALF_BAR),
        "middle": str(place),
        "low": figure(-half),
        "high": figure(half),
        "retried": figure(-half + 2 * part.retries_usd / scale),
        "label": f"{precise(part.usd)} · {share}" if share else precise(part.usd),
        "short": share or precise(part.usd),
        "said": f"{part.name}: {precise(part.usd)}{retried}",
        "colour": BLUE if part.greatest else PALE_BLUE,
    }


def _ribbon(bars: Sequence[Row]) -> Iterator[Row]:
    """What joins the steps: it is as thick as each step is where it touches it."""
    for bar in bars:
        for edge in ("from", "to"):
            yield {"from": bar[edge], "low": bar["low"], "high": bar["high"]}
