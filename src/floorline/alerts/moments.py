"""Five minutes in which a feature's calls cost far more each than they usually do: `cost_anomaly` by other values.

The rule is that of days (alerts/swings.py, with the same settings): of cost per call instead of a day's cost, and of the feature's
own earlier five minutes instead of the same days of the week.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, NamedTuple

from floorline.alerts.swings import is_unlike, usual
from floorline.alerts.tuning import Setting

RULE = "cost_anomaly"
CALLS_MIN = 5
"""Five minutes with fewer priced calls are neither judged nor part of what is usual: one call is most of their cost."""

PAST_MIN = 12
"""Fewer earlier five minutes than this, an hour of them, say nothing of what is usual."""

PAST_MAX = 288
"""What is usual is that of the last 24 hours before."""

Reading = Literal["usual", "unusual", "thin"]


class Moment(NamedTuple):
    """Five minutes of one feature: what its priced calls cost, 10^-12 USD, and how many there were."""

    cost: int
    priced: int

    @property
    def per_call(self) -> int | None:
        """10^-12 USD a priced call; None without one."""
        return self.cost // self.priced if self.priced > 0 else None


def readings(moments: Sequence[Moment], by: Setting) -> list[Reading]:
    """What is to be said of each of consecutive five minutes, oldest first. What is unusual is not usual for those after."""
    numbers, costs = list[int](), list[int]()
    found: list[Reading] = []
    for number, moment in enumerate(moments):
        if moment.priced < CALLS_MIN or moment.per_call is None:
            found.append("thin")
            continue
        reading = _reading(moment.per_call, costs[bisect_left(numbers, number - PAST_MAX) :], by)
        if reading != "unusual":
            numbers.append(number)
            costs.append(moment.per_call)
        found.append(reading)
    return found


def _reading(cost: int, past: Sequence[int], by: Setting) -> Reading:
    if len(past) < PAST_MIN:
        return "thin"
    greatest = max(past)
    if not by.enabled or cost <= greatest:
        return "usual"
    before = usual(past)
    assert before is not None, "there are enough of the past"
    return "unusual" if is_unlike(cost, before, greatest, by) else "usual"
