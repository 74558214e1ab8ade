"""`gateway.embedders`: what makes vectors of questions."""

from pathlib import Path

import pytest

from floorline.config import Parsed, parse
from floorline.embedding.embedder import LocalModel
from floorline.gateway.policy import Embedding

DIGEST = "0123456789abcdef" * 4
FILES = f"model: m/model.onnx, sha256: {DIGEST}, tokenizer: m/tokenizer.json, tokenizer_sha256: {DIGEST}"


def parsed(inner: str) -> Parsed:
    return parse(f"gateway: {{embedders: {{small: {{{inner}}}}}}}".encode(), Path("/etc/floorline.yaml"), {})


def found(inner: str) -> Embedding:
    read = parsed(inner)
    assert not read.problems
    return read.config.gateway.embedders["small"]


def test_a_local_model_is_its_files_and_their_hashes() -> None:
    local = LocalModel(
        path=Path("/etc/m/model.onnx"), sha256=DIGEST, tokenizer=Path("/etc/m/tokenizer.json"), tokenizer_sha256=DIGEST
    )
    assert found(FILES) == Embedding(local=local)
    more = found(f"{FILES}, window: 128, multilingual: true, time: 50ms")
    assert more.local is not None
    assert (more.local.tokens_max, more.local.multilingual, more.time_ms) == (128, True, 50)


def test_a_served_model_is_its_name() -> None:
    assert found("served: text-embedding-3-small") == Embedding(served="text-embedding-3-small")
    assert found("served: e, dimensions: 512, window: 512, time: 2s") == Embedding(
        served="e", dimensions=512, tokens_max=512, time_ms=2_000
    )


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("time: 1s", "lacks `model`, `sha256`, `tokenizer`, `tokenizer_sha256`"),
        ("model: m.onnx", "lacks `sha256`, `tokenizer`, `tokenizer_sha256`"),
        (FILES.replace(DIGEST, "abc", 1), "`gateway.embedders.small.sha256` is no hash"),
        (f"{FILES}, served: e", "`gateway.embedders.small.model` is of a local model"),
        (f"{FILES}, dimensions: 64", "`gateway.embedders.small.dimensions` is for a model that is `served`"),
        (f"{FILES}, window: 1000000", "`gateway.embedders.small.window` is 1000000, it may be at most 131072"),
        ("served: e, time: 1m", "`gateway.embedders.small.time` is 1m"),
        ("serves: e", "unknown setting `gateway.embedders.small.serves`"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(inner: str, message: str) -> None:
    assert message in "\n".join(str(problem) for problem in parsed(inner).problems)
