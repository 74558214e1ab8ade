"""What floorline.yaml says of caps, prompt caching and compaction; a feature's word stands on top of the general one."""

from pathlib import Path

import pytest

from floorline.config import parse
from floorline.guardrails.compaction import CompactionRule
from floorline.guardrails.frame import ENFORCE, Setting
from floorline.guardrails.output import OutputRule, ReasoningRule
from floorline.guardrails.prompt import PromptCacheRule
from floorline.guardrails.rules import Guardrails

FILE = Path("floorline.yaml")

EVERYTHING = """\
guardrails:
  output: {max_tokens: 2_000, plans: {free: 400}, note: shortened; ask to go on}
  reasoning: {mode: canary 10%, effort: medium, max_tokens: 4_000}
  prompt_cache: {sticky: false}
  compaction: {model: gpt-4.1-nano, above_tokens: 30_000, keep_turns: 6, summary_tokens: 800}
features:
  faq: {guardrails: {output: {max_tokens: 300, plans: {team: 900}}, reasoning: {effort: none, when_absent: set}, prompt_cache: {mode: off}, compaction: {mode: shadow}}}
"""


def rails_of(text: str) -> Guardrails:
    parsed = parse(text.encode(), FILE, {})
    assert parsed.problems == ()
    assert parsed.config.gateway.guardrails is not None
    return parsed.config.gateway.guardrails


def test_every_limit_is_read() -> None:
    rules = rails_of(EVERYTHING).default
    assert rules.output == OutputRule(
        setting=ENFORCE, tokens_max=2_000, plans={"free": 400}, note="shortened; ask to go on"
    )
    canary = Setting(mode="canary", share_ppm=100_000)
    assert rules.reasoning == ReasoningRule(setting=canary, effort="medium", tokens_max=4_000)
    assert rules.prompt_cache == PromptCacheRule(setting=ENFORCE, sticky=False)
    assert rules.compaction == CompactionRule(
        setting=ENFORCE, model="gpt-4.1-nano", above_tokens=30_000, keep_turns=6, summary_tokens_max=800
    )


def test_a_feature_changes_what_it_names_and_keeps_the_rest() -> None:
    rules = rails_of(EVERYTHING).of("faq")
    assert rules.output is not None
    assert (rules.output.tokens_max, rules.output.plans) == (300, {"free": 400, "team": 900})
    assert rules.reasoning == ReasoningRule(
        setting=Setting(mode="canary", share_ppm=100_000), effort="none", tokens_max=4_000, absent="set"
    )
    assert rules.prompt_cache is None
    assert rules.compaction is not None
    assert (rules.compaction.setting.mode, rules.compaction.model) == ("shadow", "gpt-4.1-nano")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("output: {max_tokens: 0}", "2:24: `guardrails.output.max_tokens` is 0"),
        ("output: {max_tokens: 99_000_000}", "it must be at most 10000000"),
        ("output: {note: größer}", "goes out as a header"),
        ("reasoning: {effort: hard}", "`guardrails.reasoning.effort` is 'hard'"),
        ("compaction: {keep_turns: 2}", "`guardrails.compaction` lacks `model`: name a cheap one that summarises"),
        ("compaction: {model: m, keep_turns: 1_001}", "it must be at most 1000"),
        ("compaction: {model: m, above_tokens: 1_500}", "summaries of 1000 tokens are no shortening of conversations above 1500"),
        ("prompt_cache: {mode: sometimes}", "`guardrails.prompt_cache.mode` is 'sometimes'"),
        ("prompt_cache: {stick: true}", "did you mean `sticky`?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(text: str, said: str) -> None:
    problems = parse(f"guardrails:\n  {text}\n".encode(), FILE, {}).problems
    assert any(said in str(problem) for problem in problems), [str(problem) for problem in problems]
