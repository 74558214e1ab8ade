"""The semantic cache's rule: who is served a near question's answer, and what is said of it."""

from datetime import UTC, datetime

import pytest

from floorline.guardrails.decide import decide
from floorline.guardrails.frame import ENFORCE, FORWARD, Evidence, Facts, Near
from floorline.guardrails.rules import Rules
from floorline.guardrails.semantic.rule import SemanticRule, audited, hit

AT = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = Facts(at=AT, customer="acme", feature="f", unit="customer\0acme")


@pytest.mark.parametrize("near", [None, Near(state="miss"), Near(state="bypass", reason="script")])
def test_without_a_near_question_nothing_is_said(near: Near | None) -> None:
    assert decide(FACTS, Evidence(semantic=near), Rules(semantic_cache=SemanticRule(setting=ENFORCE))) == FORWARD


def test_nobody_is_served_what_is_not_certified() -> None:
    near = Near(state="near", similarity=0.99)
    verdict = decide(FACTS, Evidence(semantic=near), Rules(semantic_cache=SemanticRule(setting=ENFORCE)))
    assert (hit(verdict), audited(verdict), verdict.action) == (False, False, "forward")
    assert verdict.reasons == ("semantic_cache: a stored question is 0.99 alike; not certified",)
