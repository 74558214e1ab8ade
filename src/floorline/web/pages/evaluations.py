"""Evaluations: which models were compared on a feature's own cases, what followed, and the judges that were measured."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from floorline.evals.kept import EVALUATIONS, JUDGES, Asks, Evaluated, Measured
from floorline.evals.summary import Comparison, ModelSummary, Percentile
from floorline.ledger.shelf import Shelf
from floorline.web.blocks import About, Card, Column, Facts, Note, Shown, Table, Value
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Params, Text
from floorline.web.view import View

PATH = "/evaluations"
_ONE = "/evaluations/{id}"
_PLACES = Decimal("0.0001")

_VERDICTS: Mapping[str, str] = {
    "adopt": "adopt the candidate",
    "keep": "keep the reference: no saving",
    "worse": "keep the reference: the candidate is worse",
    "undecided": "not decided",
}
_LIST_COLUMNS = (
    Column(name="at", title="When", unit="instant", link=_ONE),
    Column(name="feature", title="Feature", link="/features/{feature}"),
    Column(name="reference", title="Reference"),
    Column(name="candidate", title="Candidate"),
    Column(name="cases", title="Cases", unit="count"),
    Column(name="difference", title="Difference", unit="percent", definition="eval_difference"),
    Column(name="low", title="from", unit="percent"),
    Column(name="high", title="to", unit="percent"),
    Column(name="saving", title="Saves a call", unit="usd"),
    Column(name="verdict", title="Verdict", definition="eval_verdict"),
    Column(name="id", title="Id", hidden=True),
)
_MODEL_COLUMNS = (
    Column(name="model", title="Model"),
    Column(name="quality", title="Right", unit="percent", definition="eval_quality"),
    Column(name="low", title="from", unit="percent"),
    Column(name="high", title="to", unit="percent"),
    Column(name="scored", title="Scored", unit="count"),
    Column(name="failed", title="Failed", unit="count", definition="eval_failed"),
    Column(name="untold", title="Not scored", unit="count", definition="eval_untold"),
    Column(name="cost", title="A call costs", unit="usd"),
    Column(name="cost_low", title="from", unit="usd"),
    Column(name="cost_high", title="to", unit="usd"),
    Column(name="per_right", title="A right one", unit="usd"),
    Column(name="judging", title="Judging", unit="usd"),
    Column(name="p50", title="p50", unit="ms"),
    Column(name="p95", title="p95", unit="ms"),
)
_PAIR_COLUMNS = (
    Column(name="candidate", title="Candidate"),
    Column(name="cases", title="Cases", unit="count"),
    Column(name="both", title="Both right", unit="count"),
    Column(name="reference_only", title="Reference alone", unit="count"),
    Column(name="candidate_only", title="Candidate alone", unit="count"),
    Column(name="difference", title="Difference", unit="percent", definition="eval_difference"),
    Column(name="low", title="from", unit="percent"),
    Column(name="high", title="to", unit="percent"),
    Column(name="needed", title="Cases needed", unit="count", definition="eval_needed"),
    Column(name="saving", title="Saves a call", unit="usd"),
    Column(name="saving_share", title="Saves", unit="percent"),
    Column(name="verdict", title="Verdict", definition="eval_verdict"),
)
_JUDGE_COLUMNS = (
    Column(name="feature", title="Feature", link="/features/{feature}"),
    Column(name="judge", title="Judge"),
    Column(name="asks", title="Judges"),
    Column(name="verdicts", title="Verdicts", unit="count"),
    Column(name="agreed", title="As people", unit="count"),
    Column(name="error", title="Error at most", unit="percent", definition="judge_error"),
    Column(name="at", title="Measured", unit="instant"),
)
_ASKED: Mapping[Asks, str] = {
    "right": "whether one is right",
    "better": "which of two is better",
    "same": "whether two are the same",
}


class OneParams(Params, frozen=True, kw_only=True):
    """One evaluation, by its id."""

    id: Text


def build(desk: Desk, params: Params) -> Shown:
    """All of them, the latest first."""
    del params
    found = sorted(Shelf(desk.state, EVALUATIONS, Evaluated).all().values(), key=lambda one: one.at, reverse=True)
    judges = Shelf(desk.state, JUDGES, Measured).all().values()
    return Shown(
        title="Evaluations",
        lead="How good models are at each feature's own cases, beside what they cost. `floorline eval run` makes one.",
        about=About(timezone=desk.ledger.timezone, as_of=desk.now()),
        blocks=[
            Table(
                name="evaluations",
                title="Models compared",
                columns=_LIST_COLUMNS,
                rows=[_list_row(one, pair) for one in found for pair in one.summary.comparisons or (None,)],
                empty="Nothing was evaluated yet: write a feature's cases into evals/FEATURE.jsonl and run "
                "`floorline eval run --feature FEATURE --models A,B`.",
            ),
            Table(
                name="judges",
                title="Judges",
                columns=_JUDGE_COLUMNS,
                rows=[_judge_row(one) for one in judges],
                empty="No judge was measured: `floorline eval judge` has one judge answers that people have labelled.",
                note="Nothing smaller than a judge's error can be decided with it. Guardrails that it judges for are certified by no smaller one.",
            ),
        ],
    )


def build_one(desk: Desk, params: OneParams) -> Shown:
    """One of them."""
    one = Shelf(desk.state, EVALUATIONS, Evaluated).get(params.id)
    if one is None:
        raise Refused(404, "not_found", f"no evaluation is called {params.id[:80]!r}: /evaluations lists them")
    return Shown(
        title=f"Evaluation of {one.feature}",
        lead=" ".join(pair.recommendation for pair in one.summary.comparisons),
        about=About(timezone=desk.ledger.timezone, as_of=one.at),
        blocks=[
            Facts(name="run", facts=_facts(one)),
            *_doubt(one),
            Table(
                name="models",
                title="Each model",
                columns=_MODEL_COLUMNS,
                rows=[_model_row(model) for model in one.summary.models],
                empty="No model was asked.",
                note="Intervals of 95 %.",
            ),
            Table(
                name="comparisons",
                title=f"Beside {one.summary.models[0].model}",
                columns=_PAIR_COLUMNS,
                rows=[_pair_row(pair) for pair in one.summary.comparisons],
                empty="One model alone was asked: name a second one with --models to compare it.",
            ),
        ],
    )


def _facts(one: Evaluated) -> Sequence[Card]:
    return (
        Card(name="set", title="Set", value=one.set, unit="text"),
        Card(name="digest", title="Digest of its cases", value=one.digest, unit="code"),
        Card(
            name="scorer",
            title="Scorer",
            value=f"judge {one.trust.judge}" if one.trust.judge else one.scorer,
            unit="text",
        ),
        Card(name="margin", title="As good within", value=_share(one.margin), unit="percent", definition="eval_margin"),
        Card(name="at", title="When", value=one.at, unit="instant"),
        Card(name="id", title="Id", value=one.id, unit="code"),
    )


def _doubt(one: Evaluated) -> Sequence[Note]:
    """Where a judge decides nothing."""
    if not one.trust.judge:
        return ()
    if one.trust.error is None:
        text = f"Nobody has measured how often {one.trust.judge} errs: its verdicts decide nothing."
    elif one.trust.error >= one.margin:
        text = f"{one.trust.judge} may err in {100 * one.trust.error:.1f} % of its verdicts: the margin cannot be told with it."
    else:
        return ()
    return (Note(name="doubt", kind="warning", text=text),)


def _list_row(one: Evaluated, pair: Comparison | None) -> Mapping[str, Value]:
    row: dict[str, Value] = {
        "at": one.at,
        "id": one.id,
        "feature": one.feature,
        "reference": one.summary.models[0].model,
    }
    if pair is None:
        return {**row, "cases": one.summary.models[0].cases}
    return {
        **row,
        "candidate": pair.candidate,
        "cases": pair.pairs.n,
        "difference": _share(pair.pairs.difference),
        "low": _share(pair.low),
        "high": _share(pair.high),
        "saving": pair.saving,
        "verdict": _VERDICTS[pair.verdict],
    }


def _model_row(one: ModelSummary) -> Mapping[str, Value]:
    return {
        "model": one.model,
        "quality": None if one.quality.share is None else _share(one.quality.share),
        "low": _share(one.quality.low),
        "high": _share(one.quality.high),
        "scored": one.quality.of,
        "failed": one.failed,
        "untold": one.untold,
        "cost": one.cost.mean,
        "cost_low": one.cost.low,
        "cost_high": one.cost.high,
        "per_right": one.per_right,
        "judging": one.judging,
        "p50": _ms(one.p50),
        "p95": _ms(one.p95),
    }


def _pair_row(one: Comparison) -> Mapping[str, Value]:
    row: dict[str, Value] = {
        "candidate": one.candidate,
        "cases": one.pairs.n,
        "both": one.pairs.both,
        "reference_only": one.pairs.only_first,
        "candidate_only": one.pairs.only_second,
        "difference": _share(one.pairs.difference),
        "low": _share(one.low),
        "high": _share(one.high),
        "saving": one.saving,
        "saving_share": one.saving_share,
        "verdict": _VERDICTS[one.verdict],
    }
    return row if one.needed is None else {**row, "needed": one.needed}


def _judge_row(one: Measured) -> Mapping[str, Value]:
    return {
        "feature": one.feature,
        "judge": one.judge,
        "asks": _ASKED[one.asks],
        "verdicts": one.agreement.cases + one.agreement.unheard,
        "agreed": one.agreement.agreed,
        "error": None if one.error is None else _share(one.error),
        "at": one.at,
    }


def _share(value: float) -> Decimal:
    """A statistic as pages show ratios."""
    return Decimal(value).quantize(_PLACES)


def _ms(one: Percentile | None) -> Value:
    return None if one is None else one.ms


VIEWS = (
    View(
        path=PATH, title="Evaluations", group="Decide", params=Params, build=build, rule="viewer", fresh_s=0, windowed=False,
        said="Models compared on a feature's own cases, and the judges that were measured",
    ),
    View(
        path=_ONE, title="Evaluation", params=OneParams, build=build_one, rule="viewer", fresh_s=0, windowed=False,
        said="One evaluation: each model's quality, cost and latency with intervals, and what follows",
    ),
)  # fmt: skip
