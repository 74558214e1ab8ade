"""`floorline check` as a user meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from floorline.cli.check import command


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
