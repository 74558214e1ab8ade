"""`evaluation:` of a feature in floorline.yaml."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.config import parse
from floorline.evals.policy import Evaluation
from floorline.evals.scorers import (
    Exact,
    Http,
    JsonSchema,
    Judge,
    Normalised,
    Numeric,
    Python,
    Regex,
    Scorer,
    Similarity,
)


def parsed(evaluation: str):
    return parse(f"features: {{a: {{evaluation: {evaluation}}}}}".encode(), Path("floorline.yaml"))


@pytest.mark.parametrize(
    ("stated", "scorer"),
    [
        ("exact", Exact()),
        ("{kind: normalised}", Normalised()),
        ("{kind: regex, pattern: '^a+$'}", Regex(pattern="^a+$")),
        ("{kind: numeric, tolerance: 1%, absolute: 0.5}", Numeric(tolerance=Decimal("0.01"), absolute=Decimal("0.5"))),
        ("{kind: similarity, model: e}", Similarity(model="e", threshold=0.9)),
        ("{kind: similarity, model: e, threshold: 0.8}", Similarity(model="e", threshold=0.8)),
        ("{kind: judge, model: gpt-4o, compare: true}", Judge(model="gpt-4o", compare=True)),
        ("{kind: python, call: ours.scores:near}", Python(call="ours.scores:near")),
        (
            "{kind: http, url: 'https://scores.example/a', timeout: 2s}",
            Http(url="https://scores.example/a", timeout_ms=2000),
        ),
    ],
)
def test_every_kind_of_scorer_can_be_stated(stated: str, scorer: Scorer) -> None:
    found = parsed(f"{{scorer: {stated}}}")
    assert found.problems == ()
    assert found.config.evaluations["a"].scorer == scorer


def test_a_schema_is_written_as_yaml_and_read_as_json() -> None:
    found = parsed(
        "{scorer: {kind: json_schema, schema: {type: object, required: [id], properties: {id: {minimum: 1.5}}}}}"
    )
    assert found.problems == ()
    scorer = found.config.evaluations["a"].scorer
    assert isinstance(scorer, JsonSchema)
    assert json.loads(scorer.schema) == {"type": "object", "required": ["id"], "properties": {"id": {"minimum": 1.5}}}


def test_the_rest_has_defaults() -> None:
    assert parsed("{set: cases.jsonl, margin: 3%}").config.evaluations["a"] == Evaluation(
        path="cases.jsonl", margin=0.03
    )
    assert parsed("{}").config.evaluations["a"] == Evaluation()
    assert parse(b"features: {a: {}}", Path("f")).config.evaluations == {}


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("{scorer: exakt}", "did you mean `exact`?"),
        ("{scorer: {model: gpt-4o}}", "lacks `kind`"),
        ("{scorer: judge}", "lacks `model`"),
        ("{scorer: {kind: exact, model: gpt-4o}}", "nothing that the scorer exact goes by"),
        ("{scorer: {kind: regex, pattern: '('}}", "no regular expression"),
        ("{scorer: {kind: json_schema, schema: {type: objekt}}}", "no JSON schema"),
        ("{scorer: {kind: json_schema, schema: {date: 2026-01-01}}}", "cannot be said in JSON"),
        ("{scorer: {kind: python, call: ours}}", "write it as package.module:function"),
        ("{scorer: {kind: http, url: 'ftp://x'}}", "write it as https://host/path"),
        ("{scorer: {kind: numeric, tolerance: 1.5}}", "from 0% to 100%"),
        ("{margin: 0%}", "above 0 and below 1"),
        ("{margin: five}", "is no share"),
    ],
)
def test_what_is_wrong_is_said(stated: str, said: str) -> None:
    messages = [problem.message for problem in parsed(stated).problems]
    assert any(said in message for message in messages), messages
