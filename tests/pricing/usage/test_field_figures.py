"""The figures of bugs found in other systems that concern extraction: each would be charged twice, or not at all."""

import json
from decimal import Decimal

from floorline.pricing.usage import read_answer


def read(provider, endpoint, answer):
    return read_answer(provider, endpoint, json.dumps(answer).encode())


def test_gemini_cache_hits_are_charged_once():
    """litellm#14849: 262,960 prompt tokens of which 257,955 cached, 1,744 output: $0.199894375, was $0.7642."""
    usage = {"promptTokenCount": 262_960, "cachedContentTokenCount": 257_955, "candidatesTokenCount": 1_744}
    buckets = read("gemini", "generateContent", {"usageMetadata": usage}).usage.buckets
    assert buckets == {"input": 5_005, "cache_read": 257_955, "output": 1_744}
    cost = buckets["input"] * Decimal("2.50") + buckets["cache_read"] * Decimal("0.625") + buckets["output"] * 15
    assert cost / 1_000_000 == Decimal("0.199894375")


def test_openai_cached_tokens_are_a_subset():
    """litellm#6215: `cached_tokens` was added on top of `prompt_tokens`."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 900}}
    assert read("openai", "chat.completions", {"usage": usage}).usage.input_tokens == 1000


def test_anthropic_cache_writes_are_charged_once():
    """litellm#9812: 3 input, 12,304 written, 550 output cost $0.0544 in Anthropic's console, were $0.0913."""
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 12_304,
        "cache_read_input_tokens": 0,
        "output_tokens": 550,
    }
    buckets = read("anthropic", "messages", {"type": "message", "usage": usage}).usage.buckets
    assert buckets == {"input": 3, "cache_read": 0, "cache_write_5m": 12_304, "output": 550}
    cost = (buckets["input"] * 3 + buckets["cache_write_5m"] * Decimal("3.75") + buckets["output"] * 15) / 1_000_000
    assert cost == Decimal("0.054399")


def test_xai_cached_tokens_are_inside_the_text():
    """litellm#14874: xAI's cached tokens are inside `prompt_text_tokens`."""
    usage = {"prompt_tokens": 259, "prompt_text_tokens": 259, "cached_prompt_text_tokens": 258, "completion_tokens": 26}
    assert read("xai", "grpc.chat", {"usage": usage}).usage.buckets == {"input": 1, "cache_read": 258, "output": 26}


def test_openrouter_cached_tokens_are_not_shown_twice():
    """langfuse#10592: 17,903 input of which 17,817 cached was shown as 35,720."""
    usage = {"prompt_tokens": 17_903, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 17_817}}
    assert read("openrouter", "chat.completions", {"usage": usage}).usage.input_tokens == 17_903


def test_reasoning_inside_the_completion_is_charged_once_and_an_inflated_total_is_noticed():
    """llmgateway #1428, #3486, #3714, #3774: 64 + 135, of which 78 reasoning, reported as 277."""
    usage = {
        "prompt_tokens": 64, "completion_tokens": 135, "total_tokens": 277,
        "completion_tokens_details": {"reasoning_tokens": 78},
    }  # fmt: skip
    got = read("openai", "chat.completions", {"usage": usage})
    assert got.usage.buckets == {"input": 64, "output": 57, "reasoning": 78}
    assert got.checksum_ok is False
    usage["total_tokens"] = 199
    assert read("openai", "chat.completions", {"usage": usage}).checksum_ok is True


def test_reasoning_that_the_completion_leaves_out_is_noticed_by_the_total():
    """OpenAnt#211: a gateway left reasoning out of `completion_tokens`, 14.6 % under. Nothing is invented for it."""
    usage = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    got = read("gemini", "chat.completions", {"usage": usage})
    assert got.usage.buckets == {"input": 35, "output": 12}
    assert got.checksum_ok is False


def test_a_declined_attempt_is_billed_at_its_own_model():
    """litellm PR#39294, ccusage#1552: `usage` repeats the attempt that served; the declined one is billed beside it."""
    usage = {
        "input_tokens": 2, "output_tokens": 13_658, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 79_214,
        "iterations": [
            {"type": "message", "model": "claude-fable-5", "input_tokens": 2, "output_tokens": 578,
             "cache_creation_input_tokens": 10_421, "cache_read_input_tokens": 72_769},
            {"type": "fallback_message", "model": "claude-opus-4-8", "input_tokens": 2, "output_tokens": 13_658,
             "cache_creation_input_tokens": 0, "cache_read_input_tokens": 79_214},
        ],
    }  # fmt: skip
    got = read("anthropic", "messages", {"type": "message", "model": "claude-opus-4-8", "usage": usage})
    served, declined = got.parts
    assert (served.model, declined.model) == ("claude-opus-4-8", "claude-fable-5")
    assert served.buckets == {"input": 2, "cache_read": 79_214, "cache_write_5m": 0, "output": 13_658}
    assert declined.buckets == {"input": 2, "cache_read": 72_769, "cache_write_5m": 10_421, "output": 578}
    assert "requests" not in declined.counts


def test_an_attempt_declined_before_any_output_is_not_billed():
    attempts = [
        {"type": "message", "model": "claude-fable-5", "input_tokens": 500, "output_tokens": 0},
        {"type": "fallback_message", "model": "claude-opus-4-8", "input_tokens": 412, "output_tokens": 264},
    ]
    usage = {"input_tokens": 412, "output_tokens": 264, "iterations": attempts}
    got = read("anthropic", "messages", {"type": "message", "model": "claude-opus-4-8", "usage": usage})
    assert [part.model for part in got.parts] == ["claude-opus-4-8"]
    assert got.usage.buckets == {"input": 412, "output": 264}


def test_a_compaction_is_billed_at_the_answers_model_and_an_advisor_at_its_own():
    """As recorded: `usage` leaves out the compaction's 55,196 tokens and the advisor's 2,518."""
    compaction = {"type": "compaction", "input_tokens": 55_196, "output_tokens": 125}
    own = {"type": "message", "input_tokens": 220, "output_tokens": 8}
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 2_518, "output_tokens": 22}
    usage = {"input_tokens": 220, "output_tokens": 8, "iterations": [compaction, own, advisor]}
    got = read("anthropic", "messages", {"type": "message", "model": "claude-sonnet-5", "usage": usage})
    assert got.usage.buckets == {"input": 55_416, "output": 133}
    assert [(part.model, part.buckets) for part in got.also] == [("claude-opus-4-8", {"input": 2_518, "output": 22})]
