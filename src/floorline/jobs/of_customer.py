"""The ledger as far as one customer's row of a margin table needs it: its own revenue, calls and outcomes, and of all others
only the use by which shared costs are divided. So its row costs no more in a company of ten thousand customers.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from msgspec.structs import asdict

from floorline.ledger.surface import Answering
from floorline.margin.queries import OutcomeRow, RevenueColumns, UsageColumns
from floorline.query import Query

Row = TypeVar("Row")


class OfCustomer:
    """Answers of `answers` without what other names than `names` paid, called and reached. For tables whose first dimension is
    the customer; every row but this customer's is a part of itself.
    """

    def __init__(self, answers: Answering, names: Collection[str]) -> None:
        self._answers, self._names = answers, frozenset(names)

    @property
    def timezone(self) -> str:
        """The reporting timezone."""
        return self._answers.timezone

    def query(self, query: Query[Row]) -> list[Row]:
        """The rows of `query`."""
        return self.begin(query).result()

    def begin(self, query: Query[Row]) -> Future[list[Row]]:
        """The rows of `query`, later."""
        asked = self._answers.begin(query)
        own = self._own(query.row)
        if own is None:
            return asked
        told: Future[list[Row]] = Future()

        def tell(done: Future[list[Row]]) -> None:
            error = done.exception()
            if error is not None:
                told.set_exception(error)
            else:
                told.set_result(cast("list[Row]", [one for row in done.result() for one in own(row)]))

        asked.add_done_callback(tell)
        return told

    def _own(self, row: type[object]) -> Callable[[Any], Sequence[object]] | None:
        """What is left of a row; None for rows of which everything is."""
        if row is RevenueColumns:
            return lambda columns: [_some(columns, [name in self._names for name in columns.customer])]
        if row is UsageColumns:
            return lambda columns: [_of_use(columns, [name in self._names for name in columns.names[0]])]
        if row is OutcomeRow:
            return lambda outcome: [outcome] if outcome.names[0] in self._names else []
        return None


def _some(columns: RevenueColumns, kept: Sequence[bool]) -> RevenueColumns:
    return RevenueColumns(**{name: _picked(column, kept) for name, column in asdict(columns).items()})


def _of_use(columns: UsageColumns, kept: Sequence[bool]) -> UsageColumns:
    told = {name: _picked(column, kept) for name, column in asdict(columns).items() if name != "names"}
    return UsageColumns(names=[_picked(column, kept) for column in columns.names], **told)


def _picked(column: Sequence[Any], kept: Sequence[bool]) -> list[Any]:
    return [value for value, keep in zip(column, kept, strict=True) if keep]
