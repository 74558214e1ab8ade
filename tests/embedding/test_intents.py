"""Classifiers of intents: fitted to examples, never sure of what they cannot be, and the same after their file."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.cli.intent import command
from floorline.embedding.embedder import Embedded
from floorline.embedding.fitting import Example, fit, foretold
from floorline.embedding.intents import NEVER, Classifier, intents_from, to_bytes
from floorline.embedding.lexical import Lexical
from floorline.proof.bounds import upper
from floorline.proof.multinomial import chances, fit_classes

KINDS = {
    "lost_card": ("my card is lost", "i lost my card", "the card is gone", "where is my lost card", "card lost yesterday", "lost my bank card"),
    "balance": ("what is my balance", "show the balance", "how much money is left", "balance of my account", "tell me my balance", "account balance please"),
    "transfer": ("send money to anna", "transfer ten euros", "i want to transfer money", "make a transfer", "transfer to my brother", "send a transfer now"),
}  # fmt: skip
EXAMPLES = [Example(text=text, intent=intent) for intent, texts in KINDS.items() for text in texts]
STRANGERS = [Example(text=text, intent="") for text in ("will it rain tomorrow", "play some jazz", "who won the match")]
FILE = "intents: {support: {file: support.json}}\n"


def vectors(examples: list[Example]) -> np.ndarray:
    return np.stack([Lexical().embed(one.text).vector for one in examples]).astype(np.float64)


def test_the_weights_are_those_of_least_loss() -> None:
    rng = np.random.default_rng(7)
    places = rng.integers(0, 4, 300)
    points = rng.normal(size=(4, 6))[places] + rng.normal(size=(300, 6))
    weights = fit_classes(points, places, 4, l2=1.0)
    said = chances(weights, points)
    right = np.eye(4)[places]
    slope = (said - right).T @ np.column_stack([points, np.ones(300)]) + weights * np.array([*[1.0] * 6, 0.0])
    assert np.abs(slope).max() < 0.5, "nothing is to be gained by another step"
    assert np.allclose(said.sum(axis=1), 1)
    assert (said.argmax(axis=1) == places).mean() > 0.6


def test_a_classifier_says_the_class_of_what_it_knows_and_abstains_on_what_it_does_not() -> None:
    found = fit([*EXAMPLES, *STRANGERS], vectors([*EXAMPLES, *STRANGERS]), "lexical", errors_max=0.3)
    classifier, letters = Classifier(intents_from(to_bytes(found))), Lexical()
    assert classifier.say(letters.embed("i have lost the card")).name == "lost_card"
    assert classifier.say(letters.embed("quelle heure est-il")).name == ""
    assert classifier.say(Embedded(vector=None, tokens=9_999)) == ("", 0.0), "longer than the window"
    assert classifier.likely(letters.embed("transfer money"), 2)[0].name == "transfer"
    assert (found.shown.examples, found.shown.strangers) == (18, 3)
    assert found.shown.wrong_share_max == upper(found.shown.wrong, found.shown.answered) <= 0.3


def test_where_no_threshold_is_safe_it_abstains_on_everything() -> None:
    found = fit(EXAMPLES, vectors(EXAMPLES), "lexical", errors_max=0.01)
    assert found.threshold == NEVER, "eighteen examples show no more than 15 % of errors"
    assert Classifier(found).say(Lexical().embed("my card is lost")).name == ""


def test_nothing_is_foretold_by_a_classifier_that_was_fitted_to_it() -> None:
    odd = [*EXAMPLES, Example(text="zzz qqq", intent="balance")]
    found = foretold(odd, vectors(odd))
    assert not found.right[-1], "nobody has seen anything like it"
    assert sum(found.right) > 12


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=400))
def test_a_damaged_file_is_named_and_never_used(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"is no file of intents|has the format|it is damaged"):
        intents_from(content)


def test_a_cut_file_is_damaged() -> None:
    found = fit(EXAMPLES, vectors(EXAMPLES), "lexical", errors_max=0.3)
    raw = json.loads(to_bytes(found))
    raw["weights"] = raw["weights"][:-8]
    with pytest.raises(ValueError, match="it is damaged"):
        intents_from(json.dumps(raw).encode())


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        ([Example(text="a", intent="one"), Example(text="b", intent="one")], "1 classes are nothing to tell apart"),
        ([*EXAMPLES, Example(text="a", intent="lonely")], "'lonely' has 1 example"),
    ],
)
def test_too_few_examples_are_refused(examples: list[Example], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fit(examples, vectors(examples), "lexical")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "floorline.yaml").write_text(FILE)
    lines = [
        json.dumps({"text": one.text, "intent": one.intent or None}) for one in (*EXAMPLES, *STRANGERS, EXAMPLES[0])
    ]
    (tmp_path / "examples.jsonl").write_text("\n".join(lines))
    monkeypatch.setenv("FLOORLINE_CONFIG", str(tmp_path / "floorline.yaml"))
    return tmp_path


def test_the_commands_fit_a_classifier_and_ask_it(folder: Path) -> None:
    examples = str(folder / "examples.jsonl")
    fitted = CliRunner().invoke(command, ["fit", "support", "--examples", examples, "--errors", "40%"])
    assert fitted.exit_code == 0, fitted.output
    assert "3 classes of 18 examples, and 3 of no class" in fitted.output
    assert "it answers from a chance of" in fitted.output
    asked = CliRunner().invoke(command, ["test", "support", "--text", "i lost the card"])
    assert asked.output.startswith("lost_card\n")
    judged = CliRunner().invoke(command, ["test", "support", "--examples", examples, "--json"])
    assert (judged.exit_code, json.loads(judged.output)["examples"], json.loads(judged.output)["holds"]) == (
        0,
        18,
        True,
    )
    wrong = folder / "wrong.jsonl"
    wrong.write_text('{"text": "my card is lost", "intent": "balance"}\n')
    failed = CliRunner().invoke(command, ["test", "support", "--examples", str(wrong)])
    assert failed.exit_code == 1
    assert "balance" in failed.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "nobody", "--examples", "{examples}"], "has no 'nobody' \\(it has support\\)"),
        (["fit", "support", "--examples", "{examples}", "--errors", "0"], "is no share between 0 and 1"),
        (["test", "support", "--text", "a"], "floorline intent fit"),
        (["test", "support"], "write --text, or --examples"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(folder: Path, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(command, [one.format(examples=folder / "examples.jsonl") for one in arguments])
    assert re.search(said, str(done.exception)), done.exception


def test_a_line_that_is_no_example_is_named(folder: Path) -> None:
    path = folder / "bad.jsonl"
    path.write_text('{"text": "a", "intent": "b"}\n{"words": 1}\n')
    done = CliRunner().invoke(command, ["fit", "support", "--examples", str(path)])
    assert "bad.jsonl:2: " in str(done.exception)
