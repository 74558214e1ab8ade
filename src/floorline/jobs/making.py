"""Asks the ledger what the calls of one feature are made of and hands it to the pure parts. Rollups alone are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Protocol

import msgspec

from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.margin.makeup import Makeup, Slice
from floorline.margin.metrics import Sums
from floorline.margin.policy import Policies
from floorline.margin.prompt_use import PromptDay
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


class PromptRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of feature_prompts.sql; money in 10^-12 USD."""

    day: date
    feature: str
    prompt: str
    model: str
    calls: int
    unpriced: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost: int


class _Named(Protocol):
    @property
    def day(self) -> date: ...
    @property
    def feature(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """The calls of one feature, by every name it has had."""

    feature: str
    names: Names
    parameters: dict[str, Parameter]

    def is_its(self, row: _Named) -> bool:
        """Whether the raw name was the feature's on that day."""
        return self.names.resolve("feature", row.feature, row.day.toordinal()) == self.feature


def makeup_of(ledger: AnyLedger, policies: Policies, feature: str, start: date, end: date, scope: Scope) -> Makeup:
    """What the calls of `feature`, by all of its names, are made of from `start` to the day before `end`."""
    asked = _asked(ledger, policies, feature, start, end, scope)
    calls = ledger.begin(Query(sql=_sql("feature_calls"), row=CallsRow, parameters=asked.parameters))
    costs = ledger.begin(Query(sql=_sql("feature_costs"), row=CostsRow, parameters=asked.parameters))
    buckets: dict[date, dict[int, int]] = {}
    for row in filter(asked.is_its, costs.result()):
        held = buckets.setdefault(row.day, {})
        for bucket, count in zip(row.buckets, row.calls, strict=True):
            held[bucket] = held.get(bucket, 0) + count
    slices = [_slice(row) for row in filter(asked.is_its, calls.result())]
    return Makeup(feature=feature, slices=slices, buckets=buckets)


def prompts_of(
    ledger: AnyLedger, policies: Policies, feature: str, start: date, end: date, scope: Scope
) -> Sequence[PromptDay]:
    """The prompts of `feature`, by all of its names, from `start` to the day before `end`."""
    asked = _asked(ledger, policies, feature, start, end, scope)
    rows = ledger.query(Query(sql=_sql("feature_prompts"), row=PromptRow, parameters=asked.parameters))
    return [
        PromptDay(
            row.day, row.prompt, row.model, row.calls, row.unpriced, row.input_tokens, row.cache_read_tokens,
            row.cache_write_tokens, row.output_tokens, row.cost,
        )
        for row in rows
        if asked.is_its(row)
    ]  # fmt: skip


def _asked(ledger: AnyLedger, policies: Policies, feature: str, start: date, end: date, scope: Scope) -> _Asked:
    aliases = [alias for alias in (*ledger.query(queries.aliases()), *policies.aliases) if alias.kind == "feature"]
    parameters: dict[str, Parameter] = {
        "start": start,
        "end": end,
        "features": sorted({feature, *(alias.alias for alias in aliases)}),
        "environment": scope.environment,
        "purpose": scope.purpose,
    }
    return _Asked(feature, Names(aliases), parameters)


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
