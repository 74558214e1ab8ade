"""Budgets as values: scopes, units, thresholds, and rates."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from floorline.guardrails.budget import Budget, Credit, Named, Part, Soft, holder
from floorline.guardrails.rate import PERIOD_S, Paced
from floorline.guardrails.windows import Window

EACH = (Part(dimension="customer"),)
ACME = Named(customer="acme", user="u", plan="pro", feature="chat", workflow="w", key="k_1")


def budget(**changes: object) -> Budget:
    fields: dict[str, object] = {"name": "monthly", "scope": EACH, "unit": "usd", "limit": Decimal(20)}
    return Budget(**{**fields, **changes})


def test_a_scope_finds_whose_counter_a_call_goes_to() -> None:
    crossed = (Part(dimension="plan", names=("pro",)), Part(dimension="customer"), Part(dimension="feature"))
    assert holder(EACH, ACME) == "acme"
    assert holder(crossed, ACME) == "pro × acme × chat"
    assert holder((Part(dimension="feature", names=("search",)),), ACME) is None
    assert holder((Part(dimension="plan", names=("free", "pro")),), ACME) == "free+pro"  # these share one
    assert holder(EACH, Named(user="u")) is None  # a call that names no customer has no customer's budget
    assert holder((), ACME) == ""


def test_dollars_are_counted_in_the_ledgers_own_quanta() -> None:
    dear = budget(limit=Decimal("0.00001"))
    assert dear.limit_quanta == 10_000_000
    assert dear.shown(1) == Decimal("0.000000000001")


def test_credits_count_what_the_plans_credit_is_made_of() -> None:
    documents = budget(unit="credits", limit=Decimal(500), credit=Credit(name="documents", size=Decimal("0.05")))
    assert (documents.measure, documents.limit_quanta) == ("usd", 25 * 10**12)
    assert documents.shown(10**12) == 20
    tokens = budget(unit="credits", limit=Decimal("1.5"), credit=Credit(measure="tokens", size=Decimal(1_000)))
    assert (tokens.measure, tokens.limit_quanta) == ("tokens", 1_500)


def test_overage_moves_what_is_never_exceeded_and_no_threshold() -> None:
    billed = budget(overage_limit=Decimal(30))
    assert (billed.limit_quanta, billed.ceiling_quanta) == (20 * 10**12, 30 * 10**12)
    assert budget(hard=False).ceiling_quanta is None
    assert [billed.reached(amount * 10**12) for amount in (14, 15, 18, 20, 29)] == [0, 75, 90, 100, 100]


def test_a_soft_limit_acts_from_its_share_on() -> None:
    assert budget(soft=Soft(percent=Decimal(80))).soft_quanta == 16 * 10**12
    assert budget(unit="calls", limit=Decimal(3), soft=Soft(percent=Decimal(50))).soft_quanta == 2


def test_another_limit_leaves_a_budget_its_counters_and_another_window_does_not() -> None:
    assert budget().id == budget(limit=Decimal(50), soft=Soft(percent=Decimal(80))).id
    assert budget().id != budget(window=Window(unit="day")).id
    assert budget().id != budget(unit="tokens").id
    assert budget().id != budget(scope=()).id


def test_what_is_too_much_for_a_rate_waits_until_enough_is_a_minute_old() -> None:
    paced = Paced()
    assert paced.wait_s(100, 1, 2) == 0
    paced.add(100, 1)
    paced.add(130, 1)
    assert paced.wait_s(131, 1, 2) == 29  # at second 160 the first one is a minute old
    assert paced.wait_s(159, 1, 2) == 1
    assert paced.wait_s(160, 1, 2) == 0


def test_one_request_that_is_more_than_a_minutes_tokens_is_served_alone() -> None:
    paced = Paced()
    assert paced.wait_s(100, 5_000, 1_000) == 0
    paced.add(100, 5_000)
    assert paced.wait_s(101, 1, 1_000) == 59


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), max_size=60))
def test_no_sixty_seconds_hold_more_than_the_rate(steps: list[tuple[int, int]]) -> None:
    paced, second, admitted = Paced(), 1_000, list[tuple[int, int]]()
    for later, quantity in steps:
        second += later
        if not paced.wait_s(second, quantity, 10):
            paced.add(second, quantity)
            admitted.append((second, quantity))
    for end, _ in admitted:
        assert sum(quantity for at, quantity in admitted if end - PERIOD_S < at <= end) <= 10


@given(st.integers(1, 4), st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), min_size=1, max_size=30))
def test_after_the_wait_that_a_rate_asks_for_the_call_fits(wanted: int, steps: list[tuple[int, int]]) -> None:
    paced, second = Paced(), 1_000
    for later, quantity in steps:
        second += later
        paced.add(second, quantity)
    assert not paced.wait_s(second + paced.wait_s(second, wanted, 10), wanted, 10)
