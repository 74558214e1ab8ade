"""What is known of judges, by what was measured and what is stated, and what the labels of one whom nobody knows are worth."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from floorline.evals.judging import Agreement
from floorline.evals.kept import EVALUATION, Asks, Measured
from floorline.events import Label
from floorline.guardrails.cascade.rule import CascadeRule
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.judges import with_measured
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.semantic.rule import SemanticRule
from floorline.guardrails.trust import JudgeError, Judging, least_known, unmeasured
from floorline.proof.bounds import upper

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
RAILS = Guardrails(
    default=Rules(
        certified_route=CertifiedRule(judge="large"),
        cascade=CascadeRule(judge="large"),
        semantic_cache=SemanticRule(judge="large"),
    )
)
ROUTE = Label(
    source="gateway", id="1", at=MARCH, kind="route", feature="chat", right=True, origin="judge", judge="large"
)
CASCADE, NEAR = replace(ROUTE, kind="cascade"), replace(ROUTE, kind="semantic")
EVALUATED = replace(ROUTE, source=EVALUATION)


def measured(asks: Asks, wrong: int, of: int = 300, *, judge: str = "large", feature: str = "chat") -> Measured:
    return Measured(
        at=MARCH,
        feature=feature,
        judge=judge,
        compare=asks == "better",
        same=asks == "same",
        digest="d",
        agreement=Agreement(both_right=of - wrong, people_only=wrong),
    )


def error(rule: Judging | None, *labels: Label) -> float | None:
    assert rule is not None
    found = least_known(rule, labels)
    assert found is not None
    return found.error


def errors(rails: Guardrails, feature: str = "chat") -> Sequence[float | None]:
    rules = rails.of(feature)
    return (
        error(rules.certified_route, ROUTE),
        error(rules.cascade, CASCADE),
        error(rules.semantic_cache, NEAR),
        error(rules.certified_route, EVALUATED),
    )


def test_labels_go_by_what_their_judge_was_asked_for_them_on_their_own_feature() -> None:
    found = with_measured(RAILS, [measured("better", 9), measured("same", 3), measured("right", 60)])
    assert errors(found) == (upper(9, 300), upper(9, 300), upper(3, 300), upper(60, 300))
    assert errors(found, "other") == (None, None, None, None)
    assert found.default is RAILS.default


def test_what_floorline_yaml_states_holds_where_it_is_more_and_a_stated_nothing_where_nothing_was_measured() -> None:
    stated = Guardrails(
        features={
            "chat": Rules(
                certified_route=CertifiedRule(judge="large", judge_error=0.2),
                cascade=CascadeRule(judge="large", judge_error=0.0),
                semantic_cache=SemanticRule(judge="large", judge_error=0.1),
            )
        }
    )
    assert errors(stated) == (0.2, 0.0, 0.1, 0.2)
    found = with_measured(stated, [measured("better", 9), measured("same", 3)])
    assert errors(found) == (0.2, upper(9, 300), 0.1, 0.2)


@pytest.mark.parametrize("other", [measured("better", 9, judge="small"), measured("same", 0, of=0)])
def test_another_judge_and_no_verdict_say_nothing(other: Measured) -> None:
    assert errors(with_measured(RAILS, [other])) == (None, None, None, None)
    assert with_measured(RAILS, []) is RAILS


def test_labels_that_no_judge_made_have_no_judge_whatever_the_rule_says() -> None:
    plain = [replace(ROUTE, origin=one, judge="") for one in ("exact", "normalised", "structured", "scorer", "outcome")]
    assert least_known(CertifiedRule(judge="large"), plain) is None
    assert least_known(CertifiedRule(judge="large"), []) is None


def test_of_several_judges_the_one_counts_that_nobody_knows_and_else_the_one_that_errs_most() -> None:
    known = (JudgeError(judge="old", asks="better", error=0.03), JudgeError(judge="large", asks="better", error=0.01))
    rule = CertifiedRule(judge="large", measured=known)
    old, new = replace(ROUTE, judge="old"), replace(ROUTE, judge="new")
    assert error(rule, ROUTE) == 0.01
    assert error(rule, ROUTE, old) == 0.03
    assert least_known(rule, [old, new, ROUTE]) == JudgeError(judge="new", asks="better", error=None)


def test_a_label_that_names_no_judge_is_of_the_rules_own() -> None:
    unnamed = replace(ROUTE, judge="")
    assert error(CertifiedRule(judge="large", judge_error=0.02), unnamed) == 0.02
    assert unmeasured(least_known(CertifiedRule(), [unnamed]), "chat") == (
        "the labels of a judge that they do not name carry no certificate: nobody knows its error"
    )


@pytest.mark.parametrize(("label", "flag"), [(ROUTE, " --compare"), (NEAR, " --same"), (EVALUATED, "")])
def test_who_nobody_knows_is_named_with_what_measures_it(label: Label, flag: str) -> None:
    said = unmeasured(least_known(CertifiedRule(), [label]), "legal chat")
    assert said == (
        "the labels of judge large carry no certificate until its error is measured: "
        f"`floorline eval judge --feature 'legal chat' --judge large{flag}`"
    )
    assert unmeasured(least_known(CertifiedRule(judge="large", judge_error=0.0), [label]), "chat") == ""
    assert unmeasured(None, "chat") == ""
