"""What was measured of judges, in the rules that their verdicts certify."""

from datetime import UTC, datetime

import pytest

from floorline.evals.judging import Agreement
from floorline.evals.kept import Asks, Measured
from floorline.guardrails.cascade.rule import CascadeRule
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.judges import with_measured
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.semantic.rule import JUDGE_ERROR, SemanticRule
from floorline.proof.bounds import upper

EVERY = Rules(
    certified_route=CertifiedRule(judge="large"),
    cascade=CascadeRule(judge="large"),
    semantic_cache=SemanticRule(judge="large"),
)
RAILS = Guardrails(default=EVERY)


def measured(asks: Asks, wrong: int, of: int = 300, *, judge: str = "large", feature: str = "chat") -> Measured:
    return Measured(
        at=datetime(2026, 3, 1, tzinfo=UTC),
        feature=feature,
        judge=judge,
        compare=asks == "better",
        same=asks == "same",
        digest="d",
        agreement=Agreement(both_right=of - wrong, people_only=wrong),
    )


def errors(rails: Guardrails, feature: str = "chat") -> tuple[float, float, float]:
    rules = rails.of(feature)
    assert rules.certified_route is not None
    assert rules.cascade is not None
    assert rules.semantic_cache is not None
    return rules.certified_route.judge_error, rules.cascade.judge_error, rules.semantic_cache.judge_errs


def test_each_guardrail_goes_by_what_its_judge_was_asked_for_it_on_its_own_feature() -> None:
    found = with_measured(RAILS, [measured("better", 9), measured("same", 3), measured("right", 60)])
    assert errors(found) == (upper(9, 300), upper(9, 300), upper(3, 300))
    assert errors(found, "other") == (0.0, 0.0, JUDGE_ERROR)
    assert found.default is RAILS.default


def test_what_floorline_yaml_states_holds_where_it_is_more() -> None:
    stated = Guardrails(
        features={
            "chat": Rules(
                certified_route=CertifiedRule(judge="large", judge_error=0.2),
                cascade=CascadeRule(judge="large", judge_error=0.001),
                semantic_cache=SemanticRule(judge="large", judge_error=0.1),
            )
        }
    )
    found = with_measured(stated, [measured("better", 9), measured("same", 3)])
    assert errors(found) == (0.2, upper(9, 300), 0.1)


@pytest.mark.parametrize(
    "other", [measured("right", 9), measured("better", 9, judge="small"), measured("same", 0, of=0)]
)
def test_another_judge_another_question_and_no_verdict_say_nothing(other: Measured) -> None:
    assert errors(with_measured(RAILS, [other])) == (0.0, 0.0, JUDGE_ERROR)
    assert with_measured(RAILS, []) is RAILS
