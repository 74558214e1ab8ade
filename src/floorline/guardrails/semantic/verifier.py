"""A verifier of near questions, learned from the feature's own labels and from nobody else's.

It is fitted from LABELS_LEARNED labels on, as a regression, and from LABELS_TREES on as small trees too. What is known of it is what it says of labels that it was not
fitted to: all labels of one stored question are one group, and each group is judged by a verifier of the others. Only one that so tells right from
wrong better than the cosine and the neighbours' answers do is used.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from floorline.events import Label
from floorline.guardrails.semantic import features
from floorline.guardrails.semantic.scoring import AGREEING, score
from floorline.proof.learning import Fit, Floats, auc, fit_logistic, foretold
from floorline.proof.trees import fit_trees
from floorline.proof.weights import Weights, logistic

LABELS_LEARNED, LABELS_TREES = 500, 2_000
BETTER_BY = 0.005
"""An area under the curve that is larger by less is no better: it would be another verifier after every look."""


class Scored(NamedTuple):
    """What scores of labels a way to judge gives: without weights the cosine is the score."""

    weights: Weights | None
    scores: Floats


def ways(labels: Sequence[Label]) -> list[Scored]:
    """The ways to judge that there are: the cosine, the neighbours' answers where these were compared, and a verifier where one is better than both."""
    found = [_scored(None, labels)]
    if any(label.features[features.AGREEMENT] > 0 for label in labels):
        found.append(_scored(AGREEING, labels))
    right = np.array([float(label.right) for label in labels])
    if len(labels) < LABELS_LEARNED or right.min() == right.max():
        return found
    best = max(auc(one.scores, right) for one in found) + BETTER_BY
    learned = max((_learned(fit, labels, right) for fit in _fits(len(labels))), key=lambda one: auc(one.scores, right))
    if auc(learned.scores, right) > best:
        found.append(learned)
    return found


def _fits(labels: int) -> Sequence[Fit]:
    return (fit_logistic, fit_trees) if labels >= LABELS_TREES else (fit_logistic,)


def _learned(fit: Fit, labels: Sequence[Label], right: Floats) -> Scored:
    """The verifier fitted to all labels, with scores of verifiers that were not fitted to the label's group."""
    x = np.array([label.features for label in labels])
    said = foretold(fit, x, right, [label.other_call_id for label in labels])
    return Scored(fit(x, right), np.array([logistic(one) for one in said.tolist()]))


def _scored(weights: Weights | None, labels: Sequence[Label]) -> Scored:
    return Scored(weights, np.array([score(weights, label.score, label.features) for label in labels]))
