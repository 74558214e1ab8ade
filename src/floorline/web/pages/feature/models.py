"""What a feature's calls are made of: its models and their mix over time, its workflows and steps, and how costs are spread."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from floorline.charts.rows import DayRow, RowPoint, rows_by_day
from floorline.charts.spread import Bar, Quantile, cost_spread
from floorline.jobs.making import makeup_of
from floorline.margin.bridge import Days
from floorline.margin.makeup import TOP_PERCENT, Makeup, Share, cost_per_call
from floorline.margin.metrics import NO_CALLS, ratio_of
from floorline.web.blocks import AnyBlock, Chart, Column, Shown, Table, Value
from floorline.web.desk import Desk
from floorline.web.figures import dollars
from floorline.web.pages.feature.frame import PATH, FeatureParams, about_feature, known, tabs
from floorline.web.pages.features import DAILY_MAX, DAY, percent_said
from floorline.web.view import View

MODELS_MAX = 12
"""Models that have a line each, the dearest; the table has every one."""

MODEL = Column(name="model", title="Model", link="/prices/{provider}/{model}")
PROVIDER = Column(name="provider", title="Provider")
_SHARES = (
    Column(name="calls", title="Calls", unit="count", definition="calls"),
    Column(name="of_calls", title="Of calls", unit="percent", definition="of_calls"),
    Column(name="usd", title="Cost of calls", unit="usd", definition="cogs"),
    Column(name="of_cost", title="Of cost", unit="percent", definition="of_cost"),
    Column(name="per_call", title="Cost per call", unit="usd", definition="cost_per_call"),
    Column(name="input_tokens", title="Input tokens a call", unit="number", definition="input_per_call"),
    Column(name="output_tokens", title="Output tokens a call", unit="number", definition="output_per_call"),
    Column(name="unpriced", title="Unpriced calls", unit="count", definition="unpriced"),
)


def build(desk: Desk, params: FeatureParams) -> Shown:
    """The page."""
    days = params.window(desk.today)
    made = makeup_of(desk.ledger, desk.policies, params.feature, days.start, days.end, params.scope)
    if not made.slices:
        known(desk, params)
    return Shown(
        title=f"{params.feature}: models and steps",
        lead=_lead(made),
        about=about_feature(desk, params),
        blocks=[
            tabs(params, "/models"),
            *_mix(made.by_model, days),
            _models(made.by_model),
            _steps(made.by_step),
            *_spread(made),
        ],
    )


def _lead(made: Makeup) -> str:
    models = made.by_model
    if not models or models[0].of_cost is None:
        return ""
    first = models[0]
    return f"{first.key[1]} serves {percent_said(first.of_calls)} of its calls and takes {percent_said(first.of_cost)} of their cost."


# -- models


def _mix(models: Sequence[Share], days: Days) -> list[AnyBlock]:
    """The share of calls that each model serves, and what a call of each costs, day by day."""
    if not models:
        return []
    first = max(days.start, days.end - timedelta(days=DAILY_MAX))
    called = sorted({day for one in models for day in one.days if day >= first})
    totals = {day: sum(one.days[day].calls for one in models if day in one.days) for day in called}
    shown = models[:MODELS_MAX]
    mix = [DayRow(one.key[1], f"{percent_said(one.of_calls)} of calls", _shares(one, totals)) for one in shown]
    costs = [DayRow(one.key[1], _each(one.cost_per_call), _costs(one, called)) for one in shown]
    return [
        Chart(
            name="mix",
            title="Which models serve it",
            said="The share of the feature's calls that each model serves, day by day, the dearest model first.",
            spec=rows_by_day("Which models serve it", mix, unit="percent"),
            table="model_days",
        ),
        Chart(
            name="model_costs",
            title="What a call of each model costs",
            said="The mean cost of a call of each model, day by day, all on one scale.",
            spec=rows_by_day("What a call of each model costs", costs, unit="usd"),
            table="model_days",
        ),
        _model_days(models, totals),
    ]


def _each(usd: Decimal | None) -> str:
    return "unknown" if usd is None else f"{dollars(usd)} a call"


def _shares(one: Share, totals: dict[date, int]) -> list[RowPoint]:
    return [RowPoint(day, ratio_of(one.days.get(day, NO_CALLS).calls, total)) for day, total in sorted(totals.items())]


def _costs(one: Share, days: Sequence[date]) -> list[RowPoint]:
    return [RowPoint(day, cost_per_call(one.days.get(day, NO_CALLS))) for day in days]


def _model_days(models: Sequence[Share], totals: dict[date, int]) -> Table:
    return Table(
        name="model_days",
        title="Models day by day, as a table",
        columns=(DAY, PROVIDER, MODEL, *(column for column in _SHARES if column.name in {"calls", "of_calls", "per_call"})),
        rows=[
            {
                "day": day,
                "provider": one.key[0],
                "model": one.key[1],
                "calls": one.days[day].calls,
                "of_calls": ratio_of(one.days[day].calls, total),
                "per_call": cost_per_call(one.days[day]),
            }
            for day, total in sorted(totals.items())
            for one in models
            if day in one.days
        ],
        empty="No call in these days.",
        closed=True,
    )  # fmt: skip


def _figures(one: Share) -> dict[str, Value]:
    sums = one.sums
    return {
        "calls": sums.calls,
        "of_calls": one.of_calls,
        "usd": one.cost,
        "of_cost": one.of_cost,
        "per_call": one.cost_per_call,
        "input_tokens": ratio_of(sums.input_tokens, sums.calls),
        "output_tokens": ratio_of(sums.output_tokens, sums.calls),
        "unpriced": sums.unpriced,
    }


def _models(models: Sequence[Share]) -> Table:
    return Table(
        name="models",
        title="Its models",
        columns=(MODEL, PROVIDER, *_SHARES),
        rows=[{"provider": one.key[0], "model": one.key[1], **_figures(one)} for one in models],
        empty="No call in these days.",
    )


# -- steps and spread


def _steps(steps: Sequence[Share]) -> Table:
    return Table(
        name="steps",
        title="Its workflows and steps",
        columns=(
            Column(name="workflow", title="Workflow", link="/workflows/{workflow}"),
            Column(name="step", title="Step"),
            Column(name="call_type", title="Type of call", definition="call_type"),
            *_SHARES,
            Column(name="models", title="Models"),
        ),
        rows=[
            {"workflow": one.key[0], "step": one.key[1], "call_type": one.key[2], **_figures(one), "models": ", ".join(one.models)}
            for one in steps
        ],
        empty="No call in these days.",
        note="The dearest step first. Calls outside a workflow have none.",
    )  # fmt: skip


def _spread(made: Makeup) -> list[AnyBlock]:
    found = made.spread
    marks = [Quantile(percent, usd, dollars(usd)) for percent, usd in found.percentiles.items() if usd > 0]
    top = (
        ""
        if found.top_share is None
        else f" The dearest {TOP_PERCENT} % of calls are {percent_said(found.top_share)} of the cost."
    )
    free = f" {found.free:,} calls cost nothing and are in no bar." if found.free else ""
    table = Table(
        name="spread",
        title="How costs of calls are spread, as a table",
        columns=(
            Column(name="percentile", title="Of a hundred calls", unit="count", definition="percentile"),
            Column(name="usd", title="cost at most", unit="usd", definition="percentile"),
        ),
        rows=[{"percentile": percent, "usd": usd} for percent, usd in found.percentiles.items()],
        empty="No call of these days has a price.",
        note=f"Within 1 %: of a histogram of {found.calls:,} priced calls.{top}{free}",
    )
    if not found.bars:
        return [table]
    chart = Chart(
        name="costs_of_calls",
        title="How costs of calls are spread",
        said=f"Calls by what each cost, and what 50 to 95 of a hundred cost at most.{top}",
        spec=cost_spread("How costs of calls are spread", [Bar(*bar) for bar in found.bars], marks),
        table="spread",
    )
    return [chart, table]


VIEWS = (
    View(path=f"{PATH}/models", title="Models and steps", params=FeatureParams, build=build, said="The models, workflows and steps of a feature, and how costs of its calls are spread"),
)  # fmt: skip
