"""Margin tables over one ledger, and what is made of the same answers: series, facts, parts, names that only one side knows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorline.jobs.margin_days import NO_SPANS
from floorline.jobs.margin_request import MarginRequest
from floorline.jobs.margin_table import Making
from floorline.jobs.uncollected import uncollected
from floorline.ledger.remembering import remembering
from floorline.ledger.surface import Answering, AnyLedger
from floorline.margin import bridge, queries
from floorline.margin.closing import Kind, Part
from floorline.margin.dimensions import Dimension, Scope
from floorline.margin.held import any_outcome
from floorline.margin.identities import Identities, Side, identities
from floorline.margin.metrics import Figures
from floorline.margin.plans import PlanUse
from floorline.margin.policy import Policies
from floorline.margin.pools import SeatUse
from floorline.margin.revenue import Window
from floorline.margin.series import Series, series
from floorline.margin.sides import CalledColumns, Facts
from floorline.margin.sources import Days
from floorline.margin.steps import DEFAULT_SHARE, StepsReport, smallest_set
from floorline.margin.substitution import Models
from floorline.margin.table import NAMELESS, Key, MarginReport, names_of_outcomes
from floorline.margin.users import active_users

__all__ = ["MarginRequest", "Margins"]
_APART_DAYS = 62
"""Windows with more than so many days between them have little in common that would be asked once."""


class Margins:
    """Margin tables over one ledger and the stated policies."""

    def __init__(
        self,
        ledger: AnyLedger,
        policies: Policies | None = None,
        *,
        answers: Answering | None = None,
        whose: Collection[str] = (),
    ) -> None:
        """`answers` is asked in the ledger's place. `whose` are all raw names of one customer: tables whose first dimension is the
        customer then leave out what others called, paid and reached, and cost no more in a company of ten thousand. Its row stays
        what it is, as shared costs are divided by everybody's use.
        """
        self.ledger = ledger
        self._answers = answers or ledger
        self.policies = policies or Policies()
        self._whose = tuple(sorted(whose))

    def once(self) -> "Margins":
        """The same, for tables that are made one after another: what they ask in common is asked once."""
        return Margins(self.ledger, self.policies, answers=remembering(self._answers), whose=self._whose)

    def table(self, request: MarginRequest) -> MarginReport:
        """The margin table that `request` asks for."""
        with uncollected():
            return Making(self._answers, self.policies, request, self._whose).report()

    def trend(self, request: MarginRequest, *, periods: int, days: int | None) -> list[MarginReport]:
        """Tables of `periods` consecutive stretches that end where the request does, oldest first.

        Each has `days` days, or is a calendar month (the last one up to the request's end) when None.
        """
        stretches: list[tuple[date, date]] = []
        end = request.end
        for _ in range(periods):
            start = end - timedelta(days=days) if days else (end - timedelta(days=1)).replace(day=1)
            stretches.append((start, end))
            end = start
        margins = self.once()
        return [
            margins.table(
                MarginRequest(
                    by=request.by, start=start, end=end, scope=request.scope, with_p95=False, with_users=False
                )
            )
            for start, end in reversed(stretches)
        ]

    def tables(self, request: MarginRequest, edges: Sequence[date]) -> list[MarginReport]:
        """The tables of the stretches of the request from one of `edges` to the next, without percentiles, users, floors and
        what is left out. Everything is asked once.
        """
        assert (edges[0], edges[-1]) == (request.start, request.end), (
            "stretches that follow each other make up the request"
        )
        with uncollected():
            return Making(self._answers, self.policies, request, self._whose).stretches(
                [edge.toordinal() for edge in edges]
            )

    def series(self, request: MarginRequest) -> Series:
        """The figures of every day of the request, without percentiles."""
        days = (request.end - request.start).days
        return series(self.tables(request, [request.start + timedelta(days=n) for n in range(days + 1)]))

    def with_series(self, request: MarginRequest, until: date) -> tuple[MarginReport, Series]:
        """The table of the request and the figures of its days before `until`, at least one: both are asked together."""
        days = range((request.end - request.start).days + 1)
        report, tables = self.with_tables(request, [request.start + timedelta(days=n) for n in days])
        return report, series(tables[: (until - request.start).days])

    def with_tables(self, request: MarginRequest, edges: Sequence[date]) -> tuple[MarginReport, list[MarginReport]]:
        """The table of the request, and as `tables` those from one of `edges` to the next, which may leave out its first days:
        both are asked together.
        """
        assert len(edges) > 1
        assert (max(edges[0], request.start), edges[-1]) == (edges[0], request.end), "stretches end with the request"
        days = sorted({request.start.toordinal(), *(edge.toordinal() for edge in edges)})
        with uncollected():
            making = Making(remembering(self._answers), self.policies, request, self._whose)
            report = making.report(apart=days)
            return report, making.stretches(days)[1 - len(edges) :]

    def paid(self, start: date, end: date, scope: Scope, by: tuple[Dimension, ...] = ("customer",)) -> dict[Key, int]:
        """What each customer paid, as the table `by` customer (and plan) has it: recognised revenue in 10^-12 USD, '' nobody's by
        name.
        """
        request = MarginRequest(by=by, start=start, end=end, scope=scope, with_p95=False)
        with uncollected():
            return Making(self._answers, self.policies, request, self._whose).paid()

    def facts(self, windows: Sequence[bridge.Days], scope: Scope, *, feature: str = "") -> list[Facts]:
        """What some windows earned and cost by customer, plan and feature: the sides of bridges. Of calls, where one is named,
        those of the `feature` alone. Windows that are near each other are asked together.
        """
        start, end = min(start for start, _ in windows), max(end for _, end in windows)
        if (end - start).days > sum((end - start).days for start, end in windows) + _APART_DAYS:
            return [one for window in windows for one in self.facts([window], scope, feature=feature)]
        request = MarginRequest(by=("feature", "plan"), start=start, end=end, scope=scope, with_p95=False)
        with uncollected():
            return Making(self._answers, self.policies, request).facts(windows, feature)

    def called(self, start: date, end: date, scope: Scope, models: Models) -> CalledColumns:
        """The calls of a window that some models served, as facts have them."""
        request = MarginRequest(by=("feature", "plan"), start=start, end=end, scope=scope, with_p95=False)
        with uncollected():
            return Making(self._answers, self.policies, request).called(models)

    def with_users(self, table: MarginReport) -> Figures:
        """The total of any `table` as that of the same days by feature has it: with the active users, and with the cost of reaching
        outcomes where one of them is a feature's. Nothing is divided among features for it.
        """
        days = Days(
            start=table.start.toordinal(), end=table.end.toordinal(), scope=table.scope, spans=NO_SPANS, timezone=table.timezone
        )  # fmt: skip
        asked = self._answers.begin(active_users(days, by_feature=False))
        reached = table.total.outcomes is not None and table.total.outcomes.successes > 0
        parts = days.halves(days.end - 1)  # what is before the last day mostly says it already
        owns = reached and any(self._reached(part) for part in parts if part.start < part.end)
        users = sum(row.number for row in asked.result())
        return replace(table.total, users=users, owns_outcomes=owns)

    def _reached(self, days: Days) -> bool:
        """Whether an outcome of these days succeeded that is a feature's."""
        (held,) = self._answers.query(any_outcome(days.timezone))
        rows = self._answers.query(queries.outcomes(days, names_of_outcomes(("feature",)), held=held))
        return any(row.successes and row.names[2] not in ("", *NAMELESS) for row in rows)

    def steps(self, start: date, end: date, scope: Scope, share: Decimal = DEFAULT_SHARE) -> StepsReport:
        """The fewest steps that make up `share` of the window's spend."""
        window = Window(start=start.toordinal(), end=end.toordinal())
        days = Days(start=window.start, end=window.end, scope=scope, spans=NO_SPANS, timezone=self._answers.timezone)
        completed: dict[str, int] = {}
        (held,) = self._answers.query(any_outcome(self._answers.timezone))
        for row in self._answers.query(queries.outcomes(days, names_of_outcomes(("workflow",)), held=held)):
            completed[row.names[3]] = completed.get(row.names[3], 0) + row.successes
        return smallest_set(self._answers.query(queries.steps(days)), completed, share)

    def seats(
        self, start: date, end: date, scope: Scope, whose: Collection[str] = ()
    ) -> dict[tuple[str, str], SeatUse]:
        """What every customer, or each of the raw names `whose`, used on its plan, and of what features, by customer and plan."""
        request = MarginRequest(by=("customer", "plan"), start=start, end=end, scope=scope)
        with uncollected():
            return Making(self._answers, self.policies, request).seats(tuple(sorted(whose)))

    def plan_uses(self, start: date, end: date, scope: Scope, paid: Mapping[Key, int]) -> dict[str, PlanUse]:
        """How many customers pay for each plan, what, and what they use; `paid` is as `paid` by customer and plan says."""
        request = MarginRequest(by=("customer", "plan"), start=start, end=end, scope=scope)
        with uncollected():
            return Making(self._answers, self.policies, request).plan_uses(paid)

    def parts(self, start: date, end: date, scope: Scope) -> dict[Kind, Part]:
        """What the total of these days is made of, each part from the records of one kind."""
        request = MarginRequest(by=("plan",), start=start, end=end, scope=scope, with_p95=False)
        return Making(self._answers, self.policies, request).parts()

    def identities(self, start: date, end: date, scope: Scope) -> Identities:
        """Names that only one side knows: customers, plans and features of usage and of billing."""
        request = MarginRequest(by=("customer", "plan"), start=start, end=end, scope=scope)
        with uncollected():
            table = Making(self._answers, self.policies, request)
            pools = table.earned(table.outcomes(), table.uses() if table.metered else [])
            usage = Side.of_cells(table.window_cells())
            billing = Side.of([(owner, through - before) for owner, (before, through) in pools.items()])
            return identities(usage, billing, table.customers, self.policies, declared=table.declared())
