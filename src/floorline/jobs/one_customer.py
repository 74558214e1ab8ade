"""One customer, asked of the ledger: what its calls go to, who makes them, what guardrails did, what it paid, who it is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources
from itertools import groupby, islice
from operator import attrgetter
from string import Template
from typing import Literal

import msgspec

from floorline.events import Alias, Customer
from floorline.jobs.margins import Margins
from floorline.jobs.remedying import named, window
from floorline.ledger.remembering import made
from floorline.ledger.surface import Answering, AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Cover, Names
from floorline.margin.dimensions import Scope
from floorline.margin.policy import Policies
from floorline.margin.queries import CoverColumns
from floorline.margin.remembering import of_tables, of_window, rows_added
from floorline.query import Halves, Parameter, Query

PARTS_MAX = 500
"""Users (features, models) that are told, the dearest first."""

ADDED_MAX = 2_000
"""Parts of a kind whose days before today and today are added up; those of a customer with more are asked for at once."""

LINES_MAX = 200
"""Revenue lines that are told, the latest first."""

USERS_CALLS_MAX = 2_000_000
"""Users of every customer are counted in windows of at most so many calls: that reads a row for nearly each."""

PartKind = Literal["feature", "user", "model"]
_TOUCHED = ("guardrail", "feature", "mode", "arm", "action")
_SQL = resources.files("floorline.jobs").joinpath("sql")


class PartSums(msgspec.Struct, frozen=True, kw_only=True):
    """A row of customer_parts.sql: a part of a customer's calls; cost in 10^-12 USD."""

    kind: PartKind
    name: str
    calls: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cost: int


class PartRow(PartSums, frozen=True, kw_only=True):
    """So many `users` called for it."""

    users: int


class PartOfDays(PartSums, frozen=True, kw_only=True):
    """Those `who` called for it, of some days among others."""

    who: list[str]


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
    stated: CoverColumns | None

    def known_as(self, customer: str) -> list[Alias]:
        """The other names of a customer."""
        return [one for one in self.aliases if one.kind == "customer" and one.canonical == customer]

    def of(self, customer: str) -> list[Customer]:
        """Its records, oldest first."""
        return [one for one in self.records if self._is(one.customer, customer, one.valid_from)]

    def paid_plans(self, customer: str) -> list[Cover]:
        """What revenue lines say of its plans, oldest first; amounts count nothing where it was ever on one plan only."""
        if self.stated is None:
            return []
        raws = self.names.raw_names("customer", customer)
        lines = zip(self.stated.customer, self.stated.plan, self.stated.start, self.stated.amount, strict=True)
        mine = [
            one
            for one in (Cover(*line) for line in lines if line[0] in raws)
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
    records, recorded = ledger.query(queries.customers()), ledger.query(queries.aliases())
    stated, aliases = asked.result()[0] if asked else None, [*recorded, *policies.aliases]
    names = made(
        ledger,
        (Names, policies.aliases),
        (recorded, records, stated),
        lambda: Names(aliases, records, stated.covers if stated else ()),
    )
    return Register(names=names, records=records, aliases=aliases, stated=stated)


def parts_of(ledger: AnyLedger, names: Names, customer: str, start: date, end: date, scope: Scope) -> Parts:
    """The parts of one customer's calls from `start` to the day before `end`."""
    whose = {**window(start, end, scope), **named([customer], names, start, end)}
    asked = ledger.begin(_parts(whose, start, end))
    guards = ledger.begin(_touches(whose, start, end))
    lines = {"names": whose["names"], "start": start, "end": end, "limit": LINES_MAX}
    revenue = ledger.begin(of_tables(Query(sql=_text("customer_revenue"), row=RevenueRow, parameters=lines), "revenue"))
    parts = asked.result() or ledger.query(_whole_parts(whose, start, end))
    return Parts(
        features=[row for row in parts if row.kind == "feature"],
        users=[row for row in parts if row.kind == "user"],
        models=[row for row in parts if row.kind == "model"],
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


def _parts(whose: Mapping[str, Parameter], start: date, end: date) -> Query[PartRow]:
    """The dearest parts of each kind, or as parts_added has them where they are asked for in two."""

    def of_days(since: date, until: date) -> Query[PartOfDays]:
        who, days = f"groupUniqArrayIf({ADDED_MAX})(user_id, user_id != '')", {"start": since, "end": until}
        query = Query(sql=_parts_sql(who), row=PartOfDays, parameters={**whose, **days, "limit": ADDED_MAX + 1})
        return of_window(query, since, until)

    def parts(day: date) -> tuple[Query[PartOfDays], Query[PartOfDays]]:
        return of_days(start, day), of_days(day, end)

    return replace(_whole_parts(whose, start, end), halves=Halves(parts=parts, together=parts_added))


def _whole_parts(whose: Mapping[str, Parameter], start: date, end: date) -> Query[PartRow]:
    """The dearest parts of each kind, of any customer."""
    sql = _parts_sql("uniqExactIf(user_id, user_id != '')")
    return of_window(Query(sql=sql, row=PartRow, parameters={**whose, "limit": PARTS_MAX}), start, end)


def _parts_sql(who: str) -> str:
    return Template(_text("customer_parts")).substitute(who=who)


def parts_added(before: list[PartOfDays], since: list[PartOfDays]) -> list[PartRow]:
    """The parts of both, the dearest of each kind first; none at all where either has more than ADDED_MAX of a kind."""
    if any(number > ADDED_MAX for rows in (before, since) for number in Counter([row.kind for row in rows]).values()):
        return []
    added = sorted(rows_added("kind", "name")(before, since), key=lambda row: (row.kind, -row.cost, row.name))
    return [
        PartRow(users=len(set(row.who)), **{name: getattr(row, name) for name in PartSums.__struct_fields__})
        for _, rows in groupby(added, key=attrgetter("kind"))
        for row in islice(rows, PARTS_MAX)
    ]


def _touches(whose: Mapping[str, Parameter], start: date, end: date) -> Query[GuardRow]:
    """What guardrails did, what saved most first."""

    def together(before: list[GuardRow], since: list[GuardRow]) -> list[GuardRow]:
        return sorted(rows_added(*_TOUCHED)(before, since), key=lambda row: -row.saved)

    query = Query(sql=_text("customer_touches"), row=GuardRow, parameters={**whose, "start": start, "end": end})
    return of_window(query, start, end, lambda since, until: _touches(whose, since, until), together)


def _text(name: str) -> str:
    text = _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))
