"""`floorline usage extract`: recorded answers of providers to usage and cost, one JSON line each."""

import base64
import binascii
import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import cast

import click
import msgspec

from floorline.clock import parse_instant
from floorline.errors import BadInput, BadRow
from floorline.events import COUNTS, TOKEN_BUCKETS, Usage
from floorline.money import text
from floorline.pricing.book import PriceBook, Unpriced
from floorline.pricing.cost import Costing, price
from floorline.pricing.providers import canonical
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What a record's parts cost together; `cost_usd` is None when any part has no price."""

    cost_usd: Decimal | None
    basis: str
    version: str
    reason: str


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
    config = load_config()
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
) -> Priced:
    """What all parts of an answer cost by our prices; by the provider's own word where it is `trusted` and one part
    is all there is (a stated cost is of the whole answer).
    """
    provider = price_provider(record.provider, record.url)
    trust = len(parts) == 1 and canonical(provider) in trusted
    costings: list[Costing] = []
    for place, part in enumerate(parts):
        versions = [book.resolve(provider, name, at, part.context) for name in _names(record, part, main=place == 0)]
        known = next((version for version in versions if not isinstance(version, Unpriced)), versions[0])
        costings.append(price(part, known, trust_stated=trust))
    missing = next((costing for costing in costings if costing.effective_cost is None), None)
    if missing is not None or not costings:
        reason = missing.reason if missing else "the answer reports no usage"
        return Priced(cost_usd=None, basis="unpriced", version="", reason=reason)
    total = sum((cast("Decimal", costing.effective_cost) for costing in costings), Decimal(0))
    return Priced(cost_usd=total, basis=costings[0].basis, version=costings[0].price_version, reason="")


def _names(record: Recorded, part: Usage, *, main: bool) -> list[str]:
    """The names to look the part's model up by, best first. Bedrock bills what the request names (region, profile);
    elsewhere the answer names what was served, and the request's name is only the next best.
    """
    asked = (record.request_model or "").replace("%3A", ":").replace("%2F", "/") if main else ""
    names = [asked, part.model] if record.provider == "bedrock" else [part.model, asked]
    return [name for name in dict.fromkeys(names) if name] or [""]


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
        "cost_usd": None if priced.cost_usd is None else text(priced.cost_usd),
        "cost_basis": priced.basis,
        "provider_cost_usd": None if stated is None else text(stated),
        "price_version": priced.version,
    }


def _number(value: Decimal) -> int | str:
    """A count as JSON carries it: a whole number, or its digits as text."""
    return int(value) if value == int(value) else f"{value:f}"
