"""Revenue, costs, outcomes, customers, aliases and exchange rates: their columns, and the records of a row."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, get_args

from floorline.errors import BadRow
from floorline.events import (
    COMPONENTS,
    Alias,
    Cost,
    Customer,
    Driver,
    FxRate,
    Outcome,
    OutcomeStatus,
    Revenue,
    RevenueKind,
)
from floorline.ingest.draft import Draft
from floorline.ingest.fields import (
    Field,
    Table,
    amount,
    choice,
    currency,
    day,
    fingerprint,
    instant,
    number,
    quantity,
    table,
    text,
    texts,
)  # fmt: skip
from floorline.ingest.fx import Converted, Rates
from floorline.ingest.usage import USAGE, usage_event
from floorline.money import ZERO, usd

REVERSING = frozenset({"discount", "credit_note", "refund"})
PROVENANCES = ("measured", "self_reported", "derived", "attested")
_NO_DATE: date | None = None
_RATE_MAX = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """One kind of file: its columns and how a row becomes drafts (BadRow is raised or returned for a bad one)."""

    kind: str
    table: Table
    drafts: Callable[[Mapping[str, Any], str, Rates], tuple[Draft, ...]]


def _cohort(value: Any) -> str:
    named = text(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d.*", named, re.ASCII | re.DOTALL):
        return f"{day(named):%Y-%m}"
    return named


def _rate(value: Any) -> Decimal:
    rate = number(value)
    if not 0 < rate < _RATE_MAX:
        raise BadRow(f"{rate:f} is not between 0 and {_RATE_MAX}: write the dollars that one unit of the currency buys")
    return rate


_MONEY = (
    Field(name="amount", parse=amount, doc="in `currency`, in its main unit (12.34), net of tax", required=True, default=None),
    Field(name="currency", parse=currency, doc="three letters; other than USD needs an imported rate", required=True),
    Field(name="period_start", parse=day, doc="first day the amount is for", required=True, default=None),
    Field(name="period_end", parse=day, doc="the day after the last one", required=True, default=None),
)  # fmt: skip
REVENUE = table(
    "revenue",
    (
        Field(name="id", parse=text, doc="the line's id, unique within its source", required=True),
        Field(name="customer", parse=text, doc="who pays, under any name that an alias knows", required=True),
        Field(name="plan", parse=text, doc="what was bought"),
        *_MONEY,
        Field(name="feature", parse=text, doc="the feature it pays for; empty: bundled, allocated by the plan's rule"),
        Field(name="units", parse=quantity, doc="units sold, for usage-based plans", default=None),
        Field(name="kind", parse=choice(*get_args(RevenueKind)), doc=", ".join(get_args(RevenueKind)), default="subscription"),
        Field(name="reverses", parse=text, doc="id of the line that a credit note or refund takes back"),
    ),
)  # fmt: skip
COSTS = table(
    "costs",
    (
        Field(name="id", parse=text, doc="the cost's id, unique within its source", required=True),
        Field(name="component", parse=choice(*COMPONENTS), doc=", ".join(COMPONENTS), required=True),
        *_MONEY,
        Field(name="feature", parse=text, doc="the only feature it serves"),
        Field(name="customer", parse=text, doc="the only customer it serves"),
        Field(name="plan", parse=text, doc="the only plan it serves"),
        Field(name="driver", parse=choice(*get_args(Driver)), doc=f"how it is allocated: {', '.join(get_args(Driver))}", default="calls"),
    ),
)  # fmt: skip
OUTCOMES = table(
    "outcomes",
    (
        Field(name="outcome_id", parse=text, doc="the outcome; a later row with the same one amends it"),
        Field(name="id", parse=text, doc="the row; by default outcome_id@recorded_at. Alone it is the outcome_id"),
        Field(name="at", parse=instant, doc="when the outcome came about", required=True, default=None),
        Field(name="status", parse=choice(*get_args(OutcomeStatus)), doc=", ".join(get_args(OutcomeStatus)), required=True),
        Field(name="outcome_type", parse=text, doc="ticket_resolved, report_delivered …"),
        Field(name="run_id", parse=text, doc="the run that led to it"),
        Field(name="workflow", parse=text, doc="the workflow of the run"),
        Field(name="feature", parse=text, doc="AI feature"),
        Field(name="customer", parse=text, doc="who pays for it"),
        Field(name="user_id", parse=text, doc="who it was for"),
        Field(name="plan", parse=text, doc="what the customer bought"),
        Field(name="value", parse=amount, doc="USD it earns when it is a success; empty: the plan's price says", default=None),
        Field(name="recorded_at", parse=instant, doc="when this row was recorded; of several the latest counts", default=None),
        Field(name="reason", parse=text, doc="why it was amended"),
        Field(name="provenance", parse=choice(*PROVENANCES), doc=", ".join(PROVENANCES)),
    ),
)  # fmt: skip
CUSTOMERS = table(
    "customers",
    (
        Field(name="customer", parse=text, doc="the customer's name in this ledger", required=True),
        Field(name="valid_from", parse=day, doc="first day the row is true of; empty: always", default=_NO_DATE),
        Field(name="name", parse=text, doc="shown name"),
        Field(name="plan", parse=text, doc="what they are on"),
        Field(name="segment", parse=text, doc="size or region group"),
        Field(name="cohort", parse=_cohort, doc="sign-up month (a day is cut to its month) or a band"),
        Field(name="aliases", parse=texts, doc="other names of the customer, separated by ;", default=()),
    ),
)  # fmt: skip
ALIASES = table(
    "aliases",
    (
        Field(name="kind", parse=choice("customer", "plan", "feature"), doc="customer, plan, feature", required=True),
        Field(name="alias", parse=text, doc="the other name: cus_…, a workspace id, a price id", required=True),
        Field(name="canonical", parse=text, doc="the name it stands for", required=True),
        Field(name="valid_from", parse=day, doc="first day it holds; empty: always did", default=_NO_DATE),
        Field(name="valid_to", parse=day, doc="the day after the last one; empty: still does", default=_NO_DATE),
    ),
)  # fmt: skip
FX = table(
    "fx",
    (
        Field(name="currency", parse=currency, doc="three letters", required=True),
        Field(name="day", parse=day, doc="the day of the rate", required=True, default=None),
        Field(name="usd_per_unit", parse=_rate, doc="dollars for one unit of the currency", required=True, default=None),
        Field(name="id", parse=text, doc="by default currency@day"),
    ),
)  # fmt: skip


def _parsed(columns: Table, raw: Mapping[str, Any]) -> dict[str, Any]:
    values = columns.parse(raw)
    if isinstance(values, BadRow):
        raise values
    return values


def _usage(raw: Mapping[str, Any], source: str, rates: Rates) -> tuple[Draft, ...]:
    del rates
    parsed = usage_event(raw)
    if isinstance(parsed, BadRow):
        raise parsed
    event, values = parsed
    return (Draft(source=source, id=event.request_id, fingerprint=fingerprint(values), body=event),)


def _money(values: dict[str, Any], rates: Rates) -> tuple[dict[str, Any], Converted]:
    """The fields of a dated amount, for Revenue and Cost alike, and its dollars."""
    start, end, billed = values["period_start"], values["period_end"], values["amount"]
    if end <= start:
        raise BadRow(f"period_end {end} is not after period_start {start}: the period's end is the day after its last")
    converted = rates.convert(billed, values["currency"], start)
    rest = {name: value for name, value in values.items() if name not in {"amount", "currency"}}
    return {**rest, "billed_amount": usd(billed), "billed_currency": values["currency"]}, converted


def _revenue(raw: Mapping[str, Any], source: str, rates: Rates) -> tuple[Draft, ...]:
    values = _parsed(REVENUE, raw)
    if values.get("kind") in REVERSING and values["amount"] > 0:
        raise BadRow(
            f"amount {values['amount']:f} of a {values['kind']} is positive: write it as -{values['amount']:f}"
        )
    fields, converted = _money(values, rates)
    record = Revenue(source=source, amount=converted.amount, fx_day=converted.fx_day, **fields)
    return (Draft(source=source, id=record.id, fingerprint=fingerprint(values), body=record),)


def _costs(raw: Mapping[str, Any], source: str, rates: Rates) -> tuple[Draft, ...]:
    values = _parsed(COSTS, raw)
    fields, converted = _money(values, rates)
    record = Cost(source=source, amount=converted.amount, fx_day=converted.fx_day, **fields)
    return (Draft(source=source, id=record.id, fingerprint=fingerprint(values), body=record),)


def _outcomes(raw: Mapping[str, Any], source: str, rates: Rates) -> tuple[Draft, ...]:
    del rates
    values = _parsed(OUTCOMES, raw)
    outcome = values.get("outcome_id") or values.get("id")
    if not outcome:
        raise BadRow("outcome_id is missing: the outcome that the row tells of")
    recorded = values.get("recorded_at")
    row = values["id"] if "id" in values and "outcome_id" in values else outcome
    if row == outcome and recorded is not None:
        row = f"{outcome}@{recorded:%Y-%m-%dT%H:%M:%S.%fZ}"
    value = None if "value" not in values else usd(values["value"])
    fields: dict[str, Any] = {**values, "id": row, "outcome_id": outcome, "value": value}
    record = Outcome(source=source, **fields)
    return (Draft(source=source, id=row, fingerprint=fingerprint(values), body=record),)


def _customers(raw: Mapping[str, Any], source: str, rates: Rates) -> tuple[Draft, ...]:
    values = _parsed(CUSTOMERS, raw)
    names = values.pop("aliases", ())
    customer, since = values["customer"], values.get("valid_from")
    row = customer if since is None else f"{customer}@{since}"
    record = Customer(source=source, id=row, **values)
    drafts = [Draft(source=source, id=row, fingerprint=fingerprint(values), body=record)]
    for name in dict.fromkeys(names):
        alias = {"kind": "customer", "alias": name, "canonical": customer}
        drafts.extend(_aliases(alias, "aliases" if source == "customers" else source, rates))
    return tuple(drafts)


def _aliases(raw: Mapping[str, Any], source: str, rates: Rates) -> tuple[Draft, ...]:
    del rates
    values = _parsed(ALIASES, raw)
    since, until = values.get("valid_from"), values.get("valid_to")
    if values["alias"] == values["canonical"]:
        raise BadRow(f"alias {values['alias']!r} stands for itself: leave the row out")
    if since is not None and until is not None and until <= since:
        raise BadRow(f"valid_to {until} is not after valid_from {since}: valid_to is the day after the last one")
    row = f"{values['kind']}:{values['alias']}" + ("" if since is None else f"@{since}")
    record = Alias(source=source, id=row, **values)
    return (Draft(source=source, id=row, fingerprint=fingerprint(values), body=record),)


def _fx(raw: Mapping[str, Any], source: str, rates: Rates) -> tuple[Draft, ...]:
    del rates
    values = _parsed(FX, raw)
    if values["currency"] == "USD":
        raise BadRow("currency USD needs no rate: leave the row out")
    row = values.get("id") or f"{values['currency']}@{values['day']}"
    rate = usd(values["usd_per_unit"])
    if rate == ZERO:
        raise BadRow(f"usd_per_unit {values['usd_per_unit']:f} is 0 to 12 places")
    record = FxRate(source=source, id=row, currency=values["currency"], day=values["day"], usd_per_unit=rate)
    return (Draft(source=source, id=row, fingerprint=fingerprint(values), body=record),)


IMPORTERS: Mapping[str, Importer] = {
    importer.kind: importer
    for importer in (
        Importer(kind="usage", table=USAGE, drafts=_usage),
        Importer(kind="revenue", table=REVENUE, drafts=_revenue),
        Importer(kind="costs", table=COSTS, drafts=_costs),
        Importer(kind="outcomes", table=OUTCOMES, drafts=_outcomes),
        Importer(kind="customers", table=CUSTOMERS, drafts=_customers),
        Importer(kind="aliases", table=ALIASES, drafts=_aliases),
        Importer(kind="fx", table=FX, drafts=_fx),
    )
}
