"""What an evaluation says of each model and of a cheaper one beside the reference: quality, cost and latency, each with its interval,
whether the cases are enough, and what to do, in words.

Intervals are of 95 %: Clopper–Pearson for a rate, Tango's score interval for the difference of two rates over the same cases, the
normal one for a mean cost, order statistics for a percentile of latency. Money stays Decimal.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from floorline.evals.judging import Better
from floorline.money import EXACT, ZERO, ratio, usd
from floorline.proof.bounds import lower, upper
from floorline.proof.paired import Pairs, count, interval, non_inferior, sample_size

Z = Decimal("1.959964")
_ONE_SIDE = 0.975
"""The confidence of each end of a two-sided interval of 95 %."""

Verdict = Literal["adopt", "keep", "worse", "undecided"]


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One model's answer to one case. `right` is None where nobody can tell, `cost` where nobody knows it. `trouble` says why there is
    no answer, '' where there is one; `judging` is what scoring it cost, None where nobody knows it.
    """

    case: str
    model: str
    text: str = ""
    right: bool | None = None
    value: float | None = None
    reason: str = ""
    cost: Decimal | None = None
    judging: Decimal | None = ZERO
    latency_ms: int | None = None
    trouble: str = ""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share of cases with its interval."""

    right: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """None without cases."""
        return self.right / self.of if self.of else None


class Mean(msgspec.Struct, frozen=True, kw_only=True):
    """What one answer costs in USD: mean with its interval, None with fewer than two known, and the sum of those known."""

    mean: Decimal | None
    low: Decimal | None
    high: Decimal | None
    total: Decimal
    unknown: int


class Percentile(msgspec.Struct, frozen=True, kw_only=True):
    """A percentile of latency in ms, with its interval as far as there are cases for one."""

    ms: int
    low: int
    high: int


class ModelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One model over all cases. `failed` had no answer: they count as wrong, because a user has none. `untold` cannot be scored. `judging`
    is what scoring cost, None where that is not known of every answer.
    """

    model: str
    cases: int
    failed: int
    untold: int
    quality: Rate
    cost: Mean
    judging: Decimal | None
    per_right: Decimal | None
    p50: Percentile | None
    p95: Percentile | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate beside the reference over the cases that both were scored on. Differences are candidate minus reference; `saving`
    is what one call of the candidate costs less, `saving_share` its part of the reference's cost. `needed` is how many cases in all
    would show with 80 % power that it is not worse by `margin`, None where no number would.
    """

    reference: str
    candidate: str
    pairs: Pairs
    low: float
    high: float
    margin: float
    needed: int | None
    saving: Decimal | None
    saving_share: Decimal | None
    verdict: Verdict
    recommendation: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole: each model, and every other beside the first."""

    models: tuple[ModelSummary, ...]
    comparisons: tuple[Comparison, ...]


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """How far the scorer can be trusted: `judge` names a model that judges ('': no model does), `error` bounds its measured error from
    above, None where nobody measured it.
    """

    judge: str = ""
    error: float | None = None


PLAIN = Trust()


def summary(
    answers: Mapping[str, Sequence[Answered]],
    margin: float,
    trust: Trust = PLAIN,
    preferred: Mapping[str, Sequence[Better | None]] | None = None,
) -> Summary:
    """What the answers of each model say; the first is the reference. `margin` is how much worse is still as good, as a share.
    `preferred`: a judge compared each candidate's answers with the reference's, and nobody scored one alone.
    """
    names = list(answers)
    models = {name: model_summary(name, answers[name]) for name in names}
    comparisons: list[Comparison] = []
    for name in names[1:]:
        pairs = scored_pairs(answers[names[0]], answers[name]) if preferred is None else preferences(preferred[name])
        comparisons.append(compare(models[names[0]], models[name], pairs, margin, trust))
    return Summary(models=tuple(models.values()), comparisons=tuple(comparisons))


def preferences(settled: Sequence[Better | None]) -> Pairs:
    """A judge's verdicts as pairs: who is preferred alone is right, and both are in a tie."""
    said = [one for one in settled if one is not None]
    return count((one != "second", one != "first") for one in said)


def model_summary(model: str, answers: Sequence[Answered]) -> ModelSummary:
    """One model's figures."""
    told = [is_right for one in answers if (is_right := outcome(one)) is not None]
    cost = mean([one.cost for one in answers])
    latencies = sorted(one.latency_ms for one in answers if one.latency_ms is not None and not one.trouble)
    rights = sum(told)
    return ModelSummary(
        model=model,
        cases=len(answers),
        failed=sum(1 for one in answers if one.trouble),
        untold=len(answers) - len(told),
        quality=Rate(
            right=rights,
            of=len(told),
            low=lower(rights, len(told), _ONE_SIDE),
            high=upper(rights, len(told), _ONE_SIDE),
        ),
        cost=cost,
        judging=None if (judging := together([one.judging for one in answers])) is None else usd(judging),
        per_right=usd(EXACT.divide(cost.total, Decimal(rights))) if rights and not cost.unknown else None,
        p50=percentile(latencies, 50),
        p95=percentile(latencies, 95),
    )


def together(costs: Sequence[Decimal | None]) -> Decimal | None:
    """Their sum; None where one of them is not known."""
    known = [cost for cost in costs if cost is not None]
    return sum(known, ZERO) if len(known) == len(costs) else None


def outcome(one: Answered) -> bool | None:
    """Whether a user would have the right answer: never where there is none; None where nobody can tell."""
    return False if one.trouble else one.right


def scored_pairs(reference: Sequence[Answered], candidate: Sequence[Answered]) -> Pairs:
    """The cases that both were scored on."""
    first = {one.case: outcome(one) for one in reference}
    both = [(first.get(one.case), outcome(one)) for one in candidate]
    return count((one, other) for one, other in both if one is not None and other is not None)


def mean(costs: Sequence[Decimal | None]) -> Mean:
    """Of the costs that are known."""
    known = [cost for cost in costs if cost is not None]
    total = usd(sum(known, ZERO))
    unknown = len(costs) - len(known)
    if not known:
        return Mean(mean=None, low=None, high=None, total=total, unknown=unknown)
    middle = EXACT.divide(total, Decimal(len(known)))
    if len(known) == 1:
        return Mean(mean=usd(middle), low=None, high=None, total=total, unknown=unknown)
    variance = EXACT.divide(sum(((cost - middle) ** 2 for cost in known), Decimal(0)), Decimal(len(known) - 1))
    reach = Z * EXACT.divide(variance, Decimal(len(known))).sqrt()
    return Mean(
        mean=usd(middle), low=usd(max(middle - reach, ZERO)), high=usd(middle + reach), total=total, unknown=unknown
    )


def percentile(ascending: Sequence[int], percent: int) -> Percentile | None:
    """By rank, with the ranks between which it lies in 95 of 100 samples; None of nothing."""
    n = len(ascending)
    if not n:
        return None
    place = n * percent / 100
    reach = float(Z) * math.sqrt(place * (1 - percent / 100))
    low, high = max(math.floor(place - reach), 1), min(math.ceil(place + reach) + 1, n)
    return Percentile(ms=ascending[max(math.ceil(place), 1) - 1], low=ascending[low - 1], high=ascending[high - 1])


def compare(
    reference: ModelSummary, candidate: ModelSummary, pairs: Pairs, margin: float, trust: Trust = PLAIN
) -> Comparison:
    """The candidate beside the reference, and what follows."""
    low, high = interval(pairs)
    saving = None
    if reference.cost.mean is not None and candidate.cost.mean is not None:
        saving = reference.cost.mean - candidate.cost.mean
    share = None if saving is None or reference.cost.mean is None else ratio(saving, reference.cost.mean)
    verdict = _verdict(pairs, margin, high, saving, trust)
    needed = sample_size(margin, max(pairs.discordance, 1 / max(pairs.n, 1)), min(pairs.difference, 0.0))
    draft = Comparison(
        reference=reference.model,
        candidate=candidate.model,
        pairs=pairs,
        low=low,
        high=high,
        margin=margin,
        needed=needed,
        saving=saving,
        saving_share=share,
        verdict=verdict,
        recommendation="",
    )
    return msgspec.structs.replace(draft, recommendation=_recommendation(draft, trust))


def _verdict(pairs: Pairs, margin: float, high: float, saving: Decimal | None, trust: Trust) -> Verdict:
    if high < -margin:
        return "worse"
    if (trust.judge and (trust.error is None or trust.error >= margin)) or not non_inferior(pairs, margin):
        return "undecided"
    return "adopt" if saving is not None and saving > 0 else "keep"


def _recommendation(one: Comparison, trust: Trust) -> str:
    """What to do, and why, in words."""
    seen = f"{_points(one.pairs.difference)} points of quality ({_points(one.low)} to {_points(one.high)}) over {one.pairs.n} cases"
    margin = f"{one.margin * 100:g} points"
    match one.verdict:
        case "adopt":
            share = "" if one.saving_share is None else f" and costs {one.saving_share * 100:.0f} % less"
            return (
                f"Adopt {one.candidate}: it is not worse than {one.reference} by more than {margin}{share} ({seen}). Roll it out as "
                "an experiment, so that real outcomes can take it back."
            )
        case "keep":
            return f"Keep {one.reference}: {one.candidate} is as good ({seen}), and costs no less."
        case "worse":
            return f"Keep {one.reference}: {one.candidate} is worse by more than {margin} ({seen})."
        case "undecided":
            return _undecided(one, trust, seen, margin)


def _undecided(one: Comparison, trust: Trust, seen: str, margin: str) -> str:
    if trust.judge and trust.error is None:
        return (
            f"Not decided: nobody knows how often the judge {trust.judge} errs. Give cases `human` labels, 100 or more answers in "
            "all, and measure it with `floorline eval judge`."
        )
    if trust.error is not None and trust.error >= one.margin:
        return (
            f"Not decided: the judge {trust.judge} may err in {trust.error * 100:.1f} % of its verdicts, and {margin} cannot be told "
            "with it. Use a better judge, more labels for it, or a wider margin."
        )
    if one.needed is None:
        return f"Keep {one.reference} for now: if what was seen holds, {one.candidate} is worse by {margin} or more ({seen})."
    more = max(one.needed - one.pairs.n, 1)
    return (
        f"Not decided: {seen} do not show that {one.candidate} is worse by less than {margin}. With about {more} more cases "
        f"({one.needed} in all) they would in four of five times, if what was seen holds."
    )


def _points(share: float) -> str:
    """A difference of rates in points, with its sign."""
    return f"{share * 100:+.1f}".replace("-", "−")
