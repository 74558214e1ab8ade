"""`floorline price` as it is called."""

import json

from click.testing import CliRunner, Result

from floorline.cli.price import command
from floorline.errors import BadInput, Mismatch


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
