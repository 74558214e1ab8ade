"""Labels → certificates of candidate models, kind `route`: each for its feature and step, or for several that hold one bar together.

The labels are such as may carry a certificate: `certifying.py` sees to that.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.certified.operating import (
    Compared,
    Point,
    bound,
    harmed,
    on_bar,
    operating_point,
    quality,
    shown,
)
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.certified.scoring import Router, crossed, fit
from floorline.guardrails.certified.standing import (
    acts,
    blank,
    compared_of,
    counted,
    in_time,
    kept,
    percent,
    since,
    suspended,
)
from floorline.proof.certificate import Before, Certificate, State
from floorline.proof.labels import LabelsBy, Place, place_of


def certify(rule: CertifiedRule, labels: Sequence[Label], before: Certificate | None, now: datetime) -> Certificate:
    """The certificate of one candidate for one feature and step. `labels` are of that place, in the order of their time; at least one."""
    found = counted(labels, before)
    compared = [compared_of(one) for one in found]
    made = replace(blank(rule, place_of(labels[-1]), labels, found, now), bound=bound(compared), share=1.0)
    if before is not None and acts(rule, before, labels):
        alarm = harmed(map(compared_of, since(labels, before)), rule.bar)
        if alarm.holds():
            return suspended(made, alarm, now)
        return replace(made, state="certified", since=before.since, alarm=alarm, reason=before.reason)
    reason = (
        f"{len(compared)} comparisons show {percent(quality(compared))} of the quality of the model asked for, and surely"
        f" {percent(made.bound)}; the bar is {percent(rule.bar)}"
    )
    return kept(before, replace(made, state=_state(compared, rule.bar), reason=reason))


def _state(compared: Sequence[Compared], bar: float) -> State:
    if shown(on_bar(compared, bar)):
        return "certified"
    return "refused" if shown(harmed(compared, bar)) else "shadow"


def certify_together(rule: CertifiedRule, labels: LabelsBy, before: Before, now: datetime) -> list[Certificate]:
    """The certificates of one candidate for every feature and step that holds the bar with others. Those in force fall together."""
    known = {place: before(place) for place in labels}
    acting = {place: one for place, one in known.items() if one is not None and acts(rule, one, labels[place])}
    if acting:
        return _watched(rule, labels, acting, known, now)
    own = {place: counted(found, known[place]) for place, found in labels.items()}
    compared = [compared_of(one) for one in in_time(own)]
    point = operating_point(crossed(compared, by_request=False), rule.bar)
    router = fit(compared, by_request=False)
    return [
        kept(known[place], _placed(rule, blank(rule, place, labels[place], found, now), point, router, len(compared)))
        for place, found in own.items()
    ]


def _placed(rule: CertifiedRule, made: Certificate, point: Point | None, router: Router, compared: int) -> Certificate:
    """The certificate of one feature by the point at which all of them hold the bar."""
    if point is None:
        shown = f"{compared} comparisons of all features together do not show the bar of {percent(rule.bar)} yet"
        return replace(made, reason=shown)
    taken = router.score((made.feature, made.step)) >= point.threshold
    reason = (
        f"{compared} comparisons of all features together: with {percent(point.share)} of their calls on the candidate quality is"
        f" surely {percent(point.bound)}, and the bar is {percent(rule.bar)}; this feature is {'' if taken else 'not '}among those that lose least"
    )
    state: State = "certified" if taken else "shadow"
    return replace(made, state=state, bound=point.bound, share=float(taken), reason=reason)


def _watched(
    rule: CertifiedRule,
    labels: LabelsBy,
    acting: Mapping[Place, Certificate],
    known: Mapping[Place, Certificate | None],
    now: datetime,
) -> list[Certificate]:
    """The certificates while some are in force: one alarm over the labels of all features, whose calls go as those say."""
    began = max(one.since for one in acting.values())
    later = [one for one in in_time(labels) if one.at > began]
    alarm = harmed(
        [replace(compared_of(one), score=float(place_of(one) in acting)) for one in later], rule.bar, threshold=1.0
    )
    made: list[Certificate] = []
    for place, found in labels.items():
        before = known[place]
        asked = blank(rule, place, found, found, now)
        if place in acting:
            in_force = replace(acting[place], labels=asked.labels, rights=asked.rights, alarm=alarm)
            made.append(suspended(in_force, alarm, now) if alarm.holds() else in_force)
        elif before is None:
            made.append(replace(asked, reason="it came after the features that hold the bar together were chosen"))
        else:
            made.append(replace(before, labels=asked.labels, rights=asked.rights))
    return made
