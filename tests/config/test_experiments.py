"""What floorline.yaml says of experiments."""

from pathlib import Path

import pytest

from floorline.config import parse
from floorline.guardrails.experiments.rule import Experiment

FILE = Path("floorline.yaml")
EVERYTHING = """\
guardrails: {holdout: 5%}
features: {plain: {}}
experiments:
  small:
    {feature: chat, step: draft, model: gpt-4o-mini, share: 20%, metric: feedback, margin: 5%, harm: 3%, pairs: 600, each: 10, adopt: true}
  terse: {feature: chat, margin: 1%}
"""


def read(text: str):
    parsed = parse(text.encode(), FILE, {})
    return parsed.config.gateway.guardrails, [problem.message for problem in parsed.problems]


def test_every_setting_is_read_and_the_features_other_rules_stay():
    rails, problems = read(EVERYTHING)
    assert problems == []
    small, terse = rails.of("chat").experiments
    assert small == Experiment(
        name="small", feature="chat", step="draft", model="gpt-4o-mini", share_ppm=200_000, metric="feedback", margin=0.05,
        harm=0.03, pairs=600, each=10, adopt=True,
    )  # fmt: skip
    assert (terse.harm, terse.metric, terse.share_ppm) == (0.01, "outcome", 500_000)
    assert (rails.of("chat").holdout_ppm, rails.of("plain").experiments) == (50_000, ())


def test_an_experiment_alone_turns_guardrails_on():
    rails, problems = read("experiments: {terse: {feature: chat}}")
    assert (problems, [one.name for one in rails.of("chat").experiments]) == ([], ["terse"])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("x: {model: m}", "feature"),
        ("x: {feature: f, share: 100%}", "both sides need customers"),
        ("x: {feature: f, share: 0%}", "both sides need customers"),
        ("x: {feature: f, margin: 0%}", "nothing is shown to be equal"),
        ("x: {feature: f, pairs: 2000000}", "at most 1000000"),
        ("x: {feature: f, metric: stars}", "stars"),
        ("two words: {feature: f}", "goes out as a header"),
        ("{x: {feature: f, model: a}, y: {feature: f, step: s, model: b}}", "end one of them first"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_words(said, message):
    _, problems = read(f"experiments: {said if said.startswith('{') else '{' + said + '}'}")
    assert any(message in one for one in problems), problems


def test_experiments_of_other_features_or_steps_or_without_a_model_go_on_beside_each_other():
    said = "{a: {feature: f, step: s, model: m}, b: {feature: f, step: t, model: m}, c: {feature: g, model: m}, d: {feature: f}}"
    _, problems = read(f"experiments: {said}")
    assert problems == []
