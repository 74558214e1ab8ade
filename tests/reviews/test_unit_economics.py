"""The unit economics of a month: what a call costs against its target, and what a customer brings for what winning it takes."""

from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from floorline.config import parse
from floorline.margin.acquisition import Acquisition
from floorline.margin.customers import accounts
from floorline.margin.metrics import OutcomeCounts
from floorline.reviews.economics import unit_economics
from floorline.reviews.lifetime import PAYING_MIN, Lifetime, lifetime
from floorline.reviews.policy import Targets
from tests.reviews.figures import row, use

USD = 10**12


def lines(targets: Targets | None = None, found: Lifetime | None = None):
    this = use([row("chat", 100_00, 20_00)])
    reached = replace(this.total, outcomes=OutcomeCounts(50, 40), owns_outcomes=True, users=4)
    this = type(this)(total=reached, customers=(), served=this.served, models=this.models, tiers=this.tiers)
    last = use([row("chat", 100_00, 10_00)])
    return {line.name: line for line in unit_economics(this, last, found or Lifetime(), targets or Targets())}


def test_what_has_no_target_is_neither_met_nor_missed():
    found = lines()
    assert (found["cost_per_call"].this_week, found["cost_per_call"].last_week) == (Decimal("0.2"), Decimal("0.1"))
    assert (found["cost_per_outcome"].this_week, found["cost_per_outcome"].last_week) == (Decimal("0.5"), None)
    assert {found[name].met for name in ("cost_per_call", "cost_per_outcome", "cost_per_user")} == {None}


def test_each_stated_target_is_met_or_missed():
    found = lines(Targets(cost_per_call=Decimal("0.19"), cost_per_outcome=Decimal(1), cost_per_user=Decimal(4)))
    met = {name: found[name].met for name in ("cost_per_call", "cost_per_outcome", "cost_per_user")}
    assert met == {"cost_per_call": False, "cost_per_outcome": True, "cost_per_user": False}


def customers(count: int, revenue: int = 100_00, cost: int = 40_00):
    return accounts([row(f"c{n}", revenue, cost) for n in range(count)])


def free(cost: int, conversions: int) -> Acquisition:
    return Acquisition(
        plan="free", days=30, customers=50, calls=9, cost=cost * USD, conversions=conversions,
        margin_per_customer=None, payback_months=12,
    )  # fmt: skip


def test_a_customer_brings_its_margin_for_as_long_as_customers_stay():
    found = lifetime(customers(38), customers(40), [free(60, 3)])
    assert (found.churn, found.ltv, found.cac, found.ratio) == (Decimal("0.05"), 1200, 20, 60)
    line = lines(found=found)["ltv_to_cac"]
    assert (line.this_week, line.target, line.met) == (60, 3, True)
    assert line.note == "$1,200 at 5.0 % churn ÷ $20.00 of AI for each conversion, without marketing and sales"


def test_without_the_data_it_is_unknown_and_says_what_is_missing():
    few = lifetime(customers(3), customers(PAYING_MIN - 1), [free(60, 3)])
    stayed = lifetime(customers(30), customers(30), [free(60, 3)])
    nobody = lifetime(customers(29), customers(30), [free(60, 0)])
    assert {one.ratio for one in (few, stayed, nobody)} == {None}
    assert [one.note.partition(":")[2].strip() for one in (few, stayed, nobody)] == [
        "too few to know how many leave",
        "how long customers stay is not known",
        "what winning one takes is not known",
    ]
    assert lines(found=few)["ltv_to_cac"].met is None


def test_targets_in_dollars_are_read_from_the_configuration():
    text = b"reviews:\n  targets: {cost_per_call: 0.004, cost_per_user: 12, ltv_to_cac: 4}\n"
    found = parse(text, Path("floorline.yaml"), {})
    assert found.problems == ()
    targets = found.config.reviews.targets
    assert (targets.cost_per_call, targets.cost_per_user, targets.ltv_to_cac) == (Decimal("0.004"), 12, 4)
    assert targets.cost_per_outcome is None
