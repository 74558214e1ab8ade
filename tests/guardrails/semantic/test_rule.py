"""The semantic cache's rule: who is served a near question's answer, and what is said of it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from floorline.guardrails.decide import decide
from floorline.guardrails.frame import ENFORCE, FORWARD, Evidence, Facts, Near, Setting, Verdict
from floorline.guardrails.rules import Rules
from floorline.guardrails.semantic import features
from floorline.guardrails.semantic.rule import SemanticRule, audited, hit, is_labelled
from floorline.guardrails.semantic.scoring import AGREEING
from floorline.money import ZERO
from floorline.proof.certificate import Certificate, Certificates, State

AT = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = Facts(at=AT, customer="acme", feature="f", unit="customer\0acme")
SAVED = Decimal("0.01")
NEAR = Near(state="near", similarity=0.95, draw=999_999, avoided=SAVED, age_s=12)
RULE = SemanticRule(setting=ENFORCE)
CERTIFIED = Certificate(kind="semantic", feature="f", state="certified", threshold=0.9, since=AT)


def decided(
    near: Near | None, certificate: Certificate | None = CERTIFIED, rule: SemanticRule = RULE, facts: Facts = FACTS
) -> Verdict:
    every = () if certificate is None else (certificate,)
    evidence = Evidence(semantic=near, certified=Certificates(as_of=AT, every=every))
    return decide(facts, evidence, Rules(semantic_cache=rule))


@pytest.mark.parametrize("near", [None, Near(state="miss"), Near(state="bypass", reason="script")])
def test_without_a_near_question_nothing_is_said(near: Near | None) -> None:
    assert decided(near) == FORWARD


def test_what_reaches_the_certified_score_is_a_hit() -> None:
    verdict = decided(NEAR)
    (touch,) = verdict.touches
    assert (hit(verdict), audited(verdict)) == (True, False)
    assert (touch.guardrail, touch.arm, touch.action, touch.saved) == ("semantic_cache", "treated", "hit", SAVED)
    assert verdict.reasons == (
        "semantic_cache: answered with the answer of 12 s before to a question 0.95 alike",
    )  # fmt: skip


@pytest.mark.parametrize("state", ["shadow", "refused", "suspended"])
def test_nobody_is_served_what_is_not_certified(state: State) -> None:
    verdict = decided(NEAR, Certificate(kind="semantic", feature="f", state=state, threshold=0.9, since=AT))
    assert (verdict.action, verdict.touches) == ("forward", ())
    assert verdict.reasons == (f"semantic_cache: a stored question is 0.95 alike; {state}",)


@pytest.mark.parametrize(
    "certificate",
    [
        None,
        Certificate(kind="semantic", feature="g", state="certified", threshold=0.9, since=AT),
        Certificate(kind="semantic", feature="f", subject="globex", state="certified", threshold=0.9, since=AT),
        Certificate(kind="route", feature="f", state="certified", threshold=0.9, since=AT),
    ],
)
def test_what_is_certified_of_something_else_serves_nobody(certificate: Certificate | None) -> None:
    verdict = decided(NEAR, certificate)
    assert verdict.action == "forward"
    assert verdict.reasons == ("semantic_cache: a stored question is 0.95 alike; nothing is certified",)


def test_where_each_customer_is_certified_another_ones_certificate_is_not_looked_at() -> None:
    own = SemanticRule(setting=ENFORCE, certify="customer")
    acme = Certificate(kind="semantic", feature="f", subject="acme", state="certified", threshold=0.9, since=AT)
    assert hit(decided(NEAR, acme, own))
    assert not hit(decided(NEAR, CERTIFIED, own))


def test_a_score_below_the_threshold_and_a_veto_leave_the_call_to_its_model() -> None:
    below = decided(Near(state="near", similarity=0.89, draw=999_999))
    assert below.reasons == ("semantic_cache: a stored question is 0.89 alike; its score of 0.89 is below 0.900",)
    vetoed = decided(Near(state="near", similarity=0.99, veto="other numbers", draw=999_999))
    assert vetoed.reasons == ("semantic_cache: a stored question is 0.99 alike, and not the same: other numbers",)
    assert (below.touches, vetoed.touches) == ((), ())


def test_the_score_is_what_the_certificate_weighs() -> None:
    pair = [0.95, 1.0, *[0.0] * (len(features.NAMES) - 2)]
    agreed = Certificate(kind="semantic", feature="f", state="certified", threshold=0.9, weights=AGREEING, since=AT)
    assert hit(decided(Near(state="near", similarity=0.95, features=tuple(pair), draw=999_999), agreed))
    pair[features.AGREEMENT] = 0.2
    assert not hit(decided(Near(state="near", similarity=0.95, features=tuple(pair), draw=999_999), agreed))


def test_a_share_of_what_would_be_served_goes_to_the_model_for_ever() -> None:
    verdict = decided(Near(state="near", similarity=0.95, draw=99_999, avoided=SAVED))
    assert (verdict.action, audited(verdict)) == ("forward", True)
    assert [(one.action, one.saved) for one in verdict.touches] == [("audit", ZERO)]
    assert hit(decided(Near(state="near", similarity=0.95, draw=100_000)))


@pytest.mark.parametrize(
    ("setting", "held_out", "arm"),
    [
        (Setting(mode="shadow"), False, "shadow"),
        (ENFORCE, True, "holdout"),
        (Setting(mode="canary", share_ppm=0), False, "untouched"),
    ],
)
def test_who_is_not_treated_is_forwarded_with_what_a_hit_would_have_saved(
    setting: Setting, held_out: bool, arm: str
) -> None:
    facts = Facts(at=AT, customer="acme", feature="f", unit="customer\0acme", held_out=held_out)
    verdict = decided(NEAR, rule=SemanticRule(setting=setting), facts=facts)
    assert verdict.action == "forward"
    assert [(one.arm, one.saved) for one in verdict.touches] == [(arm, SAVED)]


def test_every_near_answer_is_compared_in_shadow_and_the_audited_share_of_all_of_them_once_it_is_certified() -> None:
    shadow = Certificate(kind="semantic", feature="f", since=AT)
    drawn = Near(state="near", similarity=0.8, draw=99_999)
    assert is_labelled(RULE, NEAR, None)
    assert is_labelled(RULE, NEAR, shadow)
    assert not is_labelled(RULE, NEAR, CERTIFIED)
    assert is_labelled(RULE, drawn, CERTIFIED)
    assert not is_labelled(RULE, Near(state="near", veto="opposites"), None)
    assert not is_labelled(RULE, Near(state="miss"), None)
