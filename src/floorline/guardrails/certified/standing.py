"""What certificates of candidates and of scores have in common: which labels count, and how a state follows from the one before.

shadow ─▶ certified      the bar is shown to be held (a lower bound, whenever one looks)
shadow ─▶ refused        it is shown to be missed
certified ─▶ suspended   labels since then show that it is missed: an alarm
suspended ─▶ certified   shown anew, by labels since the alarm alone
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.certified.operating import Compared
from floorline.guardrails.trust import JudgeError, Judging, least_known, unmeasured
from floorline.proof.betting import Wealth
from floorline.proof.certificate import Certificate
from floorline.proof.labels import LabelsBy, Place, latest_epoch, of_epoch


class Barred(Judging, Protocol):
    """A rule with a bar, and with a judge who says what is right."""

    @property
    def bar(self) -> float:
        """The share of quality that is kept."""
        ...


def compared_of(label: Label) -> Compared:
    """The label as a comparison; where nobody judged the reference, it is the measure."""
    return Compared(
        cheap=float(label.right),
        reference=1.0 if label.other_right is None else float(label.other_right),
        of=(label.feature, label.step),
        score=label.score,
        features=label.features,
    )


def counted(labels: Sequence[Label], before: Certificate | None) -> tuple[Label, ...]:
    """Those that hold under what is true now; after an alarm, those that came since."""
    epoch = latest_epoch(labels)
    found = of_epoch(labels, epoch)
    if before is None or before.epoch != epoch or before.state != "suspended":
        return found
    return tuple([one for one in found if one.at > before.since])


def since(labels: Sequence[Label], before: Certificate) -> tuple[Label, ...]:
    """Those that came after the certificate took its state."""
    return tuple([one for one in of_epoch(labels, before.epoch) if one.at > before.since])


def in_time(labels: LabelsBy) -> list[Label]:
    """The labels of all places in one order."""
    return sorted([one for found in labels.values() for one in found], key=lambda one: (one.at, one.source, one.id))


def acts(rule: Barred, before: Certificate | None, labels: Sequence[Label]) -> bool:
    """Whether the certificate is in force, under what is true now, and for the bar that is asked for now."""
    return before is not None and before.acts and before.epoch == latest_epoch(labels) and before.budget >= rule.bar


def blank(rule: Barred, place: Place, labels: Sequence[Label], found: Sequence[Label], now: datetime) -> Certificate:
    """A certificate that says what was `found` to count of the labels and who judged them, and nothing yet of what that shows."""
    known = _judge(rule, labels)
    return Certificate(
        kind=place.kind,
        feature=place.feature,
        step=place.step,
        subject=place.subject,
        budget=rule.bar,
        labels=len(found),
        rights=sum([one.right for one in found]),
        since=now,
        epoch=latest_epoch(labels),
        judge="" if known is None else known.judge,
        judge_error=None if known is None else known.error,
        model=labels[-1].model,
    )


def kept(before: Certificate | None, made: Certificate) -> Certificate:
    """The certificate, in its state since it has been in it; one that was taken back stays so until it is shown anew."""
    if before is None or before.epoch != made.epoch:
        return made
    if before.state == "suspended" and made.state == "shadow":
        return replace(made, state="suspended", since=before.since)
    return replace(made, since=before.since) if before.state == made.state else made


def suspended(made: Certificate, alarm: Wealth, now: datetime) -> Certificate:
    """The certificate taken back by its alarm."""
    reason = f"an alarm after {alarm.n} labels: they show that quality misses the bar of {percent(made.budget)}"
    return replace(made, state="suspended", since=now, alarm=alarm, reason=reason)


def silent(rule: Barred, labels: Sequence[Label]) -> str:
    """Why the labels that hold under what is true now carry no certificate: nobody knows what a judge of theirs errs by, or that is more
    than the bar leaves room for. '' where they may carry one.
    """
    known = _judge(rule, labels)
    if known is None:
        return ""
    if known.error is None:
        return unmeasured(known, labels[-1].feature)
    if known.error <= 1 - rule.bar:
        return ""
    return f"its judge errs in {percent(known.error)}, more than the bar of {percent(rule.bar)} leaves room for"


def raised(rule: Barred, labels: Sequence[Label]) -> float:
    """The bar that labels are held against: of the answers that are worse, their judge lets through as many as it errs in, so that there
    may be fewer of them by so much. The rule's own where no judge errs.
    """
    known = _judge(rule, labels)
    if known is None or not known.error:
        return rule.bar
    return 1 - (1 - rule.bar) * (1 - known.error)


def silenced(
    rule: Barred, place: Place, labels: Sequence[Label], before: Certificate | None, now: datetime
) -> Certificate:
    """The certificate of a place whose labels are `silent`: whatever it was, it is in force no more."""
    found = counted(labels, before)
    return kept(before, replace(blank(rule, place, labels, found, now), reason=silent(rule, labels)))


def _judge(rule: Barred, labels: Sequence[Label]) -> JudgeError | None:
    """The least known judge of the labels that hold under what is true now."""
    return least_known(rule, of_epoch(labels, latest_epoch(labels)))


def percent(share: float | None) -> str:
    """As people read it."""
    return "no" if share is None else f"{100 * share:.1f} %"
