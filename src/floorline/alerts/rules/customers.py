"""Customers that cost more than is left of what they pay."""

from calendar import monthrange
from collections.abc import Iterator

from floorline.alerts.condition import Condition
from floorline.alerts.figures import MONTH_DAYS, Picture, Track, dollars, percent, ratio
from floorline.alerts.tuning import MILLION, Setting, Tuning

_RULE = "customer_cost_to_revenue"
_EVIDENCE_DAYS = 14
"""Days with this customer before the last four weeks are judged."""


def customers(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """customer_cost_to_revenue of every customer that pays."""
    by = tuning.of(_RULE)
    stake_min = max(by.stake_min_pico, int(picture.monthly_cost() * tuning.stake_share * 2))
    month_first = picture.end - (picture.today.day - 1)
    days = monthrange(picture.today.year, picture.today.month)[1]
    for customer, track in picture.tracks.customers.items():
        ahead = picture.billed_ahead.get(customer, 0)
        yield _customer(customer, track, picture.end, month_first, days, ahead, by, stake_min)


def _customer(
    customer: str, track: Track, end: int, month_first: int, month_days: int, ahead: int, by: Setting, stake_min: int
) -> Condition:
    """Cost to date over what the whole month will bring: nobody is beyond it on the first days, and any cost is where it brings
    nothing. The last weeks must be
    beyond the threshold too, and they alone say that it is over, which the first of a month does not.
    """
    lately, days = track.span(end - by.window_days, end), min(by.window_days, end - track.first)
    of_weeks = lately.cost_ratio_ppm
    if of_weeks is None or lately.calls < by.calls_min or days < _EVIDENCE_DAYS:
        return Condition(_RULE, "customer", customer, "thin")
    to_date = track.span(month_first, end)
    run_rate = track.span(end - 7, end).revenue * (month_days - (end - month_first)) // 7
    month_revenue = to_date.revenue + max(ahead, run_rate)
    of_month = to_date.cost * MILLION // month_revenue if month_revenue > 0 else None
    condition = Condition(_RULE, "customer", customer, "held", value=ratio(of_weeks), threshold=ratio(by.threshold_ppm))
    if of_weeks <= by.clear_ppm:
        return condition._replace(reading="clear")
    stake = (lately.cost - lately.revenue * by.threshold_ppm // MILLION) * MONTH_DAYS // days
    beyond = to_date.cost > 0 if of_month is None else of_month > by.threshold_ppm
    if not beyond or of_weeks <= by.threshold_ppm or stake < stake_min:
        return condition
    week_before = track.span(end - by.window_days - 7, end - 7).cost_ratio_ppm
    month = (
        f"${dollars(to_date.cost)} in a month that brings nothing"
        if of_month is None
        else f"{percent(of_month)} of what it pays for the whole month so far"
    )
    return condition._replace(
        reading="firing",
        trend=None if week_before is None else ratio(of_weeks - week_before),
        stake_usd=dollars(stake),
        evidence=f"has cost {month}, and "
        f"{percent(of_weeks)} in the last {by.window_days} days: ${dollars(stake)} a month beyond {percent(by.threshold_ppm)}",
    )
