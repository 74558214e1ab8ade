"""Our buckets beside genai-prices' own extraction, wherever it has one: every difference in a closed, explained list."""

import json
from collections import Counter

from genai_prices.data import providers

from floorline.cli.usage import Recorded
from floorline.events import INPUT_BUCKETS, OUTPUT_BUCKETS
from floorline.pricing.providers import canonical
from floorline.pricing.usage import Extraction
from tests.pricing.usage.recorded import extractions

FLAVOURS = {
    "chat.completions": ("chat", "default"),
    "completions": ("chat", "default"),
    "assistants": ("chat",),
    "responses": ("responses", "default"),
    "responses.compact": ("responses",),
    "embeddings": ("embeddings", "default"),
    "messages": ("default",),
    "generateContent": ("default",),
    "embedContent": ("default",),
    "cachedContents": ("default",),
    "converse": ("default",),
    "invoke": ("anthropic",),
    "chat": ("default",),
    "grpc.chat": ("default",),
}

DIFFERENCES = {
    # genai-prices reads nothing at all
    "no extractor for the answer": (
        "Titan, Llama, Nova bodies, headers, OpenAI on Bedrock, Cohere v1, a new cache",
        76,
    ),
    "fails on enum numbers": (
        "Vertex's protobuf JSON gives modalities as numbers: genai-prices raises AttributeError",
        8,
    ),
    # genai-prices reads less
    "compaction and advisor": ("Anthropic bills `iterations` that its top-level usage leaves out", 4),
    "grounding": ("Gemini's searches are in groundingMetadata, outside the usage", 8),
    "response items": ("OpenAI Responses' searches are output items, outside the usage", 13),
    "other tools": ("searches under server_side_tools_used (xAI) and server_tool_use_details (OpenRouter)", 6),
    "xAI images": ("prompt_image_tokens, inside prompt_tokens", 7),
    "OpenRouter video": ("prompt_tokens_details.video_tokens, inside prompt_tokens", 1),
    "Mistral cache": ("num_cached_tokens, inside prompt_tokens", 27),
    "Groq compound": ("the reasoning of one of its models, in usage_breakdown", 1),
    # the answer contradicts itself (test_conformance): we report an error and read it as the dearer way
    "contradiction": ("cached or detailed tokens beyond the whole", 5),
}


def flat(extraction: Extraction) -> dict[str, int]:
    """Our disjoint buckets as genai-prices' nested units."""
    units: Counter[str] = Counter()
    for part in extraction.parts:
        held = part.buckets
        units["input_tokens"] += sum(held.get(name, 0) for name in INPUT_BUCKETS)
        units["output_tokens"] += sum(held.get(name, 0) for name in OUTPUT_BUCKETS)
        units["cache_read_tokens"] += sum(tokens for name, tokens in held.items() if name.startswith("cache_read"))
        units["cache_write_tokens"] += held.get("cache_write_5m", 0) + held.get("cache_write_1h", 0)
        units["output_reasoning_tokens"] += held.get("reasoning", 0)
        units["web_searches"] += int(part.counts.get("web_searches", 0))
        for kind in ("audio", "image", "video"):
            units[f"cache_{kind}_read_tokens"] += held.get(f"cache_read_{kind}", 0)
            units[f"input_{kind}_tokens"] += held.get(f"input_{kind}", 0) + held.get(f"cache_read_{kind}", 0)
            units[f"output_{kind}_tokens"] += held.get(f"output_{kind}", 0)
    return dict(units)


def theirs(record: Recorded) -> dict[str, int] | str | None:
    """What genai-prices reads; a sentence when it fails; None when it has no extractor for the endpoint."""
    name = "huggingface_together" if record.provider == "huggingface" else canonical(record.provider)
    provider = next((one for one in providers if one.id == name), None)
    known = {one.api_flavor for one in provider.extractors or ()} if provider else set()
    flavour = next((one for one in FLAVOURS.get(record.endpoint, ()) if one in known), None)
    if provider is None or flavour is None or record.stream:
        return None
    try:
        _, usage = provider.extract_usage(json.loads(record.response_body_raw), api_flavor=flavour)
    except (ValueError, AttributeError) as error:
        return str(error)
    return {name: int(value) for name, value in usage._reported_values().items()}


def explain(record: Recorded, got: Extraction, found: dict[str, int] | str) -> str:
    """The class of the difference between what we and they read; '' when there is none."""
    if isinstance(found, str):
        return "fails on enum numbers" if "lower" in found else "no extractor for the answer"
    ours = flat(got)
    different = {name for name in ours if ours[name] != found.get(name, 0)}
    if not different:
        return ""
    if got.status == "error":
        return "contradiction"
    if record.provider == "anthropic" and different <= {"input_tokens", "output_tokens", "cache_write_tokens"}:
        return "compaction and advisor"
    if different == {"web_searches"}:
        return {"gemini": "grounding", "openai": "response items"}.get(record.provider, "other tools")
    return {
        ("xai", "input_image_tokens"): "xAI images",
        ("openrouter", "input_video_tokens"): "OpenRouter video",
        ("mistral", "cache_read_tokens"): "Mistral cache",
        ("groq", "output_reasoning_tokens"): "Groq compound",
    }.get((record.provider, *different), f"unexplained: {sorted(different)}")


def test_every_difference_from_genai_prices_is_explained():
    compared = 0
    counted: Counter[str] = Counter()
    for record, got in extractions():
        found = theirs(record)
        if found is None or not got.parts:
            continue
        compared += 1
        name = explain(record, got, found)
        assert name == "" or name in DIFFERENCES, f"{record.source_path}: {name}"
        counted[name] += 1
    assert compared >= 1800
    assert {name: number for name, number in counted.items() if name} == {
        name: number for name, (_, number) in DIFFERENCES.items()
    }
