"""Sorting and paging of a page's tables, and their figures as JSON and CSV carry them. Pure.

`sort=customers.-cost,plans.name` and `page=customers.3` name the table first: several of a page are set at once.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from msgspec.structs import replace

from floorline.money import text as money_text
from floorline.web.blocks import FIGURES, Column, Shown, Table, Unit, Value
from floorline.web.http import Refused

ROWS_A_PAGE = 50
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ZONES = {"red": 0, "yellow": 1, "green": 2, "unknown": 3}


def arranged(shown: Shown, sort: str, page: str) -> Shown:
    """The page with its tables sorted and cut to their pages, as its parameters say. Refused for what no table has."""
    sorts, pages = _by_table(sort, "sort"), _by_table(page, "page")
    names = {table.name for table in shown.tables}
    for name in (*sorts, *pages):
        if name not in names:
            raise Refused(
                400, "invalid", f"there is no table {name!r} here: {', '.join(sorted(names)) or 'there is none'}"
            )
    blocks = [
        _arranged(block, sorts.get(block.name, ""), pages.get(block.name, "1")) if isinstance(block, Table) else block
        for block in shown.blocks
    ]
    return replace(shown, blocks=blocks)


def sorted_rows(table: Table, order: str) -> Sequence[Mapping[str, Value]]:
    """The rows by `order`, a column's name with a minus where the largest is first; unknown ones last, totals after them."""
    if not order:
        return table.rows
    name, largest_first = order.removeprefix("-"), order.startswith("-")
    column = next((one for one in table.columns if one.name == name), None)
    if column is None or table.cut:
        shown = ", ".join(one.name for one in table.columns)
        why = "is sorted where it is searched" if table.cut else f"has no column {name!r}: {shown}"
        raise Refused(400, "invalid", f"the table {table.name} {why}")
    rows = table.rows[: len(table.rows) - table.totals]
    known = [row for row in rows if row.get(name) is not None]
    unknown = [row for row in rows if row.get(name) is None]
    known.sort(key=_sort_key(column.unit, name), reverse=largest_first)
    return [*known, *unknown, *table.rows[len(table.rows) - table.totals :]]


def cell(value: Value, unit: Unit) -> str | int | bool | None:
    """A figure as JSON carries it: money as text of 12 places, ratios as decimal text, unknown as null."""
    if isinstance(value, Decimal):
        return money_text(value) if unit == "usd" else f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    assert value is None or isinstance(value, str | int), f"{value!r} is no figure"
    return value


def csv_text(table: Table) -> str:
    """The whole table as CSV, a header first. Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    out = io.StringIO()
    plain, quoting = csv.writer(out, lineterminator="\n"), csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow([column.name for column in table.columns])
    for row in table.rows:
        cells = [_csv_cell(row.get(column.name), column.unit) for column in table.columns]
        # The writer leaves a lone carriage return unquoted, and readers begin a row at it.
        (quoting if any("\r" in one for one in cells) else plain).writerow(cells)
    return out.getvalue()


def _by_table(text: str, what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, dot, value = part.partition(".")
        if not dot or not value:
            raise Refused(400, "invalid", f"{what}={part!r}: write the table's name first, as customers.{'-cost' if what == 'sort' else '2'}")  # fmt: skip
        found[name] = value
    return found


def _arranged(table: Table, order: str, page: str) -> Table:
    if not page.isdecimal() or len(page) > 9 or int(page) < 1:
        raise Refused(400, "invalid", f"page={table.name}.{page}: pages are numbered from 1")
    rows = sorted_rows(table, order)
    if table.cut:
        return replace(table, sort=order or table.sort, all_rows=len(rows))
    totals = rows[len(rows) - table.totals :]
    body = rows[: len(rows) - table.totals]
    pages = max(1, -(-len(body) // ROWS_A_PAGE))
    at = min(int(page), pages)
    shown = body[(at - 1) * ROWS_A_PAGE : at * ROWS_A_PAGE]
    return replace(table, rows=[*shown, *totals], sort=order or table.sort, page=at, pages=pages, all_rows=len(body))


def _sort_key(unit: Unit, name: str) -> Callable[[Mapping[str, Value]], Decimal | int | str]:
    if unit == "zone":
        return lambda row: _ZONES.get(str(row[name]), len(_ZONES))
    if unit in FIGURES or unit == "flag":
        return lambda row: _number(row[name])
    return lambda row: str(row[name]).casefold()


def _number(value: Value) -> Decimal | int:
    assert isinstance(value, Decimal | int), f"{value!r} is no figure"
    return value


def _csv_cell(value: Value, unit: Unit) -> str:
    told = cell(value, unit)
    if told is None:
        return ""
    if isinstance(told, str) and unit not in FIGURES and told.startswith(_FORMULA):
        return f"'{told}"
    return str(told).lower() if isinstance(told, bool) else str(told)


def figures_of(columns: Sequence[Column], row: Mapping[str, Value]) -> Iterator[tuple[str, str | int | bool | None]]:
    """A row's figures by column, as JSON carries them."""
    for column in columns:
        yield column.name, cell(row.get(column.name), column.unit)
