"""Every rule of tools/tidy.py finds what it forbids and lets pass what it allows."""

import ast
from pathlib import Path

import pytest

from tools import tidy


def source(text: str, name: str = "pricing/cost") -> tidy.Source:
    return tidy.Source(Path(f"src/floorline/{name}.py"), name, text, ast.parse(text))


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (tidy.long_functions, "def f():\n" + "    x = 1\n" * 70, "def f():\n" + "    x = 1\n" * 69),
        (tidy.long_modules, "x = 1\n" * 601, "x = 1\n" * 600),
        (tidy.floats_near_money, "cost = 0.1", "cost = '0.1'"),
        (tidy.floats_near_money, "def f(cost: float): ...", "share: float = 0.5  # float: a plot's alpha\n"),
        (
            tidy.broad_excepts,
            "try:\n    f()\nexcept Exception:\n    pass",
            "try:\n    f()\nexcept Exception:\n    g()\n    raise",
        ),
        (tidy.broad_excepts, "try:\n    f()\nexcept:\n    pass", "try:\n    f()\nexcept ValueError:\n    pass"),
        (tidy.clock_or_random_in_core, "now = datetime.now(UTC)", "now = row.at"),
        (tidy.clock_or_random_in_core, "import random", "import re"),
        (tidy.untyped_dicts, "def f(x: dict[str, Any]): ...", "def f(x: dict[str, int]): ..."),
        (tidy.waivers_without_reason, "x = f()  # noqa: S101", "x = f()  # noqa: S101 - the reason"),
    ],
)
def test_a_rule_finds_what_it_forbids_and_nothing_else(rule: object, bad: str, good: str) -> None:
    assert list(rule(source(bad)))
    assert not list(rule(source(good)))


def test_sql_belongs_into_sql_files() -> None:
    assert list(tidy.sql_in_python(source("q = 'SELECT 1 FROM calls'", "margin/queries")))
    assert not list(tidy.sql_in_python(source("q = load('margin.sql')", "margin/queries")))


def test_marks_of_unfinished_work_are_found_in_text(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("fine\nTODO: later\n")
    assert tidy.forbidden_text(page) == [f"{page}:2: 'TODO' must go"]
