"""What a week's figures propose to do, and how actions live on from week to week."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from floorline import money
from floorline.margin.words import dollars, percent, points
from floorline.reviews.model import (
    Action,
    AlertLine,
    Decision,
    EconomicsLine,
    FeatureLine,
    NewModel,
    Upcoming,
    WeeklyReview,
)  # fmt: skip
from floorline.reviews.weeks import DAYS, Week, parse_week

_ADVICE: Mapping[str, str] = {
    "inference_share": "Take the dearest steps of `floorline margin steps` to a cheaper model, a shorter prompt or a batch",
    "gross_margin": "Start with the features furthest below their floors",
    "cache_hit_rate": "Cache what is asked repeatedly: `floorline backlog` lists the candidates",
    "small_and_mid_share": "Route calls that a smaller model answers as well away from large ones",
    "top_fifth_share": "Cap, meter or move up the customers that cost most: `floorline margin --by customer --sort cost`",
}


def a_month(usd: Decimal, days: int) -> Decimal:
    """The dollars of some days as those of a month of 365 ÷ 12 days."""
    return money.multiply(usd, Decimal(365), 12 * days)


def proposed(
    week: Week,
    days: int,
    features: Sequence[FeatureLine],
    economics: Sequence[EconomicsLine],
    *,
    alerts: Sequence[AlertLine] = (),
    new_models: Sequence[NewModel] = (),
    upcoming: Sequence[Upcoming] = (),
) -> list[Action]:
    """The actions of the figures of a week's first `days` days, dearest first, those without a figure last."""
    found = [
        *(action for line in features for action in _of_feature(week, days, line)),
        *(_of_alert(week, alert) for alert in alerts if alert.overdue),
        *(_of_model(week, model) for model in new_models if model.cost is None),
        *(_of_upcoming(week, change) for change in upcoming if change.due),
        *(_of_target(week, line) for line in economics if line.met is False),
    ]
    return sorted(found, key=lambda action: (-(action.usd_a_month or Decimal(0)), action.id))


def carried(
    week: Week, actions: Iterable[Action], earlier: WeeklyReview | None, kept: WeeklyReview | None
) -> tuple[Action, ...]:
    """The week's actions joined with what `earlier` left open and with what was decided on the review made before.

    An action keeps its first week and its last decision. A rejected one that the figures propose again is open again and
    says so.
    """
    known = {action.id: action for action in earlier.actions} if earlier else {}
    decided = {action.id: action.decision for action in kept.actions if action.decision} if kept else {}
    found = [_continued(week, action, known.get(action.id)) for action in actions]
    names = {action.id for action in found}
    left = {action.id: action for action in known.values() if action.is_open and action.id not in names}
    left |= {
        action.id: action for action in (kept.actions if kept else ()) if action.decision and action.id not in names
    }
    found += [_aged(week, replace(action, proposed=False)) for action in left.values()]
    return tuple(replace(one, decision=_latest(one.decision, decided.get(one.id))) for one in found)


def decide(review: WeeklyReview, action: str, decision: Decision) -> WeeklyReview:
    """The review with a decision on the action `action`. KeyError when it has none of that name."""
    if not any(one.id == action for one in review.actions):
        raise KeyError(action)
    actions = tuple(replace(one, decision=decision) if one.id == action else one for one in review.actions)
    return replace(review, actions=actions)


def _continued(week: Week, action: Action, before: Action | None) -> Action:
    if before is None:
        return action
    if before.is_open:
        return _aged(week, replace(action, since=before.since, decision=before.decision, earlier=before.earlier))
    decision = before.decision
    assert decision is not None
    note = f": {decision.note}" if decision.note else ""
    word = "done" if decision.verdict == "done" else "rejected"
    return replace(action, earlier=f"{word} on {decision.at.date()} by {decision.actor}{note}")


def _aged(week: Week, action: Action) -> Action:
    return replace(action, weeks_open=(week.start - parse_week(action.since).start).days // DAYS)


def _latest(one: Decision | None, other: Decision | None) -> Decision | None:
    if one is None or other is None:
        return one or other
    return one if one.at > other.at else other


def _of_feature(week: Week, days: int, line: FeatureLine) -> Iterable[Action]:
    if line.zone == "red" and line.floor is not None and line.short != 0:
        yield Action(
            id=f"floor/{line.feature}",
            what=f"Bring {line.feature} back to its floor of {percent(line.floor, 0)}",
            why=f"margin {percent(line.ratio)}, {dollars(line.short)} short this week",
            owner=line.owner,
            usd_a_month=None if line.short is None else a_month(line.short, days),
            since=str(week),
        )
    if line.direction == "degrading" and line.change is not None:
        yield Action(
            id=f"trend/{line.feature}",
            what=f"Find out why the margin of {line.feature} falls",
            why=f"{points(line.change)} over four weeks, noise is {points(line.noise).lstrip('+')}; zone {line.zone}",
            owner=line.owner,
            usd_a_month=a_month(money.multiply(line.revenue, -line.change), days),
            since=str(week),
        )


def _of_alert(week: Week, alert: AlertLine) -> Action:
    return Action(
        id=f"alert/{alert.rule}/{alert.subject}",
        what=f"Answer the alert {alert.rule} of {alert.subject}" + (f": {alert.lever}" if alert.lever else ""),
        why="open past its deadline",
        owner=alert.owner,
        usd_a_month=alert.usd_a_month,
        by=alert.by.date() if alert.by else None,
        since=str(week),
    )


def _of_model(week: Week, model: NewModel) -> Action:
    return Action(
        id=f"price/{model.provider}/{model.model}",
        what=f"State a price of {model.provider}/{model.model} in `prices`, then re-rate its calls",
        why=f"first called on {model.first}; its cost is unknown",
        since=str(week),
    )


def _of_upcoming(week: Week, change: Upcoming) -> Action:
    return Action(
        id=f"exception/{change.subject}",
        what=f"Review the exception of {change.subject}: {change.what}",
        why="its review is due",
        owner=change.owner,
        by=change.on,
        usd_a_month=change.usd_a_month,
        since=str(week),
    )


def _of_target(week: Week, line: EconomicsLine) -> Action:
    word = "least" if line.at_least else "most"
    return Action(
        id=f"target/{line.name}",
        what=_ADVICE[line.name],
        why=f"{line.label}: {percent(line.this_week)}, target at {word} {percent(line.target, 0)}",
        since=str(week),
    )
