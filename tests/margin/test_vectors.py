"""Arithmetic on columns is that of Python's integers, digit for digit."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline import money
from floorline.margin.allocation import CostPool, split_grown, split_pico, tally_costs, tally_revenue
from floorline.margin.cells import Cells, Owner, Use
from floorline.margin.policy import PlanPolicy
from floorline.margin.revenue import share_of
from floorline.margin.vectors import (
    integers,
    numbered,
    ranks_of,
    ratios_of,
    scaled,
    shares_of,
    split_all,
    spread,
    sums_of,
    whole_numbers,
)
from floorline.money import PICO, usd_of

LARGEST = 9_000_000 * 10**12  # what one row of the ledger holds
MONTH = date(2026, 1, 1).toordinal()
amounts = st.integers(-LARGEST, LARGEST)


def weights(largest: int):
    return st.lists(st.integers(0, largest), min_size=1, max_size=20).filter(any)


@given(
    st.one_of(
        st.lists(st.tuples(amounts, weights(largest)), min_size=1, max_size=12)
        for largest in (3, 10**4, 2**31, 10**12, 10**15, 2**57)
    )
)
def test_splitting_a_column_is_splitting_each_amount_as_money_does(pools):
    sizes = [len(w) for _, w in pools]
    flat = [weight for _, w in pools for weight in w]
    parts = split_all(integers([total for total, _ in pools]), integers(sizes), integers(flat)).tolist()
    assert parts == [part for total, w in pools for part in split_pico(total, w)]
    assert [usd_of(p) for p in parts] == [part for total, w in pools for part in money.split(usd_of(total), w)]


def test_weights_of_2_to_the_61_are_too_many_for_a_column():
    assert split_all(integers([7]), integers([2]), integers([2**60, 2**60 - 1])).tolist() == [4, 3]
    with pytest.raises(OverflowError):
        split_all(integers([7]), integers([2]), integers([2**60, 2**60]))
    with pytest.raises(OverflowError):
        split_all(integers([7]), integers([4]), integers([2**62] * 4))
    with pytest.raises(OverflowError):
        integers([2**63])


@given(st.lists(st.tuples(amounts, st.integers(1, 4_000), st.integers(0, 4_000)), max_size=20))
def test_the_shares_of_a_column_are_those_of_each_amount(lines):
    lines = [(amount, min(part, whole), whole) for amount, whole, part in lines]
    columns = [integers(list(column)) for column in zip(*lines, strict=True)] or [integers([])] * 3
    assert shares_of(*columns).tolist() == [share_of(*line) for line in lines]


of_any_size = st.one_of(st.integers(-(10**digits), 10**digits) for digits in (2, 13, 16, 19, 24))


@given(st.lists(st.tuples(of_any_size, of_any_size.map(lambda whole: abs(whole) + 1)), max_size=20))
def test_ratios_of_a_column_are_those_of_each_however_great(lines):
    parts, wholes = whole_numbers([part for part, _ in lines]), whole_numbers([whole for _, whole in lines])
    assert ratios_of(parts, wholes).tolist() == [share_of(PICO, part, whole) for part, whole in lines]


@given(st.lists(of_any_size, max_size=20), st.integers(1, 100), st.integers(1, 4_000))
def test_a_column_is_scaled_as_each_amount_is_however_great(column, part, whole):
    assert scaled(whole_numbers(column), part, whole).tolist() == [share_of(amount, part, whole) for amount in column]


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 3)), max_size=30))
def test_sums_never_overflow(values):
    found = sums_of(integers([v for v, _ in values]), integers([g for _, g in values]), 5)
    assert found == [sum(v for v, g in values if g == group) for group in range(5)]


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(31, 1000))
def test_keys_are_numbered_the_same_whether_they_are_counted_or_sorted(keys, span):
    distinct, number = numbered(integers(keys), span)
    assert distinct.tolist() == sorted(set(keys))
    assert distinct[number].tolist() == keys


@given(st.lists(st.text(max_size=3), unique=True))
def test_the_rank_of_a_word_is_its_place_in_their_order(words):
    assert ranks_of(words).tolist() == [sorted(words).index(word) for word in words]


def test_stretches_are_spread_one_after_another():
    assert spread(integers([5, 0, 5]), integers([2, 0, 1])).tolist() == [5, 6, 5]
    assert spread(integers([]), integers([])).dtype == np.int64


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("pqr"), st.sampled_from(["", "f", "g", "h"]), st.integers(0, 99), st.integers(-(10**6), 10**9)),
        max_size=12,
    ),
    st.dictionaries(st.tuples(st.sampled_from("abcd"), st.sampled_from("pqrs")), st.tuples(amounts, amounts), max_size=8),
    st.sampled_from([1, 10**14]),
)  # fmt: skip
def test_many_amounts_are_divided_as_each_would_be(used, earned, scale):
    plans = {"q": PlanPolicy(name="q", allocation="cost"), "r": PlanPolicy(name="r", features=("g", "f"))}
    cells = Cells([(Owner(MONTH, c, p, f), Use(n, 0, 0, x * scale)) for c, p, f, n, x in used], plans)
    expected: dict = {}
    for (customer, plan), grown in earned.items():
        features, numbers = cells.feature_weights(MONTH, customer, plan)
        for feature, part in zip(features or [""], split_grown(grown, numbers or [1]), strict=True):
            before, through = expected.get((feature, customer), (0, 0))
            expected[feature, customer] = (before + part[0], through + part[1])
    pools = {Owner(MONTH, customer, plan): grown for (customer, plan), grown in earned.items()}
    assert tally_revenue(pools, cells, ["feature", "customer"]).amounts == expected


def test_an_amount_beyond_a_column_is_divided_all_the_same():
    cells = Cells([(Owner(MONTH, "acme", "pro", feature), Use(calls)) for feature, calls in (("a", 2), ("b", 1))], {})
    amount = 3 * 10**20 + 1
    tally = tally_revenue(
        {Owner(MONTH, "acme", "pro"): (0, amount), Owner(MONTH, "x", "pro"): (1, 3)}, cells, ["feature"]
    )
    assert tally.amounts == {("a",): (1, 2 * 10**20 + 1 + 2), ("b",): (0, 10**20 + 1)}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("pq"), st.sampled_from(["", "f", "g"]), st.integers(0, 9), st.integers(0, 9), st.integers(-9, 9)),
        max_size=12,
    ),
    st.tuples(amounts, amounts),
    st.sampled_from(["calls", "tokens", "cost"]),
    st.sampled_from(["", "f", "other"]),
    st.sampled_from([1, 10**12, 10**18]),
)  # fmt: skip
def test_a_shared_cost_is_divided_as_its_weights_say_in_the_order_of_names(used, grown, driver, feature, scale):
    uses: dict[Owner, list[int]] = {}
    for c, p, f, *numbers in used:
        known = uses.setdefault(Owner(MONTH, c, p, f), [0, 0, 0])
        uses[Owner(MONTH, c, p, f)] = [a + b for a, b in zip(known, numbers, strict=True)]
    cells = Cells([(owner, Use(n, t, 0, x * scale)) for owner, (n, t, x) in uses.items()], {})
    served = sorted(owner for owner in uses if feature in ("", owner.feature))
    weights = [max(0, uses[owner][("calls", "tokens", "cost").index(driver)]) for owner in served]
    if not any(weights):
        weights = [uses[owner][0] for owner in served]
    whole = {(feature, "", ""): grown}
    parts = zip(served, split_grown(grown, weights), strict=True) if any(weights) else ()
    expected = {(o.feature, o.customer, o.plan): part for o, part in parts} or whole
    pool = CostPool(MONTH, "support", "", feature, "", driver)
    (tally,) = tally_costs({pool: grown}, cells, ["feature", "customer", "plan"], lambda owner: owner).values()
    assert tally.amounts == expected
