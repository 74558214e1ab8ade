"""Asks the ledger what the calls of one feature are made of and hands it to the pure part. Rollups alone are read."""

from datetime import date
from importlib import resources

import msgspec

from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.margin.makeup import Makeup, Slice
from floorline.margin.metrics import Sums
from floorline.margin.policy import Policies
from floorline.query import Parameter, Query

_SQL = resources.files("floorline.jobs").joinpath("sql")


class CallsRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of feature_calls.sql; money in 10^-12 USD, `cost` with its `retry`."""

    day: date
    feature: str
    workflow: str
    step: str
    call_type: str
    provider: str
    model: str
    calls: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cost: int
    retry: int


class CostsRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of feature_costs.sql: so many priced calls in each bucket."""

    day: date
    feature: str
    buckets: list[int]
    calls: list[int]


def makeup_of(ledger: AnyLedger, policies: Policies, feature: str, start: date, end: date, scope: Scope) -> Makeup:
    """What the calls of `feature`, by all of its names, are made of from `start` to the day before `end`."""
    aliases = [alias for alias in (*ledger.query(queries.aliases()), *policies.aliases) if alias.kind == "feature"]
    names = Names(aliases)
    parameters: dict[str, Parameter] = {
        "start": start,
        "end": end,
        "features": sorted({feature, *(alias.alias for alias in aliases)}),
        "environment": scope.environment,
        "purpose": scope.purpose,
    }
    calls = ledger.begin(Query(sql=_sql("feature_calls"), row=CallsRow, parameters=parameters))
    costs = ledger.begin(Query(sql=_sql("feature_costs"), row=CostsRow, parameters=parameters))

    def is_its(row: CallsRow | CostsRow) -> bool:
        return names.resolve("feature", row.feature, row.day.toordinal()) == feature

    buckets: dict[date, dict[int, int]] = {}
    for row in filter(is_its, costs.result()):
        held = buckets.setdefault(row.day, {})
        for bucket, count in zip(row.buckets, row.calls, strict=True):
            held[bucket] = held.get(bucket, 0) + count
    slices = [_slice(row) for row in filter(is_its, calls.result())]
    return Makeup(feature=feature, slices=slices, buckets=buckets)


def _slice(row: CallsRow) -> Slice:
    sums = Sums(
        calls=row.calls,
        unpriced=row.unpriced,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        effective=row.cost,
        retry=row.retry,
    )
    return Slice(row.day, row.workflow, row.step, row.call_type, row.provider, row.model, sums)


def _sql(name: str) -> str:
    return _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
