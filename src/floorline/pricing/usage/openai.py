"""OpenAI's two shapes of usage, which most other providers speak: chat completions and responses."""

from floorline.pricing.usage.gather import Gathered
from floorline.pricing.usage.part import Part, stated_cost
from floorline.pricing.usage.tally import Cache, Fields, Modal, Tally, fields, text, texts

BESIDE = frozenset({"xai", "x-ai", "perplexity"})
"""Providers whose chat completions report reasoning beside the completion, not inside it. xAI's total is then
prompt + completion + reasoning; its Responses API follows OpenAI."""

_XAI_TOOLS = {
    "SERVER_SIDE_TOOL_WEB_SEARCH": "web_searches",
    "SERVER_SIDE_TOOL_X_SEARCH": "social_searches",
    "SERVER_SIDE_TOOL_CODE_EXECUTION": "code_executions",
    "SERVER_SIDE_TOOL_ATTACHMENT_SEARCH": "storage_searches",
    "SERVER_SIDE_TOOL_COLLECTIONS_SEARCH": "storage_searches",
}
_XAI_DETAILS = {
    "web_search_calls": "web_searches",
    "x_search_calls": "social_searches",
    "code_interpreter_calls": "code_executions",
    "file_search_calls": "storage_searches",
    "document_search_calls": "storage_searches",
    "mcp_calls": "tool_calls",
}
_TOOL_WORDS = frozenset({
    "server_side_tools_used", "server_side_tool_usage_details", "num_search_queries", "server_tool_use",
    "server_tool_use_details",
})  # fmt: skip
_OUTPUT_ITEMS = {
    "file_search_call": "storage_searches",
    "image_generation_call": "images",
    "mcp_call": "tool_calls",
    "computer_call": "tool_calls",
}


def chat(usage: Fields, provider: str) -> Part:
    """`prompt_tokens`, `completion_tokens`: cached, written and other modalities are inside the prompt."""
    tally = Tally()
    prompt = fields(usage.get("prompt_tokens_details") or usage.get("prompt_token_details"))
    completion = fields(usage.get("completion_tokens_details") or usage.get("completion_token_details"))
    tally.prompt(
        tally.tokens(usage, "prompt_tokens"),
        _chat_cache(tally, usage, prompt),
        Modal(
            audio=tally.tokens(prompt, "audio_tokens"),
            image=_either(tally.tokens(prompt, "image_tokens"), tally.tokens(usage, "prompt_image_tokens")),
            video=tally.tokens(prompt, "video_tokens"),
        ),
        name="prompt_tokens",
    )
    made = tally.tokens(usage, "completion_tokens")
    reasoning = _either(tally.tokens(completion, "reasoning_tokens"), tally.tokens(usage, "reasoning_tokens"))
    total = tally.tokens(usage, "total_tokens")
    tally.completion(
        made,
        reasoning,
        Modal(audio=tally.tokens(completion, "audio_tokens"), image=tally.tokens(completion, "image_tokens")),
        inside=not _beside(provider, tally, (made, reasoning, total)),
        name="completion_tokens",
    )
    tally.put("citation", tally.tokens(usage, "citation_tokens"))
    tools(tally, usage)
    return Part(tally=tally, total=total, cost_usd=stated_cost(tally, usage))


def _beside(provider: str, tally: Tally, reported: tuple[int | None, int | None, int | None]) -> bool:
    """Reasoning is beside the completion where the provider says so, or where it cannot be inside and the provider's
    own total counts it beside (an unknown server that passes on one of those answers).
    """
    made, reasoning, total = reported
    if provider in BESIDE:
        return True
    outside = made is not None and (reasoning or 0) > made
    return outside and total == sum(tally.buckets.values()) + (made or 0) + (reasoning or 0)


def _chat_cache(tally: Tally, usage: Fields, prompt: Fields) -> Cache:
    """DeepSeek `prompt_cache_hit_tokens`, OpenAI `cached_tokens` in the details, Together and Moonshot `cached_tokens`,
    Mistral `num_cached_tokens`, xAI `cached_prompt_text_tokens`: all inside the prompt. Writes without a time to live
    are of the default one, 5 minutes.
    """
    split = fields(usage.get("cache_creation"))
    hour = tally.tokens(split, "ephemeral_1h_input_tokens")
    written = _either(
        tally.tokens(prompt, "cache_write_tokens", "cache_creation_tokens"),
        tally.tokens(usage, "cache_write_tokens", "cache_creation_input_tokens"),
    )
    return Cache(
        read=_either(
            tally.tokens(usage, "prompt_cache_hit_tokens"),
            tally.tokens(prompt, "cached_tokens"),
            tally.tokens(
                usage, "cached_tokens", "num_cached_tokens", "cached_prompt_text_tokens", "cache_read_input_tokens"
            ),
        ),
        write_5m=written if hour is None or written is None else max(written - hour, 0),
        write_1h=hour,
    )


def _either(*values: int | None) -> int | None:
    """The first that is known."""
    return next((value for value in values if value is not None), None)


def responses(usage: Fields, gathered: Gathered) -> Part:
    """`input_tokens`, `output_tokens` with details: the shape of responses, images, transcriptions and realtime."""
    tally = Tally()
    given = fields(usage.get("input_tokens_details") or usage.get("input_token_details"))
    made = fields(usage.get("output_tokens_details") or usage.get("output_token_details"))
    cached = fields(given.get("cached_tokens_details"))
    tally.prompt(
        tally.tokens(usage, "input_tokens"),
        Cache(
            read=tally.tokens(given, "cached_tokens", "cache_read_input_tokens"),
            write_5m=tally.tokens(given, "cache_write_tokens", "cache_creation_input_tokens"),
            read_by_modality=_modal(tally, cached) if cached else None,
        ),
        _modal(tally, given),
        name="input_tokens",
    )
    tally.completion(
        tally.tokens(usage, "output_tokens"),
        tally.tokens(made, "reasoning_tokens"),
        _modal(tally, made),
        name="output_tokens",
    )
    seconds = usage.get("seconds")
    if seconds is not None:
        tally.count("input_audio_seconds", tally.whole("seconds", seconds))
    tools(tally, usage)
    output_items(tally, gathered)
    return Part(tally=tally, total=tally.tokens(usage, "total_tokens"), cost_usd=stated_cost(tally, usage))


def _modal(tally: Tally, details: Fields) -> Modal:
    return Modal(
        audio=tally.tokens(details, "audio_tokens"),
        image=tally.tokens(details, "image_tokens"),
        video=tally.tokens(details, "video_tokens"),
    )


def image_part(gathered: Gathered) -> Part | None:
    """What an image tool inside a response used: it is billed at the image model's prices, beside the response.

    None when the answer made no image. The model is named only where the answer names it.
    """
    used = fields(gathered.tool_usage.get("image_gen"))
    if not used.get("total_tokens"):
        return None
    part = responses(used, Gathered())
    named = [text(item.get("model")) for item in gathered.output if item.get("type") == "image_generation_call"]
    part.model = next((name for name in named if name), "")
    part.total = None
    return part


def tools(tally: Tally, usage: Fields) -> None:
    """Counts of the provider's own tools that usage itself reports (xAI, OpenRouter, Perplexity, Anthropic)."""
    if usage.keys().isdisjoint(_TOOL_WORDS):
        return
    for name in texts(usage.get("server_side_tools_used")):
        tally.count(_XAI_TOOLS.get(name, "tool_calls"), 1)
    details = fields(usage.get("server_side_tool_usage_details"))
    for name, count in _XAI_DETAILS.items():
        tally.count(count, tally.tokens(details, name))
    tally.count("web_searches", tally.tokens(usage, "num_search_queries"))
    anthropic = fields(usage.get("server_tool_use"))
    openrouter = fields(usage.get("server_tool_use_details"))
    searches = tally.tokens(openrouter, "web_search_requests")
    executed = tally.tokens(openrouter, "tool_calls_executed")
    tally.count("web_searches", _either(tally.tokens(anthropic, "web_search_requests"), searches))
    tally.count("tool_calls", tally.tokens(anthropic, "web_fetch_requests"))
    if executed is not None:
        tally.count("tool_calls", max(executed - (searches or 0), 0))


def output_items(tally: Tally, gathered: Gathered) -> None:
    """Counts of the tools that OpenAI ran, from the response's output items.

    "Search actions incur a tool call cost"; opening or reading a found page does not. `tool_usage` is the provider's
    own count of billed searches and stands where it is not zero. Code is billed by the container, not by the run.
    """
    searches = 0
    containers: set[str] = set()
    for item in gathered.output:
        kind = text(item.get("type"))
        if kind == "web_search_call":
            searches += text(fields(item.get("action")).get("type")) in ("", "search")
        elif kind == "code_interpreter_call":
            containers.add(text(item.get("container_id")))
        elif kind in _OUTPUT_ITEMS:
            tally.count(_OUTPUT_ITEMS[kind], 1)
    billed = tally.tokens(fields(gathered.tool_usage.get("web_search")), "num_requests")
    if containers:
        tally.count("code_executions", len(containers))
    if searches or billed:
        tally.count("web_searches", billed or searches)


def breakdown(gathered: Gathered, provider: str) -> list[Part]:
    """Groq's compound systems: what each model used, when these add up to the answer's usage; else nothing."""
    if not gathered.breakdown:
        return []
    parts: dict[str, Part] = {}
    for entry in gathered.breakdown:
        name = text(entry.get("model"))
        part = chat(fields(entry.get("usage")), provider)
        if name in parts:
            add(parts[name].tally, part.tally)
        else:
            part.model, part.total = name, None
            parts[name] = part
    whole = chat(gathered.usage, provider)
    added = sum(sum(part.tally.buckets.values()) for part in parts.values())
    if not parts or added != sum(whole.tally.buckets.values()):
        return []
    found = list(parts.values())
    found[0].total = whole.total
    return found


def add(into: Tally, other: Tally) -> None:
    """Add a second tally of the same model to `into`."""
    for bucket, tokens in other.buckets.items():
        into.put(bucket, tokens)
    for name, number in other.counts.items():
        into.count(name, number)
    into.problems += other.problems
    into.unreadable = into.unreadable or other.unreadable


def has_shape(usage: Fields) -> bool:
    """True when `usage` speaks the chat completions' words."""
    return "prompt_tokens" in usage or "completion_tokens" in usage
