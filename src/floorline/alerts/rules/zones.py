"""Margins against floors: a feature's three days in red, its seven days in yellow."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from floorline.alerts.condition import Condition, Reading
from floorline.alerts.figures import MONTH_DAYS, Picture, Span, Track, dollars, percent, ratio
from floorline.alerts.swings import Profile
from floorline.alerts.tuning import MILLION, Setting, Tuning
from floorline.margin.floors import Floor

_UNPROVEN_PPM = 20_000
"""How far beyond its limit a feature must be whose usual swing is not known yet."""

_FAR_PPM = 600_000
"""Below this share of its limit no pattern of the week matters."""


class _Judged(NamedTuple):
    reading: Reading
    span: Span
    value_ppm: int | None = None


def margins(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """margin_red and margin_yellow of every feature. What is red is not told as yellow too, nor what has left yellow in
    the last three days.
    """
    stake_min = int(picture.monthly_cost() * tuning.stake_share)
    for feature, track in picture.tracks.features.items():
        floor = picture.floors.get(feature)
        if floor is None:
            continue
        limit = MILLION - int(floor.ratio * MILLION)
        red_by, yellow_by = tuning.of("margin_red", feature), tuning.of("margin_yellow", feature)
        red = _judged(track, picture.end, red_by, limit - red_by.threshold_ppm, stake_min)
        edge = limit - int(floor.band * MILLION) - yellow_by.threshold_ppm
        yellow = _judged(track, picture.end, yellow_by, edge, stake_min)
        leaving = red.value_ppm is not None and red.value_ppm <= edge
        if yellow.reading == "firing" and (red.reading == "firing" or leaving):
            yellow = yellow._replace(reading="held")
        yield _condition("margin_red", feature, track, picture.end, red_by, red, floor, limit - red_by.threshold_ppm)
        yield _condition("margin_yellow", feature, track, picture.end, yellow_by, yellow, floor, edge)


def _judged(track: Track, end: int, by: Setting, limit_ppm: int, stake_min: int) -> _Judged:
    """The feature's cost ÷ revenue against the most that it may be. Beyond it fires where that is usual by now, or where it
    is more swings away from the usual than the setting allows; both with the pattern of the week taken out.
    """
    window = by.window_days
    span = track.span(end - window, end)
    value = span.cost_ratio_ppm
    if value is None or span.calls < by.calls_min or track.first > end - window:
        return _Judged("thin", span, value)
    if value < limit_ppm * _FAR_PPM // MILLION:
        return _Judged("clear", span, value)
    profile = Profile(track, end, window)
    even = profile.ratio_ppm(0, window)
    assert even is not None, "there is revenue"
    if even <= limit_ppm - by.clear_ppm:
        return _Judged("clear", span, value)
    if min(value, even) <= limit_ppm or _shortfall(span, window, limit_ppm) < max(by.stake_min_pico, stake_min):
        return _Judged("held", span, value)
    known = profile.usual(window, max(0, track.first - (end - window - 28)))
    if known is None:
        far = even > limit_ppm + _UNPROVEN_PPM
    else:
        far = known.level > limit_ppm or even - known.level > known.swing * by.swings_ppm // MILLION
    return _Judged("firing" if far else "held", span, value)


def _shortfall(span: Span, window: int, limit_ppm: int) -> int:
    """What the feature costs a month beyond its limit, 10^-12 USD."""
    return (span.cost - span.revenue * limit_ppm // MILLION) * MONTH_DAYS // window


def _condition(
    rule: str, feature: str, track: Track, end: int, by: Setting, judged: _Judged, floor: Floor, limit_ppm: int
) -> Condition:
    value = None if judged.value_ppm is None else ratio(MILLION - judged.value_ppm)
    threshold = ratio(MILLION - limit_ppm)
    severity = "critical" if rule == "margin_red" else "warning"
    condition = Condition(rule, "feature", feature, judged.reading, severity, value, threshold)
    if judged.reading != "firing" or judged.value_ppm is None:
        return condition
    window = by.window_days
    before = track.span(end - window - 7, end - 7).cost_ratio_ppm
    shortfall = dollars(_shortfall(judged.span, window, limit_ppm))
    return condition._replace(
        trend=None if before is None else ratio(before - judged.value_ppm),
        stake_usd=shortfall,
        evidence=_sentence(rule, by, judged.value_ppm, limit_ppm, floor, shortfall),
    )


def _sentence(rule: str, by: Setting, value_ppm: int, limit_ppm: int, floor: Floor, shortfall: Decimal) -> str:
    margin, limit = percent(MILLION - value_ppm), percent(MILLION - limit_ppm)
    if rule == "margin_red":
        return f"the margin of the last {by.window_days} days is {margin}, below {limit}: ${shortfall} a month short"
    return (
        f"the margin of the last {by.window_days} days is {margin}, below {limit} where green begins "
        f"(floor {percent(int(floor.ratio * MILLION))}): ${shortfall} a month short of green"
    )
