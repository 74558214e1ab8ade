"""A query as a value: `margin` builds it, only `ledger` runs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
Parameter = str | int | Decimal | date | datetime | Sequence[str] | Sequence[date] | Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """All that an answer is made of: every record of the base tables `whole`, and of those in `dated` (calls, adjustments and
    outcomes) the records of the days from `start` to the day before `end`, in the ledger's timezone. Rollups are read as the
    tables that feed them. The clock is not among it.
    """

    whole: frozenset[str] = frozenset()
    dated: frozenset[str] = frozenset()
    start: date = date.min
    end: date = date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves(Generic[Row]):
    """How a question about days is asked in two: `parts` are about its days before some day, and about those from it on; their
    rows `together` are its answer, in any order.
    """

    parts: Callable[[date], "tuple[Query[Any], Query[Any]]"]
    together: Callable[[list[Any], list[Any]], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Generic[Row]):
    """SQL text with `{name:Type}` placeholders, the values to bind, and the struct each row becomes.

    Rows are built by position: the select list's order is the row type's field order. Whoever says what the answer `reads` may be
    given one that was remembered, and leaves it as it is.
    """

    sql: str
    row: type[Row]
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])
    reads: Reads | None = None
    halves: Halves[Row] | None = None
