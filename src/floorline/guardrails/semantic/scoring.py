"""What a certificate's threshold is held against: the cosine, what the neighbours' answers add to it, or what was learned."""

from collections.abc import Sequence

from floorline.guardrails.semantic import features
from floorline.proof.weights import Linear, Weights, probability

_STEEPNESS = 16.0


def _agreeing() -> Linear:
    slopes = [0.0] * len(features.NAMES)
    slopes[features.SIMILARITY] = slopes[features.AGREEMENT] = _STEEPNESS / 2
    return Linear(intercept=-_STEEPNESS / 2, coefficients=tuple(slopes))


AGREEING = _agreeing()
"""The mean of the cosine and of the share of the neighbours that were answered alike, drawn apart so that scores can be told. Nothing is learned in it."""


def score(weights: Weights | None, similarity: float, of_pair: Sequence[float]) -> float:
    """The score of a pair under a certificate's weights; without any the cosine."""
    return similarity if weights is None else probability(weights, of_pair)
