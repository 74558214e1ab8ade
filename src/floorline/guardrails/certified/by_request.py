"""Labels → certificates of a per-request score, kind `score`: it decides against its feature's certificate where that is shown to help.

The score is fitted on the comparisons of candidates (labels of kind `route`), and judged only by those that it was not fitted on.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.certified.operating import Compared, Point, harmed, operating_point
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.certified.scoring import Benefit, benefit, crossed, fit
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
from floorline.proof.labels import LabelsBy
from floorline.proof.weights import value


def certify_score(rule: CertifiedRule, labels: LabelsBy, before: Before, now: datetime) -> list[Certificate]:
    """The certificates of a score for one feature and step, or for all that hold the bar together: `labels` are those of one candidate,
    by their places. A label that has other figures than the newest cannot be weighed with it.
    """
    places = {place: place._replace(kind="score") for place in labels}
    known = {place: before(at) for place, at in places.items()}
    figures = len(in_time(labels)[-1].features)
    own = {
        place: tuple([one for one in counted(found, known[place]) if len(one.features) == figures])
        for place, found in labels.items()
    }
    compared = [compared_of(one) for one in in_time(own)]
    blind = crossed(compared, by_request=True)
    told = benefit(blind)
    point = operating_point(blind, rule.bar) if told.holds() else None
    router = fit(compared, by_request=True)
    made: list[Certificate] = []
    for place, found in own.items():
        one = known[place]
        if one is not None and acts(rule, one, labels[place]):
            made.append(watched(rule, one, labels[place], now))
            continue
        asked = blank(rule, places[place], labels[place], found, now)
        asked = replace(asked, weights=router.of((place.feature, place.step)))
        made.append(kept(one, _shown(rule, asked, told, point, compared)))
    return made


def watched(rule: CertifiedRule, before: Certificate, labels: Sequence[Label], now: datetime) -> Certificate:
    """A score in force: its weights and its threshold stay, and the labels since are bet against them."""
    alarm = harmed(rescored(before, since(labels, before)), rule.bar, before.threshold)
    return suspended(before, alarm, now) if alarm.holds() else replace(before, alarm=alarm)


def rescored(certificate: Certificate, labels: Sequence[Label]) -> list[Compared]:
    """The labels as comparisons, with what the certificate's weights say of each."""
    weights = certificate.weights
    assert weights is not None, "a score has weights"
    return [replace(compared_of(one), score=value(weights, one.features)) for one in labels]


def _shown(
    rule: CertifiedRule, asked: Certificate, told: Benefit, point: Point | None, compared: Sequence[Compared]
) -> Certificate:
    won = "no gap" if told.apgr is None else f"{told.apgr:.2f} of the gap, and chance .50"
    said = f"{len(compared)} comparisons: within features the score wins back {won}"
    if point is None:
        missing = f"no threshold is shown to hold the bar of {percent(rule.bar)}"
        return replace(asked, reason=f"{said}: {missing if told.holds() else 'that does not show more than chance'}")
    state: State = "certified"
    reason = f"{said}; with {percent(point.share)} of calls on the candidate quality is surely {percent(point.bound)}"
    return replace(asked, state=state, threshold=point.threshold, bound=point.bound, share=point.share, reason=reason)
