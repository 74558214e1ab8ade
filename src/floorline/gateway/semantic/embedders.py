"""The embedders that rules name, ready to be asked."""

from typing import NamedTuple

from floorline.embedding.embedder import Embedder
from floorline.gateway.policy import Embedding


class Ready(NamedTuple):
    """An embedder that can be asked. `model` None: it is served, and asked by a call of the gateway's own. Vectors of two names are never
    compared.
    """

    name: str
    embedding: Embedding
    model: Embedder | None

    @property
    def window(self) -> int:
        """The most tokens that it takes in."""
        return self.embedding.tokens_max if self.model is None else self.model.tokens_max

    @property
    def multilingual(self) -> bool:
        """Whether it knows other scripts than Latin; served models do."""
        return self.model is None or self.model.multilingual


def ready(embedding: Embedding, model: Embedder | None) -> Ready:
    """The embedder under its own name."""
    name = f"served-{embedding.served}-{embedding.dimensions or ''}" if model is None else model.name
    return Ready(name, embedding, model)
