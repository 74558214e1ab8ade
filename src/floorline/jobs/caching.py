"""What people ask about the caches: how much it is used, which call an answer was made for, and which answers were bad."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from importlib import resources
from typing import TypeVar

import msgspec

from floorline.errors import BadInput
from floorline.events import Label
from floorline.ledger import codec
from floorline.ledger.ledger import Entry
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.ledger.surface import AnyLedger
from floorline.margin.remembering import of_tables, of_window, rows_added
from floorline.money import ZERO
from floorline.query import Query, Row

SOURCE = "report"
"""Of what people say of answers, as labels."""

_SQL = resources.files("floorline.jobs").joinpath("sql")
_ID_DIGITS = 32
_MS_DIGITS = 12
_DIGITS = frozenset("0123456789abcdef")


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A call as `cached_source.sql` gives it."""

    feature: str
    cached_call: str
    customer: str
    user: str
    model: str
    metadata: Mapping[str, str]


class UseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A feature as `cache_use.sql` gives it; `avoided_pico` is in 10^-12 USD."""

    feature: str
    hits: int
    misses: int
    bypassed: int
    shadow: int
    shadow_hits: int
    unvalued: int
    avoided_pico: int


class NearRow(msgspec.Struct, frozen=True, kw_only=True):
    """A feature as `semantic_use.sql` gives it; amounts are in 10^-12 USD."""

    feature: str
    hits: int
    audits: int
    near: int
    vetoed: int
    unvalued: int
    avoided_pico: int
    spent_pico: int


Of = TypeVar("Of", UseRow, NearRow)


class LabelsRow(msgspec.Struct, frozen=True, kw_only=True):
    """A feature as `semantic_labels.sql` gives it."""

    feature: str
    labels: int
    right: int


class BadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that somebody said was bad. `call_id` is the call that it was reported of, `source` the one it was made for:
    the same where that one had it from its provider.
    """

    call_id: str
    source: str
    feature: str
    reason: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What the cache did for one feature. `avoided` is what hits would have cost, `unvalued` how many of them nobody can say
    it of; `shadow_hits` of the `shadow` looks, which served nothing, would have been hits.
    """

    feature: str
    hits: int
    misses: int
    bypassed: int
    shadow: int
    shadow_hits: int
    unvalued: int
    avoided: Decimal
    reported: int

    @property
    def hit_ratio(self) -> Decimal | None:
        """Hits of all looks that could have been one; None where there were none."""
        looks = self.hits + self.misses
        return Decimal(self.hits) / looks if looks else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NearUse:
    """What the semantic cache did for one feature: `hits` were served, `audits` would have been and went to the model, `near` stood near and
    nothing was certified, `vetoed` were never the same. Of `labels` comparisons `right` found the stored answer right. `spent` is what
    embedding and judging cost.
    """

    feature: str
    hits: int = 0
    audits: int = 0
    near: int = 0
    vetoed: int = 0
    unvalued: int = 0
    avoided: Decimal = ZERO
    spent: Decimal = ZERO
    labels: int = 0
    right: int = 0


def bad_answers(state: State) -> Shelf[BadAnswer]:
    """The answers that were reported, by the call that they were reported of."""
    return Shelf(state, "bad_answer", BadAnswer)


def source_of(ledger: AnyLedger, call_id: str) -> SourceRow | None:
    """Whose answer the call had; None when the ledger does not know the call. BadInput for what is no id of a gateway's call."""
    if len(call_id) != _ID_DIGITS or not _DIGITS.issuperset(call_id):
        raise BadInput(f"{call_id!r} is no call of a gateway: give the {_ID_DIGITS} digits of x-floorline-call-id")
    day = datetime.fromtimestamp(int(call_id[:_MS_DIGITS], 16) // 1_000, UTC).date()
    rows = ledger.query(
        Query(sql=_SQL.joinpath("cached_source.sql").read_text(), row=SourceRow, parameters={"day": day, "id": call_id})
    )
    return rows[0] if rows else None


def report(call_id: str, served: SourceRow, now: datetime) -> Label | None:
    """What it says of the semantic cache that an answer is bad: that a near question's answer was wrong. None where it was none of its."""
    said = served.metadata
    if said.get("semantic") != "hit":
        return None
    return Label(
        source=SOURCE,
        id=f"semantic-{call_id}",
        at=now,
        kind="semantic",
        feature=served.feature,
        subject=said.get("semantic_subject", ""),
        customer=served.customer,
        user_id=served.user,
        call_id=call_id,
        other_call_id=served.cached_call,
        model=served.model,
        score=float(said.get("semantic_similarity", "0")),  # float: a similarity, never money
        features=_pair(said.get("semantic_features", "")),
        right=False,
        served=True,
        origin="report",
        epoch=said.get("semantic_epoch", ""),
    )


def _pair(text: str) -> tuple[float, ...]:  # float: what a verifier goes by
    return tuple([float(one) for one in text.split()])  # float: as above


def keep_report(ledger: AnyLedger, label: Label) -> None:
    """Have the label count where certificates are made. The same call reported again changes nothing."""
    ledger.write([Entry(record=label, fingerprint=codec.fingerprint_of(label.id.encode()))])
    ledger.flush()


def use(ledger: AnyLedger, start: date, end: date) -> Sequence[Use]:
    """What the cache did from `start` until the day before `end`, days of the ledger's timezone, by feature."""
    rows = ledger.query(_of_calls("cache_use", UseRow, ledger.timezone, start, end))
    reported = [bad.feature for bad in bad_answers(ledger.state).all().values()]
    return [
        Use(
            feature=row.feature,
            hits=row.hits,
            misses=row.misses,
            bypassed=row.bypassed,
            shadow=row.shadow,
            shadow_hits=row.shadow_hits,
            unvalued=row.unvalued,
            avoided=Decimal(row.avoided_pico).scaleb(-12),
            reported=reported.count(row.feature),
        )
        for row in rows
    ]


def near_use(ledger: AnyLedger, start: date, end: date) -> Sequence[NearUse]:
    """What the semantic cache did in the same days, by feature."""
    asked = of_tables(_of_days("semantic_labels", LabelsRow, ledger.timezone, start, end), "labels")
    labels = {row.feature: row for row in ledger.query(asked)}
    rows = ledger.query(_of_calls("semantic_use", NearRow, ledger.timezone, start, end))
    found = {row.feature: row for row in rows}
    return [_near_use(name, found.get(name), labels.get(name)) for name in sorted(found.keys() | labels.keys())]


def _near_use(feature: str, row: NearRow | None, labels: LabelsRow | None) -> NearUse:
    used = NearUse(
        feature=feature,
        labels=0 if labels is None else labels.labels,
        right=0 if labels is None else labels.right,
    )
    if row is None:
        return used
    return replace(
        used,
        hits=row.hits,
        audits=row.audits,
        near=row.near,
        vetoed=row.vetoed,
        unvalued=row.unvalued,
        avoided=Decimal(row.avoided_pico).scaleb(-12),
        spent=Decimal(row.spent_pico).scaleb(-12),
    )


def _of_calls(name: str, row: type[Of], timezone: str, start: date, end: date) -> Query[Of]:
    """As `_of_days`, of numbers of calls by feature."""
    query = _of_days(name, row, timezone, start, end)
    parts = partial(_of_calls, name, row, timezone)
    return of_window(query, start, end, parts, rows_added("feature"))


def _of_days(name: str, row: type[Row], timezone: str, start: date, end: date) -> Query[Row]:
    """The query of that name, of the days from `start` until the day before `end`."""
    parameters = {"start": start, "end": end, "timezone": timezone}
    return Query(sql=_SQL.joinpath(f"{name}.sql").read_text(), row=row, parameters=parameters)
