"""`floorline review` in real processes, as a meeting uses it."""

import json
import os
from pathlib import Path

import pytest

from tests.support import starting

EVENTS = [
    {"request_id": f"r{n}", "timestamp": f"2026-03-{n + 2:02}T10:00:00Z", "workspace_id": "acme", "feature": "chat",
     "provider": "own", "model": "house", "input_tokens": 3_000_000, "output_tokens": 0}
    for n in range(7)
]  # fmt: skip
CONFIG = """
prices:
  - {provider: own, model: house, to: 2026-03-16, prices: {input: 2, output: 2}}
  - {provider: own, model: house, from: 2026-03-16, prices: {input: 1, output: 1}}
"""


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "usage.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    (tmp_path / "revenue.csv").write_text(
        "id,customer,amount,currency,period_start,period_end,feature\nl1,acme,70,USD,2026-03-02,2026-03-09,chat\n"
    )
    (tmp_path / "floorline.yaml").write_text(CONFIG)
    environment = {**os.environ, "FLOORLINE_HOME": str(tmp_path / "home")}
    environment.pop("FLOORLINE_CONFIG", None)

    def command(*arguments: str, code: int = 0) -> str:
        done = starting.run("-m", "floorline", *arguments, env=environment, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return command


@pytest.mark.prove
def test_a_meeting_reads_its_review_decides_and_finds_the_decision_again(run):
    run("import", "usage", "usage.jsonl")
    run("import", "revenue", "revenue.csv")
    shown = run("review", "weekly", "--week", "2026-W10")
    assert "chat      $70.00  $42.00  $28.00    40.0 %" in shown
    assert "2026-03-16, price of own/house: in $2.00 → $1.00, out $2.00 → $1.00 (+$" in shown
    assert "floor/chat accept, ben" in run("review", "decide", "2026-W10", "floor/chat", "accept", "--owner", "ben")
    again = json.loads(run("review", "weekly", "--week", "2026-W10", "--refresh", "--json"))
    (action,) = [one for one in again["actions"] if one["id"] == "floor/chat"]
    assert (action["decision"]["verdict"], action["decision"]["owner"]) == ("accept", "ben")
    assert again["total"]["cost"] == "42.000000000000"
    assert run("review", "weekly", "--week", "2026-W10", "--format", "html").startswith("<!doctype html>")
    assert "has no action 'floor/x'" in run("review", "decide", "2026-W10", "floor/x", "accept", code=2)
    assert "Undecided: floorline review windfall own house" in run("review", "quarterly", "--quarter", "2026-Q1")
    shares = ("--since", "2026-03-16", "--margin", "50", "--price", "30", "--product", "20")
    assert "50 % margin" in run("review", "windfall", "own", "house", *shares)
    quarter = json.loads(run("review", "quarterly", "--quarter", "2026-Q1", "--refresh", "--json"))
    (windfall,) = quarter["windfalls"]
    assert float(windfall["margin"]) == pytest.approx(float(windfall["usd_a_month"]) / 2)
