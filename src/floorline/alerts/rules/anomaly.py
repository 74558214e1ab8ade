"""Days that cost far more than the same days of the week usually do, per feature and customer."""

from collections.abc import Iterator

from floorline.alerts.condition import Condition
from floorline.alerts.figures import MONTH_DAYS, Picture, Track, dollars, ratio
from floorline.alerts.model import SubjectKind
from floorline.alerts.swings import PAST_DAYS, Usual, is_unlike, median, swing_of
from floorline.alerts.tuning import MILLION, Setting, Tuning

_RULE = "cost_anomaly"
_SHARE_MIN_PPM = 100_000
"""What is too much must be this share of what the company's AI costs a day."""


def anomalies(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """cost_anomaly of every feature and customer."""
    daily = picture.monthly_cost() // MONTH_DAYS
    for feature, track in picture.tracks.features.items():
        yield _judged("feature", feature, track, picture.end, tuning.of(_RULE, feature), daily)
    by = tuning.of(_RULE)
    for customer, track in picture.tracks.customers.items():
        yield _judged("customer", customer, track, picture.end, by, daily)


def _judged(kind: SubjectKind, subject: str, track: Track, end: int, by: Setting, company_daily: int) -> Condition:
    """Whether each of the last days cost more than the usual of its day of the week by the threshold, by the swings, and
    beyond the dearest of four weeks.
    """
    window = by.window_days
    if track.first > end - window - PAST_DAYS:
        return Condition(_RULE, kind, subject, "thin")
    span, past = track.span(end - window, end), track.span(end - window - PAST_DAYS, end - window)
    level = past.inference // PAST_DAYS
    excess = span.inference // window - level
    if span.calls < by.calls_min or level <= 0:
        return Condition(_RULE, kind, subject, "thin")
    value = ratio(excess * MILLION // level)
    condition = Condition(_RULE, kind, subject, "held", value=value, threshold=ratio(by.threshold_ppm))
    if excess * MILLION <= level * by.clear_ppm:
        return condition._replace(reading="clear")
    least = max(by.stake_min_pico // MONTH_DAYS, company_daily * _SHARE_MIN_PPM // MILLION)
    if excess * MILLION <= level * by.threshold_ppm or excess < least or not _unlike(track, end, by):
        return condition
    stake = dollars(excess * MONTH_DAYS)
    return condition._replace(
        reading="firing",
        trend=value,
        stake_usd=stake,
        evidence=f"the last {window} days cost ${dollars(span.inference // window)} a day, usual is ${dollars(level)}: "
        f"${stake} a month if it stays",
    )


def _unlike(track: Track, end: int, by: Setting) -> bool:
    """Whether each judged day is unlike the four weeks before: these are few subjects, most were told apart before."""
    first = end - by.window_days
    past = [track.span(day, day + 1).inference for day in range(first - PAST_DAYS, first)]
    by_weekday = [median(past[weekday::7]) for weekday in range(7)]
    swing = swing_of([cost - by_weekday[number % 7] for number, cost in enumerate(past)])
    dearest = max(past)
    return all(
        is_unlike(
            track.span(first + number, first + number + 1).inference,
            Usual(by_weekday[number % 7], swing),
            dearest,
            by,
        )
        for number in range(by.window_days)
    )
