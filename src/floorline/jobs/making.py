"""Asks the ledger what the calls of one feature are made of and hands it to the pure parts. Rollups alone are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Protocol, TypeVar

import msgspec

from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.margin.makeup import Makeup, Slice
from floorline.margin.metrics import Sums
from floorline.margin.policy import Policies
from floorline.margin.prompt_use import PromptDay
from floorline.margin.remembering import of_window
from floorline.query import Parameter, Query

Row = TypeVar("Row")
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

    def query(self, name: str, row: type[Row], start: date, end: date) -> Query[Row]:
        """A question whose rows are of one day each."""
        query = Query(sql=_sql(name), row=row, parameters={**self.parameters, "start": start, "end": end})
        return of_window(query, start, end, lambda since, until: self.query(name, row, since, until))

    def is_its(self, row: _Named) -> bool:
        """Whether the raw name was the feature's on that day."""
        if not self.names.renames("feature"):
            return row.feature == self.feature
        return self.names.resolve("feature", row.feature, row.day.toordinal()) == self.feature


def makeup_of(ledger: AnyLedger, policies: Policies, feature: str, start: date, end: date, scope: Scope) -> Makeup:
    """What the calls of `feature`, by all of its names, are made of from `start` to the day before `end`."""
    asked = _asked(ledger, policies, feature, scope)
    calls = ledger.begin(asked.query("feature_calls", CallsRow, start, end))
    costs = ledger.begin(asked.query("feature_costs", CostsRow, start, end))
    buckets: dict[date, dict[int, int]] = {}
    for row in filter(asked.is_its, costs.result()):
        held = buckets.get(row.day)
        if held is None:
            buckets[row.day] = dict(zip(row.buckets, row.calls, strict=True))
            continue
        for bucket, count in zip(row.buckets, row.calls, strict=True):
            held[bucket] = held.get(bucket, 0) + count
    slices = [_slice(row) for row in filter(asked.is_its, calls.result())]
    return Makeup(feature=feature, slices=slices, buckets=buckets)


def prompts_of(
    ledger: AnyLedger, policies: Policies, feature: str, start: date, end: date, scope: Scope
) -> Sequence[PromptDay]:
    """The prompts of `feature`, by all of its names, from `start` to the day before `end`."""
    asked = _asked(ledger, policies, feature, scope)
    rows = ledger.query(asked.query("feature_prompts", PromptRow, start, end))
    return [
        PromptDay(
            row.day, row.prompt, row.model, row.calls, row.unpriced, row.input_tokens, row.cache_read_tokens,
            row.cache_write_tokens, row.output_tokens, row.cost,
        )
        for row in rows
        if asked.is_its(row)
    ]  # fmt: skip


def _asked(ledger: AnyLedger, policies: Policies, feature: str, scope: Scope) -> _Asked:
    aliases = [alias for alias in (*ledger.query(queries.aliases()), *policies.aliases) if alias.kind == "feature"]
    parameters: dict[str, Parameter] = {
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
