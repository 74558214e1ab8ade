"""Many alerts at once: what happened in a stretch of time, and whether it was too much to listen to."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from floorline.alerts.model import ALARMS, Alert, Moment, alarms, response_to
from floorline.alerts.wording import NAMES, TITLES, subject_of
from floorline.margin.words import cents

_UNHEARD_DAYS = 3
"""A firing that was over by itself within these many days, and that nobody answered, was noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What happened from `start` to just before `end`: each transition with its alert, the oldest first, and what is open
    at the end, the dearest first.
    """

    start: datetime
    end: datetime
    happened: tuple[tuple[Moment, Alert], ...]
    open: tuple[Alert, ...]

    @property
    def counts(self) -> Counter[str]:
        """Transitions by state."""
        return Counter(moment.state for moment, _ in self.happened)


def digest(alerts: Iterable[Alert], start: datetime, end: datetime) -> Digest:
    """The digest of a stretch of time. What is open is as the alerts are now."""
    every = list(alerts)
    happened = [(moment, alert) for alert in every for moment in alert.history if start <= moment.at < end]
    waiting = [alert for alert in every if alert.active and alert.opened_at < end]
    return Digest(
        start=start,
        end=end,
        happened=tuple(sorted(happened, key=lambda one: (one[0].at, one[1].id, one[0].number))),
        open=tuple(sorted(waiting, key=lambda one: (-(one.at_stake_usd or Decimal(0)), one.id))),
    )


def digest_markdown(found: Digest) -> str:
    """The digest as a list of what happened and a table of what is open."""
    happened = [
        f"- {moment.at:%Y-%m-%d %H:%M} {NAMES[moment.state]}: {subject_of(alert)}, {TITLES.get(alert.rule, alert.rule)}"
        f"{f' ({alert.evidence})' if moment.state in ALARMS and alert.evidence else ''}"
        for moment, alert in found.happened
    ]
    rows = [
        f"| {subject_of(alert)} | {TITLES.get(alert.rule, alert.rule)} | {alert.state} | "
        f"{'' if alert.at_stake_usd is None else cents(alert.at_stake_usd)} | {alert.answerable or 'nobody'} |"
        for alert in found.open
    ]
    table = "\n".join(["| subject | alert | state | a month | owner |", "|---|---|---|---|---|", *rows])
    return f"{chr(10).join(happened) or 'Nothing happened.'}\n\n{table if rows else 'Nothing is open.'}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noisy:
    """One rule that called for somebody: how often it fired and got worse, for whom, how often somebody answered, how often
    it was over by itself.
    """

    rule: str
    fired: int
    worse: int
    subjects: tuple[str, ...]
    answered: int
    unheard: int
    suggestion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseReport:
    """What called for somebody in a stretch of time, alerts that got worse among it; `is_noisy` where it is more than anybody
    listens to.
    """

    start: datetime
    end: datetime
    fired: int
    worse: int
    limit: int
    rules: tuple[Noisy, ...]

    @property
    def alarms(self) -> int:
        """How often somebody was called for."""
        return self.fired + self.worse

    @property
    def is_noisy(self) -> bool:
        """Whether more called than `limit`."""
        return self.alarms > self.limit


def noise(alerts: Iterable[Alert], start: datetime, end: datetime, limit: int) -> NoiseReport:
    """What fired or got worse from `start` to just before `end`, the noisiest rule first."""
    by_rule: dict[str, list[tuple[Alert, Moment]]] = {}
    for alert in alerts:
        for moment in alarms(alert, start, end):
            by_rule.setdefault(alert.rule, []).append((alert, moment))
    rules = [_noisy(rule, fired) for rule, fired in by_rule.items()]
    return NoiseReport(
        start=start,
        end=end,
        fired=sum(one.fired for one in rules),
        worse=sum(one.worse for one in rules),
        limit=limit,
        rules=tuple(sorted(rules, key=lambda one: (-one.unheard, -one.fired, one.rule))),
    )


def noise_markdown(report: NoiseReport) -> str:
    """The report as a table, and what to do about it."""
    said = f"{report.alarms} alerts fired or got worse, more than {report.limit} in a week are not listened to."
    if not report.is_noisy:
        said = f"{report.alarms} alerts fired or got worse, {report.limit} a week are fine."
    rows = [
        f"| {TITLES.get(one.rule, one.rule)} | {one.fired} | {one.worse} | {', '.join(one.subjects)} | {one.answered} | {one.unheard} |"
        for one in report.rules
    ]
    table = "\n".join(
        ["| alert | fired | got worse | for | answered | over by itself |", "|---|--:|--:|---|--:|--:|", *rows]
    )
    hints = "\n".join(f"- {one.suggestion}" for one in report.rules if one.suggestion)
    return "\n\n".join(part for part in (said, table if rows else "", hints) if part) + "\n"


def _noisy(rule: str, found: Sequence[tuple[Alert, Moment]]) -> Noisy:
    answered = sum(response_to(alert, moment.at) is not None for alert, moment in found)
    unheard = [(alert, moment) for alert, moment in found if _was_unheard(alert, moment)]
    subjects = Counter(subject_of(alert) for alert, _ in found)
    worse = sum(moment.state == "worsened" for _, moment in found)
    return Noisy(
        rule=rule,
        fired=len(found) - worse,
        worse=worse,
        subjects=tuple(name for name, _ in subjects.most_common()),
        answered=answered,
        unheard=len(unheard),
        suggestion=_suggestion(rule, subjects, unheard, worse),
    )


def _was_unheard(alert: Alert, alarm: Moment) -> bool:
    """Whether it was over by itself soon, having got worse or not in between."""
    later = [moment for moment in alert.history if moment.number > alarm.number and moment.state != "worsened"]
    if not later or later[0].state != "resolved" or later[0].by:
        return False
    return later[0].at - alarm.at <= timedelta(days=_UNHEARD_DAYS)


def _suggestion(rule: str, subjects: Counter[str], unheard: Sequence[tuple[Alert, Moment]], worse: int) -> str:
    """What to tune, where most was noise or one subject fires again and again."""
    subject, most = subjects.most_common(1)[0]
    stakes = [alert.at_stake_usd for alert, _ in unheard if alert.at_stake_usd is not None]
    if unheard and stakes:
        return (
            f"`{rule}`: {len(unheard)} were over by themselves: `alerts.rules.{rule}.stake_min` above "
            f"{cents(max(stakes))} a month, or more `swings`, would have kept them quiet"
        )
    if unheard:
        return f"`{rule}`: {len(unheard)} were over by themselves: raise `alerts.rules.{rule}.threshold`"
    if worse * 2 > subjects.total():
        return f"`{rule}`: {worse} times it got worse: a larger `alerts.rules.{rule}.worse` tells of fewer steps"
    if most > 1:
        return f"`{rule}`: {subject} fired {most} times: a longer `alerts.rules.{rule}.stay` makes one alert of it"
    if len(subjects) > 1:
        return f"`{rule}`: {len(subjects)} subjects: `alerts.rules.{rule}.deliver: week` makes one message of them"
    return ""
