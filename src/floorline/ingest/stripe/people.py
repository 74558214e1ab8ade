"""Customers, and what they are on from which day: what the customers table learns from Stripe."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from floorline.clock import day_of
from floorline.events import Customer, Revenue
from floorline.ingest.draft import Draft
from floorline.ingest.fields import TEXT_CHARS_MAX, fingerprint
from floorline.ingest.stripe.invoices import Context
from floorline.ingest.stripe.objects import Obj, items, reference, texts_of

_NOT_STARTED = frozenset({"incomplete", "incomplete_expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSince:
    """A customer (Stripe id) is on `plan` from `since` on."""

    customer: str
    plan: str
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What pages show of a customer besides the name in the ledger."""

    name: str = ""
    segment: str = ""
    cohort: str = ""


def customer_fields(customer: Obj, context: Context) -> Shown:
    """What is true of the customer at all times: shown name, segment, and the sign-up month as its cohort."""
    said = texts_of(customer.get("metadata"))
    created = customer.get("created")
    name = customer.get("name") or customer.get("description") or customer.get("email") or ""
    cohort = f"{day_of(_moment(created), context.zone):%Y-%m}" if isinstance(created, int) and created > 0 else ""
    return Shown(
        name=str(name).strip()[:TEXT_CHARS_MAX],
        segment=said.get("floorline_segment", ""),
        cohort=said.get("floorline_cohort", cohort),
    )


def customer_draft(customer: Obj, context: Context) -> Draft:
    """The customer, undated. Names may change later; the record's identity is the Stripe id alone."""
    stripe_id = reference(customer)
    named = context.names.customer(stripe_id)
    shown = customer_fields(customer, context)
    record = Customer(
        source=context.source, id=stripe_id, customer=named, name=shown.name, segment=shown.segment, cohort=shown.cohort
    )
    return Draft(source=context.source, id=stripe_id, fingerprint=_identity(record), body=record)


def plans_since(
    lines: Sequence[tuple[str, Revenue]], subscriptions: Sequence[Obj], context: Context
) -> list[PlanSince]:
    """When each customer came to each plan: from their invoice lines, or the subscription where no invoice is at hand.

    `lines` are (subscription, record). Customers with several subscriptions have no one plan and are left out.
    """
    of_customer: dict[str, set[str]] = {}
    for subscription in subscriptions:
        of_customer.setdefault(reference(subscription.get("customer")), set()).add(reference(subscription))
    dearest: dict[tuple[str, date], Revenue] = {}
    for subscription, line in lines:
        if not subscription or line.kind != "subscription" or line.amount <= 0 or not line.plan:
            continue
        of_customer.setdefault(line.customer, set()).add(subscription)
        key = (line.customer, line.period_start)
        if key not in dearest or dearest[key].amount < line.amount:
            dearest[key] = line
    found = [PlanSince(customer=who, plan=line.plan, since=since) for (who, since), line in sorted(dearest.items())]
    invoiced = {plan.customer for plan in found}
    found += [
        plan
        for subscription in subscriptions
        if reference(subscription.get("customer")) not in invoiced
        and (plan := _of_subscription(subscription, context)) is not None
    ]
    return _changes([plan for plan in found if len(of_customer[plan.customer]) == 1])


def _of_subscription(subscription: Obj, context: Context) -> PlanSince | None:
    """The one recurring price of a subscription, from its start on."""
    started = subscription.get("start_date") or subscription.get("start") or subscription.get("created")
    prices = [reference(item.get("price")) or reference(item.get("plan")) for item in items(subscription.get("items"))]
    said = texts_of(subscription.get("metadata")).get("floorline_plan")
    customer = reference(subscription.get("customer"))
    if not customer or not isinstance(started, int) or subscription.get("status") in _NOT_STARTED:
        return None
    if said is None and len(prices) != 1:
        return None
    return PlanSince(customer=customer, plan=said or prices[0], since=day_of(_moment(started), context.zone))


def _changes(plans: Sequence[PlanSince]) -> list[PlanSince]:
    """Only the days on which a customer's plan differs from the one before."""
    kept: list[PlanSince] = []
    for plan in sorted(plans, key=lambda plan: (plan.customer, plan.since)):
        if not kept or (kept[-1].customer, kept[-1].plan) != (plan.customer, plan.plan):
            kept.append(plan)
    return kept


def plan_drafts(plans: Sequence[PlanSince], customers: Mapping[str, Obj], context: Context) -> Iterator[Draft]:
    """A dated customer record per change of plan."""
    for plan in plans:
        known = customers.get(plan.customer)
        shown = customer_fields(known, context) if known else Shown()
        named = context.names.plan_of_price(plan.plan) or plan.plan
        name = f"{plan.customer}/{plan.plan}@{plan.since}"
        record = Customer(
            source=context.source,
            id=name,
            customer=context.names.customer(plan.customer),
            valid_from=plan.since,
            plan=named,
            name=shown.name,
            segment=shown.segment,
            cohort=shown.cohort,
        )
        yield Draft(source=context.source, id=name, fingerprint=_identity(record), body=record)


def _identity(record: Customer) -> bytes:
    fixed: dict[str, Any] = {"customer": record.id}
    return fingerprint(fixed)


def _moment(epoch: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=epoch)
