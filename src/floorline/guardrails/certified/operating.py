"""How many calls may go to a cheaper model while quality keeps a bar: requests that both models answered say so.

The bar is a share of the reference's quality. A call that goes to the cheaper model contributes

    X = cheap − bar × reference          (1 − bar) × reference where it stays with the reference

and the bar is held where the mean of X is above zero, which `proof/betting` tests: it may be looked at after every label. Thresholds
are tried from the strictest on, and the first that is not shown to hold ends it: so the chance that the one in force misses the bar
is that of one test, however many are tried.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec

from floorline.proof.betting import FRESH, Wealth, bet

ALPHA = 0.05
TRIED_MAX = 50
"""Thresholds that are tried, at even shares of the calls."""

_HALVINGS = 12


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One request that both models answered, each right from 0 to 1. `of` is the feature and step it belongs to. The higher `score`, the
    surer the cheaper model was thought to be enough; `features` are those of the request.
    """

    cheap: float
    reference: float = 1.0
    of: tuple[str, str] = ("", "")
    score: float = 0.0
    features: tuple[float, ...] = ()


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Calls scored `threshold` and above go to the cheaper model: `share` of those compared. Their quality is at least `bound` of the
    reference's, over all calls.
    """

    threshold: float
    share: float
    bound: float


def worth(one: Compared, bar: float, *, cheap: bool) -> float:
    """What the call contributes to keeping the bar, on the one model or the other."""
    return one.cheap - bar * one.reference if cheap else (1 - bar) * one.reference


def on_bar(compared: Iterable[Compared], bar: float, threshold: float | None = None) -> Wealth:
    """The bet on the bar being held when calls scored at least `threshold` go to the cheaper model; None: all of them."""
    wealth = FRESH
    for one in compared:
        wealth = bet(wealth, worth(one, bar, cheap=threshold is None or one.score >= threshold), -bar)
    return wealth


def harmed(compared: Iterable[Compared], bar: float, threshold: float | None = None) -> Wealth:
    """The bet on the bar being missed, on the same calls."""
    wealth = FRESH
    for one in compared:
        wealth = bet(wealth, -worth(one, bar, cheap=threshold is None or one.score >= threshold), -1.0)
    return wealth


def shown(wealth: Wealth, alpha: float = ALPHA) -> bool:
    """Whether the mean is above zero by what is known now. That it once looked so is not enough to act on, though it would be sound."""
    return wealth.log_wealth >= -math.log(alpha)


def quality(compared: Sequence[Compared], threshold: float | None = None) -> float | None:
    """What was seen of the reference's quality when calls go by `threshold`; None where the reference was never right."""
    reference = sum([one.reference for one in compared])
    got = sum([one.cheap if threshold is None or one.score >= threshold else one.reference for one in compared])
    return got / reference if reference else None


def bound(compared: Sequence[Compared], threshold: float | None = None, alpha: float = ALPHA) -> float:
    """The highest bar that is shown to be held; 0 where none is."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if shown(on_bar(compared, middle, threshold), alpha) else (low, middle)
    return low


def operating_point(compared: Sequence[Compared], bar: float, alpha: float = ALPHA) -> Point | None:
    """The lowest threshold that holds the bar; None where not even the strictest is shown to."""
    found: float | None = None
    for threshold in _thresholds([one.score for one in compared]):
        if not shown(on_bar(compared, bar, threshold), alpha):
            break
        found = threshold
    if found is None:
        return None
    taken = sum([one.score >= found for one in compared])
    return Point(threshold=found, share=taken / len(compared), bound=bound(compared, found, alpha))


def _thresholds(scores: Sequence[float]) -> list[float]:
    """The scores to try, from the highest on: each lets about as many more calls through as the one before."""
    ordered = sorted(scores, reverse=True)
    tried = min(TRIED_MAX, len(ordered))
    return [*dict.fromkeys(ordered[-(-len(ordered) * place // tried) - 1] for place in range(1, tried + 1))]
