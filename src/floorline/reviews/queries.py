"""The questions reviews ask of the ledger beyond margin's, as values. SQL lives in sql/*.sql."""

from collections.abc import Mapping
from datetime import date
from importlib import resources

import msgspec

from floorline.margin.dimensions import Scope
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
    """The calls of one model of a provider; cost in 10^-12 USD."""

    provider: str
    model: str
    calls: int
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0


class FirstSeen(msgspec.Struct, frozen=True, kw_only=True):
    """When a model was called first."""

    provider: str
    model: str
    day: date


def served(start: date, end: date, scope: Scope) -> Query[Served]:
    """How the calls of a window were served."""
    return Query(sql=_SQL["served"], row=Served, parameters=_parameters(start, end, scope))


def models(start: date, end: date, scope: Scope) -> Query[ModelUse]:
    """The calls of a window by provider and model."""
    return Query(sql=_SQL["models"], row=ModelUse, parameters=_parameters(start, end, scope))


def first_seen() -> Query[FirstSeen]:
    """The first day of every model."""
    return Query(sql=_SQL["first_seen"], row=FirstSeen)


def _parameters(start: date, end: date, scope: Scope) -> dict[str, Parameter]:
    return {"start": start, "end": end, "environment": scope.environment, "purpose": scope.purpose}
