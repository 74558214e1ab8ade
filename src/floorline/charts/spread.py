"""How what a call costs is spread: most calls are cheap, and a few are most of the spend."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import BLUE, GREY, INK, Chart, Row, chart, figure, layer, quantitative

LABEL_STEP_PX = 17
"""Labels of quantiles stand one below the other, for quantiles may lie close together."""


class Bar(NamedTuple):
    """Calls that cost from `low` to below `high`, in USD; both above zero."""

    low: Decimal
    high: Decimal
    calls: int


class Quantile(NamedTuple):
    """What so many of a hundred calls cost at most, in USD above zero, and how that is written."""

    percent: int
    usd: Decimal
    said: str


def cost_spread(title: str, bars: Sequence[Bar], marks: Sequence[Quantile], *, subtitle: str = "") -> Chart:
    """Calls by what each costs, on an axis of logarithms, and quantiles as lines with their figures beside them."""
    rows = [{"low": figure(bar.low), "high": figure(bar.high), "calls": str(bar.calls)} for bar in bars]
    lines: list[Row] = [{"low": figure(mark.usd), "label": f"P{mark.percent} {mark.said}"} for mark in marks]
    dollars = {"labelExpr": "'$' + format(datum.value, '~g')", "values": _ticks(bars), "grid": False}
    x = quantitative("low", title="a call", scale={"type": "log", "nice": False}, axis=dollars)
    room = max((bar.calls for bar in bars), default=0) * 7 // 5 + 1  # for the labels above the bars
    y = quantitative("calls", title="calls", scale={"domain": [0, room]}, axis={"format": "~s", "tickCount": 5})
    bar = {"type": "rect", "color": BLUE}
    layers = [
        layer(
            rows, bar, {"x": x, "x2": {"field": "high"}, "y": y, "y2": {"datum": 0}}, numbers=("low", "high", "calls")
        ),
        layer(lines, {"type": "rule", "color": GREY, "strokeDash": [4, 4]}, {"x": x}, numbers=("low",)),
        *(_label(mark, line, number, bars, x) for number, (mark, line) in enumerate(zip(marks, lines, strict=True))),
    ]
    return chart(title, subtitle, layers)


def _label(mark: Quantile, line: Row, number: int, bars: Sequence[Bar], x: Chart) -> Chart:
    """The words of a line, below those of the lines before it, on the side where there is more room."""
    low, high = (bars[0].low.ln(), bars[-1].high.ln()) if bars else (mark.usd.ln(), mark.usd.ln())
    left = (mark.usd.ln() - low) * 2 > high - low
    text = {"type": "text", "align": "right" if left else "left", "dx": -5 if left else 5, "color": INK, "fontSize": 12}
    at = {"x": x, "y": {"value": 8 + LABEL_STEP_PX * number}, "text": {"field": "label"}}
    return layer([line], text, at, numbers=("low",))


def _ticks(bars: Sequence[Bar]) -> list[str]:
    """Powers of ten, and their halves where there are few, from the lowest bar to the highest."""
    if not bars:
        return []
    low, high = bars[0].low.adjusted(), bars[-1].high.adjusted()
    steps = (1, 2, 5) if high - low < 3 else (1, 3) if high - low < 6 else (1,)
    found = [Decimal(step).scaleb(power) for power in range(low, high + 1) for step in steps]
    return [format(one, "f") for one in found if bars[0].low <= one <= bars[-1].high]
