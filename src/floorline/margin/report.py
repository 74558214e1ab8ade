"""A margin table as other tools read it: one JSON document, or the cells of a CSV. Money is text of 12 places."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import cast

from floorline.margin import words
from floorline.margin.floors import exception_fields
from floorline.margin.identities import Identities
from floorline.margin.metrics import Figures, per, ratio_of, share_text
from floorline.margin.steps import StepsReport
from floorline.margin.table import OTHERS, UNMATCHED_COST, UNMATCHED_REVENUE, MarginReport, first_rows
from floorline.margin.trend import Trend
from floorline.money import text

Json = dict[str, object]


def document(report: MarginReport, limit: int | None = None) -> Json:
    """The whole table, or its first_rows: `from`, `to` (exclusive), `by`, `rows`, `total`, and how it was made."""
    return {
        "from": report.start.isoformat(),
        "to": report.end.isoformat(),
        "currency": "USD",
        "by": list(report.by),
        "rows": [_row(row, report) for row in first_rows(report, limit)],
        "total": _total(report),
        "timezone": report.timezone,
        "environment": report.scope.environment,
        "purpose": report.scope.purpose,
        "left_out": {"calls": report.left_out.calls, "cost": text_of(report.left_out.cost_pico)},
        "p95_method": report.p95_method,
    }


def text_of(pico: int) -> str:
    """An integer of 10^-12 USD as JSON carries it."""
    sign, digits = "-" * (pico < 0), f"{abs(pico):013d}"
    return f"{sign}{digits[:-12]}.{digits[-12:]}"


def money_or_null(amount: Decimal | None) -> str | None:
    """An amount, or null where it is unknown."""
    return None if amount is None else text(amount)


def figures(row: Figures) -> Json:
    """The fields that every row and the total have. What follows from a cost that nobody knows is null, as on pages."""
    known = row.cost_known
    return {
        "revenue": text_of(row.revenue_pico),
        "cogs": text_of(row.cogs_pico) if known else None,
        "margin_usd": text_of(row.revenue_pico - row.cogs_pico) if known else None,
        "margin_ratio": money_or_null(row.margin_ratio) if known else None,
        "calls": row.sums.calls,
        "cost_per_call_mean": money_or_null(row.cost_per_call_mean),
        "cost_per_call_p95": money_or_null(row.cost_per_call_p95),
        "components": {name: text(amount) for name, amount in row.components.items()},
        "floor": None
        if row.floor is None
        else f"{row.floor:.2f}"
        if row.floor == round(row.floor, 2)
        else f"{row.floor:f}",
        "zone": row.zone,
        "quality": quality(row),
        "tokens": {"input": row.sums.input_tokens, "output": row.sums.output_tokens},
        **_per_user(row),
        **_per_outcome(row),
    }


def quality(row: Figures) -> dict[str, str | int]:
    """Where the calls' dollars come from: shares of their effective cost, and how many calls have no price at all."""
    sums = row.sums
    computed = sums.effective - sums.provider - sums.estimated
    return {
        "provider": share_text(sums.provider, sums.effective),
        "computed": share_text(computed, sums.effective),
        "estimated": share_text(sums.estimated, sums.effective),
        "unpriced_calls": sums.unpriced,
        "unattributed": share_text(sums.unattributed, sums.effective),
    }


def _row(row: Figures, report: MarginReport) -> Json:
    key = dict(zip(report.by, row.key, strict=True))
    matched: Json = {"match": match_of(row)} if report.by == ("customer",) and row.key != (OTHERS,) else {}
    held: Json = {} if row.held_to is None else {"exception": exception_fields(row.held_to)}
    return {"key": key, **figures(row), **matched, **held}


def match_of(row: Figures) -> str:
    """Which side names the customer: `both`, `usage_only` or `revenue_only`."""
    if not row.revenue_pico:
        return "usage_only"
    return "both" if row.sums.calls else "revenue_only"


def _total(report: MarginReport) -> Json:
    fields = figures(report.total)
    shares: Json = {
        **quality(report.total),
        "unmatched_revenue": share_text(
            sum(row.revenue_pico for row in report.rows if UNMATCHED_REVENUE in row.key), report.total.revenue_pico
        ),
        "unmatched_cost": share_text(
            sum(row.cogs_pico for row in report.rows if UNMATCHED_COST in row.key), report.total.cogs_pico
        ),
    }
    if report.by == ("customer",):
        matches = [match_of(row) for row in report.rows]
        shares |= {name: matches.count(name) for name in ("usage_only", "revenue_only")}
    return {**fields, "quality": shares}


def _per_user(row: Figures) -> Json:
    if row.users is None:
        return {}
    known = row.cost_known
    return {
        "active_users": row.users,
        "cost_per_active_user": money_or_null(per(row.cogs_pico, row.users)) if known else None,
        "revenue_per_active_user": money_or_null(per(row.revenue_pico, row.users)),
        "margin_per_active_user": money_or_null(per(row.revenue_pico - row.cogs_pico, row.users)) if known else None,
    }


def _per_outcome(row: Figures) -> Json:
    if row.outcomes is None:
        return {}
    return {
        "outcomes": row.outcomes.outcomes,
        "successful_outcomes": row.outcomes.successes,
        "cost_per_successful_outcome": money_or_null(row.cost_per_successful_outcome),
    }


def csv_lines(report: MarginReport, limit: int | None = None) -> list[list[str]]:
    """Header, first_rows and the total (its key cells read `total`), with the fields of the JSON rows flattened."""
    names = list(_flat(figures(report.total)))
    lines = [[*report.by, *names]]
    for row in (*first_rows(report, limit), report.total):
        flat = _flat(figures(row))
        lines.append([*(row.key or ["total"] * len(report.by)), *(flat.get(name, "") for name in names)])
    return lines


def _flat(fields: Json) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in fields.items():
        if name == "components":
            continue
        if isinstance(value, dict):
            inner = cast("dict[str, object]", value)
            flat |= {f"{name}_{part}": str(one) for part, one in inner.items()}
        else:
            flat[name] = "" if value is None else str(value)
    return flat


def percent(ratio: Decimal | None) -> str:
    """A ratio in a table for people: 91.94 %, or – where it is unknown."""
    return words.percent(ratio, 2)


def share_percent(part: int, whole: int) -> str:
    """A share for people."""
    return percent(ratio_of(part, whole))


def trend_document(reports: Sequence[MarginReport], found: Sequence[Trend]) -> Json:
    """The trend as JSON: a row for each key and the total, oldest period first."""

    def one(trend: Trend) -> Json:
        return {
            "revenue_growth": money_or_null(trend.revenue_growth),
            "inference_cost_growth": money_or_null(trend.cost_growth),
            "cost_outruns_revenue": trend.outrun,
            "periods": [
                {
                    "from": point.start.isoformat(),
                    "to": point.end.isoformat(),
                    "whole": point.whole,
                    "revenue": text(point.revenue),
                    "inference_cost": text(point.inference_cost),
                    "revenue_growth": money_or_null(point.revenue_growth),
                    "inference_cost_growth": money_or_null(point.cost_growth),
                    "cost_outruns_revenue": point.outrun,
                }
                for point in trend.points
            ],
        }

    by = reports[0].by
    return {
        "from": reports[0].start.isoformat(),
        "to": reports[-1].end.isoformat(),
        "currency": "USD",
        "by": list(by),
        "rows": [{"key": dict(zip(by, trend.key, strict=True)), **one(trend)} for trend in found if trend.key],
        "total": next(one(trend) for trend in found if not trend.key),
    }


def steps_document(report: StepsReport, start: date, end: date) -> Json:
    """The steps as JSON, greatest cost first."""
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "currency": "USD",
        "share": f"{report.share:f}",
        "total_cost": text(report.total_cost),
        "steps_in_all": report.steps_in_all,
        "unpriced_calls": report.unpriced_calls,
        "steps": [
            {
                "workflow": step.workflow,
                "step": step.step,
                "call_type": step.call_type,
                "model": step.model,
                "calls": step.calls,
                "cost": text(step.cost),
                "share": text(step.share),
                "cumulative_share": text(step.cumulative_share),
                "cost_per_call": money_or_null(step.cost_per_call),
                "completed_outcomes": step.completed,
                "cost_per_completed_outcome": money_or_null(step.cost_per_completed),
            }
            for step in report.steps
        ],
    }


def identities_document(found: Identities, start: date, end: date) -> Json:
    """What does not match as JSON."""
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "currency": "USD",
        "unmatched": [
            {
                "kind": one.kind,
                "side": one.side,
                "name": one.name,
                "usd": text(one.usd),
                "partners": [{"name": p.name, "percent": p.percent, "because": p.because} for p in one.partners],
            }
            for one in found.unmatched
        ],
        "unnamed_cost": {kind: text(usd) for kind, usd in found.unnamed.items()},
    }
