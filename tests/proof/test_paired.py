"""Paired comparisons: Tango's interval against published ones, and the size of the test that decides."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.proof.paired import Pairs, count, interval, non_inferior, sample_size


def test_the_interval_is_that_of_published_examples():
    """Airway hyper-responsiveness before and after a transplantation (Fagerland et al. 2014): 0.026 to 0.517."""
    low, high = interval(Pairs(both=1, only_first=1, only_second=7, neither=12))
    assert (round(low, 3), round(high, 3)) == (0.026, 0.517)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 300))
def test_the_ends_of_the_interval_are_roots_of_the_closed_form(first: int, second: int, alike: int):
    """The quartic of Yang, Sun and Hardin (2012), in the difference of reference and candidate."""
    if first == second:
        return
    n, b, c, g = first + second + alike, first, second, 1.959963984540054**2
    quartic = [
        n**2 * (n / g + 1) ** 2,
        -n * (b - c) * (n / g + 1) * (4 * n / g + 1),
        2 * n * (b - c) ** 2 * (3 * n / g + 2) / g - n**2 * ((b + c) / g + 1),
        n * (b - c) * (2 * (b + c) / g + 1) - (b - c) ** 3 * (4 * n / g + 1) / g,
        (b - c) ** 2 * ((b - c) ** 2 / g - (b + c)) / g,
    ]
    roots = [root.real for root in np.roots(quartic) if abs(root.imag) < 1e-6]
    for end in interval(Pairs(both=alike, only_first=first, only_second=second)):
        assert min(abs(-end - root) for root in roots) < 1e-5


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_the_interval_holds_the_difference_and_turns_with_the_pairs(both: int, first: int, second: int, neither: int):
    pairs = Pairs(both=both, only_first=first, only_second=second, neither=neither)
    low, high = interval(pairs)
    assert low <= pairs.difference <= high
    turned = interval(Pairs(both=both, only_first=second, only_second=first, neither=neither))
    assert turned == pytest.approx((-high, -low), abs=1e-9)


def test_pairs_are_counted_by_who_was_right():
    pairs = count([(True, True), (True, False), (False, True), (False, True), (False, False)])
    assert pairs == Pairs(both=1, only_first=1, only_second=2, neither=1)
    assert (pairs.n, pairs.difference, pairs.discordance) == (5, 0.2, 0.6)


def test_two_hundred_pairs_of_equal_models_do_not_show_that_they_are_equal_to_five_points():
    assert not non_inferior(Pairs(both=154, only_first=23, only_second=23), 0.05)
    assert non_inferior(Pairs(both=616, only_first=92, only_second=92), 0.05)
    assert not non_inferior(Pairs(), 0.05)


@pytest.mark.parametrize(
    ("n", "margin", "discordance"), [(120, 0.05, 0.05), (200, 0.05, 0.10), (150, 0.05, 0.23), (300, 0.02, 0.02)]
)
def test_a_candidate_that_is_worse_by_the_whole_margin_passes_in_at_most_one_run_of_twenty(
    n: int, margin: float, discordance: float
):
    """Not simulated: every outcome that passes, times its chance."""
    worse, better = (discordance + margin) / 2, (discordance - margin) / 2
    passed = sum(
        _chance(n, first, second, worse, better)
        for first in range(n // 2)
        for second in range(n // 2)
        if (second - first) / n > -margin
        and non_inferior(Pairs(both=n - first - second, only_first=first, only_second=second), margin)
    )
    assert passed <= 0.05


def _chance(n: int, first: int, second: int, worse: float, better: float) -> float:
    if better == 0 and second:
        return 0.0
    log = math.lgamma(n + 1) - math.lgamma(first + 1) - math.lgamma(second + 1) - math.lgamma(n - first - second + 1)
    log += first * math.log(worse) + (second * math.log(better) if second else 0.0)
    return math.exp(log + (n - first - second) * math.log1p(-worse - better))


@pytest.mark.parametrize(
    ("margin", "discordance", "difference", "simulated"),
    [
        (0.02, 0.23, 0, 3_603),
        (0.02, 0.10, 0, 1_550),
        (0.05, 0.23, 0, 583),
        (0.02, 0.23, -0.01, 14_217),
        (0.05, 0.23, -0.01, 903),
    ],
)
def test_sample_sizes_are_those_that_were_simulated(
    margin: float, discordance: float, difference: float, simulated: int
):
    found = sample_size(margin, discordance, difference)
    assert found is not None
    assert simulated <= found <= simulated * 1.06


def test_no_number_of_pairs_shows_what_is_not_so():
    assert sample_size(0.02, 0.10, -0.02) is None
