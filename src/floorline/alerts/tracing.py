"""The figure that an alert's rule judges, for each of many days: what its page draws beside the condition.

Each figure is the one of the rule's own page, as it stood at the end of that day; what the rule asks of it besides (swings, the pattern
of the week, evidence) is not drawn.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from floorline.alerts.figures import Span, Track, ratio
from floorline.alerts.swings import PAST_DAYS
from floorline.alerts.tuning import MILLION

SHOWN_DAYS = 28
_WEEK = 7

Traced = Callable[[Track, int, int], int | None]
"""The figure of a track on the days before `end`, over so many days, in millionths; None where it is unknown."""


class Trace(NamedTuple):
    """How one rule's figure is drawn: over how many days more than its window it looks back, and on which side it alarms."""

    figure: Traced
    reach_days: int = 0
    fires_below: bool = False
    words: str = ""


def _margin(track: Track, end: int, window: int) -> int | None:
    cost = track.span(end - window, end).cost_ratio_ppm
    return None if cost is None else MILLION - cost


def _cost_to_revenue(track: Track, end: int, window: int) -> int | None:
    return track.span(end - window, end).cost_ratio_ppm


def _outgrown(track: Track, end: int, window: int) -> int | None:
    now, before = _cost_to_revenue(track, end, window), _cost_to_revenue(track, end - _WEEK, window)
    return None if now is None or before is None else now - before


def _dearer(track: Track, end: int, window: int) -> int | None:
    now, before = (track.span(at - window, at).per_call for at in (end, end - _WEEK))
    return (now - before) * MILLION // before if now is not None and before else None


def _unusual(track: Track, end: int, window: int) -> int | None:
    first = end - window
    level = track.span(first - PAST_DAYS, first).inference // PAST_DAYS
    return (track.span(first, end).inference // window - level) * MILLION // level if level > 0 else None


def _unattributed(track: Track, end: int, window: int) -> int | None:
    span: Span = track.span(end - window, end)
    return span.unattributed * MILLION // span.inference if span.inference > 0 else None


TRACES: Mapping[str, Trace] = {
    "margin_red": Trace(_margin, fires_below=True, words="margin of the last {window} days"),
    "margin_yellow": Trace(_margin, fires_below=True, words="margin of the last {window} days"),
    "cost_outgrows_revenue": Trace(
        _outgrown, _WEEK, words="cost ÷ revenue of {window} days less that of the week before"
    ),
    "cost_per_call_week": Trace(_dearer, _WEEK, words="cost per call of {window} days against the week before"),
    "cost_per_call_days": Trace(
        _dearer, _WEEK, words="cost per call of {window} days against the same days a week before"
    ),
    "cost_anomaly": Trace(_unusual, PAST_DAYS, words="cost of {window} days beyond the usual of four weeks"),
    "customer_cost_to_revenue": Trace(_cost_to_revenue, words="cost ÷ revenue of the last {window} days"),
    "unattributed_share": Trace(_unattributed, words="cost without a customer or feature, of {window} days"),
}
"""The rules whose figure is a share that can be told of any day. The others tell facts."""


class TracePoint(NamedTuple):
    """The figure at the end of a day, as a ratio; None where it is unknown."""

    day: date
    value: Decimal | None


def days_back(rule: str, window: int) -> int:
    """How many days before today a track must reach for SHOWN_DAYS figures of `rule`."""
    return SHOWN_DAYS - 1 + window + TRACES[rule].reach_days


def traced(rule: str, track: Track, start: date, today: date, window: int) -> list[TracePoint]:
    """The figure of each of the SHOWN_DAYS before `today`, from a track whose first day is `start`. A stretch that begins before the
    track has anything is unknown.
    """
    trace = TRACES[rule]
    found: list[TracePoint] = []
    for back in range(SHOWN_DAYS, 0, -1):
        day = today - timedelta(days=back)
        end = (day - start).days + 1
        known = end - window - trace.reach_days >= track.first
        value = trace.figure(track, end, window) if known else None
        found.append(TracePoint(day, None if value is None else ratio(value)))
    return found
