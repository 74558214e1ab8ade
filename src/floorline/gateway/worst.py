"""The provable worst case of one attempt, which is what a budget reserves: bytes bound tokens, the cap bounds the answer.

What no bound can be proved for is unknown: an answer without a cap, input that the request only refers to (stored files and
conversations), tools that the provider runs and bills by itself.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from floorline.gateway.accounting import FREE_ENDPOINTS, Prices, priced_as
from floorline.gateway.policy import Target
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import UnderWay
from floorline.guardrails.frame import Amounts, Facts, Verdict
from floorline.money import ZERO
from floorline.pricing.bound import most
from floorline.pricing.version import PriceVersion

IMAGE_TOKENS_MAX = 50_000
"""What one image is billed at most, whatever its bytes: gpt-4o-mini's are, at 33 times the tokens of gpt-4o's."""

TOOLS_TOKENS = 2_000
"""What providers add to a prompt that has tools: Anthropic's instructions for them are the longest, below this."""

_ANSWERLESS = frozenset({"embeddings", "embedContent", "rerank", *FREE_ENDPOINTS})
_REFERENCES = (
    b'"previous_response_id"', b'"conversation"', b'"file_id"', b'"file_data"', b'"file_url"', b'"fileUri"', b'"file_uri"',
    b'"cachedContent"', b'"cached_content"', b'"document"', b'"s3Location"', b'"input_file"', b'"prompt_id"',
)  # fmt: skip
_RUN_BY_PROVIDERS = (
    b'"web_search', b'"file_search', b'"code_interpreter', b'"code_execution', b'"codeExecution', b'"google_search',
    b'"googleSearch', b'"url_context', b'"urlContext', b'"mcp', b'"image_generation', b'"web_fetch',
)  # fmt: skip
_CANDIDATES = re.compile(rb'"candidate_?[cC]ount"\s*:\s*(\d{1,9})')
_count = msgspec.json.Decoder(int | None)
_list = msgspec.json.Decoder(list[msgspec.Raw])


def worst_case(
    call: UnderWay, facts: Facts, verdict: Verdict, targets: Sequence[Target], snapshot: Snapshot
) -> Amounts:
    """What one attempt at the dearest of `targets` uses at most."""
    if not facts.priced or facts.endpoint in FREE_ENDPOINTS:
        return Amounts()
    sizes = _sizes(call, facts, verdict)
    if sizes is None:
        return Amounts(usd=None, tokens=None)
    dearest = ZERO
    for target in targets:
        cost = _most(call, target, sizes, snapshot)
        if cost is None:
            return Amounts(usd=None, tokens=sum(sizes))
        dearest = max(dearest, cost)
    return Amounts(usd=dearest, tokens=sum(sizes))


def _most(call: UnderWay, target: Target, sizes: tuple[int, int], snapshot: Snapshot) -> Decimal | None:
    provider, prices = snapshot.policy.providers[target.provider], snapshot.prices
    version = _version(call, prices, priced_as(provider), target.model or call.model)
    return None if version is None else most(version, *sizes)


def _version(call: UnderWay, prices: Prices, provider: str, model: str) -> PriceVersion | None:
    tier = call.view.held.get("service_tier")
    context = {} if tier is None else {"service_tier": bytes(tier).strip(b'"').decode(errors="replace")}
    found = prices.book.resolve(provider, model, call.opened_at, context)
    return found if isinstance(found, PriceVersion) else None


def _sizes(call: UnderWay, facts: Facts, verdict: Verdict) -> tuple[int, int] | None:
    """Tokens of input and output at most."""
    body = call.request.body
    if call.route.action != "call" or any(marker in body for marker in _REFERENCES):
        return None
    input_tokens = facts.input_bound + body.count(b"image") * IMAGE_TOKENS_MAX
    if b'"tools"' in body or b'"toolConfig"' in body:
        if any(marker in body for marker in _RUN_BY_PROVIDERS):
            return None
        input_tokens += TOOLS_TOKENS
    if facts.endpoint in _ANSWERLESS:
        return input_tokens, 0
    cap = facts.output_cap if verdict.output_cap is None else verdict.output_cap
    return None if cap is None else (input_tokens, cap * _answers(call))


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
