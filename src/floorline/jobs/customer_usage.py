"""What one customer has used of its budgets, asked of the ledger: what the usage API tells."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import resources
from typing import Protocol, TypeVar

import msgspec

from floorline.clock import day_of, timezone
from floorline.guardrails.budget import Budget
from floorline.guardrails.outlook import Outlook, Used, is_its_own, outlooks
from floorline.guardrails.windows import Span
from floorline.query import Parameter, Query

Row = TypeVar("Row")
_PLAN_DAYS = timedelta(days=62)
_SQL = resources.files("floorline.jobs").joinpath("sql")


class UsedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of customer_usage_days.sql and customer_usage_calls.sql."""

    plan: str
    feature: str
    workflow: str
    calls: int
    tokens: int
    cost: int


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """The row of customer_plan.sql."""

    plan: str


class Asked(Protocol):
    """What is asked: the ledger, or its store, which does not have the latest seconds and is not made to have them."""

    @property
    def timezone(self) -> str:
        """The reporting timezone."""
        ...

    def query(self, query: Query[Row]) -> list[Row]:
        """The rows of `query`."""
        ...


class CustomerUsage:
    """The budgets of customers over one ledger. A customer is known by the name that its calls carry."""

    def __init__(self, asked: Asked, budgets: Sequence[Budget]) -> None:
        self._ledger, self._budgets = asked, budgets

    def of(self, customer: str, now: datetime) -> list[Outlook]:
        """Where each of the customer's own budgets stands at `now`, in the order of the configuration."""
        budgets = [budget for budget in self._budgets if is_its_own(budget, customer)]
        plan = self._plan(customer, now) if budgets else ""
        asked: dict[tuple[Span, bool], list[Used]] = {}
        found: list[Outlook] = []
        for budget in budgets:
            span, by_days = budget.window.at(now), self._in_days(budget)
            if (span, by_days) not in asked:
                asked[span, by_days] = self._used(customer, span, by_days=by_days)
            found += outlooks(budget, customer, plan, asked[span, by_days], span, now)
        return found

    def _in_days(self, budget: Budget) -> bool:
        """Whether its windows are whole days of the reporting timezone, which a rollup has, by what the rollup has."""
        window = budget.window
        by_workflow = any(part.dimension == "workflow" for part in budget.scope)
        return window.unit != "hour" and window.timezone == self._ledger.timezone and not by_workflow

    def _used(self, customer: str, span: Span, *, by_days: bool) -> list[Used]:
        parameters: dict[str, Parameter] = {"customer": customer, "start": span.start, "end": span.end}
        if by_days:
            zone = timezone(self._ledger.timezone)
            parameters |= {"start_day": day_of(span.start, zone), "end_day": day_of(span.end, zone)}
        name = "customer_usage_days" if by_days else "customer_usage_calls"
        rows = self._ledger.query(_query(name, UsedRow, parameters))
        return [Used(row.plan, row.feature, row.workflow, row.calls, row.tokens, row.cost) for row in rows]

    def _plan(self, customer: str, now: datetime) -> str:
        start = day_of(now - _PLAN_DAYS, timezone(self._ledger.timezone))
        rows = self._ledger.query(_query("customer_plan", PlanRow, {"customer": customer, "start": start}))
        return rows[0].plan if rows else ""


def _query(name: str, row: type[Row], parameters: dict[str, Parameter]) -> Query[Row]:
    return Query(sql=_SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8"), row=row, parameters=parameters)
