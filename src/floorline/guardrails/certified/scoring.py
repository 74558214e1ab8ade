"""How likely the cheaper model is enough for one request: a base for its feature and step, and weights of the request's own figures.

Fitted by ridge regression on what the cheaper model lost against the reference. A base is drawn towards that of all where it rests on
few comparisons. Whoever judges a router by the comparisons that fitted it is fooled: `crossed` scores each by a router that has not seen it.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from floorline.guardrails.certified.operating import ALPHA, Compared, shown
from floorline.proof.betting import FRESH, Wealth, bet
from floorline.proof.learning import FOLDS, fit_ridge
from floorline.proof.weights import Linear, value

PSEUDO = 5
"""How many comparisons of the average feature stand beside those of each."""

PENALTY = 300.0
"""Of the request's figures: they tell little, so they may say little."""


class Router(msgspec.Struct, frozen=True, kw_only=True):
    """What scores requests: an intercept for each feature and step that was compared, `base` for others, and coefficients of the
    request's figures.
    """

    base: float
    bases: Mapping[tuple[str, str], float] = {}
    coefficients: tuple[float, ...] = ()

    def of(self, place: tuple[str, str]) -> Linear:
        """What scores the requests of one feature and step."""
        return Linear(intercept=self.bases.get(place, self.base), coefficients=self.coefficients)

    def score(self, of: tuple[str, str], features: Sequence[float] = ()) -> float:
        """The higher, the less the cheaper model is expected to lose: what a certificate's threshold is held against."""
        return value(self.of(of), features)


class Benefit(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a score tells within features which requests need the reference: `apgr` is the share of the gap that is won back over all
    shares of calls sent to it, .5 for chance, None where there is no gap; `bet` is the one on more than chance.
    """

    apgr: float | None
    bet: Wealth

    def holds(self, alpha: float = ALPHA) -> bool:
        """Whether it is more than chance."""
        return shown(self.bet, alpha)


def fit(compared: Sequence[Compared], *, by_request: bool) -> Router:
    """A router of these comparisons; without `by_request` by feature and step alone."""
    gains = np.array([one.cheap - one.reference for one in compared])
    base = float(gains.mean()) if compared else 0.0
    rows: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(compared):
        rows.setdefault(one.of, []).append(place)
    bases = {of: float((gains[places].sum() + PSEUDO * base) / (len(places) + PSEUDO)) for of, places in rows.items()}
    if not by_request or not compared:
        return Router(base=base, bases=bases)
    left = [one.cheap - one.reference - bases[one.of] for one in compared]
    told = fit_ridge([one.features for one in compared], left, l2=PENALTY)
    return Router(
        base=base + told.intercept,
        bases={of: found + told.intercept for of, found in bases.items()},
        coefficients=told.coefficients,
    )


def scored(router: Router, compared: Sequence[Compared]) -> list[Compared]:
    """The comparisons with the router's score of each."""
    return [replace(one, score=router.score(one.of, one.features)) for one in compared]


def crossed(compared: Sequence[Compared], *, by_request: bool) -> list[Compared]:
    """The comparisons, in their order, each with the score of a router that was fitted on the other folds."""
    found = list(compared)
    for fold in range(FOLDS):
        router = fit([one for place, one in enumerate(compared) if place % FOLDS != fold], by_request=by_request)
        found[fold::FOLDS] = scored(router, compared[fold::FOLDS])
    return found


def benefit(compared: Sequence[Compared], *, within: bool = True) -> Benefit:
    """What the scores of the comparisons are worth: `within` each feature and step, else over all of them as one."""
    ranks = _ranks(compared, within=within)
    wealth = FRESH
    for one, rank in zip(compared, ranks, strict=True):
        wealth = bet(wealth, (0.5 - rank) * (one.reference - one.cheap), -0.5)
    gap = sum([one.reference - one.cheap for one in compared])
    return Benefit(apgr=0.5 + wealth.total / gap if gap > 0 else None, bet=wealth)


def _ranks(compared: Sequence[Compared], *, within: bool) -> list[float]:
    """Where the score of each stands among those of its feature and step, from 0 for the lowest to 1; equals share their middle."""
    groups: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(compared):
        groups.setdefault(one.of if within else ("", ""), []).append(place)
    ranks = [0.5] * len(compared)
    for places in groups.values():
        ordered = np.array([compared[place].score for place in places])
        below = np.searchsorted(np.sort(ordered), ordered, side="left")
        through = np.searchsorted(np.sort(ordered), ordered, side="right")
        for place, low, high in zip(places, below, through, strict=True):
            ranks[place] = float(low + high) / (2 * len(places))
    return ranks
