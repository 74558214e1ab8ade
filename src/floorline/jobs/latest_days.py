"""As much of a window as a question about single calls may read: its last days, whole."""

from collections.abc import Sequence
from datetime import date
from importlib import resources

import msgspec

from floorline.ledger.surface import AnyLedger
from floorline.margin.remembering import of_window
from floorline.query import Query

CALLS_MAX = 2_000_000
"""Calls of which a few columns are read well within a page's time."""

_SQL = resources.files("floorline.jobs").joinpath("sql")


class DayCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows there are of a day."""

    day: date
    count: int


def latest_days(counts: Sequence[DayCount], start: date, end: date, count_max: int) -> date:
    """The first of the days up to `end` that hold no more than `count_max` in all: `start` where every one does, `end`, which is
    none of them, where the last one holds more by itself. `counts` has each day once.
    """
    held, first = 0, end
    for one in sorted(counts, key=lambda one: one.day, reverse=True):
        held += one.count
        if held > count_max:
            return first
        first = one.day
    return start


def latest_calls(ledger: AnyLedger, start: date, end: date, calls_max: int = CALLS_MAX) -> date:
    """As `latest_days`, of calls."""
    return latest_days(ledger.query(_calls_of_days(start, end)), start, end, calls_max)


def _calls_of_days(start: date, end: date) -> Query[DayCount]:
    sql = _SQL.joinpath("calls_of_days.sql").read_text()
    query = Query(sql=sql, row=DayCount, parameters={"start": start, "end": end})
    return of_window(query, start, end, _calls_of_days)
