"""What may be remembered of margin's questions: what each reads, and how one about days is asked in two.

Most questions add up: the sums of a window are those of its days before today and those of today. What is asked of both parts
has the spans of the whole, so that rows of one name and span are of one meaning and may be put one after another.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date
from typing import TypeVar

import msgspec

from floorline.margin.sources import Days
from floorline.query import Halves, Query, Reads

Row = TypeVar("Row")
Added = TypeVar("Added", bound=msgspec.Struct)
CALLS = frozenset({"calls", "adjustments"})
OUTCOMES = frozenset({"outcomes"})


class NamedColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of one length: raw names (a list for each column asked for), the span's first day, and what belongs to them."""

    names: list[list[str]]
    as_of: list[int]


Sums = TypeVar("Sums", bound=NamedColumns)


def of_tables(query: Query[Row], *names: str) -> Query[Row]:
    """A question that reads all records of some tables."""
    return replace(query, reads=Reads(whole=frozenset(names)))


def of_days(
    query: Query[Row], days: Days, dated: frozenset[str] = CALLS, whole: frozenset[str] = frozenset()
) -> Query[Row]:
    """A question that reads the records of `days`, and all of some other tables."""
    start, end = date.fromordinal(days.start), date.fromordinal(days.end)
    return replace(query, reads=Reads(whole=whole, dated=dated, start=start, end=end))


def of_window(
    query: Query[Row],
    start: date,
    end: date,
    make: Callable[[date, date], Query[Row]] | None = None,
    together: Callable[[list[Row], list[Row]], list[Row]] | None = None,
) -> Query[Row]:
    """A question that reads the calls from `start` to the day before `end`; to be asked in two where `make` makes it of any such
    days.
    """
    halves = None
    if make is not None:

        def parts(day: date) -> tuple[Query[Row], Query[Row]]:
            return make(start, day), make(day, end)

        halves = Halves(parts=parts, together=together or one_after_another)
    return replace(query, reads=Reads(dated=CALLS, start=start, end=end), halves=halves)


def in_halves(
    query: Query[Row],
    days: Days,
    make: Callable[[Days], Query[Row]],
    together: Callable[[list[Row], list[Row]], list[Row]],
) -> Query[Row]:
    """A question of `days` that `make` makes of any, to be asked in two."""

    def parts(day: date) -> tuple[Query[Row], Query[Row]]:
        before, since = days.halves(day.toordinal())
        return make(before), make(since)

    return replace(query, halves=Halves(parts=parts, together=together))


def one_after_another(before: list[Row], since: list[Row]) -> list[Row]:
    """The rows of both parts: for whoever adds up rows of one name and span."""
    return [*before, *since]


def rows_added(*keys: str, some: str = "") -> Callable[[list[Added], list[Added]], list[Added]]:
    """The rows of both parts, each of the `keys` once and in their order: all other fields are added up. Rows without
    `some` of what that field counts are left out.
    """

    def together(before: list[Added], since: list[Added]) -> list[Added]:
        found: dict[tuple[str, ...], Added] = {}
        for row in (*before, *since):
            key = tuple([getattr(row, name) for name in keys])
            found[key] = row if key not in found else _sum(found[key], row, keys)
        rows = [found[key] for key in sorted(found)]
        return [row for row in rows if getattr(row, some)] if some else rows

    return together


def _sum(one: Added, other: Added, keys: Collection[str]) -> Added:
    sums = {name: getattr(one, name) + getattr(other, name) for name in one.__struct_fields__ if name not in keys}
    return msgspec.structs.replace(one, **sums)


def columns_added(before: list[Sums], since: list[Sums]) -> list[Sums]:
    """Both parts' row of columns as one that has each of its names once a span: all other columns are added up."""
    (old,), (new,) = before, since
    places = {key: place for place, key in enumerate(zip(*old.names, old.as_of, strict=True))}
    known = len(places)
    at = [places.setdefault(key, len(places)) for key in zip(*new.names, new.as_of, strict=True)]
    fresh = [row for row, place in enumerate(at) if place >= known]
    names = [[*had, *[more[row] for row in fresh]] for had, more in zip(old.names, new.names, strict=True)]
    as_of = [*old.as_of, *[new.as_of[row] for row in fresh]]
    sums: dict[str, list[int]] = {}
    for name in old.__struct_fields__:
        if name not in NamedColumns.__struct_fields__:
            sums[name] = column = [*getattr(old, name), *[0] * len(fresh)]
            for place, number in zip(at, getattr(new, name), strict=True):
                column[place] += number
    return [type(old)(names=names, as_of=as_of, **sums)]
