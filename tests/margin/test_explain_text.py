"""Bridges as people and machines read them, and windows as people write them."""

from dataclasses import replace
from datetime import date

import click
import pytest

from floorline.cli.margin import Window
from floorline.cli.margin_explain import print_explanation
from floorline.margin.bridge import PARTS, Days
from floorline.margin.explanation import Explanation, explain, explanation_document
from tests.margin.windows import AFTER, BEFORE, COMPANY, between


def printed(capsys, monkeypatch, found: Explanation, width: int = 150) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    print_explanation(found, 2, "UTC")
    return capsys.readouterr().out.splitlines()


def test_the_table_goes_from_one_margin_to_the_other_and_shows_the_parts_that_moved(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, between(COMPANY, COMPANY.using(output=560)))
    assert lines[0] == "Change of margin: 2026-09-24..2026-09-30 to 2026-10-01..2026-10-07, days of UTC, USD"
    cells = [line.split() for line in lines if line.strip()]
    assert [line[0] for line in cells[2:6]] == ["─" * len(cells[2][0]), "margin", "output", "margin"]
    assert cells[4][:4] == ["output", "tokens", "per", "call"]
    assert cells[4][4].startswith("-$")
    assert "output tokens per call rose 40 %" in lines[-1]
    assert lines[-1].endswith("Cap the output, or ask for shorter answers.")


def test_what_has_no_room_or_is_not_shown_is_named(capsys, monkeypatch):
    by_customer = between(COMPANY, COMPANY.using(output=560), "customer")
    lines = printed(capsys, monkeypatch, by_customer, 50)
    assert "No room for: c4 (--json has all)." in lines
    assert "4 more rows, which --key, a greater --limit or --json shows." in " ".join(" ".join(lines).split())


def test_windows_of_different_lengths_and_crossed_baselines_are_said(capsys, monkeypatch):
    was = replace(COMPANY.facts(BEFORE), days=Days(date(2026, 9, 1), date(2026, 10, 1)))
    found = explain(was, COMPANY.facts(AFTER), "feature", {"chat": ("prompt answer-v7 since 2026-10-02",)})
    lines = printed(capsys, monkeypatch, found)
    assert "The windows have 30 and 7 days: their lengths are part of every volume." in lines
    assert "feature chat crosses a baseline: prompt answer-v7 since 2026-10-02" in lines
    assert explanation_document(found)["total"]["baselines"] == ["prompt answer-v7 since 2026-10-02"]


def test_the_document_has_every_part_as_text_and_the_driver():
    document = explanation_document(between(COMPANY, COMPANY.using(dearer=125)))
    assert (document["before"], document["after"]) == (
        {"from": "2026-09-24", "to": "2026-10-01"},
        {"from": "2026-10-01", "to": "2026-10-08"},
    )
    (row,) = document["rows"]
    assert row["key"] == {"feature": "chat"}
    assert [part["part"] for part in row["parts"]] == list(PARTS)
    price = row["parts"][PARTS.index("provider_price")]
    assert (price["moved"], price["leading"]) == ("0.250000000000", "openai large")
    assert row["driver"]["usd"] == price["usd"] == document["total"]["change_usd"]
    assert explanation_document(between(COMPANY, COMPANY))["total"]["driver"] is None


def test_a_window_is_two_days_with_dots_between():
    window = Window()
    assert window.convert("2026-09-24..2026-10-01", None, None) == BEFORE
    assert window.convert(BEFORE, None, None) is BEFORE
    for wrong, why in (("2026-09-24", "write two days as"), ("2026-09-24..soon", "soon")):
        with pytest.raises(click.BadParameter, match=why):
            window.convert(wrong, None, None)
