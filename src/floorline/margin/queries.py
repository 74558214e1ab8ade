"""The questions margin asks of the ledger, as values. SQL lives in sql/*.sql; identifiers come from closed maps only."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from floorline.events import Alias, Customer, RevenueKind
from floorline.margin.attribution import Cover
from floorline.margin.dimensions import Column, Source
from floorline.margin.held import ANY_OUTCOMES, OutcomesRow
from floorline.margin.packed import packed
from floorline.margin.remembering import (
    CALLS,
    OUTCOMES,
    NamedColumns,
    columns_added,
    in_halves,
    of_days,
    of_tables,
    of_window,
    one_after_another,
    rows_added,
)
from floorline.margin.sources import (
    SQL,
    Days,
    as_of,
    bounds,
    histogram,
    of_features,
    of_whose,
    placeholders,
    priced,
    source,
)
from floorline.query import Parameter, Query

_CUSTOMER_OF_PLAN = "if(plan = '', customer_id, '')"  # a call that states its plan needs no customer to find it
_CANONICAL_FEATURE = (
    "if(feature = '', {nameless:String}, "
    "transform(concat(feature, ' ', toString(as_of)), {raws:Array(String)}, {names:Array(String)}, toString(feature)))"
)
OF_RUNS = frozenset({"runs_day", "calls"})
"""Sources of calls with the outcome of their run."""

_NO_COLUMNS = "CAST([] AS Array(Array(String)))"
_NO_NAMES = "CAST([] AS Array(String))"
_NO_NUMBERS = "CAST([] AS Array(Int64))"


class UsageColumns(NamedColumns, frozen=True, kw_only=True):
    """The sums of each group. Money is in 10^-12 USD."""

    calls: list[int]
    unpriced: list[int]
    input_tokens: list[int]
    output_tokens: list[int]
    effective: list[int]
    retry: list[int]
    orchestration: list[int]
    provider: list[int]
    estimated: list[int]
    unattributed: list[int]


class WeightColumns(NamedColumns, frozen=True, kw_only=True):
    """As UsageColumns, only what divides revenue and shared costs."""

    calls: list[int]
    input_tokens: list[int]
    output_tokens: list[int]
    effective: list[int]


class PoolColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The use of each (customer, plan, span), as columns, in raw names. Pool n has `sizes[n]` features, and theirs follow
    those of the pools before in `features` and `calls`, as do the other drivers, which are empty where nobody asked.
    """

    customer: list[str]
    plan: list[str]
    as_of: list[int]
    sizes: list[int]
    features: list[str]
    calls: list[int]
    input_tokens: list[int]
    output_tokens: list[int]
    effective: list[int]


DRIVER_COUNTS = (
    "calls", "hits", "refused", "unpriced", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
    "other_units",
)  # fmt: skip
DRIVER_MONEY = (
    "input_cost", "cache_read_cost", "cache_write_cost", "output_cost", "reasoning_cost", "retry_cost", "adjusted_cost", "effective_cost",
)  # fmt: skip
"""What is asked of `drivers_day`: docs/ledger.md defines each."""


class PlanFeaturesRow(msgspec.Struct, frozen=True, kw_only=True):
    """The customers that called the same features on one plan, in raw names."""

    plan: str
    as_of: int
    features: list[str]
    customers: list[str]


class DriverColumns(msgspec.Struct, frozen=True, kw_only=True):
    """What explains a change of cost, as columns in raw names: calls of kind n, alike in all but their customer, are of `sizes[n]`
    of the `customers`. `numbers` are the DRIVER_COUNTS and DRIVER_MONEY of each of these, one after another, as `packed` has them.
    """

    feature: list[str]
    plan: list[str]
    call_type: list[str]
    provider: list[str]
    model: list[str]
    tried: list[str]
    as_of: list[int]
    sizes: list[int]
    customers: list[str]
    numbers: str


class RevenueColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Revenue lines as columns; amounts in 10^-12 USD, days as ordinals, the end exclusive."""

    customer: list[str]
    plan: list[str]
    feature: list[str]
    amount: list[int]
    start: list[int]
    end: list[int]
    kind: list[str]


class CoverColumns(msgspec.Struct, frozen=True, kw_only=True):
    """What revenue lines say of plans, as columns; see attribution.Cover."""

    customer: list[str]
    plan: list[str]
    amount: list[int]
    start: list[int]

    @property
    def covers(self) -> list[Cover]:
        """The same, one by one."""
        return list(map(Cover._make, zip(self.customer, self.plan, self.start, self.amount, strict=True)))


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """A cost that no call carries; amount and days as in RevenueColumns."""

    component: str
    customer: str
    feature: str
    plan: str
    driver: str
    amount: int
    start: int
    end: int


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes of one raw name. `names`: customer, plan, feature, workflow, user, outcome type."""

    names: list[str]
    as_of: int
    outcomes: int
    successes: int
    unvalued: int
    value: int


class TextRow(msgspec.Struct, frozen=True, kw_only=True):
    """One name."""

    text: str


class LeftOutRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls (or adjustments) and their cost in 10^-12 USD: what the scope leaves out, or what it holds."""

    calls: int
    cost: int


class CountRow(msgspec.Struct, frozen=True, kw_only=True):
    """How many."""

    count: int


class NumberRow(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a group of raw names."""

    names: list[str]
    as_of: int
    number: int


class NumbersRow(msgspec.Struct, frozen=True, kw_only=True):
    """Many numbers of a group of raw names."""

    names: list[str]
    as_of: int
    numbers: list[int]


class BucketRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls in one bucket of cost."""

    names: list[str]
    as_of: int
    bucket: int
    calls: int


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """Spend of one step; money in 10^-12 USD, `cost` with its `retry`. `failed` are calls that ended in an error, `retries`
    attempts after a call's first one.
    """

    workflow: str
    step: str
    call_type: str
    model: str
    calls: int
    unpriced: int
    cost: int
    failed: int = 0
    retries: int = 0
    retry: int = 0


class PartRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one raw feature, call type and step; money in 10^-12 USD, `cost` with its `retry`."""

    feature: str
    as_of: int
    call_type: str
    step: str
    calls: int
    unpriced: int
    cost: int
    retry: int


class PartNumberRow(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a feature, in its canonical name, and a part of its cost."""

    name: str
    part: str
    number: int


class PartNumbersRow(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of a feature, in its canonical name, one for each part asked for."""

    name: str
    numbers: list[int]


class EmbeddedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Embedding cost of a feature, in its canonical name, in 10^-12 USD: of calls that say what they embed, and of those
    of them that say what an earlier one said.
    """

    name: str
    keyed: int
    again: int


class BaselineRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of a day that one model and one baseline served."""

    day: date
    feature: str
    workflow: str
    step: str
    call_type: str
    model: str
    baseline: str
    calls: int


class StepCostRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls and spend of a day; cost in 10^-12 USD."""

    day: date
    feature: str
    workflow: str
    step: str
    call_type: str
    calls: int
    unpriced: int
    cost: int


def usage_sums(columns: Sequence[Column], table: Source, days: Days) -> Query[UsageColumns]:
    """Sums of the window by raw `columns`."""
    grouping = grouping_of(columns, days)
    of = {"whose": of_whose(days), "features": of_features(days.features)}
    sql = SQL["usage_sums"].substitute(grouping, **of, source=source(table, days, columns))
    query = Query(sql=sql, row=UsageColumns, parameters=placeholders(days))
    if table in OF_RUNS:
        return of_days(query, days, whole=OUTCOMES)
    return in_halves(of_days(query, days), days, lambda part: usage_sums(columns, table, part), columns_added)


def usage_weights(columns: Sequence[Column], table: Source, days: Days) -> Query[WeightColumns]:
    """Drivers of whole months by raw `columns`."""
    grouping = grouping_of(columns, days)
    sql = SQL["usage_weights"].substitute(grouping, source=source(table, days))
    query = Query(sql=sql, row=WeightColumns, parameters=placeholders(days))
    if table in OF_RUNS:
        return of_days(query, days, whole=OUTCOMES)
    return in_halves(of_days(query, days), days, lambda part: usage_weights(columns, table, part), columns_added)


def usage_pools(days: Days, *, every_driver: bool, alone: bool = False) -> Query[PoolColumns]:
    """What divides revenue and shared costs, by customer, plan and feature, in one or more rows of columns; calls alone without
    `every_driver`. Of all customers, as they all divide them, or of those of the days `alone`.
    """
    drivers = {name: f"groupArrayArray({name})" if every_driver else _NO_NUMBERS for name in ("n2", "n3", "m1")}
    whose = of_whose(days) if alone else ""
    sql = SQL["usage_pools"].substitute(
        drivers, as_of=as_of(days, by_customer=True), source=source("calls_day", days), whose=whose
    )
    query = Query(sql=sql, row=PoolColumns, parameters=placeholders(days))

    def again(part: Days) -> Query[PoolColumns]:
        return usage_pools(part, every_driver=every_driver, alone=alone)

    return in_halves(of_days(query, days), days, again, one_after_another)


def plan_features(days: Days) -> Query[PlanFeaturesRow]:
    """Who called which features on which plan."""
    sql = SQL["plan_features"].substitute(as_of=as_of(days, by_customer=True), source=source("calls_day", days))
    query = Query(sql=sql, row=PlanFeaturesRow, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, plan_features, one_after_another)


def drivers(days: Days, *, features: Sequence[str] = (), models: Sequence[str] = ()) -> Query[DriverColumns]:
    """What explains the cost of the window's calls, in one or more rows of columns: of some raw features or all, and of some models
    or all.
    """
    some = {
        "features": of_features(features),
        "models": "AND model IN {models:Array(String)}" if models else "",
    }
    sql = SQL["drivers"].substitute(
        some, numbers=packed((*DRIVER_COUNTS, *DRIVER_MONEY)), as_of=as_of(days, by_customer=True)
    )
    parameters = {**placeholders(days), "features": sorted(features), "models": sorted(models)}
    query = Query(sql=sql, row=DriverColumns, parameters=parameters)

    def again(part: Days) -> Query[DriverColumns]:
        return drivers(part, features=features, models=models)

    return in_halves(of_days(query, days), days, again, one_after_another)


def left_out(days: Days) -> Query[LeftOutRow]:
    """Calls and cost of other environments and purposes."""
    query = Query(sql=SQL["left_out"].substitute(), row=LeftOutRow, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, left_out, rows_added())


def call_parts(days: Days) -> Query[LeftOutRow]:
    """Calls and cost of the scope, adjustments included."""
    query = Query(sql=SQL["call_parts"].substitute(), row=LeftOutRow, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, call_parts, rows_added())


def adjustment_parts(days: Days) -> Query[LeftOutRow]:
    """How many adjustments there are to calls of the scope, and their cost."""
    query = Query(sql=SQL["adjustment_parts"].substitute(), row=LeftOutRow, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, adjustment_parts, rows_added())


def calls_after(day: date) -> Query[CountRow]:
    """Whether there is any call on `day` or later: 1, or 0."""
    return Query(sql=SQL["calls_after"].substitute(), row=CountRow, parameters={"end": day})


def stamped_versions(days: Days) -> Query[TextRow]:
    """The price versions that calls of these days were priced with, in any scope, by adjustments too."""
    return Query(sql=SQL["stamped_versions"].substitute(), row=TextRow, parameters=placeholders(days))


def revenue_lines(
    start: int, end: int, kinds: Sequence[RevenueKind] = (), whose: Sequence[str] = ()
) -> Query[RevenueColumns]:
    """Lines whose period meets the days, of some kinds or of all, of the raw names `whose` or of all customers."""
    parameters: dict[str, Parameter] = {**bounds(start, end), "kinds": kinds, "whose": whose}
    return of_tables(Query(sql=SQL["revenue_lines"].substitute(), row=RevenueColumns, parameters=parameters), "revenue")


def plan_covers() -> Query[CoverColumns]:
    """The plans that revenue lines name, over all time."""
    return of_tables(Query(sql=SQL["plan_covers"].substitute(), row=CoverColumns), "revenue")


def cost_lines(start: int, end: int) -> Query[CostRow]:
    """Costs that no call carries whose period meets the days."""
    return of_tables(Query(sql=SQL["cost_lines"].substitute(), row=CostRow, parameters=bounds(start, end)), "costs")


EVERY_NAME = range(6)


def outcomes(
    days: Days, needed: Iterable[int] = EVERY_NAME, *, priced: bool = True, held: OutcomesRow = ANY_OUTCOMES
) -> Query[OutcomeRow]:
    """Outcomes dated within the days. Names beyond the `needed` ones (by place) are told where an outcome earns something, as
    those without a value may only where they are `priced`. What is `held` says what need not be read.
    """
    told = SQL["outcome_runs"].substitute() if held.of_runs else "within"
    last = SQL["last_outcomes" if held.amended else "every_outcome"].substitute()
    sql = SQL["outcomes"].substitute(as_of=as_of(days, by_customer=True), told=told, last=last, whose=of_whose(days))
    places = sorted(needed)
    query = Query(sql=sql, row=OutcomeRow, parameters={**placeholders(days), "needed": places, "priced": int(priced)})
    if held.of_runs or held.amended:  # calls of any day may say whose one is, and its last record may be of any other
        return of_tables(query, *OUTCOMES, *(CALLS if held.of_runs else ()))
    return in_halves(
        of_days(query, days, OUTCOMES),
        days,
        lambda part: outcomes(part, places, priced=priced, held=held),
        one_after_another,
    )


def customers() -> Query[Customer]:
    """Every record of a customer."""
    return of_tables(Query(sql=SQL["customers"].substitute(), row=Customer), "customers")


def aliases() -> Query[Alias]:
    """Every alias."""
    return of_tables(Query(sql=SQL["aliases"].substitute(), row=Alias), "aliases")


def steps(days: Days) -> Query[StepRow]:
    """Spend by workflow, step, call type and model."""
    query = Query(sql=SQL["steps"].substitute(), row=StepRow, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, steps, rows_added("workflow", "step", "call_type", "model"))


def baseline_uses(start: date, end: date, timezone: str) -> Query[BaselineRow]:
    """Calls by day, step, model and baseline: of production, and of those that ended well."""
    parameters: dict[str, Parameter] = {"start": start, "end": end, "timezone": timezone}
    query = Query(sql=SQL["baseline_uses"].substitute(), row=BaselineRow, parameters=parameters)
    return of_window(query, start, end, lambda since, until: baseline_uses(since, until, timezone))


def step_costs(start: date, end: date) -> Query[StepCostRow]:
    """Calls and spend of production by day and step."""
    query = Query(sql=SQL["step_costs"].substitute(), row=StepCostRow, parameters={"start": start, "end": end})
    return of_window(query, start, end, step_costs)


def p95_exact(columns: Sequence[Column], days: Days) -> Query[NumberRow]:
    """The 95th percentile of cost per priced call of each group of raw names."""
    sql = SQL["p95_exact"].substitute(grouping_of(columns, days), source=priced(columns))
    query = Query(sql=sql, row=NumberRow, parameters=placeholders(days))
    return of_days(query, days, whole=OUTCOMES if "outcome" in columns else frozenset())


def p95_costs(columns: Sequence[Column], days: Days) -> Query[NumbersRow]:
    """Every priced call's cost, for groups that several raw names make up."""
    sql = SQL["p95_costs"].substitute(grouping_of(columns, days), source=priced(columns))
    return Query(sql=sql, row=NumbersRow, parameters=placeholders(days))


def p95_buckets(columns: Sequence[Column], days: Days) -> Query[BucketRow]:
    """Calls by bucket of cost; `columns` are of HISTOGRAM."""
    sql = SQL["p95_buckets"].substitute(grouping_of(columns, days), source=histogram(columns))
    query = Query(sql=sql, row=BucketRow, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, lambda part: p95_buckets(columns, part), one_after_another)


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """How the cost map names what a call is: the column of each call type, and the canonical names of the features that
    are called otherwise, by raw name and first day of a span. Calls that name no feature are `nameless`.
    """

    of_call_type: Mapping[str, str]
    renamed: Mapping[tuple[str, int], str]
    nameless: str


def costmap_parts(days: Days) -> Query[PartRow]:
    """Calls and cost by raw feature, call type and step."""
    sql = SQL["costmap_parts"].substitute(as_of=as_of(days, by_customer=False))
    query = Query(sql=sql, row=PartRow, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, costmap_parts, rows_added("feature", "as_of", "call_type", "step"))


def costmap_calls(days: Days, columns: Columns) -> Query[PartNumberRow]:
    """The 95th percentile of a call's cost by feature and column; the feature "" is the window."""
    parameters = {**placeholders(days), **_of_columns(columns)}
    return Query(sql=_costmap("costmap_calls", days), row=PartNumberRow, parameters=parameters)


def costmap_outcomes(days: Days, columns: Columns, parts: Sequence[str], since: int) -> Query[PartNumbersRow]:
    """The 95th percentile of what a successful outcome's run cost by feature, for each of `parts` ("": all). Outcomes are
    dated from `since` on, their calls from the start of `days` on.
    """
    parameters = {**placeholders(days), **_of_columns(columns), "parts": list(parts), "since": date.fromordinal(since)}
    return Query(sql=_costmap("costmap_outcomes", days), row=PartNumbersRow, parameters=parameters)


def costmap_embedded(days: Days, columns: Columns, since: int) -> Query[EmbeddedRow]:
    """Embedding cost from `since` on by feature, and what of it had been embedded before, as far back as `days`."""
    parameters = {**placeholders(days), **_of_columns(columns), "since": date.fromordinal(since)}
    return Query(sql=_costmap("costmap_embedded", days), row=EmbeddedRow, parameters=parameters)


def _costmap(name: str, days: Days) -> str:
    return SQL[name].substitute(as_of=as_of(days, by_customer=False), priced=priced(()), name=_CANONICAL_FEATURE)


def _of_columns(columns: Columns) -> dict[str, Parameter]:
    renamed = columns.renamed or {("", 0): ""}  # a transform of nothing is refused
    return {
        "types": list(columns.of_call_type),
        "columns": list(columns.of_call_type.values()),
        "raws": [f"{raw} {as_of}" for raw, as_of in renamed],
        "names": list(renamed.values()),
        "nameless": columns.nameless,
    }


def grouping_of(columns: Sequence[Column], days: Days) -> dict[str, str]:
    """The parts of a statement that depend on what is asked for."""
    texts = [_CUSTOMER_OF_PLAN if column == "customer_of_plan" else column for column in columns]
    groups = [f"g{n}" for n in range(len(columns))]
    return {
        "names": ", ".join([f"{text} AS {group}" for text, group in zip(texts, groups, strict=True)] or ["'' AS g"]),
        "columns": f"[{', '.join(f'groupArray(CAST({group} AS String))' for group in groups)}]"
        if groups
        else _NO_COLUMNS,
        "list": f"[{', '.join(f'CAST({group} AS String)' for group in groups)}]" if groups else _NO_NAMES,
        "as_of": as_of(
            days,
            by_customer=not {"customer_id", "customer_of_plan"}.isdisjoint(columns),
            customer="customer_id" if "customer_id" in columns else _CUSTOMER_OF_PLAN,
        ),
        "groups": ", ".join([*groups, "as_of"]),
    }
