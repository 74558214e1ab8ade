"""Asks the ledger what one margin table needs and hands it to the pure functions; nothing is computed here.

Which table answers which grouping is margin.dimensions' decision; docs/margin.md has the list.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar, cast

from msgspec.structs import replace

from floorline.events import KINDS_BY_USE, REVENUE_KINDS, Customer
from floorline.jobs.margin_days import TableDays
from floorline.jobs.margin_request import MarginRequest
from floorline.jobs.margin_spread import Spread
from floorline.jobs.month_use import MonthUse
from floorline.ledger.remembering import made, once, over, remembering
from floorline.ledger.surface import Answering
from floorline.margin import bridge, facts, queries
from floorline.margin.allocation import Tally, tally_revenue
from floorline.margin.attribution import Attribute, Boundaries, Names
from floorline.margin.cells import Cells, Owner, Use
from floorline.margin.closing import Kind, Part, part_of
from floorline.margin.dimensions import (
    FINER,
    Column,
    Dimension,
    Source,
    attributes_of,
    columns_of,
    table_for,
)  # fmt: skip
from floorline.margin.earned import Billed, Earning, amounts_to_date
from floorline.margin.held import OutcomesRow, any_outcome
from floorline.margin.metrics import Sums, total_of
from floorline.margin.plans import PlanUse, plan_uses
from floorline.margin.policy import Policies
from floorline.margin.pools import (
    Attribution,
    Pools,
    SeatUse,
    cost_pools,
    grown_of,
    joined,
    metered_amounts,
    metered_pools,
    outcome_amounts,
    outcome_pools,
    revenue_pools,
    seat_uses,
    some_lines,
)  # fmt: skip
from floorline.margin.queries import OutcomeRow, PoolColumns, RevenueColumns, UsageColumns, WeightColumns
from floorline.margin.received import Lines, Paid, paid, received
from floorline.margin.revenue import Window, any_meets
from floorline.margin.sides import CalledColumns, Facts
from floorline.margin.sources import Days
from floorline.margin.substitution import Models
from floorline.margin.table import (
    Gathered,
    Key,
    Keys,
    LeftOut,
    MarginReport,
    bytes_of,
    finer_cells,
    kept,
    margin_rows,
    names_of_outcomes,
    outcome_counts,
    raw_names,
    resolved_usage,
    window_of,
    with_outcomes,
)  # fmt: skip
from floorline.query import Query

Row = TypeVar("Row")


class Making:
    """One table in the making."""

    def __init__(
        self, ledger: Answering, policies: Policies, request: MarginRequest, whose: tuple[str, ...] = ()
    ) -> None:
        assert not whose or request.by[0] == "customer", "a table of one customer is told by customer"
        self._ledger = ledger = remembering(ledger)
        self._policies = policies
        self._request = request
        self._whose = whose
        self.window = window = Window(start=request.start.toordinal(), end=request.end.toordinal())
        self._timezone = ledger.timezone
        self._by_feature = bool({"feature", *FINER}.intersection(request.by))
        self._asked_outcomes = ledger.begin(any_outcome(self._timezone))
        billed = ledger.begin(queries.revenue_lines(window.reach_start, window.end, whose=whose))
        covers = ledger.begin(queries.plan_covers()) if self._by_feature or "plan" in request.by else None
        self.customers: list[Customer] = ledger.query(queries.customers())
        aliases = ledger.query(queries.aliases())
        self._costs = ledger.query(queries.cost_lines(window.reach_start, window.end))
        self.lines = only(billed)
        self.metered = any(plan.usage_prices for plan in policies.plans.values())
        self._needs_cells = bool(self._costs) or self.metered or (self._by_feature and bool(self.lines.customer))
        with_plan = self._needs_cells or any(plan.outcome_prices for plan in policies.plans.values())
        self._attributes: tuple[Attribute, ...] = attributes_of(request.by, with_plan=with_plan)
        asked = (covers or ledger.begin(queries.plan_covers())) if "plan" in self._attributes else None
        stated = only(asked) if asked else None
        self.names = made(
            ledger,
            (Names, policies.aliases),
            (aliases, self.customers, stated),
            lambda: Names((*aliases, *policies.aliases), self.customers, stated.covers if stated else ()),
        )
        reach = self.names.boundaries(window.reach_start, window.reach_end, self._attributes)
        self.attribution = Attribution(self.names, window, reach, self._attributes)
        self._columns = columns_of(request.by)
        self._keys = Keys(self.names, request.by, self._columns)
        self._days = TableDays(self.attribution, request, ledger.timezone, whose)

    def report(self, apart: Sequence[int] = ()) -> MarginReport:
        """Gather, then let the pure part make the rows. What takes the store longest is asked first, and answered while
        revenue is recognised. Answers are told `apart` on these days where `stretches` asks for them too.
        """
        request = self._request
        apart = () if self._days.window().cut else apart  # names that change their meaning are told apart already
        weights = self._begin_weights(self._edges) if self._needs_cells else None
        asked = self._begin(queries.usage_sums, self._columns, self._days.own(apart))
        finer = self._begin_finer()
        left_out = self._ledger.begin(queries.left_out(self._days.uncut()))
        outcomes = self.outcomes(request.by, apart)

        def make() -> list[MarginReport]:
            return [self._report(weights, asked, finer, only(left_out), outcomes, apart=bool(apart))]

        if not {"feature", "user"}.isdisjoint(request.by) or request.with_p95:
            return make()[0]  # which asks for users and percentiles
        return self._made((Making.report, tuple(apart)), weights, [*asked, *finer, left_out], outcomes, make)[0]

    def _report(
        self,
        weights: MonthUse | None,
        asked: Sequence[Future[list[UsageColumns]]],
        finer: Sequence[Future[list[WeightColumns]]],
        left: queries.LeftOutRow,
        outcomes: Sequence[OutcomeRow],
        *,
        apart: bool,
    ) -> MarginReport:
        request = self._request
        metered = weights.uses(self.attribution) if weights and self.metered else []
        cells = self._cells(weights)
        (revenue,) = self._earned_by_stretch(self._edges, cells, outcomes, metered)
        (usage,), one_to_one = self._usage(asked, self._edges, apart=apart)
        spread = Spread(self._ledger, request, self._keys, self._columns, self._days.window())
        method, p95, p95_total = spread.p95(total_of(usage.values()), one_to_one=one_to_one)
        users, users_total = spread.users(usage, one_to_one=one_to_one)
        gathered = Gathered(
            by=request.by,
            usage=usage,
            revenue=revenue,
            costs=cost_pools(self._costs, self.attribution),
            cells=cells,
            attribution=self.attribution,
            cell_key=self._cell_key(),
            finer=self._finer(finer),
            outcomes=outcome_counts(outcomes, request.by, self.attribution, self.window.start) if outcomes else None,
            users=users,
            users_total=users_total,
            p95=p95,
            p95_total=p95_total,
            kinds=self._earned_by_kind(cells, outcomes, metered) if request.with_kinds else {},
            feature=request.feature,
        )
        rows, total = margin_rows(gathered, self._policies)
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

    def _made(
        self,
        key: Hashable,
        weights: MonthUse | None,
        asked: Sequence[Future[list[Any]]],
        outcomes: Sequence[OutcomeRow],
        make: Callable[[], list[MarginReport]],
    ) -> list[MarginReport]:
        """What `make` makes of these answers alone: once for as long as they hold, where the days that they are about are over."""
        if not (self._cells_last and over(self._ledger, self._request.end)):
            return make()
        pools = weights.pools if weights else ()
        of = self.names, self._policies, self.lines, self._costs, outcomes, *pools, *map(only, asked)
        return made(self._ledger, (key, self._request, self._whose), of, make, bytes_of)

    def paid(self) -> dict[Key, int]:
        """See Margins.paid."""
        weights = self._begin_weights(self._edges) if self.metered else None
        earns = self._outcomes.valued or any(plan.outcome_prices for plan in self._policies.plans.values())
        outcomes = self.outcomes(self._request.by) if earns else []
        metered = weights.uses(self.attribution) if weights else []
        cells = self._cells(None)
        (earned,) = self._earned_by_stretch(self._edges, cells, outcomes, metered)
        tally = earned if isinstance(earned, Tally) else tally_revenue(earned, cells, kept(self._request.by, ()))
        return {cast("Key", key): through - before for key, (before, through) in tally.amounts.items()}

    def stretches(self, edges: Sequence[int]) -> list[MarginReport]:
        """A table of each stretch of the window from one of `edges` to the next, without floors. Everything is asked once, told apart there."""
        weights = self._begin_weights(edges) if self._needs_cells else None
        asked = self._begin(queries.usage_sums, self._columns, self._days.window(edges))
        finer = self._begin_finer()
        outcomes = self.outcomes(self._request.by, edges)

        def make() -> list[MarginReport]:
            return self._stretches(edges, weights, asked, finer, outcomes)

        return self._made((Making.stretches, tuple(edges)), weights, [*asked, *finer], outcomes, make)

    def _stretches(
        self,
        edges: Sequence[int],
        weights: MonthUse | None,
        asked: Sequence[Future[list[UsageColumns]]],
        finer: Sequence[Future[list[WeightColumns]]],
        outcomes: Sequence[OutcomeRow],
    ) -> list[MarginReport]:
        metered = weights.uses(self.attribution) if weights and self.metered else []
        cells = self._cells(weights)
        revenue = self._earned_by_stretch(edges, cells, outcomes, metered)
        usage, divides = self._usage(asked, edges, apart=True)[0], self._finer(finer)
        reached: list[list[OutcomeRow]] = [[] for _ in edges[1:]]
        for row in outcomes:
            if row.as_of >= self.window.start:
                reached[bisect_right(edges, row.as_of) - 1].append(row)
        return [
            self._stretch(*stretch, used, cells, divides, earned, of_outcomes)
            for stretch, used, earned, of_outcomes in zip(pairwise(edges), usage, revenue, reached, strict=True)
        ]

    def _earned_by_stretch(
        self,
        edges: Sequence[int],
        cells: Cells,
        outcomes: Sequence[OutcomeRow],
        metered: Sequence[tuple[int, Owner, Use]],
    ) -> Sequence[Pools | Tally]:
        """What each stretch of the window earned: divided already, or where columns do not hold it, or what outcomes and use
        earned is to be divided with it, before that.
        """
        plans, to = self._policies.plans, self.attribution
        amounts = [*outcome_amounts(outcomes, plans, to), *metered_amounts(metered, plans, to)]
        return self._earned(amounts, edges, cells)

    def _earned(
        self, amounts: Sequence[tuple[int, Owner, int]], edges: Sequence[int], cells: Cells, kind: str = ""
    ) -> Sequence[Pools | Tally]:
        """What lines of one kind, or all, and amounts of days earned in each stretch, as _earned_by_stretch."""
        keep, others = kept(self._request.by, self._cell_key()), amounts_to_date(amounts, edges)
        if "feature" not in keep or all(owner.feature for _, owner, _ in amounts):
            try:
                return self._earning(cells, keep).tallies(others, edges, kind)
            except OverflowError:  # as in tally_revenue
                pass
        lines = some_lines(self.lines, [n for n, one in enumerate(self.lines.kind) if kind in ("", one)])
        return [
            joined(revenue_pools(lines, self._of(*stretch)), pools)
            for stretch, pools in zip(pairwise(edges), others, strict=True)
        ]

    def _earning(self, cells: Cells, keep: Sequence[str]) -> Earning:
        lines, to, ledger = self.lines, self.attribution, self._ledger
        of = self._attributes, self.window.reach_start, self.window.end
        billed = made(ledger, (Billed, *of), (lines, self.names), lambda: Billed(lines, to))
        if self._cells_last:
            return made(ledger, (Earning, *of, *keep), (billed, cells), lambda: Earning(billed, cells, keep))
        again = partial(made, ledger)
        return once(ledger, (Earning, billed, cells, tuple(keep)), lambda: Earning(billed, cells, keep, again))

    def _of(self, start: int, end: int) -> Attribution:
        """The attribution of the table of a stretch of the window."""
        known, window = self.attribution.spans, Window(start=start, end=end)
        spans = Boundaries(
            shared=[one for one in known.shared if window.reach_start < one < end],
            own=[one for one in known.own if window.reach_start < one < end],
            changing=known.changing,
        )
        return Attribution(self.names, window, spans, self._attributes)

    def _stretch(
        self,
        start: int,
        end: int,
        usage: Mapping[Key, Sums],
        cells: Cells,
        finer: Mapping[tuple[int | str, ...], Mapping[Key, int]],
        revenue: Pools | Tally,
        outcomes: Sequence[OutcomeRow],
    ) -> MarginReport:
        """The table of one stretch, of what is asked for the window."""
        request, to = self._request, self._of(start, end)
        gathered = Gathered(
            by=request.by,
            usage=usage,
            revenue=revenue,
            costs=cost_pools(self._costs, to),
            cells=cells,
            attribution=to,
            cell_key=self._cell_key(),
            finer=finer,
            outcomes=outcome_counts(outcomes, request.by, to, start) if outcomes else None,
        )
        rows, total = margin_rows(gathered, None)
        first, after = date.fromordinal(start), date.fromordinal(end)
        return MarginReport(
            start=first, end=after, timezone=self._timezone, scope=request.scope, by=request.by, rows=rows, total=total
        )

    def called(self, models: Models) -> CalledColumns:
        """See Margins.called."""
        asked = queries.drivers(self._days.window(), models=[model for _, model in models])
        return facts.called([facts.part_of(one, self.names) for one in self._ledger.query(asked)])

    def _called(self, parts: Iterable[queries.DriverColumns], feature: str) -> CalledColumns:
        """The calls by their canonical names. Those of one feature are looked up once; all would leave no room for anything else."""
        of, names = facts.part_of, self.names
        if not feature:
            return facts.called([of(one, names) for one in parts])
        return facts.called(
            [made(self._ledger, of, (one, names), partial(of, one, names), facts.bytes_of) for one in parts]
        )

    def facts(self, windows: Sequence[bridge.Days], feature: str) -> list[Facts]:
        """As report, undivided by anything but customer, plan and feature, of some windows within the table's own; the calls are
        those of a `feature`, if one is named.
        """
        stretches = [Window(start=start.toordinal(), end=end.toordinal()) for start, end in windows]
        edges = [day for stretch in stretches for day in (stretch.start, stretch.end)]
        weights = self._begin_weights(edges) if self._needs_cells else None
        raw = sorted(self.names.raw_names("feature", feature)) if feature else ()
        asked = [self._ledger.begin(queries.drivers(self._days.named(one), features=raw)) for one in stretches]
        plans, to, reach = self._policies.plans, self.attribution, (self.window.reach_start, self.window.end)
        by_use = self._ledger.begin(queries.revenue_lines(*reach, KINDS_BY_USE))
        amounts = list(outcome_amounts(self.outcomes(extra=edges), plans, to))
        cells = self._cells(weights)
        if weights and self.metered:
            amounts += metered_amounts(weights.uses(to), plans, to)
        billed = only(by_use)
        lines = self._paid_for_days() if billed.customer else self.lines
        return [
            self._side(days, self._called(parts.result(), feature), self._paid(lines, stretch), billed, amounts, cells)
            for days, stretch, parts in zip(windows, stretches, asked, strict=True)
        ]

    def _paid(self, lines: RevenueColumns, window: Window) -> Paid:
        """What lines that are paid for days earn in a window within the table's own."""
        reach = self.window.reach_start, self.window.reach_end
        of = made(
            self._ledger, (Lines, self._attributes, *reach), (lines, self.names), lambda: Lines(lines, self.attribution)
        )
        return made(self._ledger, (paid, window.start, window.end), (of,), lambda: paid(of, window))

    def _side(
        self,
        days: bridge.Days,
        called: CalledColumns,
        lines: Paid,
        billed: RevenueColumns,
        amounts: Sequence[tuple[int, Owner, int]],
        cells: Cells,
    ) -> Facts:
        """What one window earned and cost: of lines that are paid for days or billed by use, and of amounts of days."""
        to = self._of(days.start.toordinal(), days.end.toordinal())
        start, end, reach_start = to.window.start, to.window.end, to.window.reach_start
        reached = grown_of([one for one in amounts if reach_start <= one[0] < end], start)
        divided = cells if self._divides(to.window) else Cells((), self._policies.plans)
        return Facts(
            days=days,
            called=called,
            received=received(lines, joined(revenue_pools(billed, to), reached), divided, partial(made, self._ledger)),
            shared=facts.shared(cost_pools(self._costs, to), divided, to),
        )

    def _divides(self, window: Window) -> bool:
        """Whether the table of this window alone would ask how many calls divide what it has."""
        lines, days = self.lines, (window.reach_start, window.end)
        if self.metered or any_meets(((row.start, row.end) for row in self._costs), *days):
            return True
        return made(
            self._ledger,
            (any_meets, *days),
            (lines,),
            lambda: any_meets(zip(lines.start, lines.end, strict=True), *days),
        )

    def _paid_for_days(self) -> RevenueColumns:
        """The lines that bill how long something was used, and not how much."""
        kinds = tuple(set(REVENUE_KINDS).difference(KINDS_BY_USE))
        return only(self._ledger.begin(queries.revenue_lines(self.window.reach_start, self.window.end, kinds)))

    # -- revenue

    def outcomes(self, by: Sequence[Dimension] = (), extra: Sequence[int] = ()) -> list[OutcomeRow]:
        """Outcomes from the start of the window's first month on: with the names that a key by `by` is read from, and with all
        of them where they earn something.
        """
        if not self._outcomes.count:
            return []
        days = self._days.reach(self.window.end, (*self._edges, *extra))
        priced = any(plan.outcome_prices for plan in self._policies.plans.values())
        return self._ledger.query(queries.outcomes(days, names_of_outcomes(by), priced=priced, held=self._outcomes))

    def earned(self, outcomes: Sequence[OutcomeRow], uses: Sequence[tuple[int, Owner, Use]]) -> Pools:
        """Recognised revenue of every kind, before it is divided; `uses` are what plans with usage prices charge for."""
        plans = self._policies.plans
        return joined(
            self._billed(),
            outcome_pools(outcomes, plans, self.attribution),
            metered_pools(uses, plans, self.attribution),
        )

    def _billed(self) -> Pools:
        """What lines earned in the window: as they stay until one is added, it is reckoned once."""
        lines, to = self.lines, self.attribution
        return made(
            self._ledger,
            (revenue_pools, self.window, self._attributes),
            (lines, to.names),
            lambda: revenue_pools(lines, to),
        )

    def _earned_by_kind(
        self, cells: Cells, outcomes: Sequence[OutcomeRow], metered: Sequence[tuple[int, Owner, Use]]
    ) -> Mapping[str, Pools | Tally]:
        """What the window earned, by kind: what plans charge for calls and tokens is usage, and for outcomes outcome."""
        plans, to = self._policies.plans, self.attribution
        others = {
            "usage": list(metered_amounts(metered, plans, to)),
            "outcome": list(outcome_amounts(outcomes, plans, to)),
        }
        earning = {*self.lines.kind, *(kind for kind, amounts in others.items() if amounts)}
        kinds = [kind for kind in REVENUE_KINDS if kind in earning]
        return {kind: self._earned(others.get(kind, ()), self._edges, cells, kind)[0] for kind in kinds}

    def parts(self) -> dict[Kind, Part]:
        """See Margins.parts."""
        plans, outcomes = self._policies.plans, self.outcomes()
        metered = self.uses() if self.metered else []
        calls = only(self._ledger.begin(queries.call_parts(self._days.uncut())))
        changed = only(self._ledger.begin(queries.adjustment_parts(self._days.uncut())))
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

    def _usage(
        self, asked: Sequence[Future[list[UsageColumns]]], edges: Sequence[int], *, apart: bool
    ) -> tuple[list[dict[Key, Sums]], bool]:
        """The sums by key of each stretch of the window, and whether each key has raw names of its own; answers may be told
        `apart` within a stretch.
        """
        columns = only(asked[-1])
        known = resolved_usage(columns, self._keys, edges)
        one_to_one = sum(map(len, known)) == raw_names(columns, apart=apart)
        if len(asked) == 1:
            return known, one_to_one
        by, columns = self._request.by, only(asked[0])
        base = resolved_usage(columns, Keys(self.names, by, _without_outcome(self._columns)), edges)
        one_to_one = one_to_one and sum(map(len, base)) == raw_names(columns, apart=apart)
        at = by.index("outcome")
        return [with_outcomes(*both, at) for both in zip(base, known, strict=True)], one_to_one

    def uses(self) -> list[tuple[int, Owner, Use]]:
        """The use of whole months by customer, plan and feature."""
        months = self._days.months(self.window.reach_start, self.window.reach_end, self._edges if self.metered else ())
        return MonthUse(self._ledger, months, every_driver=True).uses(self.attribution)

    def window_cells(self) -> Cells:
        """The use of the window alone by customer, plan and feature."""
        months = self._days.months(self.window.start, self.window.end)
        return MonthUse(self._ledger, months, every_driver=True).cells(self._policies.plans, self.attribution)

    def seats(self, whose: tuple[str, ...] = ()) -> dict[tuple[str, str], SeatUse]:
        """The same by customer and plan, the features of each within: of the customers of these raw names, or of all."""
        return seat_uses(self._window_pools(whose), self.attribution)

    def plan_uses(self, paid: Mapping[Key, int]) -> dict[str, PlanUse]:
        """See Margins.plan_uses."""
        days = self._days.owned()
        return plan_uses(self._ledger.query(queries.plan_features(days)), paid, self.names)

    def _window_pools(self, whose: tuple[str, ...] = ()) -> list[PoolColumns]:
        window = self.window
        days = self._days.owned(window.months)
        asked = queries.usage_pools(replace(days, whose=whose), every_driver=True, alone=bool(whose))
        return self._ledger.query(asked)

    def declared(self) -> set[str]:
        """The customers with a record of their own, by the names that the window's first day knows them by."""
        return {self.names.resolve("customer", record.customer, self.window.start) for record in self.customers}

    def _begin_weights(self, edges: Sequence[int]) -> MonthUse:
        """The use of whole months. It is told apart at `edges` where plans charge for it."""
        window, by_cost = self.window, any(plan.allocation == "cost" for plan in self._policies.plans.values())
        months = self._days.months(window.reach_start, window.reach_end, edges if self.metered else ())
        return MonthUse(self._ledger, months, every_driver=bool(self._costs) or self.metered or by_cost)

    def _cells(self, weights: MonthUse | None) -> Cells:
        """What divides bundled revenue and shared costs, of what _begin_weights asked for."""
        plans = self._policies.plans
        if weights is None:
            return made(self._ledger, Cells, (plans,), lambda: Cells((), plans))
        return weights.cells(plans, self.attribution)

    @property
    def _cells_last(self) -> bool:
        """Whether what divides revenue and shared costs is remembered as it is."""
        return not self._needs_cells or over(self._ledger, date.fromordinal(self.window.reach_end))

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
        return self._begin(queries.usage_weights, self._finer_columns(), self._days.reach(self.window.reach_end))

    def _finer(self, asked: Sequence[Future[list[WeightColumns]]]) -> Mapping[tuple[int | str, ...], Mapping[Key, int]]:
        """What _begin_finer asked for."""
        if not asked:
            return {}
        finer: list[Dimension] = [dimension for dimension in self._request.by if dimension in FINER]
        columns, cell_key = self._finer_columns(), self._cell_key()
        known = finer_cells(only(asked[-1]), columns, cell_key, finer, self.attribution)
        if len(asked) == 1:
            return known
        cells = finer_cells(only(asked[0]), _without_outcome(columns), cell_key, finer, self.attribution)
        position = finer.index("outcome")
        for cell, within in known.items():
            for values, calls in within.items():
                rest = (*values[:position], "", *values[position + 1 :])
                cells[cell][values] = cells[cell].get(values, 0) + calls
                cells[cell][rest] -= calls
        return cells

    @property
    def _outcomes(self) -> OutcomesRow:
        """What is held of outcomes."""
        return only(self._asked_outcomes)

    @property
    def _edges(self) -> tuple[int, int]:
        return self.window.start, self.window.end


def only(asked: Future[list[Row]]) -> Row:
    """The row of an answer that has one."""
    (row,) = asked.result()
    return row


def _without_outcome(columns: Sequence[Column]) -> tuple[Column, ...]:
    return tuple(column for column in columns if column != "outcome")
