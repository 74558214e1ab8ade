"""A test that may be looked at after every label: is the mean of X above zero?

    X = margin + (candidate right) − (reference right)     the candidate is not worse by more than the margin
    X = budget − (hit wrong)                               wrong hits stay within the budget
    X = (hit wrong) − budget                               they do not: an alarm

Someone who starts with one dollar and bets at every X on a mean above zero, never more than what can be lost, cannot expect to win if
that mean is zero or less. Who has multiplied the dollar by 20 is wrong with a chance of at most 1 in 20, whenever he stops and
however often he looked (Ville's inequality). Each bet is sized by the labels before it, never by the one it is on.
"""

import math
from collections.abc import Iterable

import msgspec

_STAKE = 0.5
"""The most that one bet can lose, as a share of the wealth."""

_VARIANCE_MIN = 1e-4


class Wealth(msgspec.Struct, frozen=True, kw_only=True):
    """How far the betting has come after `n` labels: the log of its wealth, the most it was (`peak`), and the sums bets are sized by."""

    n: int = 0
    log_wealth: float = 0.0
    peak: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def holds(self, alpha: float = 0.05) -> bool:
        """Whether a mean above zero is shown, with a chance of at most `alpha` of being wrong. Once shown it stays so."""
        return self.peak >= -math.log(alpha)

    @property
    def mean(self) -> float:
        """Of X so far; 0 before any."""
        return self.total / self.n if self.n else 0.0


FRESH = Wealth()


def bet(wealth: Wealth, x: float, least: float) -> Wealth:
    """What the wealth is after `x`, which is never below `least`, a negative number."""
    assert least < 0, f"{least}: nothing to lose, nothing to test"
    assert x >= least, f"{x} is below {least}, the least it can be"
    count = wealth.n + 1
    mean = wealth.total / count
    variance = max((wealth.squares + 0.25) / count - mean * mean, _VARIANCE_MIN)
    share = min(max(mean / (variance + mean * mean), 0.0), _STAKE / -least)
    log = wealth.log_wealth + math.log1p(share * x)
    return Wealth(
        n=count,
        log_wealth=log,
        peak=max(wealth.peak, log),
        total=wealth.total + x,
        squares=wealth.squares + x * x,
    )


def bet_all(wealth: Wealth, xs: Iterable[float], least: float) -> Wealth:
    """What the wealth is after all of them, in their order."""
    for x in xs:
        wealth = bet(wealth, x, least)
    return wealth


def alarm(wealth: Wealth, *, wrong: bool, budget: float) -> Wealth:
    """After one more answer that was right or wrong: `holds` once more than `budget` of them are wrong."""
    return bet(wealth, (1.0 if wrong else 0.0) - budget, -budget)


def not_worse(wealth: Wealth, *, reference: bool, candidate: bool, margin: float) -> Wealth:
    """After one more pair: `holds` once the candidate is right in at most `margin` fewer cases than the reference."""
    return bet(wealth, margin + candidate - reference, margin - 1)


def worse(wealth: Wealth, *, reference: bool, candidate: bool, margin: float) -> Wealth:
    """After one more pair: `holds` once the candidate is right in more than `margin` fewer cases, which is harm."""
    return bet(wealth, 0.0 + reference - candidate - margin, -1 - margin)
