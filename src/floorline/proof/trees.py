"""Small boosted trees fitted to labels: fifty of eight leaves tell more than a regression from about 2,000 labels on, in 10 kB of JSON.

Features are cut at quantiles once, to four digits; each tree is grown at the leaf that gains most, on the log loss's first and second
derivatives, and what is learned from one tree is damped before the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorline.proof.learning import Floats, Table
from floorline.proof.weights import Tree, Trees

Bins = NDArray[np.int64]

TREES = 50
LEAVES = 8
_RATE = 0.15
_CUTS = 31
_L2 = 5.0
_LEAF_LABELS_MIN = 20
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """The best way to part the labels of a leaf: those up to the cut of the feature, and those above."""

    gain: float
    feature: int
    cut: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Leaf:
    """Labels that a tree does not tell apart: their places, and the split that hangs them up (`parent`; `above` it or not)."""

    rows: Bins
    split: _Split | None
    parent: int = -1
    above: bool = False


def fit_trees(features: Table, right: Sequence[float] | Floats, trees: int = TREES, leaves: int = LEAVES) -> Trees:
    """Boosted trees for the chance of being right (0 or 1)."""
    x, y = np.asarray(features, dtype=np.float64), np.asarray(right, dtype=np.float64)
    cuts = [_cuts(column) for column in x.T]
    bins: Bins = np.zeros(x.shape, dtype=np.int64)
    for column, cut in enumerate(cuts):
        bins[:, column] = np.searchsorted(cut, x[:, column], side="left")
    rate = (y.sum() + 1) / (len(y) + 2)
    base = _rounded(float(np.log(rate / (1 - rate))))
    log_odds = np.full(len(y), base)
    grown: list[Tree] = []
    for _ in range(trees):
        chance = 1 / (1 + np.exp(-log_odds))
        tree, said = _grow(bins, cuts, y - chance, chance * (1 - chance), leaves)
        if not tree.splits:
            break
        grown.append(tree)
        log_odds += said
    return Trees(base=base, trees=tuple(grown))


def _cuts(column: Floats) -> Floats:
    """Where a feature may be cut: at its quantiles, none at its highest value, above which there is nothing."""
    inner = np.quantile(column, np.linspace(0, 1, _CUTS + 2)[1:-1], method="lower")
    found = np.unique([_rounded(float(cut)) for cut in inner])
    return found[found < column.max()]


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")


def _grow(bins: Bins, cuts: Sequence[Floats], pull: Floats, weight: Floats, leaves: int) -> tuple[Tree, Floats]:
    """One tree, and what it adds to the log-odds of every label."""
    everyone = np.arange(len(pull))
    open_leaves = [_Leaf(rows=everyone, split=_best(bins, cuts, pull, weight, everyone))]
    splits: list[tuple[int, float, int, int]] = []
    while len(open_leaves) < leaves:
        parted = max(open_leaves, key=lambda leaf: leaf.split.gain if leaf.split else 0.0)
        split = parted.split
        if split is None:
            break
        open_leaves.remove(parted)
        place = len(splits)
        splits.append((split.feature, float(cuts[split.feature][split.cut]), 0, 0))
        _hang(splits, parted, place)
        is_above = bins[parted.rows, split.feature] > split.cut
        for above in (False, True):
            rows = parted.rows[is_above == above]
            best = _best(bins, cuts, pull, weight, rows)
            open_leaves.append(_Leaf(rows=rows, split=best, parent=place, above=above))
    said, values = np.zeros(len(pull)), list[float]()
    for leaf in open_leaves:
        found = _rounded(_RATE * float(pull[leaf.rows].sum()) / (float(weight[leaf.rows].sum()) + _L2))
        values.append(found)
        said[leaf.rows] = found
        _hang(splits, leaf, -len(values))
    return Tree(tuple(splits), tuple(values)), said


def _hang(splits: list[tuple[int, float, int, int]], leaf: _Leaf, place: int) -> None:
    """Let the split that the leaf hangs on lead to `place`."""
    if leaf.parent < 0:
        return
    feature, threshold, up_to, above = splits[leaf.parent]
    splits[leaf.parent] = (feature, threshold, up_to, place) if leaf.above else (feature, threshold, place, above)


def _best(bins: Bins, cuts: Sequence[Floats], pull: Floats, weight: Floats, rows: Bins) -> _Split | None:
    """The split of these labels that gains most, None when none gains or parts off too few."""
    if len(rows) < 2 * _LEAF_LABELS_MIN:
        return None
    width = _CUTS + 1
    columns = bins.shape[1]
    keys: Bins = np.ravel(bins[rows] + np.arange(columns, dtype=np.int64) * width)
    size = columns * width

    def below(of: Floats | None) -> Floats:
        """Sums of labels up to each cut, a row a feature."""
        spread = None if of is None else np.repeat(of[rows], columns)
        return np.bincount(keys, weights=spread, minlength=size).reshape(columns, width).cumsum(axis=1)

    counts, pulls, weights = below(None), below(pull), below(weight)
    total, mass = pulls[:, -1:], weights[:, -1:]
    gains = pulls**2 / (weights + _L2) + (total - pulls) ** 2 / (mass - weights + _L2) - total**2 / (mass + _L2)
    few = (counts < _LEAF_LABELS_MIN) | (len(rows) - counts < _LEAF_LABELS_MIN)
    gains[few] = -np.inf
    place = int(np.argmax(gains))
    feature, cut = divmod(place, width)
    gain = float(gains[feature, cut])
    if gain <= 1e-9 or cut >= len(cuts[feature]):
        return None
    return _Split(gain=gain, feature=feature, cut=cut)
