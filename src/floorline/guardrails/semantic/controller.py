"""From labels to the certificate of one place: whether near answers may be served there, from which score on, and when no more.

    shadow ─▶ certified ─▶ suspended ─▶ shadow        refused: many labels, and no threshold is safe

Certified is the lowest score of which an exact bound says, with CONFIDENCE, that at most `false_hits_max` of the answers from it on are
wrong. Thresholds are asked from the strictest on, each with its part of the chance of being wrong, and one that holds hands its part on (Wiens 2003): many
are asked, and all of them together are wrong no more often than one. What is served and audited bets against the budget from then on, and an
alarm ends it at once: labels from before it count for nothing afterwards.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import numpy as np
from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.semantic.rule import SemanticRule
from floorline.guardrails.semantic.scoring import score
from floorline.guardrails.semantic.verifier import Scored, ways
from floorline.guardrails.trust import least_known, unmeasured
from floorline.proof.betting import FRESH, Wealth, alarm
from floorline.proof.bounds import at_most, lower, upper
from floorline.proof.certificate import Certificate, State
from floorline.proof.labels import latest_epoch, of_epoch, place_of
from floorline.proof.learning import Floats

CONFIDENCE = 0.95
REFUSED_FROM = 2_000
"""From so many labels on, no safe threshold is an answer and no longer a lack of labels; before, where even the most alike are surely wrong
too often.
"""

ALARM_EVERY = 50
"""After so many audits the betting also starts anew, so that a change is not outweighed by what was before it."""

GROWN = 0.1
"""Thresholds are asked again once so large a share of the labels is new; the alarm listens to each."""

_STEP = 1.1
_SPARE = 2.0


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold, how many labels reach it and how many of them are wrong, and what the rate of wrong ones does not exceed."""

    threshold: float
    labels: int
    wrong: int
    bound: float


def certify(rule: SemanticRule, labels: Sequence[Label], before: Certificate | None, now: datetime) -> Certificate:
    """The place's certificate after `labels`: all that there are of it, in the order of their time, at least one."""
    epoch = latest_epoch(labels)
    current = of_epoch(labels, epoch)
    known = before if before is not None and before.epoch == epoch else _fresh(current[0], epoch, now)
    by = least_known(rule, current)
    judge, error = ("", None) if by is None else (by.judge, by.error)
    asked_again = (known.budget, known.judge, known.judge_error) != (rule.false_hits_max, judge, error)
    known = replace(known, budget=rule.false_hits_max, judge=judge, judge_error=error)
    if known.labels_from is not None:
        current = tuple([one for one in current if one.at > known.labels_from])
    if said := unmeasured(by, known.feature):
        return _turned(_bare(known, current), "shadow", said, now)
    if known.acts:
        wealth, rings = alarmed(known, current)
        if rings:
            return _suspended(known, wealth, now)
        known = replace(known, alarm=wealth)
    if not asked_again and not _has_grown(known, current):
        return known
    return _judged(rule, current, known, now)


def alarmed(certificate: Certificate, labels: Sequence[Label]) -> tuple[Wealth, bool]:
    """The betting of audits since the certificate against its budget, and whether it shows that more is wrong.

    Audits are the labels that would have been served, or were. The betting is begun anew after every ALARM_EVERY of them beside those that run, each with a part
    of the chance of a false alarm: 6 ÷ (π n)² of it for the n-th, which are 1 in all.
    """
    wrong = [not one.right for one in labels if one.at > certificate.since and _is_audit(certificate, one)]
    first, rings = FRESH, False
    for number, start in enumerate(range(0, len(wrong), ALARM_EVERY), 1):
        wealth = FRESH
        for one in wrong[start:]:
            wealth = alarm(wealth, wrong=one, budget=certificate.budget)
        first = wealth if number == 1 else first
        rings = rings or wealth.holds((1 - CONFIDENCE) * 6 / (math.pi * number) ** 2)
    return first, rings


def safest(scores: Floats, right: Sequence[bool], limit: float, chance: float) -> Point | None:
    """The lowest threshold from which at most `limit` of the answers are wrong, with a chance of at most `chance` that this is not so;
    None where there is none.
    """
    order = np.argsort(-scores, kind="stable")
    ranked: Floats = scores[order]
    wrong = np.cumsum([not right[place] for place in order])
    counts = tuple(_counts(len(right), limit, chance))
    found, part = None, 0.0
    for count in counts:
        threshold = float(ranked[count - 1])
        reached = int(np.searchsorted(-ranked, -threshold, side="right"))
        errors, part = int(wrong[reached - 1]), part + chance / len(counts)
        if at_most(errors, reached, limit, 1 - part):
            found = Point(threshold=threshold, labels=reached, wrong=errors, bound=upper(errors, reached, 1 - part))
        else:
            part = 0.0
    return found


def needed(limit: float) -> int:
    """How many labels show that at most `limit` are wrong when none of them is."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-limit))


def _counts(labels: int, limit: float, chance: float) -> Iterator[int]:
    """How many of the highest scores are asked about: from about as many on as can show anything."""
    count = _SPARE * math.log(chance) / math.log1p(-limit)
    while count < labels:
        yield math.ceil(count)
        count *= _STEP
    if labels >= needed(limit):
        yield labels


def _judged(rule: SemanticRule, labels: Sequence[Label], known: Certificate, now: datetime) -> Certificate:
    """Certified by what serves most of all that is safe; else what is lacking for that."""
    if known.state == "suspended" and len(labels) < needed(rule.false_hits_max):
        return known
    right = [one.right for one in labels]
    bare = _bare(known, labels)
    error = known.judge_error or 0.0
    if error >= rule.false_hits_max:
        said = (
            f"a judge that errs in {_percent(error)} cannot show that at most {_percent(rule.false_hits_max)} are wrong"
        )
        return _turned(bare, "refused", said, now)
    limit = rule.false_hits_max * (1 - error)
    every = ways(labels)
    points = [(way, safest(way.scores, right, limit, (1 - CONFIDENCE) / len(every))) for way in every]
    safe = [(way, point) for way, point in points if point is not None]
    if not safe:
        wrong, first = _most_alike(every[-1], right, limit)
        enough = len(labels) >= max(REFUSED_FROM, 2 * needed(limit)) or (first and lower(wrong, first) > limit)
        return _turned(bare, "refused" if enough else "shadow", _lacking(wrong, first, len(right), limit), now)
    way, best = max(safe, key=lambda one: one[1].labels)
    said = (
        f"{best.wrong} of the {best.labels} labels from a score of {best.threshold:.3f} on are wrong, "
        f"at most {_percent(best.bound)} of all such answers: {_percent(rule.false_hits_max)} may be"
    )
    found = replace(
        bare, threshold=best.threshold, bound=best.bound, share=best.labels / len(labels), weights=way.weights
    )
    return _turned(found, "certified", said, now)


def _bare(known: Certificate, labels: Sequence[Label]) -> Certificate:
    """The certificate of these labels, without anything that they might show."""
    return replace(
        known,
        labels=len(labels),
        rights=sum([one.right for one in labels]),
        labels_to=labels[-1].at if labels else None,
        threshold=None,
        bound=None,
        share=None,
        weights=None,
    )


def _has_grown(known: Certificate, labels: Sequence[Label]) -> bool:
    if known.labels_to is None:
        return True
    return sum(one.at > known.labels_to for one in labels) >= max(GROWN * known.labels, 1)


def _is_audit(certificate: Certificate, label: Label) -> bool:
    if certificate.threshold is None or label.served:
        return label.served
    return score(certificate.weights, label.score, label.features) >= certificate.threshold


def _fresh(label: Label, epoch: str, now: datetime) -> Certificate:
    """Before anything is known of the label's place."""
    return Certificate(**place_of(label)._asdict(), epoch=epoch, since=now)


def _suspended(known: Certificate, wealth: Wealth, now: datetime) -> Certificate:
    """After an alarm."""
    wrong = _percent(wealth.mean + known.budget)
    return replace(
        known,
        state="suspended",
        since=now,
        labels_from=now,
        labels_to=None,
        labels=0,
        rights=0,
        threshold=None,
        bound=None,
        share=None,
        weights=None,
        alarm=wealth,
        reason=f"{wrong} of {wealth.n} audits are wrong, and {_percent(known.budget)} may be: labels from before count no longer",
    )


def _turned(certificate: Certificate, state: State, reason: str, now: datetime) -> Certificate:
    """The certificate in `state`, which begins now where it is another one."""
    if certificate.state == state:
        return replace(certificate, reason=reason)
    return replace(certificate, state=state, since=now, alarm=FRESH, reason=reason)


def _most_alike(way: Scored, right: Sequence[bool], limit: float) -> tuple[int, int]:
    """How many are wrong of the labels with the highest scores, of as many as can show anything; 0 of 0 of too few labels."""
    first = next(_counts(len(right), limit, 1 - CONFIDENCE), 0)
    return len([place for place in np.argsort(-way.scores, kind="stable")[:first] if not right[place]]), first


def _lacking(wrong: int, first: int, labels: int, limit: float) -> str:
    """Why no threshold is safe: too few labels, or too many wrong ones among the most alike."""
    if not first:
        return f"{labels} labels, and at least {needed(limit)} are needed for {_percent(limit)}"
    return (
        f"no safe operating point: {wrong} of the {first} labels with the highest scores are wrong, "
        f"which may be {_percent(upper(wrong, first))} of all such answers, and {_percent(limit)} may be"
    )


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.2g} %" if percent < 99.5 else f"{percent:.0f} %"
