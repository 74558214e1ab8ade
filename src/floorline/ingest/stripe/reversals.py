"""Credit notes, refunds and voided invoices take revenue back: over the period of the line that they reverse.

Every reversal names its line, is converted at that line's rate, and is refused when the line is not known: a deduction
without its revenue would be as wrong as the other way round.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from floorline.errors import BadRow
from floorline.events import Revenue, RevenueKind
from floorline.ingest.draft import Draft
from floorline.ingest.fx import SQL
from floorline.ingest.stripe.amounts import currency_of, document_net, main_units, nets
from floorline.ingest.stripe.invoices import Context, money_fingerprint
from floorline.ingest.stripe.objects import Obj, items, minor, reference
from floorline.money import EXACT, split, usd
from floorline.query import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A revenue record of an earlier or this import, as far as reversing it needs."""

    id: str
    customer: str
    plan: str
    feature: str
    billed_amount: Decimal
    billed_currency: str
    fx_day: date | None
    period_start: date
    period_end: date
    kind: str
    reverses: str

    @property
    def document(self) -> str:
        """The invoice, credit note or refund that the line is of."""
        return self.id.partition("/")[0]


FindLines = Callable[[Sequence[str]], Sequence[Line]]
"""Invoice ids to the ledger's revenue lines of them and to what reverses those."""


def lines_query(source: str, invoices: Sequence[str]) -> Query[Line]:
    """The revenue lines of `invoices` and their reversals, by id."""
    sql = SQL.joinpath("stripe_lines.sql").read_text()
    return Query(sql=sql, row=Line, parameters={"source": source, "invoices": list(invoices)})


def line_of(record: Revenue) -> Line:
    """The line that `record` will be."""
    return Line(**{name: getattr(record, name) for name in Line.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines by invoice, and what already reverses them by the document that does."""

    of_invoice: Mapping[str, Sequence[Line]]
    of_reversal: Mapping[str, Sequence[Line]]

    def reversed_by(self, invoice: str, kind: str) -> list[str]:
        """The documents of `kind` in the ledger that reverse lines of `invoice`."""
        return [
            document
            for document, lines in self.of_reversal.items()
            if any(line.reverses.partition("/")[0] == invoice and line.kind == kind for line in lines)
        ]


def gather(stored: Sequence[Line], made: Sequence[Line]) -> Lines:
    """Stored lines beside those of this import; the ledger's own are the truth where both have one."""
    of_invoice: dict[str, dict[str, Line]] = {}
    of_reversal: dict[str, list[Line]] = {}
    for line in (*made, *stored):
        if line.reverses:
            of_reversal.setdefault(line.document, []).append(line)
        else:
            of_invoice.setdefault(line.document, {})[line.id] = line
    sorted_lines = {invoice: [lines[name] for name in sorted(lines)] for invoice, lines in of_invoice.items()}
    return Lines(of_invoice=sorted_lines, of_reversal=of_reversal)


def void_drafts(lines: Sequence[Line], context: Context) -> Iterator[Draft]:
    """The opposite of every stored line of a document that was voided after it had been imported."""
    for line in lines:
        if not line.id.endswith("/void"):
            kind: RevenueKind = "refund" if line.kind == "refund" else "credit_note"
            yield _reversal(f"{line.id}/void", line, -line.billed_amount, kind, context)


def credit_note_drafts(note: Obj, known: Lines, context: Context) -> Iterator[Draft]:
    """Its lines, each against the invoice line it names; lines of its own are spread over the invoice's lines."""
    name, invoice = reference(note), reference(note.get("invoice"))
    targets = known.of_invoice.get(invoice, ())
    if not targets:
        raise BadRow(f"its invoice {invoice or '(none)'} is neither in this import nor in the ledger: import it too")
    doubled = [refund for refund in refunds_of(note) if refund in known.of_reversal]
    if doubled:
        raise BadRow(
            f"its refund {doubled[0]} took the same money back in an earlier import: nothing is left to credit"
        )
    currency = _same_currency(note, targets)
    credited = items(note.get("lines"))
    if not credited:
        raise BadRow("it has no lines: export it with its lines")
    for line, net in zip(credited, nets(note, credited), strict=True):
        billed = -main_units(net, currency)
        if not billed:
            continue
        line_name = f"{name}/{reference(line) or line.get('id')}"
        named = f"{invoice}/{reference(line.get('invoice_line_item'))}"
        exact = next((target for target in targets if target.id == named), None)
        if exact is not None:
            yield _reversal(line_name, exact, billed, "credit_note", context)
        else:
            yield from _spread(line_name, targets, billed, "credit_note", context)


def refunds_of(note: Obj) -> list[str]:
    """The refunds that pay a credit note out: they are the same money."""
    found = [reference(note.get("refund")), *(reference(entry.get("refund")) for entry in items(note.get("refunds")))]
    return [name for name in found if name]


def refund_drafts(refund: Obj, invoice: Obj, known: Lines, context: Context) -> Iterator[Draft]:
    """The refund without its share of tax, spread over the invoice's lines in proportion to their revenue."""
    name, of = reference(refund), reference(invoice)
    targets = known.of_invoice.get(of, ())
    if not targets:
        raise BadRow(f"its invoice {of} has no revenue in this import or in the ledger: import it too")
    credited = known.reversed_by(of, "credit_note")
    if credited and name not in known.of_reversal:
        raise BadRow(
            f"invoice {of} is credited by {credited[0]} in the ledger and this refund may be the same money: "
            f"import it together with its credit notes, which say so"
        )
    currency = _same_currency(refund, targets)
    total, amount = minor(invoice.get("total"), "total"), minor(refund.get("amount"), "amount")
    if total <= 0 or amount > total:
        raise BadRow(f"it refunds {amount} of invoice {of}, whose total is {total} (minor units)")
    net = EXACT.divide(EXACT.multiply(Decimal(amount), Decimal(document_net(invoice))), Decimal(total))
    yield from _spread(name, targets, -main_units(net, currency), "refund", context)


def _same_currency(obj: Obj, targets: Sequence[Line]) -> str:
    currency = currency_of(obj)
    if other := next((line for line in targets if line.billed_currency != currency), None):
        raise BadRow(f"it is in {currency}, line {other.id} which it reverses in {other.billed_currency}")
    return currency


def _spread(
    name: str, targets: Sequence[Line], billed: Decimal, kind: RevenueKind, context: Context
) -> Iterator[Draft]:
    positive = [line for line in targets if line.billed_amount > 0]
    if not positive:
        raise BadRow("no line of its invoice has revenue to take back")
    parts = split(usd(billed), [line.billed_amount for line in positive])
    for number, (line, part) in enumerate(zip(positive, parts, strict=True), 1):
        if part:
            yield _reversal(f"{name}/{number}", line, part, kind, context)


def _reversal(name: str, line: Line, billed: Decimal, kind: RevenueKind, context: Context) -> Draft:
    converted = context.rates.convert(billed, line.billed_currency, line.fx_day or line.period_start)
    record = Revenue(
        source=context.source,
        id=name,
        customer=line.customer,
        plan=line.plan,
        feature=line.feature,
        amount=converted.amount,
        billed_amount=usd(billed),
        billed_currency=line.billed_currency,
        fx_day=converted.fx_day,
        period_start=line.period_start,
        period_end=line.period_end,
        kind=kind,
        reverses=line.id,
    )
    fixed = {"net": billed, "currency": line.billed_currency, "reverses": line.id, "kind": kind}
    return Draft(source=context.source, id=name, fingerprint=money_fingerprint(fixed), body=record)
