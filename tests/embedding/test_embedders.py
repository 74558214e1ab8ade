"""What makes vectors of texts: one contract for every embedder on this machine."""

from dataclasses import replace

import numpy as np
import pytest

from floorline.embedding.embedder import Embedder
from floorline.embedding.vector import Vector
from floorline.errors import BadInput
from floorline.wiring.embedders import open_embedder
from tests.support.embedders import minilm


@pytest.fixture(scope="module", params=["letters", "sentences"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return open_embedder(None if request.param == "letters" else minilm())


def vector(embedder: Embedder, text: str) -> Vector:
    found = embedder.embed(text).vector
    assert found is not None
    return found


def test_a_vector_is_of_length_one_and_the_same_every_time(embedder: Embedder) -> None:
    one, again = (vector(embedder, "How do I cancel my plan?") for _ in range(2))
    assert one.dtype == np.float32
    assert one.shape == (embedder.dimensions,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(one, again)


def test_a_text_is_nearer_to_another_spelling_of_itself_than_to_another_question(embedder: Embedder) -> None:
    asked = vector(embedder, "how do i cancel my subscription")
    alike, other = (
        vector(embedder, "How can I cancel my subscription?"),
        vector(embedder, "what is the weather in Oslo"),
    )
    assert asked @ alike > 0.6 > asked @ other


def test_a_text_beyond_the_window_has_no_vector(embedder: Embedder) -> None:
    long = embedder.embed("cancel my plan " * 400)
    assert long.vector is None
    assert long.tokens > embedder.tokens_max


def test_the_empty_text_and_a_single_letter_have_vectors(embedder: Embedder) -> None:
    for text in ("", "a", "\ud800", "\0"):
        assert vector(embedder, text).shape == (embedder.dimensions,)


def test_the_sentence_model_says_which_tokens_it_does_not_know() -> None:
    english, chinese = (open_embedder(minilm()).embed(text) for text in ("cancel my plan", "取消我的订阅"))
    assert (english.unknown, english.tokens) == (0, 5)
    assert (chinese.unknown, chinese.tokens) == (4, 8)


def test_the_sentence_model_knows_what_letters_do_not() -> None:
    asked, answered = "how do I stop paying for this", "cancel my subscription"
    letters, sentences = (open_embedder(model) for model in (None, minilm()))
    assert (
        vector(sentences, asked) @ vector(sentences, answered)
        > vector(letters, asked) @ vector(letters, answered) + 0.2
    )


def test_a_model_that_is_another_file_is_refused() -> None:
    with pytest.raises(BadInput, match="it is another file, or was changed"):
        open_embedder(replace(minilm(), sha256="0" * 64))


def test_a_file_that_is_no_model_is_refused() -> None:
    model = minilm()
    with pytest.raises(BadInput, match="no sentence model that can be used"):
        open_embedder(replace(model, path=model.tokenizer, sha256=model.tokenizer_sha256))


def test_a_file_that_is_gone_is_named() -> None:
    model = minilm()
    with pytest.raises(BadInput, match=r"nowhere\.onnx cannot be read"):
        open_embedder(replace(model, path=model.path.with_name("nowhere.onnx")))
