"""`floorline price` as it is called."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from floorline.cli.price import command
from floorline.errors import BadInput, Mismatch


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs: an empty folder, with no configuration but what a test writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOORLINE_HOME", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_case_g_is_printed_with_its_lines_and_its_version() -> None:
    done = run(
        "claude-sonnet-4-5", "--provider", "anthropic", "--input", "4521", "--output", "387", "--at", "2026-01-10"
    )
    assert done.exit_code == 0
    for text in ("0.013563000000", "0.005805000000", "0.019368000000", "anthropic/claude-sonnet-4-5", "genai-prices"):
        assert text in done.output


def test_json_is_one_document_with_money_of_12_places() -> None:
    done = run(
        "gpt-5.4", "--input", "1000", "--cache-read", "9000", "--web-searches", "2", "--at", "2026-11-01", "--json"
    )
    document = json.loads(done.output)
    assert document["cost_usd"] == "0.024750000000"
    assert document["provider"] == "openai"
    assert document["cost_basis"] == "computed"
    assert document["lines"][1] == {
        "unit": "cache_read",
        "quantity": "9000",
        "per": 1_000_000,
        "unit_price": "0.250000000000",
        "list": "0.002250000000",
        "contracted": "0.002250000000",
        "effective": "0.002250000000",
    }
    assert len(document["price_version"]) == 16


def test_a_tier_and_a_date_choose_the_price() -> None:
    def cost(*more: str) -> str:
        return json.loads(run("gpt-5.6-luna", "--input", "1000000", "--json", *more).output)["cost_usd"]

    assert cost("--at", "2026-07-29") == "2.000000000000"
    assert cost("--at", "2026-07-30") == "0.400000000000"
    assert cost("--at", "2026-11-01", "--tier", "batch") == "0.200000000000"


def test_a_tier_without_a_price_of_its_own_is_said() -> None:
    done = run("claude-3-haiku-20240307", "--input", "1000", "--at", "2025-01-01", "--tier", "batch")
    assert "No price of its own is known for batch" in done.output


def test_every_bucket_and_count_has_an_option() -> None:
    text = run("--help").output
    for flag in ("--cache-write-1h", "--input-audio", "--reasoning", "--citation", "--gpu-seconds", "--document-pages"):
        assert flag in text


def test_a_model_without_a_price_is_exit_1_and_null_in_json() -> None:
    done = run("llama3", "--provider", "ollama", "--input", "10", "--json")
    assert json.loads(done.stdout)["cost_usd"] is None
    assert isinstance(done.exception, Mismatch)
    assert done.exception.exit_code == 1
    assert "free: true" in str(done.exception)


def test_bad_use_says_how_to_do_it() -> None:
    for arguments in (["gpt-4o"], ["gpt-4o", "--input", "1", "--at", "yesterday"]):
        done = run(*arguments)
        assert isinstance(done.exception, BadInput)
    assert run("gpt-4o", "--input", "-1").exit_code == 2
    assert run("gpt-4o", "--gpu-seconds", "many").exit_code == 2
    assert run("gpt-4o", "--gpu-seconds", "-2").exit_code == 2


CONFIG = """
prices:
  - provider: openai
    model: gpt-4o
    prices:
      output: 0.00001
  - provider: self-hosted
    model: our-llama
    prices:
      gpu_seconds: {price: 2.80, utilisation: 0.7}
contracts:
  - provider: anthropic
    model: claude-*
    multiplier: 0.85
    from: 2026-01-01
    to: 2027-01-01
"""


def test_the_configuration_is_used_and_list_and_contracted_are_both_printed(folder: Path) -> None:
    (folder / "floorline.yaml").write_text(CONFIG)
    arguments = ["claude-sonnet-4-5", "--input", "100000", "--at", "2026-06-01"]
    done = run(*arguments)
    for text in ("contracted", "0.300000000000", "0.255000000000", "contract over genai-prices, from 2026-01-01"):
        assert text in done.stdout
    document = json.loads(run(*arguments, "--json").stdout)
    assert (document["list_cost"], document["cost_usd"]) == ("0.300000000000", "0.255000000000")
    assert (document["source"], document["list_source"]) == ("contract", "genai-prices")


def test_a_price_far_off_the_catalogue_is_warned_of_on_standard_error(folder: Path) -> None:
    (folder / "floorline.yaml").write_text(CONFIG)
    done = run("our-llama", "--provider", "self-hosted", "--gpu-seconds", "3600")
    assert "0.00001 USD per 1000000, the catalogue says 10 USD" in done.stderr
    assert "2.80 USD per 3600 at a utilisation of 0.7 costs 4 per 3600 in use" in done.stdout
    assert "4.000000000000" in done.stdout
