"""The rows of a file as parsed drafts, whatever its kind and format."""

from collections.abc import Iterator
from pathlib import Path

from floorline.errors import BadRow
from floorline.ingest.draft import Draft, Parsed
from floorline.ingest.files import BadLine, Row, RowFile
from floorline.ingest.fx import Rates
from floorline.ingest.tables import IMPORTERS, Importer


def open_rows(kind: str, path: Path) -> RowFile:
    """The file's rows, its columns checked against those of `kind` before any row is read. BadInput: no such file."""
    return RowFile(path, check_columns=IMPORTERS[kind].table.unknown)


def parse_rows(kind: str, rows: RowFile, *, source: str, rates: Rates) -> Iterator[Parsed]:
    """Every row of the file, in order: drafts, or the reason against it."""
    importer = IMPORTERS[kind]
    for row in rows:
        place = f"{rows.path}:{row.line}"
        if isinstance(row, BadLine):
            yield Parsed(place=place, refused=BadRow(row.reason))
            continue
        drafts = _drafts(importer, row, source, rates)
        if isinstance(drafts, BadRow):
            yield Parsed(place=place, refused=drafts)
        else:
            yield Parsed(place=place, drafts=drafts)


def _drafts(importer: Importer, row: Row, source: str, rates: Rates) -> tuple[Draft, ...] | BadRow:
    try:
        return importer.drafts(row.values, source, rates)
    except BadRow as reason:
        return reason
