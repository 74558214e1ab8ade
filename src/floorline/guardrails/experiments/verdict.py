"""What an experiment's labels show: the treatment is not worse by the margin, it does harm, or it is not known yet.

Units (customers, else users) of the two arms are paired in the order in which they came to have labels enough, the first control with the
first treated, so that both of a pair are of about the same time. Assignment is a hash: the pairs are fair draws of a difference. It is
tested by betting after every pair, or by Tango's test once (where a unit counts with several labels, by the bound of a mean).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.experiments.rule import CONTROL, TREATMENT, Experiment
from floorline.proof import bounds, paired
from floorline.proof.betting import FRESH, Wealth, bet
from floorline.proof.certificate import Certificate
from floorline.proof.labels import of_epoch
from floorline.proof.words import points, size

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side: how many units have a label, how many count with labels enough, and their labels."""

    units: int
    counted: int
    labels: int
    rights: int

    @property
    def rate(self) -> float | None:
        """Right per label; None without any."""
        return self.rights / self.labels if self.labels else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the labels show so far. `difference` is the treatment's mean less the control's over the pairs, between `low` and `high`
    95 times of 100 for one look; `needed` is how many pairs show with a chance of 80 % that an equal treatment is not worse, None
    where nothing is known of how often pairs differ. `passes`: one look at these pairs shows that it is not worse.
    """

    control: Arm
    treatment: Arm
    pairs: int
    difference: float | None
    low: float
    high: float
    needed: int | None
    passes: bool
    not_worse: Wealth
    harm: Wealth


def show(one: Experiment, labels: Sequence[Label]) -> Shown:
    """What labels, in the order of their time, show of the experiment."""
    found = of_epoch(labels, one.epoch)
    control, treatment = (_completed(found, arm, one.each) for arm in (CONTROL, TREATMENT))
    pairs = list(zip(control, treatment, strict=False))[: one.pairs or None]
    differences = [treated - left for left, treated in pairs]
    low, high = _interval(one, pairs, differences)
    return Shown(
        control=_arm(found, CONTROL, len(control)),
        treatment=_arm(found, TREATMENT, len(treatment)),
        pairs=len(pairs),
        difference=sum(differences) / len(pairs) if pairs else None,
        low=low,
        high=high,
        needed=_needed(one, differences),
        passes=_passes(one, pairs, low),
        not_worse=_bet(differences, one.margin),
        harm=_bet([-difference for difference in differences], -one.harm),
    )


def certify(one: Experiment, labels: Sequence[Label], before: Certificate | None, now: datetime) -> Certificate:
    """Its certificate: `shadow` while it runs, `certified` once the treatment is shown not to be worse, `suspended` when it was rolled back
    because it does harm, `refused` when its number of pairs does not show it. What was rolled back stays so.
    """
    shown = show(one, labels)
    made = Certificate(
        kind="experiment",
        feature=one.feature,
        step=one.step,
        subject=one.name,
        budget=-one.margin,
        bound=shown.low if shown.pairs else None,
        labels=shown.control.labels + shown.treatment.labels,
        rights=shown.control.rights + shown.treatment.rights,
        share=one.share_ppm / 1_000_000,
        since=now,
        epoch=one.epoch,
        model=one.model,
        alarm=shown.harm,
    )
    known = before if before is not None and before.epoch == one.epoch else None
    if known is not None and known.state in ("suspended", "refused"):
        return replace(made, state=known.state, since=known.since, reason=known.reason)
    made = _judged(one, shown, made)
    return replace(made, since=known.since) if known is not None and known.state == made.state else made


def _judged(one: Experiment, shown: Shown, made: Certificate) -> Certificate:
    difference = points(shown.difference)
    if shown.harm.holds(ALPHA):
        reason = f"rolled back after {shown.pairs:,} pairs: the treatment is worse by more than {size(one.harm)} ({difference})"
        return replace(made, state="suspended", reason=reason)
    held = shown.not_worse.holds(ALPHA)
    if shown.pairs < one.pairs or not (one.pairs or held):
        left = one.pairs or shown.needed
        more = f", about {left:,} are needed" if left else ""
        return replace(made, reason=f"{shown.pairs:,} pairs so far ({difference}){more}")
    if shown.passes if one.pairs else held:
        return replace(
            made,
            state="certified",
            reason=f"after {shown.pairs:,} pairs the treatment is not worse by {size(one.margin)} ({difference})",
        )
    reason = f"{shown.pairs:,} pairs do not show that the treatment is not worse by {size(one.margin)} ({difference})"
    return replace(made, state="refused", reason=reason)


def _completed(labels: Iterable[Label], arm: str, each: int) -> list[float]:
    """The means of the arm's units that have labels enough, in the order in which they had."""
    rights: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    means: list[float] = []
    for one in labels:
        if one.arm != arm:
            continue
        of_unit = rights[_unit(one)]
        of_unit.append(one.right)
        if len(of_unit) == each:
            means.append(sum(of_unit) / each)
    return means


def _unit(label: Label) -> tuple[str, str]:
    return ("customer", label.customer) if label.customer else ("user", label.user_id)


def _arm(labels: Iterable[Label], arm: str, counted: int) -> Arm:
    mine = [one for one in labels if one.arm == arm]
    return Arm(
        units=len({_unit(one) for one in mine}),
        counted=counted,
        labels=len(mine),
        rights=sum(one.right for one in mine),
    )


def _interval(
    one: Experiment, pairs: Sequence[tuple[float, float]], differences: Sequence[float]
) -> tuple[float, float]:
    """One-sided at 95 % on each side."""
    if one.each > 1:
        return bounds.mean_lower(differences, -1, 1), bounds.mean_upper(differences, -1, 1)
    return paired.interval(_counted(pairs), 0.9)


def _passes(one: Experiment, pairs: Sequence[tuple[float, float]], low: float) -> bool:
    return low > -one.margin if one.each > 1 else paired.non_inferior(_counted(pairs), one.margin, ALPHA)


def _counted(pairs: Iterable[tuple[float, float]]) -> paired.Pairs:
    return paired.count((left > 0.5, treated > 0.5) for left, treated in pairs)


def _needed(one: Experiment, differences: Sequence[float]) -> int | None:
    """By the variance of the differences so far, which for labels of right and wrong is the share of pairs that differ."""
    spread = sum(difference * difference for difference in differences) / len(differences) if differences else 0.0
    return paired.sample_size(one.margin, spread) if spread else None


def _bet(differences: Sequence[float], margin: float) -> Wealth:
    """On margin + difference being above zero on average."""
    wealth = FRESH
    for difference in differences:
        wealth = bet(wealth, margin + difference, margin - 1)
    return wealth
