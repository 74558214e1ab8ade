"""Asks the ledger what guardrails did day by day, and for the latest calls that they acted on."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib import resources

import msgspec

from floorline.clock import timezone
from floorline.jobs.margins import Margins
from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.margin.remembering import of_window
from floorline.money import usd_of
from floorline.query import Query

EACH_MAX, ROWS_MAX, ENOUGH = 8, 60, 20
"""Calls of one set of guardrails that acted together; in all; and how many of these are enough to look no further back."""

_HOURS, _DAYS, _REFUSED = timedelta(hours=2), timedelta(days=14), timedelta(days=2)
"""How far back calls are looked for, which are many: a day of them at most beside two hours; refusals alone further."""

_SQL = resources.files("floorline.jobs").joinpath("sql")


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of touches_by_day.sql."""

    day: date
    guardrail: str
    feature: str
    touched: int
    held_out: int
    shadow: int
    saved: int
    spent: int

    @property
    def net(self) -> Decimal:
        """What it claims to have saved less its own cost, USD."""
        return usd_of(self.saved - self.spent)


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A call as decided_lately.sql gives it. `acted` and `actions` are parallel: the guardrails that acted, and what they did."""

    id: str
    opened_at: datetime
    customer: str
    feature: str
    model_requested: str
    model_served: str
    verdict: str
    reasons: Sequence[str]
    acted: Sequence[str]
    actions: Sequence[str]
    cost_text: str
    counterfactual_text: str

    @property
    def saved(self) -> Decimal | None:
        """What it would have cost without guardrails, less what it cost; None where either is unknown."""
        if not self.cost_text or not self.counterfactual_text:
            return None
        return Decimal(self.counterfactual_text) - Decimal(self.cost_text)

    @property
    def by(self) -> Sequence[str]:
        """Whose decision it is: the guardrails that acted, or what the reasons of a refusal name."""
        named = [reason.partition(":")[0] for reason in self.reasons if ":" in reason]
        return self.acted or (named[-1:] if self.verdict == "refuse" else [])


def by_day(margins: Margins, start: date, end: date, scope: Scope, feature: str = "") -> list[DayRow]:
    """Each day's rows from `start` to the day before `end`; of one feature alone where it is named."""
    names = Names([*margins.ledger.query(queries.aliases()), *margins.policies.aliases], [], ())
    rows = margins.ledger.query(_touched(start, end, scope))
    named = (
        msgspec.structs.replace(row, feature=names.resolve("feature", row.feature, row.day.toordinal())) for row in rows
    )
    return [row for row in named if feature in {"", row.feature}]


def _touched(start: date, end: date, scope: Scope) -> Query[DayRow]:
    window = {"start": start, "end": end, "environment": scope.environment, "purpose": scope.purpose}
    query = Query(sql=_text("touches_by_day"), row=DayRow, parameters=window)
    return of_window(query, start, end, lambda since, until: _touched(since, until, scope))


def decided_lately(margins: Margins, until: datetime, scope: Scope) -> list[Decided]:
    """The latest calls before `until` that a guardrail acted on or that were refused, newest first: of two hours, and where these
    have few, of the last day of two weeks on which a guardrail acted as well.
    """
    found = {one.id: one for one in _decided(margins.ledger, until - _HOURS, until, scope)}
    if len(found) < ENOUGH:
        zone = timezone(margins.ledger.timezone)
        today = until.astimezone(zone).date()
        days = by_day(margins, today - _DAYS, today + timedelta(days=1), scope)
        latest = max((row.day for row in days if row.touched), default=None)
        if latest is not None:
            start, end = (datetime.combine(day, time(), zone) for day in (latest, latest + timedelta(days=1)))
            found |= {one.id: one for one in _decided(margins.ledger, start, min(end, until), scope)}
    return sorted(found.values(), key=lambda one: one.opened_at, reverse=True)


def refused_lately(ledger: AnyLedger, until: datetime) -> list[Decided]:
    """The latest calls of two days before `until` that were refused, newest first, whatever their environment and purpose."""
    parameters: Mapping[str, datetime | int] = {"since": until - _REFUSED, "until": until, "rows": ROWS_MAX}
    return ledger.query(Query(sql=_text("refused_lately"), row=Decided, parameters=parameters))


def _decided(ledger: AnyLedger, since: datetime, until: datetime, scope: Scope) -> list[Decided]:
    parameters: Mapping[str, datetime | str | int] = {
        "since": since, "until": until, "environment": scope.environment, "purpose": scope.purpose, "each": EACH_MAX, "rows": ROWS_MAX,
    }  # fmt: skip
    return ledger.query(Query(sql=_text("decided_lately"), row=Decided, parameters=parameters))


def net_by_day(rows: Sequence[DayRow]) -> Iterator[tuple[date, str, Decimal]]:
    """Day, guardrail, and its net saving over all features."""
    sums: dict[tuple[date, str], Decimal] = {}
    for row in rows:
        sums[row.day, row.guardrail] = sums.get((row.day, row.guardrail), Decimal(0)) + row.net
    return ((day, guardrail, net) for (day, guardrail), net in sorted(sums.items()))


def _text(name: str) -> str:
    return _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
