"""What virtual keys are used for, by the calls of a window."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from importlib import resources

import msgspec

from floorline.jobs.latest_days import latest_calls
from floorline.ledger.surface import AnyLedger
from floorline.margin.dimensions import Scope
from floorline.margin.remembering import of_window
from floorline.money import usd_of
from floorline.query import Query

_SQL = resources.files("floorline.jobs").joinpath("sql")


class KeyUse(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one key; `pico` is what they cost as recorded, in 10^-12 USD. `unpriced` and `refused` are among `calls`."""

    key_id: str
    calls: int
    unpriced: int
    refused: int
    pico: int
    last: datetime

    @property
    def cost(self) -> Decimal:
        """In USD."""
        return usd_of(self.pico)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysUse:
    """The use of every key that was used. `since` is the first day that counts: a later one than was asked for where the days
    hold too many calls, and `until`, where none counts.
    """

    by_key: dict[str, KeyUse]
    since: date
    until: date

    @property
    def counted(self) -> bool:
        """Whether any day was counted, so that a key that is not here was not used then."""
        return self.since < self.until


def key_use(ledger: AnyLedger, start: date, end: date, scope: Scope) -> KeysUse:
    """What the keys were used for from `start` until the day before `end`."""
    since = latest_calls(ledger, start, end)
    rows = ledger.query(_of_days(ledger.timezone, scope, since, end))
    return KeysUse(by_key={row.key_id: row for row in rows}, since=since, until=end)


def _of_days(timezone: str, scope: Scope, start: date, end: date) -> Query[KeyUse]:
    parameters = {
        "start": start, "end": end, "timezone": timezone, "environment": scope.environment, "purpose": scope.purpose
    }  # fmt: skip
    query = Query(sql=_SQL.joinpath("key_use.sql").read_text(), row=KeyUse, parameters=parameters)
    return of_window(query, start, end, partial(_of_days, timezone, scope), _together)


def _together(before: list[KeyUse], since: list[KeyUse]) -> list[KeyUse]:
    """The use of each key on earlier and on later days."""
    later = {row.key_id: row for row in since}
    earlier = [_sum(row, later.pop(row.key_id)) if row.key_id in later else row for row in before]
    return [*earlier, *later.values()]


def _sum(one: KeyUse, later: KeyUse) -> KeyUse:
    return KeyUse(
        key_id=one.key_id,
        calls=one.calls + later.calls,
        unpriced=one.unpriced + later.unpriced,
        refused=one.refused + later.refused,
        pico=one.pico + later.pico,
        last=later.last,
    )
