"""`floorline check` as a user meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from floorline.cli.check import command
from floorline.cli.runbook import command as runbook


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FLOORLINE_CONFIG", raising=False)
    monkeypatch.setenv("FLOORLINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_without_a_file_the_defaults_hold():
    found = check()
    assert found.exit_code == 0
    assert "No floorline.yaml: the defaults hold." in found.output


def test_every_error_is_printed_and_the_exit_code_is_2():
    Path("floorline.yaml").write_text("timezone: Mars\nfeatures: {chat: {flor: 0.5}}\n")
    found = check()
    assert found.exit_code == 2
    assert found.stdout == ""
    assert found.stderr.splitlines()[1:] == [
        "floorline.yaml:2:19: unknown setting `features.chat.flor`: did you mean `floor`?",
        "2 to mend",
    ]


def test_a_price_typed_per_token_is_a_warning_that_names_both_prices():
    """LiteLLM issue 20615: a price per million typed as a price per token blocked every user."""
    Path("mine.yaml").write_text("prices: [{provider: openai, model: gpt-4o, prices: {input: 0.0000025}}]\n")
    found = check("mine.yaml")
    assert found.exit_code == 0
    assert "0.0000025 USD" in found.stderr
    assert "2.5 USD per 1000000" in found.stderr


def test_a_model_that_points_nowhere_is_an_error():
    Path("floorline.yaml").write_text("prices: [{provider: azure, model: mine, same_as: openai/nothing-at-all}]\n")
    found = check()
    assert found.exit_code == 2
    assert "nothing-at-all" in found.stderr


def test_the_effective_configuration_names_floors_by_default_too():
    Path("floorline.yaml").write_text("features: {chat: {role: growth}, code: {floor: 0.5}}\nplans: {pro: {}}\n")
    found = check()
    assert found.exit_code == 0
    assert "0.60 (default)" in found.output
    as_json = check("--json")
    document = json.loads(as_json.stdout)
    assert document["ok"] is True
    assert document["config"]["features"]["chat"]["floor"] == "0.60"
    assert document["config"]["plans"]["pro"]["allocation"] == "calls"


def test_a_lapsed_exception_is_a_warning_and_the_ordinary_floor_holds():
    exception = "{floor: 0.3, reason: launch, review_by: 2020-01-31}"
    Path("floorline.yaml").write_text(f"features: {{chat: {{exception: {exception}}}}}\n")
    found = check()
    assert found.exit_code == 0
    assert "0.60 (default)" in found.stdout
    assert found.stderr.splitlines() == [
        "warning: chat is red: its exception was to be reviewed by 2020-01-31 (launch): remove the exception, or give it a new date"
    ]


def test_the_runbook_names_what_is_stated():
    Path("floorline.yaml").write_text(
        "features: {chat: {owner: chat team, exception: {floor: 0.3, reason: launch, review_by: 9999-12-31}}}\n"
        "runbook: {red: {within_hours: 8}, escalation: {to: the CTO}, levers: {retries: cap them}}\n"
        "delivery: {phone: {kind: pagerduty, routing_key: '${UNSET_HERE}'}}\n"
    )
    page = CliRunner().invoke(runbook, catch_exceptions=False).output
    assert "floor 30 % by exception until 9999-12-31" in page
    assert "chat team" in page
    assert "retries and fallbacks (`retries`): cap them" in page
    assert "24 h after its deadline goes to the CTO" in page
    assert "phone (pagerduty)" in page
    document = json.loads(CliRunner().invoke(runbook, ["--json"], catch_exceptions=False).output)
    assert document["zones"]["red"]["within_hours"] == 8
    assert document["features"]["chat"]["floor_from"] == "exception"


def test_json_carries_every_problem_with_its_place():
    Path("floorline.yaml").write_text("planz: {}\n")
    found = check("--json")
    assert found.exit_code == 2
    document = json.loads(found.stdout)
    assert document["config"] is None
    assert document["problems"] == [
        {
            "file": "floorline.yaml",
            "line": 1,
            "column": 1,
            "message": "unknown setting `planz`: did you mean `plans`?",
        }
    ]
