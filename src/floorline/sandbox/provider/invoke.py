"""Bedrock's invoke and invoke-with-response-stream: the body is the model's own, so its family decides."""

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from floorline.pricing.usage.tally import text
from floorline.sandbox.provider import anthropic
from floorline.sandbox.provider.answer import Answer, answer, buckets, deltas
from floorline.sandbox.provider.bedrock import EVENTS, LATENCY_MS, converse, converse_usage, headers_of
from floorline.sandbox.provider.errors import failure
from floorline.sandbox.provider.events import encode, message, padded
from floorline.sandbox.provider.message import Asked, Headers, Refused, Said
from floorline.sandbox.provider.prompt import Caching, Prompt
from floorline.sandbox.provider.reading import named, whole_number
from floorline.sandbox.provider.wish import Wish
from floorline.sandbox.provider.words import numbers, vector

Payloads = Iterable[dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The words of one family of models: its request, its whole answer, the events of its stream."""

    read: Callable[[Asked, str], Wish]
    whole: Callable[[Wish, Answer, Caching], dict[str, object]]
    events: Callable[[Wish, Answer, Caching], Payloads]
    reasoning: bool = False


def invoke(asked: Asked, model: str, *, stream: bool = False) -> Wish:
    """A request of invoke or invoke-with-response-stream."""
    return replace(_family(model).read(asked, model), stream=stream)


def say_invoke(asked: Asked, wish: Wish) -> Said:
    """The answer in the words of the model's family. A whole one states its tokens in headers too, a stream ends with
    `amazon-bedrock-invocationMetrics`.
    """
    family = _family(wish.model)
    found = answer(wish)
    caching = wish.prompt.marked_caching(wish.controls.cached_tokens)
    if wish.stream:
        kind, stated = EVENTS, (("x-amzn-bedrock-content-type", "application/json"),)
        parts = [
            _chunk(payload) for payload in _measured(list(family.events(wish, found, caching)), wish, found, caching)
        ]
    else:
        kind, stated = "application/json", _counts(wish, found, caching)
        parts = [encode(family.whole(wish, found, caching))]
    return Said(
        headers=(("content-type", kind), *headers_of(asked), *stated),
        parts=parts,
        streamed=wish.stream,
        failure=failure("bedrock"),
        usage=buckets(wish, found, caching, reasoning=family.reasoning),
        controls=wish.controls,
    )


def _counts(wish: Wish, found: Answer, caching: Caching) -> Headers:
    return (
        ("x-amzn-bedrock-input-token-count", str(wish.prompt.total - caching.total)),
        ("x-amzn-bedrock-output-token-count", str(found.output + found.reasoning)),
        ("x-amzn-bedrock-cache-read-input-token-count", str(caching.read)),
        ("x-amzn-bedrock-cache-write-input-token-count", str(caching.write_5m + caching.write_1h)),
        ("x-amzn-bedrock-invocation-latency", str(LATENCY_MS)),
    )


def _measured(payloads: list[dict[str, object]], wish: Wish, found: Answer, caching: Caching) -> Payloads:
    """The payloads, the last one with the call's metrics."""
    metrics = {
        "inputTokenCount": wish.prompt.total - caching.total,
        "outputTokenCount": found.output + found.reasoning,
        "cacheReadInputTokenCount": caching.read,
        "cacheWriteInputTokenCount": caching.write_5m + caching.write_1h,
        "invocationLatency": LATENCY_MS,
        "firstByteLatency": LATENCY_MS,
    }
    return [*payloads[:-1], {**payloads[-1], "amazon-bedrock-invocationMetrics": metrics}]


def _chunk(payload: dict[str, object]) -> bytes:
    return message("chunk", padded({"bytes": base64.b64encode(encode(payload)).decode()}))


def _told(asked: Asked, model: str, *names: str, cap: tuple[str, ...] = ()) -> Wish:
    """A request that is one text under the first of `names`."""
    body = asked.json()
    name, controls = named(asked, model)
    told = next((text(body.get(member)) for member in names if body.get(member)), "")
    if not told:
        raise Refused(f"{names[0]} must be text")
    prompt = Prompt()
    prompt.say(told)
    return Wish(model=name, controls=controls, prompt=prompt, cap=whole_number(body, *cap) if cap else None)


def _nova_whole(wish: Wish, found: Answer, caching: Caching) -> dict[str, object]:
    output = {"message": {"content": [{"text": found.text}], "role": "assistant"}}
    return {"output": output, "stopReason": _ending(found), "usage": converse_usage(wish, found, caching)}


def _nova_events(wish: Wish, found: Answer, caching: Caching) -> Payloads:
    yield {"messageStart": {"role": "assistant"}}
    for piece in deltas(found.text, wish.controls):
        yield {"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}}
    yield {"contentBlockStop": {"contentBlockIndex": 0}}
    yield {"messageStop": {"stopReason": _ending(found)}}
    yield {"metadata": {"usage": converse_usage(wish, found, caching), "metrics": {}}}


def _llama_read(asked: Asked, model: str) -> Wish:
    return _told(asked, model, "prompt", cap=("max_gen_len",))


def _llama_whole(wish: Wish, found: Answer, caching: Caching) -> dict[str, object]:
    del caching
    return {
        "generation": found.text,
        "prompt_token_count": wish.prompt.total,
        "generation_token_count": found.output,
        "stop_reason": "length" if found.cut else "stop",
    }


def _llama_events(wish: Wish, found: Answer, caching: Caching) -> Payloads:
    said = deltas(found.text, wish.controls) or [""]
    for place, piece in enumerate(said, 1):
        yield {
            **_llama_whole(wish, found, caching),
            "generation": piece,
            "prompt_token_count": wish.prompt.total if place == 1 else None,
            "generation_token_count": found.output * place // len(said),
            "stop_reason": ("length" if found.cut else "stop") if place == len(said) else None,
        }


def _mistral_read(asked: Asked, model: str) -> Wish:
    return _told(asked, model, "prompt", "inputText", "message", cap=("max_tokens",))


def _mistral_whole(wish: Wish, found: Answer, caching: Caching) -> dict[str, object]:
    del wish, caching
    return {"outputs": [{"text": found.text, "stop_reason": "length" if found.cut else "stop"}]}


def _mistral_events(wish: Wish, found: Answer, caching: Caching) -> Payloads:
    del caching
    for piece in deltas(found.text, wish.controls):
        yield {"outputs": [{"text": piece, "stop_reason": None}]}
    yield {"outputs": [{"text": "", "stop_reason": "length" if found.cut else "stop"}]}


def _titan_read(asked: Asked, model: str) -> Wish:
    return replace(_told(asked, model, "inputText"), cap=0)


def _titan_whole(wish: Wish, found: Answer, caching: Caching) -> dict[str, object]:
    del found, caching
    return {"embedding": numbers(vector(wish.seed, 1024)), "inputTextTokenCount": wish.prompt.total}


def _titan_events(wish: Wish, found: Answer, caching: Caching) -> Payloads:
    del wish, found, caching
    raise Refused("the model is unsupported for streaming")


def _ending(found: Answer) -> str:
    return "max_tokens" if found.cut else "end_turn"


_FAMILIES: tuple[tuple[re.Pattern[str], Family], ...] = (
    (
        re.compile(r"anthropic\."),
        Family(
            read=lambda asked, model: anthropic.messages(asked, model, stream=False),
            whole=anthropic.message_body,
            events=anthropic.message_events,
            reasoning=True,
        ),
    ),
    (re.compile(r"amazon\.nova"), Family(read=converse, whole=_nova_whole, events=_nova_events)),
    (re.compile(r"meta\.llama"), Family(read=_llama_read, whole=_llama_whole, events=_llama_events)),
    (re.compile(r"amazon\.titan-embed"), Family(read=_titan_read, whole=_titan_whole, events=_titan_events)),
    (re.compile(r""), Family(read=_mistral_read, whole=_mistral_whole, events=_mistral_events)),
)


def _family(model: str) -> Family:
    """The family of a model's id, behind the name of a region or an account. Others speak as Mistral's do."""
    return next(family for pattern, family in _FAMILIES if pattern.search(model))
