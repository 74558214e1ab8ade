"""What a refusal says: how much was used, which calls hold the room, and what to change."""

from datetime import UTC, datetime
from decimal import Decimal

from floorline.guardrails.budget import Budget
from floorline.guardrails.frame import Denial, Refusal
from floorline.guardrails.spending import refusal, standing

END = datetime(2026, 4, 1, tzinfo=UTC)
CALLS = Budget(name="annual", scope=(), unit="calls", limit=Decimal(3), overage_limit=Decimal(6))


def refused(used: int, held: int, asked: int, budget: Budget = CALLS) -> Refusal:
    state = standing(budget, "acme", "2026-03", END, used + held, held)
    return refusal(Denial(standing=state, asked=Decimal(asked), calls=held, outstanding=("c1",)))


def test_calls_under_way_that_fill_the_overage_are_named_as_what_the_call_waits_for():
    waits = refused(4, 2, 1)
    assert waits.kind == "budget_reserved"
    assert (
        "annual of acme (3 calls, 6 calls with overage, until 2026-04-01T00:00:00Z) has 4 calls used" in waits.message
    )
    assert (waits.details["limit"], waits.details["overage_limit"]) == ("3", "6")
    assert refused(6, 0, 1).kind == "budget_exceeded"


def test_a_call_that_no_window_has_room_for_is_not_told_to_wait_for_the_next():
    tokens = Budget(name="day", scope=(), unit="tokens", limit=Decimal(2_000))
    never = refused(0, 0, 8_195, tokens)
    assert never.message == (
        "day of acme (2000 tokens until 2026-04-01T00:00:00Z) has never room for it, this call may use 8195 tokens: "
        "send a lower max_tokens, or a shorter prompt"
    )
    assert never.details["overage_limit"] is None
    assert refused(1_500, 0, 600, tokens).message.endswith("it begins anew at 2026-04-01T00:00:00Z")
