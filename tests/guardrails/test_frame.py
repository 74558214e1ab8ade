"""Whom a guardrail acts on: the same for ever, close to its share, and nobody is taken out of a canary that grows."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.guardrails.frame import HOLDOUT_PPM, MILLION, Facts, Setting, arm, held_out, position, unit_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
names = st.text(min_size=1, max_size=40)
shares = st.integers(0, MILLION)


def facts(unit: str, *, holdout_ppm: int = 0) -> Facts:
    return Facts(at=NOW, unit=unit, held_out=held_out(unit, holdout_ppm))


def canary(share_ppm: int) -> Setting:
    return Setting(mode="canary", share_ppm=share_ppm)


def test_an_assignment_is_pinned_for_ever():
    """A change of these would move customers from one behaviour to the other."""
    assert [position(of, "customer\0acme") for of in ("holdout", "cache", "margin_rule")] == [198410, 618094, 119875]


@settings(max_examples=50)
@given(guardrail=names, customer=names, smaller=shares, larger=shares)
def test_a_canary_that_grows_keeps_its_customers(guardrail, customer, smaller, larger):
    smaller, larger = sorted((smaller, larger))
    before, after = (arm(canary(share), guardrail, facts(customer)) for share in (smaller, larger))
    assert before == "untouched" or after == "treated"
    assert arm(canary(0), guardrail, facts(customer)) == "untouched"
    assert arm(canary(MILLION), guardrail, facts(customer)) == "treated"


def test_shares_are_what_they_say_and_independent_of_each_other():
    units = [unit_of(f"customer-{number}", "", "") for number in range(5_000)]
    canaried = {unit for unit in units if arm(canary(100_000), "cache", facts(unit)) == "treated"}
    others = {unit for unit in units if arm(canary(100_000), "output_cap", facts(unit)) == "treated"}
    held = {unit for unit in units if held_out(unit, HOLDOUT_PPM)}
    assert 400 < len(canaried) < 600
    assert 400 < len(others) < 600
    assert 60 < len(held) < 140
    assert 20 < len(canaried & others) < 80


@given(customer=names, guardrails=st.lists(names, min_size=2, max_size=4, unique=True))
def test_a_customer_that_is_held_out_is_held_out_of_everything(customer, guardrails):
    unit = unit_of(customer, "someone", "k_1")
    arms = {arm(Setting(mode="enforce"), guardrail, facts(unit, holdout_ppm=500_000)) for guardrail in guardrails}
    assert arms == {"holdout" if held_out(unit, 500_000) else "treated"}


def test_without_a_customer_the_user_is_who_is_assigned_and_then_the_key():
    assert unit_of("acme", "bob", "k_1") == unit_of("acme", "eve", "k_2")
    assert unit_of("", "bob", "k_1") == unit_of("", "bob", "k_2") != unit_of("bob", "", "k_1")
    assert unit_of("", "", "k_1") != unit_of("", "", "k_2")


def test_a_shadow_acts_on_nobody():
    assert arm(Setting(mode="shadow"), "cache", facts("customer\0acme", holdout_ppm=MILLION)) == "shadow"
