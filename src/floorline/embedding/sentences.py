"""A sentence model in ONNX, run on this machine's processor: one text at a time, by one thread.

The model takes `input_ids` and `attention_mask` (and `token_type_ids` where it has them). It gives one vector a text, or one a token:
those are averaged.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from floorline.embedding.embedder import Embedded
from floorline.embedding.vector import unit

_SEGMENTS = "token_type_ids"


class Encoding(Protocol):
    """What is read of a tokenizer's word on a text."""

    @property
    def ids(self) -> list[int]:
        """The tokens."""
        ...


class Tokenizer(Protocol):
    """What is used of `tokenizers.Tokenizer`; it neither pads nor truncates."""

    def encode(self, sequence: str) -> Encoding:
        """The text as tokens."""
        ...

    def token_to_id(self, token: str) -> int | None:
        """The number of a token."""
        ...


class Session(Protocol):
    """What is used of an inference session."""

    def run(self, names: None, feeds: Mapping[str, NDArray[np.int64]]) -> Sequence[NDArray[np.float32]]:
        """Every output."""
        ...


class Sentences:
    """The embedder of one model file."""

    def __init__(
        self,
        session: Session,
        tokenizer: Tokenizer,
        inputs: Sequence[str],
        *,
        name: str,
        tokens_max: int,
        multilingual: bool,
    ) -> None:
        """`inputs` are the names of what the model takes. ValueError when it gives no vector."""
        self.name, self.tokens_max, self.multilingual = name, tokens_max, multilingual
        self._session, self._tokenizer, self._inputs = session, tokenizer, frozenset(inputs)
        self._unknown = {number for token in ("[UNK]", "<unk>") if (number := tokenizer.token_to_id(token)) is not None}
        self.dimensions = len(self._vector(tokenizer.encode("a").ids))

    def embed(self, text: str) -> Embedded:
        """The text as the model's vector."""
        ids = self._tokenizer.encode(text.encode(errors="replace").decode()).ids  # half a surrogate pair is no text
        unknown = sum(one in self._unknown for one in ids)
        if len(ids) > self.tokens_max:
            return Embedded(vector=None, tokens=len(ids), unknown=unknown)
        return Embedded(vector=self._vector(ids), tokens=len(ids), unknown=unknown)

    def _vector(self, ids: Sequence[int]) -> NDArray[np.float32]:
        tokens = np.array([ids], dtype=np.int64)
        feeds = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        if _SEGMENTS in self._inputs:
            feeds[_SEGMENTS] = np.zeros_like(tokens)
        given = self._session.run(None, feeds)[0]
        if given.ndim == 3:
            given = given.mean(axis=1)
        if given.ndim != 2:
            raise ValueError(f"the model gives {given.ndim} dimensions: one vector a text, or one a token, can be used")
        return unit(given[0].astype(np.float32))
