"""One-sided bounds of rates and means, against published tables and against their own definition."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.proof import bounds

TABLE = [  # two-sided 95 % Clopper–Pearson limits of k of n, as printed in statistical tables
    (0, 10, 0.0000, 0.3085), (1, 10, 0.0025, 0.4450), (5, 10, 0.1871, 0.8129), (9, 10, 0.5550, 0.9975),
    (10, 10, 0.6915, 1.0000), (3, 100, 0.0062, 0.0852), (81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617),
]  # fmt: skip
trials = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(("count", "of", "low", "high"), TABLE)
def test_bounds_are_those_of_the_tables(count: int, of: int, low: float, high: float):
    assert bounds.lower(count, of, 0.975) == pytest.approx(low, abs=5e-5)
    assert bounds.upper(count, of, 0.975) == pytest.approx(high, abs=5e-5)


def test_no_error_in_n_trials_leaves_about_three_in_n():
    assert bounds.upper(0, 299) <= 0.01 < bounds.upper(0, 298)


def test_without_trials_nothing_is_said():
    assert (bounds.lower(0, 0), bounds.upper(0, 0)) == (0.0, 1.0)
    assert not bounds.at_most(0, 0, 0.99)


@given(trials, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_at_the_upper_bound_so_few_errors_are_as_rare_as_the_confidence_says(of: tuple[int, int], confidence: float):
    errors, n = of
    limit = bounds.upper(errors, n, confidence)
    if errors < n:
        chance = sum(math.comb(n, k) * limit**k * (1 - limit) ** (n - k) for k in range(errors + 1))
        assert chance == pytest.approx(1 - confidence, rel=1e-6)


@given(trials, st.floats(0.001, 0.999))
def test_whether_a_limit_is_kept_is_whether_the_bound_is_within_it(of: tuple[int, int], limit: float):
    bound = bounds.upper(*of)
    if abs(bound - limit) > 1e-9:
        assert bounds.at_most(*of, limit) == (bound <= limit)
        assert bounds.at_least(of[1] - of[0], of[1], 1 - limit) == (bound <= limit)


@pytest.mark.parametrize(("rate", "n"), [(0.01, 300), (0.05, 60), (0.2, 25), (0.5, 11)])
def test_the_bound_is_below_the_truth_in_at_most_one_case_of_twenty(rate: float, n: int):
    """Not simulated: every outcome whose bound misses, times its chance."""
    chances = [math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)]
    assert sum(chance for k, chance in enumerate(chances) if bounds.upper(k, n) < rate) <= 0.05


@given(st.integers(1, 300), st.floats(0.5, 40), st.floats(0.0, 1.0))
def test_the_beta_function_is_the_chance_of_at_least_so_many_successes(a: int, b: float, x: float):
    assert bounds.beta(x, a, b) == pytest.approx(1 - bounds.beta(1 - x, b, a), abs=1e-12)


@given(st.lists(st.floats(0, 1), max_size=60))
def test_a_bound_of_a_mean_lies_between_the_least_value_and_the_mean(values: list[float]):
    low, high = bounds.mean_lower(values), bounds.mean_upper(values)
    assert 0 <= low <= high <= 1
    if values:
        assert low <= math.fsum(values) / len(values) <= high


def test_a_bound_of_a_mean_is_tight_where_values_are_alike_and_valid_where_they_are_not():
    draw = random.Random(7)
    alike = [0.9 + 0.05 * draw.random() for _ in range(200)]
    assert bounds.mean_lower(alike) > 0.90
    coins = [float(draw.random() < 0.9) for _ in range(1_000)]
    assert bounds.mean_lower(coins) == pytest.approx(bounds.lower(int(sum(coins)), 1_000), abs=0.01)
    assert bounds.mean_lower([5.0] * 100, 0, 10) > 4.5


def test_a_bound_of_a_mean_misses_no_more_often_than_it_says():
    draw = random.Random(11)
    missed = sum(bounds.mean_lower([float(draw.random() < 0.7) for _ in range(60)]) > 0.7 for _ in range(300))
    assert missed <= 300 * 0.05 + 2 * math.sqrt(300 * 0.05 * 0.95)
