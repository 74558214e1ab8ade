"""Experiments: what is tried on a share of customers, and the hold-out of every guardrail, quality beside cost."""

from collections.abc import Sequence
from decimal import Decimal

from floorline.charts.experiments import Interval, intervals
from floorline.guardrails.rules import Guardrails
from floorline.jobs.experiments import Group, Trial, trials
from floorline.money import usd_of
from floorline.proof.words import points
from floorline.web.blocks import AnyBlock, Card, Cards, Chart, Column, Link, Note, Shown, Table
from floorline.web.desk import Desk
from floorline.web.pages.deciding import about
from floorline.web.pages.guardrails import GuardrailsParams, tabs
from floorline.web.params import Params, segment
from floorline.web.view import View

DAYS = 30
"""Of which costs and hold-outs are."""

_PATH = "/guardrails/experiments"


class ExperimentsParams(Params, frozen=True, kw_only=True):
    """All of them."""


def experiments(desk: Desk, asked: ExperimentsParams) -> Shown:
    """Every experiment and hold-out."""
    del asked
    found = trials(desk.margins, desk.gateway.guardrails or Guardrails(), desk.now(), DAYS)
    tried, held_out = [one for one in found if not one.is_holdout], [one for one in found if one.is_holdout]
    return Shown(
        title="Guardrails: experiments",
        lead=_lead(tried),
        about=about(desk, f"Costs, savings and hold-outs are of the last {DAYS} days; labels of the last 180."),
        blocks=[
            tabs(GuardrailsParams(), _PATH),
            *_harms(found),
            Cards(name="figures", cards=_cards(tried, held_out)),
            *_chart(found),
            _table("experiments", "What is tried", tried, "Nothing is tried: `experiments` in floorline.yaml says what on whom."),
            _table("holdouts", "Hold-outs of guardrails", held_out, "No customer was held out in these days."),
        ],
    )  # fmt: skip


def _lead(tried: Sequence[Trial]) -> str:
    if not tried:
        return "Nothing is tried on a share of customers. The hold-out of every guardrail is an experiment of the same kind."
    words = [f"{count} {standing}" for standing in ("not worse", "running", "not shown", "rolled back") if (count := sum(one.standing == standing for one in tried))]  # fmt: skip
    noun = "experiment" if len(tried) == 1 else "experiments"
    return f"{len(tried)} {noun}: {', '.join(words)}."


def _harms(found: Sequence[Trial]) -> list[AnyBlock]:
    return [
        Note(
            name=f"harm-{number}",
            kind="wrong" if one.is_holdout else "warning",
            title=f"{one.name} of {one.feature or 'calls without a feature'}:",
            text=f"{one.reason[:1].upper()}{one.reason[1:]}.",
            links=[]
            if one.is_holdout
            else [Link(text="Its certificate", to=f"/guardrails/certificates/{segment(_id(one))}")],
        )
        for number, one in enumerate(one for one in found if one.standing in {"harm", "rolled back"})
    ]


def _cards(tried: Sequence[Trial], held_out: Sequence[Trial]) -> list[Card]:
    return [
        Card(name="tried", title="Experiments", value=len(tried), unit="count", definition="experiment"),
        Card(name="not_worse", title="Not worse", value=sum(one.standing == "not worse" for one in tried), unit="count", definition="experiment_standing"),
        Card(name="rolled_back", title="Rolled back", value=sum(one.standing == "rolled back" for one in tried), unit="count", definition="experiment_standing"),
        Card(name="labels", title="Labels", value=sum(one.control.labels + one.treated.labels for one in tried), unit="count", definition="labels"),
        Card(name="net", title="Saved, net", value=usd_of(sum(one.net for one in (*tried, *held_out))), unit="usd", definition="net_saved", note=f"last {DAYS} days"),
    ]  # fmt: skip


def _chart(found: Sequence[Trial]) -> list[AnyBlock]:
    known = [
        Interval(
            _called(one), _ratio(one.difference), _ratio(one.low), _ratio(one.high), _ratio(one.margin), one.standing
        )
        for one in found
        if one.difference is not None and one.low is not None and one.high is not None
    ]
    if not known:
        return []
    worst = min(known, key=lambda one: one.value)
    said = f"{len(known)} with enough to compare; the treated do worst in {worst.name}: {points(float(worst.value))}."
    spec = intervals("", known)
    return [
        Chart(
            name="differences",
            title="How much better or worse the treated are",
            said=said,
            spec=spec,
            table="experiments",
        )
    ]


def _table(name: str, title: str, found: Sequence[Trial], empty: str) -> Table:
    is_tried = name == "experiments"
    return Table(
        name=name,
        title=title,
        columns=[
            Column(name="name", title="Experiment" if is_tried else "Guardrail", link="/guardrails/certificates/{id}" if is_tried else "/guardrails?kind={name}"),
            Column(name="place", title="Feature"),
            Column(name="standing", title="Stands", definition="experiment_standing"),
            Column(name="control_right", title="Right", unit="percent", definition="experiment_metric"),
            Column(name="treated_right", title="Treated", unit="percent", definition="experiment_metric"),
            Column(name="difference", title="Difference", unit="points", definition="experiment_difference"),
            Column(name="between", title="Between", definition="experiment_difference"),
            Column(name="control_cost", title="A call", unit="usd", definition="cost_per_touched_call"),
            Column(name="treated_cost", title="Treated", unit="usd", definition="cost_per_touched_call"),
            Column(name="net", title="Saved, net", unit="usd", definition="net_saved"),
            Column(name="so_far", title="Pairs", definition="experiment_pairs", hidden=not is_tried),
            Column(name="pairs", title="Pairs so far", unit="count", definition="experiment_pairs", hidden=True),
            Column(name="needed", title="Pairs needed", unit="count", definition="experiment_pairs", hidden=True),
            Column(name="control_customers", title="Customers of the control", unit="count", definition="experiment", hidden=True),
            Column(name="treated_customers", title="Treated customers", unit="count", definition="experiment", hidden=True),
            Column(name="metric", title="Right by", definition="experiment_metric", hidden=True),
            Column(name="low", title="From", unit="points", definition="experiment_difference", hidden=True),
            Column(name="high", title="To", unit="points", definition="experiment_difference", hidden=True),
            Column(name="reason", title="Why", hidden=True),
            Column(name="does", title="What it does", hidden=True),
            Column(name="margin", title="Margin", unit="points", hidden=True),
            Column(name="feature", title="Its feature", hidden=True),
            Column(name="step", title="Its step", hidden=True),
            Column(name="id", title="Its certificate", hidden=True),
        ],
        rows=[_row(one) for one in found],
        empty=empty,
        note="Where a title stands twice, the control's figure comes before the treated's.",
    )  # fmt: skip


def _row(one: Trial) -> dict[str, object]:
    return {
        "name": one.name,
        "feature": one.feature,
        "step": one.step,
        "place": " · ".join(part for part in (one.feature or "(none)", one.step) if part),
        "standing": one.standing,
        "metric": one.metric,
        "control_customers": one.control.units,
        "treated_customers": one.treated.units,
        "control_right": _maybe(one.control.rate),
        "treated_right": _maybe(one.treated.rate),
        "difference": _maybe(one.difference),
        "between": None
        if one.low is None or one.high is None
        else f"{points(one.low)} to {points(one.high)}".replace(" points", ""),
        "low": _maybe(one.low),
        "high": _maybe(one.high),
        "control_cost": _cost(one.control),
        "treated_cost": _cost(one.treated),
        "net": usd_of(one.net),
        "so_far": _so_far(one),
        "pairs": one.pairs,
        "needed": one.needed,
        "reason": f"{one.reason[:1].upper()}{one.reason[1:]}.",
        "does": one.does,
        "margin": _ratio(one.margin),
        "id": None if one.is_holdout or not one.control.labels + one.treated.labels else _id(one),
    }


def _id(one: Trial) -> str:
    """The name of its certificate; there is one as soon as there are labels."""
    return f"experiment/{one.feature}/{one.step}/{one.name}"


def _so_far(one: Trial) -> str | None:
    """How many pairs there are, and of how many while it runs."""
    if one.pairs is None:
        return None
    return f"{one.pairs:,} of {one.needed:,}" if one.needed and one.standing == "running" else f"{one.pairs:,}"


def _called(one: Trial) -> str:
    return f"{one.name} of {one.feature or '(none)'}" if one.is_holdout else one.name


def _ratio(number: float) -> Decimal:
    return Decimal(str(round(number, 6)))


def _maybe(number: float | None) -> Decimal | None:
    return None if number is None else _ratio(number)


def _cost(group: Group) -> Decimal | None:
    return None if group.cost is None else usd_of(group.cost)


VIEWS = (
    View(
        path=_PATH, title="Experiments", params=ExperimentsParams, build=experiments, windowed=False,
        said="What is tried on a share of customers, and the hold-out of every guardrail: quality and cost of both sides.",
    ),
)  # fmt: skip
