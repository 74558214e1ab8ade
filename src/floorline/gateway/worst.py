"""The provable worst case of one attempt, which is what a budget reserves: bytes bound tokens, the cap bounds the answer.

A model without a price is reserved at the dearest that there is. What no bound can be proved for is unknown: an answer without a cap, one whose cap is worth more than a record holds, input that the request only refers to (stored files and
conversations), tools that the provider runs and bills by itself.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache

import msgspec

from floorline.gateway.accounting import FREE_ENDPOINTS, priced_as
from floorline.gateway.policy import Target
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import UnderWay
from floorline.guardrails.frame import Amounts, Facts, Verdict
from floorline.ledger.rows import PICO_MAX
from floorline.pricing.book import PriceBook
from floorline.pricing.bound import most_pico
from floorline.pricing.ceiling import ceiling
from floorline.pricing.version import PriceVersion, Unpriced

IMAGE_TOKENS_MAX = 50_000
"""What one image is billed at most, whatever its bytes: gpt-4o-mini's are, at 33 times the tokens of gpt-4o's."""

TOOLS_TOKENS = 2_000
"""What providers add to a prompt that has tools: Anthropic's instructions for them are the longest, below this."""

_ANSWERLESS = frozenset({"embeddings", "embedContent", "rerank", *FREE_ENDPOINTS})
_BEYOND = frozenset(
    {
        "previous_response_id", "conversation", "container", "mcp_servers", "web_search_options", "search_parameters", "plugins",
    }
)  # fmt: skip
"""Members of a request that bring in what the provider keeps, or have it run what it bills by itself."""

_TYPED = frozenset({"openai", "anthropic"})
"""Dialects in which whatever is not plain text says its `type`."""

_REFERENCES = (b'"file', b'"input_file"', b'"cached', b'"document"', b'"s3Location"')
"""Inside of a request: files, documents and cached prompts that are only referred to, or of whose bytes pages are made."""

_RUN_BY_PROVIDERS = (
    b'"web_search', b'"file_search', b'"code_interpreter', b'"code_execution', b'"codeExecution', b'"google_search',
    b'"googleSearch', b'"url_context', b'"urlContext', b'"mcp', b'"image_generation', b'"web_fetch',
)  # fmt: skip
_CAPS: Mapping[str, tuple[str, ...]] = {
    "chat.completions": ("max_completion_tokens", "max_tokens"),
    "completions": ("max_tokens",),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens",),
}
_ESCAPED = re.compile(rb"\\u00(?:[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff])")
_CANDIDATES = re.compile(rb'"candidate_?[cC]ount"\s*:\s*(\d{1,9})')
_count = msgspec.json.Decoder(int | None)
_NO_TIER: Mapping[str, str] = {}
_list = msgspec.json.Decoder(list[msgspec.Raw])


def worst_case(
    call: UnderWay, facts: Facts, verdict: Verdict, targets: Sequence[Target], snapshot: Snapshot
) -> Amounts:
    """What one attempt at the dearest of `targets` uses at most."""
    if not facts.priced or facts.endpoint in FREE_ENDPOINTS:
        return Amounts()
    sizes = _sizes(call, facts, verdict)
    if sizes is None:
        return Amounts(pico=None, tokens=None)
    dearest = 0
    for target in targets:
        pico = _most_pico(call, target, sizes, snapshot)
        if pico is None or pico > PICO_MAX:
            return Amounts(pico=None, tokens=sum(sizes))
        dearest = max(dearest, pico)
    return Amounts(pico=dearest, tokens=sum(sizes))


def _most_pico(call: UnderWay, target: Target, sizes: tuple[int, int], snapshot: Snapshot) -> int | None:
    provider, book = snapshot.policy.providers[target.provider], snapshot.prices.book
    tier = call.view.held.get("service_tier")
    context = _NO_TIER if tier is None else {"service_tier": bytes(tier).strip(b'"').decode(errors="replace")}
    version = book.resolve(priced_as(provider), target.model or call.model, call.opened_at, context)
    return most_pico(_dearest(book, call.opened_at.date()) if isinstance(version, Unpriced) else version, *sizes)


@lru_cache(maxsize=4)
def _dearest(book: PriceBook, day: date) -> PriceVersion:
    """What a model without a price is reserved at: the dearest that any maker lists."""
    return ceiling(book, datetime.combine(day, time(), UTC))


def _sizes(call: UnderWay, facts: Facts, verdict: Verdict) -> tuple[int, int] | None:
    """Tokens of input and output at most. A long body is searched as seldom as can be."""
    body, held, route = call.request.body, call.view.held, call.route
    stored_prompt = route.endpoint == "responses" and "prompt" in held
    if route.action != "call" or stored_prompt or not _BEYOND.isdisjoint(held) or _hides_names(body):
        return None
    input_tokens = facts.input_bound
    if route.dialect not in _TYPED or b'"type"' in body:
        if any(map(body.__contains__, _REFERENCES)):
            return None
        input_tokens += (body.count(b'"image') + body.count(b'"input_image')) * IMAGE_TOKENS_MAX
    if "tools" in held or "toolConfig" in held:
        if any(map(body.__contains__, _RUN_BY_PROVIDERS)):
            return None
        input_tokens += TOOLS_TOKENS
    if facts.endpoint in _ANSWERLESS:
        return input_tokens, 0
    cap = _cap(call, facts) if verdict.output_cap is None else verdict.output_cap
    return None if cap is None or cap < 1 else (input_tokens, cap * _answers(call))


def _cap(call: UnderWay, facts: Facts) -> int | None:
    """The cap that the endpoint goes by, the highest where several could be meant: another endpoint's name for it caps nothing."""
    names = _CAPS.get(facts.endpoint)
    if names is None:
        return facts.output_cap
    held, most = call.view.held, None
    for name in names:
        cap = _count.decode(held[name]) if name in held else None
        if cap is not None:
            most = cap if most is None else max(most, cap)
    return most


def _hides_names(body: bytes) -> bool:
    """Whether a letter is written as an escape, which no encoder does: a member's name could be hidden so."""
    return b"\\u00" in body and _ESCAPED.search(body) is not None


def _answers(call: UnderWay) -> int:
    """How many answers the request asks for at once."""
    held = call.view.held
    if call.route.dialect == "gemini":
        found = _CANDIDATES.search(call.request.body)
        return max(int(found[1]), 1) if found is not None else 1
    if "n" not in held and "best_of" not in held and call.route.endpoint != "completions":
        return 1
    each = max([_whole(held[name]) for name in ("n", "best_of") if name in held], default=1)
    prompt = held.get("prompt") if call.route.endpoint == "completions" else None
    several = prompt is not None and bytes(memoryview(prompt)[:1]) == b"["
    return each * (max(len(_list.decode(prompt)), 1) if several and prompt is not None else 1)


def _whole(raw: msgspec.Raw) -> int:
    try:
        return max(_count.decode(raw) or 1, 1)
    except msgspec.DecodeError:
        return 1  # the provider refuses it
