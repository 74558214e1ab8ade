"""Figures that grow: cost against revenue, cost per call of a week and of three days running."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from floorline.alerts.condition import Condition
from floorline.alerts.figures import MONTH_DAYS, Picture, Span, Track, dollars, percent, ratio
from floorline.alerts.model import SubjectKind
from floorline.alerts.swings import PAST_DAYS, PAST_MIN, swing_of
from floorline.alerts.tuning import MILLION, Setting, Tuning

_WEEK = 7
_UP_PPM = 50_000
"""A day is up on an earlier one when it is by a twentieth."""

Figure = Callable[[Span], int | None]


class _Growing(NamedTuple):
    """One rule of this page: the figure that must not grow, what a growth costs, and how it is said."""

    rule: str
    is_relative: bool
    figure: Figure
    costs: Callable[[int, Span], int]
    words: str


def _per_call(span: Span) -> int | None:
    return span.per_call


def _cost_ratio(span: Span) -> int | None:
    return span.cost_ratio_ppm


def _more_of_revenue(more: int, span: Span) -> int:
    return more * span.revenue // MILLION


def _more_a_call(more: int, span: Span) -> int:
    return more * span.priced


_OUTGROWS = _Growing(
    "cost_outgrows_revenue",
    False,
    _cost_ratio,
    _more_of_revenue,
    "cost grew {rise} faster than revenue, from {before} of it to {now}",
)
_PER_CALL_WEEK = _Growing(
    "cost_per_call_week",
    True,
    _per_call,
    _more_a_call,
    "cost per call is up {rise} week over week, from {before} to {now}",
)
_PER_CALL_DAYS = _PER_CALL_WEEK._replace(
    rule="cost_per_call_days",
    words="cost per call is up {rise} on the same days of the week before, three days running, from {before} to {now}",
)


def growth(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """cost_outgrows_revenue of the company and every feature, cost_per_call_week and cost_per_call_days of every feature."""
    stake_min = int(picture.monthly_cost() * tuning.stake_share)
    yield _grown(_OUTGROWS, "company", "", picture.tracks.total, picture.end, tuning.of(_OUTGROWS.rule), stake_min)
    for feature, track in picture.tracks.features.items():
        for growing in (_OUTGROWS, _PER_CALL_WEEK, _PER_CALL_DAYS):
            by = tuning.of(growing.rule, feature)
            yield _grown(growing, "feature", feature, track, picture.end, by, stake_min)


def _grown(
    growing: _Growing, kind: SubjectKind, subject: str, track: Track, end: int, by: Setting, stake_min: int
) -> Condition:
    """The figure of the last days against the same days of the week before.

    It fires when the growth exceeds the threshold and as many of its own usual swings as are set, on most days (of three:
    on each, and above two weeks before as well).
    """
    window = by.window_days
    now, before = track.span(end - window, end), track.span(end - window - _WEEK, end - _WEEK)
    rise = _rise(growing.figure, track, end, window)
    if rise is None or min(now.calls, before.calls) < by.calls_min or track.first > end - window - _WEEK:
        return Condition(growing.rule, kind, subject, "thin")
    figure_now, figure_before = growing.figure(now), growing.figure(before)
    assert figure_now is not None, "a rise has two figures"
    assert figure_before is not None, "a rise has two figures"
    growth = rise if growing.is_relative else figure_now - figure_before
    condition = Condition(
        growing.rule, kind, subject, "held", value=ratio(growth), threshold=ratio(by.threshold_ppm), trend=ratio(growth)
    )
    if growth <= by.clear_ppm:
        return condition._replace(reading="clear")
    stake = growing.costs(figure_now - figure_before, now) * MONTH_DAYS // window
    if growth <= by.threshold_ppm or stake < max(by.stake_min_pico, stake_min):
        return condition
    if rise <= _swing(growing.figure, track, end, window, by) or not _lasting(growing.figure, track, end, window):
        return condition
    words = growing.words.format(
        rise=percent(rise), before=_shown(figure_before, growing), now=_shown(figure_now, growing)
    )
    return condition._replace(
        reading="firing", stake_usd=dollars(stake), evidence=f"{words}: ${dollars(stake)} a month more"
    )


def _rise(figure: Figure, track: Track, end: int, window: int) -> int | None:
    """The growth over the same days of the week before, in millionths."""
    now, before = figure(track.span(end - window, end)), figure(track.span(end - window - _WEEK, end - _WEEK))
    return (now - before) * MILLION // before if now is not None and before else None


def _swing(figure: Figure, track: Track, end: int, window: int, by: Setting) -> int:
    """As many usual swings of the growth as are set, from its earlier values. Beyond any growth while too few are known."""
    earliest = track.first + window + _WEEK
    ends = range(end - window, max(earliest, end - window - PAST_DAYS + 1) - 1, -1)
    past = [rise for one in ends if (rise := _rise(figure, track, one, window)) is not None]
    if len(past) < PAST_MIN:
        return 1_000 * MILLION
    return swing_of(past) * by.swings_ppm // MILLION


def _lasting(figure: Figure, track: Track, end: int, window: int) -> bool:
    """Whether most days are up on the same days before by a twentieth: of few days each one, of a week four."""
    weeks_back = 2 if window < _WEEK else 1
    wanted = window if window < _WEEK else window // 2 + 1
    up = 0
    for day in range(end - window, end):
        now = figure(track.span(day, day + 1))
        earlier = [figure(track.span(day - _WEEK * n, day + 1 - _WEEK * n)) for n in range(1, weeks_back + 1)]
        highest = max((one for one in earlier if one is not None), default=None)
        up += bool(now and highest and (now - highest) * MILLION >= highest * _UP_PPM)
    return up >= wanted


def _shown(figure: int, growing: _Growing) -> str:
    return percent(figure) if growing.figure is _cost_ratio else f"${figure / 10**12:.6f}"
