"""Rows of a Parquet file, batch by batch, with exact numbers. pyarrow is loaded only when such a file is read."""

import importlib
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from floorline.errors import BadInput

_BATCH_ROWS = 2_048


class ParquetRows:
    """The rows of the file at `path`: dicts, or one text that says why reading stopped."""

    def __init__(self, path: Path) -> None:
        """BadInput when it is not a Parquet file."""
        # pyarrow has no types: it is loaded as Any here and goes no further.
        self._arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
        try:
            self._file = parquet.ParquetFile(path)
        except (self._arrow.ArrowException, OSError) as error:
            raise BadInput(f"{path}: not a Parquet file: {error}") from error
        self.count: int = self._file.metadata.num_rows
        self.columns: list[str] = self._file.schema_arrow.names

    def __iter__(self) -> Iterator[dict[str, Any] | str]:
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH_ROWS):
                for values in self._microseconds(batch).to_pylist():
                    yield {name: exact(value) for name, value in values.items()}
        except (self._arrow.ArrowException, OSError) as error:
            yield f"the Parquet file breaks off here: {error}"

    def _microseconds(self, batch: Any) -> Any:
        """Timestamps finer than a microsecond are cut to it: the ledger's grain."""
        arrow = self._arrow
        columns = [
            column.cast(arrow.timestamp("us", column.type.tz), safe=False)
            if arrow.types.is_timestamp(column.type) and column.type.unit == "ns"
            else column
            for column in batch.columns
        ]
        return arrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def exact(value: Any) -> Any:
    """A double as the shortest Decimal that reads back as it; NaN, which writers use for a missing number, as None."""
    if isinstance(value, float):  # float: Parquet holds doubles; here they end
        return None if math.isnan(value) else Decimal(repr(value))
    if isinstance(value, dict):
        return {name: exact(item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):  # a map's entries are tuples
        return [exact(item) for item in cast("list[Any]", value)]
    return value
