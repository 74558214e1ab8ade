"""What the semantic cache is measured on: QQP's judged pairs, and the intents of Banking77 and CLINC150, where the same intent is the same answer."""

import csv
import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from floorline.embedding.embedder import Embedder
from floorline.embedding.vector import Vector
from floorline.errors import BadInput

BANKING, CLINC, QQP = "banking77/train.csv.gz", "clinc150/data_train_val.json", "gptcache_qqp/qqp_pairs_dev.jsonl.gz"


class Text(NamedTuple):
    """A question, and what its model answers: the name of its intent; of a stranger a name of its own."""

    text: str
    answer: str


class Pair(msgspec.Struct, frozen=True):
    """Two questions, and whether people said that they ask the same (1)."""

    text_a: str
    text_b: str
    label: int


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its vector, how many tokens it has and how many of them the embedder does not know. No vector: it is longer than its window."""

    text: str
    answer: str
    vector: Vector | None
    tokens: int
    unknown: int


def read_banking(folder: Path) -> list[Text]:
    """Every question of Banking77 in file order."""
    with gzip.open(_there(folder / BANKING), "rt", encoding="utf-8", newline="") as file:
        return [Text(row["text"], f"banking {row['category']}") for row in csv.DictReader(file)]


def read_clinc(folder: Path) -> tuple[list[Text], list[Text]]:
    """Questions of CLINC150 that have an intent, in file order, and those that have none: each is a stranger to every other."""
    found = msgspec.json.decode(_there(folder / CLINC).read_bytes(), type=dict[str, list[tuple[str, str]]])
    known = [Text(text, intent) for name in ("train", "val") for text, intent in found[name]]
    strangers = [text for name in ("oos_train", "oos_val") for text, _ in found[name]]
    return known, [Text(text, f"stranger {number}") for number, text in enumerate(strangers)]


def read_pairs(folder: Path) -> list[Pair]:
    """Every pair in file order."""
    decode = msgspec.json.Decoder(Pair).decode
    with gzip.open(_there(folder / QQP), "rb") as file:
        return [decode(line) for line in file]


def embedded(texts: Sequence[Text], embedder: Embedder, kept: Path) -> list[Asked]:
    """The texts with their vectors, which are kept in the folder `kept` for the next time."""
    content = msgspec.json.encode([embedder.name, [one.text for one in texts]])
    path = kept / f"{hashlib.sha256(content).hexdigest()[:24]}.npz"
    if not path.exists():
        _embed(texts, embedder, path)
    with np.load(path) as file:
        vectors, tokens, unknown = file["vectors"].astype(np.float32), file["tokens"].tolist(), file["unknown"].tolist()
    return [
        Asked(text=one.text, answer=one.answer, vector=vector if vector.any() else None, tokens=count, unknown=strange)
        for one, vector, count, strange in zip(texts, vectors, tokens, unknown, strict=True)
    ]


def _embed(texts: Sequence[Text], embedder: Embedder, path: Path) -> None:
    made = [embedder.embed(one.text) for one in texts]
    nothing = np.zeros(embedder.dimensions, dtype=np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        vectors=np.array([nothing if one.vector is None else one.vector for one in made], dtype=np.float32),
        tokens=np.array([one.tokens for one in made]),
        unknown=np.array([one.unknown for one in made]),
    )
    part.rename(path)


def _there(path: Path) -> Path:
    if not path.exists():
        raise BadInput(f"bench semantic needs {path}: give the folder that holds it with --data")
    return path
