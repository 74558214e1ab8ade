"""Bedrock: converse, the models' own bodies under invoke, invocation metrics, response headers, agents.

Input, cache reads and cache writes stand beside each other; total = input + output + cache reads + cache writes.
"""

from collections.abc import Mapping

from floorline.pricing.usage.gather import Gathered
from floorline.pricing.usage.openai import add
from floorline.pricing.usage.part import Part, stated_cost
from floorline.pricing.usage.tally import Cache, Fields, Tally, fields, items, text

_HEADER = "x-amzn-bedrock-"


def converse(usage: Fields) -> Part:
    """`usage` of converse and converse-stream, and of Nova's own bodies."""
    tally = Tally()
    written = tally.tokens(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    hour: int | None = None
    for entry in items(usage.get("cacheDetails")):
        if text(entry.get("ttl")) == "1h":
            hour = (hour or 0) + (tally.tokens(entry, "inputTokens") or 0)
    if hour is not None and written is not None and hour > written:
        tally.problems.append(
            f"cacheDetails 1h {hour} exceeds cacheWriteInputTokens {written}: counted as written for 5 minutes;"
            " report it to the provider with the response id"
        )
        hour = None
    _sides(
        tally,
        tally.tokens(usage, "inputTokens"),
        tally.tokens(usage, "outputTokens"),
        Cache(
            read=tally.tokens(usage, "cacheReadInputTokens", "cacheReadInputTokenCount"),
            write_5m=written if hour is None or written is None else written - hour,
            write_1h=hour,
        ),
    )
    return Part(tally=tally, total=tally.tokens(usage, "totalTokens"), cost_usd=stated_cost(tally, usage))


def _sides(tally: Tally, given: int | None, made: int | None, cache: Cache) -> None:
    tally.put("input", given)
    tally.prompt(None, cache)
    tally.completion(made, None)


def metrics(found: Fields) -> Part:
    """`amazon-bedrock-invocationMetrics`, which ends an invoke stream of a model that reports no usage itself."""
    tally = Tally()
    _sides(
        tally,
        tally.tokens(found, "inputTokenCount"),
        tally.tokens(found, "outputTokenCount"),
        Cache(
            read=tally.tokens(found, "cacheReadInputTokenCount"),
            write_5m=tally.tokens(found, "cacheWriteInputTokenCount"),
        ),
    )
    return Part(tally=tally)


def titan(gathered: Gathered) -> Part:
    """`inputTextTokenCount` with the results' counts, or with the total that ends a stream. Embeddings have no output."""
    tally = Tally()
    tally.put("input", tally.tokens(gathered.flat, "input_text_tokens"))
    tally.put("output", tally.tokens(gathered.flat, "output_text_tokens"))
    if "output_text_tokens" not in gathered.flat:
        for result in gathered.results:
            tally.put("output", tally.tokens(result, "tokenCount"))
    return Part(tally=tally)


def llama(gathered: Gathered) -> Part:
    """`prompt_token_count` and `generation_token_count`, which grows along a stream."""
    tally = Tally()
    tally.put("input", tally.tokens(gathered.flat, "prompt_token_count"))
    tally.put("output", tally.tokens(gathered.flat, "generation_token_count"))
    return Part(tally=tally)


def headers(given: Mapping[str, str]) -> Part | None:
    """`x-amzn-bedrock-*-token-count`, for the models whose bodies say nothing (Cohere, Mistral, embeddings)."""
    found = {name.lower().removeprefix(_HEADER): value for name, value in given.items()}
    counts = {
        name.removesuffix("-token-count"): int(value)
        for name, value in found.items()
        if name.endswith("-token-count") and value.isascii() and value.isdigit() and len(value) <= 18
    }
    if not counts:
        return None
    tally = Tally()
    _sides(
        tally,
        tally.tokens(counts, "input"),
        tally.tokens(counts, "output"),
        Cache(read=tally.tokens(counts, "cache-read-input"), write_5m=tally.tokens(counts, "cache-write-input")),
    )
    return Part(tally=tally)


def agents(gathered: Gathered) -> list[Part]:
    """A part for each model that an agent's traces name; the invocations of one model are added up."""
    parts: dict[str, Part] = {}
    for invocation in gathered.agents.values():
        used = fields(invocation.get("usage"))
        if not used:
            continue
        model = text(invocation.get("model"))
        part = converse(used)
        if model in parts:
            add(parts[model].tally, part.tally)
        else:
            part.model, part.total = model, None
            parts[model] = part
    return list(parts.values())
