"""The story of docs/close.md and docs/backlog.md in real processes."""

import json
import os
from pathlib import Path

import pytest

from tests.support import starting

pytestmark = pytest.mark.prove


class Company:
    """A folder with a ledger, run as a user does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, code: int = 0) -> str:
        environment = {**os.environ, "FLOORLINE_HOME": str(self.folder / "home")}
        environment.pop("FLOORLINE_CONFIG", None)
        done = starting.run("-m", "floorline", *arguments, env=environment, cwd=self.folder)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def json(self, *arguments: str):
        return json.loads(self.run(*arguments, "--json"))

    def calls(self, name: str, *days: str) -> None:
        events = [
            {"request_id": f"{name}-{day}-{n}", "timestamp": f"{day}T10:00:00Z", "workspace_id": "acme", "feature": "chat",
             "provider": "openai", "model": "gpt-4o", "input_tokens": 1_000_000, "output_tokens": 0}
            for day in days
            for n in range(2)
        ]  # fmt: skip
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for event in events))
        self.run("import", "usage", str(path))


def test_a_month_is_closed_and_what_comes_later_stands_beside_it(tmp_path):
    company = Company(tmp_path)
    (tmp_path / "revenue.csv").write_text(
        "id,customer,plan,amount,currency,period_start,period_end\n1,acme,pro,100,USD,2026-01-01,2026-02-01\n"
    )
    company.run("import", "revenue", "revenue.csv")
    company.calls("first", "2026-01-05")
    assert "no call of 2026-02-01 or later" in company.run("close", "2026-01", code=1)
    company.calls("second", "2026-02-05")
    closed = company.json("close", "2026-01")
    assert (closed["cogs"], closed["warnings"]) == ("5.000000000000", [])
    company.calls("late", "2026-01-06")
    shown = company.json("close", "2026-01", "--show")
    assert [(one["kind"], one["cogs"], one["rows"]) for one in shown["corrections"]] == [("calls", "5.000000000000", 2)]
    january = company.json("margin", "--from", "2026-01-01", "--to", "2026-02-01")
    assert january["total"]["cogs"] == january["closed"]["restated"]["cogs"] == "10.000000000000"
    assert january["closed"]["as_closed"]["cogs"] == "5.000000000000"
    february = company.json("margin", "--from", "2026-02-01", "--to", "2026-03-01")
    assert [(one["month"], one["cogs"]) for one in february["carries"]] == [("2026-01", "5.000000000000")]
    assert company.json("close", "2026-02", "--show")["carries"] == february["carries"]
    assert "2026-01 as closed" in company.run("margin", "--from", "2026-01-01", "--to", "2026-02-01")
    assert company.json("close", "--verify") == {"months": 1, "problems": []}
    assert "every hash" in company.run("close", "--verify")
    company.run("close", "2026-01", "--reopen", "--reason", "a test")
    assert "2026-01#1" in company.run("close", "--list")
    assert "period.reopen" in company.run("audit")
    assert "give one of them" in company.run("close", "--list", "--verify", code=2)
    assert "name a month" in company.run("close", code=2)
    assert "is not closed" in company.run("close", "2025-01", "--show", code=2)


def test_the_backlog_is_listed_before_its_job_ever_ran(tmp_path):
    company = Company(tmp_path)
    assert company.json("backlog", "list")["open"] == []
    company.run("backlog", "add", "Committed use", "--dollars", "900")
    listed = company.json("backlog", "list", "--find")
    assert (listed["stated_dollars_a_quarter"], listed["open"][0]["adds"]) == ("900.000000000000", None)
    company.run("backlog", "accept", "committed")
    company.run("backlog", "move", "committed", "shipped")
    assert "Shipped and closed" in company.run("backlog")
    assert "measured when a week" in company.run("backlog", "measure", "committed", code=2)
