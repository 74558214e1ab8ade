"""The seam of everything that makes a vector of a text."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:  # who compares no vectors loads no numpy
    from floorline.embedding.vector import Vector


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """A text as a vector. `vector` None: the text is longer than the window, and what is cut off would be compared as equal.

    `tokens` counts the whole text as the model reads it, `unknown` how many of them it does not know: two texts of unknown
    tokens alone look the same to it.
    """

    vector: "Vector | None"
    tokens: int
    unknown: int = 0


LOCAL_TOKENS_MAX = 256
"""The window of the small sentence models, where none is stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """A sentence model on this machine: its files, what their content must hash to, and its window in tokens."""

    path: Path
    sha256: str
    tokenizer: Path
    tokenizer_sha256: str
    tokens_max: int = LOCAL_TOKENS_MAX
    multilingual: bool = False


class Embedder(Protocol):
    """Makes vectors of texts. Vectors of another `name` are not comparable. May be called by several threads at once; takes
    milliseconds, and is for no event loop.
    """

    @property
    def name(self) -> str:
        """Which model, to the byte."""
        ...

    @property
    def dimensions(self) -> int:
        """Of every vector."""
        ...

    @property
    def tokens_max(self) -> int:
        """The window."""
        ...

    @property
    def multilingual(self) -> bool:
        """Whether it tells texts apart that are not in Latin script."""
        ...

    def embed(self, text: str) -> Embedded:
        """The text as a vector."""
        ...
