"""Rows of files: what is read, what is refused, and that nothing is lost silently."""

import gzip
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from floorline.errors import BadInput
from floorline.ingest import files
from floorline.ingest.files import BadLine, Row, RowFile, parse_json


def rows_of(folder: Path, name: str, content: bytes) -> list[Row | BadLine]:
    path = folder / name
    path.write_bytes(content)
    return list(RowFile(path))


def reasons(rows: list[Row | BadLine]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if isinstance(row, BadLine)]


def values(rows: list[Row | BadLine]) -> list[tuple[int, dict]]:
    return [(row.line, row.values) for row in rows if isinstance(row, Row)]


def test_json_lines_have_their_numbers_and_exact_values(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"a": 0.1}\r\n\n  \n{"a": 12345678901234567890, "b": null}')
    assert values(rows) == [(1, {"a": Decimal("0.1")}), (4, {"a": 12345678901234567890, "b": None})]


def test_a_bad_json_line_says_why_and_the_next_one_is_read(tmp_path: Path) -> None:
    lines = [b"{nope", b"[1]", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 100_000, b'{"a": 1}']
    rows = rows_of(tmp_path, "a.jsonl", b"\n".join(lines))
    assert reasons(rows) == [
        (1, "not JSON at column 2: Expecting property name enclosed in double quotes"),
        (2, "a line holds one JSON object: {…}"),
        (3, "the field 'a' stands twice in one object"),
        (4, "NaN is not a number: leave the field out when its value is unknown"),
        (5, "byte 8 is not UTF-8"),
        (6, "not JSON that can be read: it is nested too deep"),
    ]
    assert values(rows) == [(7, {"a": 1})]


def test_an_endless_line_is_refused_without_being_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LINE_BYTES_MAX", 20)
    rows = rows_of(tmp_path, "a.jsonl", b'{"a": "' + b"x" * 100 + b'"}\n{"a": 1}\n')
    assert reasons(rows) == [(1, "the line is longer than 20 bytes: one row is one line")]
    assert values(rows) == [(2, {"a": 1})]


def test_gzip_reads_the_same_and_a_broken_stream_is_reported_behind_its_good_lines(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"a": 1}\n' + b"".join(b'{"b": %d}\n' % n for n in range(5_000)))
    assert len(values(rows_of(tmp_path, "a.jsonl.gz", packed))) == 5_001
    rows = rows_of(tmp_path, "b.jsonl.gz", packed[: len(packed) // 2])
    assert values(rows)[0] == (1, {"a": 1})
    assert isinstance(rows[-1], BadLine)
    assert "the gzip stream breaks off" in rows[-1].reason
    assert "gzip" in reasons(rows_of(tmp_path, "c.jsonl.gz", b'{"a": 1}\n'))[0][1]


def test_csv_records_may_span_lines_and_keep_their_first_line_number(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a.csv", b'\xef\xbb\xbfid, name \r\n1,"Acme\nInc, Ltd"\r\n\r\n2,"say ""hi"""\r\n')
    assert values(rows) == [(2, {"id": "1", "name": "Acme\nInc, Ltd"}), (5, {"id": "2", "name": 'say "hi"'})]


def test_a_ragged_or_undecodable_csv_row_is_refused_and_the_next_one_is_read(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a.csv", b"id,name\n1\n2,b,c\n3,\xff\n4,d\n")
    assert reasons(rows) == [
        (2, "1 values for 2 columns: quote a value that holds a comma"),
        (3, "3 values for 2 columns: quote a value that holds a comma"),
        (4, "byte 3 is not UTF-8"),
    ]
    assert values(rows) == [(5, {"id": "4", "name": "d"})]


def test_an_unclosed_quote_names_the_lines_it_swallows(tmp_path: Path) -> None:
    ((line, reason),) = reasons(rows_of(tmp_path, "a.csv", b'id,name\n1,"oops\n2,b\n'))
    assert (line, reason) == (
        2,
        "lines 2 to 3 are no CSV row (unexpected end of data): a quote is opened and not closed",
    )


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"id,id", "the column 'id' stands twice"),
        (b"id,,name", "column 2 has no name"),
        (b"id;name", "the columns are separated by ';': save the file with commas"),
        ("id,näme".encode("utf-16"), "the file is UTF-16: save it as UTF-8"),
        (b"id,n\xffme", "byte 5 is not UTF-8"),
    ],
)
def test_a_bad_header_is_one_message_and_no_row_is_read(tmp_path: Path, header: bytes, reason: str) -> None:
    rows = rows_of(tmp_path, "a.csv", header + b"\n1,2,3\n")
    assert reasons(rows) == [(1, reason)]
    assert values(rows) == []


def test_parquet_doubles_become_the_shortest_decimal_and_nan_is_absent(tmp_path: Path) -> None:
    table = pa.table({"a": [0.1, float("nan")], "n": [1, None], "t": pa.array([1, 2], pa.timestamp("ns", "UTC"))})
    pq.write_table(table, tmp_path / "a.parquet")
    first, second = values(list(RowFile(tmp_path / "a.parquet")))
    assert (first[0], first[1]["a"], first[1]["n"]) == (1, Decimal("0.1"), 1)
    assert (second[0], second[1]["a"], second[1]["n"]) == (2, None, None)


def test_a_file_that_cannot_be_read_at_all_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing of the kind")
    for name, reason in (
        ("none.csv", "no such file"),
        ("a.xlsx", "does not say its format"),
        ("a.parquet", "not a Parquet file"),
    ):
        with pytest.raises(BadInput, match=reason):
            RowFile(tmp_path / name)


def test_json_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="out of the range"):
        parse_json('{"a": 1e99999999999999999999}')
