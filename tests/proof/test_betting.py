"""The test that may be looked at at any time."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.proof.betting import FRESH, alarm, bet, bet_all, not_worse, worse


def plain(xs: list[float], low: float) -> float:
    """The log wealth as the measurements' own few lines work it out."""
    log = total = squares = 0.0
    for n, x in enumerate(xs):
        mean = total / (n + 1)
        spread = max((squares + 0.25) / (n + 1) - mean * mean, 1e-4)
        log += math.log1p(min(max(mean / (spread + mean * mean), 0.0), 0.5 / low) * x)
        total, squares = total + x, squares + x * x
    return log


@given(st.lists(st.sampled_from([-0.95, 0.05, 1.05]), max_size=80))
def test_wealth_is_what_the_formula_says_and_its_peak_the_most_it_was(xs: list[float]):
    wealth = bet_all(FRESH, xs, -0.95)
    assert wealth.log_wealth == pytest.approx(plain(xs, 0.95))
    assert wealth.peak == pytest.approx(max(plain(xs[:n], 0.95) for n in range(len(xs) + 1)))
    assert (wealth.n, wealth.mean) == (len(xs), pytest.approx(sum(xs) / len(xs) if xs else 0))


@given(st.lists(st.floats(-0.02, 0.98), max_size=200))
def test_nobody_is_ever_ruined(xs: list[float]):
    assert math.isfinite(bet_all(FRESH, xs, -0.02).log_wealth)


def test_what_was_shown_once_stays_shown():
    wealth = bet_all(FRESH, [0.05] * 200, -0.95)
    assert wealth.holds()
    assert bet_all(wealth, [-0.95] * 50, -0.95).holds()


def test_a_value_below_the_least_is_refused():
    with pytest.raises(AssertionError, match="below"):
        bet(FRESH, -0.5, -0.02)


def test_an_alarm_sounds_where_too_many_are_wrong_and_not_where_they_are_within_the_budget():
    draw = random.Random(3)

    def after(rate: float) -> bool:
        wealth = FRESH
        for _ in range(2_000):
            wealth = alarm(wealth, wrong=draw.random() < rate, budget=0.05)
        return wealth.holds(0.01)

    assert after(0.10)
    assert not after(0.03)


def test_a_candidate_as_good_is_shown_so_and_one_that_harms_is_shown_to():
    draw = random.Random(5)
    same = harm = FRESH
    for _ in range(3_000):
        reference, candidate = draw.random() < 0.8, draw.random() < 0.8
        same = not_worse(same, reference=reference, candidate=candidate, margin=0.05)
        harm = worse(harm, reference=reference, candidate=candidate and draw.random() < 0.8, margin=0.02)
    assert same.holds()
    assert harm.holds()
