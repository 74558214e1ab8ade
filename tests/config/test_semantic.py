"""`semantic_cache:` of guardrails: for whom near questions' answers may be served."""

from decimal import Decimal
from pathlib import Path

import pytest

from floorline.config import Parsed, parse
from floorline.guardrails.frame import ENFORCE, Setting
from floorline.guardrails.semantic.rule import SemanticRule

SERVED = "gateway: {embedders: {small: {served: e}}}\n"


def parsed(text: str) -> Parsed:
    return parse(text.encode(), Path("floorline.yaml"), {})


def rule(text: str, feature: str = "assistant") -> SemanticRule | None:
    found = parsed(text)
    assert found.problems == ()
    guardrails = found.config.gateway.guardrails
    return None if guardrails is None else guardrails.of(feature).semantic_cache


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timezone: UTC", None),
        ("guardrails: {semantic_cache: {}}", SemanticRule(setting=ENFORCE)),
        ("guardrails: {semantic_cache: {mode: off}}", None),
        (
            ("guardrails: {semantic_cache: {mode: shadow, ttl: 1h}}\n"
            "features: {assistant: {guardrails: {semantic_cache: {max_false_hits: 5%}}}}"),
            SemanticRule(setting=Setting(mode="shadow"), ttl_s=3_600, false_hits_max=0.05),
        ),
        (
            (f"{SERVED}guardrails: {{semantic_cache: {{partition: feature, audit: 5%, similarity_min: 0.7, embedder: small, "
            "certify: customer, judge: gpt-5-mini, judge_error: 1%, temperature_max: 1, size_max: 2KiB, entries_max: 100}}"),
            SemanticRule(
                setting=ENFORCE, partition="feature", certify="customer", audit_ppm=50_000, similarity_min=0.7, embedder="small",
                judge="gpt-5-mini", judge_error=0.01, temperature_max=Decimal(1), entry_bytes_max=2_048, entries_max=100,
            ),
        ),
    ],
)  # fmt: skip
def test_a_feature_has_the_general_rule_with_what_it_says_itself(text: str, expected: SemanticRule | None) -> None:
    assert rule(text) == expected


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("max_false_hits: 200%", "`guardrails.semantic_cache.max_false_hits` is 200%, it must be from 0% to 100%"),
        ("audit: 1%", "`guardrails.semantic_cache.audit` is 1%: at least 5% of what is served is compared"),
        ("similarity_min: 2", "`guardrails.semantic_cache.similarity_min` is 2, it must be from 0 to 1"),
        ("embedder: smal", "`guardrails.semantic_cache.embedder` is 'smal'"),
        ("ttl: 1500ms", "`guardrails.semantic_cache.ttl` is no whole number of seconds"),
        ("entries_max: 2000000", "`guardrails.semantic_cache.entries_max` is 2000000, it may be at most 1000000"),
        ("partition: tenant", "`guardrails.semantic_cache.partition` is 'tenant'"),
        ("mod: off", "unknown setting `guardrails.semantic_cache.mod`"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(inner: str, message: str) -> None:
    found = parsed(f"{SERVED}guardrails: {{semantic_cache: {{{inner}}}}}")
    assert message in "\n".join(str(problem) for problem in found.problems)


CRITICAL = "features: {assistant: {criticality: high"


def test_a_feature_of_high_criticality_is_not_served_unless_it_says_so_itself() -> None:
    general = "guardrails: {semantic_cache: {max_false_hits: 1%}}\n"
    assert rule(f"{general}{CRITICAL}}}}}") == SemanticRule(setting=Setting(mode="shadow"), false_hits_max=0.01)
    meant = f"{general}{CRITICAL}, guardrails: {{semantic_cache: {{high_stakes: true}}}}}}}}"
    assert rule(meant) == SemanticRule(setting=ENFORCE, false_hits_max=0.01, high_stakes=True)
    (problem,) = parsed(f"{CRITICAL}, guardrails: {{semantic_cache: {{}}}}}}}}").problems
    assert "would serve a feature of high criticality: write mode: shadow, or high_stakes: true" in problem.message
    assert parsed(f"{CRITICAL}, guardrails: {{semantic_cache: {{mode: shadow}}}}}}}}").problems == ()


def test_a_features_embedder_must_be_known_too() -> None:
    found = parsed(f"{SERVED}features: {{assistant: {{guardrails: {{semantic_cache: {{embedder: other}}}}}}}}")
    assert "`features.assistant.guardrails.semantic_cache.embedder` is 'other'" in str(found.problems[0])
