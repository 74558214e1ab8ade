"""What people read: bounds where a price is missing, figures that are never cut off, growth of whole periods."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from rich.console import Console

from floorline.cli import margin_text
from floorline.cli.grid import Column, print_grid
from floorline.margin.baseline import declaration_of
from floorline.margin.dimensions import Scope
from floorline.margin.floors import floor_on
from floorline.margin.metrics import Figures, OutcomeCounts, Sums
from floorline.margin.policy import FeaturePolicy, FloorException
from floorline.margin.report import csv_lines, document, percent, trend_document
from floorline.margin.table import MarginReport, first_rows
from floorline.margin.trend import trends

USD = 10**12


def row(*key: str, revenue: int = 0, cost: int = 0, calls: int = 1, unpriced: int = 0, **more) -> Figures:
    sums = Sums(calls=calls, unpriced=unpriced, effective=cost * USD)
    return Figures(key=key, revenue_pico=revenue * USD, sums=sums, shared_pico={}, **more)


def report(*rows: Figures, start: date = date(2026, 1, 1), end: date = date(2026, 2, 1)) -> MarginReport:
    sums = Sums()
    for one in rows:
        sums = sums.plus(one.sums)
    total = Figures(
        key=(), revenue_pico=sum(one.revenue_pico for one in rows), sums=sums, shared_pico={}, users=7 if rows else None
    )
    return MarginReport(
        start=start, end=end, timezone="UTC", scope=Scope(), by=("feature",), rows=rows, total=total
    )  # fmt: skip


def printed(capsys, monkeypatch, one: MarginReport, width: int) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    margin_text.print_table(one, 40)
    return capsys.readouterr().out


HELD_TO = floor_on(date(2026, 1, 31), FeaturePolicy(name="priced"))
ROWS = (
    row("priced", revenue=1_234_567, cost=45_678, calls=2, users=3, held_to=HELD_TO, zone="green"),
    row("partly", revenue=10, cost=4, calls=3, unpriced=2, users=3),
    row("unpriced", revenue=10, calls=5, unpriced=5, users=1),
)


def test_a_cost_without_some_prices_is_a_bound_and_without_any_is_unknown(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, report(*ROWS), 200).splitlines()
    cells = {line.split()[0]: re.split(r"\s{2,}", line.strip()) for line in lines if line.split()}
    assert cells["priced"][1:5] == ["$1,234,567.00", "$45,678.00", "$1,188,889.00", "96.30 %"]
    assert cells["partly"][1:5] == ["$10.00", "≥ $4.00", "≤ $6.00", "≤ 60.00 %"]
    assert cells["unpriced"][1:5] == ["$10.00", "–", "–", "–"]
    assert "2 unpriced" in cells["partly"]
    assert "5 unpriced" in cells["unpriced"]
    assert cells["total"][2] == "≥ $45,682.00"


def test_the_unpriced_column_is_shown_only_where_something_is(capsys, monkeypatch):
    assert "unpriced" not in printed(capsys, monkeypatch, report(ROWS[0]), 200).split("Cost of calls")[0]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 150])
def test_no_figure_is_cut_off_and_what_is_left_out_is_named(capsys, monkeypatch, width):
    text = printed(capsys, monkeypatch, report(*ROWS), width)
    table, _, notes = text.partition("No room for:")
    assert "…" not in table
    for figure in ("$1,234,567.00", "≥ $45,682.00", "≤ $1,188,905.00", "≤ 96.30 %"):
        assert figure in table
    if width >= 80:
        assert max(map(len, table.splitlines())) <= width
    left_out = notes.partition("\n")[0]
    header = table.partition("─")[0]
    for title in ("calls", "users", "mean", "zone"):
        assert (title in left_out) != (title in header)


@pytest.mark.parametrize("width", range(20, 120, 7))
def test_names_fold_and_figures_do_not(capsys, width):
    columns = [
        Column(title="name", cells=["a-name-that-is-far-too-long-for-any-table-of-this-width"], name=True),
        Column(title="always\nhere", cells=["$1,234,567.89"]),
        Column(title="light", cells=["$22.22"], weight=1),
        Column(title="hea-\nvy", cells=["$333.33"], weight=2),
    ]
    left_out = print_grid(Console(width=width), "", columns)
    text = capsys.readouterr().out
    assert "$1,234,567.89" in text
    assert "…" not in text
    assert left_out in ([], ["heavy"], ["light", "heavy"])
    assert ("$22.22" in text, "$333.33" in text) == ("light" not in left_out, "heavy" not in left_out)


def test_percent_says_neither_minus_zero_nor_millions():
    shown = [
        percent(None if r is None else Decimal(r)) for r in ("-0.00001", "0.9194", "-9.99", "-9.9901", "-5000", None)
    ]
    assert shown == ["0.00 %", "91.94 %", "-999.00 %", "< -999 %", "< -999 %", "–"]


def test_one_call_is_one_call():
    assert (margin_text.counted(1, "call"), margin_text.counted(1200, "call")) == ("1 call", "1,200 calls")
    assert margin_text.cents(Decimal("-3107.5")) == "-$3,107.50"


def weeks(*amounts: tuple[int, int]) -> list[MarginReport]:
    first = date(2026, 1, 1)
    return [
        report(
            row("chat", revenue=revenue, cost=cost),
            start=first + timedelta(days=7 * n),
            end=first + timedelta(days=7 * n + 7),
        )
        for n, (revenue, cost) in enumerate(amounts)
    ]


def test_a_running_period_is_shown_and_compared_with_nothing(capsys, monkeypatch):
    reports = weeks((100, 10), (110, 11), (9, 9))
    found = trends(reports, today=date(2026, 1, 17), monthly=False)
    chat, total = found
    assert [point.whole for point in chat.points] == [True, True, False]
    assert (chat.points[2].revenue_growth, chat.points[2].cost_growth, chat.points[2].outrun) == (None, None, False)
    assert (chat.revenue_growth, chat.cost_growth, chat.outrun) == (Decimal("0.1"), Decimal("0.1"), False)
    assert total.revenue_growth == Decimal("0.1")
    periods = trend_document(reports, found)["rows"][0]["periods"]
    assert [period["whole"] for period in periods] == [True, True, False]
    monkeypatch.setenv("COLUMNS", "80")
    margin_text.print_trend(reports, found, "week")
    text = capsys.readouterr().out
    assert "2026-01-15 (so far)" in text
    assert "outruns revenue nowhere" in text


def test_a_month_is_whole_when_it_is_over():
    months = [
        report(row("chat", revenue=1), start=date(2026, 1, 1), end=date(2026, 2, 1)),
        report(row("chat", revenue=1), start=date(2026, 2, 1), end=date(2026, 2, 11)),
    ]
    (chat, _) = trends(months, today=date(2026, 3, 5), monthly=True)
    assert [point.whole for point in chat.points] == [True, False]


def test_an_unknown_growth_is_said_in_words(capsys, monkeypatch):
    (chat, _) = trends(weeks((0, 0), (0, 5)), today=date(2026, 3, 1), monthly=False)
    assert chat.outrun
    assert margin_text.outrun_sentence(chat, "week") == (
        "chat: from the first whole week to the last, inference cost went from $0.00 to $5.00 (growth unknown) "
        "and revenue stayed at $0.00: cost outruns revenue."
    )
    monkeypatch.setenv("COLUMNS", "80")
    running = trends(weeks((1, 1), (1, 5)), today=date(2026, 1, 9), monthly=False)
    margin_text.print_trend(weeks((1, 1), (1, 5)), running, "week")
    assert "Fewer than two whole weeks" in capsys.readouterr().out


def test_rows_after_the_limit_are_one_row_and_the_rows_still_make_the_total(capsys, monkeypatch):
    many = [row(f"f{n}", revenue=10 * n, cost=n, calls=n, unpriced=n % 2, users=n) for n in range(5)]
    one = report(*many)
    assert first_rows(one, 5) == one.rows
    *first, others = first_rows(one, 2)
    assert (first, others.key, others.revenue, others.cogs) == (many[:2], ("(others)",), 90, 9)
    assert (others.sums.calls, others.sums.unpriced, others.users, others.p95_pico) == (9, 1, None, None)
    monkeypatch.setenv("COLUMNS", "200")
    margin_text.print_table(one, 2)
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("(others)")).split()[:3] == ["(others)", "$90.00", "≥"]
    assert lines[-2] == "(others): 3 more rows, which a greater --limit, --json or --csv shows"


def test_a_limited_document_and_csv_have_the_others_and_the_same_total():
    one = report(*[row(f"f{n}", revenue=10 * n, cost=n, users=n, outcomes=OutcomeCounts(2, 1)) for n in range(5)])
    short, whole = document(one, 1), document(one)
    assert [line["key"]["feature"] for line in short["rows"]] == ["f0", "(others)"]
    assert short["rows"][1]["successful_outcomes"] == 4
    assert short["total"] == whole["total"]
    header, *lines = csv_lines(one, 1)
    assert {len(line) for line in lines} == {len(header)}
    assert [line[0] for line in lines] == ["f0", "(others)", "total"]
    assert [line[header.index("revenue")] for line in lines] == [
        "0.000000000000",
        "100.000000000000",
        "100.000000000000",
    ]
    assert [line[header.index("active_users")] for line in lines] == ["0", "", "7"]


def test_a_floor_by_exception_is_marked_and_explained(capsys, monkeypatch):
    exception = FloorException(floor=Decimal("0.30"), reason="launch year", review_by=date(2026, 1, 30))
    policy = FeaturePolicy(name="assistant", exception=exception)
    for day, cell, zone, sentence in (
        (date(2026, 1, 30), "*30 %", "green", "* assistant: floor 30 % by exception until 2026-01-30, 60 % after it (launch year)"),
        (date(2026, 1, 31), "*60 %", "red", "* assistant: red: its exception was to be reviewed by 2026-01-30 (launch year)"),
    ):  # fmt: skip
        held_to = floor_on(day, policy)
        one = row("assistant", revenue=100, cost=10, held_to=held_to, zone=held_to.zone(Decimal("0.9")))
        text = printed(capsys, monkeypatch, report(one), 150)
        assert re.search(rf"assistant .*{re.escape(cell)} +{zone}", text)
        assert sentence in text


def test_a_trend_names_the_baselines_that_changed_within_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    one = declaration_of("assistant", date(2026, 3, 5), {"model": "small", "by": "ana"})
    margin_text.print_crossed([one.entry("api", datetime(2026, 3, 5, tzinfo=UTC))])
    assert capsys.readouterr().out == (
        "Baseline of assistant changed 2026-03-05 every step: model small (declared by ana).\n"
    )
