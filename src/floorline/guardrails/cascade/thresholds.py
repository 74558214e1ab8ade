"""Labels → the threshold of a cascade's check, kind `cascade`: an answer scored below it is asked of the next stage.

A label is a call that both stages answered: its score is what the check said of the first stage's answer, and it is right where that
was as good as the next stage's. So the check is never trusted beyond what it was right in: the threshold is the lowest at which a lower
bound on quality holds the bar, and there is none while the labels do not show one.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.certified.operating import harmed, operating_point, quality
from floorline.guardrails.certified.standing import acts, compared_of, counted, kept, percent, since
from floorline.proof.certificate import Certificate
from floorline.proof.labels import latest_epoch, place_of


def certify(bar: float, labels: Sequence[Label], before: Certificate | None, now: datetime) -> Certificate:
    """The certificate of one check of one feature and step. `labels` are of that place, in the order of their time; at least one.

    Scores are not fitted, so every run may look for a lower threshold among all labels; the labels since it is in force watch it.
    """
    found = counted(labels, before)
    compared = [compared_of(one) for one in found]
    point = operating_point(compared, bar)
    place = place_of(labels[-1])
    made = Certificate(
        kind="cascade",
        feature=place.feature,
        step=place.step,
        subject=place.subject,
        budget=bar,
        labels=len(found),
        rights=sum([one.right for one in found]),
        since=now,
        epoch=latest_epoch(labels),
        model=labels[-1].model,
        threshold=None if point is None else point.threshold,
        bound=None if point is None else point.bound,
        share=None if point is None else point.share,
    )
    if before is not None and acts(before, labels):
        alarm = harmed(map(compared_of, since(labels, before)), bar, before.threshold)
        if alarm.holds():
            reason = f"an alarm after {alarm.n} labels: they show that quality misses the bar of {percent(bar)}"
            return replace(made, state="suspended", threshold=None, alarm=alarm, reason=reason)
        if point is None:
            return replace(before, labels=made.labels, rights=made.rights, alarm=alarm)
        made = replace(made, alarm=alarm)
    if point is None:
        return kept(
            before,
            replace(made, reason=f"{len(found)} labels show no threshold that holds the bar of {percent(bar)} yet"),
        )
    let = [one for one in compared if one.score >= point.threshold]
    reason = (
        f"{len(found)} labels: {percent(point.share)} of answers are let through, {percent(quality(let))} of those as good as the next"
        f" stage's; quality is surely {percent(point.bound)}, and the bar is {percent(bar)}"
    )
    return kept(before, replace(made, state="certified", reason=reason))
