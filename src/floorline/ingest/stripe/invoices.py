"""Finalised invoices become one revenue record per line, spread over the line's own period."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from floorline.clock import day_of
from floorline.errors import BadRow
from floorline.events import Revenue, RevenueKind
from floorline.ingest.draft import Draft
from floorline.ingest.fields import TEXT_CHARS_MAX, fingerprint
from floorline.ingest.fx import Rates
from floorline.ingest.stripe.amounts import currency_of, main_units, nets
from floorline.ingest.stripe.names import Names
from floorline.ingest.stripe.objects import Obj, items, mapping, reference, texts_of
from floorline.money import usd

COUNTED = frozenset({"open", "paid", "uncollectible"})
"""Statuses of an invoice that was issued. A write-off is a bad debt, not a lower price; a void invoice was never owed."""

FINALITY = ("draft", "open", "uncollectible", "paid", "void")
"""Of several states of one invoice in an export the one that stands last here is its latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What turning objects into records needs besides them."""

    source: str
    names: Names
    rates: Rates
    zone: ZoneInfo


def status_of(invoice: Obj) -> str:
    """The invoice's status; before 2018 four flags said it. BadRow when nothing does."""
    status = invoice.get("status")
    if isinstance(status, str) and status in FINALITY:
        return status
    if invoice.get("paid") is True:
        return "paid"
    if invoice.get("forgiven") is True:
        return "uncollectible"
    if invoice.get("closed") is False:
        return "open" if invoice.get("attempted") is True else "draft"
    raise BadRow(f"its status {status!r} is not one of {', '.join(FINALITY)}")


def record_ids(invoice: Obj, lines: list[Obj]) -> list[str]:
    """`in_…/il_…` per line. Old lines carry `unique_id`; where one id stands twice, the later ones get `#2`, `#3` …"""
    seen: dict[str, int] = {}
    ids: list[str] = []
    for line in lines:
        name = line_id(line)
        seen[name] = seen.get(name, 0) + 1
        ids.append(f"{reference(invoice)}/{name}" + (f"#{seen[name]}" if seen[name] > 1 else ""))
    return ids


def line_id(line: Obj) -> str:
    """The line's own id; before 2019 `id` could be the subscription's and `unique_id` was the line's."""
    return str(line.get("unique_line_item_id") or line.get("unique_id") or line.get("id") or "")


def invoice_drafts(invoice: Obj, loose_lines: list[Obj], context: Context) -> Iterator[Draft]:
    """One draft per line with money in it. BadRow when the invoice cannot be trusted to be whole."""
    lines = _lines(invoice, loose_lines)
    currency = currency_of(invoice)
    customer = reference(invoice.get("customer"))
    if not customer:
        raise BadRow("it names no customer")
    for line, name, net in zip(lines, record_ids(invoice, lines), nets(invoice, lines), strict=True):
        if net:
            yield _draft(invoice, line, name, customer, main_units(net, currency), currency, context)


def _lines(invoice: Obj, loose_lines: list[Obj]) -> list[Obj]:
    listed = mapping(invoice.get("lines"))
    lines = items(listed)
    known = {line_id(line) for line in lines}
    lines += [line for line in loose_lines if line_id(line) not in known]
    count = listed.get("total_count")
    if (isinstance(count, int) and len(lines) < count) or (listed.get("has_more") is True and not loose_lines):
        of = f" of {count}" if isinstance(count, int) else ""
        raise BadRow(f"it carries {len(lines)}{of} lines: export its other line items too (GET /v1/invoices/…/lines)")
    if not lines and invoice.get("total"):
        raise BadRow(f"it has a total of {invoice['total']} and no lines: export it with its lines")
    return lines


def _draft(
    invoice: Obj, line: Obj, name: str, customer: str, billed: Decimal, currency: str, context: Context
) -> Draft:
    names = context.names
    price, subscription = price_of(line), subscription_of(line, invoice)
    said = [texts_of(line.get("metadata")), *names.about(subscription), _subscription_metadata(invoice)]
    start, end, epochs = period(line, context.zone)
    converted = context.rates.convert(billed, currency, start)
    record = Revenue(
        source=context.source,
        id=_short(name),
        customer=customer,
        plan=names.said("floorline_plan", *said) or price,
        feature=names.said("floorline_feature", *said, *names.about(price)),
        amount=converted.amount,
        billed_amount=usd(billed),
        billed_currency=currency,
        fx_day=converted.fx_day,
        period_start=start,
        period_end=end,
        units=_units(line),
        kind=_kind(line, price, names),
    )
    fixed = {"net": billed, "currency": currency, "customer": customer, "period": epochs}
    return Draft(source=context.source, id=record.id, fingerprint=money_fingerprint(fixed), body=record)


def money_fingerprint(fixed: dict[str, Any]) -> bytes:
    """Only what cannot change once an invoice is final: status, metadata and names may, and are not in it."""
    net = cast("Decimal", fixed["net"])
    return fingerprint({**fixed, "net": f"{usd(net):f}"})


def period(line: Obj, zone: ZoneInfo) -> tuple[date, date, tuple[int, int]]:
    """First day and the day after the last one, in the reporting timezone, and the two epochs. A moment is one day."""
    stated = mapping(line.get("period"))
    start, end = stated.get("start"), stated.get("end")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 < start <= end < 4_102_444_800:
        raise BadRow(f"line {line_id(line)}: its period is {start!r} to {end!r}, not two times in order")
    first = _day(start, zone)
    return first, max(_day(end, zone), first + timedelta(days=1)), (start, end)


def _day(epoch: int, zone: ZoneInfo) -> date:
    return day_of(datetime.fromtimestamp(0, UTC) + timedelta(seconds=epoch), zone)


def price_of(line: Obj) -> str:
    """The price's id in today's (`pricing`), the former (`price`) and the oldest (`plan`) shape; empty when there is none."""
    details = mapping(mapping(line.get("pricing")).get("price_details"))
    return reference(details.get("price")) or reference(line.get("price")) or reference(line.get("plan"))


def subscription_of(line: Obj, invoice: Obj) -> str:
    """The subscription that the line or its invoice belongs to, in any shape; empty when there is none."""
    parent = mapping(line.get("parent"))
    for details in ("subscription_item_details", "invoice_item_details"):
        if found := reference(mapping(parent.get(details)).get("subscription")):
            return found
    of_invoice = mapping(mapping(invoice.get("parent")).get("subscription_details"))
    return (
        reference(line.get("subscription"))
        or reference(of_invoice.get("subscription"))
        or reference(invoice.get("subscription"))
    )


def _subscription_metadata(invoice: Obj) -> dict[str, str]:
    of_parent = mapping(mapping(invoice.get("parent")).get("subscription_details"))
    return texts_of(of_parent.get("metadata")) or texts_of(mapping(invoice.get("subscription_details")).get("metadata"))


def _units(line: Obj) -> Decimal | None:
    quantity = line.get("quantity")
    return Decimal(quantity) if isinstance(quantity, int) and 0 <= quantity <= 10**10 else None


def _kind(line: Obj, price: str, names: Names) -> RevenueKind:
    parent = mapping(line.get("parent"))
    if price in names.metered:
        return "usage"
    if parent.get("type") == "subscription_item_details" or line.get("type") == "subscription":
        return "subscription"
    proration = line.get("proration") is True or mapping(parent.get("invoice_item_details")).get("proration") is True
    return "subscription" if proration and price not in names.one_time else "one_off"


def _short(name: str) -> str:
    if len(name) > TEXT_CHARS_MAX:
        raise BadRow(f"its id has {len(name)} characters, at most {TEXT_CHARS_MAX}")
    return name
