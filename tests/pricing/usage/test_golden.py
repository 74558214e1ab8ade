"""One small answer of our own for each provider's shape, and what it must be read as."""

import json
from decimal import Decimal

import pytest

from floorline.pricing.usage import Extraction, read_answer


def read(provider: str, endpoint: str, answer: object, **more: object) -> Extraction:
    return read_answer(provider, endpoint, json.dumps(answer).encode(), **more)


def buckets(extraction: Extraction) -> dict[str, int]:
    """The buckets that hold something; zeros are asserted where they matter."""
    assert extraction.usage is not None, extraction.reason
    return {name: tokens for name, tokens in extraction.usage.buckets.items() if tokens}


def chat(**usage: object) -> dict:
    return {"object": "chat.completion", "model": "m", "choices": [], "usage": usage}


def test_openai_chat_counts_cached_audio_and_reasoning_inside_their_sides():
    answer = chat(
        prompt_tokens=1000,
        completion_tokens=300,
        total_tokens=1300,
        prompt_tokens_details={"cached_tokens": 600, "audio_tokens": 100},
        completion_tokens_details={"reasoning_tokens": 120, "audio_tokens": 30},
    )
    got = read("openai", "chat.completions", answer)
    assert buckets(got) == {
        "input": 300, "cache_read": 600, "input_audio": 100, "output": 150, "reasoning": 120, "output_audio": 30,
    }  # fmt: skip
    assert got.checksum_ok is True
    assert got.usage.model == "m"
    assert got.usage.counts == {"requests": Decimal(1)}


def test_cached_tokens_beyond_the_text_are_of_the_other_modalities():
    answer = chat(
        prompt_tokens=100, completion_tokens=1, prompt_tokens_details={"cached_tokens": 80, "audio_tokens": 60}
    )
    assert buckets(read("openai", "chat.completions", answer)) == {
        "cache_read": 40, "cache_read_audio": 40, "input_audio": 20, "output": 1,
    }  # fmt: skip


def test_openai_responses_counts_searches_but_not_pages_opened():
    answer = {
        "object": "response",
        "model": "gpt-5",
        "service_tier": "flex",
        "output": [
            {"type": "web_search_call", "action": {"type": "search", "query": "a"}},
            {"type": "web_search_call", "action": {"type": "open_page", "url": "b"}},
            {"type": "file_search_call"},
            {"type": "code_interpreter_call", "container_id": "one"},
            {"type": "code_interpreter_call", "container_id": "one"},
            {"type": "mcp_call"},
            {"type": "function_call"},
        ],
        "usage": {
            "input_tokens": 50,
            "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 8},
            "total_tokens": 70,
        },
    }
    got = read("openai", "responses", answer)
    assert buckets(got) == {"input": 35, "cache_read": 10, "cache_write_5m": 5, "output": 12, "reasoning": 8}
    assert got.usage.counts == {
        "requests": 1, "web_searches": 1, "code_executions": 1, "tool_calls": 1, "storage_searches": 1,
    }  # fmt: skip
    assert got.usage.service_tier == "flex"
    assert got.usage.context == {"service_tier": "flex"}
    assert got.checksum_ok is True


def test_an_image_made_inside_a_response_is_billed_beside_it():
    image = {
        "input_tokens": 12, "input_tokens_details": {"text_tokens": 12, "image_tokens": 0},
        "output_tokens": 272, "output_tokens_details": {"image_tokens": 272, "text_tokens": 0}, "total_tokens": 284,
    }  # fmt: skip
    answer = {
        "object": "response",
        "model": "gpt-5",
        "output": [{"type": "image_generation_call", "model": "gpt-image-1"}],
        "tool_usage": {"image_gen": image, "web_search": {"num_requests": 0}},
        "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
    }
    got = read("openai", "responses", answer)
    assert got.checksum_ok is False  # the response's total leaves the image out; both are billed
    assert [part.model for part in got.parts] == ["gpt-5", "gpt-image-1"]
    assert got.also[0].buckets["output_image"] == 272


def test_openai_embeddings_and_images_and_transcriptions():
    assert buckets(read("openai", "embeddings", {"usage": {"prompt_tokens": 8, "total_tokens": 8}})) == {"input": 8}
    image = {"input_tokens": 50, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}, "output_tokens": 4}
    assert buckets(read("openai", "images", {"usage": image})) == {"input": 10, "input_image": 40, "output": 4}
    spoken = read("openai", "audio", {"text": "x", "usage": {"type": "duration", "seconds": 9}})
    assert spoken.usage.counts["input_audio_seconds"] == 9


def test_realtime_details_the_cache_by_modality():
    usage = {
        "input_tokens": 100, "output_tokens": 50, "total_tokens": 150,
        "input_token_details": {
            "text_tokens": 30, "audio_tokens": 70, "cached_tokens": 40,
            "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 30},
        },
        "output_token_details": {"text_tokens": 20, "audio_tokens": 30},
    }  # fmt: skip
    got = read("openai", "realtime", {"type": "response.done", "response": {"usage": usage}})
    assert buckets(got) == {
        "input": 20, "cache_read": 10, "cache_read_audio": 30, "input_audio": 40, "output": 20, "output_audio": 30,
    }  # fmt: skip
    assert got.checksum_ok is True


def test_anthropic_counts_cache_beside_the_input_and_thinking_inside_the_output():
    usage = {
        "input_tokens": 3, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 15,
        "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 10},
        "output_tokens": 20, "output_tokens_details": {"thinking_tokens": 12},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        "service_tier": "batch", "speed": "fast", "inference_geo": "us",
    }  # fmt: skip
    got = read("anthropic", "messages", {"type": "message", "model": "claude-x", "content": [], "usage": usage})
    assert buckets(got) == {
        "input": 3, "cache_read": 7, "cache_write_5m": 5, "cache_write_1h": 10, "output": 8, "reasoning": 12,
    }  # fmt: skip
    assert got.usage.counts == {"requests": 1, "web_searches": 2, "tool_calls": 1}
    assert got.usage.context == {"processing": "batch", "speed": "fast", "inference_geo": "us"}
    assert got.checksum_ok is None


@pytest.mark.parametrize(
    ("split", "total", "five", "hour"),
    [
        (None, 9, 9, None),  # a total alone is of the default time to live
        ({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, 9, 9, 0),
        ({"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5}, None, 4, 5),  # the split alone
        ({"ephemeral_1h_input_tokens": 5}, 9, 4, 5),
    ],
)
def test_anthropic_cache_writes_with_and_without_a_split(split, total, five, hour):
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": total, "cache_creation": split}
    got = read("anthropic", "messages", {"type": "message", "model": "c", "usage": usage})
    assert got.status == "ok"
    assert got.usage.buckets.get("cache_write_5m") == five
    assert got.usage.buckets.get("cache_write_1h") == hour


def test_gemini_counts_thoughts_and_tool_prompts_beside_and_cached_content_inside():
    usage = {
        "promptTokenCount": 1000, "cachedContentTokenCount": 700, "candidatesTokenCount": 80, "thoughtsTokenCount": 40,
        "toolUsePromptTokenCount": 9, "totalTokenCount": 1129, "serviceTier": "flex",
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 400}, {"modality": "AUDIO", "tokenCount": 500},
                                {"modality": "DOCUMENT", "tokenCount": 100}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 450}, {"modality": "TEXT", "tokenCount": 250}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 60}],
    }  # fmt: skip
    got = read("gemini", "generateContent", {"candidates": [], "usageMetadata": usage, "modelVersion": "gemini-3-x"})
    assert buckets(got) == {
        "input": 159, "input_audio": 50, "input_image": 100, "cache_read": 250, "cache_read_audio": 450,
        "output": 20, "output_image": 60, "reasoning": 40,
    }  # fmt: skip
    assert got.checksum_ok is True
    assert got.usage.context == {"service_tier": "flex"}


@pytest.mark.parametrize(("model", "searches"), [("gemini-2.5-pro", 1), ("gemini-3-flash-preview", 2)])
def test_gemini_bills_grounding_by_the_prompt_and_from_3_on_by_the_query(model, searches):
    grounded = {"groundingMetadata": {"webSearchQueries": ["a", "b", "", "a"]}}
    answer = {
        "candidates": [grounded],
        "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1},
        "modelVersion": model,
    }
    assert read("gemini", "generateContent", answer).usage.counts["web_searches"] == searches


def test_vertex_traffic_types_are_tiers():
    for traffic, tier in (
        ("ON_DEMAND", "standard"),
        ("ON_DEMAND_FLEX", "flex"),
        ("PROVISIONED_THROUGHPUT", "provisioned"),
    ):
        answer = {"usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1, "trafficType": traffic}}
        assert read("vertex", "generateContent", answer).usage.context == {"service_tier": tier}


def test_gemini_embeddings_caches_and_interactions():
    embedded = {
        "usageMetadata": {"promptTokenCount": 14, "promptTokenDetails": [{"modality": "TEXT", "tokenCount": 14}]}
    }
    assert buckets(read("gemini", "embedContent", embedded)) == {"input": 14}
    made = read(
        "gemini", "cachedContents", {"model": "models/gemini-2.5-flash", "usageMetadata": {"totalTokenCount": 1090}}
    )
    assert buckets(made) == {"input": 1090}
    usage = {
        "total_tokens": 329, "total_input_tokens": 267, "total_cached_tokens": 100, "total_output_tokens": 3,
        "total_tool_use_tokens": 2, "total_thought_tokens": 57,
        "input_tokens_by_modality": [{"modality": "text", "tokens": 9}, {"modality": "image", "tokens": 258}],
    }  # fmt: skip
    got = read("gemini", "interactions", {"object": "interaction", "usage": usage})
    assert buckets(got) == {
        "input": 2, "input_image": 167, "cache_read": 9, "cache_read_image": 91, "output": 3, "reasoning": 57,
    }  # fmt: skip
    assert got.checksum_ok is True


def test_bedrock_converse_counts_cache_beside_the_input():
    usage = {
        "inputTokens": 3, "outputTokens": 5, "cacheReadInputTokens": 7, "cacheWriteInputTokens": 15, "totalTokens": 30,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 10}, {"ttl": "5m", "inputTokens": 5}],
    }  # fmt: skip
    got = read("bedrock", "converse", {"output": {}, "usage": usage})
    assert buckets(got) == {"input": 3, "cache_read": 7, "cache_write_5m": 5, "cache_write_1h": 10, "output": 5}
    assert got.checksum_ok is True


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"inputTextTokenCount": 5.0, "results": [{"tokenCount": 4.0}, {"tokenCount": 6}]}, {"input": 5, "output": 10}),
        ({"inputTextTokenCount": 5, "embedding": [0.5]}, {"input": 5}),
        ({"generation": "x", "prompt_token_count": 5, "generation_token_count": 10}, {"input": 5, "output": 10}),
        ({"type": "message", "usage": {"input_tokens": 5, "output_tokens": 10}}, {"input": 5, "output": 10}),
        ({"output": {}, "usage": {"inputTokens": 5, "outputTokens": 10}}, {"input": 5, "output": 10}),
        ({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 10}}, {"input": 5, "output": 10}),
        ({"outputs": [{"text": "x"}]}, {"input": 6, "output": 11, "cache_read": 2}),  # from the headers alone
    ],
)
def test_bedrock_invoke_reads_every_family_of_model(body, expected):
    headers = {
        "X-Amzn-Bedrock-Input-Token-Count": "6",
        "x-amzn-bedrock-output-token-count": "11",
        "x-amzn-bedrock-cache-read-input-token-count": "2",
    }
    assert buckets(read("bedrock", "invoke", body, headers=headers)) == expected


def test_groq_compound_is_priced_model_by_model_where_the_parts_add_up():
    models = [
        {"model": "a", "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}},
        {"model": "b", "usage": {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22}},
        {"model": "a", "usage": {"prompt_tokens": 30, "completion_tokens": 3, "num_search_queries": 2}},
    ]
    answer = chat(prompt_tokens=60, completion_tokens=6, total_tokens=66) | {"usage_breakdown": {"models": models}}
    got = read("groq", "chat.completions", answer)
    assert [(part.model, part.tokens) for part in got.parts] == [("a", 44), ("b", 22)]
    assert got.usage.counts["web_searches"] == 2
    assert got.checksum_ok is True
    repeated = answer | {"usage_breakdown": {"models": [{"model": name, "usage": answer["usage"]} for name in "ab"]}}
    assert [(part.model, part.tokens) for part in read("groq", "chat.completions", repeated).parts] == [("m", 66)]


def test_cohere_is_read_by_what_it_bills():
    usage = {
        "billed_units": {"input_tokens": 7, "output_tokens": 80},
        "tokens": {"input_tokens": 69, "output_tokens": 81},
    }
    assert buckets(read("cohere", "chat", {"id": "x", "usage": usage})) == {"input": 7, "output": 80}
    assert buckets(read("cohere", "chat", {"text": "x", "meta": usage})) == {"input": 7, "output": 80}
    ranked = read("cohere", "rerank", {"results": [], "meta": {"billed_units": {"search_units": 2}}})
    assert ranked.usage.counts == {"requests": 1, "rerank_searches": 2}


def test_xai_counts_reasoning_beside_the_completion_and_states_its_cost_in_ticks():
    usage = {
        "prompt_tokens": 2747, "prompt_text_tokens": 2747, "cached_prompt_text_tokens": 1280, "completion_tokens": 23,
        "reasoning_tokens": 237, "total_tokens": 3007, "cost_in_usd_ticks": "77397500",
        "server_side_tools_used": ["SERVER_SIDE_TOOL_WEB_SEARCH", "SERVER_SIDE_TOOL_X_SEARCH", "SERVER_SIDE_TOOL_MCP"],
    }  # fmt: skip
    got = read("xai", "grpc.chat", {"model": "grok-4-fast-reasoning", "usage": usage})
    assert buckets(got) == {"input": 1467, "cache_read": 1280, "output": 23, "reasoning": 237}
    assert got.checksum_ok is True
    assert got.usage.provider_cost_usd == Decimal("0.00773975")
    assert got.usage.counts == {"requests": 1, "web_searches": 1, "social_searches": 1, "tool_calls": 1}
    rest = chat(
        prompt_tokens=10, completion_tokens=5, total_tokens=35, completion_tokens_details={"reasoning_tokens": 20}
    )
    assert read("xai", "chat.completions", rest).checksum_ok is True
    assert read("", "chat.completions", rest).checksum_ok is True  # it cannot be inside, and the total counts it beside


def test_deepseek_states_cache_hits_in_words_of_its_own():
    answer = chat(prompt_tokens=563, completion_tokens=116, total_tokens=679, prompt_cache_hit_tokens=512)
    assert buckets(read("deepseek", "chat.completions", answer)) == {"input": 51, "cache_read": 512, "output": 116}


@pytest.mark.parametrize("name", ["cached_tokens", "num_cached_tokens", "cache_read_input_tokens"])
def test_openai_compatible_servers_name_cached_tokens_differently(name):
    answer = chat(prompt_tokens=10, completion_tokens=1, total_tokens=11, **{name: 4})
    assert buckets(read("together", "chat.completions", answer)) == {"input": 6, "cache_read": 4, "output": 1}


def test_openrouter_states_its_cost_and_a_key_of_ones_own_pays_the_backend_too():
    stated = {"cost": 4e-05, "is_byok": False, "cost_details": {"upstream_inference_cost": 4e-05}}
    answer = chat(prompt_tokens=1, completion_tokens=1, total_tokens=2, **stated)
    assert read("openrouter", "chat.completions", answer).usage.provider_cost_usd == Decimal("0.00004")
    own_key = {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.0003253}}
    answer = chat(prompt_tokens=1, completion_tokens=1, total_tokens=2, **own_key)
    assert read("openrouter", "chat.completions", answer).usage.provider_cost_usd == Decimal("0.0003253")


def test_perplexity_counts_reasoning_and_citations_beside_and_states_searches_and_cost():
    answer = chat(
        prompt_tokens=33, completion_tokens=100, reasoning_tokens=500, citation_tokens=20, num_search_queries=3,
        cost={"total_cost": 0.012},
    )  # fmt: skip
    got = read("perplexity", "chat.completions", answer)
    assert buckets(got) == {"input": 33, "output": 100, "reasoning": 500, "citation": 20}
    assert got.usage.counts["web_searches"] == 3
    assert got.usage.provider_cost_usd == Decimal("0.012")


def test_ollama_voyage_watsonx_and_documents():
    assert buckets(read("ollama", "chat", {"done": True, "prompt_eval_count": 21, "eval_count": 369})) == {
        "input": 21, "output": 369,
    }  # fmt: skip
    assert buckets(read("voyageai", "embeddings", {"usage": {"total_tokens": 9}})) == {"input": 9}
    assert buckets(read("watsonx", "generation", {"results": [{"input_token_count": 7, "generated_token_count": 2}]})) == {
        "input": 7, "output": 2,
    }  # fmt: skip
    assert read("mistral", "ocr", {"usage_info": {"pages_processed": 4}}).usage.counts["document_pages"] == 4


def test_zero_is_zero_and_absent_is_absent():
    zero = read("openai", "chat.completions", chat(prompt_tokens=0, completion_tokens=0, total_tokens=0)).usage
    assert zero.buckets == {"input": 0, "output": 0}
    absent = read("openai", "chat.completions", chat(prompt_tokens=3, total_tokens=3)).usage
    assert absent.buckets == {"input": 3}
    assert read("openai", "chat.completions", {"choices": []}).status == "no_usage"


def test_a_batch_line_is_priced_as_a_batch():
    answer = chat(prompt_tokens=3, completion_tokens=1, total_tokens=4)
    line = {"custom_id": "c1", "response": {"status_code": 200, "body": answer}}
    got = read("openai", "batch", line)
    assert buckets(got) == {"input": 3, "output": 1}
    assert got.usage.context == {"processing": "batch"}
    message = {"type": "message", "model": "claude", "usage": {"input_tokens": 3, "output_tokens": 1}}
    got = read("anthropic", "batch", {"custom_id": "c", "result": {"type": "succeeded", "message": message}})
    assert got.usage.model == "claude"
    assert got.usage.context == {"processing": "batch"}


def test_what_the_caller_echoes_is_not_believed():
    answer = {
        "object": "response",
        "metadata": {"usage": {"input_tokens": 999}},
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    assert buckets(read("openai", "responses", answer)) == {"input": 1, "output": 2}


def test_an_http_error_is_no_usage_and_says_so():
    got = read_answer("openai", "chat.completions", b"<html>bad gateway</html>", status=502)
    assert (got.status, got.usage) == ("no_usage", None)
    assert "502" in got.reason
