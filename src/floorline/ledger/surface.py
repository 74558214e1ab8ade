"""What a command sees of a ledger, whoever owns its folder: this process, or a control process behind a socket."""

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from floorline.ledger.ledger import Entry, Written
from floorline.ledger.renaming import Renaming
from floorline.query import Query

if TYPE_CHECKING:
    from floorline.ledger.state import State

Row = TypeVar("Row")


class Answering(Protocol):
    """What answers questions: all that a table of figures needs of a ledger."""

    @property
    def timezone(self) -> str:
        """The reporting timezone."""
        ...

    def query(self, query: Query[Row]) -> list[Row]:
        """The rows of `query`."""
        ...

    def begin(self, query: Query[Row]) -> Future[list[Row]]:
        """The rows of `query`, later."""
        ...


class AnyLedger(Answering, Protocol):
    """What a command needs of the ledger, whoever owns its folder: `Ledger` says what each does."""

    home: Path
    notices: list[str]

    @property
    def state(self) -> "State":
        """What is not a record."""
        ...

    def known(self, source: str, ids: Sequence[str]) -> list[bytes | None]:
        """Stored fingerprints."""
        ...

    def write(self, entries: Sequence[Entry]) -> Written:
        """Keep what is new."""
        ...

    def flush(self) -> None:
        """Everything written is in the store."""
        ...

    def verify(self) -> list[str]:
        """What does not hold."""
        ...

    def rebuild(self, timezone: str | None = None) -> None:
        """Compute every rollup anew."""
        ...

    def rename(self, renaming: Renaming) -> None:
        """Surrogates for the rows of one customer or user."""
        ...

    def backup(self, folder: Path) -> None:
        """A consistent copy."""
        ...

    def close(self) -> None:
        """No more use is made of it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
