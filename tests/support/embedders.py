"""The sentence model that lies beside the checkout."""

from importlib.util import find_spec

from floorline.embedding.embedder import LocalModel
from tests.support.data import require, shared_data

MODEL_SHA256 = "8970a0bc1171ab7a558cf4f7bea4a8e7ad39d422265df91ce67d42714b6c40b2"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


def minilm() -> LocalModel:
    """The files of the small sentence model; the test that needs it skips where they or their driver are absent."""
    for driver in ("onnxruntime", "tokenizers"):
        require(find_spec(driver) is not None, f"{driver} is not installed")
    folder = shared_data("minilm")
    return LocalModel(
        path=folder / "model.int8.onnx",
        sha256=MODEL_SHA256,
        tokenizer=folder / "tokenizer.json",
        tokenizer_sha256=TOKENIZER_SHA256,
    )
