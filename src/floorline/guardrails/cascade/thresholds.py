"""Labels → the threshold of a cascade's check, kind `cascade`: an answer scored below it is asked of the next stage.

A label is a call that a stage and the model asked for have answered: its score is what the check said of the stage's answer, and it is
right where that was as good as the other. So the check is never trusted beyond what it was right in: the threshold is the lowest at which a lower
bound on quality holds the bar, and there is none while the labels do not show one.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.cascade.rule import CascadeRule
from floorline.guardrails.certified.operating import harmed, operating_point, quality
from floorline.guardrails.certified.standing import (
    acts,
    blank,
    compared_of,
    counted,
    kept,
    percent,
    raised,
    silenced,
    silent,
    since,
    suspended,
)
from floorline.proof.certificate import Certificate
from floorline.proof.labels import place_of


def certify(rule: CascadeRule, labels: Sequence[Label], before: Certificate | None, now: datetime) -> Certificate:
    """The certificate of one check of one feature and step. `labels` are of that place, in the order of their time; at least one.

    Scores are not fitted, so every run may look for a lower threshold among all labels; the labels since it is in force watch it.
    """
    place = place_of(labels[-1])
    if silent(rule, labels):
        return silenced(rule, place, labels, before, now)
    rule = replace(rule, bar=raised(rule, labels))
    found = counted(labels, before)
    compared = [compared_of(one) for one in found]
    point = operating_point(compared, rule.bar)
    made = blank(rule, place, labels, found, now)
    if point is not None:
        made = replace(made, threshold=point.threshold, bound=point.bound, share=point.share)
    if before is not None and acts(rule, before, labels):
        alarm = harmed(map(compared_of, since(labels, before)), rule.bar, before.threshold)
        if alarm.holds():
            return suspended(replace(made, threshold=None), alarm, now)
        if point is None:
            return replace(before, labels=made.labels, rights=made.rights, alarm=alarm)
        made = replace(made, alarm=alarm)
    if point is None:
        few = f"{len(found)} labels show no threshold that holds the bar of {percent(rule.bar)} yet"
        return kept(before, replace(made, reason=few))
    let = [one for one in compared if one.score >= point.threshold]
    reason = (
        f"{len(found)} labels: {percent(point.share)} of answers are let through, {percent(quality(let))} of those as good as the model"
        f" asked for; quality is surely {percent(point.bound)}, and the bar is {percent(rule.bar)}"
    )
    return kept(before, replace(made, state="certified", reason=reason))
