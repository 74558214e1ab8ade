"""Fields of the import tables: how a value of any file format becomes the one normal form it is kept and compared in.

The same row as CSV text, JSON or Parquet gives the same normal values, hence the same fingerprint: text is stripped,
decimals lose trailing zeros, instants are UTC, empty values and defaults are left out.
"""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact
from hashlib import blake2b
from typing import Any, cast

import msgspec

from floorline.clock import parse_day, parse_instant
from floorline.errors import BadRow
from floorline.ingest.files import parse_json
from floorline.money import EXACT, LIMIT_USD

TEXT_CHARS_MAX = 1_024
COUNT_MAX = 10**10  # tokens of one call; at the dearest price of the catalogue its cost still fits a ledger row
_YEAR_FIRST, _YEAR_LAST = 2000, 2099
_METADATA_KEYS_MAX = 64
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DIGITS = Context(prec=60, traps=[Inexact])
_GRAIN = Decimal("0.000001")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Parse = Callable[[Any], Any]
"""A raw value (never None or empty text) to its normal form; BadRow or ValueError says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column: its name, how its value is read, and what it means (shown in docs/importing.md)."""

    name: str
    parse: Parse
    doc: str
    required: bool = False
    default: object = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The columns of one kind of file. `open_prefix` names a family of free columns (`metadata.`), or is empty."""

    name: str
    fields: Mapping[str, Field]
    required: tuple[Field, ...]
    open_prefix: str = ""

    def unknown(self, names: Collection[str]) -> str:
        """What is wrong with a file's column names: the first unknown one and its nearest known one, or empty text."""
        for name in names:
            if name not in self.fields and not (self.open_prefix and name.startswith(self.open_prefix)):
                return f"unknown field {name!r}{self._nearest(name)}"
        return ""

    def _nearest(self, name: str) -> str:
        found = difflib.get_close_matches(name.lower(), self.fields, n=1, cutoff=0.6)  # float: likeness of names
        return f": did you mean {found[0]!r}?" if found else f": the fields of {self.name} are in docs/importing.md"

    def parse(self, raw: Mapping[str, Any]) -> dict[str, Any] | BadRow:
        """The row's normal values without those that are empty or the default."""
        values: dict[str, Any] = {}
        fields = self.fields
        for name, value in raw.items():
            field = fields.get(name)
            if field is None:
                if reason := self._free(name, value, values):
                    return BadRow(reason)
                continue
            if value is None or value == "":
                continue
            try:
                normal = field.parse(value)
            except (BadRow, ValueError) as error:
                return BadRow(f"{name} {error}")
            if normal != field.default:
                values[name] = {**values[name], **normal} if name in values else normal
        for field in self.required:
            if field.name not in values:
                return BadRow(f"{field.name} is missing: {field.doc}")
        return values

    def _free(self, name: str, value: Any, values: dict[str, Any]) -> str:
        """Put a `metadata.team` column into the metadata; returns what is wrong with it."""
        if reason := self.unknown([name]):
            return reason
        if value is None or value == "":
            return ""
        family = self.open_prefix.rstrip(".")
        try:
            mapping = metadata({name.removeprefix(self.open_prefix): value})
        except (BadRow, ValueError) as error:
            return f"{name} {error}"
        values[family] = {**values.get(family, {}), **mapping}
        return ""


def table(name: str, fields: Collection[Field], open_prefix: str = "") -> Table:
    """A Table of `fields`, in order."""
    required = tuple(field for field in fields if field.required)
    return Table(name=name, fields={field.name: field for field in fields}, required=required, open_prefix=open_prefix)


_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="string")


def fingerprint(values: Mapping[str, Any]) -> bytes:
    """16 bytes of BLAKE2b over the normal values, independent of file format, column order and prices."""
    return blake2b(_ENCODER.encode(values), digest_size=16).digest()


def text(value: Any) -> str:
    """Text without surrounding white space; whole numbers, as ids often are, as their digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise BadRow(f"{_shown(value)} is not text")
    stripped = value.strip()
    if len(stripped) > TEXT_CHARS_MAX:
        raise BadRow(f"has {len(stripped)} characters, at most {TEXT_CHARS_MAX}")
    if _CONTROL.search(stripped):
        raise BadRow(f"{_shown(stripped)} holds a control character")
    return stripped


def choice(*known: str) -> Parse:
    """One of `known`."""

    def parse(value: Any) -> str:
        named = text(value)
        if named not in known and named:
            raise BadRow(f"{_shown(named)} is not one of {', '.join(known)}")
        return named

    return parse


def number(value: Any) -> Decimal:
    """A finite decimal number without trailing zeros, of at most 60 digits and an exponent within ±30."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        raise BadRow(f"{_shown(value)} is not a number: write it as 1234.56")
    if not value:
        return Decimal(0)
    if not -30 <= value.adjusted() <= 30:
        raise BadRow(f"{_shown(value)} is out of range")
    try:
        return value.normalize(_DIGITS)
    except Inexact as error:
        raise BadRow(f"{_shown(value)} has more than {_DIGITS.prec} digits") from error


def amount(value: Any) -> Decimal:
    """An amount of money that one ledger row holds."""
    money = number(value)
    if abs(money) >= LIMIT_USD:
        raise BadRow(f"{money:f} exceeds what one ledger row holds ({LIMIT_USD}): split it into several rows")
    return money


def quantity(value: Any) -> Decimal:
    """A number of at least 0 with at most 6 decimal places, the ledger's grain of quantities."""
    units = number(value)
    if units < 0:
        raise BadRow(f"{units:f} is negative: quantities are counted from 0")
    if units > COUNT_MAX:
        raise BadRow(f"{units:f} is more than one row holds ({COUNT_MAX})")
    if isinstance(value, int):
        return units
    return units.quantize(_GRAIN, context=EXACT).normalize(EXACT)


def count(value: Any) -> int:
    """A whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int):
        whole = number(value)
        if whole != whole.to_integral_value():
            raise BadRow(f"{_shown(value)} is not a whole number")
        value = int(whole)
    if value < 0:
        raise BadRow(f"{value} is negative: it is counted from 0")
    if value > COUNT_MAX:
        raise BadRow(f"{value} is more than one call holds ({COUNT_MAX})")
    return value


def boolean(value: Any) -> bool:
    """true or false, also as yes/no and 1/0."""
    if isinstance(value, bool):
        return value
    found = _BOOLEANS.get(str(value).strip().lower())
    if found is None:
        raise BadRow(f"{_shown(value)} is neither true nor false")
    return found


def instant(value: Any) -> datetime:
    """An aware UTC instant from ISO 8601 text, epoch seconds, milliseconds or microseconds, or a datetime."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    elif isinstance(value, Decimal) or (isinstance(value, str) and "." in value and _NUMBER.fullmatch(value.strip())):
        value = _epoch(number(value))
    if isinstance(value, bool) or not isinstance(value, str | int | datetime):
        raise BadRow(f"{_shown(value)} is not a time: write it as 2026-01-31T12:00:00Z")
    try:
        moment = parse_instant(value)
    except OverflowError as error:
        raise BadRow(f"{_shown(value)} is not a time: write it as 2026-01-31T12:00:00Z") from error
    if not _YEAR_FIRST <= moment.year <= _YEAR_LAST:
        raise BadRow(f"{moment.isoformat()} is outside the years {_YEAR_FIRST} to {_YEAR_LAST}")
    return moment.replace(tzinfo=UTC)


def _epoch(seconds: Decimal) -> int:
    """Fractional epoch seconds (or milliseconds) as whole microseconds."""
    scale = 6 if seconds < 10**11 else 3
    return int(EXACT.scaleb(seconds, scale))


def day(value: Any) -> date:
    """A calendar day from 2026-01-31, or the day part of ISO 8601 text as it is written."""
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        found = value
    elif isinstance(value, str) and _DAY.match(value.strip()):
        if len(value.strip()) > 10:
            parse_instant(value)
        found = parse_day(value)
    else:
        raise BadRow(f"{_shown(value)} is not a day: write it as 2026-01-31")
    if not _YEAR_FIRST <= found.year <= _YEAR_LAST:
        raise BadRow(f"{found} is outside the years {_YEAR_FIRST} to {_YEAR_LAST}")
    return found


def currency(value: Any) -> str:
    """A three-letter ISO 4217 code in capitals."""
    code = text(value).upper()
    if not re.fullmatch("[A-Z]{3}", code, re.ASCII):
        raise BadRow(f"{_shown(value)} is not a currency: write its three letters, as USD")
    return code


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts; in CSV separated by semicolons (or a JSON list)."""
    if isinstance(value, str):
        value = parse_json(value) if value.strip().startswith("[") else value.split(";")
    if not isinstance(value, list):
        raise BadRow(f"{_shown(value)} is not a list: separate its items with ;")
    return tuple(item for item in map(text, cast("list[Any]", value)) if item)


def metadata(value: Any) -> dict[str, str]:
    """Names to texts, from an object or its JSON text; numbers and booleans become text, empty ones are left out."""
    if isinstance(value, str):
        value = parse_json(value)
    if isinstance(value, list):  # a Parquet map
        value = _pairs(cast("list[Any]", value))
    if not isinstance(value, dict):
        raise BadRow(f'{_shown(value)} is not an object: write it as {{"team": "growth"}}')
    items = {text(name): _scalar(item) for name, item in cast("dict[Any, Any]", value).items() if item is not None}
    if len(items) > _METADATA_KEYS_MAX:
        raise BadRow(f"has {len(items)} names, at most {_METADATA_KEYS_MAX}")
    return {name: item for name, item in items.items() if item}


def _pairs(entries: list[Any]) -> dict[Any, Any]:
    if not all(isinstance(entry, list) and len(cast("list[Any]", entry)) == 2 for entry in entries):
        raise BadRow("is a list, not an object")
    return {entry[0]: entry[1] for entry in entries}


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{number(value):f}"
    return text(value)


def _shown(value: Any) -> str:
    """A value as a message quotes it: short."""
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
