"""The latest state of an invoice and of all that hangs on it, or of a customer, as one export of objects."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from floorline.ingest.stripe.export import Export
from floorline.ingest.stripe.invoices import price_of
from floorline.ingest.stripe.objects import Obj, flatten, items, mapping, reference
from floorline.jobs.stripe.api import Parameters, StripeApi, StripeMissing
from floorline.jobs.stripe.inbox import Waiting

_COUNTED = frozenset({"open", "paid", "uncollectible", None})
"""Statuses of an invoice on which credit notes and refunds may hang; before 2018 it had none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Everything of one invoice (`invoice` is its id), or of a customer ('')."""

    invoice: str
    objects: list[Obj]

    def export(self) -> Export:
        """The objects as an import takes them."""
        export = Export()
        for obj in self.objects:
            for place, one in flatten("stripe", obj):
                if isinstance(one, dict):
                    export.add(place, one)
        return export


@dataclass(slots=True)
class Fetcher:
    """Fetches from `api`. What names things, customers and products, is fetched once by each Fetcher."""

    api: StripeApi
    _names: dict[str, list[Obj]] = field(default_factory=dict[str, list[Obj]])

    def families(self, one: Waiting) -> Iterator[Family]:
        """What has to be taken because `one` changed: nothing when it concerns no invoice, or is there no more."""
        if one.kind == "customer":
            yield Family(invoice="", objects=self._customer(one.id))
            return
        for invoice in [one.id] if one.kind == "invoice" else self._invoices_of(one):
            try:
                yield self._invoice(invoice)
            except StripeMissing:  # a draft that was deleted
                continue

    def _invoice(self, name: str) -> Family:
        invoice = self.api.get(f"/v1/invoices/{name}")
        invoice = _whole(invoice, "lines", self._listed(f"/v1/invoices/{name}/lines", invoice.get("lines")))
        objects = [invoice]
        if invoice.get("status") in _COUNTED:
            objects += self._credit_notes(name)
            objects += self._refunds(invoice)
        objects += self._customer(reference(invoice.get("customer")))
        objects += self._prices(items(invoice.get("lines")))
        return Family(invoice=name, objects=objects)

    def _listed(self, path: str, listed: object) -> list[Obj]:
        """The members of a list that an object carries, with those that it leaves out."""
        more = mapping(listed).get("has_more") is True
        return self.api.all(path) if more else items(listed)

    def _credit_notes(self, invoice: str) -> Iterator[Obj]:
        for note in self.api.all("/v1/credit_notes", {"invoice": invoice}):
            yield _whole(note, "lines", self._listed(f"/v1/credit_notes/{reference(note)}/lines", note.get("lines")))

    def _refunds(self, invoice: Obj) -> Iterator[Obj]:
        """The refunds of the invoice's payments, and what joins them to the invoice."""
        if "charge" in invoice or "payment_intent" in invoice:
            payments: list[Obj] = []
            paid = [
                ("charge", reference(invoice.get("charge"))),
                ("payment_intent", reference(invoice.get("payment_intent"))),
            ]
        else:
            payments = self.api.all("/v1/invoice_payments", {"invoice": reference(invoice)})
            by = [mapping(payment.get("payment")) for payment in payments]
            paid = [(kind, reference(one.get(kind))) for one in by for kind in ("charge", "payment_intent")]
        seen: set[str] = set()
        for kind, name in paid:
            for refund in self.api.all("/v1/refunds", {kind: name}) if name else ():
                if reference(refund) not in seen:
                    seen.add(reference(refund))
                    yield refund
        yield from payments if seen else ()

    def _invoices_of(self, one: Waiting) -> list[str]:
        """The invoices that a refund or a refunded charge is of."""
        try:
            obj = self.api.get(f"/v1/{one.kind}s/{one.id}")
            charge = obj if one.kind == "charge" else self._charge(obj)
        except StripeMissing:
            return []
        if invoice := reference(charge.get("invoice")):
            return [invoice]
        intent = reference(obj.get("payment_intent")) or reference(charge.get("payment_intent"))
        if not intent:
            return []
        by: Parameters = {"payment[type]": "payment_intent", "payment[payment_intent]": intent}
        found = self.api.all("/v1/invoice_payments", by)
        return list(dict.fromkeys(reference(payment.get("invoice")) for payment in found))

    def _charge(self, refund: Obj) -> Obj:
        name = reference(refund.get("charge"))
        return self.api.get(f"/v1/charges/{name}") if name else {}

    def _customer(self, name: str) -> list[Obj]:
        """The customer with its subscriptions: one with several has no one plan."""
        if not name:
            return []
        return self._once(f"customer {name}", lambda: self._customer_now(name))

    def _customer_now(self, name: str) -> Iterable[Obj]:
        yield self.api.get(f"/v1/customers/{name}")
        yield from self.api.all("/v1/subscriptions", {"customer": name})

    def _prices(self, lines: Iterable[Obj]) -> Iterator[Obj]:
        """The prices that today's lines name, and the products of every line's price."""
        for line in lines:
            details = mapping(mapping(line.get("pricing")).get("price_details"))
            price, product = mapping(line.get("price")) or mapping(line.get("plan")), reference(details.get("product"))
            if details and (name := price_of(line)):
                yield from self._once(f"price {name}", lambda name=name: [self.api.get(f"/v1/prices/{name}")])
            if product := product or reference(price.get("product")):
                yield from self._once(f"product {product}", lambda name=product: [self.api.get(f"/v1/products/{name}")])

    def _once(self, what: str, fetch: Callable[[], Iterable[Obj]]) -> list[Obj]:
        if what not in self._names:
            try:
                self._names[what] = list(fetch())
            except StripeMissing:
                self._names[what] = []
        return self._names[what]


def _whole(obj: Obj, name: str, members: list[Obj]) -> Obj:
    """The object with all the members of its list."""
    return {**obj, name: {"object": "list", "data": members, "has_more": False}}
