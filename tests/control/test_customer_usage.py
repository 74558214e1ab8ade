"""What a customer has used of its budgets: by the ledger, in the plan's own unit, nobody else's, with the day it is used up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from floorline.guardrails.budget import Budget, Credit, Part
from floorline.guardrails.outlook import Outlook, Used, document, is_its_own, outlooks, projected
from floorline.guardrails.windows import Window
from floorline.jobs.customer_usage import CustomerUsage
from tests.margin.company import call, keep
from tests.support.records import adjustment

NOW = datetime(2026, 3, 11, tzinfo=UTC)
MARCH = Window().at(NOW)
US = timedelta(microseconds=1)
EACH = Part(dimension="customer")
PRO = Part(dimension="plan", names=("pro",))


def budget(name: str, *scope: Part, unit: str = "usd", limit: str = "10", **more: object) -> Budget:
    return Budget(name=name, scope=scope, unit=unit, limit=Decimal(limit), **more)


def shown(found: list[Outlook]) -> dict[str, tuple[str, str, str]]:
    told = document("acme", found, NOW)["budgets"]
    return {one["title"]: (one["used"], one["remaining"], one["unit"]) for one in told}


@given(limit=st.integers(1, 10**15), used=st.integers(0, 10**15), minutes=st.integers(0, 31 * 24 * 60 - 1))
def test_a_projection_lies_ahead_within_the_window_and_is_where_the_rate_meets_the_limit(limit, used, minutes):
    now = MARCH.start + timedelta(minutes=minutes)
    at = projected(limit, used, MARCH, now)
    passed, whole = (now - MARCH.start) // US, (MARCH.end - MARCH.start) // US
    if at is None:
        assert used == 0 or used >= limit or passed * 20 < whole or passed * limit >= whole * used
    else:
        assert now <= at < MARCH.end
        ahead = (at - MARCH.start) // US
        assert ahead * used <= passed * limit < (ahead + 1) * used


def test_only_budgets_that_count_this_customer_alone_are_its_own():
    assert is_its_own(budget("each", EACH), "acme")
    assert is_its_own(budget("named", Part(dimension="customer", names=("acme",)), PRO), "acme")
    assert not is_its_own(budget("other", Part(dimension="customer", names=("globex",))), "acme")
    assert not is_its_own(budget("together", Part(dimension="customer", names=("acme", "globex"))), "acme")
    assert not is_its_own(budget("plan", PRO), "acme")
    assert not is_its_own(budget("everyone"), "acme")
    assert not is_its_own(budget("users", EACH, Part(dimension="user")), "acme")


def test_a_budget_of_each_feature_has_an_outlook_for_each_that_was_used():
    used = [
        Used("pro", "chat", "", 3, 50, 4 * 10**12),
        Used("pro", "search", "", 2, 9, 10**12),
        Used("", "", "", 1, 1, 1),
    ]
    found = outlooks(budget("spend", EACH, Part(dimension="feature")), "acme", "pro", used, MARCH, NOW)
    assert shown(found) == {"spend · chat": ("4", "6", "usd"), "spend · search": ("1", "9", "usd")}
    one_feature = budget("pro/chat", EACH, Part(dimension="feature", names=("chat",)), unit="tokens", limit="40")
    assert shown(outlooks(one_feature, "acme", "", used, MARCH, NOW)) == {"pro · chat": ("50", "0", "tokens")}


def test_a_plans_budget_is_shown_before_it_was_used_to_those_that_are_on_it():
    of_plan = budget("included", EACH, PRO, limit="20")
    assert shown(outlooks(of_plan, "acme", "pro", [], MARCH, NOW)) == {"included": ("0", "20", "usd")}
    assert outlooks(of_plan, "acme", "free", [], MARCH, NOW) == []
    assert outlooks(budget("by feature", EACH, Part(dimension="feature")), "acme", "pro", [], MARCH, NOW) == []


def test_credits_are_told_in_the_plans_own_unit_with_overage_apart():
    credit = Credit(name="documents", measure="calls", size=Decimal(4))
    of_plan = budget("included", EACH, PRO, unit="credits", limit="100", credit=credit, overage_limit=Decimal(150),
                     upgrade_url="https://example.com/more", message="Buy more.")  # fmt: skip
    (found,) = outlooks(of_plan, "acme", "pro", [Used("pro", "chat", "", 410, 0, 0)], MARCH, NOW)
    (told,) = document("acme", [found], NOW)["budgets"]
    assert told == {
        "name": "included", "title": "included", "unit": "documents", "limit": "100", "used": "102.5", "remaining": "0",
        "used_ratio": "1.025", "exhausted": True, "projected_exhaustion": None, "window": "2026-03",
        "starts_at": "2026-03-01T00:00:00Z", "resets_at": "2026-04-01T00:00:00Z", "hard": True,
        "overage": {"used": "2.5", "limit": "50"}, "upgrade_url": "https://example.com/more", "message": "Buy more.",
    }  # fmt: skip


def test_the_ledger_says_what_was_used_by_days_and_by_instants_alike(open_ledger):
    ledger = open_ledger(timezone="Europe/Berlin")
    first = call(
        "2026-03-02T10:00:00Z",
        "acme",
        "chat",
        "2.5",
        plan="pro",
        workflow="ticket",
        usage={"input": Decimal(70), "output": Decimal(5)},
    )
    records = [
        first,
        call("2026-02-28T23:30:00Z", "acme", "chat", "1", plan="pro"),  # March in Berlin, February in UTC
        call("2026-03-03T10:00:00Z", "acme", "chat", "0", plan="pro", verdict="hit"),
        call("2026-03-03T10:00:00Z", "globex", "chat", "7", plan="pro"),
        adjustment(msgspec.structs.replace(first, effective_cost=Decimal("2.5")), 1, Decimal("0.5")),
    ]  # fmt: skip
    keep(ledger, records)
    zone, ticket = Window(timezone="Europe/Berlin"), Part(dimension="workflow", names=("ticket",))
    usage = CustomerUsage(ledger, [
        budget("month", EACH, PRO, window=zone), budget("utc", EACH, PRO), budget("calls", EACH, unit="calls", window=zone),
        budget("tokens", EACH, unit="tokens", limit="100", window=zone), budget("tickets", EACH, ticket, window=zone),
        budget("today", EACH, window=Window(unit="hour", timezone="Europe/Berlin")), budget("others", PRO),
    ])  # fmt: skip
    found = usage.of("acme", NOW)
    assert {title: used for title, (used, _, _) in shown(found).items()} == {
        "month": "3.5", "utc": "2.5", "calls": "2", "tokens": "75", "tickets": "2.5", "today": "0",
    }  # fmt: skip
    assert shown(usage.of("nobody", NOW)).keys() == {"calls", "tokens", "tickets", "today"}
    assert found[0].projected_at == datetime(2026, 3, 29, 15, 34, 17, 142857, tzinfo=UTC)
