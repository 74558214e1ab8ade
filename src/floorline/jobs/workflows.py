"""What workflows cost: each by its margin table's row, its steps as a flow, and what one run of it costs.

steps_day ─▶ flows        runs_day ─▶ runs, their percentiles        a day of calls ─▶ the order of steps
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from typing import TypeVar

import msgspec

from floorline.jobs.latest_days import DayCount, latest_days
from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin import queries
from floorline.margin.attribution import Boundaries
from floorline.margin.dimensions import Scope
from floorline.margin.flows import Flow, StepName, flow_of, ordered
from floorline.margin.metrics import Figures, ratio_of
from floorline.margin.remembering import of_window
from floorline.margin.steps import StepsReport, smallest_set
from floorline.margin.table import NONE, MarginReport
from floorline.query import Parameter, Query

RUN_ROWS_MAX = 500_000
"""Rows of the rollup of runs that percentiles are made of: of a longer window the last days count."""

_WEEK = timedelta(days=7)
"""Days at a window's end that often hold as many."""

ORDER_CALLS_MAX = 20_000
"""Calls that the order of steps is read from."""

_SQL = resources.files("floorline.jobs").joinpath("sql")
Row = TypeVar("Row")
_NO_SPANS = Boundaries(shared=[], own=[], changing=frozenset())


class RunsRow(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one workflow; `open` of them no outcome names, `unpriced` have a call without a price. Costs of one in
    10^-12 USD, of those whose every call has a price.
    """

    workflow: str
    runs: int
    open: int
    unpriced: int
    median: int | None
    p95: int | None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A row of workflow_last_day.sql."""

    day: date


class _Places(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    call_type: str
    runs: int
    places: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What is known of runs, by workflow. `since` is the first day that counts: the window's own, or a later one where its
    runs are too many; the day after the last one where none counts.
    """

    by_workflow: Mapping[str, RunsRow]
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFigures:
    """One workflow of a window, '' being the calls that name none: `row` is its row of the margin table, None where only steps
    are known. `runs` is None where no call names a run, or where the window's runs are too many.
    """

    workflow: str
    row: Figures | None
    flow: Flow
    runs: RunsRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowsReport:
    """Every workflow of a window, the dearest first, beside the margin table that it is of, and the fewest of their steps that make
    up most of the spend.
    """

    table: MarginReport
    workflows: tuple[WorkflowFigures, ...]
    runs_since: date
    greatest: StepsReport

    def find(self, workflow: str) -> WorkflowFigures | None:
        """The workflow of that name."""
        return next((one for one in self.workflows if one.workflow == workflow), None)


def workflows(
    margins: Margins, start: date, end: date, scope: Scope, *, runs_of: str | None = None
) -> WorkflowsReport:  # fmt: skip
    """Every workflow of the window; their steps are not in order. Where one is named the runs are told `runs_of` it alone."""
    runs_later = _begin_runs(margins, start, end, scope, runs_of)
    margins = margins.once()
    request = MarginRequest(by=("workflow",), start=start, end=end, scope=scope, with_p95=False)
    table = margins.table(request)
    by_name = {"" if row.key == (NONE,) else row.key[0]: row for row in table.rows}
    steps = margins.ledger.query(queries.steps(_days(margins, start, end, scope)))
    by_workflow: dict[str, list[queries.StepRow]] = {name: [] for name in by_name}
    for row in steps:
        by_workflow.setdefault(row.workflow, []).append(row)
    runs = runs_later()
    completed = {name: completed_of(by_name.get(name)) for name in by_workflow}
    found = [
        WorkflowFigures(
            workflow=name,
            row=by_name.get(name),
            flow=flow_of(name, own, completed=completed[name]),
            runs=runs.by_workflow.get(name),
        )
        for name, own in by_workflow.items()
    ]
    found.sort(key=lambda one: (-one.flow.cost, one.workflow))
    greatest = smallest_set(steps, {name: count or 0 for name, count in completed.items()})
    return WorkflowsReport(table=table, workflows=tuple(found), runs_since=runs.since, greatest=greatest)


def in_order(margins: Margins, flow: Flow, start: date, end: date, scope: Scope) -> Flow:
    """The steps in the order of their calls on the last day on which the workflow was called; dearest first where that
    day's calls do not say it.
    """
    return ordered(flow, step_places(margins, flow.workflow, start, end, scope))


def completed_of(row: Figures | None) -> int | None:
    """Successful outcomes, None where no outcome names the workflow."""
    return row.outcomes.successes if row and row.outcomes and row.outcomes.outcomes else None


def failed_of(row: Figures | None) -> int | None:
    """Outcomes that failed or were cancelled, None where no outcome names the workflow."""
    return row.outcomes.outcomes - row.outcomes.successes if row and row.outcomes and row.outcomes.outcomes else None


def open_of(one: WorkflowFigures) -> int | None:
    """Runs that no outcome names, None where none names the workflow at all: then nobody reports how its runs end."""
    return one.runs.open if one.runs and completed_of(one.row) is not None else None


def _begin_runs(
    margins: Margins, start: date, end: date, scope: Scope, workflow: str | None
) -> Callable[[], Runs]:  # fmt: skip
    """Ask for the runs of as many days at the window's end as hold no more than RUN_ROWS_MAX rows: of one workflow, or of all. What
    is returned waits for the answer.
    """
    since, any_run = _runs_since(margins, start, end, scope)
    if not any_run:
        return lambda: Runs(by_workflow={}, since=since)
    parameters = {**_window(since, end, scope), "every": int(workflow is None), "workflow": workflow or ""}
    asked = margins.ledger.begin(_query("workflow_runs", RunsRow, parameters))
    return lambda: Runs(by_workflow={row.workflow: row for row in asked.result()}, since=since)


def _runs_since(margins: Margins, start: date, end: date, scope: Scope) -> tuple[date, bool]:
    """The first day whose runs count, and whether there is any run. The last days are counted first: they may hold too many."""
    late = max(start, end - _WEEK)
    counts = margins.ledger.query(run_days(late, end, scope))
    since = latest_days(counts, late, end, RUN_ROWS_MAX)
    if since == late > start:
        counts = counts + margins.ledger.query(run_days(start, late, scope))
        since = latest_days(counts, start, end, RUN_ROWS_MAX)
    return since, bool(counts)


def step_places(margins: Margins, workflow: str, start: date, end: date, scope: Scope) -> dict[StepName, Decimal]:
    """Where each step stands in a run, on average, on the last day on which the workflow was called."""
    last = max((row.day for row in margins.ledger.query(last_days(workflow, start, end, scope))), default=None)
    if last is None:
        return {}
    parameters: dict[str, Parameter] = {
        **_window(start, end, scope), "workflow": workflow, "day": last, "timezone": margins.ledger.timezone, "rows": ORDER_CALLS_MAX
    }  # fmt: skip
    asked = of_window(_query("step_places", _Places, parameters), last, last + timedelta(days=1))
    rows = margins.ledger.query(asked)
    places = {StepName(row.step, row.call_type): ratio_of(row.places, row.runs) for row in rows}
    return {name: place for name, place in places.items() if place is not None}


def run_days(start: date, end: date, scope: Scope) -> Query[DayCount]:
    """How many rows the rollup of runs has for each day."""
    query = _query("workflow_run_days", DayCount, _window(start, end, scope))
    return of_window(query, start, end, lambda since, until: run_days(since, until, scope))


def last_days(workflow: str, start: date, end: date, scope: Scope) -> Query[Day]:
    """Days on which a workflow was called, the last one of the window among them; none where it was not."""
    query = _query("workflow_last_day", Day, {**_window(start, end, scope), "workflow": workflow})
    return of_window(query, start, end, lambda since, until: last_days(workflow, since, until, scope))


def _days(margins: Margins, start: date, end: date, scope: Scope) -> queries.Days:
    zone = margins.ledger.timezone
    return queries.Days(start=start.toordinal(), end=end.toordinal(), scope=scope, spans=_NO_SPANS, timezone=zone)


def _window(start: date, end: date, scope: Scope) -> dict[str, Parameter]:
    return {"start": start, "end": end, "environment": scope.environment, "purpose": scope.purpose}


def _query(name: str, row: type[Row], parameters: Mapping[str, Parameter]) -> Query[Row]:
    return Query(sql=_SQL.joinpath(f"{name}.sql").read_text(), row=row, parameters=parameters)
