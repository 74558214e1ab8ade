"""Asks the ledger what margin needs and hands it to the pure functions; nothing is computed here.

Which table answers which grouping is margin.dimensions' decision; docs/margin.md has the list.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from floorline.events import KINDS_BY_USE, REVENUE_KINDS, Customer
from floorline.jobs.uncollected import uncollected
from floorline.ledger.remembering import Remembering
from floorline.ledger.surface import Answering, AnyLedger
from floorline.margin import bridge, facts, queries
from floorline.margin.allocation import Tally
from floorline.margin.attribution import Attribute, Boundaries, Cover, Names
from floorline.margin.cells import Cells, Owner, Use
from floorline.margin.closing import Kind, Part, part_of
from floorline.margin.daily import daily_tallies, month_to_date
from floorline.margin.dimensions import (
    FINER,
    HISTOGRAM,
    Column,
    Dimension,
    Scope,
    Source,
    attributes_of,
    columns_of,
    table_for,
)  # fmt: skip
from floorline.margin.explanation import Facts
from floorline.margin.identities import Identities, Side, identities
from floorline.margin.metrics import Sums, bucket_95, nearest_rank_95, total_of
from floorline.margin.policy import Policies
from floorline.margin.pools import (
    Attribution,
    Pools,
    cost_pools,
    joined,
    metered_amounts,
    metered_pools,
    month_cells,
    month_uses,
    outcome_amounts,
    outcome_pools,
    revenue_pools,
)  # fmt: skip
from floorline.margin.queries import CoverColumns, OutcomeRow, PoolColumns, UsageColumns, WeightColumns
from floorline.margin.revenue import Window
from floorline.margin.series import Series, series
from floorline.margin.sources import Days
from floorline.margin.steps import DEFAULT_SHARE, StepsReport, smallest_set
from floorline.margin.table import (
    Gathered,
    Key,
    Keys,
    LeftOut,
    MarginReport,
    finer_cells,
    kept,
    margin_rows,
    names_of_outcomes,
    outcome_counts,
    resolved_spans,
    resolved_usage,
    window_of,
    with_outcomes,
)  # fmt: skip
from floorline.query import Query

Row = TypeVar("Row")
EXACT_P95_CALLS_MAX = 2_000_000
_NO_SPANS = Boundaries(shared=[], own=[], changing=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRequest:
    """A table: one or two different dimensions, days from `start` to the day before `end`, whose calls count.

    Without `with_p95` the percentiles are left out: for customers of a large ledger they read every call. `with_kinds`
    also tells revenue by its kind.
    """

    by: tuple[Dimension, ...]
    start: date
    end: date
    scope: Scope = field(default_factory=Scope)
    with_p95: bool = True
    with_kinds: bool = False

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"from {self.start} to {self.end} holds no day: `to` is the day after the last")
        if not 1 <= len(self.by) <= 2 or len(set(self.by)) != len(self.by):
            raise ValueError(f"by {','.join(self.by)}: name one dimension, or two different ones")


class Margins:
    """Margin tables over one ledger and the stated policies."""

    def __init__(
        self, ledger: AnyLedger, policies: Policies | None = None, *, answers: Answering | None = None
    ) -> None:
        """`answers` is asked in the ledger's place."""
        self.ledger = ledger
        self._answers = answers or ledger
        self.policies = policies or Policies()

    def once(self) -> "Margins":
        """The same, for tables that are made one after another: what they ask in common is asked once."""
        return Margins(self.ledger, self.policies, answers=Remembering(self._answers))

    def table(self, request: MarginRequest) -> MarginReport:
        """The margin table that `request` asks for."""
        with uncollected():
            return _Table(self._answers, self.policies, request).report()

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
            margins.table(MarginRequest(by=request.by, start=start, end=end, scope=request.scope, with_p95=False))
            for start, end in reversed(stretches)
        ]

    def series(self, request: MarginRequest) -> Series:
        """The figures of every day of the request, without percentiles."""
        with uncollected():
            return series(_Table(self._answers, self.policies, request).days())

    def facts(self, start: date, end: date, scope: Scope) -> Facts:
        """What a window earned and cost by customer, plan and feature: one side of a bridge."""
        request = MarginRequest(by=("feature", "plan"), start=start, end=end, scope=scope, with_p95=False)
        with uncollected():
            return _Table(self._answers, self.policies, request).facts()

    def steps(self, start: date, end: date, scope: Scope, share: Decimal = DEFAULT_SHARE) -> StepsReport:
        """The fewest steps that make up `share` of the window's spend."""
        window = Window(start=start.toordinal(), end=end.toordinal())
        days = Days(start=window.start, end=window.end, scope=scope, spans=_NO_SPANS, timezone=self._answers.timezone)
        completed: dict[str, int] = {}
        (held,) = self._answers.query(queries.any_outcome())
        for row in self._answers.query(queries.outcomes(days, names_of_outcomes(("workflow",)), held=held)):
            completed[row.names[3]] = completed.get(row.names[3], 0) + row.successes
        return smallest_set(self._answers.query(queries.steps(days)), completed, share)

    def uses(self, start: date, end: date, scope: Scope) -> list[tuple[Owner, Use]]:
        """What every customer used of every feature on its plan, a row for each span in which names mean the same."""
        request = MarginRequest(by=("customer", "plan"), start=start, end=end, scope=scope)
        return [(owner, use) for _, owner, use in _Table(self._answers, self.policies, request).window_uses()]

    def parts(self, start: date, end: date, scope: Scope) -> dict[Kind, Part]:
        """What the total of these days is made of, each part from the records of one kind."""
        request = MarginRequest(by=("plan",), start=start, end=end, scope=scope, with_p95=False)
        return _Table(self._answers, self.policies, request).parts()

    def identities(self, start: date, end: date, scope: Scope) -> Identities:
        """Names that only one side knows: customers, plans and features of usage and of billing."""
        request = MarginRequest(by=("customer", "plan"), start=start, end=end, scope=scope)
        with uncollected():
            table = _Table(self._answers, self.policies, request)
            pools = table.earned(table.outcomes(), table.uses() if table.metered else [])
            usage = Side.of([(owner, use.cost) for _, owner, use in table.window_uses()])
            billing = Side.of([(owner, through - before) for owner, (before, through) in pools.items()])
            return identities(usage, billing, table.customers, self.policies, declared=table.declared())


class _Table:
    """One table in the making."""

    def __init__(self, ledger: Answering, policies: Policies, request: MarginRequest) -> None:
        self._ledger = ledger
        self._policies = policies
        self._request = request
        self.window = window = Window(start=request.start.toordinal(), end=request.end.toordinal())
        self._timezone = ledger.timezone
        self._by_feature = bool({"feature", *FINER}.intersection(request.by))
        lines = ledger.begin(queries.revenue_lines(window.reach_start, window.end))
        covers = ledger.begin(queries.plan_covers()) if self._by_feature or "plan" in request.by else None
        self.customers: list[Customer] = ledger.query(queries.customers())
        aliases = [*ledger.query(queries.aliases()), *policies.aliases]
        self._costs = ledger.query(queries.cost_lines(window.reach_start, window.end))
        self._outcomes = _only(ledger.begin(queries.any_outcome()))
        self.lines = _only(lines)
        self.metered = any(plan.usage_prices for plan in policies.plans.values())
        self._needs_cells = bool(self._costs) or self.metered or (self._by_feature and bool(self.lines.customer))
        with_plan = self._needs_cells or any(plan.outcome_prices for plan in policies.plans.values())
        self._attributes: tuple[Attribute, ...] = attributes_of(request.by, with_plan=with_plan)
        covered = _covers(_only(covers or ledger.begin(queries.plan_covers()))) if "plan" in self._attributes else ()
        self.names = Names(aliases, self.customers, covered)
        reach = self.names.boundaries(window.reach_start, window.reach_end, self._attributes)
        self.attribution = Attribution(self.names, window, reach, self._attributes)
        self._columns = columns_of(request.by)
        self._keys = Keys(self.names, request.by, self._columns)

    def report(self) -> MarginReport:
        """Gather, then let the pure part make the rows. What takes the store longest is asked first, and answered while
        revenue is recognised.
        """
        request = self._request
        weights = self._begin_weights() if self._needs_cells else None
        asked = self._begin(queries.usage_sums, self._columns, self._window_days())
        finer = self._begin_finer()
        left_out = self._ledger.begin(queries.left_out(self._uncut()))
        outcomes = self.outcomes(request.by)
        metered = month_uses(_only(weights), self.attribution) if weights and self.metered else []
        revenue = self.earned(outcomes, metered)
        usage, one_to_one = self._usage(asked)
        method, p95, p95_total = self._p95(total_of(usage.values()), one_to_one=one_to_one)
        users, users_total = self._users(usage, one_to_one=one_to_one)
        plans = self._policies.plans
        gathered = Gathered(
            by=request.by,
            usage=usage,
            revenue=revenue,
            costs=cost_pools(self._costs, self.attribution),
            cells=month_cells(_only(weights), plans, self.attribution) if weights else Cells((), plans),
            attribution=self.attribution,
            cell_key=self._cell_key(),
            finer=self._finer(finer),
            outcomes=outcome_counts(outcomes, request.by, self.attribution, self.window.start) if outcomes else None,
            users=users,
            users_total=users_total,
            p95=p95,
            p95_total=p95_total,
            kinds=self._earned_by_kind(outcomes, metered) if request.with_kinds else {},
        )
        rows, total = margin_rows(gathered, self._policies)
        left = _only(left_out)
        return MarginReport(
            start=request.start,
            end=request.end,
            timezone=self._timezone,
            scope=request.scope,
            by=request.by,
            rows=rows,
            total=total,
            left_out=LeftOut(calls=left.calls, cost_pico=left.cost),
            p95_method=method,
        )

    def days(self) -> list[MarginReport]:
        """A table of each day of the window, without percentiles, users and what is left out. Everything is asked once, told
        apart by day.
        """
        window, plans = self.window, self._policies.plans
        every = range(window.start, window.end)
        metered_days = every if self.metered else ()
        cut = (*window.months, *metered_days)
        pools = self._days(window.reach_start, window.reach_end, self.attribution.spans, cut)
        weights = self._begin_pools(pools) if self._needs_cells else None
        asked = self._begin(queries.usage_sums, self._columns, self._window_days(every))
        finer = self._begin_finer()
        outcomes = self.outcomes(self._request.by, every)
        metered = month_uses(_only(weights), self.attribution) if weights and self.metered else []
        cells = month_cells(_only(weights), plans, self.attribution) if weights else Cells((), plans)
        revenue = self._earned_by_day(cells, outcomes, metered)
        usage, divides = self._usage_by_day(asked), self._finer(finer)
        reached: dict[int, list[OutcomeRow]] = {}
        for row in outcomes:
            reached.setdefault(row.as_of, []).append(row)
        return [
            self._day(day, usage.get(day, {}), cells, divides, earned, reached.get(day, []))
            for day, earned in zip(every, revenue, strict=True)
        ]

    def _earned_by_day(
        self, cells: Cells, outcomes: Sequence[OutcomeRow], metered: Sequence[tuple[int, Owner, Use]]
    ) -> Sequence[Pools | Tally]:
        """What each day of the window earned: divided already, or where columns do not hold it, or what outcomes and use earned
        is to be divided with it, before that.
        """
        plans, to, days = self._policies.plans, self.attribution, range(self.window.start, self.window.end)
        amounts = [*outcome_amounts(outcomes, plans, to), *metered_amounts(metered, plans, to)]
        keep = kept(self._request.by, self._cell_key())
        others = month_to_date(amounts, days)
        if "feature" not in keep or all(owner.feature for _, owner, _ in amounts):
            try:
                return daily_tallies(self.lines, others, days, cells, to, keep)
            except OverflowError:  # as in tally_revenue
                pass
        return [
            joined(revenue_pools(self.lines, self._of_day(day)), pools) for day, pools in zip(days, others, strict=True)
        ]

    def _of_day(self, day: int) -> Attribution:
        """The attribution of the table of one day."""
        known, window = self.attribution.spans, Window(start=day, end=day + 1)
        spans = Boundaries(
            shared=[one for one in known.shared if window.reach_start < one <= day],
            own=[one for one in known.own if window.reach_start < one <= day],
            changing=known.changing,
        )
        return Attribution(self.names, window, spans, self._attributes)

    def _day(
        self,
        day: int,
        usage: Mapping[Key, Sums],
        cells: Cells,
        finer: Mapping[tuple[int | str, ...], Mapping[Key, int]],
        revenue: Pools | Tally,
        outcomes: Sequence[OutcomeRow],
    ) -> MarginReport:
        """The table of one day, of what is asked for the window."""
        request, to = self._request, self._of_day(day)
        gathered = Gathered(
            by=request.by,
            usage=usage,
            revenue=revenue,
            costs=cost_pools(self._costs, to),
            cells=cells,
            attribution=to,
            cell_key=self._cell_key(),
            finer=finer,
            outcomes=outcome_counts(outcomes, request.by, to, day) if outcomes else None,
        )
        rows, total = margin_rows(gathered, self._policies)
        start, end = date.fromordinal(day), date.fromordinal(day + 1)
        return MarginReport(
            start=start, end=end, timezone=self._timezone, scope=request.scope, by=request.by, rows=rows, total=total
        )

    def facts(self) -> Facts:
        """As report, undivided by anything but customer, plan and feature."""
        weights = self._begin_weights() if self._needs_cells else None
        asked = self._ledger.begin(queries.drivers(self._window_days()))
        plans, to, window = self._policies.plans, self.attribution, self.window
        by_day, by_use = (
            self._ledger.begin(queries.revenue_lines(window.reach_start, window.end, kinds))
            for kinds in (tuple(set(REVENUE_KINDS).difference(KINDS_BY_USE)), KINDS_BY_USE)
        )
        outcomes = self.outcomes()
        cells = month_cells(_only(weights), plans, to) if weights else Cells((), plans)
        metered = month_uses(_only(weights), to) if weights and self.metered else []
        paid, billed = _only(by_day), _only(by_use)
        used = joined(revenue_pools(billed, to), outcome_pools(outcomes, plans, to), metered_pools(metered, plans, to))
        days = facts.paid_days(paid, to)
        return Facts(
            days=bridge.Days(self._request.start, self._request.end),
            called=facts.called(_only(asked), self.names),
            received=facts.received(revenue_pools(paid, to), used, days, cells),
            shared=facts.shared(cost_pools(self._costs, to), cells, to),
        )

    # -- revenue

    def outcomes(self, by: Sequence[Dimension] = (), extra: Sequence[int] = ()) -> list[OutcomeRow]:
        """Outcomes from the start of the window's first month on: with the names that a key by `by` is read from, and with all
        of them where they earn something.
        """
        if not self._outcomes.count:
            return []
        days = self._reach_days(self.window.end, (*self._edges, *extra))
        priced = any(plan.outcome_prices for plan in self._policies.plans.values())
        return self._ledger.query(queries.outcomes(days, names_of_outcomes(by), priced=priced, held=self._outcomes))

    def earned(self, outcomes: Sequence[OutcomeRow], uses: Sequence[tuple[int, Owner, Use]]) -> Pools:
        """Recognised revenue of every kind, before it is divided; `uses` are what plans with usage prices charge for."""
        plans = self._policies.plans
        return joined(
            revenue_pools(self.lines, self.attribution),
            outcome_pools(outcomes, plans, self.attribution),
            metered_pools(uses, plans, self.attribution),
        )

    def _earned_by_kind(
        self, outcomes: Sequence[OutcomeRow], uses: Sequence[tuple[int, Owner, Use]]
    ) -> Mapping[str, Pools]:
        """As `earned`, apart: what plans charge for calls and tokens is usage, and for outcomes outcome."""
        plans, window = self._policies.plans, self.window
        asked = {
            kind: self._ledger.begin(queries.revenue_lines(window.reach_start, window.end, (kind,)))
            for kind in REVENUE_KINDS
        }
        kinds: dict[str, Pools] = {kind: revenue_pools(_only(lines), self.attribution) for kind, lines in asked.items()}
        kinds["usage"] = joined(kinds["usage"], metered_pools(uses, plans, self.attribution))
        kinds["outcome"] = joined(kinds["outcome"], outcome_pools(outcomes, plans, self.attribution))
        return kinds

    def parts(self) -> dict[Kind, Part]:
        """See Margins.parts."""
        plans, outcomes = self._policies.plans, self.outcomes()
        metered = self.uses() if self.metered else []
        calls = _only(self._ledger.begin(queries.call_parts(self._uncut())))
        changed = _only(self._ledger.begin(queries.adjustment_parts(self._uncut())))
        counted = sum(row.outcomes for row in outcomes if row.as_of >= self.window.start)
        return {
            "calls": part_of(0, calls.cost - changed.cost, calls.calls),
            "adjustments": part_of(0, changed.cost, changed.calls),
            "costs": part_of(0, window_of(cost_pools(self._costs, self.attribution)), len(self._costs)),
            "revenue": part_of(window_of(revenue_pools(self.lines, self.attribution)), 0, len(self.lines.customer)),
            "outcomes": part_of(window_of(outcome_pools(outcomes, plans, self.attribution)), 0, counted),
            "usage_prices": part_of(window_of(metered_pools(metered, plans, self.attribution)), 0, 0),
        }

    # -- usage

    def _begin(
        self, make: Callable[[Sequence[Column], Source, Days], Query[Row]], columns: tuple[Column, ...], days: Days
    ) -> list[Future[list[Row]]]:
        """Ask what `make` makes of `columns`. With an outcome among them two things are asked: first about all calls
        without it, then about those of runs that have one.
        """
        both = (_without_outcome(columns), columns) if table_for(columns) == "runs_day" else (columns,)
        return [self._ledger.begin(make(some, table_for(some), days)) for some in both]

    def _usage(self, asked: Sequence[Future[list[UsageColumns]]]) -> tuple[dict[Key, Sums], bool]:
        """The window's sums by key, and whether each key has raw names of its own."""
        known = resolved_usage(_only(asked[-1]), self._keys)
        if len(asked) == 1:
            return known, self._keys.one_to_one()
        by = self._request.by
        without = Keys(self.names, by, _without_outcome(self._columns))
        base = resolved_usage(_only(asked[0]), without)
        one_to_one = without.one_to_one() and self._keys.one_to_one()
        return with_outcomes(base, known, by.index("outcome")), one_to_one

    def _usage_by_day(self, asked: Sequence[Future[list[UsageColumns]]]) -> dict[int, dict[Key, Sums]]:
        """As _usage, of each day."""
        known = resolved_spans(_only(asked[-1]), self._keys)
        if len(asked) == 1:
            return known
        by = self._request.by
        base = resolved_spans(_only(asked[0]), Keys(self.names, by, _without_outcome(self._columns)))
        position = by.index("outcome")
        return {day: with_outcomes(sums, known.get(day, {}), position) for day, sums in base.items()}

    def uses(self) -> list[tuple[int, Owner, Use]]:
        """The use of whole months by customer, plan and feature."""
        days = self._reach_days(self.window.reach_end, self._edges if self.metered else ())
        return month_uses(_only(self._ledger.begin(queries.usage_pools(days, every_driver=True))), self.attribution)

    def window_uses(self) -> list[tuple[int, Owner, Use]]:
        """The use of the window alone by customer, plan and feature."""
        window = self.window
        days = self._days(window.start, window.end, self.attribution.spans, window.months)
        return month_uses(_only(self._ledger.begin(queries.usage_pools(days, every_driver=True))), self.attribution)

    def declared(self) -> set[str]:
        """The customers with a record of their own, by the names that the window's first day knows them by."""
        return {self.names.resolve("customer", record.customer, self.window.start) for record in self.customers}

    def _begin_weights(self) -> Future[list[PoolColumns]]:
        return self._begin_pools(self._reach_days(self.window.reach_end, self._edges if self.metered else ()))

    def _begin_pools(self, days: Days) -> Future[list[PoolColumns]]:
        by_cost = any(plan.allocation == "cost" for plan in self._policies.plans.values())
        every_driver = bool(self._costs) or self.metered or by_cost
        return self._ledger.begin(queries.usage_pools(days, every_driver=every_driver))

    def _cell_key(self) -> tuple[str, ...]:
        coarse = table_for(self._columns) == "steps_day"
        return ("month", "feature") if coarse else ("month", "feature", "customer")

    def _finer_columns(self) -> tuple[Column, ...]:
        own: tuple[Column, ...] = ("customer_id", "feature") if "customer" in self._cell_key() else ("feature",)
        return (*own, *columns_of([dimension for dimension in self._request.by if dimension in FINER]))

    def _begin_finer(self) -> list[Future[list[WeightColumns]]]:
        """Ask for the calls of each cell by the finer dimensions, over whole months, where anything is divided by them."""
        divided = bool(self.lines.customer) or self._costs or self._outcomes.count or self.metered
        if not divided or FINER.isdisjoint(self._request.by):
            return []
        return self._begin(queries.usage_weights, self._finer_columns(), self._reach_days(self.window.reach_end))

    def _finer(self, asked: Sequence[Future[list[WeightColumns]]]) -> Mapping[tuple[int | str, ...], Mapping[Key, int]]:
        """What _begin_finer asked for."""
        if not asked:
            return {}
        finer: list[Dimension] = [dimension for dimension in self._request.by if dimension in FINER]
        columns, cell_key = self._finer_columns(), self._cell_key()
        known = finer_cells(_only(asked[-1]), columns, cell_key, finer, self.attribution)
        if len(asked) == 1:
            return known
        cells = finer_cells(_only(asked[0]), _without_outcome(columns), cell_key, finer, self.attribution)
        position = finer.index("outcome")
        for cell, within in known.items():
            for values, calls in within.items():
                rest = (*values[:position], "", *values[position + 1 :])
                cells[cell][values] = cells[cell].get(values, 0) + calls
                cells[cell][rest] -= calls
        return cells

    # -- percentiles and users

    def _p95(self, total: Sums, *, one_to_one: bool) -> tuple[str, dict[Key, int | None], int | None]:
        if not self._request.with_p95:
            return "none", {}, None
        days = self._window_days()
        if total.calls <= EXACT_P95_CALLS_MAX:
            return "exact", *self._p95_exact(days, one_to_one=one_to_one)
        overall = bucket_95(_buckets(self._ledger.query(queries.p95_buckets((), days))))
        if not HISTOGRAM.issuperset(self._columns):
            return "exact, total by histogram", self._p95_exact(days, one_to_one=one_to_one)[0], overall
        by_key: dict[Key, list[queries.BucketRow]] = {}
        for row in self._ledger.query(queries.p95_buckets(self._columns, days)):
            by_key.setdefault(self._keys.key(tuple(row.names), row.as_of), []).append(row)
        return "histogram", {key: bucket_95(_buckets(rows)) for key, rows in by_key.items()}, overall

    def _p95_exact(self, days: Days, *, one_to_one: bool) -> tuple[dict[Key, int | None], int | None]:
        """By key, and of the whole window."""
        if one_to_one:
            return self._numbers(self._ledger.query(queries.p95_exact(self._columns, days)))
        costs: dict[Key, list[int]] = {}
        for row in self._ledger.query(queries.p95_costs(self._columns, days)):
            costs.setdefault(self._keys.key(tuple(row.names), row.as_of), []).extend(row.numbers)
        everything = [cost for values in costs.values() for cost in values]
        return {key: nearest_rank_95(values) for key, values in costs.items()}, nearest_rank_95(everything)

    def _users(self, usage: Mapping[Key, Sums], *, one_to_one: bool) -> tuple[dict[Key, int] | None, int | None]:
        by = self._request.by
        if not {"feature", "user"}.issuperset(by):
            return None, None
        if "user" in by:
            at = by.index("user")
            active = {key: 1 for key, sums in usage.items() if key[at] and sums.calls > 0}
            return active, len({key[at] for key in active})
        days = self._window_days()
        if one_to_one:
            counts, total = self._numbers(self._ledger.query(queries.active_users(days)))
            return {key: count or 0 for key, count in counts.items()}, total or 0
        users: dict[Key, set[int]] = {}
        for row in self._ledger.query(queries.active_user_hashes(days)):
            users.setdefault(self._keys.key(tuple(row.names), row.as_of), set()).update(row.numbers)
        return {key: len(hashes) for key, hashes in users.items()}, len(set[int]().union(*users.values()))

    def _numbers(self, rows: Sequence[queries.NumberRow]) -> tuple[dict[Key, int | None], int | None]:
        """By key, and that of the whole window, which comes in a row of no day."""
        whole = next((row.number for row in rows if row.as_of == 0), None)
        return {self._keys.key(tuple(row.names), row.as_of): row.number for row in rows if row.as_of}, whole

    # -- days

    def _uncut(self) -> Days:
        """The window as one, for figures of the total."""
        return self._days(self.window.start, self.window.end, _NO_SPANS, ())

    def _window_days(self, extra: Sequence[int] = ()) -> Days:
        """The window, told apart where a name changes its meaning for this table's key."""
        attributes = attributes_of(self._request.by, with_plan=False)
        window = self.window
        return self._days(window.start, window.end, self.names.boundaries(window.start, window.end, attributes), extra)

    @property
    def _edges(self) -> tuple[int, int]:
        return self.window.start, self.window.end

    def _reach_days(self, end: int, extra: Sequence[int] = ()) -> Days:
        """The whole months around the window up to `end`, told apart by month, by name, and at `extra` days."""
        window = self.window
        return self._days(window.reach_start, end, self.attribution.spans, (*window.months, *extra))

    def _days(self, start: int, end: int, spans: Boundaries, extra: Sequence[int]) -> Days:
        def inside(days: Sequence[int]) -> list[int]:
            return sorted({day for day in (*days, *extra) if start < day < end})

        cut = Boundaries(shared=inside(spans.shared), own=inside(spans.own), changing=spans.changing)
        return Days(start=start, end=end, scope=self._request.scope, spans=cut, timezone=self._timezone)


def _only(asked: Future[list[Row]]) -> Row:
    (row,) = asked.result()
    return row


def _without_outcome(columns: Sequence[Column]) -> tuple[Column, ...]:
    return tuple(column for column in columns if column != "outcome")


def _covers(columns: CoverColumns) -> list[Cover]:
    return list(map(Cover._make, zip(columns.customer, columns.plan, columns.start, columns.amount, strict=True)))


def _buckets(rows: Sequence[queries.BucketRow]) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in rows:
        found[row.bucket] = found.get(row.bucket, 0) + row.calls
    return found
