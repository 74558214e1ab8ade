"""What guardrails saved as other tools read it: one JSON document. Money is text of 12 places, null is unknown."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from floorline.margin.effectiveness import CUSTOMERS_MIN, Difference, Effect, Rate, Side, total
from floorline.margin.report import Json, text_of
from floorline.money import EXACT

_RATE = Decimal("0.000001")


def effectiveness_document(found: Sequence[Effect], start: date, end: date, timezone: str) -> Json:
    """Every effect, and what all of them claim together; `to` is exclusive."""
    summed = total(found)
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "timezone": timezone,
        "currency": "USD",
        "customers_min": CUSTOMERS_MIN,
        "guardrails": [_fields(one) for one in found],
        "total": {"saved": text_of(summed.saved), "own_cost": text_of(summed.spent), "net": text_of(summed.net)},
    }


def _fields(one: Effect) -> Json:
    return {
        "feature": one.feature,
        "guardrail": one.guardrail,
        "modes": list(one.modes),
        "touched": one.touched,
        "actions": dict(one.actions),
        "saved": text_of(one.saved),
        "own_cost": text_of(one.spent),
        "net": text_of(one.net),
        "unknown_savings": one.unvalued,
        "shadow": {"calls": one.shadow_calls, "would_save": text_of(one.would_save)},
        "measured": _measured(one),
        "harms": sorted(one.harms),
        "treated": _side(one.treated),
        "held_out": _side(one.held_out),
        "customers_in_both": one.in_both,
    }


def _measured(one: Effect) -> Json:
    """The comparison, or how many customers it lacks."""
    each, whole = one.saved_per_call, one.measured
    if each is None or whole is None:
        return {"enough": False, "customers_missing": one.missing}
    return {"enough": True, "per_call": _interval(each), "total": _interval(whole)}


def _interval(of: Difference) -> Json:
    return {"value": _usd(of.value), "low": _usd(of.low), "high": _usd(of.high)}


def _usd(pico: Decimal) -> str:
    return text_of(int(pico.to_integral_value(context=EXACT)))


def _side(side: Side) -> Json:
    cost = side.cost_per_call
    return {
        "customers": side.customers,
        "calls": side.calls,
        "cost_per_call": None if cost is None else _usd(cost.value),
        "error_ratio": _rate(side.errors),
        "success_ratio": _rate(side.successes),
        "retention_ratio": _rate(side.retention),
    }


def _rate(of: Rate | None) -> str | None:
    return None if of is None else f"{EXACT.quantize(of.value, _RATE):f}"
