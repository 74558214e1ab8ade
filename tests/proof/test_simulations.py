"""Every promise of an error of at most 5 %, over 2,000 simulated runs (plus two standard errors of the simulation)."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from floorline.proof import bounds
from floorline.proof.betting import FRESH, Wealth, alarm, not_worse, worse
from floorline.proof.paired import Pairs, non_inferior, sample_size

pytestmark = pytest.mark.prove

RUNS = 2_000
ALPHA = 0.05
LIMIT = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)
MARGINS = [
    (margin, discordance)
    for margin in (0.02, 0.05)
    for discordance in (margin, 0.04, 0.10, 0.23)
    if discordance >= margin
]


def say(figure: str) -> None:
    """What a proof found, shown by `pytest -s`."""
    print(figure)  # noqa: T201 - what it is for


def drawn(margin: float, discordance: float, n: int, seed: int, runs: int = RUNS) -> np.ndarray:
    """Runs of `n` pairs with a candidate that is worse by `margin`: counts of (both, only reference, only candidate, neither)."""
    worse_, better = (discordance + margin) / 2, (discordance - margin) / 2
    both = 0.8 * (1 - discordance)
    return np.random.default_rng(seed).multinomial(n, [both, worse_, better, 1 - both - worse_ - better], size=runs)


def accepted(counts: np.ndarray, margin: float) -> float:
    tests = [
        non_inferior(Pairs(both=a, only_first=b, only_second=c, neither=d), margin) for a, b, c, d in counts.tolist()
    ]
    return sum(tests) / len(tests)


@pytest.mark.parametrize(("margin", "discordance"), MARGINS)
@pytest.mark.parametrize("n", [120, 500, 2_000])
def test_a_candidate_that_is_worse_by_the_margin_is_accepted_in_at_most_one_of_twenty(
    n: int, margin: float, discordance: float
):
    rate = accepted(drawn(margin, discordance, n, seed=n), margin)
    say(f"Tango, margin {margin:.0%}, {discordance:.0%} differ, {n} pairs: accepted in {rate:.1%} of {RUNS} runs")
    assert rate <= LIMIT


@pytest.mark.parametrize(("margin", "discordance"), [one for one in MARGINS if one[1] > one[0]])
def test_the_sample_size_shows_an_equal_candidate_in_four_of_five_runs(margin: float, discordance: float):
    n = sample_size(margin, discordance)
    rate = accepted(drawn(0.0, discordance, n, seed=7), margin)
    say(
        f"Tango, margin {margin:.0%}, {discordance:.0%} differ, truly equal: {n} pairs show it in {rate:.1%} of {RUNS} runs"
    )
    assert rate >= 0.8 - 2 * math.sqrt(0.16 / RUNS)


def ever(draw: np.random.Generator, steps: int, bet: Callable[[Wealth, int], Wealth], chances: list[float]) -> bool:
    """Whether the test says yes at any of its steps; `bet` is told which of the outcomes came."""
    wealth = FRESH
    for outcome in draw.choice(len(chances), size=steps, p=chances).tolist():
        wealth = bet(wealth, outcome)
    return wealth.holds(ALPHA)


def rate_of(steps: int, bet: Callable[[Wealth, int], Wealth], chances: list[float], runs: int = RUNS) -> float:
    draw = np.random.default_rng(11)
    return sum(ever(draw, steps, bet, chances) for _ in range(runs)) / runs


@pytest.mark.parametrize("discordance", [0.05, 0.10, 0.23])
def test_looked_at_after_every_pair_the_betting_accepts_what_is_worse_by_the_margin_in_at_most_one_of_twenty(
    discordance: float,
):
    better = (discordance - 0.05) / 2

    def bet(wealth: Wealth, outcome: int) -> Wealth:
        return not_worse(wealth, reference=outcome != 2, candidate=outcome != 1, margin=0.05)

    rate = rate_of(1_500, bet, [1 - discordance, discordance - better, better])
    say(f"Betting, margin 5 %, {discordance:.0%} differ: accepted at any of 1,500 looks in {rate:.1%} of {RUNS} runs")
    assert rate <= LIMIT


def test_an_alarm_sounds_by_chance_in_at_most_one_of_twenty_and_soon_where_too_many_are_wrong():
    def bet(wealth: Wealth, outcome: int) -> Wealth:
        return alarm(wealth, wrong=outcome == 1, budget=0.05)

    false, true = rate_of(1_500, bet, [0.95, 0.05]), rate_of(500, bet, [0.85, 0.15], runs=200)
    say(
        f"Alarm, budget 5 %: false in {false:.1%} of {RUNS} runs, within 500 answers of 15 % wrong in {true:.1%} of 200"
    )
    assert false <= LIMIT
    assert true >= 0.95


def test_harm_is_claimed_by_chance_in_at_most_one_of_twenty_and_soon_where_there_is_some():
    def bet(wealth: Wealth, outcome: int) -> Wealth:
        return worse(wealth, reference=outcome != 2, candidate=outcome != 1, margin=0.0)

    false = rate_of(1_500, bet, [0.77, 0.115, 0.115])
    true = rate_of(500, bet, [0.77, 0.1775, 0.0525], runs=200)
    say(
        f"Harm, 23 % differ: claimed of equals in {false:.1%} of {RUNS} runs, of 12.5 points within 500 pairs in {true:.1%} of 200"
    )
    assert false <= LIMIT
    assert true >= 0.95


def test_the_bound_of_a_mean_is_missed_in_at_most_one_of_twenty():
    draw = np.random.default_rng(6)
    missed = sum(bounds.mean_lower(draw.beta(4, 1, size=80).tolist()) > 0.8 for _ in range(RUNS)) / RUNS
    say(f"Mean of 80 scores: the lower bound is above the truth in {missed:.1%} of {RUNS} runs")
    assert missed <= LIMIT
