"""A small company for margin tables: two features sold in one plan, a support agent sold per resolved ticket."""

import itertools
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from floorline.clock import parse_instant
from floorline.events import Alias, Call, Cost, Customer, LedgerRecord, Outcome, Revenue
from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.dimensions import Scope
from floorline.margin.policy import Policies
from floorline.margin.table import MarginReport
from floorline.money import usd
from tests.support.ledger import entry

_numbers = itertools.count(1)


def call(at: str, customer: str, feature: str, cost: str | None, **more: object) -> Call:
    amount = None if cost is None else usd(cost)
    return Call(
        source="test",
        id=f"call-{next(_numbers)}",
        opened_at=parse_instant(at),
        customer_id=customer,
        feature=feature,
        model_served=str(more.pop("model", "small")),
        cost_basis="unpriced" if amount is None else more.pop("basis", "computed"),
        list_cost=amount,
        contracted_cost=amount,
        effective_cost=amount,
        **more,
    )


def line(customer: str, amount: str, start: str, end: str, **more: object) -> Revenue:
    return Revenue(
        source="test",
        id=f"line-{next(_numbers)}",
        customer=customer,
        amount=usd(amount),
        billed_amount=usd(amount),
        period_start=date.fromisoformat(start),
        period_end=date.fromisoformat(end),
        **more,
    )


def cost(component: str, amount: str, start: str, end: str, **more: object) -> Cost:
    return Cost(
        source="test",
        id=f"cost-{next(_numbers)}",
        component=component,
        amount=usd(amount),
        billed_amount=usd(amount),
        period_start=date.fromisoformat(start),
        period_end=date.fromisoformat(end),
        **more,
    )


def outcome(at: str, outcome_id: str, **more: object) -> Outcome:
    return Outcome(source="test", id=f"outcome-{next(_numbers)}", outcome_id=outcome_id, at=parse_instant(at), **more)


def record(customer: str, since: str | None = None, **more: object) -> Customer:
    valid_from = None if since is None else date.fromisoformat(since)
    return Customer(source="test", id=f"customer-{next(_numbers)}", customer=customer, valid_from=valid_from, **more)


def alias(kind: str, name: str, canonical: str, since: str | None = None, until: str | None = None) -> Alias:
    return Alias(
        source="test",
        id=f"alias-{next(_numbers)}",
        kind=kind,
        alias=name,
        canonical=canonical,
        valid_from=None if since is None else date.fromisoformat(since),
        valid_to=None if until is None else date.fromisoformat(until),
    )


def keep(ledger, records: Iterable[LedgerRecord]) -> None:
    entries = [entry(record) for record in records]
    written = ledger.write(entries)
    assert written.new == len(entries), written


def table(
    ledger, by: str, start: str = "2026-01-01", end: str = "2026-02-01", *, policies: Policies | None = None, **more
) -> MarginReport:
    scope = Scope(**more)
    request = MarginRequest(
        by=tuple(by.split(",")), start=date.fromisoformat(start), end=date.fromisoformat(end), scope=scope
    )
    return Margins(ledger, policies).table(request)


def cells(report: MarginReport) -> dict[tuple[str, ...], tuple[Decimal, Decimal, int]]:
    """Revenue, COGS and calls by key."""
    return {row.key: (row.revenue, row.cogs, row.sums.calls) for row in report.rows}


def records() -> list[LedgerRecord]:
    """January of a company with three paying customers, one free one, and one that is billed but never calls."""
    found: list[LedgerRecord] = []
    morning = datetime.fromisoformat("2026-01-01T08:00:00+00:00")
    for n in range(20):
        at = (morning + timedelta(days=n, hours=n)).isoformat()
        run = {"workflow": "ticket", "run_id": f"run-{n}", "user_id": f"u-{n % 3}"}
        found += [
            call(at, "acme", "support", "0.011", call_type="classification", model="tiny", step="classify", **run),
            call(at, "acme", "support", "0.20", model="large", step="answer", **run),
            call(at, "acme" if n % 2 else "beta", "reports", f"0.0{n + 10}", user_id=f"u-{n % 5}", plan="pro"),
            call(at, "ws-gamma", "reports", "0.0333333333", user_id="g", model="large"),
        ]
        status = "success" if n % 4 else "failed"
        found.append(outcome(at, f"ticket-{n}", run_id=f"run-{n}", outcome_type="resolved", status=status))
    found += [
        call("2026-01-03T10:00:00Z", "free", "reports", "0.5", plan="free", basis="estimated"),
        call("2026-01-03T11:00:00Z", "", "reports", "0.25", basis="provider"),
        call("2026-01-04T11:00:00Z", "acme", "", "0.125"),
        call("2026-01-05T11:00:00Z", "acme", "support", None, workflow="ticket", run_id="run-1"),
        call("2026-01-05T11:00:00Z", "acme", "support", "9", environment="staging"),
        call("2026-01-05T12:00:00Z", "acme", "support", "7", purpose="evaluation"),
        line("acme", "100", "2026-01-01", "2026-02-01", plan="pro"),
        line("acme", "-10", "2026-01-10", "2026-01-20", plan="pro", kind="credit_note"),
        line("beta", "1200.000000000007", "2025-11-15", "2026-11-15", plan="pro"),
        line("cus_gamma", "70", "2026-01-15", "2026-02-15", plan="team"),
        line("delta", "33.33", "2026-01-07", "2026-01-14", plan="pro"),
        line("epsilon", "12", "2026-01-01", "2026-02-01", plan="lonely"),
        line("acme", "5", "2026-01-02", "2026-01-02", feature="reports", kind="one_off"),
        cost("infrastructure", "310", "2026-01-01", "2026-02-01", driver="tokens"),
        cost("human_review", "20", "2026-01-01", "2026-01-11", feature="support", driver="calls"),
        cost("support", "7.77", "2025-12-20", "2026-01-20", driver="equal"),
        cost("support", "3", "2026-01-01", "2026-02-01", customer="acme", driver="cost"),
        record("acme", plan="pro", segment="large", cohort="2025-03"),
        record("beta", "2025-11-15", plan="pro", segment="small"),
        record("gamma", "2026-01-01", plan="team", segment="small"),
        record("gamma", "2026-01-12", segment="large"),
        alias("customer", "ws-gamma", "gamma"),
        alias("customer", "cus_gamma", "gamma", "2025-01-01"),
        alias("feature", "reports", "reporting", "2026-01-10"),
    ]
    return found


def under_water_records() -> list[LedgerRecord]:
    """The same without infrastructure by tokens, with a customer under water on a model that has cheaper brothers, and a plan
    that would carry it.
    """
    served = {"provider": "anthropic", "model": "claude-opus-4-5", "plan": "pro"}
    tokens = {"usage": {"input": Decimal(100_000), "output": Decimal(10_000)}}
    days = [f"2026-01-{n % 28 + 1:02d}T09:00:00Z" for n in range(100)]
    return [
        *(one for one in records() if not isinstance(one, Cost) or one.driver != "tokens"),
        *(call(at, "heavy", "support", "0.75", user_id=f"h-{n % 2}", **served, **tokens) for n, at in enumerate(days)),
        line("heavy", "31", "2026-01-01", "2026-02-01", plan="pro"),
        line("rich", "310", "2026-01-01", "2026-02-01", plan="business"),
        call("2026-01-09T09:00:00Z", "rich", "support", "1", plan="business"),
        record("heavy", plan="pro", segment="small", cohort="2025-03"),
    ]


POLICIES = Policies()
