"""What `floorline import` prints, from the report of an import."""

import io
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.cli import importing
from floorline.cli.importing import Problems
from floorline.jobs.importing import ImportReport, Problem

REPORT = ImportReport(
    rows=4,
    new=2,
    known=1,
    refused=1,
    skipped=Counter({"a draft invoice": 1}),
    unpriced=Counter({"our-own": 1}),
    unpriced_reason={"our-own": "no price"},
    not_believed=Counter({"openai/gpt-4o": 3}),
    usd=Decimal("1234.567"),
)


def test_the_summary_names_every_figure_and_a_refused_row_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        importing._tell("usage", (Path("a.jsonl"),), REPORT, as_json=False)
    assert end.value.code == 2
    assert capsys.readouterr().out.splitlines() == [
        "a.jsonl: 4 rows: 2 new, 1 known, 1 refused",
        "  1 passed over: a draft invoice",
        "  cost of the new rows: $1,234.57",
        "  1 unpriced call of our-own: no price",
        "  3 stated costs of openai/gpt-4o were more than 10 × off the computed ones and are not believed",
    ]


def test_as_json_it_is_one_document_with_money_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    importing._tell(
        "usage", (Path("a.jsonl"), Path("b.csv")), ImportReport(rows=1, new=1, usd=Decimal("0.1")), as_json=True
    )
    assert json.loads(capsys.readouterr().out) == {
        "kind": "usage",
        "files": ["a.jsonl", "b.csv"],
        "rows": 1,
        "new": 1,
        "known": 0,
        "refused": 0,
        "skipped": {},
        "usd": "0.100000000000",
        "unpriced": [],
        "stated_costs_not_believed": {},
        "written": True,
    }


def test_a_strict_import_says_that_nothing_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        importing._tell(
            "revenue", (Path("a.csv"),), ImportReport(rows=2, new=1, refused=1, kept_out=True), as_json=False
        )
    assert capsys.readouterr().out.splitlines()[1:] == ["  nothing was written: --strict, and rows were refused"]


def test_a_hundred_problems_are_shown_and_all_of_them_go_to_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    rejects = io.StringIO()
    problems = Problems(rejects)
    for number in range(150):
        problems(Problem(place=f"a.csv:{number}", reason="is bad"))
    shown = capsys.readouterr().err.splitlines()
    assert (shown[0], len(shown)) == ("a.csv:0: is bad", 101)
    assert shown[-1] == "… and more refused rows: --rejects FILE writes all of them"
    assert [json.loads(line)["place"] for line in rejects.getvalue().splitlines()][-1] == "a.csv:149"


def test_a_sum_below_zero_has_its_sign_before_the_dollar(capsys: pytest.CaptureFixture[str]) -> None:
    importing._tell("revenue", (Path("a.csv"),), ImportReport(rows=1, new=1, usd=Decimal("-3107.5")), as_json=False)
    assert "  revenue of the new rows: -$3,107.50" in capsys.readouterr().out.splitlines()
