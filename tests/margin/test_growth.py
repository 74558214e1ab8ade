"""Trend, steps and identities from values."""

from decimal import Decimal

import pytest

from floorline.margin.cells import Cells, Owner, Use
from floorline.margin.identities import Side, identities, likeness
from floorline.margin.policy import FeaturePolicy, Policies
from floorline.margin.queries import StepRow
from floorline.margin.steps import smallest_set
from floorline.margin.trend import outruns
from tests.margin.company import record


@pytest.mark.parametrize(
    ("before", "after", "outrun"),
    [
        ((100, 10), (120, 12), False),
        ((100, 10), (120, 13), True),
        ((100, 10), (80, 9), True),
        ((100, 10), (80, 8), False),
        ((100, 0), (100, 5), True),
        ((0, 10), (0, 11), True),
        ((0, 10), (5, 50), False),
        ((0, 0), (0, 0), False),
    ],
)
def test_cost_outruns_revenue_when_it_grows_by_the_greater_ratio(before, after, outrun):
    assert outruns(before, after) is outrun


def step(name: str, cost: int, calls: int = 10) -> StepRow:
    return StepRow(workflow="w", step=name, call_type="generation", model="m", calls=calls, unpriced=0, cost=cost)


def test_the_fewest_steps_that_reach_the_share_are_shown():
    report = smallest_set([step("a", 10), step("b", 50), step("c", 31), step("d", 9)], {"w": 5})
    assert [s.step for s in report.steps] == ["b", "c"]
    assert report.steps[-1].cumulative_share == Decimal("0.81")
    assert report.steps_in_all == 4
    first = report.steps[0]
    assert (first.cost_per_call, first.cost_per_completed) == (Decimal("5E-12"), Decimal("10E-12"))


def test_no_spend_has_no_steps():
    report = smallest_set([step("a", 0)], {})
    assert (report.steps, report.total_cost) == ((), Decimal(0))


def side(**customers: int) -> Side:
    return Side.of(
        [
            (Owner(1, name.replace("_at_", "@").replace("__", "."), "pro", "chat"), pico)
            for name, pico in customers.items()
        ]
    )


def test_names_of_one_side_are_listed_with_their_likely_partners():
    usage = side(acme_corp=5, zeta=1, both=1)
    billing = side(**{"Acme Corp, Inc": 100, "cus_9": 50, "both": 1})
    found = identities(usage, billing, [record("cus_9", name="Zeta GmbH")], Policies())
    assert [(u.side, u.name, [p.name for p in u.partners]) for u in found.unmatched] == [
        ("usage", "acme_corp", ["Acme Corp, Inc"]),
        ("usage", "zeta", ["cus_9"]),
        ("billing", "Acme Corp, Inc", ["acme_corp"]),
        ("billing", "cus_9", ["zeta"]),
    ]


def test_a_declared_customer_is_known_to_billing_and_still_a_likely_partner():
    usage = side(free=3, acme_corp=5)
    billing = side(**{"Acme Corp, Inc": 100})
    records = [record("free", plan="free"), record("acme_corp"), record("resting")]
    declared = {one.customer for one in records}
    found = identities(usage, billing, records, Policies(), declared=declared)
    assert [(u.side, u.name, [p.name for p in u.partners]) for u in found.unmatched] == [
        ("billing", "Acme Corp, Inc", ["acme_corp"]),
    ]


def test_a_feature_is_unmatched_only_against_stated_ones():
    usage = Side.of([(Owner(1, "a", "pro", "chat"), 5), (Owner(1, "a", "pro", ""), 2)])
    billing = Side.of([(Owner(1, "a", "pro"), 5)])
    assert identities(usage, billing, [], Policies()).unmatched == ()
    stated = Policies(features={"chatbot": FeaturePolicy(name="chatbot")})
    found = identities(usage, billing, [], stated)
    assert [(u.side, u.name) for u in found.unmatched] == [("usage", "chat"), ("billing", "chatbot")]
    assert found.unnamed["feature"] == Decimal("2E-12")


@pytest.mark.parametrize(
    ("one", "other", "percent"),
    [
        ("Acme, Inc.", "acme", 100),
        ("a@acme.com", "b@mail.acme.com", 100),
        ("it@acme.io", "acme", 100),
        ("blue ocean", "blue", 85),
    ],
)
def test_likeness_sees_through_case_suffix_and_address(one, other, percent):
    assert likeness(one, other)[0] == percent


def test_the_side_of_usage_is_the_same_from_cells_as_from_every_amount():
    amounts = [
        (Owner(1, "a", "pro", "chat"), 5),
        (Owner(2, "a", "free", "chat"), 2**62),
        (Owner(1, "b", "", ""), 2**62),
        (Owner(1, "a", "pro", "chat"), -7),
        (Owner(1, "c", "pro", "search"), 0),
    ]
    cells = Cells([(owner, Use(calls=1, cost=pico)) for owner, pico in amounts], {})
    assert Side.of_cells(cells) == Side.of(amounts)
