"""Regressions fitted to labels, and how good they are on labels that they have not seen.

Nothing learned is used before `foretold` has shown what it does for groups that it was not fitted to: labels of one customer, or
of one question, are alike.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from floorline.proof.weights import Linear, Weights, value

Floats = NDArray[np.float64]
Table = Sequence[Sequence[float]] | Floats
"""Features: a row a label."""

Fit = Callable[[Floats, Floats], Weights]
"""Features and what was right (1) or wrong (0) → weights."""

FOLDS = 5
_ROUNDS = 25
_WEIGHT_MIN = 1e-9


def fit_logistic(features: Table, right: Sequence[float] | Floats, l2: float = 1.0) -> Linear:
    """The logistic regression of `right` (0 or 1) on the features, by iteratively reweighted least squares.

    `l2` penalises the coefficients of standardised features, so that it converges where a feature tells everything.
    """
    x, center, scale = _standardised(np.asarray(features, dtype=np.float64))
    y = np.asarray(right, dtype=np.float64)
    design = np.column_stack([np.ones(len(x)), x])
    penalty = np.diag([0.0, *[l2] * x.shape[1]])
    penalty[0, 0] = 1e-6  # labels that are all right have no finite intercept
    beta = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        weight = np.maximum(chance * (1 - chance), _WEIGHT_MIN)
        hessian = design.T @ (design * weight[:, None]) + penalty
        step = np.linalg.solve(hessian, design.T @ (y - chance) - penalty @ beta)
        beta += step
        if float(np.abs(step).max()) < 1e-8:
            break
    return _unscaled(beta, center, scale)


def fit_ridge(features: Table, target: Sequence[float] | Floats, l2: float = 1.0) -> Linear:
    """The linear regression of `target` on the features; `l2` as in `fit_logistic`. What it foretells is `weights.value`."""
    x, center, scale = _standardised(np.asarray(features, dtype=np.float64))
    y = np.asarray(target, dtype=np.float64)
    mean = float(y.mean())
    slopes = np.linalg.solve(x.T @ x + l2 * np.eye(x.shape[1]), x.T @ (y - mean))
    return _unscaled(np.concatenate([[mean], slopes]), center, scale)


def fold_of(group: str, folds: int = FOLDS) -> int:
    """Which fold a group is in: by its name alone, so that a label added later moves no other."""
    return int.from_bytes(blake2b(group.encode(), digest_size=8).digest()) % folds


def foretold(
    fit: Fit, features: Table, right: Sequence[float] | Floats, groups: Sequence[str], folds: int = FOLDS
) -> Floats:
    """What weights fitted to the other folds say of each label (`weights.value`: its order is what matters). A fold without labels is
    left out, and where the others hold none there is nothing to say: 0.
    """
    x, y = np.asarray(features, dtype=np.float64), np.asarray(right, dtype=np.float64)
    places = np.array([fold_of(group, folds) for group in groups], dtype=np.int64)
    said = np.zeros(len(y))
    for fold in np.unique(places):
        held = places == fold
        if held.all():
            continue
        weights = fit(x[~held], y[~held])
        said[held] = [value(weights, row) for row in x[held].tolist()]
    return said


def auc(scores: Sequence[float] | Floats, right: Sequence[float] | Floats) -> float:
    """The chance that a right one scores above a wrong one, ties counted half; 0.5 where all are right or all wrong."""
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64) > 0.5
    above, below = int(y.sum()), int((~y).sum())
    if not above or not below:
        return 0.5
    _, places, counts = np.unique(s, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[places]
    return float((ranks[y].sum() - above * (above + 1) / 2) / (above * below))


def _standardised(x: Floats) -> tuple[Floats, Floats, Floats]:
    """Features of mean 0 and deviation 1, with what to take off and divide by; one that never varies is left at 0."""
    center = x.mean(axis=0)
    deviation = x.std(axis=0)
    scale = np.where(deviation > 1e-12, deviation, 1.0)
    return (x - center) / scale, center, scale


def _unscaled(beta: Floats, center: Floats, scale: Floats) -> Linear:
    slopes = beta[1:] / scale
    intercept = float(beta[0] - slopes @ center)
    return Linear(intercept=intercept, coefficients=tuple(map(float, slopes)))
