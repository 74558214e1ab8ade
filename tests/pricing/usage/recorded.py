"""The recorded answers beside this checkout, read as the command reads them."""

from collections.abc import Iterator
from functools import cache

from floorline.cli.usage import Recorded, _lines, _record, body_of, read_record
from floorline.pricing.usage import Extraction, endpoint_family
from tests.support.data import shared_data

WITHOUT_USAGE = ("_2xx_without_usage.jsonl.gz", "_errors.jsonl.gz")


def records(*names: str) -> Iterator[Recorded]:
    """Every record of the named files; of all files with usage when none is named."""
    folder = shared_data("provider_http")
    paths = [folder / name for name in names] or sorted(
        path for path in folder.glob("*.jsonl*") if not path.name.startswith("_")
    )
    for path in paths:
        for where, line in _lines(path):
            yield _record(where, line)


@cache
def extractions() -> list[tuple[Recorded, Extraction]]:
    """Every record that has a usage block, with what we read from it."""
    return [(record, read_record(record)) for record in records()]


def bodies_of_chats() -> list[bytes]:
    """Every whole chat completion."""
    return [
        body_of(record)
        for record in records()
        if not record.stream and (record.endpoint or endpoint_family(record.url)) == "chat.completions"
    ]
