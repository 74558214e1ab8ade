"""Files into a real ledger: every row once, whatever the order, the split and the format."""

import csv
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floorline.ingest.calls import Pricer
from floorline.jobs import importing as module
from floorline.jobs.importing import Importing, ImportReport, Problem
from floorline.ledger.ledger import Ledger
from floorline.pricing.book import PriceBook
from floorline.query import Query
from tests.ingest.stripe_objects import FEB, MAR, charge, credit_line, credit_note, customer, invoice, line, refund

BOOK = PriceBook()
NOW = datetime(2026, 3, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
runs = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    id: str
    customer_id: str
    effective_cost: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    rows: int


class Run:
    """Imports into the shared ledger under a source of its own."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.source = f"run-{next(runs)}"
        self.problems: list[Problem] = []

    def importing(self, **options: Any) -> Importing:
        pricer = Pricer(book=BOOK)
        return Importing(ledger=self.ledger, pricer=pricer, now=NOW, on_problem=self.problems.append, **options)

    def __call__(self, path: Path, kind: str = "usage", *, source: str = "", strict: bool = False) -> ImportReport:
        return self.importing(strict=strict).file(kind, path, source=source or self.source)

    def stripe(self, path: Path, *objects: Any) -> ImportReport:
        path = path / "export.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in objects))
        return self.importing().stripe([path], zone=UTC_ZONE, source=self.source)

    def calls(self, source: str = "") -> list[Stored]:
        sql = "SELECT id, customer_id, effective_cost FROM calls WHERE source = {source:String} ORDER BY id"
        return self.ledger.query(Query(sql=sql, row=Stored, parameters={"source": source or self.source}))

    def revenue(self) -> Sum:
        sql = "SELECT count(), sum(amount) FROM revenue WHERE source = {source:String}"
        (found,) = self.ledger.query(Query(sql=sql, row=Sum, parameters={"source": self.source}))
        return found

    def count(self, table: str) -> int:
        sql = f"SELECT count() FROM {table} WHERE source = {{source:String}}"
        (found,) = self.ledger.query(Query(sql=sql, row=Count, parameters={"source": self.source}))
        return found.rows


@pytest.fixture
def run(ledger: Ledger) -> Run:
    return Run(ledger)


def event(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "request_id": name,
        "user_id": "u-1",
        "workspace_id": "acme",
        "feature": "assistant",
        "model": "gpt-4o",
        "input_tokens": 1_000,
        "output_tokens": 100,
        "cache_hit": False,
        "latency_ms": 840.5,
        "cost_usd": 0.01,
        "timestamp": "2026-01-10T09:00:00Z",
        **changes,
    }


def as_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = path.with_suffix(".jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def as_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted(rows[0]) if rows else ["request_id"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_parquet(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = path.with_suffix(".parquet")
    pq.write_table(
        pa.Table.from_pylist([{**row, "timestamp": datetime.fromisoformat(row["timestamp"])} for row in rows]), path
    )
    return path


WRITERS: tuple[Callable[[Path, Sequence[dict[str, Any]]], Path], ...] = (as_jsonl, as_csv, as_parquet)


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_imported_twice_changes_nothing(run: Run, tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "usage", [event("r-1"), event("r-2")])
    first, second = run(path), run(path)
    assert (first.rows, first.new, first.known, first.usd) == (2, 2, 0, Decimal("0.007"))
    assert (second.rows, second.new, second.known, second.usd) == (2, 0, 2, Decimal(0))
    assert [stored.id for stored in run.calls()] == ["r-1", "r-2"]
    assert run.ledger.verify() == []


@pytest.mark.parametrize("first", WRITERS)
@pytest.mark.parametrize("second", WRITERS)
def test_the_same_rows_in_another_format_are_known(run: Run, tmp_path: Path, first: Any, second: Any) -> None:
    rows = [event("r-1"), event("r-2", latency_ms=1.0, cost_usd=1e-7)]
    run(first(tmp_path / "a", rows))
    again = run(second(tmp_path / "b", rows))
    assert (again.new, again.known, again.refused) == (0, 2, 0)


picks = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=20)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_split_repetition_and_format_of_rows_is_one_import(
    run: Run, tmp_path: Path, data: st.DataObject
) -> None:
    rows = [event(f"r-{n}", input_tokens=n * 1_000, workspace_id=f"c-{n % 3}") for n in range(10)]
    files = data.draw(st.lists(st.lists(st.sampled_from(rows), min_size=1, max_size=12), min_size=1, max_size=3))
    files.append(data.draw(st.permutations(rows)))
    number = next(runs)
    once, pieces = f"once-{number}", f"pieces-{number}"
    run(as_jsonl(tmp_path / once, rows), source=once)
    total = ImportReport()
    for number, part in enumerate(files):
        write = data.draw(st.sampled_from(WRITERS))
        total.add(run(write(tmp_path / f"{pieces}-{number}", part), source=pieces))
    assert (total.new, total.refused, total.rows) == (10, 0, sum(map(len, files)))
    assert run.calls(pieces) == run.calls(once)


def test_the_same_id_with_another_body_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    path = as_jsonl(tmp_path / "a", [event("r-1"), event("r-2"), event("r-1", input_tokens=5)])
    report = run(path)
    assert (report.new, report.refused) == (2, 1)
    other = run(as_csv(tmp_path / "b", [event("r-2", input_tokens=5)]))
    assert (other.new, other.refused) == (0, 1)
    message = f"id {{!r}} of source {run.source!r} was imported before with another content: history is not rewritten, give the corrected row an id of its own, or name another --source"
    assert run.problems == [
        Problem(place=f"{path}:3", reason=message.format("r-1")),
        Problem(place=f"{tmp_path / 'b.csv'}:2", reason=message.format("r-2")),
    ]
    assert [stored.effective_cost for stored in run.calls()] == [Decimal("0.0035")] * 2


def test_the_same_id_of_another_source_is_another_row(run: Run, tmp_path: Path) -> None:
    run(as_jsonl(tmp_path / "a", [event("r-1")]))
    report = run(as_jsonl(tmp_path / "b", [event("r-1", input_tokens=5)]), source="eu")
    assert (report.new, report.refused) == (1, 0)


def test_a_bad_line_is_named_and_the_good_ones_are_kept(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    path.write_text(
        "\n".join(
            [json.dumps(event("r-1")), "{no", json.dumps(event("r-2", input_tokens=-1)), json.dumps(event("r-3"))]
        )
    )
    report = run(path)
    assert (report.rows, report.new, report.refused, report.kept_out) == (4, 2, 2, False)
    assert [problem.place for problem in run.problems] == [f"{path}:2", f"{path}:3"]


@pytest.mark.parametrize(
    "bad", ["{no", json.dumps(event("r-1", input_tokens=5)), json.dumps(event("r-0", input_tokens=5))]
)
def test_strict_refuses_the_whole_file_before_anything_is_written(
    run: Run, tmp_path: Path, bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 2)
    run(as_jsonl(tmp_path / "before", [event("r-0")]))
    path = as_jsonl(tmp_path / "a", [event("r-1"), event("r-2"), event("r-3")])
    path.write_text(path.read_text() + bad + "\n")
    report = run(path, strict=True)
    assert (report.kept_out, report.refused) == (True, 1)
    assert [problem.place for problem in run.problems] == [f"{path}:4"]
    assert [stored.id for stored in run.calls()] == ["r-0"]


def test_a_strict_import_of_a_good_file_is_an_import(run: Run, tmp_path: Path) -> None:
    report = run(as_jsonl(tmp_path / "a", [event("r-1"), event("r-1")]), strict=True)
    assert (report.new, report.known, report.kept_out) == (1, 1, False)


def test_price_versions_are_kept_before_the_calls_that_use_them(run: Run, tmp_path: Path) -> None:
    importing = run.importing()
    importing.file("usage", as_jsonl(tmp_path / "a", [event("r-1")]), source=run.source)
    (version,) = importing.pricer.versions.values()
    assert run.ledger.state.price_versions([version.id]) == {version.id: version.to_json()}


def test_unpriced_calls_are_counted_by_model_with_the_reason(run: Run, tmp_path: Path) -> None:
    report = run(as_jsonl(tmp_path / "a", [event("r-1", model="our-own"), event("r-2")]))
    assert report.unpriced == {"our-own": 1}
    assert "our-own" in report.unpriced_reason["our-own"]
    assert [stored.effective_cost for stored in run.calls()] == [None, Decimal("0.0035")]


def test_a_call_that_costs_more_than_a_row_holds_is_refused(run: Run, tmp_path: Path) -> None:
    rows = [
        event(
            "r-1", model="o1-pro", input_tokens=10**10, output_tokens=10**10, attempts=[{"input_tokens": 10**10}, {}]
        ),
        event("r-2"),
    ]
    report = run(as_jsonl(tmp_path / "a", rows))
    assert (report.new, report.refused) == (1, 1)
    assert "one ledger row holds 9000000: is a quantity wrong?" in run.problems[0].reason


def test_other_currencies_wait_for_their_rate(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "revenue.csv"
    path.write_text(
        "id,customer,plan,amount,currency,period_start,period_end\nin-1,acme,pro,100,EUR,2026-01-01,2026-02-01\n"
    )
    assert run(path, "revenue").refused == 1
    (tmp_path / "fx.csv").write_text("currency,day,usd_per_unit\nEUR,2025-12-31,1.1\n")
    assert run(tmp_path / "fx.csv", "fx").new == 1
    assert run(path, "revenue").usd == Decimal(110)
    assert run.revenue() == Sum(rows=1, amount=Decimal(110))


@pytest.mark.parametrize(
    ("kind", "header", "row"),
    [
        ("costs", "id,component,amount,currency,period_start,period_end", "gpu,infrastructure,2800,USD,2026-01-01,2026-02-01"),
        ("outcomes", "outcome_id,at,status", "t-1,2026-01-10T09:00:00Z,success"),
        ("aliases", "kind,alias,canonical,valid_from", "customer,cus_1,acme,2026-01-01"),
    ],
)  # fmt: skip
def test_every_kind_reaches_its_table_once(run: Run, tmp_path: Path, kind: str, header: str, row: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{header}\n{row}\n{row}\n")
    report = run(path, kind)
    assert (report.new, report.known) == (1, 1)
    assert run.count(kind) == 1


def test_a_customers_row_with_a_clashing_alias_is_refused_whole(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("customer,plan,aliases\nacme,pro,cus_1\nglobex,pro,cus_1\n")
    report = run(path, "customers")
    assert (report.new, report.refused) == (1, 1)
    assert "id 'customer:cus_1' of source" in run.problems[0].reason
    assert run.count("customers") == 1


def test_an_invoice_exported_again_with_another_status_does_not_double(run: Run, tmp_path: Path) -> None:
    run.stripe(tmp_path, customer(), invoice(line(), status="open"))
    again = run.stripe(tmp_path, customer(name="cus_1", description="renamed"), invoice(line(), status="paid"))
    assert (again.new, again.refused) == (0, 0)
    assert run.revenue() == Sum(rows=1, amount=Decimal(31))


def test_a_void_after_the_import_takes_the_revenue_back_once(run: Run, tmp_path: Path) -> None:
    run.stripe(tmp_path, invoice(line(), status="open"))
    for _ in range(2):
        run.stripe(tmp_path, invoice(line(), status="void"))
    assert run.revenue() == Sum(rows=2, amount=Decimal(0))


def test_credit_notes_and_refunds_of_a_later_export_find_their_lines_in_the_ledger(run: Run, tmp_path: Path) -> None:
    run.stripe(tmp_path, invoice(line()), invoice(line(period={"start": FEB, "end": MAR}), name="in_2"))
    later = [credit_note(credit_line()), invoice(line(), name="in_2"), charge(invoice="in_2"), refund()]
    for _ in range(2):
        report = run.stripe(tmp_path, *later)
        # in_2 itself came back with another period: the same id with another body
        assert run.problems.pop().place.endswith(" in_2")
        assert (report.refused, run.problems) == (1, [])
    assert run.revenue() == Sum(rows=4, amount=Decimal(31 + 31 - 10) - Decimal("15.5"))


def test_money_of_a_refund_and_its_credit_note_in_two_exports_is_taken_back_once(run: Run, tmp_path: Path) -> None:
    run.stripe(tmp_path, invoice(line()), charge(), refund())
    report = run.stripe(tmp_path, credit_note(credit_line(amount=1_550), refund="re_1"))
    assert (report.new, report.refused) == (0, 1)
    assert run.revenue().amount == Decimal("15.5")
