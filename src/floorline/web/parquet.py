"""A page's table as a Parquet file. pyarrow is loaded only when one is asked for."""

import importlib
import io
from decimal import Decimal
from typing import Any

from floorline.money import EXACT, PLACES
from floorline.web.blocks import Table, Unit, Value

_DECIMALS: frozenset[Unit] = frozenset(("usd", "percent", "points", "number", "hours", "days"))
_INTEGERS: frozenset[Unit] = frozenset(("count", "tokens", "ms", "bytes"))
_DIGITS = 38
_QUANTUM = Decimal(1).scaleb(-PLACES)


def parquet_bytes(table: Table) -> bytes:
    """The whole table: money and ratios as decimals of 12 places, counts as integers, days and instants as such."""
    # pyarrow has no types: it is loaded as Any here and goes no further.
    arrow: Any = importlib.import_module("pyarrow")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    arrays = [
        arrow.array([_value(row.get(column.name), column.unit) for row in table.rows], type=_type(arrow, column.unit))
        for column in table.columns
    ]
    sink = io.BytesIO()
    parquet.write_table(arrow.table(arrays, names=[column.name for column in table.columns]), sink)
    return sink.getvalue()


def _type(arrow: Any, unit: Unit) -> Any:
    if unit in _DECIMALS:
        return arrow.decimal128(_DIGITS, PLACES)
    if unit in _INTEGERS:
        return arrow.int64()
    if unit == "day":
        return arrow.date32()
    if unit == "instant":
        return arrow.timestamp("us", tz="UTC")
    return arrow.bool_() if unit == "flag" else arrow.string()


def _value(value: Value, unit: Unit) -> Value:
    if value is None:
        return None
    if unit in _DECIMALS:
        return EXACT.quantize(Decimal(value), _QUANTUM)
    if unit in _INTEGERS or unit in {"day", "instant", "flag"}:
        return value
    return str(value)
