"""The two commands in real processes, told as the story that FIELD.md D4 asks for.

"Recalculate" must use the price stamped on the call (maxx pull request 575), and users also want a deliberate re-rate when the
price was wrong (langfuse issue 12184): two verbs, the difference shown first, audited, reversible.
"""

import json
import os
from pathlib import Path

import pytest

from tests.support import starting

EVENTS = [
    {"request_id": f"r{n}", "timestamp": f"2026-03-{n + 1:02}T10:00:00Z", "workspace_id": ("acme", "bee")[n % 2],
     "feature": "chat", "provider": "own", "model": "house", "input_tokens": 1_000_000, "output_tokens": 0}
    for n in range(6)
]  # fmt: skip
MARCH = ("--from", "2026-03-01", "--to", "2026-04-01")
DIES_AFTER_ONE_WRITE = """
import os
from floorline.ledger.ledger import Ledger

written = Ledger.write

def write(self, entries):
    written(self, entries)
    os._exit(9)

Ledger.write = write
from floorline.cli import main
main()
"""


class Company:
    """A folder with a ledger, run as a user does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "usage.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))

    def price(self, usd_per_mtok: str) -> None:
        (self.folder / "floorline.yaml").write_text(
            f"prices:\n  - {{provider: own, model: house, prices: {{input: {usd_per_mtok}, output: 1}}}}\n"
        )

    def run(self, *arguments: str, code: int = 0, program: tuple[str, ...] = ("-m", "floorline")):
        environment = {**os.environ, "FLOORLINE_HOME": str(self.folder / "home")}
        environment.pop("FLOORLINE_CONFIG", None)
        done = starting.run(*program, *arguments, env=environment, cwd=self.folder)
        assert done.returncode == code, done.stderr
        return done

    def json(self, *arguments: str):
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


def test_the_story_of_a_late_and_a_wrong_price(company):
    """Unpriced on day one → a price typed wrong is applied → corrected → taken back, each step shown and kept."""
    company.run("import", "usage", "usage.jsonl")
    company.price("20")
    shown = company.run("re-rate", *MARCH).stdout
    assert "6 of 6 calls change, 6 of them unpriced until now" in shown
    assert "own/house" in shown
    assert "120.000000" in shown
    assert "Nothing is written yet" in shown

    wrong = company.json("re-rate", *MARCH, "--apply", "--reason", "price list arrived")
    assert (wrong["put_right"], wrong["after"], wrong["applied"]) == (6, "120.000000000000", True)

    company.price("2")
    assert company.json("recompute", *MARCH)["calls"] == 0, "recompute keeps the stamped price, wrong as it is"
    right = company.json("re-rate", *MARCH, "--apply")
    assert (right["before"], right["after"], right["put_right"]) == ("120.000000000000", "12.000000000000", 0)
    assert [one["customer"] for one in right["customers"]] == ["acme", "bee"]

    refused = company.run("re-rate", "--undo", wrong["batch"], code=1)
    assert f"undo {right['batch']} first" in refused.stderr
    company.run("re-rate", "--undo", right["batch"])
    assert "is undone already" in company.run("re-rate", "--undo", right["batch"], code=1).stderr
    listed = company.json("re-rate", "--list")
    assert [(one["verb"], one["status"], one["change"]) for one in listed] == [
        ("re-rate", "applied", "120.000000000000"),
        ("re-rate", "undone", "-108.000000000000"),
        ("undo", "applied", "108.000000000000"),
    ]
    assert listed[0]["reason"] == "price list arrived"


@pytest.mark.prove
def test_a_process_killed_after_the_spool_write_changes_nothing_twice(company):
    company.run("import", "usage", "usage.jsonl")
    company.price("2")
    company.run("re-rate", *MARCH, "--apply", code=9, program=("-c", DIES_AFTER_ONE_WRITE))
    (cut,) = company.json("re-rate", "--list")
    assert (cut["status"], cut["calls"], cut["change"]) == ("applying", 6, "12.000000000000")
    assert company.json("re-rate", *MARCH, "--apply")["calls"] == 0
    company.run("re-rate", "--undo", cut["batch"])
    assert company.json("re-rate", *MARCH)["put_right"] == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say which calls: --from 2026-01-01 --to 2026-02-01"),
        (["--from", "March", "--to", "2026-04-01"], "'March' is not a day: write it as 2026-01-31"),
        (["--from", "2026-04-01", "--to", "2026-04-01"], "--to 2026-04-01 is not after --from 2026-04-01"),
        (["--undo", "x", "--list"], "--apply, --undo and --list are three different things"),
    ],
)
def test_bad_use_is_refused_before_the_ledger_is_opened(company, arguments, said):
    assert said in company.run("recompute", *arguments, code=2).stderr
    assert not (company.folder / "home").exists()
