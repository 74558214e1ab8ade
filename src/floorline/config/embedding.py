"""`gateway.embedders` of floorline.yaml: what makes vectors of questions, by the names that rules use."""

import re
from collections.abc import Mapping
from pathlib import Path

from floorline.config.reader import Value
from floorline.config.settings import names_below
from floorline.embedding.embedder import LOCAL_TOKENS_MAX, LocalModel
from floorline.gateway.policy import Embedding

TIME_MS_MAX = 10_000
WINDOW_MAX = 1 << 17
DIMENSIONS_MAX = 1 << 13
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILES = ("model", "sha256", "tokenizer", "tokenizer_sha256")
_OF_FILES = (*_FILES, "multilingual")


def read_embedders(value: Value, folder: Path) -> dict[str, Embedding]:
    """The embedders by name. Paths begin at `folder`."""
    return {name: _embedder(entry.value, folder) for name, entry in value.entries().items()}


def _embedder(value: Value, folder: Path) -> Embedding:
    table, default = value.table(names_below("gateway.embedders.<embedder>")), Embedding()
    time_ms = table["time"].duration_ms(maximum=TIME_MS_MAX) if "time" in table else None
    window = _whole(table, "window", WINDOW_MAX)
    served = (table["served"].text() if "served" in table else None) or ""
    if served:
        for name in _OF_FILES:
            if name in table:
                table[name].complain(f"`{table[name].path}` is of a local model: leave it out beside `served`")
        return Embedding(
            served=served,
            dimensions=_whole(table, "dimensions", DIMENSIONS_MAX),
            tokens_max=window or default.tokens_max,
            time_ms=time_ms or default.time_ms,
        )
    if "dimensions" in table:
        table["dimensions"].complain(
            f"`{table['dimensions'].path}` is for a model that is `served`: a file has its own"
        )
    missing = [name for name in _FILES if name not in table]
    if missing:
        value.complain(
            f"`{value.path}` lacks {', '.join(f'`{name}`' for name in missing)}: write served: text-embedding-3-small, "
            "or the files of a local model with their hashes"
        )
        return default
    local = LocalModel(
        path=folder / (table["model"].text() or ""),
        sha256=_sha256(table["sha256"]),
        tokenizer=folder / (table["tokenizer"].text() or ""),
        tokenizer_sha256=_sha256(table["tokenizer_sha256"]),
        tokens_max=window or LOCAL_TOKENS_MAX,
        multilingual="multilingual" in table and table["multilingual"].flag() is True,
    )
    return Embedding(local=local, time_ms=time_ms or default.time_ms)


def _whole(table: Mapping[str, Value], name: str, maximum: int) -> int | None:
    number = table[name].whole(minimum=1) if name in table else None
    if number is not None and number > maximum:
        table[name].complain(f"`{table[name].path}` is {number}, it may be at most {maximum}")
    return number


def _sha256(value: Value) -> str:
    digest = (value.text() or "").lower()
    if not _SHA256.fullmatch(digest):
        value.complain(f"`{value.path}` is no hash: write the 64 digits that `sha256sum FILE` prints")
    return digest
