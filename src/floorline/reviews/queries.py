"""The questions reviews ask of the ledger beyond margin's, as values. SQL lives in sql/*.sql."""

from collections.abc import Mapping
from datetime import date
from importlib import resources

import msgspec

from floorline.margin.dimensions import Scope
from floorline.margin.remembering import of_window, rows_added
from floorline.query import Parameter, Query

_SQL: Mapping[str, str] = {
    file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
    for file in resources.files("floorline.reviews").joinpath("sql").iterdir()
    if file.name.endswith(".sql")
}


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """How the calls of a window were served."""

    forwarded: int = 0
    hits: int = 0
    refused: int = 0


class ModelUse(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one model of a provider; cost in 10^-12 USD. What is read from a provider's cache is within the input
    tokens, reasoning within the output tokens.
    """

    provider: str
    model: str
    calls: int
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0


class TokenQuantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of a call of one model at the 50th, 95th and 99th percentile."""

    provider: str
    model: str
    input_tokens: list[int]
    output_tokens: list[int]


class Workload(ModelUse, frozen=True, kw_only=True):
    """The calls of one model for one feature."""

    feature: str


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of every hour that had a call."""

    feature: str
    model: str
    tokens: list[int]


class FirstSeen(msgspec.Struct, frozen=True, kw_only=True):
    """When a model was called first."""

    provider: str
    model: str
    day: date


def served(start: date, end: date, scope: Scope) -> Query[Served]:
    """How the calls of a window were served."""
    query = Query(sql=_SQL["served"], row=Served, parameters=_parameters(start, end, scope))
    return of_window(query, start, end, lambda since, until: served(since, until, scope), rows_added())


def models(start: date, end: date, scope: Scope, least: int = 1) -> Query[ModelUse]:
    """The calls of a window by provider and model, of those with at `least` so many."""
    query = Query(sql=_SQL["models"], row=ModelUse, parameters={**_parameters(start, end, scope), "least": least})
    together = rows_added("provider", "model", some="calls")
    return of_window(query, start, end, lambda since, until: models(since, until, scope, 0), together)


def token_quantiles(start: date, end: date, scope: Scope, timezone: str) -> Query[TokenQuantiles]:
    """How many tokens calls have; reads every call of the window."""
    parameters = {**_parameters(start, end, scope), "timezone": timezone}
    return of_window(Query(sql=_SQL["token_quantiles"], row=TokenQuantiles, parameters=parameters), start, end)


def workloads(start: date, end: date, scope: Scope, least: int = 1) -> Query[Workload]:
    """The calls of a window by feature, provider and model, of those with at `least` so many."""
    query = Query(sql=_SQL["workloads"], row=Workload, parameters={**_parameters(start, end, scope), "least": least})
    together = rows_added("feature", "provider", "model", some="calls")
    return of_window(query, start, end, lambda since, until: workloads(since, until, scope, 0), together)


def hours(start: date, end: date, scope: Scope) -> Query[Hours]:
    """The tokens of each hour by feature and model."""
    return of_window(Query(sql=_SQL["hours"], row=Hours, parameters=_parameters(start, end, scope)), start, end)


def first_seen() -> Query[FirstSeen]:
    """The first day of every model."""
    return Query(sql=_SQL["first_seen"], row=FirstSeen)


def _parameters(start: date, end: date, scope: Scope) -> dict[str, Parameter]:
    return {"start": start, "end": end, "environment": scope.environment, "purpose": scope.purpose}
