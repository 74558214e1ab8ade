"""Workflows: what a completed outcome costs with everything that failed on the way to it, and which steps the money goes into."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from floorline.charts.flows import FlowPart, WorkflowSpend, spend_by_workflow, step_flow
from floorline.jobs.workflows import (
    ORDER_CALLS_MAX,
    WorkflowFigures,
    WorkflowsReport,
    completed_of,
    failed_of,
    in_order,
    open_of,
    workflows,
)
from floorline.margin.bridge import Days
from floorline.margin.flows import Flow, FlowStep
from floorline.margin.steps import DEFAULT_SHARE, Step
from floorline.margin.table import NONE
from floorline.money import usd_of
from floorline.web.abouts import about
from floorline.web.blocks import Card, Cards, Chart, Column, Note, Shown, Table, Unit, Value
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Text, Window, address
from floorline.web.view import View

BARS_MAX = 12


class WorkflowWindow(Window, frozen=True, kw_only=True):
    """One workflow, `(none)` being the calls that name none, over a window."""

    workflow: Text


def build(desk: Desk, params: Window) -> Shown:
    """Every workflow."""
    found = _report(desk, params, params.window(desk.today))
    days = params.before(desk.today)
    before = None if days is None else _report(desk, params, days)
    steps = found.greatest
    return Shown(
        title="Workflows",
        lead=_lead(steps.steps_in_all, len(steps.steps), steps.share),
        about=about(
            params, desk.today, desk.now(), desk.ledger.timezone, report=found.table, notes=_run_notes(found, params, desk)
        ),
        blocks=[
            Cards(name="total", cards=_total_cards(found, before)),
            *_spend_chart(found, params),
            Table(
                name="workflows",
                title="Every workflow",
                columns=_columns(params, compared=before is not None),
                rows=[_row(one, None if before is None else before.find(one.workflow)) for one in found.workflows],
                empty="No call in these days names a workflow: send x-floorline-workflow, -run and -step with your calls.",
            ),
            Table(
                name="greatest",
                title=f"The fewest steps that make up {steps.share * 100:.0f} % of the spend",
                columns=_GREATEST_COLUMNS,
                rows=[_greatest_row(step) for step in steps.steps],
                empty="No step cost anything in these days.",
                note="As `floorline margin steps` has them.",
            ),
        ],
    )  # fmt: skip


def build_one(desk: Desk, params: WorkflowWindow) -> Shown:
    """One workflow."""
    name = "" if params.workflow == NONE else params.workflow
    window = params.window(desk.today)
    report = _report(desk, params, window, name)
    one = report.find(name)
    if one is None:
        names = ", ".join(_shown_name(each.workflow) for each in report.workflows[:8])
        raise Refused(
            404, "not_found", f"no call and no outcome from {window.start} to {window.end} (exclusive) is of a workflow "
            f"{params.workflow!r}: {names or 'none has one'}"
        )  # fmt: skip
    days = params.before(desk.today)
    earlier = None if days is None else _report(desk, params, days, name)
    before = None if earlier is None else earlier.find(name)
    flow = in_order(desk.margins, one.flow, window.start, window.end, params.scope)
    notes = _run_notes(report, params, desk) if one.runs else []
    return Shown(
        title=_shown_name(name),
        lead=_flow_lead(flow),
        about=about(params, desk.today, desk.now(), desk.ledger.timezone, report=report.table, notes=notes),
        blocks=[
            Cards(name="figures", cards=_cards(one, before, compared=earlier is not None)),
            *_flow_chart(flow),
            Table(
                name="steps",
                title="Steps",
                columns=_step_columns(params, compared=earlier is not None),
                rows=[_step_row(step, before) for step in flow.steps],
                empty="None of its calls is in these days.",
                note=_order_note(flow),
            ),
            *_no_outcome(one),
        ],
    )


def _report(desk: Desk, params: Window, days: Days, runs_of: str | None = None) -> WorkflowsReport:
    return workflows(desk.margins, days.start, days.end, params.scope, runs_of=runs_of)


# -- what is said


def _shown_name(workflow: str) -> str:
    return workflow or NONE


def _lead(steps: int, greatest: int, share: Decimal) -> str:
    if not steps or not greatest:
        return ""
    of = "step makes" if greatest == 1 else "steps make"
    return f"{greatest} of {steps} {of} up {share * 100:.0f} % of what workflows cost."


def _flow_lead(flow: Flow) -> str:
    few = flow.greatest
    if not few or len(flow.steps) < 2:
        return ""
    names = ", ".join(step.name.text for step in few)
    return f"{len(few)} of {len(flow.steps)} steps make up {DEFAULT_SHARE * 100:.0f} % of it: {names}."


def _order_note(flow: Flow) -> str:
    if flow.in_order:
        return (
            "In the order of the first call of each step within a run, on the last day on which it was called "
            f"(of at most {ORDER_CALLS_MAX:,} calls)."
        )
    return "The dearest first: its calls name no run, so that their order is not known."


def _run_notes(found: WorkflowsReport, params: Window, desk: Desk) -> list[str]:
    window = params.window(desk.today)
    if found.runs_since == window.start:
        return []
    if found.runs_since >= window.end:
        return ["There are too many runs a day to tell what one costs here: its percentiles are unknown."]
    return [f"What a run costs is told of the runs from {found.runs_since} on: earlier ones are too many for a page."]


def _no_outcome(one: WorkflowFigures) -> list[Note]:
    if one.flow.completed is not None or not one.workflow:
        return []
    text = (
        "No outcome names this workflow, so what a completed one costs is unknown. Import outcomes with the run's id "
        "(`floorline import outcomes`), failed ones too."
    )
    return [Note(name="no-outcome", kind="info", text=text)]


# -- figures


def _total_cards(found: WorkflowsReport, before: WorkflowsReport | None) -> list[Card]:
    total, was = found.table.total, before.table.total if before else None
    compared = before is not None
    return [
        Card(name="spend", title="Spend on calls", value=usd_of(total.sums.effective), unit="usd", definition="spend",
             before=usd_of(was.sums.effective) if was else None, compared=compared),
        Card(name="completed", title="Completed outcomes", value=completed_of(total), unit="count", definition="completed",
             before=completed_of(was), compared=compared, better="up"),
        Card(name="failed", title="Failed outcomes", value=failed_of(total), unit="count", definition="failed_outcomes",
             before=failed_of(was), compared=compared, better="down"),
        Card(name="retries", title="Spent on retries", value=usd_of(total.sums.retry), unit="usd", definition="retry_cost",
             before=usd_of(was.sums.retry) if was else None, compared=compared, better="down"),
    ]  # fmt: skip


def _cards(one: WorkflowFigures, before: WorkflowFigures | None, *, compared: bool) -> list[Card]:
    now, was = _figures(one), _figures(before) if before else {}

    def card(name: str, title: str, unit: Unit, definition: str, better: str = "", note: str = "") -> Card:
        return Card(
            name=name, title=title, value=now[name], unit=unit, definition=definition, before=was.get(name),
            compared=compared, better="down" if better == "down" else "up" if better == "up" else "", note=note,
        )  # fmt: skip

    runs = f"of {one.runs.runs:,} runs" if one.runs else ""
    return [
        card("cost_per_completed", "Cost per completed outcome", "usd", "cost_per_completed", "down"),
        card("completed", "Completed", "count", "completed", "up"),
        card("failed", "Failed", "count", "failed_outcomes", "down"),
        card("open", "Open", "count", "open_runs", note=runs if one.runs and one.flow.completed is not None else ""),
        card("spend", "Spend on calls", "usd", "spend"),
        card("retry_cost", "Spent on retries", "usd", "retry_cost", "down"),
        card("run_p95", "A run, P95", "usd", "run_p95", "down", runs),
        card("run_median", "A run, median", "usd", "run_median", "down"),
    ]


def _figures(one: WorkflowFigures) -> dict[str, Value]:
    row, runs = one.row, one.runs
    return {
        "workflow": _shown_name(one.workflow),
        "spend": one.flow.cost if any(step.cost_known for step in one.flow.steps) else None,
        "cogs": row.cogs if row and row.cost_known else None,
        "revenue": row.revenue if row else None,
        "margin_ratio": row.margin_ratio if row and row.cost_known else None,
        "calls": row.sums.calls if row else sum(step.calls for step in one.flow.steps),
        "completed": one.flow.completed,
        "failed": failed_of(row),
        "open": open_of(one),
        "cost_per_completed": row.cost_per_successful_outcome if row else None,
        "retry_cost": one.flow.retry_cost,
        "run_p95": None if runs is None or runs.p95 is None else usd_of(runs.p95),
        "run_median": None if runs is None or runs.median is None else usd_of(runs.median),
        "runs": runs.runs if runs else None,
        "steps": len(one.flow.steps),
        "greatest": len(one.flow.greatest),
        "few": f"{len(one.flow.greatest)} of {len(one.flow.steps)}" if one.flow.greatest else None,
    }


def _row(one: WorkflowFigures, before: WorkflowFigures | None) -> dict[str, Value]:
    was: Mapping[str, Value] = _figures(before) if before else {}
    return {
        **_figures(one),
        "cost_per_completed_before": was.get("cost_per_completed"),
        "spend_before": was.get("spend"),
    }


def _columns(params: Window, *, compared: bool) -> list[Column]:
    def before(name: str, title: str, definition: str) -> list[Column]:
        return [Column(name=f"{name}_before", title=title, unit="usd", definition=definition)] if compared else []

    return [
        Column(
            name="workflow", title="Workflow", link=address("/workflows/{workflow}", replace(params, sort="", page=""))
        ),
        Column(name="cost_per_completed", title="Per completed", unit="usd", definition="cost_per_completed"),
        *before("cost_per_completed", "before", "cost_per_completed"),
        Column(name="completed", title="Completed", unit="count", definition="completed"),
        Column(name="failed", title="Failed", unit="count", definition="failed_outcomes"),
        Column(name="open", title="Open", unit="count", definition="open_runs"),
        Column(name="spend", title="Spend", unit="usd", definition="spend"),
        *before("spend", "before", "spend"),
        Column(name="retry_cost", title="Retries", unit="usd", definition="retry_cost"),
        Column(name="run_p95", title="A run, P95", unit="usd", definition="run_p95"),
        Column(name="run_median", title="A run, median", unit="usd", definition="run_median", hidden=True),
        Column(name="runs", title="Runs", unit="count", definition="runs", hidden=True),
        Column(name="few", title="Steps for 80 %", definition="greatest_steps"),
        Column(name="greatest", title="Dearest steps", unit="count", definition="greatest_steps", hidden=True),
        Column(name="steps", title="Steps", unit="count", hidden=True),
        Column(name="calls", title="Calls", unit="count", definition="calls", hidden=True),
        Column(name="cogs", title="COGS", unit="usd", definition="cogs", hidden=True),
        Column(name="revenue", title="Revenue", unit="usd", definition="revenue"),
        Column(name="margin_ratio", title="Margin %", unit="percent", definition="margin_ratio"),
    ]


_GREATEST_COLUMNS = (
    Column(name="workflow", title="Workflow"),
    Column(name="step", title="Step"),
    Column(name="call_type", title="Call type"),
    Column(name="model", title="Model"),
    Column(name="cost", title="Spend", unit="usd", definition="spend"),
    Column(name="share", title="Share", unit="percent", definition="step_share"),
    Column(name="cumulative_share", title="Up to here", unit="percent", definition="cumulative_share"),
    Column(name="calls", title="Calls", unit="count", definition="calls"),
    Column(name="cost_per_call", title="Per call", unit="usd", definition="cost_per_call"),
    Column(name="cost_per_completed", title="Per completed", unit="usd", definition="step_per_completed"),
)


def _greatest_row(step: Step) -> dict[str, Value]:
    return {
        "workflow": _shown_name(step.workflow),
        "step": step.step or NONE,
        "call_type": step.call_type,
        "model": step.model,
        "cost": step.cost,
        "share": step.share,
        "cumulative_share": step.cumulative_share,
        "calls": step.calls,
        "cost_per_call": step.cost_per_call,
        "cost_per_completed": step.cost_per_completed,
    }


def _step_columns(params: WorkflowWindow, *, compared: bool) -> list[Column]:
    calls = (
        ""
        if params.workflow == NONE
        else address("/calls", replace(params, sort="", page="", against="")) + "&step={raw_step}"
    )
    before = [Column(name="cost_before", title="before", unit="usd", definition="spend")] if compared else []
    return [
        Column(name="step", title="Step"),
        Column(name="call_type", title="Call type"),
        Column(name="greatest", title="Dearest", unit="flag", definition="greatest_steps"),
        Column(name="cost", title="Spend", unit="usd", definition="spend"),
        *before,
        Column(name="share", title="Share", unit="percent", definition="step_share"),
        Column(name="cost_per_completed", title="Per completed", unit="usd", definition="step_per_completed"),
        Column(name="cost_per_call", title="Per call", unit="usd", definition="cost_per_call"),
        Column(name="calls", title="Calls", unit="count", definition="calls", link=calls),
        Column(name="failed", title="Failed calls", unit="count", definition="failed_calls"),
        Column(name="retries", title="Retries", unit="count", definition="retries"),
        Column(name="retry_cost", title="Spent on retries", unit="usd", definition="retry_cost"),
        Column(name="unpriced", title="Unpriced calls", unit="count", definition="unpriced"),
        Column(name="models", title="Models, dearest first"),
        Column(name="place", title="Place in a run", unit="number", definition="step_place", hidden=True),
    ]


def _step_row(step: FlowStep, before: WorkflowFigures | None) -> dict[str, Value]:
    was = next((one for one in before.flow.steps if one.name == step.name), None) if before else None
    return {
        "step": step.name.text,
        "raw_step": step.name.step,
        "call_type": step.name.call_type,
        "greatest": step.greatest,
        "cost": step.cost if step.cost_known else None,
        "cost_before": was.cost if was else None,
        "share": step.share,
        "cost_per_completed": step.cost_per_completed if step.cost_known else None,
        "cost_per_call": step.cost_per_call,
        "calls": step.calls,
        "failed": step.failed,
        "retries": step.retries,
        "retry_cost": step.retry_cost,
        "unpriced": step.unpriced,
        "models": ", ".join(filter(None, step.models)) or None,
        "place": step.place,
    }


# -- charts


def _spend_chart(found: WorkflowsReport, params: Window) -> list[Chart]:
    page = replace(params, sort="", page="")
    bars = [
        WorkflowSpend(
            (name := _shown_name(one.workflow)), (greatest := sum((step.cost for step in one.flow.greatest), usd_of(0))),
            one.flow.cost - greatest, address("/workflows/{workflow}", page, workflow=name),
        )
        for one in found.workflows[:BARS_MAX]
        if one.flow.cost > 0
    ]  # fmt: skip
    if not bars:
        return []
    return [
        Chart(
            name="spend",
            title="Where the money goes",
            said=f"What each workflow spends; strong: the fewest of its steps that make up {DEFAULT_SHARE * 100:.0f} % of it.",
            spec=spend_by_workflow("Where the money goes", bars),
            table="workflows",
            opens="page",
        )
    ]


def _flow_chart(flow: Flow) -> list[Chart]:
    parts = [
        FlowPart(step.name.text, step.cost, step.retry_cost, step.share, greatest=step.greatest) for step in flow.steps
    ]
    if not any(part.usd > 0 for part in parts):
        return []
    retried = "; red: spent on retries" if any(part.retries_usd > 0 for part in parts) else ""
    order = "in the order of their calls" if flow.in_order else "the dearest first"
    said = f"The steps from left to right, {order}, each as thick as what it costs; strong: the few dearest{retried}."
    return [
        Chart(
            name="flow",
            title="What the steps cost",
            said=said,
            spec=step_flow("What the steps cost", parts),
            table="steps",
        )
    ]


VIEWS = (
    View(
        path="/workflows",
        title="Workflows",
        group="Margin",
        key="w",
        params=Window,
        build=build,
        said="Cost per completed outcome of every workflow, and the few steps that cost most",
    ),
    View(
        path="/workflows/{workflow}",
        title="Workflow",
        params=WorkflowWindow,
        build=build_one,
        said="One workflow: its steps as a flow, failures, retries, and what a run costs",
    ),
)
