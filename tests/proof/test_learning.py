"""What is learned from labels: it finds what is there, in few bytes, and is judged on groups that it has not seen."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.proof.learning import auc, fit_logistic, fit_ridge, fold_of, foretold
from floorline.proof.trees import fit_trees
from floorline.proof.weights import probability, value


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """3,000 labels of five features: two tell in a straight line, two only together, one nothing at all."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=(3_000, 5)) * [1.0, 2.0, 1.0, 1.0, 1.0] + [0.0, 5.0, 0.0, 0.0, 0.0]
    log_odds = 1.5 * x[:, 0] - 0.5 * (x[:, 1] - 5) + 1.5 * x[:, 2] * x[:, 3] + 0.4
    return x, (draw.random(3_000) < 1 / (1 + np.exp(-log_odds))).astype(float)


def test_a_regression_finds_the_line_and_trees_what_lies_beside_it(drawn):
    x, y = drawn
    straight, grown = fit_logistic(x[:2_000], y[:2_000]), fit_trees(x[:2_000], y[:2_000])
    assert straight.coefficients[0] > 0 > straight.coefficients[1]
    assert abs(straight.coefficients[4]) < 0.2
    by_line, by_trees = (auc([probability(w, row) for row in x[2_000:].tolist()], y[2_000:]) for w in (straight, grown))
    assert 0.75 < by_line < by_trees - 0.03


def test_what_is_learned_says_how_often_it_is_right(drawn):
    x, y = drawn
    for weights in (fit_logistic(x, y), fit_trees(x, y)):
        said = np.array([probability(weights, row) for row in x.tolist()])
        assert said.mean() == pytest.approx(y.mean(), abs=0.02)
        sure = said > 0.8
        assert y[sure].mean() == pytest.approx(said[sure].mean(), abs=0.06)


def test_trees_fit_in_ten_kilobytes(drawn):
    assert len(msgspec.json.encode(fit_trees(*drawn))) <= 10_000


def test_a_regression_converges_where_a_feature_tells_everything_or_never_varies():
    x = np.array([[0.0, 1.0], [0.1, 1.0], [0.9, 1.0], [1.0, 1.0]])
    weights = fit_logistic(x, [0, 0, 1, 1])
    assert probability(weights, (0.0, 1.0)) < 0.5 < probability(weights, (1.0, 1.0))
    assert weights.coefficients[1] == 0
    assert probability(fit_logistic(x, [1, 1, 1, 1]), (0.5, 1.0)) > 0.9


def test_labels_that_nothing_tells_apart_grow_no_tree():
    weights = fit_trees(np.ones((200, 3)), [1.0, 0.0] * 100)
    assert (weights.trees, probability(weights, (1.0, 1.0, 1.0))) == ((), 0.5)


def test_a_ridge_foretells_what_is_a_line(drawn):
    x, _ = drawn
    weights = fit_ridge(x, 2 * x[:, 0] - x[:, 1] + 3, l2=1e-6)
    assert value(weights, (1.0, 2.0, 0.0, 0.0, 0.0)) == pytest.approx(3.0)


def test_a_group_is_never_judged_by_what_was_fitted_to_it():
    """Right is the group's own: who has seen the group knows it, and nobody else can."""
    draw = np.random.default_rng(2)
    groups = [f"customer-{n}" for n in range(60) for _ in range(5)]
    x = np.repeat(np.eye(60), 5, axis=0)
    y = np.repeat((draw.random(60) < 0.5).astype(float), 5)
    weights = fit_logistic(x, y, l2=0.01)
    assert auc([value(weights, row) for row in x.tolist()], y) > 0.99
    assert auc(foretold(fit_logistic, x, y, groups), y) < 0.6


def test_one_group_alone_foretells_nothing():
    assert foretold(fit_logistic, [[0.0], [1.0]], [0, 1], ["a", "a"]).tolist() == [0, 0]


def test_groups_are_spread_over_every_fold_by_their_names():
    assert {fold_of(f"customer-{n}") for n in range(50)} == {0, 1, 2, 3, 4}


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=30))
def test_auc_is_the_share_of_pairs_in_the_right_order(drawn_: list[tuple[int, bool]]):
    wins = [(a > b) + 0.5 * (a == b) for a, right in drawn_ if right for b, other in drawn_ if not other]
    found = auc([score for score, _ in drawn_], [float(right) for _, right in drawn_])
    assert found == pytest.approx(sum(wins) / len(wins) if wins else 0.5)
