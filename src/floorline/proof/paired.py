"""Two answers to the same requests, a reference's and a candidate's: by how much is the candidate worse at most?

Tango's score test (1998) of a difference of paired proportions: unlike Wald's it keeps its error where few pairs differ, which is where
cheap models are compared. Differences are candidate minus reference.
"""

import math
from collections.abc import Iterable
from statistics import NormalDist

import msgspec

_HALVINGS = 60
_NORMAL = NormalDist()


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """Counted pairs: both right, only the first (reference), only the second (candidate), neither."""

    both: int = 0
    only_first: int = 0
    only_second: int = 0
    neither: int = 0

    @property
    def n(self) -> int:
        """Of all pairs."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float:
        """The candidate's rate minus the reference's; 0 without pairs."""
        return (self.only_second - self.only_first) / self.n if self.n else 0.0

    @property
    def discordance(self) -> float:
        """The share of pairs that differ; 0 without pairs."""
        return (self.only_first + self.only_second) / self.n if self.n else 0.0


def count(pairs: Iterable[tuple[bool, bool]]) -> Pairs:
    """Pairs of (reference right, candidate right)."""
    sums = [0, 0, 0, 0]
    for first, second in pairs:
        sums[2 * first + second] += 1
    neither, only_second, only_first, both = sums
    return Pairs(both=both, only_first=only_first, only_second=only_second, neither=neither)


def interval(pairs: Pairs, confidence: float = 0.95) -> tuple[float, float]:
    """Tango's two-sided score interval of the difference; (−1, 1) without pairs."""
    if not pairs.n:
        return -1.0, 1.0
    z = _NORMAL.inv_cdf((1 + confidence) / 2)
    return _end(pairs, z), -_end(_turned(pairs), z)


def non_inferior(pairs: Pairs, margin: float, alpha: float = 0.05) -> bool:
    """Whether the candidate is worse by less than `margin`, with a chance of at most `alpha` of being wrong.

    For one look at a number of pairs that was settled before. With the correction for continuity: without it the chance is 5.9 % of 5
    where just as many pairs differ as the margin allows.
    """
    return bool(pairs.n) and _score(pairs, -margin, 0.5) >= _NORMAL.inv_cdf(1 - alpha)


def sample_size(
    margin: float, discordance: float, difference: float = 0.0, power: float = 0.8, alpha: float = 0.05
) -> int | None:
    """How many pairs show with `power` that the candidate is not worse by `margin`, when it truly differs by `difference` and
    `discordance` of the pairs differ. None: no number does, as the true difference is at or below −margin.
    """
    distance = margin + difference
    if distance <= 0:
        return None
    discordance = max(discordance, abs(difference))
    first, second = (discordance - difference) / 2, (discordance + difference) / 2
    under = math.sqrt(_variance(first, second, 1.0, -margin))
    truly = math.sqrt(discordance - difference**2)
    needed = (_NORMAL.inv_cdf(1 - alpha) * under + _NORMAL.inv_cdf(power) * truly) / distance
    return math.ceil(needed**2 + 1 / distance)  # the second: what the correction for continuity takes


def _turned(pairs: Pairs) -> Pairs:
    """The pairs with the candidate as the reference."""
    return Pairs(both=pairs.both, only_first=pairs.only_second, only_second=pairs.only_first, neither=pairs.neither)


def _score(pairs: Pairs, difference: float, correction: float = 0.0) -> float:
    """How many standard errors the pairs lie above `difference`, were it the true one."""
    distance = pairs.only_second - pairs.only_first - pairs.n * difference - correction
    variance = _variance(pairs.only_first, pairs.only_second, pairs.n, difference)
    if variance > 0:
        return distance / math.sqrt(variance)
    return math.copysign(math.inf, distance) if distance else 0.0


def _variance(only_first: float, only_second: float, n: float, difference: float) -> float:
    """Of only_second − only_first, at the most likely share of pairs where only the first is right, given `difference`."""
    b = -only_first - only_second + (2 * n + only_first - only_second) * difference
    c = -only_first * difference * (1 - difference)
    share = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    return n * (2 * share + difference * (1 - difference))


def _end(pairs: Pairs, z: float) -> float:
    """The least difference that the pairs do not rule out."""
    low, high = -1.0, pairs.difference
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _score(pairs, middle) > z else (low, middle)
    return (low + high) / 2
