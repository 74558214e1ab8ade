"""How far the figures of a window can be believed: calls without a price, without an owner, lost or estimated.

    found = doubts(ledger, start, end, scope)

By model and by feature they are sums of rollups. Why a call has no price, and with which key it came, is told by the calls
of the last days alone, and only where that can be had in SECONDS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from string import Template
from typing import TypeVar

import msgspec

from floorline.jobs.margin_days import NO_SPANS
from floorline.ledger.store import TooSlow
from floorline.ledger.surface import AnyLedger
from floorline.margin.dimensions import Scope
from floorline.margin.remembering import in_halves, of_days, of_window, rows_added
from floorline.margin.sources import Days, placeholders, source
from floorline.money import usd_of
from floorline.query import Parameter, Query

SECONDS = 1
"""How long a question may take that reads single calls."""

CLOSE_DAYS = 7
"""Of how many of the window's last days single calls are read."""

NOBODY = "unnamed"
"""A provider's name for calls that name none: an entry of any provider holds for those, where it names the model."""

_SQL = resources.files("floorline.jobs").joinpath("sql")
Row = TypeVar("Row")


class UnpricedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of unpriced_models.sql; the days are those of its first and of its last unpriced call."""

    provider: str
    model: str
    calls: int
    unpriced: int
    first: date
    last: date

    @property
    def entry(self) -> str:
        """What to write into floorline.yaml so that such calls have a price; '' where they name no model, so that nothing can."""
        if not self.model:
            return ""
        return (
            "prices:\n"
            f"  - provider: {_quoted(self.provider or NOBODY)}\n"
            f"    model: {_quoted(self.model)}\n"
            f"    from: {self.first}\n"
            "    prices:             # USD per 1,000,000 tokens; or `same_as: provider/model`, or `free: true`\n"
            "      input: 0.00\n"
            "      output: 0.00\n"
        )


class ReasonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of unpriced_reasons.sql."""

    provider: str
    model: str
    reason: str
    calls: int


class UnsureFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A row of unsure_features.sql: `nobodys` are its calls without a customer or a feature, and `unknown` those of them that
    have no price; money in 10^-12 USD.
    """

    feature: str
    calls: int
    nobodys: int
    unknown: int
    cost_pico: int
    unattributed_pico: int
    estimated_pico: int

    @property
    def cost(self) -> Decimal:
        """What its calls cost, USD."""
        return usd_of(self.cost_pico)

    @property
    def unattributed(self) -> Decimal | None:
        """What of it is nobody's, USD; None where no such call has a known cost."""
        return _known(self.unattributed_pico, self.unknown)

    @property
    def estimated(self) -> Decimal:
        """What of it is an estimate, USD."""
        return usd_of(self.estimated_pico)


class UnsureKey(msgspec.Struct, frozen=True, kw_only=True):
    """A row of unsure_keys.sql; `unknown` are its calls of nobody that have no price; money in 10^-12 USD."""

    key_id: str
    feature: str
    no_customer: int
    no_feature: int
    lost: int
    unknown: int
    unattributed_pico: int
    lost_pico: int

    @property
    def unattributed(self) -> Decimal | None:
        """What its calls without a customer or a feature cost, USD; None where none of them has a known cost."""
        return _known(self.unattributed_pico, self.unknown)

    @property
    def lost_cost(self) -> Decimal:
        """What its lost calls are estimated to have cost, USD."""
        return usd_of(self.lost_pico)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What is unsure of a window. `reasons` (by provider and model) and `keys` are of its days from `close_from` on, None where
    they cannot be had in time.
    """

    unpriced: Sequence[UnpricedRow]
    features: Sequence[UnsureFeature]
    close_from: date
    reasons: Mapping[tuple[str, str], str] | None
    keys: Sequence[UnsureKey] | None


def doubts(ledger: AnyLedger, start: date, end: date, scope: Scope) -> Doubts:
    """What is unsure of the days from `start` to the one before `end`."""
    close_from = max(start, end - timedelta(days=CLOSE_DAYS))
    features = ledger.begin(unsure_features(_days(start, end, scope, ledger.timezone)))
    unpriced = ledger.begin(unpriced_models(start, end, scope))
    reasons = _in_time(ledger, unpriced_reasons(close_from, end, ledger.timezone))
    keys = _in_time(ledger, unsure_keys(close_from, end, scope, ledger.timezone))
    return Doubts(
        unpriced=sorted(
            (row for row in unpriced.result() if row.unpriced),
            key=lambda row: (-row.unpriced, row.provider, row.model),
        ),
        features=sorted(
            (row for row in features.result() if row.nobodys or row.unattributed_pico or row.estimated_pico),
            key=lambda row: (-row.unattributed_pico - row.estimated_pico, row.feature),
        ),
        close_from=close_from,
        reasons=None if reasons is None else _most_frequent(reasons),
        keys=keys and sorted(keys, key=lambda row: (-row.unattributed_pico - row.lost_pico, row.key_id, row.feature)),
    )


def _most_frequent(rows: Sequence[ReasonRow]) -> dict[tuple[str, str], str]:
    """By provider and model the reason of most calls, and of equals the first by name."""
    ordered = sorted(rows, key=lambda row: (-row.calls, row.reason))
    return {(row.provider, row.model): row.reason for row in reversed(ordered)}


def _in_time(ledger: AnyLedger, query: Query[Row]) -> list[Row] | None:
    try:
        return ledger.query(query)
    except TooSlow:
        return None


# -- questions: sums of rollups and of calls, closed days apart from today's


def unsure_features(days: Days) -> Query[UnsureFeature]:
    """What is unsure of each feature."""
    sql = _statement("unsure_features", source=source("calls_day", days))
    query = Query(sql=sql, row=UnsureFeature, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, unsure_features, rows_added("feature"))


def unpriced_models(start: date, end: date, scope: Scope) -> Query[UnpricedRow]:
    """The calls of each model, and which have no price."""
    query = Query(sql=_statement("unpriced_models"), row=UnpricedRow, parameters=_window(start, end, scope))
    return of_window(query, start, end, lambda since, until: unpriced_models(since, until, scope), _models_added)


def unpriced_reasons(start: date, end: date, timezone: str) -> Query[ReasonRow]:
    """Why calls have no price."""
    parameters: dict[str, Parameter] = {"start": start, "end": end, "timezone": timezone}
    query = Query(sql=_statement("unpriced_reasons"), row=ReasonRow, parameters=parameters)
    added = rows_added("provider", "model", "reason")
    return of_window(query, start, end, lambda since, until: unpriced_reasons(since, until, timezone), added)


def unsure_keys(start: date, end: date, scope: Scope, timezone: str) -> Query[UnsureKey]:
    """What is unsure of the calls of each key."""
    parameters = {**_window(start, end, scope), "timezone": timezone}
    query = Query(sql=_statement("unsure_keys"), row=UnsureKey, parameters=parameters)
    added = rows_added("key_id", "feature")
    return of_window(query, start, end, lambda since, until: unsure_keys(since, until, scope, timezone), added)


def _models_added(before: list[UnpricedRow], since: list[UnpricedRow]) -> list[UnpricedRow]:
    """The rows of both parts, each model once."""
    found = {(row.provider, row.model): row for row in before}
    for row in since:
        key = row.provider, row.model
        found[key] = row if key not in found else _model_added(found[key], row)
    return list(found.values())


def _model_added(one: UnpricedRow, later: UnpricedRow) -> UnpricedRow:
    days = [day for row in (one, later) if row.unpriced for day in (row.first, row.last)] or [one.first]
    return msgspec.structs.replace(
        one, calls=one.calls + later.calls, unpriced=one.unpriced + later.unpriced, first=days[0], last=days[-1]
    )


def _days(start: date, end: date, scope: Scope, timezone: str) -> Days:
    return Days(start=start.toordinal(), end=end.toordinal(), scope=scope, spans=NO_SPANS, timezone=timezone)


def _window(start: date, end: date, scope: Scope) -> dict[str, Parameter]:
    return {"start": start, "end": end, "environment": scope.environment, "purpose": scope.purpose}


def _statement(name: str, **parts: str) -> str:
    text = Template(_SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8"))
    return text.substitute(parts, seconds=SECONDS)


def _known(pico: int, unknown: int) -> Decimal | None:
    """An amount; None where it is nothing but calls of unknown cost."""
    return usd_of(pico) if pico or not unknown else None


def _quoted(name: str) -> str:
    """A name as YAML reads it back."""
    return msgspec.json.encode(name).decode()
