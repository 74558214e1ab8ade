"""What was learned from labels, small enough to be published with a certificate, and what it says of new features.

Evaluated in plain Python where calls are decided; fitted elsewhere (`learning.py`, `trees.py`).
"""

import math
from collections.abc import Sequence

import msgspec


class Linear(msgspec.Struct, frozen=True, kw_only=True, tag="linear"):
    """A regression, logistic or plain, over features as they come: what scales them is folded into the coefficients."""

    intercept: float
    coefficients: tuple[float, ...]


class Tree(msgspec.Struct, frozen=True, array_like=True):
    """One tree: `splits` of (feature, threshold, where to go up to the threshold, where to go above it), the first is the root; a
    negative place n is the leaf −n − 1.
    """

    splits: tuple[tuple[int, float, int, int], ...]
    leaves: tuple[float, ...]


class Trees(msgspec.Struct, frozen=True, kw_only=True, tag="trees"):
    """Boosted trees: the log-odds are `base` and a leaf of every tree."""

    base: float
    trees: tuple[Tree, ...]


Weights = Linear | Trees


def probability(weights: Weights, features: Sequence[float]) -> float:
    """The chance, between 0 and 1, that the answer with these features is right."""
    return logistic(value(weights, features))


def value(weights: Weights, features: Sequence[float]) -> float:
    """What the weights make of the features before it is a probability: the log-odds, or what a regression foretells."""
    return _linear(weights, features) if isinstance(weights, Linear) else _trees(weights, features)


def logistic(log_odds: float) -> float:
    """The probability with those log-odds, without overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    grown = math.exp(log_odds)
    return grown / (1 + grown)


def _linear(weights: Linear, features: Sequence[float]) -> float:
    return weights.intercept + math.fsum(map(float.__mul__, weights.coefficients, map(float, features)))


def _trees(weights: Trees, features: Sequence[float]) -> float:
    total = weights.base
    for tree in weights.trees:
        place, splits = 0 if tree.splits else -1, tree.splits
        while place >= 0:
            feature, threshold, up_to, above = splits[place]
            place = up_to if features[feature] <= threshold else above
        total += tree.leaves[-place - 1]
    return total
