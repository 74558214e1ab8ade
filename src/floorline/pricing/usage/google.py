"""Gemini and Vertex: thoughts and tool prompts stand beside prompt and candidates; cached content is inside the prompt."""

import re

from floorline.pricing.usage.gather import Gathered
from floorline.pricing.usage.part import Part, stated_cost
from floorline.pricing.usage.tally import Cache, Fields, Modal, Tally, items

_MODALITIES = {
    "AUDIO": "audio", "IMAGE": "image", "VIDEO": "video", "DOCUMENT": "image",
    "2": "image", "3": "video", "4": "audio", "5": "image",  # the enum's numbers, as protobuf JSON may give them
}  # fmt: skip
_BILLED_PER_PROMPT = re.compile(r"(?:models/)?gemini-[12][.-]")


def generate(gathered: Gathered) -> Part:
    """`usageMetadata` of generateContent, embedContent and cachedContents.

    Total = promptTokenCount + candidatesTokenCount + thoughtsTokenCount + toolUsePromptTokenCount. A document's pages
    are image tokens. A cache that is only created states a total alone: all of it is input.
    """
    usage = gathered.google
    tally = Tally()
    total = tally.tokens(usage, "totalTokenCount")
    prompt = tally.tokens(usage, "promptTokenCount")
    made = tally.tokens(usage, "candidatesTokenCount")
    if prompt is None and made is None and total is not None and "thoughtsTokenCount" not in usage:
        prompt = total
    read = tally.tokens(usage, "cachedContentTokenCount")
    cached = usage.get("cacheTokensDetails")
    tally.prompt(
        prompt,
        Cache(read=read, read_by_modality=_modal(tally, cached, "tokenCount") if cached else None),
        _modal(tally, usage.get("promptTokensDetails") or usage.get("promptTokenDetails"), "tokenCount"),
        name="promptTokenCount",
    )
    tally.prompt(
        tally.tokens(usage, "toolUsePromptTokenCount"),
        Cache(),
        _modal(tally, usage.get("toolUsePromptTokensDetails"), "tokenCount"),
        name="toolUsePromptTokenCount",
    )
    tally.completion(
        made,
        tally.tokens(usage, "thoughtsTokenCount"),
        _modal(tally, usage.get("candidatesTokensDetails"), "tokenCount"),
        inside=False,
        name="candidatesTokenCount",
    )
    grounding(tally, gathered)
    return Part(tally=tally, total=total, cost_usd=stated_cost(tally, usage))


def grounding(tally: Tally, gathered: Gathered) -> None:
    """Searches with Google: Gemini 3 and later bill each unique query that is not empty, earlier ones the prompt. Code
    that Gemini runs costs its tokens alone.
    """
    queries = len(gathered.queries)
    if queries:
        tally.count("web_searches", 1 if _BILLED_PER_PROMPT.match(gathered.model) else queries)
    if gathered.code_runs:
        tally.count("tool_calls", gathered.code_runs)


def interactions(usage: Fields) -> Part:
    """The Interactions API: the same sides under other names, the cached tokens inside `total_input_tokens`."""
    tally = Tally()
    cached = usage.get("cached_tokens_by_modality")
    tally.prompt(
        tally.tokens(usage, "total_input_tokens"),
        Cache(
            read=tally.tokens(usage, "total_cached_tokens"),
            read_by_modality=_modal(tally, cached, "tokens") if cached else None,
        ),
        _modal(tally, usage.get("input_tokens_by_modality"), "tokens"),
        name="total_input_tokens",
    )
    tally.put("input", tally.tokens(usage, "total_tool_use_tokens"))
    tally.completion(
        tally.tokens(usage, "total_output_tokens"),
        tally.tokens(usage, "total_thought_tokens"),
        _modal(tally, usage.get("output_tokens_by_modality"), "tokens"),
        inside=False,
        name="total_output_tokens",
    )
    return Part(tally=tally, total=tally.tokens(usage, "total_tokens"))


def _modal(tally: Tally, details: object, count: str) -> Modal:
    """Tokens by modality; text is what the others leave. An entry without a count holds none (protobuf omits zeros)."""
    found: dict[str, int] = {}
    for entry in items(details):
        kind = _MODALITIES.get(str(entry.get("modality")).upper())
        if kind is not None:
            found[kind] = found.get(kind, 0) + (tally.tokens(entry, count) or 0)
    return Modal(audio=found.get("audio"), image=found.get("image"), video=found.get("video"))
