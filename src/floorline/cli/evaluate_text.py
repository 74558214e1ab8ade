"""Evaluations as tables for people and as JSON."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from floorline.cli.grid import Column, plain_console, print_grid
from floorline.evals.kept import Asks, Evaluated, Measured
from floorline.evals.summary import Answered, Comparison, Mean, ModelSummary, Percentile, Rate
from floorline.margin.words import clipped, counted, dollars
from floorline.money import text

Json = dict[str, object]

_UNKNOWN = "unknown"
_SHOWN = 160
_ASKED: Mapping[Asks, str] = {
    "right": "agrees with people",
    "better": "prefers the right one of two answers",
    "same": "tells whether two answers are the same",
}


def document(one: Evaluated) -> Json:
    """Everything that is kept of one evaluation."""
    return {
        "id": one.id,
        "at": one.at,
        "feature": one.feature,
        "set": one.set,
        "digest": one.digest,
        "scorer": one.scorer,
        "judge": one.trust.judge or None,
        "judge_error_at_most": one.trust.error,
        "margin": one.margin,
        "confidence": 0.95,
        "currency": "USD",
        "models": [_model(model) for model in one.summary.models],
        "comparisons": [_comparison(pair) for pair in one.summary.comparisons],
    }


def judge_document(one: Measured) -> Json:
    """What is known of a judge."""
    found = one.agreement
    return {
        "at": one.at,
        "feature": one.feature,
        "judge": one.judge,
        "asks": one.asks,
        "verdicts": found.cases,
        "agreed": found.agreed,
        "judge_only_right": found.judge_only,
        "people_only_right": found.people_only,
        "unreadable": found.unheard,
        "kappa": found.kappa,
        "error_at_most": one.error,
    }


def list_document(evaluated: Sequence[Evaluated], judges: Sequence[Measured]) -> Json:
    """All of them."""
    return {"evaluations": [document(one) for one in evaluated], "judges": [judge_document(one) for one in judges]}


def print_evaluated(one: Evaluated, wrong: Sequence[Answered]) -> None:
    """The figures of each model, what follows, and some answers that were not right."""
    out, models = plain_console(), one.summary.models
    cases = max((model.cases for model in models), default=0)
    print_grid(
        out,
        f"{one.feature}: {counted(cases, 'case')} of {one.set}, scored by {one.scorer}",
        [
            Column(title="model", cells=[model.model for model in models], name=True),
            Column(title="quality", cells=[_rate(model.quality) for model in models]),
            Column(title="failed", cells=[str(model.failed) for model in models], weight=2),
            Column(title="not scored", cells=[str(model.untold) for model in models], weight=2),
            Column(title="a call costs", cells=[_mean(model.cost) for model in models]),
            Column(title="a right one", cells=[_usd(model.per_right) for model in models], weight=1),
            Column(title="judging", cells=[_usd(model.judging) for model in models], weight=3),
            Column(title="p50", cells=[_ms(model.p50) for model in models], weight=1),
            Column(title="p95", cells=[_ms(model.p95) for model in models], weight=1),
        ],
    )
    out.print("Intervals of 95 %.")
    for pair in one.summary.comparisons:
        out.print()
        out.print(pair.recommendation)
    if wrong:
        out.print("\nSome that were not right:")
    for answer in wrong:
        why = answer.trouble or answer.reason or "not scored"
        out.print(f"  {answer.model}  case {answer.case}: {clipped(' '.join(why.split()), _SHOWN)}")


def print_judge(one: Measured) -> None:
    """How far it can be believed."""
    found, out = one.agreement, plain_console()
    what = _ASKED[one.asks]
    of = found.cases + found.unheard
    if not of:
        out.print(f"{one.judge} had nothing to judge: there is no right answer beside another one.")
        return
    out.print(f"{one.judge} {what} in {found.agreed} of {of} verdicts ({100 * found.agreed / of:.1f} %).")
    if found.kappa is not None:
        out.print(f"Cohen's kappa: {found.kappa:.2f}.")
    if one.asks == "same":
        out.print(f"It calls {found.judge_only} unlike answers the same, and {found.people_only} like ones different.")
    elif one.asks == "right":
        out.print(f"It calls {found.judge_only} wrong answers right, and {found.people_only} right ones wrong.")
    if found.unheard:
        out.print(f"{counted(found.unheard, 'verdict')} could not be read.")
    assert one.error is not None, "there are verdicts"
    out.print(
        f"Its error is at most {100 * one.error:.1f} % (95 % confidence): nothing smaller can be decided with it."
    )
    if one.asks != "right":
        whose = "semantic cache" if one.asks == "same" else "certified routing and cascade"
        out.print(f"The feature's {whose} go by it where {one.judge} judges, unless `judge_error` says more.")


def print_list(evaluated: Sequence[Evaluated], judges: Sequence[Measured]) -> None:
    """One line each."""
    out = plain_console()
    if not evaluated and not judges:
        out.print("Nothing was evaluated yet: floorline eval run --feature F --models A,B")
        return
    rows = [(one, pair) for one in evaluated for pair in one.summary.comparisons or (None,)]
    if rows:
        print_grid(
            out,
            "Evaluations",
            [
                Column(title="id", cells=[one.id for one, _ in rows], name=True),
                Column(title="reference", cells=[one.summary.models[0].model for one, _ in rows], name=True),
                Column(
                    title="candidate", cells=["" if pair is None else pair.candidate for _, pair in rows], name=True
                ),
                Column(title="difference", cells=["" if pair is None else _difference(pair) for _, pair in rows]),
                Column(title="verdict", cells=["" if pair is None else pair.verdict for _, pair in rows], left=True),
            ],
        )
    for one in judges:
        error = _UNKNOWN if one.error is None else f"at most {100 * one.error:.1f} %"
        out.print(f"judge {one.judge} of {one.feature} ({one.asks}), measured {one.at:%Y-%m-%d}: error {error}")


def _model(one: ModelSummary) -> Json:
    return {
        "model": one.model,
        "cases": one.cases,
        "failed": one.failed,
        "not_scored": one.untold,
        "right": one.quality.right,
        "scored": one.quality.of,
        "quality": one.quality.share,
        "quality_low": one.quality.low,
        "quality_high": one.quality.high,
        "cost_usd": text(one.cost.total),
        "cost_unknown_calls": one.cost.unknown,
        "cost_usd_per_call": _text(one.cost.mean),
        "cost_usd_per_call_low": _text(one.cost.low),
        "cost_usd_per_call_high": _text(one.cost.high),
        "cost_usd_per_right": _text(one.per_right),
        "judging_usd": _text(one.judging),
        "latency_ms_p50": _percentile(one.p50),
        "latency_ms_p95": _percentile(one.p95),
    }


def _comparison(one: Comparison) -> Json:
    return {
        "reference": one.reference,
        "candidate": one.candidate,
        "cases": one.pairs.n,
        "both_right": one.pairs.both,
        "reference_only_right": one.pairs.only_first,
        "candidate_only_right": one.pairs.only_second,
        "neither_right": one.pairs.neither,
        "difference": one.pairs.difference,
        "difference_low": one.low,
        "difference_high": one.high,
        "cases_needed": one.needed,
        "saving_usd_per_call": _text(one.saving),
        "saving_share": one.saving_share,
        "verdict": one.verdict,
        "recommendation": one.recommendation,
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else text(amount)


def _percentile(one: Percentile | None) -> Json | None:
    return None if one is None else {"ms": one.ms, "low": one.low, "high": one.high}


def _rate(one: Rate) -> str:
    share = one.share
    return "–" if share is None else f"{100 * share:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f})"


def _mean(one: Mean) -> str:
    if one.mean is None:
        return _UNKNOWN
    return (
        dollars(one.mean)
        if one.low is None or one.high is None
        else f"{dollars(one.mean)} ({dollars(one.low)} to {dollars(one.high)})"
    )


def _usd(amount: Decimal | None) -> str:
    return _UNKNOWN if amount is None else dollars(amount)


def _ms(one: Percentile | None) -> str:
    return "–" if one is None else f"{one.ms} ms ({one.low} to {one.high})"


def _difference(one: Comparison) -> str:
    return f"{100 * one.pairs.difference:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})".replace("-", "−")
