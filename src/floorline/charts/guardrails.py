"""What guardrails save, day by day."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from floorline.charts.base import GREY, LINES, Chart, by_day, chart, figure, layer, quantitative


class SavedDay(NamedTuple):
    """What one guardrail saved on a day net of its own cost, in USD."""

    day: date
    guardrail: str
    usd: Decimal


def saved_by_day(title: str, days: Sequence[SavedDay], *, subtitle: str = "") -> Chart:
    """A column a day, each guardrail a part of it; what a guardrail lost lies below the line."""
    rows = [{"day": one.day.isoformat(), "usd": figure(one.usd), "guardrail": one.guardrail} for one in days]
    names = list(dict.fromkeys(one.guardrail for one in days))
    dollars = {"labelExpr": "(datum.value < 0 ? '−$' : '$') + format(abs(datum.value), ',~r')", "tickCount": 5}
    colours = [LINES[number % len(LINES)] for number in range(len(names))]
    encoding = {
        "x": {**by_day(), "timeUnit": "utcyearmonthdate"},  # a stretch of time, of which a column takes its share
        "y": quantitative("usd", title=None, axis=dollars, stack="zero"),
        "color": {"field": "guardrail", "type": "nominal", "scale": {"domain": names, "range": colours}},
    }
    bar = {"type": "bar", "width": {"band": 0.8}}  # float: a share of the day
    zero = layer([{"zero": "0"}], {"type": "rule", "color": GREY}, {"y": quantitative("zero")}, numbers=("zero",))
    return chart(title, subtitle, [layer(rows, bar, encoding, numbers=("usd",)), zero], height=280)
