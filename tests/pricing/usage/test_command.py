"""`floorline usage extract`, as its users call it."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from floorline.cli.usage import Recorded, answered_at, body_of, command
from floorline.errors import BadInput, BadRow

RECORD = {
    "source_path": "a:b#0", "provider": "openai", "endpoint": "chat.completions", "request_model": "gpt-4o",
    "url": "https://api.openai.com/v1/chat/completions", "stream": False, "response_status": 200,
    "response_headers": {"Date": ["Mon, 12 Jan 2026 09:00:00 GMT"]}, "response_body_encoding": "utf-8",
    "response_body_raw": json.dumps({"model": "gpt-4o-2024-08-06", "usage": {
        "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}}),
    "flags": {}, "sha256": "x",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _empty_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOORLINE_HOME", str(tmp_path / "home"))


def run(*arguments: object) -> list[dict]:
    result = CliRunner().invoke(command, ["extract", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_each_record_is_one_line_with_exactly_these_members(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text(
        json.dumps(RECORD) + "\n\n" + json.dumps(RECORD | {"response_body_raw": "{}", "source_path": ""}) + "\n"
    )
    first, second = run(path)
    version = first.pop("price_version")
    assert len(version) == 16
    assert first == {
        "source_path": "a:b#0", "provider": "openai", "endpoint": "chat.completions", "model": "gpt-4o-2024-08-06",
        "stream": False, "status": "ok", "buckets": {"input": 1000, "output": 100}, "counts": {"requests": 1},
        "provider_total": 1100, "checksum_ok": True, "cost_usd": "0.003500000000", "cost_basis": "computed",
        "provider_cost_usd": None,
    }  # fmt: skip
    assert second == {
        "source_path": f"{path}:3", "provider": "openai", "endpoint": "chat.completions", "model": "gpt-4o",
        "stream": False, "status": "no_usage", "buckets": {}, "counts": {}, "provider_total": None, "checksum_ok": None,
        "cost_usd": None, "cost_basis": "unpriced", "provider_cost_usd": None, "price_version": "",
    }  # fmt: skip


def test_the_users_own_prices_are_used(tmp_path):
    (tmp_path / "floorline.yaml").write_text(
        "contracts:\n  - provider: openai\n    model: gpt-4o*\n    multiplier: 0.5\n"
    )
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(RECORD))
    (line,) = run(path)
    assert line["cost_usd"] == "0.001750000000"


def test_a_trusted_providers_own_cost_counts(tmp_path):
    (tmp_path / "floorline.yaml").write_text("trusted_cost_providers: [openrouter]\n")
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "cost": 0.0041}
    body = json.dumps({"model": "openai/gpt-4o", "usage": usage})
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(RECORD | {"provider": "openrouter", "response_body_raw": body}))
    (line,) = run(path)
    assert (line["cost_usd"], line["cost_basis"]) == ("0.004100000000", "provider")
    assert line["provider_cost_usd"] == "0.004100000000"


def test_unknown_models_cost_null_and_not_zero(tmp_path):
    path = tmp_path / "answers.jsonl.gz"
    body = json.dumps({"model": "nobody-knows-it", "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    with gzip.open(path, "wt") as file:
        file.write(json.dumps(RECORD | {"response_body_raw": body, "request_model": None}))
    (line,) = run(path)
    assert (line["cost_usd"], line["cost_basis"], line["price_version"]) == (None, "unpriced", "")


def test_an_advisor_is_added_at_its_own_prices(tmp_path):
    usage = {
        "input_tokens": 1000, "output_tokens": 100,
        "iterations": [{"type": "message", "input_tokens": 1000, "output_tokens": 100},
                       {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 2000, "output_tokens": 10}],
    }  # fmt: skip
    alone = usage | {"iterations": []}
    path = tmp_path / "answers.jsonl"
    with path.open("w") as file:
        for one in (usage, alone):
            body = json.dumps({"type": "message", "model": "claude-sonnet-4-6", "usage": one})
            file.write(
                json.dumps(RECORD | {"provider": "anthropic", "endpoint": "messages", "response_body_raw": body}) + "\n"
            )
    both, main = run(path)
    assert both["buckets"] == {"input": 3000, "output": 110}
    assert both["cost_usd"] == f"{0.0045 + 2000 * 5 / 1e6 + 10 * 25 / 1e6:.12f}"
    assert main["cost_usd"] == "0.004500000000"


@pytest.mark.parametrize("text", ["not json\n", '{"provider": "openai"}\n', '{"response_body_raw": 1}\n'])
def test_a_line_that_is_no_record_names_its_place(tmp_path, text):
    path = tmp_path / "answers.jsonl"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"answers\.jsonl:1 is not a recorded answer"):
        CliRunner().invoke(command, ["extract", str(path), "--json"], catch_exceptions=False)


def test_a_file_that_is_not_there_is_bad_input():
    with pytest.raises(BadInput, match="cannot be read"):
        CliRunner().invoke(command, ["extract", "nowhere.jsonl"], catch_exceptions=False)


def test_without_json_it_says_how_many_were_read_and_what_was_wrong(tmp_path):
    path = tmp_path / "answers.jsonl"
    wrong = json.dumps({"usage": {"prompt_tokens": -1}})
    path.write_text(json.dumps(RECORD) + "\n" + json.dumps(RECORD | {"response_body_raw": wrong}) + "\n")
    result = CliRunner().invoke(command, ["extract", str(path), "--at", "2026-01-31"], catch_exceptions=False)
    assert result.output.splitlines()[0].startswith("a:b#0: prompt_tokens is -1")
    assert result.output.splitlines()[1] == "1 error, 1 ok"
    with pytest.raises(BadInput, match="--at"):
        CliRunner().invoke(command, ["extract", str(path), "--at", "soon"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("headers", "body", "day"),
    [
        ({"Date": "Mon, 12 Jan 2026 09:00:00 GMT"}, {"created": 1_700_000_000}, "2026-01-12"),
        ({"Date": "yesterday"}, {"created": 1_700_000_000}, "2023-11-14"),
        ({}, {"created_at": "2025-05-01T00:00:00.123456789Z"}, "2025-05-01"),
        ({}, {"created": "2025-99-99T00:00"}, "2026-06-01"),
        ({}, {"created": 63400}, "2026-06-01"),
        ({"Date": None}, {}, "2026-06-01"),
    ],
)
def test_an_answer_is_dated_by_its_header_then_its_body_then_today(headers, body, day):
    record = Recorded(response_body_raw=json.dumps(body), response_headers=headers)
    assert str(answered_at(record, datetime(2026, 6, 1, tzinfo=UTC)).date()) == day


def test_bodies_in_base64_must_be_base64():
    with pytest.raises(BadRow, match="not base64"):
        body_of(Recorded(response_body_raw="!", response_body_encoding="base64"))
