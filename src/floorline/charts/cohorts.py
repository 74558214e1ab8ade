"""Groups of customers over weeks, and how much customers use."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from floorline.charts.base import BLUE, GREY, INK, LINES, Chart, by_day, chart, layer, percent, quantitative
from floorline.margin.intensity import Bin, Mark

GROUPS_MAX = 8
"""Groups that are drawn, those of most revenue; every one is in the table beside it."""

MARGIN_MIN = Decimal(-1)
"""The lowest margin that has a place of its own: what is lower stands at the lower edge."""

LABEL_STEP_PX = 17
DASHES = ([1, 0], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 4], [12, 5], [6, 2, 1, 2])
"""A group is told by colour and by the dashes of its line."""

_STEP = 10


class Week(NamedTuple):
    """A group's margin in a week, and in the four that end with it, as ratios; None where it is unknown."""

    day: date
    margin: Decimal | None
    trailing: Decimal | None


def weekly_margins(title: str, groups: Mapping[str, Sequence[Week]], *, subtitle: str = "") -> Chart:
    """Each group's mean of four weeks as a line, and its single weeks as points, in the order of `groups`. Before any group has
    such a mean there are the points alone.
    """
    names = list(groups)[:GROUPS_MAX]
    shown = [(name, week) for name in names for week in groups[name]]
    every = [ratio for _, week in shown for ratio in (week.margin, week.trailing)]
    low, high = _ends(every)
    y_axis = {"labelExpr": "format(datum.value, '.0f') + ' %'", "tickCount": 6}
    y = quantitative("margin", title=None, scale={"domain": [low, high], "nice": False, "zero": False}, axis=y_axis)
    legend = {"orient": "top", "direction": "horizontal", "columns": 2}
    told = {
        "color": {"field": "group", "type": "nominal", "legend": legend, "scale": {"domain": names, "range": [LINES[n] for n in range(len(names))]}},
        "strokeDash": {"field": "group", "type": "nominal", "legend": legend, "scale": {"domain": names, "range": [DASHES[n] for n in range(len(names))]}},
    }  # fmt: skip
    line = {"type": "line", "strokeWidth": 3, "invalid": "break-paths-show-path-domains", "point": {"size": 36}}
    faint = 0.5  # float: an opacity
    point = {"type": "point", "filled": False, "size": 50, "opacity": faint}
    means = [_row(name, week.day, week.trailing) for name, week in shown]
    weeks = [_row(name, week.day, week.margin) for name, week in shown if week.margin is not None]
    layers = [layer(weeks, point, {"x": by_day(), "y": y, "color": told["color"]}, numbers=("margin",))]
    if any(row["margin"] for row in means):
        layers.append(layer(means, line, {"x": by_day(), "y": y, **told}, numbers=("margin",)))
    return chart(title, subtitle, layers)


def token_spread(title: str, bins: Sequence[Bin], marks: Sequence[Mark], *, of: str, subtitle: str = "") -> Chart:
    """How many (`of` says what: customers) use how many tokens, on an axis of logarithms, with percentiles as lines."""
    rows = [{"low": str(one.low), "high": str(one.high), "count": str(one.holds)} for one in bins]
    lines = [{"low": str(mark.tokens), "label": f"P{mark.percent}  {mark.tokens:,}"} for mark in marks]
    axis = {"format": "~s", "grid": False, "values": [one.low for one in bins if str(one.low)[0] == "1"]}
    x = quantitative("low", title="tokens in the window", scale={"type": "log", "nice": False}, axis=axis)
    room = max((one.holds for one in bins), default=0) * 7 // 5 + 1  # for the labels above the bars
    y = quantitative("count", title=of, scale={"domain": [0, room]}, axis={"tickCount": 5, "tickMinStep": 1})
    text = {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 12}
    bar = {"type": "rect", "color": BLUE, "stroke": "#ffffff", "strokeWidth": 1}
    layers = [
        layer(rows, bar, {"x": x, "x2": {"field": "high"}, "y": y, "y2": {"datum": 0}}, numbers=("low", "high", "count")),
        layer(lines, {"type": "rule", "color": GREY, "strokeDash": [4, 4]}, {"x": x}, numbers=("low",)),
        *(
            layer([row], text, {"x": x, "y": {"value": 8 + LABEL_STEP_PX * n}, "text": {"field": "label"}}, numbers=("low",))
            for n, row in enumerate(lines)
        ),
    ]  # fmt: skip
    return chart(title, subtitle, layers)


def _row(group: str, day: date, margin: Decimal | None) -> dict[str, str | None]:
    return {
        "group": group,
        "day": day.isoformat(),
        "margin": percent(None if margin is None else max(margin, MARGIN_MIN)),
    }


def _ends(ratios: Sequence[Decimal | None]) -> tuple[int, int]:
    """The ends of a scale in percent that holds the ratios, from MARGIN_MIN on."""
    known = [max(ratio, MARGIN_MIN) * 100 for ratio in ratios if ratio is not None] or [Decimal(0), Decimal(100)]
    low = ((min(known) - 1) / _STEP).to_integral_value(ROUND_FLOOR) * _STEP
    high = ((max(known) + 1) / _STEP).to_integral_value(ROUND_CEILING) * _STEP
    return int(low), int(min(high, max(Decimal(100), *known)))
