"""docs/importing.md names every column of every table as the code reads it."""

from pathlib import Path

import pytest

from floorline.events import COUNTS, INPUT_BUCKETS, OUTPUT_BUCKETS
from floorline.ingest.fields import Table
from floorline.ingest.tables import IMPORTERS
from floorline.ingest.usage import ATTEMPT, TOUCH, Billed

DOCS = Path(__file__).resolve().parents[2] / "docs"
TABLES = {**{kind: importer.table for kind, importer in IMPORTERS.items()}, "attempts": ATTEMPT, "touches": TOUCH}


def rows_of(table: Table) -> list[str]:
    """The table's rows in the documentation; the fields of usage that have a section of their own are left to it."""
    fields = [field for field in table.fields.values() if field.name not in Billed.__struct_fields__]
    return [f"| `{field.name}` | {'required; ' if field.required else ''}{field.doc} |" for field in fields]


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_documented(name: str) -> None:
    text = (DOCS / "importing.md").read_text()
    assert [row for row in rows_of(TABLES[name]) if row not in text] == []


def test_every_part_of_the_two_wholes_and_every_count_is_documented() -> None:
    text = (DOCS / "importing.md").read_text()
    parts = [f"`{bucket}_tokens`" for bucket in (*INPUT_BUCKETS, *OUTPUT_BUCKETS)]
    assert [name for name in [*parts, *(f"`{name}`" for name in COUNTS)] if name not in text] == []
