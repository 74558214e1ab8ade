"""Workflows: the figures of the margin table, their steps as a flow, and what one run costs."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from floorline.events import Attempt, CostLine
from floorline.jobs.latest_days import DayCount, latest_days
from floorline.jobs.margins import Margins
from floorline.jobs.workflows import failed_of, in_order, open_of, workflows
from floorline.ledger.ledger import Ledger
from floorline.margin.dimensions import Scope
from floorline.money import usd
from tests.margin.company import call, keep, line, outcome, table
from tests.support.ledger import Opener

START, END = date(2026, 1, 1), date(2026, 2, 1)
PRODUCTION = Scope()


DRAFT = tuple(
    CostLine(
        attempt=attempt, component=component, unit="output", quantity=Decimal(1), per=1, unit_price=usd(amount), list=usd(amount),
        contracted=usd(amount), effective=usd(amount), price_version="v",
    )
    for attempt, component, amount in ((0, "retries", "0.10"), (1, "inference", "0.20"))
)  # fmt: skip


def _run(number: int, status: str | None) -> list:
    """A run of a retrieval, a draft that is asked for twice, and an answer; `status` is its outcome's."""
    at, run = f"2026-01-{number + 1:02d}T09:00:", f"run-{number}"
    of_run = {"workflow": "ticket", "run_id": run}
    found = [
        call(f"{at}05Z", "acme", "support", "0.30", step="draft", model="large", lines=DRAFT,
             attempts=(Attempt(provider="p", model="large", status=503), Attempt(provider="p", model="large")), **of_run),
        call(f"{at}01Z", "acme", "support", "0.02", step="retrieve", call_type="retrieval", **of_run),
        call(f"{at}09Z", "acme", "support", "0.08", step="answer", status=503 if number == 2 else 200, **of_run),
    ]  # fmt: skip
    return found if status is None else [*found, outcome(f"{at}30Z", f"o-{number}", run_id=run, status=status)]


RECORDS = [
    *_run(1, "success"), *_run(2, "failed"), *_run(3, "success"), *_run(4, None),
    call("2026-01-09T08:00:00Z", "acme", "chat", "0.01"),
    call("2026-01-09T08:00:00Z", "acme", "chat", None, workflow="new", step="only"),
    line("acme", "31.00", "2026-01-01", "2026-02-01"),
]  # fmt: skip


@pytest.fixture
def margins(open_ledger: Opener) -> Margins:
    ledger: Ledger = open_ledger()
    keep(ledger, RECORDS)
    return Margins(ledger)


def test_a_workflow_has_its_steps_outcomes_and_runs_and_the_figures_of_the_margin_table(margins):
    found = workflows(margins, START, END, PRODUCTION)
    assert [one.workflow for one in found.workflows] == ["ticket", "", "new"]
    ticket, none, new = found.workflows
    margin_rows = {row.key[0]: row for row in table(margins.ledger, "workflow").rows}
    assert ticket.row.cost_per_successful_outcome == margin_rows["ticket"].cost_per_successful_outcome == usd("0.80")
    assert (ticket.flow.completed, failed_of(ticket.row), open_of(ticket)) == (2, 1, 1)
    assert [(step.name.text, step.cost, step.retry_cost, step.greatest) for step in ticket.flow.steps] == [
        ("draft", usd("1.20"), usd("0.40"), True), ("answer", usd("0.32"), 0, True), ("retrieve", usd("0.08"), 0, False),
    ]  # fmt: skip
    assert sum(step.cost for step in ticket.flow.steps) == ticket.flow.cost == usd("1.60")
    assert [(step.retries, step.failed) for step in ticket.flow.steps] == [(4, 0), (0, 1), (0, 0)]
    assert ticket.flow.steps[0].cost_per_completed == usd("0.60")
    assert (ticket.runs.runs, ticket.runs.p95, ticket.runs.median) == (4, 400_000_000_000, 400_000_000_000)
    assert found.runs_since == START
    assert (none.flow.completed, none.runs, open_of(none)) == (None, None, None)
    assert (new.flow.steps[0].cost_known, new.flow.steps[0].share) == (False, None)

    assert found.greatest == margins.steps(START, END, PRODUCTION)

    flow = in_order(margins, ticket.flow, START, END, PRODUCTION)
    assert flow.in_order
    assert [(step.name.step, step.place) for step in flow.steps] == [("retrieve", 1), ("draft", 2), ("answer", 3)]
    assert not in_order(margins, none.flow, START, END, PRODUCTION).in_order, "calls without a run say no order"


def test_runs_may_be_told_of_one_workflow_alone(margins):
    every = workflows(margins, START, END, PRODUCTION)
    for name, runs in (("ticket", every.find("ticket").runs), ("new", None)):
        found = workflows(margins, START, END, PRODUCTION, runs_of=name)
        assert found.find("ticket").runs == (runs if name == "ticket" else None)
        assert [one.flow for one in found.workflows] == [one.flow for one in every.workflows]


def test_a_window_without_a_call_has_no_workflow(margins):
    assert workflows(margins, date(2025, 1, 1), date(2025, 2, 1), PRODUCTION).workflows == ()


def test_of_too_many_runs_the_last_days_count():
    days = [DayCount(day=START + timedelta(days=number), count=100) for number in range(5)]
    end = START + timedelta(days=7)
    assert latest_days(days, START, end, 500) == START
    assert latest_days(days, START, end, 250) == START + timedelta(days=3)
    assert latest_days(days, START, end, 99) == end
    assert latest_days([], START, end, 1) == START
