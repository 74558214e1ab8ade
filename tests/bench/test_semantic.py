"""The semantic cache's promises on public data sets, by the rules that ship. Every figure of safety stands beside what was served."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import pytest

from floorline.bench.semantic import pairs, suite, traps
from floorline.bench.semantic.data import Asked, embedded, read_banking, read_clinc
from floorline.embedding.embedder import Embedder
from floorline.wiring.embedders import open_embedder
from tests.support.data import shared_data
from tests.support.embedders import minilm

KEPT = Path(tempfile.gettempdir()) / "floorline-bench-vectors"
"""Vectors take most of the time, and are the same whenever they are made."""


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return open_embedder(minilm())


@pytest.fixture(scope="module")
def data() -> Path:
    return shared_data("gptcache_qqp").parent


@pytest.fixture(scope="module")
def banking(data: Path, embedder: Embedder) -> Sequence[Asked]:
    return embedded(read_banking(data), embedder, KEPT)


def test_no_trap_is_answered_and_the_same_in_other_words_is(embedder: Embedder) -> None:
    tried = list(traps.tried(embedder))
    assert [one for one in tried if not one.stopped] == []
    assert max(one.similarity for one in tried if one.kind in ("numbers", "scripts", "swaps")) > 0.95
    assert sum(not one.stopped for one in traps.allowed(embedder)) >= len(traps.SAME) - 1


@pytest.mark.prove
def test_pairs_that_were_picked_to_look_alike_keep_no_promise_of_two_percent_and_one_of_ten(
    data: Path, embedder: Embedder
) -> None:
    judged = pairs.judged(data, embedder, KEPT)
    recalls: list[float] = []
    for split in range(pairs.SPLITS):
        for budget in (0.01, 0.02):
            found = pairs.checked(judged, budget, split)
            assert (found.certificate.state, found.hits) == ("refused", 0)
            assert found.certificate.reason.startswith("no safe operating point")
        found = pairs.checked(judged, 0.1, split)
        assert found.certificate.acts
        assert found.false_hits <= 0.1
        recalls.append(found.recall)
    assert fmean(recalls) >= 0.2, recalls
    assert min(recalls) >= 0.15, recalls


@pytest.mark.prove
def test_a_bank_of_questions_from_an_empty_cache_is_served_within_five_percent(banking: Sequence[Asked]) -> None:
    for seed in range(suite.SEEDS):
        found = suite.streamed(banking, 0.05, seed)
        assert found.served >= 0.4, found
        assert found.false_hits <= 0.05, found


@pytest.mark.prove
@pytest.mark.parametrize("budget", suite.SHIFTED)
def test_strangers_from_the_middle_on_keep_within_the_budget_or_raise_an_alarm(
    data: Path, embedder: Embedder, banking: Sequence[Asked], budget: float
) -> None:
    known, strangers = (embedded(texts, embedder, KEPT) for texts in read_clinc(data))
    for seed in range(2):
        before, after, _ = suite.shifted(known, strangers, banking, budget, seed)
        assert min(before.served, after.served) >= 0.15, (before, after)
        assert after.false_hits <= budget or after.alarms, after
