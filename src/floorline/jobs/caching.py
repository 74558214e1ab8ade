"""What people ask about the exact cache: how much it is used, which call an answer was made for, and which answers were bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import resources

import msgspec

from floorline.errors import BadInput
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.ledger.surface import AnyLedger
from floorline.query import Query

_SQL = resources.files("floorline.jobs").joinpath("sql")
_ID_DIGITS = 32
_MS_DIGITS = 12
_DIGITS = frozenset("0123456789abcdef")


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A call as `cached_source.sql` gives it."""

    feature: str
    cached_call: str


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


def use(ledger: AnyLedger, start: date, end: date) -> Sequence[Use]:
    """What the cache did from `start` until the day before `end`, days of the ledger's timezone, by feature."""
    rows = ledger.query(
        Query(
            sql=_SQL.joinpath("cache_use.sql").read_text(),
            row=UseRow,
            parameters={"start": start, "end": end, "timezone": ledger.timezone},
        )
    )
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
