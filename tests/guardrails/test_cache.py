"""The exact cache's rule: who shares an answer, what becomes of a call that has one, and what may be kept."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from floorline.guardrails.cache import CacheRule, keeps, partition, step
from floorline.guardrails.decide import decide
from floorline.guardrails.frame import ENFORCE, FORWARD, Change, Evidence, Facts, Looked, Setting, Verdict
from floorline.guardrails.rules import Rules

AT = datetime(2026, 3, 1, tzinfo=UTC)
SAVED = Decimal("0.01")
HIT = Evidence(cache=Looked(state="hit", avoided=SAVED, age_s=7))


def facts(**changes: object) -> Facts:
    return Facts(**{"at": AT, "customer": "acme", "feature": "f", "key": "k_1", "unit": "customer\0acme", **changes})


def test_a_partition_is_told_from_every_other() -> None:
    every = [
        partition(CacheRule(), facts()),
        partition(CacheRule(), facts(customer="globex")),
        partition(CacheRule(), facts(feature="g")),
        partition(CacheRule(), facts(customer="")),
        partition(CacheRule(), facts(customer="k_1")),
        partition(CacheRule(), facts(customer="", key="acme")),
        partition(CacheRule(partition="feature"), facts()),
        partition(CacheRule(partition="feature"), facts(feature="g")),
        partition(CacheRule(partition="global"), facts()),
    ]
    assert len(set(every)) == len(every)
    assert partition(CacheRule(), facts(user="ada")) == partition(CacheRule(), facts(key="k_2"))
    assert partition(CacheRule(partition="feature"), facts()) == partition(
        CacheRule(partition="feature"), facts(customer="")
    )


def test_a_treated_call_that_has_an_answer_is_a_hit_and_nothing_after_it_decides() -> None:
    verdict = decide(facts(), HIT, Rules(cache=CacheRule(setting=ENFORCE)))
    (touch,) = verdict.touches
    assert (verdict.action, touch.guardrail, touch.arm, touch.action, touch.saved) == (
        "hit", "cache", "treated", "hit", SAVED,
    )  # fmt: skip
    assert verdict.reasons == ("cache: answered with the answer to the same request 7 s before",)


@pytest.mark.parametrize(
    ("setting", "held_out", "arm"),
    [
        (Setting(mode="shadow"), False, "shadow"),
        (ENFORCE, True, "holdout"),
        (Setting(mode="canary", share_ppm=0), False, "untouched"),
    ],
)
def test_any_other_call_is_forwarded_with_what_a_hit_would_have_saved(
    setting: Setting, held_out: bool, arm: str
) -> None:
    verdict = step(facts(held_out=held_out), HIT, CacheRule(setting=setting), FORWARD)
    assert verdict.action == "forward"
    assert [(touch.arm, touch.saved) for touch in verdict.touches] == [(arm, SAVED)]


@pytest.mark.parametrize("looked", [None, Looked(state="miss"), Looked(state="bypass", reason="no_store")])
def test_without_an_answer_nothing_is_touched(looked: Looked | None) -> None:
    assert step(facts(), Evidence(cache=looked), CacheRule(setting=ENFORCE), FORWARD) == FORWARD


@pytest.mark.parametrize(
    ("decided", "output_tokens", "partition", "kept"),
    [
        (FORWARD, 20, "customer", True),
        (Verdict(model="cheaper"), 20, "customer", False),
        (Verdict(output_cap=20, changes=(Change(name="output_cap", value="20"),)), 19, "global", True),
        (Verdict(output_cap=20, changes=(Change(name="output_cap", value="20"),)), 20, "customer", False),
        (Verdict(output_cap=20), None, "customer", False),
        (Verdict(shortened=True), 20, "customer", True),
        (Verdict(shortened=True), 20, "global", False),
        (Verdict(changes=(Change(name="reasoning_effort", value="low"),)), 20, "customer", True),
        (Verdict(changes=(Change(name="reasoning_effort", value="low"),)), 20, "feature", False),
    ],
)
def test_an_answer_is_kept_only_as_one_to_what_was_asked(
    decided: Verdict, output_tokens: int | None, partition: str, kept: bool
) -> None:
    assert keeps(partition, decided, output_tokens) == kept
