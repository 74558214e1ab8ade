"""Text whose tokens can be counted in the head: a token is four bytes of UTF-8, the last one may be shorter."""

import base64
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np

_WORDS = (
    "the", "sun", "has", "set", "and", "our", "new", "day", "may", "yet", "ask", "for", "one", "out", "box", "red",
    "fox", "who", "can", "see", "all", "its", "own", "way", "far", "off", "low", "sky", "now", "you", "her", "ice",
)  # fmt: skip


def tokens(said: str) -> int:
    """How many tokens `said` has."""
    return (len(said.encode()) + 3) // 4


def prose(seed: bytes, count: int) -> str:
    """Exactly `count` tokens of words of three letters, drawn by `seed`."""
    size = len(seed)
    return " ".join([_WORDS[(seed[n % size] + 7 * (n // size)) % len(_WORDS)] for n in range(count)])


def pieces(said: str, count: int) -> list[str]:
    """ASCII text as at most `count` pieces of whole tokens, as even as can be; none when it is empty."""
    whole = tokens(said)
    count = max(min(count, whole), 1)
    cuts = [4 * (whole * n // count) for n in range(count)] + [len(said)]
    return [said[start:end] for start, end in pairwise(cuts) if end > start]


def json_text(value: object) -> str:
    """`value` as compact JSON, text beyond ASCII as it is."""
    return msgspec.json.encode(value).decode()


def vector(seed: bytes, dimensions: int) -> np.ndarray:
    """A vector of length 1, drawn by `seed`."""
    drawn = np.random.default_rng(int.from_bytes(seed, "big")).standard_normal(dimensions, dtype=np.float32)
    return drawn / np.linalg.norm(drawn)


def numbers(values: np.ndarray) -> Sequence[float]:
    """A vector as JSON numbers."""
    return [round(value, 8) for value in values.tolist()]


def packed(values: np.ndarray) -> str:
    """A vector as base64 of little-endian 32-bit floats."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode()
