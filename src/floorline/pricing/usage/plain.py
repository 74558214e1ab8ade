"""The plainest answer, which is also the commonest: a whole chat completion of text, read in one step.

Whatever has a member that is not listed here goes the general way (`answer.extract`), which gives the same for these: the
tests compare the two on every recorded answer and on drawn ones.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

import msgspec

from floorline.events import Usage
from floorline.pricing.usage.extraction import Extraction
from floorline.pricing.usage.openai import BESIDE
from floorline.pricing.usage.part import context_of
from floorline.pricing.usage.tally import MAX_TOKENS, NOTHING

_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]
_None = Annotated[int, msgspec.Meta(ge=0, le=0)]
"""A modality that is billed apart: such an answer is not plain unless there is none of it."""

_ONE_REQUEST = {"requests": Decimal(1)}


class _Prompt(msgspec.Struct, forbid_unknown_fields=True):
    cached_tokens: _Count | msgspec.UnsetType = msgspec.UNSET
    audio_tokens: _None | None = None


class _Completion(msgspec.Struct, forbid_unknown_fields=True):
    reasoning_tokens: _Count | msgspec.UnsetType = msgspec.UNSET
    audio_tokens: _None | None = None
    accepted_prediction_tokens: _Count | None = None
    rejected_prediction_tokens: _Count | None = None


class _Usage(msgspec.Struct, forbid_unknown_fields=True):
    prompt_tokens: _Count
    completion_tokens: _Count
    total_tokens: _Count
    prompt_tokens_details: _Prompt | None = None
    completion_tokens_details: _Completion | None = None


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    usage: _Usage
    id: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()
    created: msgspec.Raw = msgspec.Raw()
    choices: msgspec.Raw = msgspec.Raw()
    system_fingerprint: msgspec.Raw = msgspec.Raw()
    service_tier: str | None = None


_answer = msgspec.json.Decoder(_Answer)


def plain_chat(provider: str, endpoint: str, document: bytes) -> Extraction | None:
    """What a plain chat completion reports; None when it is not plain, or when its figures contradict each other."""
    if endpoint != "chat.completions" or provider in BESIDE:
        return None
    try:
        seen = _answer.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    usage, buckets = seen.usage, dict[str, int]()
    cached = _given(usage, buckets)
    reasoning = _made(usage, buckets)
    if cached > usage.prompt_tokens or reasoning > usage.completion_tokens:
        return None
    tier, context = _context(seen.service_tier or "")
    read = Usage(
        buckets=buckets,
        counts=_ONE_REQUEST,
        model=seen.model,
        service_tier=tier,
        context=context,
        provider_total=usage.total_tokens,
    )
    right = usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return Extraction(status="ok", usage=read, checksum_ok=right)


@lru_cache(maxsize=64)
def _context(tier: str) -> tuple[str, Mapping[str, str]]:
    return context_of(tier, NOTHING, batch=False)


def _given(usage: _Usage, buckets: dict[str, int]) -> int:
    """Fill in the buckets of the prompt; how many of its tokens were cached."""
    details, cached = usage.prompt_tokens_details, None
    if details is not None and details.cached_tokens is not msgspec.UNSET:
        cached = details.cached_tokens
    buckets["input"] = usage.prompt_tokens - (cached or 0)
    if details is not None and details.audio_tokens is not None:
        buckets["input_audio"] = 0
    if cached is not None:
        buckets["cache_read"] = cached
    return cached or 0


def _made(usage: _Usage, buckets: dict[str, int]) -> int:
    """Fill in the buckets of the completion; how many of its tokens were reasoning."""
    details, reasoning = usage.completion_tokens_details, None
    if details is not None and details.reasoning_tokens is not msgspec.UNSET:
        reasoning = details.reasoning_tokens
    buckets["output"] = usage.completion_tokens - (reasoning or 0)
    if reasoning is not None:
        buckets["reasoning"] = reasoning
    if details is not None and details.audio_tokens is not None:
        buckets["output_audio"] = 0
    return reasoning or 0
