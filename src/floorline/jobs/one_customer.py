"""One customer, asked of the ledger: what its calls go to, who makes them, what guardrails did, what it paid, who it is."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from importlib import resources
from string import Template
from typing import Literal

import msgspec

from floorline.events import Alias, Customer
from floorline.jobs.margins import Margins
from floorline.jobs.remedying import named, window
from floorline.ledger.remembering import once
from floorline.ledger.surface import Answering, AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Cover, Names
from floorline.margin.dimensions import Scope
from floorline.margin.policy import Policies
from floorline.margin.remembering import of_tables, of_window
from floorline.query import Parameter, Query

PARTS_MAX = 500
"""Users (features, models) that are told, the dearest first."""

LINES_MAX = 200
"""Revenue lines that are told, the latest first."""

USERS_CALLS_MAX = 2_000_000
"""Users of every customer are counted in windows of at most so many calls: that reads a row for nearly each."""

PartColumn = Literal["feature", "user_id", "model"]
_SQL = resources.files("floorline.jobs").joinpath("sql")


class PartRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of customer_parts.sql: a part of a customer's calls; cost in 10^-12 USD. `users` called for it."""

    name: str
    calls: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cost: int
    users: int


class GuardRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of customer_touches.sql; `unvalued` touches saved nobody knows how much. Money in 10^-12 USD."""

    guardrail: str
    feature: str
    mode: str
    arm: str
    action: str
    calls: int
    unvalued: int
    saved: int
    spent: int


class RevenueRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of customer_revenue.sql; amount in 10^-12 USD, the period's end exclusive."""

    source: str
    id: str
    customer: str
    plan: str
    feature: str
    kind: str
    amount: int
    start: date
    end: date


class UsersRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of customer_users.sql."""

    customer: str
    users: int


class UserColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The row of user_tokens.sql: columns of one length."""

    tokens: list[int]
    cost: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Who customers are: their records, the names they go by, and the plans that revenue lines name."""

    names: Names
    records: Sequence[Customer]
    aliases: Sequence[Alias]
    covers: Sequence[Cover]

    def known_as(self, customer: str) -> list[Alias]:
        """The other names of a customer."""
        return [one for one in self.aliases if one.kind == "customer" and one.canonical == customer]

    def of(self, customer: str) -> list[Customer]:
        """Its records, oldest first."""
        return [one for one in self.records if self._is(one.customer, customer, one.valid_from)]

    def paid_plans(self, customer: str) -> list[Cover]:
        """What revenue lines say of its plans, oldest first; amounts count nothing where it was ever on one plan only."""
        mine = [
            one
            for one in self.covers
            if one.plan and self.names.resolve("customer", one.customer, one.start) == customer
        ]
        return sorted(mine, key=lambda one: (one.start, one.plan))

    def _is(self, raw: str, customer: str, day: date | None) -> bool:
        return self.names.resolve("customer", raw, day.toordinal() if day else 0) == customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one customer's calls go to, and what became of them."""

    features: Sequence[PartRow]
    users: Sequence[PartRow]
    models: Sequence[PartRow]
    guards: Sequence[GuardRow]
    revenue: Sequence[RevenueRow]


def register(ledger: Answering, policies: Policies, *, with_plans: bool = False) -> Register:
    """Everybody's records and names; the plans that revenue lines name too `with_plans`."""
    asked = ledger.begin(queries.plan_covers()) if with_plans else None
    records = ledger.query(queries.customers())
    aliases = [*ledger.query(queries.aliases()), *policies.aliases]
    covers = asked.result()[0].covers if asked else []
    names = once(ledger, (Names, policies.aliases, asked is None), lambda: Names(aliases, records, covers))
    return Register(names=names, records=records, aliases=aliases, covers=covers)


def parts_of(ledger: AnyLedger, names: Names, customer: str, start: date, end: date, scope: Scope) -> Parts:
    """The parts of one customer's calls from `start` to the day before `end`."""
    whose = {**window(start, end, scope), **named([customer], names, start, end)}
    features, users, models = (_parts(ledger, column, whose, start, end) for column in ("feature", "user_id", "model"))
    guards = ledger.begin(of_window(Query(sql=_text("customer_touches"), row=GuardRow, parameters=whose), start, end))
    lines = {"names": whose["names"], "start": start, "end": end, "limit": LINES_MAX}
    revenue = ledger.begin(of_tables(Query(sql=_text("customer_revenue"), row=RevenueRow, parameters=lines), "revenue"))
    return Parts(
        features=features.result(),
        users=users.result(),
        models=models.result(),
        guards=guards.result(),
        revenue=revenue.result(),
    )


def users_by_customer(margins: Margins, names: Register, start: date, end: date, scope: Scope) -> dict[str, int]:
    """How many users each customer had, by its canonical name on the last day."""
    last = end.toordinal() - 1
    raws = sorted({one.alias for one in names.aliases if one.kind == "customer"}) or [""]
    meant = [names.names.resolve("customer", raw, last) for raw in raws]
    parameters = {**window(start, end, scope), "raws": raws, "names": meant}
    asked = Query(sql=_text("customer_users"), row=UsersRow, parameters=parameters)
    rows = margins.ledger.query(of_window(asked, start, end))
    return {row.customer: row.users for row in rows}


def user_tokens(margins: Margins, start: date, end: date, scope: Scope) -> UserColumns:
    """Every user's tokens and cost."""
    asked = Query(sql=_text("user_tokens"), row=UserColumns, parameters=window(start, end, scope))
    (row,) = margins.ledger.query(of_window(asked, start, end))
    return row


def _parts(
    ledger: AnyLedger, column: PartColumn, whose: dict[str, Parameter], start: date, end: date
) -> Future[list[PartRow]]:
    sql = Template(_text("customer_parts")).substitute(column=column)
    return ledger.begin(of_window(Query(sql=sql, row=PartRow, parameters={**whose, "limit": PARTS_MAX}), start, end))


def _text(name: str) -> str:
    text = _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))
