"""OpenAI's chat completions and completions, and the same at Azure."""

import re

from floorline.pricing.usage.tally import Fields, fields, items, text
from floorline.sandbox.provider.answer import CREATED, Answer, answer, buckets, deltas
from floorline.sandbox.provider.errors import failure
from floorline.sandbox.provider.events import DONE, data, encode
from floorline.sandbox.provider.message import Asked, Headers, Said
from floorline.sandbox.provider.prompt import Caching, Prompt
from floorline.sandbox.provider.reading import (
    chosen,
    flag,
    how_many,
    inputs,
    listed,
    named,
    role_of,
    wants_usage,
    whole_number,
)
from floorline.sandbox.provider.wish import EFFORTS, Tool, Wish

_DATED = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "gpt-5-nano": "gpt-5-nano-2025-08-07",
    "o3": "o3-2025-04-16",
    "o4-mini": "o4-mini-2025-04-16",
}
_THINKS = re.compile(r"(?:.*/)?(?:o[134](?:$|-)|gpt-5|gpt-6|deepseek-reasoner)")
_SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}


def headers_of(asked: Asked) -> Headers:
    """The headers that come with an answer of OpenAI."""
    return (
        ("openai-processing-ms", "12"),
        ("openai-version", "2020-10-01"),
        ("x-request-id", f"req_{asked.number:032x}"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-limit-tokens", "30000000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-remaining-tokens", "29999711"),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", "0s"),
    )


def served(model: str) -> str:
    """The dated name under which OpenAI answers for `model`."""
    return _DATED.get(model, model)


def effort(model: str, stated: object) -> int:
    """How hard `model` thinks; 0 for a model that does not."""
    if not _THINKS.match(model):
        return 0
    return EFFORTS.get(text(stated) or "medium", EFFORTS["medium"])


def content(prompt: Prompt, said: object) -> None:
    """Take in a message's content: text, or parts of chat completions or of responses."""
    if isinstance(said, str):
        prompt.say(said)
        return
    for part in items(said):
        kind = text(part.get("type"))
        if kind in ("text", "input_text", "output_text"):
            prompt.say(text(part.get("text")))
        elif kind in ("image_url", "input_image", "file", "input_file"):
            prompt.show(part)
        elif kind == "input_audio":
            prompt.play(part)
        else:
            prompt.say_json(part)


def functions(tools: list[Fields]) -> list[Tool]:
    """The functions that a request describes, as chat completions or as responses do."""
    found = [fields(tool.get("function")) or tool for tool in tools if text(tool.get("type")) in ("", "function")]
    return [Tool(name=text(tool.get("name")), schema=fields(tool.get("parameters"))) for tool in found]


def required(tools: list[Tool], choice: object) -> Tool | None:
    """The function that must be called, if any."""
    if isinstance(choice, dict):
        named_ = fields(choice)  # pyright: ignore[reportUnknownArgumentType] - JSON that nobody checked
        return chosen(tools, text(fields(named_.get("function")).get("name")) or text(named_.get("name")))
    return chosen(tools, "") if choice == "required" else None


def shape(stated: Fields) -> Fields | None:
    """The schema that `response_format`, or `text.format` of responses, demands of the answer."""
    match text(stated.get("type")):
        case "json_object":
            return {"type": "object", "properties": {"answer": {"type": "string"}}}
        case "json_schema":
            return fields((fields(stated.get("json_schema")) or stated).get("schema"))
        case _:
            return None


def chat(asked: Asked, model: str = "") -> Wish:
    """A request of chat completions; `model` when the path names it."""
    body = asked.json()
    name, controls = named(asked, model or body.get("model"))
    messages = listed(body, "messages")
    prompt = Prompt()
    tools = items(body.get("tools"))
    prompt.say_json(tools)
    for message in messages:
        prompt.turn(role_of(message))
        content(prompt, message.get("content"))
        prompt.say_json(message.get("tool_calls"))
    return Wish(
        model=name,
        controls=controls,
        prompt=prompt,
        body=body,
        stream=flag(body, "stream"),
        cap=whole_number(body, "max_completion_tokens", "max_tokens"),
        effort=effort(name, body.get("reasoning_effort")),
        tool=required(functions(tools), body.get("tool_choice")),
        schema=shape(fields(body.get("response_format"))),
        choices=how_many(body),
    )


def say_chat(asked: Asked, wish: Wish) -> Said:
    """The answer of chat completions."""
    found = answer(wish)
    caching = wish.prompt.repeated_caching(wish.controls.cached_tokens)
    usage = _usage(wish, found, caching)
    azure = "/deployments/" in asked.path
    base: dict[str, object] = {
        "id": f"chatcmpl-{found.id}",
        "object": "chat.completion.chunk" if wish.stream else "chat.completion",
        "created": CREATED,
        "model": served(wish.model),
        "service_tier": "default",
        "system_fingerprint": f"fp_{found.id[:10]}",
    }
    if wish.stream:
        wanted = wants_usage(wish.body)
        parts = _chunks(wish, found, base, usage if wanted else None, azure=azure)
        kind = "text/event-stream; charset=utf-8"
    else:
        extra: dict[str, object] = {}
        if azure:
            extra = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}]}
        body = {**base, "choices": _choices(wish, found, azure=azure), "usage": usage, **extra}
        parts, wanted, kind = [encode(body)], True, "application/json"
    return Said(
        headers=(("content-type", kind), *headers_of(asked)),
        parts=parts,
        streamed=wish.stream,
        failure=failure("openai"),
        usage=buckets(wish, found, caching) if wanted else {},
        controls=wish.controls,
    )


def _usage(wish: Wish, found: Answer, caching: Caching) -> dict[str, object]:
    """`usage` of chat completions: cached tokens are inside the prompt, thought is inside the completion."""
    made = found.output + found.reasoning
    return {
        "prompt_tokens": wish.prompt.total,
        "completion_tokens": made,
        "total_tokens": wish.prompt.total + made,
        "prompt_tokens_details": {"cached_tokens": caching.read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": found.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _ending(found: Answer) -> str:
    return "tool_calls" if found.tool else "length" if found.cut else "stop"


def _call(found: Answer) -> dict[str, object]:
    assert found.tool is not None, "an answer that calls a tool has one"
    function = {"name": found.tool.name, "arguments": found.arguments}
    return {"id": f"call_{found.id[:24]}", "type": "function", "function": function}


def _choices(wish: Wish, found: Answer, *, azure: bool) -> list[object]:
    """The choices of a whole answer."""
    filters: dict[str, object] = {"content_filter_results": _SAFE} if azure else {}
    if found.tool is not None:
        said: list[dict[str, object]] = [{"content": None, "tool_calls": [_call(found)]}] * wish.choices
    else:
        said = [{"content": told} for told in found.texts]
    return [
        {
            "index": place,
            "message": {"role": "assistant", **message, "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": _ending(found),
            **filters,
        }
        for place, message in enumerate(said)
    ]


def _chunks(
    wish: Wish, found: Answer, base: dict[str, object], usage: dict[str, object] | None, *, azure: bool
) -> list[bytes]:
    """The stream: for each choice its role, its pieces, its end; then the usage when it was asked for, and `[DONE]`."""
    silent: dict[str, object] = {} if usage is None else {"usage": None}

    def chunk(choice: int, delta: dict[str, object], ending: str | None = None) -> bytes:
        told = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": ending}
        return data({**base, "choices": [told], **silent})

    parts: list[bytes] = []
    if azure:
        filters = [{"prompt_index": 0, "content_filter_results": _SAFE}]
        parts.append(data({**base, "id": "", "model": "", "choices": [], "prompt_filter_results": filters}))
    if found.tool is not None:
        call = {"index": 0, **_call(found), "function": {"name": found.tool.name, "arguments": ""}}
        parts.append(chunk(0, {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}))
        parts += [
            chunk(0, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            for piece in deltas(found.arguments, wish.controls)
        ]
        parts.append(chunk(0, {}, _ending(found)))
    for place, told in enumerate(found.texts):
        parts.append(chunk(place, {"role": "assistant", "content": "", "refusal": None}))
        parts += [chunk(place, {"content": piece}) for piece in deltas(told, wish.controls)]
        parts.append(chunk(place, {}, _ending(found)))
    if usage is not None:
        parts.append(data({**base, "choices": [], "usage": usage}))
    return [*parts, DONE]


def completions(asked: Asked, model: str = "") -> Wish:
    """A request of the old completions."""
    body = asked.json()
    name, controls = named(asked, model or body.get("model"))
    prompt = Prompt()
    told = inputs(body, "prompt")
    for said in told:
        prompt.say(said)
    return Wish(
        model=name,
        controls=controls,
        prompt=prompt,
        body=body,
        stream=flag(body, "stream"),
        cap=whole_number(body, "max_tokens") or 16,
        choices=len(told) * how_many(body),
    )


def say_completions(asked: Asked, wish: Wish) -> Said:
    """The answer of the old completions."""
    found = answer(wish)
    total = wish.prompt.total
    usage = {"prompt_tokens": total, "completion_tokens": found.output, "total_tokens": total + found.output}
    base = {"id": f"cmpl-{found.id}", "object": "text_completion", "created": CREATED, "model": wish.model}

    def choice(place: int, told: str, ending: str | None) -> dict[str, object]:
        return {"text": told, "index": place, "logprobs": None, "finish_reason": ending}

    wanted = True
    if wish.stream:
        wanted = wants_usage(wish.body)
        parts = [
            data({**base, "choices": [choice(place, piece, None)]})
            for place, told in enumerate(found.texts)
            for piece in deltas(told, wish.controls)
        ]
        parts += [data({**base, "choices": [choice(n, "", _ending(found))]}) for n in range(wish.choices)]
        parts += [data({**base, "choices": [], "usage": usage})] if wanted else []
        parts.append(DONE)
        kind = "text/event-stream; charset=utf-8"
    else:
        choices = [choice(place, told, _ending(found)) for place, told in enumerate(found.texts)]
        parts, kind = [encode({**base, "choices": choices, "usage": usage})], "application/json"
    return Said(
        headers=(("content-type", kind), *headers_of(asked)),
        parts=parts,
        streamed=wish.stream,
        failure=failure("openai"),
        usage=buckets(wish, found, Caching()) if wanted else {},
        controls=wish.controls,
    )
