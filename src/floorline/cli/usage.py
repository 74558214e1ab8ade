"""`floorline usage extract`: recorded answers of providers to usage and cost, one JSON line each."""

import base64
import binascii
import gzip
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path

import click
import msgspec

from floorline.clock import parse_instant
from floorline.errors import BadInput, BadRow
from floorline.events import COUNTS, TOKEN_BUCKETS, Usage
from floorline.money import text
from floorline.pricing.answers import price_answer
from floorline.pricing.book import PriceBook
from floorline.pricing.cost import Costing
from floorline.pricing.usage import Extraction, endpoint_family, price_provider, read_answer
from floorline.wiring import load_book, load_config, now

_CREATED = re.compile(rb'"(?:created|created_at|createTime)"\s*:\s*(?:"(2[0-9T:.+-]{9,35}Z?)"|([0-9]{10})(?![0-9]))')
_BODY_START_BYTES = 65_536
_FIRST_YEAR = 2020
_NOBODY: frozenset[str] = frozenset()


class Recorded(msgspec.Struct, kw_only=True):
    """One recorded answer, as the lines of the file hold it. Other members are left alone."""

    response_body_raw: str
    response_body_encoding: str = "utf-8"
    provider: str = ""
    endpoint: str = ""
    url: str = ""
    request_model: str | None = None
    stream: bool = False
    response_status: int = 200
    response_headers: dict[str, str | list[str] | None] = {}
    source_path: str = ""


_RECORD = msgspec.json.Decoder(Recorded)


@click.group(name="usage")
def command() -> None:
    """Usage as providers report it."""


@command.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON line per record.")
@click.option(
    "--at", "at", default="", help="Price records without a date of their own as of this time (default: now)."
)
def extract(files: tuple[Path, ...], *, as_json: bool, at: str) -> None:
    """Read recorded answers from FILES (.jsonl or .jsonl.gz): buckets, counts, checksum and cost of each."""
    try:
        fallback = parse_instant(at) if at else now()
    except ValueError as error:
        raise BadInput(f"--at: {error}") from error
    config = load_config(secrets=False)
    book, warnings = load_book(config)
    for warning in warnings:
        click.echo(f"floorline: {warning}", err=True)
    seen: dict[str, int] = {}
    for path in files:
        for where, line in _lines(path):
            record = _record(where, line)
            extraction = read_record(record)
            if as_json:
                click.echo(
                    msgspec.json.encode(
                        describe(
                            record,
                            extraction,
                            book,
                            where=where,
                            fallback=fallback,
                            trusted=config.trusted_cost_providers,
                        )
                    )
                )
            else:
                seen[extraction.status] = seen.get(extraction.status, 0) + 1
                if extraction.status == "error":
                    click.echo(f"{record.source_path or where}: {extraction.reason}")
    if not as_json:
        click.echo(", ".join(f"{number} {status}" for status, number in sorted(seen.items())) or "no records")


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every line of the file that is not empty, with its place."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}:{number}", line
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _record(where: str, line: bytes) -> Recorded:
    try:
        return _RECORD.decode(line)
    except msgspec.DecodeError as error:
        raise BadRow(f"{where} is not a recorded answer: {error}") from error


def _headers(record: Recorded) -> dict[str, str]:
    """The answer's headers under lower-case names; the last value of a repeated one."""
    flat = {
        name.lower(): value[-1:] if isinstance(value, list) else [value]
        for name, value in record.response_headers.items()
    }
    return {name: value[0] for name, value in flat.items() if value and value[0] is not None}


def body_of(record: Recorded) -> bytes:
    """The answer's bytes as the provider sent them, uncompressed."""
    if record.response_body_encoding != "base64":
        return record.response_body_raw.encode()
    try:
        return base64.b64decode(record.response_body_raw, validate=True)
    except binascii.Error as error:
        raise BadRow(f"{record.source_path}: response_body_raw is not base64: {error}") from error


def read_record(record: Recorded) -> Extraction:
    """The usage that a recorded answer reports."""
    headers = _headers(record)
    return read_answer(
        record.provider,
        record.endpoint or endpoint_family(record.url),
        body_of(record),
        content_type=headers.get("content-type", ""),
        status=record.response_status,
        headers=headers,
    )


def answered_at(record: Recorded, fallback: datetime) -> datetime:
    """When the answer was given: its Date header, else the creation time in its body, else `fallback`."""
    moments = (_dated(_headers(record).get("date", "")), _created(body_of(record)[:_BODY_START_BYTES]))
    return next((one for one in moments if one and _FIRST_YEAR <= one.year <= fallback.year), fallback)


def _dated(header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(header).astimezone(UTC) if header else None
    except ValueError:  # a header that is no date says nothing
        return None


def _created(start: bytes) -> datetime | None:
    found = _CREATED.search(start)
    if found is None:
        return None
    try:
        return parse_instant(found[1].decode() if found[1] else int(found[2]))
    except ValueError:  # nor does a field of that name with another meaning
        return None


def cost_of(
    record: Recorded,
    parts: tuple[Usage, ...],
    book: PriceBook,
    at: datetime,
    *,
    trusted: frozenset[str] = _NOBODY,
) -> Costing:
    """What all parts of an answer cost by our prices; by the provider's own word where it is `trusted` and one part
    is all there is (a stated cost is of the whole answer).
    """
    asked = (record.request_model or "").replace("%3A", ":").replace("%2F", "/")
    return price_answer(parts, asked, price_provider(record.provider, record.url), book, at, trusted=trusted)


def describe(
    record: Recorded,
    extraction: Extraction,
    book: PriceBook,
    *,
    where: str,
    fallback: datetime,
    trusted: frozenset[str] = _NOBODY,
) -> Mapping[str, object]:
    """The record's line of JSON. Buckets and counts are sums over all parts that the answer bills."""
    parts = extraction.parts
    priced = cost_of(record, parts, book, answered_at(record, fallback), trusted=trusted)
    main = extraction.usage
    stated = None if main is None else main.provider_cost_usd
    return {
        "source_path": record.source_path or where,
        "provider": record.provider,
        "endpoint": record.endpoint or endpoint_family(record.url),
        "model": (main.model if main else "") or record.request_model or "",
        "stream": record.stream,
        "status": extraction.status,
        "buckets": {
            name: sum(part.buckets.get(name, 0) for part in parts)
            for name in TOKEN_BUCKETS
            if any(name in part.buckets for part in parts)
        },
        "counts": {
            name: _number(sum((part.counts.get(name, Decimal(0)) for part in parts), Decimal(0)))
            for name in COUNTS
            if any(name in part.counts for part in parts)
        },
        "provider_total": main.provider_total if main else None,
        "checksum_ok": extraction.checksum_ok,
        "cost_usd": None if priced.effective_cost is None else text(priced.effective_cost),
        "cost_basis": priced.basis,
        "provider_cost_usd": None if stated is None else text(stated),
        "price_version": priced.price_version,
    }


def _number(value: Decimal) -> int | str:
    """A count as JSON carries it: a whole number, or its digits as text."""
    return int(value) if value == int(value) else f"{value:f}"
