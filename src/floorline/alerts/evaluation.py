"""One evaluation: which alerts a picture concerns, and what becomes of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from floorline.alerts.condition import Condition
from floorline.alerts.figures import Picture
from floorline.alerts.machine import NOTHING_KNOWN, About, Patience, is_worse, judged, withdrawn
from floorline.alerts.model import Alert, alert_id, week_of
from floorline.alerts.rules import EVERY, FACTS, GRAVEST_FIRST, GROWTHS, REPORTED, Rule, conditions
from floorline.alerts.tuning import Setting, Tuning

OFF = "the rule is off"

_OF_REPORTS = frozenset({"budget", "fair_use"})

_APART_DAYS_MAX = 7
"""An alert tells after a week at the latest that it got worse, however many days its rule looks at."""


class Verdict(NamedTuple):
    """What a picture says of one alert; `condition` is None where its rule is off."""

    id: str
    condition: Condition | None
    patience: Patience
    period: str

    def of(self, alert: Alert | None, now: datetime, about: About = NOTHING_KNOWN) -> Alert | None:
        """The alert after it; the same object where nothing changes."""
        if self.condition is None:
            return None if alert is None else withdrawn(alert, now, OFF)
        return judged(alert, self.condition, now=now, period=self.period, patience=self.patience, about=about)


def verdicts(
    picture: Picture, tuning: Tuning, known: Mapping[str, Alert], rules: Sequence[Rule] = EVERY
) -> Iterator[Verdict]:
    """What the picture says of every alert that is `known` or has to be made. Others are not named: that nothing is wrong
    with most subjects needs no document. `known` are alerts of these rules.
    """
    period = week_of(picture.today)
    seen: set[str] = set()
    for condition in _unless_red(conditions(picture, tuning, rules), known):
        id_ = alert_id(condition.rule, condition.kind, condition.subject)
        seen.add(id_)
        if condition.reading == "firing" or id_ in known:
            setting = _setting(tuning, condition.rule, condition.kind, condition.subject)
            yield Verdict(id_, condition, _patience(setting), period)
    for id_, alert in known.items():
        if id_ not in seen and alert.active:
            yield _unnamed(alert, tuning, period)


def reported(picture: Picture, tuning: Tuning, known: Mapping[str, Alert]) -> Iterator[Verdict]:
    """As `verdicts`, of what guardrails reported alone."""
    return verdicts(picture, tuning, {id_: one for id_, one in known.items() if one.rule in _OF_REPORTS}, REPORTED)


def drivers_told(verdict: Verdict, known: Mapping[str, Alert]) -> frozenset[str]:
    """The drivers of which the verdict opens no alert: of a feature whose costs grow they were told by one that is open, by
    another rule and with more than half as much at stake.
    """
    condition, own = verdict.condition, known.get(verdict.id)
    if condition is None or condition.rule not in GROWTHS or (own is not None and own.active):
        return frozenset()
    return frozenset(
        alert.driver
        for alert in known.values()
        if alert.active
        and alert.driver
        and alert.rule in GRAVEST_FIRST
        and (alert.subject_kind, alert.subject) == ("feature", condition.subject)
        and not is_worse(alert, condition.stake_usd, verdict.patience.worse)
    )


def _unless_red(found: Iterable[Condition], known: Mapping[str, Alert]) -> Iterator[Condition]:
    """The conditions, with no feature told to be yellow that somebody was told is red, and still is."""
    for condition in found:
        if condition.rule == "margin_yellow" and condition.reading == "firing":
            red = known.get(alert_id("margin_red", condition.kind, condition.subject))
            yield condition if red is None or not red.active else condition._replace(reading="held")
        else:
            yield condition


def _unnamed(alert: Alert, tuning: Tuning, period: str) -> Verdict:
    """What to make of an alert whose subject no rule named."""
    setting = _setting(tuning, alert.rule, alert.subject_kind, alert.subject) if alert.rule in tuning.rules else None
    if setting is None or not setting.enabled:
        return Verdict(alert.id, None, Patience(stay=timedelta(0)), period)
    reading = "clear" if alert.rule in FACTS else "thin"
    gone = Condition(
        alert.rule,
        alert.subject_kind,
        alert.subject,
        reading,
        value=alert.value,
        threshold=alert.threshold,
        unit=alert.unit,
        edition=alert.edition,
    )
    return Verdict(alert.id, gone, _patience(setting), period)


def _patience(setting: Setting) -> Patience:
    apart = timedelta(days=min(setting.window_days, _APART_DAYS_MAX))
    return Patience(stay=timedelta(days=setting.stay_days), worse=setting.worse, apart=apart)


def _setting(tuning: Tuning, rule: str, kind: str, subject: str) -> Setting:
    return tuning.of(rule, subject if kind == "feature" else "")
