"""`certified_route` and `cascade` of floorline.yaml: read as they stand, inherited by features, and complained of where they do nothing."""

import pytest

from floorline.evals.scorers import JsonSchema, Regex
from floorline.guardrails.cascade.rule import Agreement, CascadeRule, Grader, Service
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.frame import ENFORCE, Setting
from floorline.guardrails.rules import Guardrails
from tests.config.test_guardrails import problems_of, rails_of

CERTIFIED = """
guardrails:
  certified_route:
    candidates: {gpt-4o: [gpt-4o-mini, gemini-flash]}
    bar: 98%
    sample: 0.5%
    judge: gpt-4o
    judge_error: 1.5%
    together: true
features:
  chat:
    guardrails: {certified_route: {mode: shadow, by_request: true}}
  contracts:
    guardrails: {certified_route: {mode: off}}
"""


def rails(content: str) -> Guardrails:
    found = rails_of(content)
    assert found is not None
    return found


def test_what_is_compared_is_read_and_features_change_parts_of_it() -> None:
    found = rails(CERTIFIED)
    assert found.default.certified_route == CertifiedRule(
        setting=ENFORCE,
        candidates={"gpt-4o": ("gpt-4o-mini", "gemini-flash")},
        bar=0.98,
        sample_ppm=5_000,
        judge="gpt-4o",
        judge_error=0.015,
        together=True,
    )
    chat = found.of("chat").certified_route
    assert chat is not None
    assert (chat.setting, chat.by_request, chat.bar) == (Setting(mode="shadow"), True, 0.98)
    assert found.of("contracts").certified_route is None


@pytest.mark.parametrize(
    ("own", "judge", "error"),
    [
        ("bar: 98%", "gpt-4o", 0.015),
        ("judge: gpt-4o", "gpt-4o", 0.015),
        ("judge: gpt-4.1", "gpt-4.1", None),
        ("judge: gpt-4.1, judge_error: 0%", "gpt-4.1", 0.0),
        ("judge_error: 3%", "gpt-4o", 0.03),
    ],
)
def test_what_is_stated_of_one_judge_says_nothing_of_another(own: str, judge: str, error: float | None) -> None:
    inherited = CERTIFIED.replace("mode: shadow, by_request: true", own)
    route = rails(inherited).of("chat").certified_route
    assert route is not None
    assert (route.judge, route.judge_error) == (judge, error)
    near = "judge: gpt-4o, judge_error: 1.5%"
    semantic = (
        rails(
            f"guardrails: {{semantic_cache: {{{near}}}}}\n"
            f"features: {{chat: {{guardrails: {{semantic_cache: {{{own.replace('bar', 'max_false_hits')}}}}}}}}}"
        )
        .of("chat")
        .semantic_cache
    )
    assert semantic is not None
    assert (semantic.judge, semantic.judge_error) == (judge, error)


@pytest.mark.parametrize(
    ("check", "gates", "weight"),
    [
        ('{json_schema: \'{"type": "object"}\'}', (JsonSchema(schema='{"type": "object"}'),), None),
        ('{regex: "^[A-Z]", judge: gpt-4o-mini}', (Regex(pattern="^[A-Z]"),), Grader(model="gpt-4o-mini")),
        ("{self_consistency: 3}", (), Agreement(samples=3)),
        ("{http: 'http://grader:8000/grade'}", (), Service(url="http://grader:8000/grade")),
    ],
)
def test_a_cascade_says_what_looks_at_its_answers(check: str, gates: object, weight: object) -> None:
    content = f"guardrails:\n  cascade:\n    stages: {{gpt-4o: [gpt-4o-mini]}}\n    check: {check}\n    streams: hold\n    held_max: 16KiB\n"
    found = rails(content).default.cascade
    assert found == CascadeRule(
        setting=ENFORCE,
        stages={"gpt-4o": ("gpt-4o-mini",)},
        gates=gates,
        weight=weight,
        streams="hold",
        held_bytes_max=16 << 10,
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("certified_route: {bar: 95%}", "lacks `candidates`"),
        ("certified_route: {candidates: {a: [a]}}", "is 'a' itself"),
        ("certified_route: {candidates: {a: [b]}, bar: 100%}", "from 50% to below 100%"),
        ("certified_route: {candidates: {a: [b]}, bar: high}", "which is no share: write it as 5% or 0.05"),
        ("cascade: {check: {judge: m}}", "lacks `stages`"),
        ("cascade: {stages: {a: [b]}}", "lacks `check`"),
        ("cascade: {stages: {a: [b]}, check: {judge: m, self_consistency: 2}}", "one of them grades"),
        ("cascade: {stages: {a: [b]}, check: {self_consistency: 20}}", "at most 10"),
        ("cascade: {stages: {a: [b]}, check: {regex: '('}}", "is no regular expression"),
        ("cascade: {stages: {a: [b]}, check: {json_schema: '{'}}", "is no JSON schema"),
        ("cascade: {stages: {a: [b]}, check: {http: grader}}", "is no address"),
    ],
)
def test_what_would_do_nothing_or_cannot_be_read_is_complained_of(content: str, message: str) -> None:
    (problem,) = problems_of(f"guardrails:\n  {content}\n")
    assert message in problem
