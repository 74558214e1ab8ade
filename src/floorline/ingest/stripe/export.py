"""A whole Stripe export, read and turned into drafts in one order: names, invoices, what reverses them, customers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from floorline.errors import BadRow
from floorline.events import Revenue
from floorline.ingest.draft import Draft, Parsed
from floorline.ingest.fx import Rates
from floorline.ingest.stripe.invoices import COUNTED, FINALITY, Context, invoice_drafts, status_of, subscription_of
from floorline.ingest.stripe.names import Names
from floorline.ingest.stripe.objects import Obj, export_files, items, mapping, read_objects, reference
from floorline.ingest.stripe.people import customer_draft, plan_drafts, plans_since
from floorline.ingest.stripe.reversals import (
    FindLines,
    Lines,
    credit_note_drafts,
    gather,
    line_of,
    refund_drafts,
    refunds_of,
    void_drafts,
)  # fmt: skip

NAMES_ONLY = frozenset({"price", "plan", "product"})
PASSED_OVER = {
    "dispute": "disputes are not revenue: when one is lost, refund the charge or issue a credit note",
    "line_item": "a line item counts with its invoice, which is not in this import",
}
_REFUNDED = frozenset({"succeeded", "pending"})
_REFUND_UNDONE = frozenset({"failed", "canceled"})


@dataclass(slots=True)
class Export:
    """Every object of an export by kind and id, each in its latest state, with the place it stands at."""

    kept: dict[str, dict[str, tuple[str, Obj]]] = field(default_factory=dict[str, dict[str, tuple[str, Obj]]])
    refused: list[Parsed] = field(default_factory=list[Parsed])
    passed_over: list[Parsed] = field(default_factory=list[Parsed])
    names: Names = field(default_factory=Names)

    def add(self, place: str, obj: Obj) -> None:
        """Keep `obj`, unless a later state of it is kept already."""
        kind = str(obj["object"])
        self.names.learn(obj)
        if (kind not in _KEPT and kind not in NAMES_ONLY) or obj.get("deleted") is True:
            reason = PASSED_OVER.get(kind, "neither revenue nor a name of a customer or plan")
            self.passed_over.append(Parsed(place=place, skipped=reason))
            return
        same_kind = self.kept.setdefault(kind, {})
        name = reference(obj)
        if name not in same_kind or _finality(obj) >= _finality(same_kind[name][1]):
            same_kind[name] = (place, obj)

    def of(self, kind: str) -> list[tuple[str, Obj]]:
        """The kept objects of `kind`, by id."""
        same_kind = self.kept.get(kind, {})
        return [same_kind[name] for name in sorted(same_kind)]

    def get(self, kind: str, name: str) -> Obj:
        """The object `name`, or an empty one."""
        return self.kept.get(kind, {}).get(name, ("", {}))[1]


_KEPT = frozenset(
    {"invoice", "line_item", "credit_note", "refund", "charge", "invoice_payment", "customer", "subscription"}
)


def _finality(obj: Obj) -> int:
    status = obj.get("status")
    return FINALITY.index(status) if obj.get("object") == "invoice" and status in FINALITY else 0


def read_export(paths: Sequence[Path]) -> Export:
    """Every object of the files and folders. BadInput when a path is absent or holds no JSON file."""
    export = Export()
    for path in paths:
        for file in export_files(path):
            for place, obj in read_objects(file):
                if isinstance(obj, BadRow):
                    export.refused.append(Parsed(place=place, refused=obj))
                else:
                    export.add(place, obj)
    return export


def parse_export(
    export: Export, *, source: str, rates: Rates, zone: ZoneInfo, find_lines: FindLines
) -> Iterator[Parsed]:
    """Every object's drafts, or why it is refused or passed over. `find_lines` looks into the ledger."""
    context = Context(source=source, names=export.names, rates=rates, zone=zone)
    yield from export.refused
    yield from export.passed_over
    yield from (Parsed(place=f"alias {draft.id}", drafts=(draft,)) for draft in export.names.aliases(source))
    invoiced = [
        (obj, _guarded(place, lambda o=obj: _invoice(o, export, context))) for place, obj in export.of("invoice")
    ]
    made: list[tuple[str, Revenue]] = []
    for obj, parsed in invoiced:
        records = [draft.body for draft in parsed.drafts if isinstance(draft.body, Revenue)]
        made += _with_subscription(obj, records)
    known = _known(export, find_lines, [record for _, record in made])
    for (place, obj), (_, parsed) in zip(export.of("invoice"), invoiced, strict=True):
        yield _voided(place, obj, known, context) if parsed.skipped == "void" else parsed
    yield from _reversals(export, known, context)
    yield from _people(export, made, context)
    yield from _loose_lines(export)


def _guarded(place: str, drafts: Callable[[], Sequence[Draft] | str]) -> Parsed:
    """The drafts of one object, all or none: a document that is half right is refused whole."""
    try:
        made = drafts()
    except BadRow as reason:
        return Parsed(place=place, refused=reason)
    if isinstance(made, str):
        return Parsed(place=place, skipped=made)
    return (
        Parsed(place=place, drafts=tuple(made))
        if made
        else Parsed(place=place, skipped="nothing to count: it comes to 0")
    )


def _invoice(invoice: Obj, export: Export, context: Context) -> Sequence[Draft] | str:
    status = status_of(invoice)
    if status == "void":
        return "void"
    if status not in COUNTED:
        return "a draft invoice is not final and may still change"
    loose = [line for _, line in export.of("line_item") if reference(line.get("invoice")) == reference(invoice)]
    return list(invoice_drafts(invoice, loose, context))


def _with_subscription(invoice: Obj, records: Sequence[Revenue]) -> list[tuple[str, Revenue]]:
    """Each record with the subscription of its line."""
    by_line = {str(line.get("unique_id") or line.get("id")): line for line in items(invoice.get("lines"))}
    return [
        (subscription_of(by_line.get(record.id.partition("/")[2].partition("#")[0], {}), invoice), record)
        for record in records
    ]


def _known(export: Export, find_lines: FindLines, made: Sequence[Revenue]) -> Lines:
    """The lines that something in this import reverses, from the ledger and from this import itself."""
    wanted = {reference(note.get("invoice")) for _, note in export.of("credit_note")}
    wanted |= {_invoice_of(refund, export) or "" for _, refund in export.of("refund")}
    wanted |= {reference(invoice) for _, invoice in export.of("invoice") if invoice.get("status") == "void"}
    wanted.discard("")
    return gather(find_lines(sorted(wanted)) if wanted else (), [line_of(record) for record in made])


def _voided(place: str, invoice: Obj, known: Lines, context: Context) -> Parsed:
    lines = known.of_invoice.get(reference(invoice), ())
    if not lines:
        return Parsed(place=place, skipped="a void invoice was never owed")
    return _guarded(place, lambda: list(void_drafts(lines, context)))


def _reversals(export: Export, known: Lines, context: Context) -> Iterator[Parsed]:
    paying: dict[str, str] = {}
    for place, note in export.of("credit_note"):
        if note.get("status") == "void":
            stored = known.of_reversal.get(reference(note), ())
            skipped = "a void credit note takes nothing back"
            yield _guarded(place, lambda s=stored, why=skipped: list(void_drafts(s, context)) or why)
            continue
        paying.update(dict.fromkeys(refunds_of(note), reference(note)))
        yield _guarded(place, lambda n=note: list(credit_note_drafts(n, known, context)))
    for place, refund in export.of("refund"):
        yield _guarded(place, lambda r=refund: _refund(r, export, paying, known, context))


def _refund(
    refund: Obj, export: Export, paying: dict[str, str], known: Lines, context: Context
) -> Sequence[Draft] | str:
    name, status = reference(refund), refund.get("status")
    if status in _REFUND_UNDONE:
        stored = known.of_reversal.get(name, ())
        return list(void_drafts(stored, context)) or f"the refund is {status}"
    if status is not None and status not in _REFUNDED:
        return f"the refund is {status}"
    if name in paying:
        return f"it pays out credit note {paying[name]}, which takes the revenue back"
    invoice = _invoice_of(refund, export)
    if invoice is None:
        return "its charge paid no invoice, so no revenue of it is counted"
    whole = export.get("invoice", invoice)
    if not whole:
        named = invoice or f"of charge {reference(refund.get('charge'))}"
        raise BadRow(f"invoice {named} is not in this import: add it, with the charge or invoice payment that names it")
    return list(refund_drafts(refund, whole, known, context))


def _invoice_of(refund: Obj, export: Export) -> str | None:
    """The invoice that the refunded charge paid: '' when this import does not say, None when there is none.

    Charges named their invoice until 2025; since then invoice payments join the two.
    """
    charge = (
        refund["charge"]
        if isinstance(refund.get("charge"), dict)
        else export.get("charge", reference(refund.get("charge")))
    )
    paid = {
        reference(refund.get("charge")),
        reference(refund.get("payment_intent")),
        reference(charge.get("payment_intent")),
    }
    paid.discard("")
    if found := reference(charge.get("invoice")):
        return found
    for _, payment in export.of("invoice_payment"):
        by = mapping(payment.get("payment"))
        if paid & {reference(by.get("payment_intent")), reference(by.get("charge"))}:
            return reference(payment.get("invoice"))
    for _, invoice in export.of("invoice"):
        if paid & {reference(invoice.get("charge")), reference(invoice.get("payment_intent"))}:
            return reference(invoice)
    return None if "invoice" in charge else ""


def _people(export: Export, made: Sequence[tuple[str, Revenue]], context: Context) -> Iterator[Parsed]:
    for place, customer in export.of("customer"):
        yield Parsed(place=place, drafts=(customer_draft(customer, context),))
    customers = {reference(customer): customer for _, customer in export.of("customer")}
    subscriptions = [subscription for _, subscription in export.of("subscription")]
    for draft in plan_drafts(plans_since(made, subscriptions, context), customers, context):
        yield Parsed(place=f"plan {draft.id}", drafts=(draft,))


def _loose_lines(export: Export) -> Iterator[Parsed]:
    for place, line in export.of("line_item"):
        if not export.get("invoice", reference(line.get("invoice"))):
            yield Parsed(place=place, skipped=PASSED_OVER["line_item"])
