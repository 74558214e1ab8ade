"""Every recorded answer: usage read from all that report it, and each one that contradicts itself in a closed class.

A class holds the provider's own words or a recorded example as its reason, and a ceiling on its count.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from floorline.cli.usage import Recorded, read_record
from floorline.pricing.usage import Extraction
from tests.pricing.usage.recorded import WITHOUT_USAGE, extractions, records


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    reason: str
    most: int
    holds: Callable[[Recorded, Extraction], bool]


def _uses(extraction: Extraction) -> dict[str, int]:
    return {} if extraction.usage is None else dict(extraction.usage.buckets)


NO_TOKENS = {
    "guardrail units": Known(
        reason="Bedrock's ApplyGuardrail reports policy units (topicPolicyUnits, contentPolicyUnits), no model ran",
        most=3,
        holds=lambda record, got: record.endpoint == "apply-guardrail" and "PolicyUnits" in got.reason,
    ),
    "vector store units": Known(
        reason='Pinecone\'s query reports {"readUnits": 6}: a vector store, not a model',
        most=1,
        holds=lambda record, got: record.endpoint == "/query" and "readUnits" in got.reason,
    ),
    "blocked before it was read": Known(
        reason='Vertex, blockReason MODEL_ARMOR: the usage block is {"trafficType": "ON_DEMAND"} and holds no count',
        most=1,
        holds=lambda record, got: record.provider == "vertex" and "blocked" in got.reason,
    ),
}

CONTRADICTIONS = {
    "xAI caches more than it was sent": Known(
        reason="recorded: prompt_tokens 676, cached_prompt_text_tokens 960, and two more like it; no cost is stated",
        most=3,
        holds=lambda record, got: record.provider == "xai" and got.reason.startswith("cache_read"),
    ),
    "written and read at once": Known(
        reason="OpenRouter with Gemini's explicit cache: of prompt_tokens 2168, cached_tokens 2161 and cache_write_tokens"
        " 2161 are the same tokens, written (charged as storage) and then read",
        most=1,
        holds=lambda record, got: record.provider == "openrouter" and got.reason.startswith("cache_read + cache_write"),
    ),
    "details beyond the whole": Known(
        reason="a recording edited by hand: completion_tokens 4 with reasoning_tokens 3 and audio_tokens 4",
        most=1,
        holds=lambda record, got: "test_token_counts" in record.source_path and "details 7" in got.reason,
    ),
}

TOTALS_OFF = {
    "thoughts only in the total": Known(
        reason="Gemini's OpenAI-compatible endpoint: prompt_tokens 35, completion_tokens 12, total_tokens 109; the"
        " thoughts are in the total alone, and nothing says that the rest is thoughts",
        most=2,
        holds=lambda record, got: (
            (record.provider, record.endpoint) == ("gemini", "chat.completions")
            and sum(_uses(got).values()) < (got.usage.provider_total or 0)
        ),
    ),
    "the last snapshot forgets the candidates": Known(
        reason="Gemini 3 with its own tools, streamed: the last chunk says prompt 87, thoughts 78, total 165 and no"
        " candidatesTokenCount; the chunk before said 21, whose text was delivered",
        most=1,
        holds=lambda record, got: (
            record.endpoint == "streamGenerateContent"
            and sum(_uses(got).values()) - (got.usage.provider_total or 0) == _uses(got)["output"]
        ),
    ),
}


def classify(classes: dict[str, Known], found: list[tuple[Recorded, Extraction]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for record, extraction in found:
        names = [name for name, one in classes.items() if one.holds(record, extraction)]
        assert len(names) == 1, f"{record.source_path}: {extraction.reason or extraction.usage} is in {names}"
        counted[names[0]] += 1
    for name, one in classes.items():
        assert counted[name] <= one.most, f"{name}: {counted[name]} answers, at most {one.most}: {one.reason}"
    return counted


def test_every_answer_with_usage_yields_buckets():
    everything = extractions()
    assert len(everything) == 2142
    without = [(record, got) for record, got in everything if not _uses(got) and not got.parts]
    assert sum(classify(NO_TOKENS, without).values()) == 5
    rerank = [got for record, got in everything if got.parts and not _uses(got)]
    assert len(rerank) == 5  # Cohere's reranking, billed by searches
    assert all(got.usage.counts["rerank_searches"] for got in rerank)
    statuses = Counter(got.status for _, got in everything)
    assert statuses == {"ok": 2132, "no_usage": 5, "error": 5}


def test_an_answer_that_contradicts_itself_is_in_a_closed_list():
    wrong = [(record, got) for record, got in extractions() if got.status == "error"]
    assert sum(classify(CONTRADICTIONS, wrong).values()) == 5


def test_the_providers_own_total_is_the_sum_of_the_buckets():
    checks = Counter(got.checksum_ok for _, got in extractions())
    assert checks[True] + checks[False] >= 1500
    off = [(record, got) for record, got in extractions() if got.checksum_ok is False]
    assert sum(classify(TOTALS_OFF, off).values()) == 3


def test_no_stream_of_the_recordings_stopped_early():
    assert all(got.complete for _, got in extractions())


def test_answers_without_usage_report_none_but_for_ollamas_cached_prompts():
    """Three of Ollama's answers have an eval_count and no prompt_eval_count: the prompt was in its own cache."""
    found = Counter(
        (read_record(record).status, record.provider if read_record(record).parts else "")
        for record in records(*WITHOUT_USAGE)
    )
    assert found == {("no_usage", ""): 181, ("ok", "ollama"): 3}


def test_models_tiers_and_tools_as_the_recordings_report_them():
    contexts = Counter(tuple(got.usage.context.items()) for _, got in extractions() if got.usage)
    assert contexts[(("service_tier", "flex"),)] >= 1  # Vertex: ON_DEMAND_FLEX
    assert contexts[(("service_tier", "priority"),)] >= 1
    counts: Counter[str] = Counter()
    for _, got in extractions():
        for part in got.parts:
            counts.update({name: int(number) for name, number in part.counts.items()})
    assert counts["web_searches"] >= 90
    assert counts["storage_searches"] >= 25
    assert {part.model for _, got in extractions() for part in got.also} >= {"claude-opus-4-8", "openai/gpt-oss-120b"}
