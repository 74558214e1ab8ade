"""Every total on the demo's screens beside a sum over the raw rows that was made without it. A check can fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources

import msgspec

from floorline.ledger.surface import AnyLedger
from floorline.money import ZERO, text, usd_of
from floorline.query import Query
from floorline.sandbox import company as own
from floorline.sandbox.figures import Tables
from floorline.sandbox.rawsums import RawSums


class RawCalls(msgspec.Struct, frozen=True, kw_only=True):
    """The base table's own count and cost of one feature; cost in 10^-12 USD."""

    feature: str
    calls: int
    unpriced: int
    cost: int


class _Cost(msgspec.Struct, frozen=True, kw_only=True):
    pico: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One total: what the screens say, and the sum over the rows as they were `generated`, or as the base table has
    them `stored` (`raw_rows`).
    """

    what: str
    shown: str
    raw: str
    raw_rows: str

    @property
    def holds(self) -> bool:
        """Equal to the last digit."""
        return self.shown == self.raw


def raw_calls(ledger: AnyLedger, start: date, end: date) -> list[RawCalls]:
    """Straight from `calls`, past every rollup."""
    return ledger.query(Query(sql=_sql("raw_calls"), row=RawCalls, parameters={"start": start, "end": end}))


def ticket_costs(ledger: AnyLedger, start: date, end: date) -> list[int]:
    """The cost of each ticket's calls in 10^-12 USD."""
    parameters = {"start": start, "end": end, "workflow": own.WORKFLOWS[own.SUPPORT]}
    return [row.pico for row in ledger.query(Query(sql=_sql("ticket_costs"), row=_Cost, parameters=parameters))]


def check(tables: Tables, raw: RawSums, stored: Sequence[RawCalls]) -> tuple[Check, ...]:
    """Every check. `raw` are the rows as they were generated, `stored` the base table's rows."""
    generated, base = "generated", "stored"
    total = tables.feature.total
    calls_usd = sum(raw.calls_usd.values(), ZERO)
    checks = [
        _count("calls", total.sums.calls, sum(raw.calls.values()), generated),
        _count("calls", total.sums.calls, sum(row.calls for row in stored), base),
        _count("unpriced calls", total.sums.unpriced, sum(row.unpriced for row in stored), base),
        _count("tokens", total.sums.input_tokens + total.sums.output_tokens, raw.tokens, generated),
        _money("cost of calls", usd_of(total.sums.effective), calls_usd, generated),
        _money("cost of calls", usd_of(total.sums.effective), usd_of(sum(row.cost for row in stored)), base),
        _money("cost with bills", total.cogs, raw.cogs_usd, generated),
        _money("revenue", total.revenue, raw.revenue_usd, generated),
        _money("margin", total.margin, raw.revenue_usd - raw.cogs_usd, generated),
        _money("all steps", tables.steps.total_cost, sum(raw.steps_usd.values(), ZERO), generated),
        _money("tickets", usd_of(sum(tables.ticket_costs)), raw.calls_usd.get(own.SUPPORT, ZERO), generated),
    ]
    for row in tables.feature.rows:
        name = row.key[0]
        checks.append(_money(f"{name}, calls", usd_of(row.sums.effective), raw.calls_usd.get(name, ZERO), generated))
    for report in (
        tables.customer,
        tables.customer_plan,
        tables.customer_feature,
        tables.feature_plan,
        tables.user_plan,
    ):
        by = "×".join(report.by)
        cogs = usd_of(sum(row.cogs_pico for row in report.rows))
        checks.append(_money(f"cost, {by}", cogs, raw.cogs_usd, generated))
        revenue = usd_of(sum(row.revenue_pico for row in report.rows))
        checks.append(_money(f"revenue, {by}", revenue, raw.revenue_usd, generated))
    for step in tables.steps.steps:
        its = raw.steps_usd.get((own.FEATURES[step.workflow], step.step, step.model), ZERO)
        checks.append(_money(f"{step.step} {step.model}", step.cost, its, generated))
    return tuple(checks)


def _count(what: str, shown: int, raw: int, raw_rows: str) -> Check:
    return Check(what=what, shown=f"{shown:,}", raw=f"{raw:,}", raw_rows=raw_rows)


def _money(what: str, shown: Decimal, raw: Decimal, raw_rows: str) -> Check:
    return Check(what=what, shown=text(shown), raw=text(raw), raw_rows=raw_rows)


def _sql(name: str) -> str:
    return resources.files("floorline.sandbox").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
