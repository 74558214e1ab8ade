"""A regression that tells one of many classes by a vector: fitted to examples, and how sure it may be of what it says.

weights = fit_classes(vectors, places, classes)      places: the class of each example, as its number
chances(weights, vectors)                            a row an example, a column a class; each row sums to one
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from floorline.proof.learning import Floats

L2 = 0.1
ROUNDS = 200
SETTLED = 1e-5
MEMORY = 8
"""Steps that the search for the least loss remembers (L-BFGS)."""

_SHRINK, _ENOUGH, _SMALLEST = 0.5, 1e-4, 1e-10


def chances(weights: Floats, vectors: Floats) -> Floats:
    """The chance of each class: `weights` is a row a class, its last column the intercept."""
    scores = vectors @ weights[:, :-1].T + weights[:, -1]
    scores -= scores.max(axis=1, keepdims=True)
    raised = np.exp(scores)
    return raised / raised.sum(axis=1, keepdims=True)


def fit_classes(vectors: Floats, places: NDArray[np.int64], classes: int, l2: float = L2) -> Floats:
    """The weights with the least sum of log losses plus `l2` ÷ 2 times the squares of the coefficients. Each class counts by its
    examples; the intercepts are not penalised.
    """
    design = np.column_stack([vectors, np.ones(len(vectors))])
    right = np.zeros((len(vectors), classes))
    right[np.arange(len(vectors)), places] = 1
    penalty = np.full(design.shape[1], l2)
    penalty[-1] = 0.0

    def loss(weights: Floats) -> tuple[float, Floats]:
        said = chances(weights, vectors)
        picked = np.maximum(said[np.arange(len(vectors)), places], 1e-300)
        value = -float(np.log(picked).sum()) + float((weights * weights * penalty).sum()) / 2
        return value, (said - right).T @ design + weights * penalty

    return _least(loss, np.zeros((classes, design.shape[1])))


class _Steps:
    """The last steps of the search, and how the slope changed with each."""

    def __init__(self) -> None:
        self._kept: list[tuple[Floats, Floats, float]] = []

    @property
    def known(self) -> bool:
        """Whether there are any."""
        return bool(self._kept)

    def keep(self, moved: Floats, changed: Floats) -> None:
        """One more; none that says nothing of the curvature."""
        curvature = float((moved * changed).sum())
        if curvature > _SMALLEST:
            self._kept = [*self._kept[-(MEMORY - 1) :], (moved, changed, 1 / curvature)]

    def downhill(self, slope: Floats) -> Floats:
        """Where to go from here."""
        direction = -slope
        along: list[float] = []
        for moved, changed, inverse in reversed(self._kept):
            part = inverse * float((moved * direction).sum())
            direction = direction - part * changed
            along.append(part)
        if self._kept:
            moved, changed, _ = self._kept[-1]
            direction = direction * (float((moved * changed).sum()) / float((changed * changed).sum()))
        for (moved, changed, inverse), part in zip(self._kept, reversed(along), strict=True):
            direction = direction + moved * (part - inverse * float((changed * direction).sum()))
        return direction


def _least(loss: Callable[[Floats], tuple[float, Floats]], start: Floats) -> Floats:
    """The weights from `start` on where the loss is least: L-BFGS with steps that are halved until they help."""
    weights, steps = start, _Steps()
    value, slope = loss(weights)
    for _ in range(ROUNDS):
        direction = steps.downhill(slope)
        steep = float((direction * slope).sum())
        size = 1.0 if steps.known else 1.0 / max(float(np.abs(slope).max()), 1.0)
        tried = weights + size * direction
        after, slope_after = loss(tried)
        while after > value + _ENOUGH * size * steep and size > _SMALLEST:
            size *= _SHRINK
            tried = weights + size * direction
            after, slope_after = loss(tried)
        steps.keep(tried - weights, slope_after - slope)
        gained = value - after
        weights, value, slope = tried, after, slope_after
        if gained < SETTLED * max(abs(value), 1.0):
            break
    return weights
