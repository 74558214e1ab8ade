"""A feature's customers, its prompts, and the guardrails that act on it."""

from collections.abc import Sequence
from heapq import nsmallest

from floorline.jobs.effectiveness import effects_of
from floorline.jobs.making import prompts_of
from floorline.jobs.margins import MarginRequest
from floorline.margin.effectiveness import Effect
from floorline.margin.metrics import Figures, cogs_of, ratio_of
from floorline.margin.prompt_use import PromptUse, prompt_uses
from floorline.margin.table import NAMELESS
from floorline.money import usd_of
from floorline.web.blocks import Card, Cards, Column, Note, Rows, Shown, Table, Value
from floorline.web.desk import Desk
from floorline.web.pages.feature.frame import PATH, FeatureParams, about_feature, known, tabs
from floorline.web.pages.margin_cells import CALLS, COGS, MARGIN, MARGIN_RATIO, PER_CALL, REVENUE, THIN, cells
from floorline.web.view import View

EXTREMES = 10
"""Customers that are shown at either end; every one is in the table below and in the downloads."""

_CUSTOMER = Column(name="customer", title="Customer", link="/customers/{page}")
_PAGE = Column(name="page", title="Page", hidden=True)
_OF_COST = Column(name="of_cost", title="Of its cost", unit="percent", definition="of_cost")
_COLUMNS = (_CUSTOMER, REVENUE, COGS, _OF_COST, MARGIN, MARGIN_RATIO, CALLS, PER_CALL, THIN, _PAGE)


# -- customers


def customers(desk: Desk, params: FeatureParams) -> Shown:
    """Who pays for the feature and who costs it."""
    days = params.window(desk.today)
    request = MarginRequest(
        by=("feature", "customer"), start=days.start, end=days.end, scope=params.scope, with_p95=False,
        feature=params.feature,
    )  # fmt: skip
    rows = desk.margins.table(request).rows  # by what they leave, the least first
    if not rows:
        known(desk, params)
    costs = cogs_of(rows)
    cogs = sum(costs)
    named = [
        (row.revenue_pico - cost, row) for row, cost in zip(rows, costs, strict=True) if row.key[1] not in NAMELESS
    ]
    below = [(left, row) for left, row in named if left < 0 and row.cost_known]
    best = nsmallest(EXTREMES, [one for one in named if one[0] > 0], key=lambda one: (-one[0], one[1].key))
    dearest = sorted(zip([-cost for cost in costs], [row.key for row in rows], rows, strict=True))
    return Shown(
        title=f"{params.feature}: customers",
        lead=f"{len(below):,} of {len(named):,} customers cost this feature more than they pay for it." if named else "",
        about=about_feature(desk, params),
        blocks=[
            tabs(params, "/customers"),
            Cards(
                name="who",
                cards=[
                    Card(name="customers", title="Customers", value=len(named), unit="count", definition="customer"),
                    Card(name="below", title="Cost more than they pay", value=len(below), unit="count", definition="under_water"),
                    Card(name="lost", title="They lose it", value=-usd_of(sum(left for left, _ in below)), unit="usd", definition="under_water"),
                ],
            ),
            _table("worst", "Those that cost it most beyond what they pay", [row for _, row in below[:EXTREMES]], cogs),
            _table("top", "Those that leave most", [row for _, row in best], cogs),
            _table("customers", "Every customer", [row for _, _, row in dearest], cogs),
        ],
    )  # fmt: skip


def _table(name: str, title: str, rows: Sequence[Figures], cogs: int) -> Table:
    return Table(
        name=name,
        title=title,
        columns=_COLUMNS,
        rows=Rows(
            rows,
            lambda row: {
                "customer": row.key[1],
                "page": None if row.key[1] in NAMELESS else row.key[1],
                "of_cost": ratio_of(row.cogs_pico, cogs),
                **cells(row),
            },
        ),
        empty="There is none in these days.",
        note="Revenue is the part of each customer's that falls to this feature: docs/margin.md says how it is divided.",
    )


# -- prompts


def prompts(desk: Desk, params: FeatureParams) -> Shown:
    """The prompts that its calls have, as they name them; their words are read with `floorline prompt audit`."""
    days = params.window(desk.today)
    found = prompt_uses(prompts_of(desk.ledger, desk.policies, params.feature, days.start, days.end, params.scope))
    if not found:
        known(desk, params)
    how = (
        "A prompt is known by what the application calls it, else by a hash of its template. Its words are read, and what "
        f"could go from them is found, by `floorline prompt audit --feature {params.feature} --reason …`, which is audited; "
        "`floorline prompt diff` says what a changed one costs a month before it ships."
    )
    return Shown(
        title=f"{params.feature}: prompts",
        about=about_feature(desk, params),
        blocks=[
            tabs(params, "/prompts"),
            Table(
                name="prompts",
                title="Its prompts",
                columns=(
                    Column(name="prompt", title="Prompt", unit="code", definition="prompt"),
                    Column(name="first", title="First sent", unit="day"),
                    Column(name="last", title="Last sent", unit="day"),
                    CALLS,
                    Column(name="of_calls", title="Of calls", unit="percent", definition="of_calls"),
                    Column(name="input_tokens", title="Input tokens a call", unit="number", definition="input_per_call"),
                    Column(name="cached", title="Read from cache", unit="percent", definition="cached_input"),
                    Column(name="output_tokens", title="Output tokens a call", unit="number", definition="output_per_call"),
                    Column(name="usd", title="Cost of calls", unit="usd", definition="cogs"),
                    PER_CALL,
                    Column(name="unpriced", title="Unpriced calls", unit="count", definition="unpriced"),
                    Column(name="models", title="Models"),
                ),
                rows=[_prompt(one) for one in found],
                empty="No call was forwarded in these days.",
            ),
            Note(name="words", kind="info", text=how),
        ],
    )  # fmt: skip


def _prompt(one: PromptUse) -> dict[str, Value]:
    return {
        "prompt": one.prompt or None,
        "first": one.first,
        "last": one.last,
        "calls": one.calls,
        "of_calls": one.of_calls,
        "input_tokens": one.input_per_call,
        "cached": one.cached,
        "output_tokens": one.output_per_call,
        "usd": one.usd,
        "cost_per_call_mean": one.cost_per_call,
        "unpriced": one.unpriced,
        "models": ", ".join(one.models),
    }


# -- guardrails


def guardrails(desk: Desk, params: FeatureParams) -> Shown:
    """What each guardrail did to the feature's calls."""
    days = params.window(desk.today)
    found = effects_of(desk.margins, days.start, days.end, params.scope, params.feature)
    if not found:
        known(desk, params)
    return Shown(
        title=f"{params.feature}: guardrails",
        about=about_feature(desk, params),
        blocks=[
            tabs(params, "/guardrails"),
            Table(
                name="guardrails",
                title="What acts on its calls",
                columns=(
                    Column(name="guardrail", title="Guardrail", link="/guardrails?feature={feature}&kind={guardrail}"),
                    Column(name="modes", title="Mode", definition="mode"),
                    Column(name="touched", title="Calls touched", unit="count", definition="touched"),
                    Column(name="net", title="Saved, net", unit="usd", definition="net_saved"),
                    Column(name="spent", title="Its own cost", unit="usd", definition="own_cost"),
                    Column(name="would_save", title="Would save, in shadow", unit="usd", definition="shadow"),
                    Column(name="measured", title="By hold-out", unit="usd", definition="hold_out"),
                    Column(name="low", title="at least", unit="usd", definition="interval"),
                    Column(name="high", title="at most", unit="usd", definition="interval"),
                    Column(name="missing", title="Customers missing", unit="count", definition="hold_out"),
                    Column(name="harms", title="Harms"),
                    Column(name="feature", title="Feature", hidden=True),
                ),
                rows=[_effect(one) for one in found],
                empty="No guardrail touched, or would have touched, a call of this feature in these days.",
            ),
        ],
    )


def _effect(one: Effect) -> dict[str, Value]:
    measured = one.measured
    return {
        "feature": one.feature,
        "guardrail": one.guardrail,
        "modes": ", ".join(one.modes),
        "touched": one.touched,
        "net": usd_of(one.net),
        "spent": usd_of(one.spent),
        "would_save": usd_of(one.would_save),
        "measured": None if measured is None else usd_of(int(measured.value)),
        "low": None if measured is None else usd_of(int(measured.low)),
        "high": None if measured is None else usd_of(int(measured.high)),
        "missing": one.missing,
        "harms": ", ".join(one.harms),
    }


VIEWS = (
    View(path=f"{PATH}/customers", title="Customers of a feature", params=FeatureParams, build=customers, said="Who pays for a feature and who costs it"),
    View(path=f"{PATH}/prompts", title="Prompts of a feature", params=FeatureParams, build=prompts, said="The prompts of a feature, how long they are and what they cost"),
    View(path=f"{PATH}/guardrails", title="Guardrails of a feature", params=FeatureParams, build=guardrails, said="What guardrails did to a feature's calls"),
)  # fmt: skip
