"""Vectors by key: few and many, coming and going."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from floorline.embedding.index import Index
from floorline.embedding.vector import Vector
from floorline.wiring.embedders import find_graph
from tests.support.data import require
from tests.support.embedders import minilm

DIMENSIONS = 32


def vectors(count: int, seed: int = 1) -> list[Vector]:
    made = np.random.default_rng(seed).standard_normal((count, DIMENSIONS)).astype(np.float32)
    return list(made / np.linalg.norm(made, axis=1, keepdims=True))


def filled(index: Index, held: list[Vector]) -> Index:
    for key, one in enumerate(held):
        index.add(key, one)
    return index


@pytest.fixture(params=["compared", "through a graph"])
def index(request: pytest.FixtureRequest) -> Index:
    if request.param == "compared":
        return Index(DIMENSIONS)
    require(find_spec("usearch") is not None, "usearch is not installed")
    return Index(DIMENSIONS, find_graph(), exact_max=100)


def test_a_vector_is_nearest_to_itself(index: Index) -> None:
    held = vectors(500)
    filled(index, held)
    for key in (0, 99, 100, 499):
        found = index.search(held[key], 3)
        assert found[0].key == key
        assert found[0].similarity == pytest.approx(1, abs=2e-3)
        assert [one.similarity for one in found] == sorted((one.similarity for one in found), reverse=True)


def test_what_was_removed_is_not_found(index: Index) -> None:
    held = vectors(300)
    filled(index, held)
    for key in range(0, 300, 2):
        index.remove(key)
    assert len(index) == 150
    assert all(one.key % 2 for key in range(300) for one in index.search(held[key], 5))
    assert index.search(held[7], 1)[0].key == 7
    index.remove(2)  # again
    index.add(2, held[2])
    assert index.search(held[2], 1)[0].key == 2


def test_nothing_is_found_where_nothing_is_held(index: Index) -> None:
    assert index.search(vectors(1)[0], 5) == []
    index.add(7, vectors(1)[0])
    index.remove(7)
    assert index.search(vectors(1)[0], 5) == []


def test_many_are_found_through_a_graph_as_by_comparing_all() -> None:
    require(find_spec("usearch") is not None, "usearch is not installed")
    held = vectors(2_000)
    compared = filled(Index(DIMENSIONS), held)
    graph = filled(Index(DIMENSIONS, find_graph(), exact_max=1_000), held)
    assert compared.exact
    assert not graph.exact
    noise = np.random.default_rng(2)
    asked = [one + 0.05 * noise.standard_normal(DIMENSIONS).astype(np.float32) for one in held[::10]]
    same = sum(compared.search(one, 1)[0].key == graph.search(one, 1)[0].key for one in asked)
    assert same >= 0.99 * len(asked)


def test_what_moves_into_a_graph_is_found_at_every_moment_of_it() -> None:
    require(find_spec("usearch") is not None, "usearch is not installed")
    held = vectors(400)
    index = Index(DIMENSIONS, find_graph(), exact_max=200)
    for number, one in enumerate(held):
        index.add(number, one)
        for key in (0, number // 2, number):
            assert index.search(held[key], 1)[0].key == key
        if number % 7 == 3:
            index.remove(number)
            assert all(found.key != number for found in index.search(one, 3))
            index.add(number, one)
        assert len(index) == number + 1


GRAPH_FIRST = """
import numpy as np
from floorline.wiring.embedders import find_graph, open_embedder
from tests.support.embedders import minilm
graph = find_graph()(8)
graph.add(1, np.ones(8, dtype=np.float32))
print(open_embedder(minilm()).embed("hello").tokens)
"""


@pytest.mark.prove
def test_a_model_may_be_opened_after_a_graph_was_made() -> None:
    """Both drivers bring libraries of their own, and one of the two orders ends the process: a gateway may meet either."""
    for driver in ("usearch", "onnxruntime", "tokenizers"):
        require(find_spec(driver) is not None, f"{driver} is not installed")
    minilm()
    done = subprocess.run([sys.executable, "-c", GRAPH_FIRST], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "3"), done.stderr
