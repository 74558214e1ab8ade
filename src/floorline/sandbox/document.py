"""The demo's figures as one JSON document. Money is text of 12 places, as everywhere."""

from collections.abc import Mapping

from floorline.margin.effectiveness import Difference
from floorline.margin.report import money_or_null
from floorline.money import text, usd_of
from floorline.sandbox import company as own
from floorline.sandbox.demo import Staged, Told
from floorline.sandbox.figures import DemoFigures, FeatureLine, First
from floorline.sandbox.live import Live
from floorline.sandbox.proven import Proof, Proven
from floorline.sandbox.scene import HOURS, Guarded, PlanLine
from floorline.sandbox.trial import Trial

Json = dict[str, object]


def document(staged: Staged, told: Told, trial: Trial, seconds: Mapping[str, float]) -> Json:
    """Everything on the screens, with every check."""
    figures = told.figures
    return {
        "sandbox": True,
        "traffic": staged.source,
        "own": own.OWN,
        "seed": staged.seed,
        "from": staged.calendar.start.isoformat(),
        "to": staged.calendar.until.isoformat(),
        "currency": "USD",
        "features": [_feature(line) for line in figures.features],
        "total": _feature(figures.total),
        "under_water": _under_water(figures),
        "top_5_percent": {
            "customers": figures.top.customers,
            "of": figures.top.of,
            "cost": text(figures.top.costs),
            "share": money_or_null(figures.top.share),
        },
        "spread": _spread(figures),
        "steps": _steps(figures),
        "first": _first(figures.first),
        "live": _live(trial.live),
        "guarded": _guarded(trial.guarded),
        "proven": _proven(trial.proven),
        "checks": [
            {"what": one.what, "shown": one.shown, "raw": one.raw, "raw_rows": one.raw_rows, "holds": one.holds}
            for one in told.checks
        ],
        "seconds": {name: f"{elapsed:.3f}" for name, elapsed in seconds.items()},
    }


def _live(live: Live) -> Json:
    return {
        "answered": live.answered,
        "killed_after": live.killed_after,
        "down_ms": live.down_ms,
        "cut_off": live.cut_off,
        "lost": live.lost,
        "lost_cost": text(live.lost_cost),
        "features": [
            {"feature": line.feature, "model": line.model, "calls": line.calls, "cost": text(line.cost)}
            for line in live.lines
        ],
    }


def _guarded(guarded: Guarded) -> Json:
    heaviest = guarded.heaviest
    return {
        "hours": HOURS,
        "plans": [_plan(line) for line in (*guarded.lines, guarded.total)],
        "guardrails": [
            {
                "guardrail": one.guardrail,
                "touched": one.touched,
                "saved": text(one.saved),
                "share": money_or_null(one.share),
                "customers_held_out": one.held_out,
            }
            for one in guarded.shares
        ],
        "heaviest": None
        if heaviest is None
        else {
            "customer": heaviest.customer,
            "pays": text(heaviest.pays),
            "cost": text(heaviest.cost),
            "calls": heaviest.calls,
            "moved": heaviest.moved,
            "cost_before": text(heaviest.before),
            "cost_after": text(heaviest.after),
        },
        "free_plan_budget": text(guarded.free_limit),
        "conversions": guarded.conversions,
    }


def _proven(proven: Proven) -> Json:
    return {"rounds": proven.rounds, "features": [_proof(one) for one in proven.proofs]}


def _proof(one: Proof) -> Json:
    certificate, effect = one.certificate, one.effect
    measured = None if effect is None else effect.measured
    return {
        "feature": one.feature,
        "guardrail": one.guardrail,
        "state": one.state,
        "reason": None if certificate is None else certificate.reason,
        "labels": 0 if certificate is None else certificate.labels,
        "certified_after_round": one.since_round,
        "calls": one.calls,
        "cheap_answers": one.cheap,
        "cheap_answers_right": one.cheap_right,
        "right_before": None if one.right_before is None else f"{one.right_before:.4f}",
        "right_since": None if one.right_after is None else f"{one.right_after:.4f}",
        "saved": None if effect is None else text(usd_of(effect.net)),
        "saved_by_hold_out": None if measured is None else _interval(measured),
        "customers_held_out": 0 if effect is None else effect.held_out.customers,
    }


def _interval(measured: Difference) -> Json:
    ends = {"value": measured.value, "low": measured.low, "high": measured.high}
    return {name: text(usd_of(round(amount))) for name, amount in ends.items()}


def _plan(line: PlanLine) -> Json:
    return {
        "plan": line.plan or None,
        "calls": line.calls,
        "refused": line.refused,
        "moved": line.moved,
        "brings": text(line.brings),
        "cost_before": text(line.before),
        "cost_after": text(line.after),
        "margin_ratio_before": money_or_null(line.margin_before),
        "margin_ratio_after": money_or_null(line.margin_after),
    }


def _feature(line: FeatureLine) -> Json:
    return {
        "feature": line.feature or None,
        "revenue": text(line.revenue),
        "cogs": text(line.cogs),
        "margin_usd": text(line.margin),
        "margin_ratio": money_or_null(line.margin_ratio),
        "floor": None if line.floor is None else f"{line.floor:f}",
        "zone": line.zone,
        "gap_usd_per_month": text(line.gap_usd_per_month),
    }


def _under_water(figures: DemoFigures) -> Json:
    water = figures.under_water
    return {
        "paying_customers": water.paying,
        "loses": text(water.loses),
        "customers": [
            {
                "customer": line.customer,
                "plan": line.plan,
                "pays": text(line.pays),
                "costs": text(line.costs),
                "loses": text(line.loses),
            }
            for line in water.customers
        ],
        "free_accounts": water.free_accounts,
        "free_accounts_cost": text(water.free_costs),
    }


def _spread(figures: DemoFigures) -> list[Json]:
    return [
        {
            "plan": line.plan,
            "unit": line.unit,
            "units": line.units,
            "brings": text(line.brings),
            "cost_mean": text(line.cost_mean),
            "margin_ratio_mean": money_or_null(line.margin_mean),
            "cost_p95": text(line.cost_p95),
            "margin_ratio_p95": money_or_null(line.margin_p95),
        }
        for line in figures.spread
    ]


def _steps(figures: DemoFigures) -> Json:
    steps = figures.steps
    return {
        "share": f"{steps.share:f}",
        "total_cost": text(steps.total_cost),
        "steps_in_all": steps.steps_in_all,
        "steps": [
            {
                "workflow": step.workflow,
                "step": step.step,
                "call_type": step.call_type,
                "model": step.model,
                "calls": step.calls,
                "cost": text(step.cost),
                "share": text(step.share),
                "cost_per_call": money_or_null(step.cost_per_call),
                "completed_outcomes": step.completed,
                "cost_per_completed_outcome": money_or_null(step.cost_per_completed),
            }
            for step in steps.steps
        ],
    }


def _first(first: First | None) -> Json | None:
    if first is None:
        return None
    return {
        "feature": first.feature,
        "gap_usd_per_month": text(first.gap_usd_per_month),
        "cause": first.cause,
        "cause_usd_per_month": text(first.cause_usd_per_month),
        "advice": first.advice,
    }
