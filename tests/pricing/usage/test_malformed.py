"""Nothing a provider sends makes extraction raise; what cannot be believed is an error that names both numbers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.events import COUNTS, TOKEN_BUCKETS
from floorline.pricing.usage import read_answer

ENDPOINTS = ("", "chat.completions", "responses", "messages", "generateContent", "converse", "invoke", "chat", "agents")


def read(answer: object, provider: str = "openai", endpoint: str = "chat.completions"):
    return read_answer(provider, endpoint, json.dumps(answer).encode())


@pytest.mark.parametrize("value", [-1, "12", 1.5, True, 10**13, 1e300, [], {"a": 1}])
def test_what_is_not_a_count_is_an_error_without_usage(value):
    got = read({"usage": {"prompt_tokens": value, "completion_tokens": 5}})
    assert (got.status, got.usage, got.checksum_ok) == ("error", None, None)
    assert "prompt_tokens is" in got.reason
    assert "report it to the provider" in got.reason


def test_a_whole_number_written_as_a_fraction_is_a_count():
    assert read({"usage": {"prompt_tokens": 28.0, "completion_tokens": 5}}).usage.buckets == {"input": 28, "output": 5}
    body = b'{"usage": {"prompt_tokens": 1e99999999999999999999, "completion_tokens": 5}}'
    assert read_answer("openai", "chat.completions", body).status == "error"


def test_cache_read_beyond_the_input_is_an_error_with_the_dearer_reading():
    usage = {
        "prompt_tokens": 800,
        "completion_tokens": 1,
        "total_tokens": 801,
        "prompt_tokens_details": {"cached_tokens": 900},
    }
    got = read({"usage": usage})
    assert got.status == "error"
    assert got.reason.startswith("cache_read 900 exceeds prompt_tokens 800")
    assert got.usage.buckets == {"input": 800, "output": 1}


def test_other_contradictions_are_errors_too():
    reasoning = {
        "prompt_tokens": 1,
        "completion_tokens": 5,
        "total_tokens": 6,
        "completion_tokens_details": {"reasoning_tokens": 9},
    }
    assert "reasoning 9 exceeds completion_tokens 5" in read({"usage": reasoning}).reason
    audio = {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": {"audio_tokens": 9}}
    assert "exceed prompt_tokens 5" in read({"usage": audio}).reason
    split = {"input_tokens": 1, "cache_creation_input_tokens": 3, "cache_creation": {"ephemeral_1h_input_tokens": 5}}
    assert (
        "exceeds cache_creation_input_tokens 3"
        in read({"type": "message", "usage": split}, "anthropic", "messages").reason
    )
    hour = {"inputTokens": 1, "cacheWriteInputTokens": 3, "cacheDetails": [{"ttl": "1h", "inputTokens": 5}]}
    assert "exceeds cacheWriteInputTokens 3" in read({"usage": hour}, "bedrock", "converse").reason


@pytest.mark.parametrize("cost", [-1, "0.1", True, 1e300])
def test_a_stated_cost_that_is_none_is_an_error_but_the_tokens_stand(cost):
    got = read({"usage": {"prompt_tokens": 3, "completion_tokens": 5, "cost": cost}}, "openrouter")
    assert got.status == "error"
    assert got.usage.provider_cost_usd is None
    assert got.usage.buckets == {"input": 3, "output": 5}


def test_an_answer_that_is_cut_off_is_an_error():
    whole = json.dumps({"model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 5}}).encode()
    for length in range(1, len(whole)):
        got = read_answer("openai", "chat.completions", whole[:length])
        assert got.status == "error", whole[:length]
    assert read_answer("openai", "chat.completions", b"").status == "no_usage"
    array = b'[{"usageMetadata": {"promptTokenCount": 3}}, {"usageMeta'
    got = read_answer("gemini", "streamGenerateContent", array)
    assert (got.status, got.complete, got.usage.buckets) == ("error", False, {"input": 3})


def sane(got) -> None:
    assert got.status in ("ok", "no_usage", "error")
    assert bool(got.reason) == (got.status != "ok")
    assert (got.usage is None) <= (got.status != "ok")
    assert got.checksum_ok in (None, True, False)
    for part in got.parts:
        assert set(part.buckets) <= set(TOKEN_BUCKETS)
        assert set(part.counts) <= set(COUNTS)
        assert all(isinstance(tokens, int) and tokens >= 0 for tokens in part.buckets.values())
        assert all(number >= 0 for number in part.counts.values())
    if got.usage is not None and got.usage.provider_total is not None:
        assert got.checksum_ok == (got.usage.provider_total == sum(part.tokens for part in got.parts))


@given(body=st.binary(max_size=400), endpoint=st.sampled_from(ENDPOINTS), kind=st.sampled_from(
    ["", "application/json", "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream"]))  # fmt: skip
def test_any_bytes(body, endpoint, kind):
    sane(read_answer("openai", endpoint, body, content_type=kind))


NAMES = st.sampled_from([
    "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "prompt_tokens_details",
    "completion_tokens_details", "input_tokens_details", "output_tokens_details", "cached_tokens", "audio_tokens",
    "reasoning_tokens", "image_tokens", "thinking_tokens", "cache_creation", "ephemeral_1h_input_tokens",
    "ephemeral_5m_input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "iterations", "type", "model",
    "promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount", "cachedContentTokenCount",
    "promptTokensDetails", "cacheTokensDetails", "modality", "tokenCount", "inputTokens", "outputTokens", "cacheDetails",
    "ttl", "billed_units", "tokens", "cost", "cost_in_usd_ticks", "is_byok", "cost_details", "server_tool_use",
    "web_search_requests", "server_side_tools_used", "service_tier", "speed", "trafficType", "seconds", "total_input_tokens",
    "usage", "models", "search_units", "upstream_inference_cost",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 50) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "compaction", "message", "AUDIO", "IMAGE", "1h", "12"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)  # fmt: skip
ENVELOPES = st.dictionaries(
    st.sampled_from([
        "usage", "usageMetadata", "message", "response", "delta", "meta", "x_groq", "usage_breakdown", "results", "type",
        "model", "output", "content", "candidates", "tool_usage", "trace", "chunks_json", "prompt_eval_count",
        "inputTextTokenCount", "amazon-bedrock-invocationMetrics", "interaction", "metadata", "custom_id", "bytes",
    ]),
    VALUES, max_size=5,
)  # fmt: skip


@given(
    answer=ENVELOPES, endpoint=st.sampled_from(ENDPOINTS), provider=st.sampled_from(["openai", "xai", "anthropic", ""])
)
def test_any_json_in_the_places_we_read(answer, endpoint, provider):
    sane(read_answer(provider, endpoint, json.dumps(answer).encode()))


@given(
    usage=st.dictionaries(
        NAMES, st.integers(0, 1000) | st.dictionaries(NAMES, st.integers(0, 1000), max_size=4), max_size=8
    )
)
def test_believable_numbers_in_any_combination(usage):
    for field in ("usage", "usageMetadata"):
        sane(read_answer("openai", "", json.dumps({field: usage}).encode()))


def test_parts_that_overlap_beyond_the_prompt_are_counted_as_text():
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {"audio_tokens": 5, "cache_write_tokens": 8}}
    got = read({"usage": usage})
    assert got.reason.startswith("prompt_tokens 10 is less than its parts by 3")
    assert got.usage.buckets == {"input": 10}


def test_lines_of_which_one_is_cut_off_are_an_error():
    got = read_answer("openai", "", b'\n{"usage": {"prompt_tokens": 1}}\n\n{"usa')
    assert got.status == "error"
    assert "not JSON" in got.reason
