"""Classifiers of intents on public examples: as right as was promised on texts kept from them, and what abstaining is worth."""

import tempfile
from pathlib import Path
from statistics import fmean

import pytest

from floorline.bench.intents import SPLITS, Texts, judged, right_share, texts_of
from floorline.bench.semantic.data import Asked, embedded, read_banking, read_clinc
from floorline.embedding.embedder import Embedder
from floorline.wiring.embedders import open_embedder
from tests.support.data import shared_data
from tests.support.embedders import minilm

KEPT = Path(tempfile.gettempdir()) / "floorline-bench-vectors"
"""The same vectors as the proofs of the semantic cache go by."""

FEW = {"CLINC150": {5: 0.85, 10: 0.90, 20: 0.92}, "Banking77": {5: 0.74, 10: 0.81, 20: 0.85}}
"""What so few examples a class must reach."""


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return open_embedder(minilm())


@pytest.fixture(scope="module")
def strangers(embedder: Embedder) -> list[Asked]:
    return embedded(read_clinc(shared_data("clinc150").parent)[1], embedder, KEPT)


@pytest.fixture(scope="module")
def clinc(embedder: Embedder, strangers: list[Asked]) -> Texts:
    return texts_of("CLINC150", embedded(read_clinc(shared_data("clinc150").parent)[0], embedder, KEPT), strangers)


@pytest.fixture(scope="module")
def banking(embedder: Embedder, strangers: list[Asked]) -> Texts:
    return texts_of("Banking77", embedded(read_banking(shared_data("banking77").parent), embedder, KEPT), strangers)


def promised(texts: Texts, least: float) -> None:
    """Every split reaches `least`, and few examples what they must."""
    shares = [right_share(texts, seed) for seed in range(SPLITS)]
    few = {many: fmean([right_share(texts, seed, many) for seed in range(SPLITS)]) for many in FEW[texts.name]}
    assert min(shares) >= least, shares
    assert all(share >= FEW[texts.name][many] for many, share in few.items()), few


def abstains(texts: Texts, answered_min: float) -> None:
    """With 20 examples a class and strangers among them no more is wrong than it was fitted for, but for chance."""
    found = judged(texts, 0, 20)
    assert found.answered >= answered_min
    assert found.wrong <= 0.05 + 0.01
    assert found.strangers <= 0.25
    assert found.wrong_in_all <= 0.05 + 0.015


@pytest.mark.prove
def test_clincs_intents_are_told_apart(clinc: Texts) -> None:
    promised(clinc, 0.945)


@pytest.mark.prove
def test_a_banks_intents_are_told_apart_though_they_lie_close_together(banking: Texts) -> None:
    promised(banking, 0.915)


@pytest.mark.prove
def test_what_is_not_sure_is_not_answered(clinc: Texts, banking: Texts) -> None:
    abstains(clinc, 0.85)
    abstains(banking, 0.65)
