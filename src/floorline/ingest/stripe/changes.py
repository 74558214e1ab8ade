"""What an event says has changed: an invoice with all that hangs on it, or a customer. The rest of it is not believed."""

from dataclasses import dataclass
from typing import Literal

from floorline.ingest.stripe.objects import Obj, mapping, reference

EVENT_TYPES = (
    "invoice.finalized",
    "invoice.paid",
    "invoice.updated",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "invoice_payment.paid",
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "customer.created",
    "customer.updated",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
)
"""What the pull asks for (Stripe takes up to 20), and what a webhook endpoint should be sent."""

Kind = Literal["invoice", "refund", "charge", "customer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An object that is to be fetched, and when Stripe says that it changed (epoch seconds)."""

    kind: Kind
    id: str
    at: int

    @property
    def key(self) -> str:
        """Its name among what is to be fetched."""
        return f"{self.kind}/{self.id}"


def change_of(event: Obj) -> Change | None:
    """What changed by `event`, None when it concerns no revenue."""
    obj = mapping(mapping(event.get("data")).get("object"))
    named = _subject(obj)
    created = event.get("created")
    if named is None or not named[1]:
        return None
    return Change(kind=named[0], id=named[1], at=created if isinstance(created, int) else 0)


def _subject(obj: Obj) -> tuple[Kind, str] | None:
    match obj.get("object"):
        case "invoice":
            return ("invoice", reference(obj)) if obj.get("status") != "draft" else None
        case "credit_note" | "invoice_payment":
            return "invoice", reference(obj.get("invoice"))
        case "refund":
            return "refund", reference(obj)
        case "charge":
            return _charge(obj)
        case "customer":
            return "customer", reference(obj)
        case "subscription":
            return "customer", reference(obj.get("customer"))
        case _:
            return None


def _charge(charge: Obj) -> tuple[Kind, str] | None:
    """A charge counts once some of it was refunded."""
    if not charge.get("amount_refunded"):
        return None
    invoice = reference(charge.get("invoice"))
    return ("invoice", invoice) if invoice else ("charge", reference(charge))
