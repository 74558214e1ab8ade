"""How bad a rate may still be, or how good it surely is: one-sided bounds from counted trials, and of bounded means.

Exact (Clopper–Pearson): a bound holds with at least its `confidence` however few the trials, and says nothing when there are none
(0 or 1). It holds for trials counted once; who looks again and again at the same growing count uses `proof/betting.py`.
"""

import math
from collections.abc import Callable, Sequence

_TINY = 1e-300
_STEPS_MAX = 10_000
_HALVINGS = 60


def upper(errors: int, trials: int, confidence: float = 0.95) -> float:
    """The rate of errors that is not exceeded with `confidence`."""
    assert 0 <= errors <= trials, f"{errors} errors of {trials} trials"
    assert 0 < confidence < 1, confidence
    if errors == trials:
        return 1.0
    if errors == 0:
        return 1 - (1 - confidence) ** (1 / trials)
    return _quantile(errors + 1, trials - errors, confidence)


def lower(rights: int, trials: int, confidence: float = 0.95) -> float:
    """The rate of rights that is reached with `confidence`."""
    return 1 - upper(trials - rights, trials, confidence)


def at_most(errors: int, trials: int, limit: float, confidence: float = 0.95) -> bool:
    """Whether `upper(errors, trials, confidence) <= limit`, without finding it: a tenth of its time."""
    assert 0 <= errors <= trials, f"{errors} errors of {trials} trials"
    if errors == trials:
        return limit >= 1
    if not 0 < limit < 1:
        return limit >= 1
    return beta(limit, errors + 1, trials - errors) >= confidence


def at_least(rights: int, trials: int, limit: float, confidence: float = 0.95) -> bool:
    """Whether `lower(rights, trials, confidence) >= limit`."""
    return at_most(trials - rights, trials, 1 - limit, confidence)


def mean_lower(values: Sequence[float], least: float = 0.0, most: float = 1.0, confidence: float = 0.95) -> float:
    """What the mean of draws that all lie in [`least`, `most`] reaches with `confidence`; `least` without draws.

    The draws are bet against every candidate mean in their order, each bet sized by the draws before it (Waudby-Smith and Ramdas 2024):
    a mean whose opponent would have multiplied its stake by 1 ÷ (1 − confidence) is ruled out. As tight as the draws are alike.
    """
    assert least < most, (least, most)
    assert all(least <= value <= most for value in values), f"a value outside of [{least}, {most}]"
    shares = [(value - least) / (most - least) for value in values]
    bets = _bets(shares, confidence)
    needed = -math.log1p(-confidence)

    def is_ruled_out(mean: float) -> bool:
        return _highest(shares, bets, mean) >= needed

    return least + (most - least) * _last(is_ruled_out)


def mean_upper(values: Sequence[float], least: float = 0.0, most: float = 1.0, confidence: float = 0.95) -> float:
    """What the mean of such draws does not exceed with `confidence`; `most` without draws."""
    return -mean_lower([-value for value in values], -most, -least, confidence)


def _bets(shares: Sequence[float], confidence: float) -> list[float]:
    """What is staked on each draw: the fewer the draws and the wider they spread, the less."""
    total, squares, found = 0.5, 0.25, list[float]()
    for seen, share in enumerate(shares, 1):
        spread = max(squares / seen, 1e-4)
        found.append(math.sqrt(-2 * math.log1p(-confidence) / (spread * len(shares))))
        total += share
        squares += (share - total / (seen + 1)) ** 2
    return found


def _highest(shares: Sequence[float], bets: Sequence[float], mean: float) -> float:
    """The most that the log of the stake against `mean` came to; it falls as `mean` rises."""
    log, highest = 0.0, 0.0
    limit = 0.75 / mean if mean > 0 else math.inf
    for share, bet in zip(shares, bets, strict=True):
        log += math.log1p(min(bet, limit) * (share - mean))
        highest = max(highest, log)
    return highest


def _last(holds: Callable[[float], bool]) -> float:
    """The end of the part of [0, 1], from 0 on, for which it `holds`."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b): the chance that a Beta(a, b) is at most `x`.

    By its continued fraction (Abramowitz and Stegun 26.5.8), on the side where it converges fast.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta(1 - x, b, a)
    log = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log) / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """By Lentz's method: `value` is multiplied by what each further term changes until that is nothing."""
    above, below = 1.0, 1 / (_off_zero(1 - (a + b) * x / (a + 1)))
    value = below
    for m in range(1, _STEPS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            below = 1 / _off_zero(1 + term * below)
            above = _off_zero(1 + term / above)
            change *= above * below
        value *= change
        if abs(change - 1) < 1e-13:
            return value
    raise AssertionError(f"no incomplete beta of {x}, {a}, {b} after {_STEPS_MAX} terms")


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _quantile(a: float, b: float, chance: float) -> float:
    """Where `beta` is `chance`: Newton's steps, halving instead whenever one leaves what is known to hold the answer."""
    low, high, x = 0.0, 1.0, a / (a + b)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    for _ in range(_HALVINGS):
        over = beta(x, a, b) - chance
        low, high = (low, x) if over > 0 else (x, high)
        slope = math.exp(scale + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))
        step = x - over / slope if slope > 0 else math.nan
        found = step if low < step < high else (low + high) / 2
        if abs(found - x) <= 1e-13 * x:
            return found
        x = found
    return x
