"""The parameters of a page: its query, read into a type, and written back into an address that holds every filter.

class FeatureParams(Window, frozen=True, kw_only=True): feature: str
asked = read_params(FeatureParams, "from=2026-10-01", {"feature": "assistant"})
address("/features/{feature}", asked, page="customers.2")
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, TypeVar, cast
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from floorline.clock import REPORTED_YEARS
from floorline.margin.bridge import Days
from floorline.margin.dimensions import Scope
from floorline.web.http import Refused

QUERY_CHARACTERS_MAX = 8_192
EXPONENT_MAX = 30
"""Zeros that a number may have besides its own digits."""

DAYS_MAX = 1_100
"""Days that one page may cover: three years."""

DEFAULT_DAYS = 30
PREVIOUS, NOTHING = "previous", ""

_P = TypeVar("_P", bound=msgspec.Struct)
Text = Annotated[str, msgspec.Meta(max_length=512)]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of any page. `sort` and `page` are of its tables, by their names."""

    sort: Annotated[str, msgspec.Meta(max_length=256, description="TABLE.COLUMN, or TABLE.-COLUMN for the largest first; several joined by commas")] = ""  # fmt: skip
    page: Annotated[str, msgspec.Meta(max_length=256, description="TABLE.NUMBER of the page of a table; several joined by commas")] = ""  # fmt: skip


class Window(Params, frozen=True, kw_only=True):
    """Parameters of a page about a window of days, in the ledger's timezone."""

    from_: Annotated[date | None, msgspec.Meta(description="the first day, as 2026-01-31")] = msgspec.field(default=None, name="from")  # fmt: skip
    to: Annotated[date | None, msgspec.Meta(description="the day after the last one; tomorrow when not given")] = None
    days: Annotated[Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)] | None, msgspec.Meta(description="how many days before `to`, instead of `from`; 30 when neither is given")] = None  # fmt: skip
    against: Annotated[str, msgspec.Meta(max_length=24, description="`previous`: compare with as many days just before; or two days as 2026-01-01..2026-02-01, the second exclusive")] = NOTHING  # fmt: skip
    environment: Annotated[Text, msgspec.Meta(description="count calls of this environment; `all` for every one")] = "production"  # fmt: skip
    purpose: Annotated[Text, msgspec.Meta(description="count calls of this purpose; `all` for every one")] = (
        "production"
    )

    @property
    def scope(self) -> Scope:
        """Whose calls count."""
        return Scope(environment=self.environment, purpose=self.purpose)

    def window(self, today: date) -> Days:
        """The days asked for. Refused where there are none, or too many."""
        _check_year(self.to)
        end = self.to or today + timedelta(days=1)
        if self.from_ is not None and self.days is not None:
            raise Refused(400, "invalid", "`from` and `days` both say where the window begins: leave one out")
        start = self.from_ or end - timedelta(days=self.days or DEFAULT_DAYS)
        _check_year(start)
        return _days(start, end)

    def before(self, today: date) -> Days | None:
        """The days to compare with, None when nothing is to be compared."""
        if self.against == NOTHING:
            return None
        if self.against == PREVIOUS:
            start, end = self.window(today)
            return Days(start - (end - start), start)
        first, dots, second = self.against.partition("..")
        try:
            assert dots
            days = date.fromisoformat(first), date.fromisoformat(second)
        except (AssertionError, ValueError):
            raise Refused(
                400, "invalid", f"against={self.against!r}: write `previous`, or two days as 2026-01-01..2026-02-01"
            ) from None
        _check_year(days[0])
        _check_year(days[1])
        return _days(*days)


def read_params(type_: type[_P], query: str, names: Mapping[str, str], *, form: bool = False) -> _P:
    """The parameters in `query`, and those in the path. A `form` sends its empty fields too: they say nothing then. Refused with
    the one that is wrong and how to write it.
    """
    if len(query) > QUERY_CHARACTERS_MAX:
        raise Refused(400, "invalid", f"the query has more than {QUERY_CHARACTERS_MAX} characters: narrow it down")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError as error:
        raise Refused(400, "invalid", f"the query cannot be read ({error})") from error
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    given: dict[str, object] = dict(names)
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        if form and not value:
            continue
        if name in names:
            raise Refused(400, "invalid", f"{name} is in the path: leave it out of the query")
        if name not in fields:
            known = ", ".join(one for one in fields if one not in names)
            raise Refused(400, "invalid", f"there is no parameter {name[:80]!r}: {known}")
        if _is_many(fields[name]):
            several.setdefault(name, []).append(value)
        else:
            given[name] = value
    try:
        found = msgspec.convert({**given, **several}, type_, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(400, "invalid", f"{error}: mend that parameter") from error
    _check_lengths(found)
    return found


def segment(name: str) -> str:
    """A name as one part of a path: its slashes are its own, and no dot of it begins an ending as .json."""
    return quote(name, safe="").replace(".", "%2E")


def address(path: str, params: Params | None = None, /, **changed: object) -> str:
    """The address of `path` with what `params` says, but for what is `changed`; None leaves a parameter out."""
    said: dict[str, object] = {}
    if params is not None:
        for field in msgspec.structs.fields(params):
            value = getattr(params, field.name)
            if value != field.default:
                said[field.encode_name] = value
    said |= {name.rstrip("_"): value for name, value in changed.items()}
    for name, value in list(said.items()):
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", segment(str(value)))
            del said[name]
    pairs = [(name, one) for name, value in said.items() for one in _texts(value)]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _check_lengths(params: msgspec.Struct) -> None:
    """1e999999999 is eleven characters here and a gigabyte where it is written in digits: refused."""
    for field in msgspec.structs.fields(params):
        value: object = getattr(params, field.name)
        if isinstance(value, Decimal) and value.is_finite():
            exponent = value.as_tuple().exponent
            if not (isinstance(exponent, int) and abs(exponent) <= EXPONENT_MAX):
                raise Refused(400, "invalid", f"{field.encode_name}={value}: write it in at most {EXPONENT_MAX} digits")


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, tuple | list):
        return [str(one) for one in cast("Sequence[object]", value)]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _is_many(field: msgspec.structs.FieldInfo) -> bool:
    return isinstance(field.default, tuple)


def _check_year(day: date | None) -> None:
    if day is not None and day.year not in REPORTED_YEARS:
        raise Refused(400, "invalid", f"{day} is not a day of the years {REPORTED_YEARS[0]} to {REPORTED_YEARS[-1]}")


def _days(start: date, end: date) -> Days:
    if start >= end:
        raise Refused(400, "invalid", f"{start} to {end} holds no day: `to` is the day after the last one")
    if (end - start).days > DAYS_MAX:
        raise Refused(400, "invalid", f"{start} to {end} are more than {DAYS_MAX} days: ask for fewer")
    return Days(start, end)
