"""Figures of a row: floors, zones, percentiles, shares."""

from decimal import Decimal
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.margin.floors import floor_of, zone_of
from floorline.margin.metrics import (
    Figures,
    Sums,
    bucket_95,
    bucket_middle,
    nearest_rank,
    nearest_rank_95,
    rank_95,
    share_text,
)
from floorline.margin.policy import FeaturePolicy, PlanPolicy
from floorline.margin.report import figures


@pytest.mark.parametrize(
    ("role", "hosting", "floor"),
    [
        ("growth", "third_party", "0.60"), ("core", "third_party", "0.60"), ("premium", "third_party", "0.70"),
        ("growth", "self_hosted", "0.65"), ("core", "cacheable", "0.70"), ("premium", "self_hosted", "0.70"),
    ],
)  # fmt: skip
def test_the_stricter_default_holds(role, hosting, floor):
    assert floor_of(FeaturePolicy(name="f", role=role, hosting=hosting)) == Decimal(floor)


def test_a_stated_floor_replaces_the_defaults():
    assert floor_of(FeaturePolicy(name="f", role="premium", floor=Decimal("0.30"))) == Decimal("0.30")


@pytest.mark.parametrize(
    ("ratio", "zone"),
    [("0.599999999999", "red"), ("0.60", "yellow"), ("0.679999999999", "yellow"), ("0.68", "green"), (None, "unknown")],
)
def test_zones_begin_at_the_floor_and_at_the_band_s_end(ratio, zone):
    assert zone_of(None if ratio is None else Decimal(ratio), Decimal("0.60"), revenue_pico=1) == zone


@pytest.mark.parametrize(
    ("revenue", "cost", "unpriced", "ratio", "zone"),
    [
        (10, 1, 0, Decimal("0.9"), "green"),
        (10, 0, 0, Decimal(1), "green"),
        (10, 0, 1, Decimal(1), "green"),  # one of two calls has a price: a bound, not a guess
        (10, 0, 2, Decimal(1), "unknown"),
        (0, 1, 0, None, "unknown"),
        (-10, 5, 0, None, "red"),
        (-10, 0, 2, None, "red"),
    ],
)
def test_no_margin_is_green_on_negative_revenue_or_on_a_cost_nobody_knows(revenue, cost, unpriced, ratio, zone):
    row = Figures(
        key=("f",), revenue_pico=revenue, sums=Sums(calls=2, unpriced=unpriced, effective=cost), shared_pico={}
    )
    assert row.margin_ratio == ratio
    assert zone_of(row.margin_ratio, Decimal("0.6"), revenue_pico=revenue, cost_known=row.cost_known) == zone


def test_a_cost_that_no_call_carries_makes_a_row_of_unpriced_calls_known():
    row = Figures(key=("f",), revenue_pico=10, sums=Sums(calls=2, unpriced=2), shared_pico={"support": 3})
    assert row.cost_known


def test_what_follows_from_a_cost_that_nobody_knows_is_null_and_not_a_margin_of_everything():
    row = Figures(key=("f",), revenue_pico=10, sums=Sums(calls=2, unpriced=2), shared_pico={}, users=1)
    document = figures(row)
    unknown = {
        name: document[name]
        for name in ("cogs", "margin_usd", "margin_ratio", "cost_per_active_user", "margin_per_active_user")
    }
    assert set(unknown.values()) == {None}
    assert document["revenue"] == "0.000000000010"


def test_policies_refuse_what_cannot_be_meant():
    with pytest.raises(ValueError, match="60"):
        FeaturePolicy(name="f", floor=Decimal(60))
    with pytest.raises(ValueError, match="states none"):
        PlanPolicy(name="p", allocation="value_weights")
    with pytest.raises(ValueError, match="usage_prices"):
        PlanPolicy(name="p", usage_prices={"gallons": Decimal(1)})
    with pytest.raises(ValueError, match="at least 0"):
        PlanPolicy(name="p", weights={"f": Decimal(-1)})


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=300))
def test_p95_is_the_nearest_rank(costs):
    assert rank_95(len(costs)) == ceil(Decimal("0.95") * len(costs))
    found = nearest_rank_95(costs)
    assert sum(cost <= found for cost in costs) >= Decimal("0.95") * len(costs)


def test_any_percentile_is_a_nearest_rank():
    values = [Decimal(n) for n in range(1, 11)]
    assert (nearest_rank(values, 80), nearest_rank(values, 90), nearest_rank(values[:1], 90)) == (8, 9, 1)
    assert (nearest_rank([5, 7], 50), nearest_rank([5, 7], 51), nearest_rank([5, 7], 0)) == (5, 7, 5)


def test_p95_of_nothing_is_unknown():
    assert nearest_rank_95([]) is None
    assert bucket_95({}) is None


def test_a_bucket_s_middle_is_within_one_percent_of_everything_in_it():
    for bucket in (-900, -350, -1, 0, 40):
        low = Decimal("1.02") ** bucket * 10**12
        middle = bucket_middle(bucket)
        assert abs(middle - low) / low <= Decimal("0.01")
        assert abs(middle - low * Decimal("1.02")) / (low * Decimal("1.02")) <= Decimal("0.01")
    assert bucket_95({-32768: 95, 10: 5}) == 0
    assert bucket_95({-32768: 94, 10: 6}) == bucket_middle(10)


def test_shares_are_the_shortest_text_with_a_decimal_place():
    assert [share_text(p, w) for p, w in ((1, 1), (0, 5), (0, 0), (1, 4), (1, 3))] == [
        "1.0", "0.0", "0.0", "0.25", "0.333333333333",
    ]  # fmt: skip
