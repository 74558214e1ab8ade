"""The objects of a Stripe export: lists, single objects, JSON lines and webhook events, in files or a folder."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from floorline.errors import BadInput, BadRow
from floorline.ingest.files import BadLine, RowFile, parse_json

Obj = dict[str, Any]
FILE_BYTES_MAX = 1 << 30
_LISTS = {"list", "search_result"}
_NESTED = {"customer": "subscriptions", "charge": "refunds"}
"""Lists that older API versions embed and that are objects of their own here."""


def export_files(path: Path) -> list[Path]:
    """The JSON files of an export, sorted by name. BadInput when there are none."""
    if not path.is_dir():
        return [path]
    patterns = ("*.json", "*.jsonl", "*.ndjson", "*.json.gz", "*.jsonl.gz", "*.ndjson.gz")
    found = sorted({file for pattern in patterns for file in path.rglob(pattern)})
    if not found:
        raise BadInput(f"{path}: the folder holds no .json or .jsonl file")
    return found


def read_objects(path: Path) -> Iterator[tuple[str, Obj | BadRow]]:
    """Every object of one file with the place it stands at, or why it cannot be read."""
    if path.name.removesuffix(".gz").endswith(".json"):
        document = _document(path)
        if isinstance(document, BadRow):
            yield str(path), document
        else:
            yield from flatten(str(path), document)
        return
    for row in RowFile(path):
        place = f"{path}:{row.line}"
        if isinstance(row, BadLine):
            yield place, BadRow(row.reason)
        else:
            yield from flatten(place, row.values)


def _document(path: Path) -> Any:
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    if path.stat().st_size > FILE_BYTES_MAX:
        raise BadInput(
            f"{path}: one JSON document of more than {FILE_BYTES_MAX} bytes: write one object a line (.jsonl)"
        )
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return parse_json(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        return BadRow(str(error))


def flatten(place: str, value: Any) -> Iterator[tuple[str, Obj | BadRow]]:
    """The objects inside a list, an event or an object that embeds others."""
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from flatten(place, item)
        return
    if not isinstance(value, dict) or not isinstance(value.get("object"), str):  # pyright: ignore[reportUnknownMemberType] - foreign JSON
        yield place, BadRow("not a Stripe object: its `object` field, which names its type, is missing")
        return
    obj = cast("Obj", value)
    kind: str = obj["object"]
    if kind in _LISTS and isinstance(obj.get("data"), list):
        yield from flatten(place, obj["data"])
        if obj.get("has_more"):
            yield place, BadRow("the list breaks off (has_more is true): export its other pages too")
    elif kind == "event":
        yield from flatten(place, mapping(obj.get("data")).get("object"))
    elif kind == "invoice" and not reference(obj):
        yield place, BadRow("the invoice has no id: an upcoming invoice or a preview is not final, leave it out")
    else:
        yield f"{place}: {kind} {reference(obj)}".rstrip(), obj
        for nested in items(obj.get(_NESTED.get(kind, ""))):
            yield from flatten(place, nested)


def mapping(value: Any) -> Obj:
    """`value` when it is an object, else an empty one."""
    return cast("Obj", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Obj]:
    """The objects of a Stripe list, of a plain list, or none."""
    if isinstance(value, dict):
        value = cast("Obj", value).get("data")
    return [mapping(item) for item in cast("list[Any]", value)] if isinstance(value, list) else []


def reference(value: Any) -> str:
    """The id of an object that is given as an id or expanded; empty when it is neither."""
    if isinstance(value, dict):
        value = cast("Obj", value).get("id")
    return value if isinstance(value, str) else ""


def minor(value: Any, name: str) -> int:
    """An amount in minor units. BadRow when it is not a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRow(f"{name} {value!r} is not a whole number of minor units")
    return value


def texts_of(value: Any) -> dict[str, str]:
    """A metadata object's texts without empty ones."""
    return {name: text.strip() for name, text in mapping(value).items() if isinstance(text, str) and text.strip()}
