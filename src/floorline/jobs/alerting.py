"""Alerts over a ledger: gather, judge, find the driver of what fires, keep, tell.

    ledger ▸ picture ▸ alerts.evaluation ▸ (bridge of what fires) ▸ shelf ▸ messages ▸ routes

What is kept is all there is: a transition is on the shelf before it is told, and noted as told after its message is in the
outbox under an id of its own, so that a kill in between tells it late and never twice. Two processes may evaluate at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from floorline.alerts import wording
from floorline.alerts.condition import Condition
from floorline.alerts.digest import digest, digest_markdown, noise, noise_markdown
from floorline.alerts.evaluation import Verdict, drivers_told, reported, verdicts
from floorline.alerts.figures import Picture, Track, Tracks, ratio
from floorline.alerts.machine import About, is_alarm, needs_reminder, told
from floorline.alerts.model import ALARMS, KIND, Alert, Moment, week_of, week_start
from floorline.alerts.tuning import Deliver, Tuning
from floorline.charts.base import Chart
from floorline.charts.margins import MarginPoint, margin_over_time
from floorline.clock import day_of, timezone
from floorline.delivery.message import Action, Message
from floorline.delivery.outbox import enqueue
from floorline.delivery.route import Route
from floorline.jobs.alert_drivers import Explain
from floorline.jobs.alert_figures import Sources, gathered, guard_events
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.ledger.surface import AnyLedger
from floorline.margin.bridge import Days, Driver
from floorline.margin.policy import Policies
from floorline.margin.runbook import lever_for, owner_of, response_for

_ACTIONS: dict[str, Action] = {
    "open": "trigger",
    "reopened": "trigger",
    "worsened": "worsen",
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}
_WEEK = timedelta(days=7)
_MONTH = timedelta(days=28)
_CHART_DAYS = 28


Say = Callable[[Picture, Tuning, Mapping[str, Alert]], Iterable[Verdict]]
"""What a picture says of the alerts that are known, and of new ones."""


class Transition(NamedTuple):
    """An alert right after it went to another state."""

    alert: Alert
    moment: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How alerts are judged and told. Without `explain` no driver is named."""

    tuning: Tuning = field(default_factory=Tuning)
    sources: Sources = field(default_factory=Sources)
    explain: Explain | None = None
    routes: Sequence[Route] = ()


def shelf_of(state: State) -> Shelf[Alert]:
    """Every alert by its id."""
    return Shelf(state, KIND, Alert)


def evaluate(
    ledger: AnyLedger, policies: Policies, state: State, now: datetime, setup: Setup | None = None
) -> list[Transition]:
    """Judge the whole days before `now`, keep what changes, and hand on what is to be told: the transitions, in the order
    of the rules. The same `now` again changes and tells nothing.
    """
    setup = setup or Setup()
    known = shelf_of(state).all()
    watched = frozenset(alert.subject for alert in known.values() if alert.active and alert.subject_kind == "customer")
    picture = gathered(ledger, policies, state, now, setup.tuning, setup.sources, watched)
    transitions = judge(picture, policies, state, setup)
    tell(state, now, setup, timezone(ledger.timezone), picture)
    return transitions


def evaluate_reports(policies: Policies, state: State, zone: ZoneInfo, now: datetime, setup: Setup) -> list[Transition]:
    """As `evaluate`, of what guardrails reported alone: it waits for no day to be over, and asks the ledger nothing."""
    today = day_of(now, zone)
    nothing = Tracks(start=today, features={}, customers={}, total=Track([]))
    picture = Picture(now=now, today=today, tracks=nothing, guards=guard_events(state, now))
    transitions = judge(picture, policies, state, setup, reported)
    tell(state, now, setup, zone)
    return transitions


def judge(picture: Picture, policies: Policies, state: State, setup: Setup, say: Say = verdicts) -> list[Transition]:
    """Keep what changes by a picture, and tell nobody: the transitions, in the order of the rules."""
    shelf, now = shelf_of(state), picture.now
    known = shelf.all()
    transitions: list[Transition] = []
    for verdict in list(say(picture, setup.tuning, known)):
        about = _about(verdict, known.get(verdict.id), policies, picture, now, setup)
        if about.driver not in drivers_told(verdict, known):
            transitions += _kept(shelf, verdict, about, now)
    return transitions


def run(ledger: AnyLedger, policies: Policies, setup: Setup, now: datetime) -> str:
    """One evaluation as a job says it."""
    transitions = evaluate(ledger, policies, ledger.state, now, setup)
    active = sum(alert.active for alert in shelf_of(ledger.state).all().values())
    return f"{len(transitions)} transitions, {active} alerts open"


def _kept(shelf: Shelf[Alert], verdict: Verdict, about: About, now: datetime) -> list[Transition]:
    """Change the alert on the shelf; the transition that this process made of it, none where another made it first."""
    numbers: list[int] = []

    def change(kept: Alert | None) -> Alert | None:
        numbers[:] = [kept.number if kept else 0]
        return verdict.of(kept, now, about)

    after = shelf.change(verdict.id, change, now=now)
    if after is None or after.number == numbers[0]:
        return []
    return [Transition(after, after.history[-1])]


# -- what is found out about an alert that fires


def _about(
    verdict: Verdict, before: Alert | None, policies: Policies, picture: Picture, now: datetime, setup: Setup
) -> About:
    """Driver, lever, owner and deadline, where the verdict opens, reopens or worsens the alert."""
    condition = verdict.condition
    if condition is None or not is_alarm(before, verdict.of(before, now)):
        return About()
    driver = _driver(condition, picture, setup)
    lever = wording.LEVERS.get(condition.rule, "")
    if driver is not None:
        lever = lever_for(policies, driver.part, driver.lever)
    owner, deadline = _answerable(condition, policies, now)
    return About(
        driver=driver.part if driver else "",
        driver_text=driver.sentence if driver else "",
        lever=lever,
        owner=owner,
        deadline=deadline,
    )


def _driver(condition: Condition, picture: Picture, setup: Setup) -> Driver | None:
    """What took most margin of the feature or customer between the days of driver_windows."""
    is_feature = condition.kind == "feature"
    if (
        setup.explain is None
        or condition.rule == "exception_overdue"
        or not (is_feature or condition.kind == "customer")
    ):
        return None
    window = setup.tuning.of(condition.rule, condition.subject if is_feature else "").window_days
    before, after = driver_windows(condition, window, picture)
    return setup.explain("feature" if is_feature else "customer", condition.subject, before, after)


def driver_windows(condition: Condition, window: int, picture: Picture) -> tuple[Days, Days]:
    """Which days the driver of a feature or customer compares: the last week with the same days four weeks before, which a
    change of the last weeks has not touched yet; of a feature that is younger with the week before. Of a customer the
    days that were judged with as many before them.
    """
    today = picture.today
    if condition.kind == "customer":
        length = back = timedelta(days=window)
    else:
        length = _WEEK
        track = picture.tracks.features.get(condition.subject)
        is_old = track is not None and track.first <= picture.end - (length + _MONTH).days
        back = _MONTH if is_old else _WEEK
    return Days(today - length - back, today - back), Days(today - length, today)


def _answerable(condition: Condition, policies: Policies, now: datetime) -> tuple[str, datetime | None]:
    """Who answers, and until when: as the runbook has it for red where it is critical, for yellow where it is a warning."""
    feature = condition.subject if condition.kind == "feature" else condition.feature
    if condition.severity == "info":
        return owner_of(policies, feature), None
    response = response_for(policies, feature, "red" if condition.severity == "critical" else "yellow")
    assert response is not None, "red and yellow demand something"
    return response.owner, response.deadline(now)


# -- what is told


def tell(state: State, now: datetime, setup: Setup, zone: ZoneInfo, picture: Picture | None = None) -> None:
    """Hand every transition that was not told to the routes, at once or in the digest of its day or week; remind of what
    nobody answered; report a noisy week. Messages about a feature's margin show it where there is a picture.
    """
    shelf = shelf_of(state)
    alerts = list(shelf.all().values())
    today = day_of(now, zone)
    period = week_of(today)
    for alert in alerts:
        deliver = _deliver(setup.tuning, alert)
        if deliver == "each":
            _send(state, setup.routes, [_message(alert, moment, picture) for moment in alert.untold], now)
        if deliver in {"each", "off"}:
            _note_told(shelf, alert, alert.untold, period, now)
        if setup.tuning.remind and deliver == "each" and needs_reminder(alert, period):
            _remind(state, shelf, alert, period, now, setup.routes)
    for length, start in (("day", today), ("week", week_start(today))):
        _tell_digest(state, shelf, alerts, length, datetime.combine(start, time(), zone), now, setup)
    _tell_noise(state, alerts, datetime.combine(week_start(today), time(), zone), now, setup)


def _deliver(tuning: Tuning, alert: Alert) -> Deliver:
    if alert.rule not in tuning.rules:
        return "off"
    return tuning.of(alert.rule, alert.subject if alert.subject_kind == "feature" else "").deliver


def _send(state: State, routes: Iterable[Route], messages: Iterable[Message], now: datetime) -> None:
    ways = list(routes)
    for message in messages:
        enqueue(state, message, ways, now=now)


def _note_told(shelf: Shelf[Alert], alert: Alert, moments: Sequence[Moment], period: str, now: datetime) -> None:
    if moments:
        number = moments[-1].number
        shelf.change(alert.id, lambda kept: kept and told(kept, number, period), now=now)


def _remind(
    state: State, shelf: Shelf[Alert], alert: Alert, period: str, now: datetime, routes: Sequence[Route]
) -> None:
    """Trigger again what nobody answered in the period before; once a period, which its id says."""
    message = _message(alert, alert.history[-1])
    again = replace(message, id=f"{message.id}/{period}", text=f"**Still open.**\n\n{message.text}", at=now)
    _send(state, routes, [again], now)
    shelf.change(alert.id, lambda kept: kept and replace(kept, period=period), now=now)


def _tell_digest(
    state: State, shelf: Shelf[Alert], alerts: Sequence[Alert], length: str, end: datetime, now: datetime, setup: Setup
) -> None:
    """One report of the transitions that wait for the digest of a day or week that is over."""
    waiting = [alert for alert in alerts if _deliver(setup.tuning, alert) == length]
    due = {alert.id: [moment for moment in alert.untold if moment.at < end] for alert in waiting}
    moments = [moment for ready in due.values() for moment in ready]
    if not moments:
        return
    found = digest(waiting, min(moment.at for moment in moments), end)
    name = f"{(end - timedelta(days=1)):%Y-%m-%d}" if length == "day" else week_of((end - _WEEK).date())
    worse = f", {found.counts['worsened']} got worse" if found.counts["worsened"] else ""
    title = f"Alerts of {name}: {found.counts['open'] + found.counts['reopened']} fired{worse}, {len(found.open)} open"
    id_ = f"alerts/digest/{length}/{name}"
    _send(state, setup.routes, [_report(id_, title, digest_markdown(found), now)], now)
    for alert in waiting:
        _note_told(shelf, alert, due[alert.id], week_of(end.date()), now)


def _tell_noise(state: State, alerts: Sequence[Alert], end: datetime, now: datetime, setup: Setup) -> None:
    """The noise report of the week that is over, on the day after it, where more fired than anybody listens to."""
    report = noise(alerts, end - _WEEK, end, setup.tuning.noisy_week)
    if not report.is_noisy or now - end >= timedelta(days=1):
        return
    name = week_of(report.start.date())
    title = f"{report.alarms} alarms in {name}: too many to listen to"
    _send(state, setup.routes, [_report(f"alerts/noise/{name}", title, noise_markdown(report), now)], now)


def _report(id_: str, title: str, text: str, now: datetime) -> Message:
    return Message(id=id_, dedupe_key=id_, action="report", severity="info", title=title, text=text, at=now)


def _message(alert: Alert, moment: Moment, picture: Picture | None = None) -> Message:
    """A transition as it is sent: its id names the alert and the number, so that it is sent once for ever."""
    return Message(
        id=f"alert/{alert.id}/{moment.number}",
        dedupe_key=alert.id,
        action=_ACTIONS[moment.state],
        severity=alert.severity,
        title=wording.title(alert),
        text=wording.text(alert, moment),
        fields=wording.fields(alert),
        chart=_chart(alert, picture) if picture and moment.state in ALARMS else None,
        at=moment.at,
    )


def _chart(alert: Alert, picture: Picture) -> Chart | None:
    """A feature's margin of each of the last four weeks' days over its zones."""
    track, floor = picture.tracks.features.get(alert.subject), picture.floors.get(alert.subject)
    if alert.subject_kind != "feature" or track is None or floor is None:
        return None
    points: list[MarginPoint] = []
    for back in range(_CHART_DAYS, 0, -1):
        cost_ppm = track.span(picture.end - back, picture.end - back + 1).cost_ratio_ppm
        margin = None if cost_ppm is None else 1 - ratio(cost_ppm)
        points.append(MarginPoint(picture.today - timedelta(days=back), margin))
    if all(point.margin is None for point in points):
        return None
    return margin_over_time(f"Margin of {alert.subject}", points, floor=floor.ratio, band=floor.band)
