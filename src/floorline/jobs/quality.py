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

from floorline.ledger.store import TooSlow
from floorline.ledger.surface import AnyLedger
from floorline.margin.dimensions import Scope
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
    """A row of unpriced_models.sql."""

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
    whose: dict[str, Parameter] = {"environment": scope.environment, "purpose": scope.purpose}
    window: dict[str, Parameter] = {"start": start, "end": end, **whose}
    close_from = max(start, end - timedelta(days=CLOSE_DAYS))
    close: dict[str, Parameter] = {"start": close_from, "end": end, "timezone": ledger.timezone}
    reasons = _in_time(ledger, "unpriced_reasons", ReasonRow, close)
    return Doubts(
        unpriced=ledger.query(_query("unpriced_models", UnpricedRow, window)),
        features=ledger.query(_query("unsure_features", UnsureFeature, window)),
        close_from=close_from,
        reasons=None if reasons is None else {(one.provider, one.model): one.reason for one in reasons},
        keys=_in_time(ledger, "unsure_keys", UnsureKey, {**close, **whose}),
    )


def _in_time(ledger: AnyLedger, name: str, row: type[Row], parameters: Mapping[str, Parameter]) -> list[Row] | None:
    try:
        return ledger.query(_query(name, row, parameters))
    except TooSlow:
        return None


def _query(name: str, row: type[Row], parameters: Mapping[str, Parameter]) -> Query[Row]:
    text = Template(_SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8"))
    return Query(sql=text.substitute(seconds=SECONDS), row=row, parameters=parameters)


def _known(pico: int, unknown: int) -> Decimal | None:
    """An amount; None where it is nothing but calls of unknown cost."""
    return usd_of(pico) if pico or not unknown else None


def _quoted(name: str) -> str:
    """A name as YAML reads it back."""
    return msgspec.json.encode(name).decode()
