"""Rows of a file, one at a time: JSON lines, CSV and Parquet, the text ones gzipped or not.

A row that cannot be read is a `BadLine` with its number and the reason; reading goes on behind it. Memory is bounded by
the longest allowed line (or one batch of a Parquet file), not by the file. Numbers become int or Decimal, never float.
"""

import contextlib
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn, cast

from floorline.errors import BadInput
from floorline.ingest.parquet import ParquetRows

LINE_BYTES_MAX = 1 << 20
FIELD_CHARS_MAX = 64 << 10
COLUMNS_MAX = 512
_TELL_EVERY = 256  # lines between two looks at how far the file is read
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_BOMS_OF_UTF16 = (b"\xff\xfe", b"\xfe\xff")

Values = dict[str, Any]
CheckColumns = Callable[[Sequence[str]], str]
"""Takes a file's column names; returns what is wrong with them, or empty text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as read: `line` is its (first) line in a text file, its row number from 1 in a Parquet file."""

    line: int
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """What could not be read as a row, and why."""

    line: int
    reason: str


class RowFile:
    """The rows of one file. Iterate it once; `done` of `size` bytes (Parquet: rows) have been read so far."""

    def __init__(self, path: Path, *, check_columns: CheckColumns = lambda _: "") -> None:
        """BadInput when the file is absent, of no known format, or no Parquet file inside."""
        self.path = path
        self.format = _format(path)
        self.done = 0
        self._check_columns = check_columns
        if not path.is_file():
            raise BadInput(f"{path}: there is no such file")
        if self.format == "parquet":
            self._parquet = ParquetRows(path)
            self.size = self._parquet.count
        else:
            self.size = path.stat().st_size

    def __iter__(self) -> Iterator[Row | BadLine]:
        if self.format == "parquet":
            yield from self._parquet_rows()
            return
        with self.path.open("rb") as raw, contextlib.ExitStack() as stack:
            stream = stack.enter_context(gzip.GzipFile(fileobj=raw)) if self.path.suffix == ".gz" else raw
            lines = self._lines(raw, stream)
            yield from _csv_rows(lines, self._check_columns) if self.format == "csv" else _json_rows(lines)

    def _parquet_rows(self) -> Iterator[Row | BadLine]:
        reason = self._check_columns(self._parquet.columns)
        if reason:
            yield BadLine(line=1, reason=reason)
            return
        for values in self._parquet:
            self.done += 1
            if isinstance(values, str):
                yield BadLine(line=self.done, reason=values)
            else:
                yield Row(line=self.done, values=values)

    def _lines(self, raw: io.BufferedReader, stream: io.BufferedIOBase) -> Iterator[tuple[int, bytes | BadLine]]:
        """Numbered lines without their end; one that is too long, or a stream that breaks off, is a BadLine."""
        number = 0
        try:
            while line := stream.readline(LINE_BYTES_MAX + 1):
                number += 1
                if number % _TELL_EVERY == 0:
                    self.done = raw.tell()
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                    if line.startswith(_BOMS_OF_UTF16):
                        yield 1, BadLine(line=1, reason="the file is UTF-16: save it as UTF-8")
                        return
                if len(line) > LINE_BYTES_MAX and not line.endswith(b"\n"):
                    _skip_line(stream)
                    reason = f"the line is longer than {LINE_BYTES_MAX} bytes: one row is one line"
                    yield number, BadLine(line=number, reason=reason)
                    continue
                yield number, line.rstrip(b"\r\n")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            reason = f"the gzip stream breaks off ({error}): what stands before it was read, fetch the file again"
            yield number + 1, BadLine(line=number + 1, reason=reason)


def _format(path: Path) -> str:
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    found = _SUFFIXES.get(suffixes[-1].lower(), "") if suffixes else ""
    if not found or (found == "parquet" and path.suffix == ".gz"):
        known = ", ".join(sorted({*_SUFFIXES, ".jsonl.gz", ".csv.gz"}))
        raise BadInput(f"{path}: the name does not say its format: call it one of {known}")
    return found


def _skip_line(stream: io.BufferedIOBase) -> None:
    while (rest := stream.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
        pass


def parse_json(text: str | bytes) -> Any:
    """JSON with exact numbers. ValueError for a key that stands twice, NaN, and what is not JSON."""
    try:
        return _JSON.decode(text if isinstance(text, str) else text.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read: it is nested too deep") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice!r} stands twice in one object")
    return values


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation as error:
        raise ValueError(f"{digits[:40]} is out of the range of numbers") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number: leave the field out when its value is unknown")


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_decimal, parse_constant=_no_constant)


def _json_rows(lines: Iterator[tuple[int, bytes | BadLine]]) -> Iterator[Row | BadLine]:
    for number, line in lines:
        if isinstance(line, BadLine):
            yield line
        elif line.strip():
            yield _json_row(number, line)


def _json_row(number: int, line: bytes) -> Row | BadLine:
    try:
        values = parse_json(line)
    except ValueError as error:
        return BadLine(line=number, reason=str(error))
    if not isinstance(values, dict):
        return BadLine(line=number, reason="a line holds one JSON object: {…}")
    return Row(line=number, values=cast("Values", values))


class _CsvText:
    """Feeds the CSV reader text; remembers lines that were not UTF-8 or too long until their record is complete."""

    def __init__(self, lines: Iterator[tuple[int, bytes | BadLine]]) -> None:
        self._lines = lines
        self.number = 0
        self.reason = ""

    def __iter__(self) -> "_CsvText":
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        if isinstance(line, BadLine):
            self.reason = line.reason
            return "\n"
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError as error:
            self.reason = f"byte {error.start + 1} is not UTF-8"
            return line.decode(errors="replace") + "\n"


def _csv_rows(lines: Iterator[tuple[int, bytes | BadLine]], check: CheckColumns) -> Iterator[Row | BadLine]:
    columns: list[str] = []
    for first, fields in _csv_records(lines):
        if not columns:
            columns = [name.strip() for name in fields] if not isinstance(fields, str) else []
            reason = fields if isinstance(fields, str) else _header_reason(columns) or check(columns)
            if reason:
                yield BadLine(line=first, reason=reason)
                return
        elif isinstance(fields, str):
            yield BadLine(line=first, reason=fields)
        elif len(fields) != len(columns):
            reason = f"{len(fields)} values for {len(columns)} columns: quote a value that holds a comma"
            yield BadLine(line=first, reason=reason)
        else:
            yield Row(line=first, values=dict(zip(columns, fields, strict=True)))


def _csv_records(lines: Iterator[tuple[int, bytes | BadLine]]) -> Iterator[tuple[int, list[str] | str]]:
    """Each record's first line and its fields, or why there are none; empty records are left out."""
    text = _CsvText(lines)
    csv.field_size_limit(FIELD_CHARS_MAX)
    records = csv.reader(text, strict=True)
    while True:
        first, text.reason = text.number + 1, ""
        try:
            fields = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, _csv_reason(error, first, text.number)
            continue
        if text.reason:
            yield first, text.reason
        elif any(fields):
            yield first, fields


def _csv_reason(error: csv.Error, first: int, last: int) -> str:
    if last > first:
        return f"lines {first} to {last} are no CSV row ({error}): a quote is opened and not closed"
    return f"not a CSV row: {error}"


def _header_reason(columns: list[str]) -> str:
    if len(columns) > COLUMNS_MAX:
        return f"{len(columns)} columns, at most {COLUMNS_MAX}"
    if len(columns) == 1 and (found := re.search(r"[;\t|]", columns[0])):
        return f"the columns are separated by {found[0]!r}: save the file with commas"
    if "" in columns:
        return f"column {columns.index('') + 1} has no name"
    for name in columns:
        if columns.count(name) > 1:
            return f"the column {name!r} stands twice"
    return ""
