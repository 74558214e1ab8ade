"""The contract other tools rely on, through the installed command and nothing else."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from floorline.cli import COMMANDS
from tests.support import starting

EVENT = {
    "request_id": "r-1",
    "user_id": "u-1",
    "workspace_id": "acme",
    "feature": "assistant",
    "model": "gpt-4o",
    "provider": "openai",
    "input_tokens": 500_000,
    "output_tokens": 125_000,
    "cache_hit": False,
    "latency_ms": 840,
    "cost_usd": None,
    "timestamp": "2026-01-10T09:00:00Z",
}
REVENUE = "id,customer,plan,amount,currency,period_start,period_end\nin-1,acme,pro,31.00,USD,2026-01-01,2026-02-01\n"
JANUARY = ("--from", "2026-01-01", "--to", "2026-02-01")


class Floorline:
    """The command, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "FLOORLINE_HOME": str(folder / "home")}

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = starting.run("-m", "floorline", *arguments, env=self.environment, cwd=self.folder)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def margin(self, by: str, *arguments: str) -> dict:
        return json.loads(self("margin", "--by", by, *JANUARY, *arguments, "--json").stdout)


@pytest.fixture
def floorline(tmp_path: Path) -> Floorline:
    return Floorline(tmp_path)


def with_one_call(floorline: Floorline) -> Floorline:
    floorline("import", "usage", floorline.file("usage.jsonl", json.dumps(EVENT) + "\n"))
    floorline("import", "revenue", floorline.file("revenue.csv", REVENUE))
    return floorline


@pytest.fixture(scope="module")
def one_call(tmp_path_factory: pytest.TempPathFactory) -> Floorline:
    """A home that its tests leave as it is."""
    return with_one_call(Floorline(tmp_path_factory.mktemp("one_call")))


def test_one_event_and_one_invoice_line_give_the_margin_of_the_issue(one_call: Floorline) -> None:
    # gpt-4o in January 2026: 0.5 M x $2.50 + 0.125 M x $10 = $2.50
    report = one_call.margin("customer")
    assert (report["from"], report["to"], report["currency"], report["by"]) == (
        "2026-01-01",
        "2026-02-01",
        "USD",
        ["customer"],
    )
    (row,) = report["rows"]
    assert row["key"] == {"customer": "acme"}
    assert row["revenue"] == "31.000000000000"
    assert row["cogs"] == "2.500000000000"
    assert row["margin_usd"] == "28.500000000000"
    assert row["margin_ratio"] == "0.919354838710"
    assert row["calls"] == 1
    assert row["cost_per_call_mean"] == row["cost_per_call_p95"] == "2.500000000000"
    assert row["components"] == {"inference": "2.500000000000"}
    assert (
        row["quality"].items()
        >= {
            "provider": "0.0",
            "computed": "1.0",
            "estimated": "0.0",
            "unpriced_calls": 0,
            "unattributed": "0.0",
        }.items()
    )
    for name in ("revenue", "cogs", "margin_usd", "margin_ratio", "calls"):
        assert report["total"][name] == row[name]


def test_a_feature_has_a_floor_and_a_zone(one_call: Floorline) -> None:
    (row,) = one_call.margin("feature")["rows"]
    assert (row["key"], row["floor"], row["zone"]) == ({"feature": "assistant"}, "0.60", "green")


GROUPINGS = (
    "feature", "customer", "plan", "segment", "cohort", "workflow", "outcome", "call-type", "model", "user", "customer,model",
)  # fmt: skip


def test_every_grouping_has_the_same_total(one_call: Floorline) -> None:
    for by in GROUPINGS:
        report = one_call.margin(by)
        assert report["by"] == by.split(",")
        assert (report["total"]["revenue"], report["total"]["cogs"]) == ("31.000000000000", "2.500000000000"), by


def test_the_ledger_can_be_checked_rebuilt_and_salvaged(floorline: Floorline) -> None:
    one_call = with_one_call(floorline)
    before = one_call.margin("customer")
    assert "equals its base table" in one_call("ledger", "verify").stdout
    assert "Europe/Berlin" in one_call("ledger", "rebuild", "--timezone", "Europe/Berlin").stdout
    assert "equals its base table" in one_call("ledger", "verify").stdout
    assert "nothing is damaged" in one_call("ledger", "salvage").stdout
    assert one_call("ledger", "quarantined").stdout == "every record is in the ledger\n"
    assert "Mars" in one_call("ledger", "rebuild", "--timezone", "Mars/Olympus", code=2).stderr
    assert one_call.margin("customer")["rows"] == before["rows"]


def test_csv_has_the_same_figures(one_call: Floorline) -> None:
    (row, *_) = csv.DictReader(io.StringIO(one_call("margin", "--by", "customer", *JANUARY, "--csv").stdout))
    assert (row["customer"], row["revenue"], row["cogs"]) == ("acme", "31.000000000000", "2.500000000000")


def test_a_file_imported_twice_changes_nothing(one_call: Floorline) -> None:
    before = one_call.margin("customer")
    one_call("import", "usage", str(one_call.folder / "usage.jsonl"))
    one_call("import", "revenue", str(one_call.folder / "revenue.csv"))
    assert one_call.margin("customer") == before


def test_the_same_rows_plus_one_re_sorted_and_split_change_nothing_but_the_one(floorline: Floorline) -> None:
    one_call = with_one_call(floorline)
    second = {**EVENT, "request_id": "r-2", "input_tokens": 100_000, "output_tokens": 0}
    one_call("import", "usage", one_call.file("a.jsonl", json.dumps(second) + "\n" + json.dumps(EVENT) + "\n"))
    one_call("import", "usage", one_call.file("b.jsonl", json.dumps(EVENT) + "\n"))
    assert one_call.margin("customer")["total"]["cogs"] == "2.750000000000"


def test_the_same_id_with_another_body_is_refused_by_name(one_call: Floorline) -> None:
    other = one_call.file("other.jsonl", json.dumps({**EVENT, "input_tokens": 1}) + "\n")
    refused = one_call("import", "usage", other, code=2)
    assert "r-1" in refused.stderr
    assert "other.jsonl" in refused.stderr
    assert one_call.margin("customer")["total"]["cogs"] == "2.500000000000"


def test_a_bad_line_is_named_and_the_good_ones_are_kept(floorline: Floorline) -> None:
    lines = [json.dumps(EVENT), "{not json", json.dumps({**EVENT, "request_id": "r-3", "input_tokens": -5})]
    refused = floorline("import", "usage", floorline.file("mixed.jsonl", "\n".join(lines) + "\n"), code=2)
    assert "mixed.jsonl:2" in refused.stderr
    assert "mixed.jsonl:3" in refused.stderr
    assert floorline.margin("customer")["total"]["calls"] == 1


def test_strict_refuses_the_whole_file(floorline: Floorline) -> None:
    mixed = floorline.file("mixed.jsonl", json.dumps(EVENT) + "\n{not json\n")
    floorline("import", "usage", "--strict", mixed, code=2)
    assert floorline.margin("customer")["total"]["calls"] == 0


def test_an_ambiguous_model_is_unpriced_and_says_why(floorline: Floorline) -> None:
    event = {**EVENT, "model": "our-own-model", "provider": None}
    done = floorline("import", "usage", floorline.file("usage.jsonl", json.dumps(event) + "\n"))
    assert "our-own-model" in done.stdout + done.stderr
    (row,) = floorline.margin("customer")["rows"]
    assert row["quality"]["unpriced_calls"] == 1
    assert row["cost_per_call_mean"] is None


def test_price_prints_case_g(floorline: Floorline) -> None:
    priced = json.loads(
        floorline(
            "price",
            "claude-sonnet-4-5",
            "--provider",
            "anthropic",
            "--input",
            "4521",
            "--output",
            "387",
            "--at",
            "2026-01-10",
            "--json",
        ).stdout
    )
    assert "0.019368000000" in json.dumps(priced)


def test_bad_use_is_2_with_a_message(floorline: Floorline) -> None:
    assert "--by" in floorline("margin", "--by", "colour", *JANUARY, code=2).stderr
    assert floorline("import", "usage", "nowhere.jsonl", code=2).stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(floorline: Floorline, name: str) -> None:
    assert "Usage:" in floorline(name, "--help").stdout


@pytest.mark.prove
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_imports_what_it_needs_by_itself(floorline: Floorline, name: str) -> None:
    command = [sys.executable, "-m", "floorline", name, "--help"]
    done = subprocess.run(command, env=floorline.environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "Usage:" in done.stdout) == (0, True), done.stderr
