"""A query as a value: `margin` builds it, only `ledger` runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, TypeVar

Row = TypeVar("Row")
Parameter = str | int | Decimal | date | datetime | Sequence[str] | Sequence[date] | Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Generic[Row]):
    """SQL text with `{name:Type}` placeholders, the values to bind, and the struct each row becomes.

    Rows are built by position: the select list's order is the row type's field order.
    """

    sql: str
    row: type[Row]
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])
