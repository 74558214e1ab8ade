"""An alert as it is kept: one document for each rule and subject, for ever, with every transition it made."""

import hashlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import dropwhile, pairwise, takewhile
from typing import Literal

import msgspec

State = Literal["open", "acknowledged", "worsened", "resolved", "reopened"]
SubjectKind = Literal["company", "feature", "customer", "model", "budget", "source", "certificate"]
Severity = Literal["critical", "warning", "info"]
Unit = Literal["ratio", "usd", "minutes", "hours", "days", "calls"]
"""What value and threshold count: a share (0.62 is 62 %), dollars, a time, calls."""

KIND = "alert"
"""The kind of the documents on the Shelf."""

FIRINGS: frozenset[State] = frozenset({"open", "reopened"})
"""The transitions that begin something."""

ALARMS: frozenset[State] = frozenset({*FIRINGS, "worsened"})
"""The transitions that call for somebody, and the states in which that is wanted."""

HISTORY_MAX = 100
"""Transitions that one alert keeps, the latest."""

_NAME_MAX = 120


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One transition. `number` counts from 1 and is never used again; `by` is empty where no person did it."""

    number: int
    state: State
    at: datetime
    by: str = ""
    note: str = ""
    value: Decimal | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one subject by one rule, and what became of it.

    The instants are of the latest transition of each kind. `trend` is how far `value` moved in a week. `driver` is the
    bridge's part that took most margin (with `driver_text` and its `lever`), empty where there is none. `at_stake_usd` is
    dollars a month, None where unknown, and `alarm_stake_usd` what they were when it called for somebody last. `edition` is
    what the subject's condition is about at the moment (a price version, a budget's period and step): another edition is
    news. `told` is the number of the last transition that was handed to the routes, and `period` the one of that;
    `silenced_in` the period in which a person resolved it while it still held. `owner` is whom the runbook names, `assigned`
    whom a person gave it to, until it fires again.
    """

    id: str
    rule: str
    subject_kind: SubjectKind
    subject: str
    severity: Severity
    state: State
    opened_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    reopened_at: datetime | None = None
    worsened_at: datetime | None = None
    value: Decimal | None = None
    threshold: Decimal | None = None
    unit: Unit = "ratio"
    trend: Decimal | None = None
    evidence: str = ""
    driver: str = ""
    driver_text: str = ""
    lever: str = ""
    at_stake_usd: Decimal | None = None
    alarm_stake_usd: Decimal | None = None
    owner: str = ""
    assigned: str = ""
    deadline: datetime | None = None
    edition: str = ""
    clear_since: datetime | None = None
    thin_since: datetime | None = None
    period: str = ""
    silenced_in: str = ""
    told: int = 0
    history: tuple[Moment, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it waits for somebody or is being worked on."""
        return self.state != "resolved"

    @property
    def answerable(self) -> str:
        """Who is to see to it; empty where nobody is named."""
        return self.assigned or self.owner

    @property
    def fired_at(self) -> datetime:
        """When it was opened or reopened last."""
        return self.reopened_at or self.opened_at

    @property
    def alarmed_at(self) -> datetime:
        """When it began to wait for somebody: when it fired last, or when it got worse after an answer to that."""
        again = [
            moment.at
            for before, moment in pairwise(self.history)
            if moment.state == "worsened" and before.state == "acknowledged"
        ]
        return max([self.fired_at, *again])

    @property
    def number(self) -> int:
        """The number of the latest transition."""
        return self.history[-1].number

    @property
    def untold(self) -> tuple[Moment, ...]:
        """Transitions that no route was handed yet, oldest first."""
        return tuple(moment for moment in self.history if moment.number > self.told)

    @property
    def response_time(self) -> timedelta | None:
        """From `alarmed_at` to the first answer of a person to it; None while nobody answered."""
        return response_to(self, self.alarmed_at)


def response_to(alert: Alert, alarmed_at: datetime) -> timedelta | None:
    """From the call for somebody at `alarmed_at` to the first answer of a person before the next firing; None without one.
    Who answers one that got worse meanwhile has answered both.
    """
    later = dropwhile(lambda moment: moment.at != alarmed_at or moment.state not in ALARMS, alert.history)
    next(later, None)
    for moment in takewhile(lambda moment: moment.state not in FIRINGS, later):
        if moment.by:
            return moment.at - alarmed_at
    return None


def firings(alert: Alert, start: datetime, end: datetime) -> tuple[Moment, ...]:
    """The times it was opened or reopened from `start` on, before `end`."""
    return _those_in(alert, FIRINGS, start, end)


def alarms(alert: Alert, start: datetime, end: datetime) -> tuple[Moment, ...]:
    """The times it called for somebody from `start` on, before `end`: its firings, and when it got worse."""
    return _those_in(alert, ALARMS, start, end)


def _those_in(alert: Alert, states: frozenset[State], start: datetime, end: datetime) -> tuple[Moment, ...]:
    return tuple(moment for moment in alert.history if moment.state in states and start <= moment.at < end)


def alert_id(rule: str, kind: SubjectKind, subject: str) -> str:
    """`rule/kind/subject`; a long name by a digest of it, so that the id fits where ids are kept."""
    name = subject if len(subject) <= _NAME_MAX else hashlib.sha256(subject.encode()).hexdigest()[:16]
    return f"{rule}/{kind}/{name}" if subject else f"{rule}/{kind}"


def week_of(day: date) -> str:
    """The ISO week of a day: `2026-W46`."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def week_start(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())
