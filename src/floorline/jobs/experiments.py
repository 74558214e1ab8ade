"""Experiments with what came of them: both arms, the difference and how sure it is, what a call costs; and every guardrail's hold-out as
one of the same kind.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from floorline.clock import day_of, timezone
from floorline.guardrails.experiments.rule import GUARDRAIL, Experiment
from floorline.guardrails.experiments.verdict import Arm, show
from floorline.guardrails.rules import Guardrails
from floorline.jobs.certifying import WINDOW, id_of, shelf
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.margins import Margins
from floorline.margin.dimensions import Scope
from floorline.margin.effectiveness import CUSTOMERS_MIN, Difference, Effect, Side
from floorline.money import text, usd_of
from floorline.proof import queries
from floorline.proof.words import points, size

Standing = Literal["running", "not worse", "not shown", "rolled back", "harm"]

HOLDOUT_MARGIN = 0.02  # float: points of a rate
"""How much worse a guardrail may make the rate of successes, where no experiment says."""

_STATES: Mapping[str, Standing] = {
    "shadow": "running", "certified": "not worse", "refused": "not shown", "suspended": "rolled back",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One arm: customers (or users), their labels (outcomes, calls), the share of them that is right, 10^-12 USD a call."""

    units: int
    labels: int
    rate: float | None  # float: a share
    cost: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An experiment, or a guardrail's hold-out, which `is_holdout`. `difference` is treated less control, in the share that is right,
    between `low` and `high`; None: not enough to tell. `net` is what its treated calls claim to have saved, in 10^-12 USD.
    """

    name: str
    feature: str
    step: str
    does: str
    metric: str
    is_holdout: bool
    standing: Standing
    reason: str
    margin: float  # float: points of a rate
    control: Group
    treated: Group
    difference: float | None  # float: points of a rate
    low: float | None  # float: as above
    high: float | None  # float: as above
    pairs: int | None
    needed: int | None
    net: int
    measured: tuple[int, int, int] | None
    """What the control's calls cost more, over all treated calls: value, low and high end, in 10^-12 USD."""


def trials(margins: Margins, rails: Guardrails, now: datetime, days: int) -> list[Trial]:
    """The experiments of the configuration, then the hold-outs of the last `days` days."""
    today = day_of(now, timezone(margins.ledger.timezone))
    effects = effects_of(margins, today - timedelta(days=days - 1), today + timedelta(days=1), Scope())
    by_place = {(one.feature, one.guardrail): one for one in effects}
    found = [
        _experiment(one, by_place.get((one.feature, one.guardrail)), margins, now)
        for rules in rails.features.values()
        for one in rules.experiments
    ]
    return [*found, *_holdouts(effects)]


def _experiment(one: Experiment, effect: Effect | None, margins: Margins, now: datetime) -> Trial:
    labels = margins.ledger.query(queries.labels(one.place, now - WINDOW))
    shown = show(one, labels)
    kept = shelf(margins.ledger.state).get(id_of(one.place))
    known = None if kept is None or kept.published.epoch != one.epoch else kept.published
    sides = (None, None) if effect is None else (effect.held_out, effect.treated)
    enough = shown.pairs > 0
    return Trial(
        name=one.name,
        feature=one.feature,
        step=one.step,
        does=f"{one.model} serves them" if one.model else "the application serves them otherwise",
        metric=one.metric,
        is_holdout=False,
        standing="running" if known is None else _STATES[known.state],
        reason="no label yet" if known is None else known.reason,
        margin=one.margin,
        control=_group(shown.control, sides[0]),
        treated=_group(shown.treatment, sides[1]),
        difference=shown.difference,
        low=shown.low if enough else None,
        high=shown.high if enough else None,
        pairs=shown.pairs,
        needed=one.pairs or shown.needed,
        net=0 if effect is None else effect.net,
        measured=_measured(effect),
    )


def _group(arm: Arm, side: Side | None) -> Group:
    return Group(units=arm.units, labels=arm.labels, rate=arm.rate, cost=_cost(side))


def _cost(side: Side | None) -> int | None:
    return None if side is None or side.cost_per_call is None else int(side.cost_per_call.value)


def _measured(effect: Effect | None) -> tuple[int, int, int] | None:
    found = None if effect is None else effect.measured
    return None if found is None else (int(found.value), int(found.low), int(found.high))


def _holdouts(effects: Sequence[Effect]) -> Iterator[Trial]:
    for one in effects:
        if one.held_out.customers and not one.guardrail.startswith(GUARDRAIL):
            yield _holdout(one)


def _holdout(one: Effect) -> Trial:
    """By outcomes where the feature has any, else by whether calls failed."""
    by_outcome = one.treated.successes is not None and one.held_out.successes is not None
    difference, low, high = _ends(one, one.fallen.get("successes" if by_outcome else "errors"))
    standing, reason = _told(one, difference, low)
    return Trial(
        name=one.guardrail,
        feature=one.feature,
        step="",
        does="its hold-out is left alone",
        metric="outcome" if by_outcome else "completed",
        is_holdout=True,
        standing=standing,
        reason=reason,
        margin=HOLDOUT_MARGIN,
        control=_side(one.held_out, by_outcome=by_outcome),
        treated=_side(one.treated, by_outcome=by_outcome),
        difference=difference,
        low=low,
        high=high,
        pairs=None,
        needed=None,
        net=one.net,
        measured=_measured(one),
    )


def _ends(
    one: Effect, fallen: Difference | None
) -> "tuple[float | None, float | None, float | None]":  # float: points of a rate
    """Treated less held out, and the ends of its interval. Where no customer of n had anything go wrong, up to 3 of n still may: no end is
    nearer than that.
    """
    if fallen is None:
        return None, None, None
    value, low, high = (_float(-end) for end in (fallen.value, fallen.high, fallen.low))
    least = 3 / min(one.treated.customers, one.held_out.customers)
    return value, min(low, value - least), max(high, value + least)


def _told(
    one: Effect, difference: "float | None", low: "float | None"
) -> tuple[Standing, str]:  # float: points of a rate
    if one.harms:
        return "harm", f"surely worse for those it acts on: {', '.join(sorted(one.harms))}"
    if difference is None or low is None:
        return "running", f"at least {CUSTOMERS_MIN} customers on each side are needed"
    if low > -HOLDOUT_MARGIN:
        return "not worse", f"not worse by {size(HOLDOUT_MARGIN)} ({points(difference)})"
    return "running", f"it may still be worse by up to {size(-low)} ({points(difference)})"


def _side(side: Side, *, by_outcome: bool) -> Group:
    rate = side.successes if by_outcome else side.errors
    right = None if rate is None else _float(rate.value) if by_outcome else 1 - _float(rate.value)
    return Group(units=side.customers, labels=0 if rate is None else rate.whole, rate=right, cost=_cost(side))


def _float(value: Decimal) -> "float":  # float: a share
    return float(value)  # float: a share


def document(one: Trial) -> dict[str, object]:
    """For programs; money is text of 12 places, shares are ratios."""
    measured = one.measured
    return {
        "name": one.name,
        "kind": "holdout" if one.is_holdout else "experiment",
        "feature": one.feature,
        "step": one.step,
        "does": one.does,
        "metric": one.metric,
        "standing": one.standing,
        "reason": one.reason,
        "margin": one.margin,
        "control": _group_document(one.control),
        "treated": _group_document(one.treated),
        "difference": one.difference,
        "low": one.low,
        "high": one.high,
        "pairs": one.pairs,
        "pairs_needed": one.needed,
        "saved_net_usd": text(usd_of(one.net)),
        "measured_usd": None
        if measured is None
        else dict(zip(("value", "low", "high"), (text(usd_of(part)) for part in measured), strict=True)),
    }


def _group_document(of: Group) -> dict[str, object]:
    return {
        "customers": of.units,
        "labels": of.labels,
        "right": of.rate,
        "cost_per_call_usd": None if of.cost is None else text(usd_of(of.cost)),
    }
