"""Tables of pages: sorted and paged as asked, unknown ones last, totals after all; the same figures in every form."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.web.blocks import About, Column, Rows, Shown, Table
from floorline.web.document import document
from floorline.web.http import Refused
from floorline.web.parquet import parquet_bytes
from floorline.web.tables import ROWS_A_PAGE, arranged, csv_text, sorted_rows

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MONEY = st.none() | st.decimals(-1_000_000, 1_000_000, places=12)
COLUMNS = (
    Column(name="customer", title="Customer", link="/customers/{customer}"),
    Column(name="cost", title="Cost", unit="usd"),
    Column(name="zone", title="Zone", unit="zone"),
    Column(name="calls", title="Calls", unit="count"),
    Column(name="at", title="At", unit="instant"),
    Column(name="day", title="Day", unit="day"),
)


def table(rows, **more):
    return Table(name="customers", columns=COLUMNS, rows=rows, empty="none", **more)


def page(of):
    return Shown(title="Customers", about=About(timezone="UTC", as_of=NOW), blocks=[of])


@given(costs=st.lists(MONEY, max_size=20), largest_first=st.booleans())
def test_rows_are_sorted_with_unknown_ones_last_and_totals_after_all(costs, largest_first):
    rows = [{"customer": str(at), "cost": cost} for at, cost in enumerate(costs)]
    total = {"customer": "total", "cost": sum(filter(None, costs), Decimal(0))}
    order = f"{'-' * largest_first}cost"
    found = sorted_rows(table([*rows, total], totals=1), order)
    known = [row["cost"] for row in found[:-1] if row["cost"] is not None]
    assert known == sorted(known, reverse=largest_first)
    assert all(row["cost"] is None for row in found[len(known) : -1])
    assert found[-1] is total
    assert sorted(map(str, rows)) == sorted(map(str, found[:-1]))


@given(count=st.integers(0, 3 * ROWS_A_PAGE))
def test_pages_together_are_the_whole_table(count):
    rows = [{"customer": f"c{at}", "calls": at} for at in range(count)]
    seen, at = [], 1
    while True:
        of = arranged(page(table(rows)), "customers.-calls", f"customers.{at}").tables[0]
        seen += of.rows
        assert (of.page, of.all_rows) == (at, count)
        if at == of.pages:
            break
        at += 1
    assert seen == list(reversed(rows))


def test_zones_are_sorted_by_how_bad_they_are():
    rows = [{"zone": zone} for zone in ("green", "unknown", "red", "yellow")]
    assert [row["zone"] for row in sorted_rows(table(rows), "zone")] == ["red", "yellow", "green", "unknown"]


@pytest.mark.parametrize(("sort", "at", "said"), [
    ("people.-cost", "", "there is no table 'people' here: customers"),
    ("customers.price", "", "has no column 'price'"),
    ("customers", "", "write the table's name first"),
    ("", "customers.0", "pages are numbered from 1"),
    ("", "customers.x", "pages are numbered from 1"),
])  # fmt: skip
def test_what_no_table_has_is_refused(sort, at, said):
    with pytest.raises(Refused, match=said):
        arranged(page(table([{"customer": "a", "cost": Decimal(1)}])), sort, at)


@settings(deadline=None)  # the first example loads pyarrow
@given(cost=MONEY, calls=st.none() | st.integers(0, 10**12))
def test_a_figure_is_the_same_in_json_csv_and_parquet_to_its_last_digit(cost, calls):
    of = table([{"customer": "a", "cost": cost, "calls": calls, "at": NOW, "day": date(2026, 1, 31), "zone": "red"}])
    (told,) = document(page(of))["blocks"][0]["rows"]
    (line,) = csv.DictReader(io.StringIO(csv_text(of)))
    (kept,) = pq.read_table(io.BytesIO(parquet_bytes(of))).to_pylist()
    assert (None if told["cost"] is None else Decimal(told["cost"])) == cost == kept["cost"]
    assert line["cost"] == ("" if cost is None else told["cost"])
    assert told["calls"] == calls == kept["calls"]
    assert (kept["at"], kept["day"], told["day"]) == (NOW, date(2026, 1, 31), "2026-01-31")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@a", "\tx"])
def test_no_cell_of_a_csv_is_a_formula(name):
    (line,) = csv.DictReader(io.StringIO(csv_text(table([{"customer": name, "cost": Decimal(-1)}]))))
    assert (line["customer"], line["cost"]) == (f"'{name}", "-1.000000000000")


def test_rows_are_made_when_they_are_looked_at_and_each_once():
    made: list[int] = []

    def row(number: int) -> dict[str, int]:
        made.append(number)
        return {"number": number}

    rows = Rows(range(100), row)
    assert (len(rows), len(rows[10:20]), made) == (100, 10, [])
    assert [one["number"] for one in rows[10:13]] == [10, 11, 12]
    assert rows[10:20][-1] == rows[19] == {"number": 19}
    assert [one["number"] for one in rows[::-1]] == [*range(99, -1, -1)]
    assert sorted(made) == [*range(100)], "none is made twice"
