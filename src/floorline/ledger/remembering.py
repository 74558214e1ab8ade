"""A ledger that is asked the same thing once: for tables that are made one after another and share most of their questions."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from datetime import date
from typing import Any, TypeVar, cast

from floorline.ledger.ledger import Ledger
from floorline.ledger.memory import weightless
from floorline.ledger.surface import Answering
from floorline.query import Query

Row = TypeVar("Row")
Made = TypeVar("Made")


class Remembering:
    """The answers of `ledger`, each as it was when it was first asked for. Make one for one purpose and let it go."""

    def __init__(self, ledger: Answering) -> None:
        self._ledger = ledger
        self._known: dict[tuple[str, str], Future[list[Any]]] = {}
        self._made: dict[Hashable, Any] = {}

    @property
    def timezone(self) -> str:
        """The reporting timezone."""
        return self._ledger.timezone

    def query(self, query: Query[Row]) -> list[Row]:
        """The rows of `query`."""
        return self.begin(query).result()

    def begin(self, query: Query[Row]) -> Future[list[Row]]:
        """The rows of `query`, later."""
        asked = query.sql, repr(sorted(query.parameters.items()))
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = self._ledger.begin(query)
        return cast("Future[list[Row]]", known)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` made of the answers when it was first asked for by `key`."""
        if key not in self._made:
            self._made[key] = make()
        return cast("Made", self._made[key])

    def made(
        self, key: Hashable, of: Sequence[object], make: Callable[[], Made], weigh: Callable[[Made], int] = weightless
    ) -> Made:
        """As `Ledger.made`, and once here where the ledger does not remember; `of` are its answers, and what was made of them."""
        return self.once((key, *map(id, of)), lambda: made(self._ledger, key, of, make, weigh))

    def over(self, day: date) -> bool:
        """As `Ledger.over`."""
        return over(self._ledger, day)


def remembering(answers: Answering) -> Remembering:
    """The same answers, each asked for once."""
    return answers if isinstance(answers, Remembering) else Remembering(answers)


def once(answers: Answering, key: Hashable, make: Callable[[], Made]) -> Made:
    """What `make` makes of `answers`: where these are remembered, that is too."""
    return answers.once(key, make) if isinstance(answers, Remembering) else make()


def made(
    answers: Answering,
    key: Hashable,
    of: Sequence[object],
    make: Callable[[], Made],
    weigh: Callable[[Made], int] = weightless,
) -> Made:
    """What `make` makes `of` answers (the very lists and rows that were given), and of nothing else but what `key` tells: where
    answers are remembered, it is as long as they are, and as room is left for what is heavy: see `Memory.made`.
    """
    return answers.made(key, of, make, weigh) if isinstance(answers, Ledger | Remembering) else make()


def over(answers: Answering, day: date) -> bool:
    """Whether answers about days before `day` are remembered as they are, so that what is `made` of them is made once."""
    return isinstance(answers, Ledger | Remembering) and answers.over(day)
