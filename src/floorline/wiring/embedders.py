"""Opens what makes vectors of texts on this machine, and the graph that finds near ones among many: the extra `semantic`.

Is imported before numpy where questions are compared beside calls: of several threads of its matrix products each would spin on a core
that calls need, and take longer for it. Loads numpy itself only once there is something to compare.
"""

import hashlib
import importlib
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from floorline.embedding.embedder import LocalModel
from floorline.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from floorline.embedding.embedder import Embedder
    from floorline.embedding.index import Graph, Neighbour
    from floorline.embedding.sentences import Sentences
    from floorline.embedding.vector import Vector
    from floorline.gateway.policy import Embedding

CONNECTIVITY = 16
EXPANSION_ADD, EXPANSION_SEARCH = 128, 64
NAMED_DIGITS = 16
_CHUNK_BYTES = 1 << 20
_EXTRA = "pip install 'floorline[semantic]'"


def open_embedder(model: "LocalModel | None") -> "Embedder":
    """What makes vectors: the model in these files, or letters alone where there is none. BadInput when the driver is missing, a file is not
    the one it should be, or holds no sentence model.
    """
    if model is None:
        from floorline.embedding.lexical import Lexical  # noqa: PLC0415 - numpy, which most gateways do without

        return Lexical()
    _find(model)
    try:
        return _sentences(model)
    except Exception as error:
        raise BadInput(f"{model.path} with {model.tokenizer} is no sentence model that can be used: {error}") from error


def find_embedders(embedders: "Mapping[str, Embedding]") -> None:
    """BadInput when the driver of a local model is missing, or one of its files is not what it should be."""
    for embedding in embedders.values():
        if embedding.local is not None:
            _find(embedding.local)


def _find(model: "LocalModel") -> None:
    for driver in ("onnxruntime", "tokenizers"):
        if importlib.util.find_spec(driver) is None:
            raise BadInput(f"a local embedder needs {driver}: {_EXTRA}")
    _check(model.path, model.sha256)
    _check(model.tokenizer, model.tokenizer_sha256)


class Embedders:
    """Opens each local model once: a configuration that is loaded again finds those that it had."""

    def __init__(self) -> None:
        self._opened: dict[LocalModel | None, Embedder] = {}

    def open(self, embedding: "Embedding") -> "Embedder | None":
        """What makes vectors on this machine; None where they are served. BadInput as `open_embedder`."""
        if embedding.served:
            return None
        if embedding.local not in self._opened:
            self._opened[embedding.local] = open_embedder(embedding.local)
        return self._opened[embedding.local]


def found_in(folder: Path) -> LocalModel:
    """The sentence model in a folder, with the hashes that its files have: for measurements, where nobody states which they should be.
    BadInput when there is none.
    """
    model, tokenizer = next(iter(sorted(folder.glob("*.onnx"))), None), folder / "tokenizer.json"
    if model is None or not tokenizer.exists():
        raise BadInput(f"{folder} holds no sentence model: it needs one .onnx and its tokenizer.json")
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (model, tokenizer)]
    return LocalModel(path=model, sha256=hashes[0], tokenizer=tokenizer, tokenizer_sha256=hashes[1])


def _check(path: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    if digest.hexdigest() != sha256:
        raise BadInput(
            f"{path} has the sha256 {digest.hexdigest()}, and {sha256} is stated: it is another file, or was changed"
        )


def _sentences(model: "LocalModel") -> "Sentences":
    from floorline.embedding.sentences import Sentences  # noqa: PLC0415 - as above

    onnx, tokenizers = (
        cast("Any", importlib.import_module("onnxruntime")),
        cast("Any", importlib.import_module("tokenizers")),
    )
    options = onnx.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnx.InferenceSession(str(model.path), options, providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_file(str(model.tokenizer))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return Sentences(
        session,
        tokenizer,
        [one.name for one in session.get_inputs()],
        name=f"onnx-{model.sha256[:NAMED_DIGITS]}-{model.tokenizer_sha256[:NAMED_DIGITS]}",
        tokens_max=model.tokens_max,
        multilingual=model.multilingual,
    )


def find_graph() -> "Callable[[int], Graph] | None":
    """What makes a graph for vectors of so many dimensions; None where the driver is missing: every search then compares all."""
    return None if importlib.util.find_spec("usearch") is None else _Usearch


class _Usearch:
    """A graph in memory, its vectors at half precision: nearest neighbours above a cosine of .9 are found as with whole ones."""

    def __init__(self, dimensions: int) -> None:
        if importlib.util.find_spec("onnxruntime") is not None:
            importlib.import_module("onnxruntime")  # in the other order its own start ends the process
        driver = cast("Any", importlib.import_module("usearch.index"))
        self._index = driver.Index(
            ndim=dimensions,
            metric="cos",
            dtype="f16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )

    def add(self, key: int, vector: "Vector") -> None:
        """One more."""
        self._index.add(key, vector, threads=1)

    def remove(self, key: int) -> None:
        """One less."""
        self._index.remove(key, threads=1)

    def search(self, vector: "Vector", count: int) -> "list[Neighbour]":
        """The nearest, nearest first."""
        from floorline.embedding.index import Neighbour  # noqa: PLC0415 - as above

        found = self._index.search(vector, count, threads=1)
        return [
            Neighbour(int(key), 1 - float(distance))  # float: a cosine
            for key, distance in zip(found.keys, found.distances, strict=True)
        ]
