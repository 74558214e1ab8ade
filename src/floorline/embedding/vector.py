"""Vectors, all of length one: the cosine of two is their inner product."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


def unit(vector: Vector) -> Vector:
    """The vector at length one; as it is where it has none."""
    length = float(np.linalg.norm(vector))
    return vector if length == 0 else (vector / np.float32(length)).astype(np.float32)


def of_numbers(numbers: Sequence[float]) -> Vector | None:
    """The vector of these numbers at length one; None where they make none."""
    vector = unit(np.array(numbers, dtype=np.float32))
    return vector if len(numbers) and np.isfinite(vector).all() else None


def packed(vector: Vector) -> bytes:
    """At half precision, as bytes."""
    return vector.astype(np.float16).tobytes()


def unpacked(content: bytes) -> Vector:
    """What was packed."""
    return unit(np.frombuffer(content, dtype=np.float16).astype(np.float32))
