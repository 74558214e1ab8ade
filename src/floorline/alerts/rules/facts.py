"""What is told as it is found: prices, unpriced models, budgets, revenue and a ledger that lag, lapsed exceptions,
certificates that were taken back.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal

from floorline.alerts.condition import Condition
from floorline.alerts.events import GuardEvent, PriceChange
from floorline.alerts.figures import MONTH_DAYS, Picture, dollars, percent, ratio
from floorline.alerts.swings import PAST_DAYS, PAST_MIN, median
from floorline.alerts.tuning import MILLION, Tuning


def prices(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """price_change of every model whose price changed or will; of several changes the latest. It holds until some days
    after it is in force and was seen.
    """
    by = tuning.of("price_change")
    latest: dict[str, PriceChange] = {}
    for change in sorted(picture.prices, key=lambda one: (one.seen_at, one.id)):
        latest[f"{change.provider}/{change.model}"] = change
    least = max(by.stake_min_usd, dollars(int(picture.monthly_cost() * tuning.stake_share)))
    for subject, change in latest.items():
        in_force = datetime.combine(change.valid_from, time(), picture.now.tzinfo)
        effect = change.monthly_effect_usd
        is_over = picture.now >= max(in_force, change.seen_at) + timedelta(days=by.window_days)
        condition = Condition(
            "price_change",
            "model",
            subject,
            "clear" if is_over else "held",
            value=effect,
            unit="usd",
            edition=change.id,
        )
        if is_over or effect is None or abs(effect) < least:
            yield condition
            continue
        yield condition._replace(
            reading="firing",
            severity="warning" if effect > 0 else "info",
            stake_usd=effect,
            evidence=_price_sentence(change, effect),
        )


def _price_sentence(change: PriceChange, effect: Decimal) -> str:
    way = "a provider's notice" if change.notice else "the price book"
    more = f"${effect:.2f} a month more" if effect > 0 else f"${-effect:.2f} a month less"
    return (
        f"another price from {change.valid_from} on, by {way}: the last {MONTH_DAYS} days' {change.calls} calls "
        f"would cost {more}"
    )


def unpriced(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """unpriced_model of every model that was called lately."""
    by = tuning.of("unpriced_model")
    for use in picture.models:
        subject = f"{use.provider}/{use.model}" if use.provider else use.model or "(no model named)"
        condition = Condition(
            "unpriced_model", "model", subject, "clear", value=Decimal(use.unpriced), threshold=Decimal(0), unit="calls"
        )
        if use.unpriced >= max(1, by.calls_min):
            condition = condition._replace(
                reading="firing",
                evidence=f"{use.unpriced} of {use.calls} calls of the last {by.window_days} days have no price: what "
                "they cost is unknown and in no figure",
            )
        yield condition


def unattributed(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """unattributed_share of the company's calls."""
    by = tuning.of("unattributed_share")
    span = picture.tracks.total.span(picture.end - by.window_days, picture.end)
    if span.calls < by.calls_min or span.inference <= 0:
        yield Condition("unattributed_share", "company", "", "thin")
        return
    share = span.unattributed * MILLION // span.inference
    monthly = span.unattributed * MONTH_DAYS // by.window_days
    reading = "clear" if share <= by.clear_ppm else "held"
    condition = Condition(
        "unattributed_share", "company", "", reading, value=ratio(share), threshold=ratio(by.threshold_ppm)
    )
    if share <= by.threshold_ppm or monthly < by.stake_min_pico:
        yield condition
        return
    yield condition._replace(
        reading="firing",
        stake_usd=dollars(monthly),
        evidence=f"{percent(share)} of what calls cost has no customer or no feature, more than "
        f"{percent(by.threshold_ppm)}: ${dollars(monthly)} a month is nobody's",
    )


def revenue(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """revenue_stale of every source that says when it last brought something, and of what is recognised a day."""
    by = tuning.of("revenue_stale")
    for feed in picture.feeds:
        silent, most = (max(0, span // timedelta(hours=1)) for span in (picture.now - feed.last_at, feed.silent_max))
        late = picture.now - feed.last_at > feed.silent_max
        yield Condition(
            "revenue_stale",
            "source",
            feed.source,
            "firing" if late else "clear",
            value=Decimal(silent),
            threshold=Decimal(most),
            unit="hours",
            evidence=f"brought nothing for {silent} hours, at most {most} are expected: margins may be too low"
            if late
            else "",
        )
    track, first = picture.tracks.total, picture.end - by.window_days
    past = [track.span(day, day + 1).revenue for day in range(first - PAST_DAYS, first) if day >= track.first]
    level = median(past) if len(past) >= PAST_MIN else 0
    if level <= 0:
        yield Condition("revenue_stale", "company", "", "thin")
        return
    share = track.span(first, picture.end).revenue * MILLION // (level * by.window_days)
    reading = "firing" if share < by.threshold_ppm else "clear" if share >= by.clear_ppm else "held"
    yield Condition(
        "revenue_stale",
        "company",
        "",
        reading,
        value=ratio(share),
        threshold=ratio(by.threshold_ppm),
        evidence=f"the last {by.window_days} days have {percent(share)} of the revenue that days usually have: import what "
        "is missing before you trust a margin"
        if reading == "firing"
        else "",
    )


def guards(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """budget and fair_use of every guardrail that reported: the highest step of its latest period, until that is over."""
    del tuning
    latest: dict[tuple[str, str], GuardEvent] = {}
    for event in sorted(picture.guards, key=lambda one: (one.resets_at, one.step, one.at)):
        latest[event.kind, f"{event.rule_id}: {event.scope} {event.subject}".strip()] = event
    for (kind, subject), event in latest.items():
        firing = picture.now < event.resets_at
        yield Condition(
            kind,
            "budget",
            subject,
            "firing" if firing else "clear",
            "critical" if event.denied else "warning",
            value=event.used_ratio,
            threshold=event.step,
            evidence=_said(event) if firing else "",
            edition=f"{event.period} {event.step}",
        )


def _said(event: GuardEvent) -> str:
    return _use_sentence(event) if event.kind == "fair_use" else _guard_sentence(event)


def _use_sentence(event: GuardEvent) -> str:
    times = f"{event.used_ratio:.1f} times" if event.used_ratio is not None else "with"
    why = f": {event.reason}" if event.reason else ""
    return f"${event.used:.2f} on {event.period}, {times} the ${event.limit:.2f} of its usual day{why}"


def _guard_sentence(event: GuardEvent) -> str:
    of = f"{event.used:f} of {event.limit:f} {event.unit.replace('usd', 'USD')} in {event.period}"
    then = "calls are refused or degraded" if event.denied else f"step {percent(int(event.step * MILLION))} is passed"
    soon = f", the limit is reached on {event.projected_at:%Y-%m-%d}" if event.projected_at else ""
    return f"{of}: {then}{soon}; it begins anew on {event.resets_at:%Y-%m-%d}"


def ledger(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """ledger_behind, where a control process says how far it is."""
    if picture.behind is None:
        return
    by = tuning.of("ledger_behind")
    minutes = Decimal(picture.behind // timedelta(minutes=1))
    reading = "firing" if minutes > by.threshold else "clear" if minutes <= by.clear else "held"
    yield Condition(
        "ledger_behind",
        "company",
        "",
        reading,
        "critical",
        value=minutes,
        threshold=by.threshold,
        unit="minutes",
        evidence=f"what gateways recorded is not in the ledger for {minutes} minutes: every figure lacks those calls"
        if reading == "firing"
        else "",
    )


def exceptions(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """exception_overdue of every feature that has an exception."""
    del tuning
    for feature, floor in picture.floors.items():
        exception = floor.exception
        if exception is None:
            continue
        late = (picture.today - exception.review_by).days
        yield Condition(
            "exception_overdue",
            "feature",
            feature,
            "firing" if floor.lapsed else "clear",
            value=Decimal(max(0, late)),
            threshold=Decimal(0),
            unit="days",
            evidence=f"its exception ({exception.reason}) was to be reviewed by {exception.review_by}: decide anew or end it"
            if floor.lapsed
            else "",
            edition=exception.review_by.isoformat(),
        )


def certificates(picture: Picture, tuning: Tuning) -> Iterator[Condition]:
    """certificate_taken_back of every certificate that is in force no more, until some days after it was so last."""
    by = tuning.of("certificate_taken_back")
    for one in picture.taken_back:
        is_over = picture.now >= one.at + timedelta(days=by.window_days)
        saved = None if one.saved_usd is None else max(Decimal(0), one.saved_usd)
        condition = Condition(
            "certificate_taken_back",
            "certificate",
            one.name,
            "clear" if is_over else "held",
            edition=one.at.isoformat(),
            feature=one.feature,
        )
        if is_over or (saved is not None and saved < by.stake_min_usd):  # of what nobody knows it is not too little
            yield condition
            continue
        had = f"; its guardrail had saved ${saved:.2f} in the {MONTH_DAYS} days before" if saved else ""
        yield condition._replace(
            reading="firing",
            stake_usd=saved or None,
            evidence=f"what acted by it does so no more since {one.at:%Y-%m-%d %H:%M %Z}: {one.reason}{had}",
        )
