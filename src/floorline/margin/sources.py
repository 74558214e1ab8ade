"""Where margin's questions are answered from: the statements of sql/*.sql, the days of a question, and the table or rollup that
has the least to read for them.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from importlib import resources
from string import Template

import msgspec

from floorline.clock import month_start, next_month
from floorline.events import ORCHESTRATION
from floorline.margin.attribution import Boundaries
from floorline.margin.dimensions import Column, Scope, Source
from floorline.query import Parameter


def _statement(text: str) -> Template:
    """A statement without its comments, which also speak of the names in it."""
    return Template("\n".join(line for line in text.splitlines() if not line.startswith("--")))


SQL: Mapping[str, Template] = {
    file.name.removesuffix(".sql"): _statement(file.read_text(encoding="utf-8"))
    for file in resources.files("floorline.margin").joinpath("sql").iterdir()
    if file.name.endswith(".sql")
}
EPOCH = date(1970, 1, 1).toordinal()  # the store's day 0
_MONTHLY = {"calls_day": "calls_months", "users_day": "users_months"}
_BY_FEATURE = frozenset({"feature", "call_type"})


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """The days a query covers, which of them begin a span, whose calls count, and the timezone of its days. `whose` are raw names of
    customers: what sums up a row of theirs leaves all others out, where there are any; so with raw names of `features`.
    """

    start: int
    end: int
    scope: Scope
    spans: Boundaries
    timezone: str
    whose: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    first: int = 0
    """The first day of the first span where that is before `start`: of days that are the later part of others."""

    @property
    def began(self) -> int:
        """The first day of the first span."""
        return self.first or self.start

    def halves(self, day: int) -> tuple["Days", "Days"]:
        """The days before `day`, one of them, and those from it on: spans stay those of the whole."""
        return msgspec.structs.replace(self, end=day), msgspec.structs.replace(self, start=day, first=self.began)

    @property
    def cut(self) -> bool:
        """Whether any row must be told apart by day."""
        return bool(self.spans.shared or self.spans.own)

    @property
    def whole_months(self) -> list[date]:
        """The first days of the calendar months that lie within the days, and within which no span begins for everybody."""
        found: list[date] = []
        month = month_start(date.fromordinal(self.start))
        while (following := next_month(month)).toordinal() <= self.end:
            first, last = month.toordinal(), following.toordinal()
            if first >= self.start and not _any_inside(self.spans.shared, first, last):
                found.append(month)
            month = following
        return found

    @property
    def some_change_within(self) -> bool:
        """Whether a span of the customers that change begins within a whole month."""
        if not self.spans.changing:
            return False
        return any(
            _any_inside(self.spans.own, month.toordinal(), next_month(month).toordinal()) for month in self.whole_months
        )


def _any_inside(days: Sequence[int], first: int, following: int) -> bool:
    return any(first < day < following for day in days)


def placeholders(days: Days) -> dict[str, Parameter]:
    """What every statement about days may bind."""
    months = days.whole_months
    return {
        **bounds(days.start, days.end),
        "environment": days.scope.environment,
        "purpose": days.scope.purpose,
        "timezone": days.timezone,
        "orchestration": sorted(ORCHESTRATION),
        "began": date.fromordinal(days.began),
        "shared": [day - EPOCH for day in (days.began, *days.spans.shared)],
        "own": [day - EPOCH for day in (days.began, *days.spans.own)],
        "changing": sorted(days.spans.changing),
        "whose": days.whose,
        "features": days.features,
        "months": months,
        "partitions": [100 * month.year + month.month for month in months],
    }


def bounds(start: int, end: int) -> dict[str, Parameter]:
    """The first day, and the one after the last."""
    return {"start": date.fromordinal(start), "end": date.fromordinal(end)}


def as_of(days: Days, *, by_customer: bool, customer: str = "customer_id") -> str:
    """The expression for the first day of the span that a row's day lies in; those of the `customer` begin on days of their own."""
    if not days.cut:
        return "toInt32({began:Date}) + 719163"
    shared = "roundDown(toInt32(day), {shared:Array(Int32)})"
    if by_customer and days.spans.changing:
        own = "roundDown(toInt32(day), {own:Array(Int32)})"
        return f"if({customer} IN {{changing:Array(String)}}, {own}, {shared}) + 719163"
    return f"{shared} + 719163"


def of_whose(days: Days) -> str:
    """The condition that leaves all other customers out."""
    return "AND customer_id IN {whose:Array(String)}" if days.whose else ""


def of_features(features: Sequence[str]) -> str:
    """The condition that leaves all but the raw `features` out, where some are named."""
    return "AND feature IN {features:Array(String)}" if features else ""


def source(name: Source, days: Days, columns: Sequence[Column] = ()) -> str:
    """What is read in place of `name` for sums by `columns`: whole months come from the rollup of months, where there is one, and what
    needs no customer from the rollup without them.
    """
    if name == "runs_day":
        return SQL["runs_source"].substitute(run_outcomes=SQL["run_outcomes"].substitute())
    if name == "calls":
        return SQL["calls_source"].substitute(run_outcomes=SQL["run_outcomes"].substitute())
    read = with_months(name, days)
    stated = name == "calls_day" and "customer_of_plan" in columns
    return SQL["plans_source"].substitute(calls=read) if stated else read


def with_months(rollup: str, days: Days) -> str:
    """As `source`, for a rollup of days."""
    if rollup not in _MONTHLY or not days.whole_months:
        return rollup
    apart = rollup == "calls_day" and days.some_change_within
    return SQL[_MONTHLY[rollup]].substitute(
        unchanging="AND customer_id NOT IN {changing:Array(String)}" if apart else "",
        changing="OR customer_id IN {changing:Array(String)}" if apart else "",
    )


def histogram(columns: Sequence[Column]) -> str:
    """The smallest histogram that is kept by `columns`."""
    return "hist_feature_day" if _BY_FEATURE.issuperset(columns) else "hist_day"


def priced(columns: Sequence[Column]) -> str:
    """The priced calls one by one, with their outcome where that is among `columns`."""
    calls = SQL["priced_source"].substitute()
    if "outcome" not in columns:
        return calls
    return SQL["priced_outcome_source"].substitute(priced=calls, run_outcomes=SQL["run_outcomes"].substitute())
