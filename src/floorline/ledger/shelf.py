"""What people and jobs decide, kept as one document each: alerts, reviews, the backlog, baselines, leases.

    alerts = Shelf(state, "alert", Alert)
    alerts.change(id, lambda known: acknowledged(known), now=now)

A document is JSON of one struct, named by its kind and id. Every change is of the revision that was read: of two that
change the same one, the second reads again. What is bulk or is summed up belongs into the store instead.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from floorline.ledger.state import State

Document = TypeVar("Document")
_TRIES = 50


class Shelf(Generic[Document]):
    """The documents of one kind. Several processes may change them at once."""

    def __init__(self, state: State, kind: str, type_: type[Document]) -> None:
        self._state, self._kind = state, kind
        self._decoder = msgspec.json.Decoder(type_)

    def all(self) -> dict[str, Document]:
        """Every document by id, in the order of the ids."""
        return {row.id: self._decoder.decode(row.body) for row in self._state.documents(self._kind)}

    def get(self, id_: str) -> Document | None:
        """The document of that id, None when there is none."""
        row = self._state.document(self._kind, id_)
        return None if row is None else self._decoder.decode(row.body)

    def put(self, id_: str, document: Document, *, now: datetime) -> None:
        """Keep `document`, whatever there was."""
        self.change(id_, lambda _: document, now=now)

    def change(
        self, id_: str, change: Callable[[Document | None], Document | None], *, now: datetime
    ) -> Document | None:
        """Put what `change` makes of the document (None: there is none yet); None removes it. `change` may be called
        again, with what another process put meanwhile, and returning what it was given writes nothing. What is there now.
        """
        for _ in range(_TRIES):
            row = self._state.document(self._kind, id_)
            before = None if row is None else self._decoder.decode(row.body)
            after = change(before)
            if after is before or after == before:
                return before
            body = None if after is None else msgspec.json.encode(after).decode()
            if self._state.put_document(self._kind, id_, body, revision=0 if row is None else row.revision, now=now):
                return after
        raise RuntimeError(f"{self._kind} {id_!r} was changed {_TRIES} times by others meanwhile")
