"""Certified routing on recorded answers: what it saves, and how often it misses its bar, over repeated splits.

MMLU's subjects stand for features. Of each, 200 questions or half are labels; certificates are made of them as the control process
makes them, and held against as many other questions: labels are drawn from the traffic that they speak for. Money is at the list prices of then, with 150 tokens of output a question, and a
token for every 4 characters of input. A simulated judge scores the cheap answer N(±d/2, 1), d by its accuracy, with errors that are
independent of everything: a real one fails on the same hard questions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from statistics import NormalDist, fmean

from msgspec.structs import replace

from floorline.bench.report import Sheet
from floorline.errors import BadInput
from floorline.events import Label
from floorline.guardrails.cascade.rule import CascadeRule
from floorline.guardrails.cascade.thresholds import certify as certify_check
from floorline.guardrails.certified.by_feature import certify, certify_together
from floorline.guardrails.certified.by_request import certify_score
from floorline.guardrails.certified.complexity import features
from floorline.guardrails.certified.operating import operating_point, quality
from floorline.guardrails.certified.rule import CertifiedRule, subject_of
from floorline.guardrails.certified.scoring import benefit, crossed, fit, scored
from floorline.guardrails.certified.standing import compared_of
from floorline.proof.certificate import Certificate
from floorline.proof.labels import Place, by_place
from floorline.proof.weights import value
from floorline.sandbox.routellm import CHEAP, REFERENCE, Answered, read_mmlu, read_mt_bench

BAR = 0.95
LABELS_MAX = 200
SPLITS = 20
JUDGES = (0.7, 0.8, 0.9)
OUTPUT_TOKENS = 150
VERDICT_TOKENS = 10
CHARACTERS_PER_TOKEN = 4
_AT = datetime(2026, 11, 1, tzinfo=UTC)
_CHEAP_USD, _REFERENCE_USD = (
    (Decimal("0.6"), Decimal("0.6")),
    (Decimal(10), Decimal(30)),
)  # per million, input and output
_CHECK = CascadeRule(bar=BAR)
_RULE = CertifiedRule(bar=BAR, together=True, by_request=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split of the questions: `labels` the certificates are made of, `held` they are checked on, and `others`, all that are no
    labels: another mix of features than the labels are of.
    """

    labels: Sequence[Label]
    held: Sequence[Label]
    others: Sequence[Label]
    tokens: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one way of routing on the questions held out: the share of the reference's quality, and of its cost that was saved; and
    `elsewhere` the quality in another mix of features.
    """

    quality: float
    elsewhere: float
    saved: float
    share: float

    @property
    def missed(self) -> bool:
        """Whether the bar was missed."""
        return self.quality < BAR


def label_of(number: int, one: Answered, *, grades: bool = False) -> Label:
    """The question as a label: was the cheap answer right, and the reference's; of grades: was it at least as good."""
    return Label(
        source="bench",
        id=str(number),
        at=_AT + timedelta(seconds=number),
        kind="route",
        feature=one.topic,
        subject=subject_of(CHEAP, REFERENCE),
        call_id=str(number),
        model=CHEAP,
        features=features(one.text),
        right=one.cheap >= one.reference if grades else one.cheap > 0,
        other_right=None if grades else one.reference > 0,
        origin="judge" if grades else "exact",
    )


def split(labels: Sequence[Label], tokens: Mapping[str, int], seed: int) -> Split:
    """The labels of each feature parted: up to 200 or half of them, drawn by `seed`, and as many others."""
    draw = Random(seed)  # noqa: S311 - repeatable, not secret
    told: list[Label] = []
    held: list[Label] = []
    others: list[Label] = []
    for own in by_place(labels).values():
        drawn = draw.sample(own, len(own))
        size = min(LABELS_MAX, len(own) // 2)
        told += drawn[:size]
        held += drawn[size : 2 * size]
        others += drawn[size:]
    draw.shuffle(told)
    in_order = [replace(one, at=_AT + timedelta(seconds=place)) for place, one in enumerate(told)]
    return Split(labels=in_order, held=held, others=others, tokens=tokens)


def outcome(parted: Split, cheap: Callable[[Label], bool], *, cascade: bool = False) -> Outcome:
    """What comes of sending the questions that `cheap` says to the cheaper model. In a cascade all go there first, and to a judge."""
    sent = [(one, cheap(one)) for one in parted.held]
    total = spent = Decimal(0)
    for one, at_cheap in sent:
        size = parted.tokens[one.id]
        first, reference = _usd(size, OUTPUT_TOKENS, _CHEAP_USD), _usd(size, OUTPUT_TOKENS, _REFERENCE_USD)
        judged = _usd(size + OUTPUT_TOKENS, VERDICT_TOKENS, _CHEAP_USD)
        total += reference
        spent += (first + judged + (0 if at_cheap else reference)) if cascade else (first if at_cheap else reference)
    share = sum([at_cheap for _, at_cheap in sent]) / len(sent)
    elsewhere = _kept([(one, cheap(one)) for one in parted.others])
    return Outcome(quality=_kept(sent), elsewhere=elsewhere, saved=float(1 - spent / total), share=share)


def _kept(sent: Sequence[tuple[Label, bool]]) -> float:
    """The share of the reference's quality that is kept on these questions, by where each was sent."""
    got = sum([one.right if at_cheap else one.other_right is True for one, at_cheap in sent])
    return got / sum([one.other_right is True for one, _ in sent])


def _usd(given: int, made: int, prices: tuple[Decimal, Decimal]) -> Decimal:
    return (given * prices[0] + made * prices[1]) / 1_000_000


def together(parted: Split) -> Outcome:
    """One bar over all features, by feature alone."""
    made = _by_feature(certify_together(_RULE, by_place(parted.labels), _none, _AT))
    return outcome(parted, lambda one: made[one.feature].acts)


def by_request(parted: Split) -> Outcome | None:
    """The same with a score of the single request; None where no benefit of that is certified."""
    made = _by_feature(certify_score(_RULE, by_place(parted.labels), _none, _AT))
    if not all(one.acts for one in made.values()):
        return None
    return outcome(parted, lambda one: _goes(made[one.feature], one))


def believed(parted: Split) -> Outcome:
    """The same without asking for a benefit, as no gateway does it."""
    compared = [compared_of(one) for one in parted.labels]
    point = operating_point(crossed(compared, by_request=True), BAR)
    router = fit(compared, by_request=True)
    return outcome(
        parted,
        lambda one: point is not None and router.score((one.feature, one.step), one.features) >= point.threshold,
    )


def _goes(certificate: Certificate, one: Label) -> bool:
    weights, threshold = certificate.weights, certificate.threshold
    return weights is not None and threshold is not None and value(weights, one.features) >= threshold


def _none(_place: Place) -> None:
    """No certificate is known before."""


def _by_feature(made: Iterable[Certificate]) -> dict[str, Certificate]:
    return {one.feature: one for one in made}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Features whose own certificate sends them to the cheaper model, those of them that miss the bar on the questions held out, and
    what that saves in all.
    """

    features: int
    adopted: int
    wrong: int
    saved: float


def each(parted: Split) -> Adoption:
    """The bar held by every feature alone."""
    made = [certify(_RULE, own, None, _AT) for own in by_place(parted.labels).values()]
    adopted = {one.feature for one in made if one.acts}
    wrong = [
        place.feature
        for place, own in by_place(parted.held).items()
        if place.feature in adopted and (quality([compared_of(one) for one in own]) or 1.0) < BAR
    ]
    saved = outcome(parted, lambda one: one.feature in adopted).saved
    return Adoption(features=len(made), adopted=len(adopted), wrong=len(wrong), saved=saved)


def apgr(parted: Split) -> dict[str, float]:
    """How much of the gap each router wins back on the questions held out: .5 is chance."""
    held = [compared_of(one) for one in parted.held]
    told = [compared_of(one) for one in parted.labels]
    routers = {
        "prompt length": [replace(one, score=-one.features[0]) for one in held],
        "by request alone": scored(fit([replace(one, of=("", "")) for one in told], by_request=True), held),
        "by feature": scored(fit(told, by_request=False), held),
        "by feature and request": scored(fit(told, by_request=True), held),
    }
    return {name: benefit(found, within=False).apgr or 0.5 for name, found in routers.items()}


def cascade(parted: Split, accuracy: float, seed: int) -> Outcome:
    """Cheap first, and a judge of that accuracy on what comes of it, its threshold certified by the labels."""
    draw = Random(seed)  # noqa: S311 - repeatable, not secret
    apart = NormalDist().inv_cdf(accuracy)
    judged = [
        replace(one, kind="cascade", score=draw.gauss(apart if one.right else -apart, 1)) for one in parted.labels
    ]
    made = certify_check(_CHECK, [replace(one, feature="", subject="judge") for one in judged], None, _AT)
    threshold = made.threshold

    def passes(one: Label) -> bool:
        return threshold is not None and draw.gauss(apart if one.right else -apart, 1) >= threshold

    return outcome(parted, passes, cascade=True)


def carried_over(parted: Split, others: Sequence[Label]) -> tuple[bool, float | None]:
    """Whether a score that was fitted on these labels is more than chance on the labels of another company; and what it wins back."""
    router = fit([replace(compared_of(one), of=("", "")) for one in parted.labels], by_request=True)
    told = benefit(scored(router, [replace(compared_of(one), of=("", "")) for one in others]))
    return told.holds(), told.apgr


def questions(folder: Path) -> tuple[list[Label], dict[str, int]]:
    """MMLU's questions as labels, and the tokens of each."""
    every = [*read_mmlu(folder)]
    if not every:
        raise BadInput(f"no questions below {folder}: it is to hold mmlu/ and mt_bench/ of RouteLLM's evaluations")
    labels = [label_of(number, one) for number, one in enumerate(every)]
    return labels, {str(number): max(len(one.text) // CHARACTERS_PER_TOKEN, 1) for number, one in enumerate(every)}


def run(folder: Path, splits: int = SPLITS) -> list[Sheet]:
    """Every table, over that many splits."""
    labels, tokens = questions(folder)
    parted = [split(labels, tokens, seed) for seed in range(splits)]
    others = [label_of(number, one, grades=True) for number, one in enumerate(read_mt_bench(folder))]
    return [_apgr_sheet(parted), _bar_sheet(parted), _each_sheet(parted), _carried_sheet(parted, others)]


def _apgr_sheet(parted: Sequence[Split]) -> Sheet:
    found = [apgr(one) for one in parted]
    rows = [
        (name, f"{fmean([one[name] for one in found]):.3f}", f"{min(one[name] for one in found):.3f}")
        for name in found[0]
    ]
    size = f"{len(parted[0].labels):,} labels, {len(parted[0].held):,} questions held out"
    return Sheet(
        title=f"routing: share of the gap won back, {len(parted)} splits of MMLU, {size}",
        columns=("router", "APGR, mean", "least"),
        rows=tuple(rows),
    )


def _bar_sheet(parted: Sequence[Split]) -> Sheet:
    ways: dict[str, Sequence[Outcome]] = {
        "all to the reference": [outcome(one, lambda _: False) for one in parted],
        "by feature, certified": [together(one) for one in parted],
        "by request, where certified": [found for one in parted if (found := by_request(one)) is not None],
        "by request, whether certified or not": [believed(one) for one in parted],
        **{
            f"cascade, judge of {accuracy:.0%}": [cascade(one, accuracy, seed) for seed, one in enumerate(parted)]
            for accuracy in JUDGES
        },
    }
    return Sheet(
        title=f"one bar of {BAR:.0%} over all features, {len(parted)} splits",
        columns=(
            "way",
            "certified in",
            "bar missed in",
            "quality, mean",
            "least",
            "to the cheap model",
            "saved",
            "missed in another mix",
        ),
        rows=tuple([_bar_row(name, found) for name, found in ways.items()]),
    )


def _bar_row(name: str, found: Sequence[Outcome]) -> tuple[str, ...]:
    if not found:
        return name, "0", *["-"] * 6
    return (
        name,
        str(len(found)),
        str(sum([one.missed for one in found])),
        f"{fmean([one.quality for one in found]):.3f}",
        f"{min(one.quality for one in found):.3f}",
        f"{fmean([one.share for one in found]):.1%}",
        f"{fmean([one.saved for one in found]):.1%}",
        str(sum([one.elsewhere < BAR for one in found])),
    )


def _each_sheet(parted: Sequence[Split]) -> Sheet:
    found = [each(one) for one in parted]
    return Sheet(
        title=f"the bar of {BAR:.0%} held by each feature alone, {len(parted)} splits of {found[0].features} features",
        columns=("adopted, mean", "most", "wrongly, in all", "most in a split", "saved"),
        rows=(
            (
                f"{fmean([one.adopted for one in found]):.2f}",
                str(max(one.adopted for one in found)),
                f"{sum([one.wrong for one in found])} of {sum([one.features for one in found])}",
                str(max(one.wrong for one in found)),
                f"{fmean([one.saved for one in found]):.1%}",
            ),
        ),
    )


def _carried_sheet(parted: Sequence[Split], others: Sequence[Label]) -> Sheet:
    found = [carried_over(one, others) for one in parted]
    return Sheet(
        title=f"a score fitted on MMLU, asked of MT-bench's {len(others)} prompts, {len(parted)} splits",
        columns=("accepted in", "APGR, mean", "most"),
        rows=(
            (
                str(sum([holds for holds, _ in found])),
                f"{fmean([won or 0.0 for _, won in found]):.3f}",
                f"{max(won or 0.0 for _, won in found):.3f}",
            ),
        ),
    )
