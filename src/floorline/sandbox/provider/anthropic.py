"""Anthropic's messages and count_tokens, at Anthropic and under Bedrock's invoke and Vertex's rawPredict."""

from collections.abc import Iterator

from floorline.pricing.usage.tally import Fields, fields, items, text
from floorline.sandbox.provider.answer import Answer, answer, buckets, deltas, thought
from floorline.sandbox.provider.errors import failure
from floorline.sandbox.provider.events import encode
from floorline.sandbox.provider.events import named as event
from floorline.sandbox.provider.message import Asked, Headers, Refused, Said
from floorline.sandbox.provider.prompt import Caching, Prompt
from floorline.sandbox.provider.reading import chosen, flag, listed, named, role_of, whole_number
from floorline.sandbox.provider.schema import sample
from floorline.sandbox.provider.wish import EFFORTS, Tool, Wish

_PER_DELTA = 6
_RESET = "2026-01-01T00:00:00Z"


def headers_of(asked: Asked) -> Headers:
    """The headers that come with an answer of Anthropic."""
    limits = (("requests", 4_000), ("tokens", 480_000), ("input-tokens", 400_000), ("output-tokens", 80_000))
    stated: Headers = ()
    for name, limit in limits:
        stated += (
            (f"anthropic-ratelimit-{name}-limit", str(limit)),
            (f"anthropic-ratelimit-{name}-remaining", str(limit - 1)),
            (f"anthropic-ratelimit-{name}-reset", _RESET),
        )
    return (("request-id", f"req_{asked.number:024d}"), *stated)


def messages(asked: Asked, model: str = "", *, stream: bool | None = None) -> Wish:
    """A request of messages; `model` and `stream` when the path names them."""
    body = asked.json()
    name, controls = named(asked, model or body.get("model"))
    tools = items(body.get("tools"))
    cap = whole_number(body, "max_tokens")
    if cap is None:
        raise Refused("max_tokens: Field required")
    return Wish(
        model=name,
        controls=controls,
        prompt=_prompt(body, tools),
        stream=flag(body, "stream") if stream is None else stream,
        cap=cap,
        effort=_effort(body),
        tool=_required(tools, fields(body.get("tool_choice"))),
        schema=_schema(body),
    )


def count_tokens(asked: Asked, model: str = "") -> Wish:
    """A request to count a prompt's tokens."""
    body = asked.json()
    name, controls = named(asked, model or body.get("model"))
    return Wish(model=name, controls=controls, prompt=_prompt(body, items(body.get("tools"))))


def _prompt(body: Fields, tools: list[Fields]) -> Prompt:
    """Tools, system, messages: the order in which the cache sees them."""
    prompt = Prompt()
    for tool in tools:
        prompt.say_json({key: value for key, value in tool.items() if key != "cache_control"})
        prompt.mark(tool.get("cache_control"))
    _content(prompt, body.get("system"))
    for message in listed(body, "messages"):
        role = role_of(message)
        if role not in ("user", "assistant"):
            raise Refused(f"messages: role {role!r} is not user or assistant: use system at the top level")
        prompt.turn(role)
        _content(prompt, message.get("content"))
    return prompt


def _content(prompt: Prompt, said: object) -> None:
    if isinstance(said, str):
        prompt.say(said)
        return
    for block in items(said):
        kind = text(block.get("type"))
        if kind == "text":
            prompt.say(text(block.get("text")))
        elif kind in ("image", "document"):
            prompt.show(block.get("source"))
        elif kind == "tool_result":
            _content(prompt, block.get("content"))
        else:
            prompt.say_json({key: value for key, value in block.items() if key != "cache_control"})
        prompt.mark(block.get("cache_control"))


def _effort(body: Fields) -> int:
    """Thinking must be asked for; `output_config.effort` says how hard, else it is medium."""
    if text(fields(body.get("thinking")).get("type")) not in ("enabled", "adaptive"):
        return 0
    return EFFORTS.get(text(fields(body.get("output_config")).get("effort")) or "medium", EFFORTS["medium"])


def _required(tools: list[Fields], choice: Fields) -> Tool | None:
    found = [
        Tool(name=text(tool.get("name")), schema=fields(tool.get("input_schema")))
        for tool in tools
        if text(tool.get("type")) in ("", "custom")
    ]
    match text(choice.get("type")):
        case "any":
            return chosen(found, "")
        case "tool":
            return chosen(found, text(choice.get("name")))
        case _:
            return None


def _schema(body: Fields) -> Fields | None:
    stated = fields(fields(body.get("output_config")).get("format")) or fields(body.get("output_format"))
    return fields(stated.get("schema")) if text(stated.get("type")) == "json_schema" else None


def say_messages(asked: Asked, wish: Wish) -> Said:
    """The answer of messages, whole or as its events."""
    found = answer(wish)
    caching = wish.prompt.marked_caching(wish.controls.cached_tokens)
    if wish.stream:
        parts = [event(text(payload.get("type")), payload) for payload in message_events(wish, found, caching)]
        kind = "text/event-stream; charset=utf-8"
    else:
        parts, kind = [encode(message_body(wish, found, caching))], "application/json"
    return Said(
        headers=(("content-type", kind), *headers_of(asked)),
        parts=parts,
        streamed=wish.stream,
        failure=failure("anthropic"),
        usage=buckets(wish, found, caching),
        controls=wish.controls,
    )


def say_count(asked: Asked, wish: Wish) -> Said:
    """The answer of count_tokens, which is no call: it used nothing."""
    return Said(
        headers=(("content-type", "application/json"), *headers_of(asked)),
        parts=[encode({"input_tokens": wish.prompt.total})],
        controls=wish.controls,
    )


def _usage(wish: Wish, found: Answer, caching: Caching, *, finished: bool = True) -> dict[str, object]:
    """`usage` of messages: cached tokens stand beside the input, thinking is inside the output."""
    stated: dict[str, object] = {
        "input_tokens": wish.prompt.total - caching.total,
        "cache_creation_input_tokens": caching.write_5m + caching.write_1h,
        "cache_read_input_tokens": caching.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": caching.write_5m,
            "ephemeral_1h_input_tokens": caching.write_1h,
        },
        "output_tokens": found.output + found.reasoning if finished else 1,
        "service_tier": "standard",
    }
    if found.reasoning and finished:
        stated["output_tokens_details"] = {"thinking_tokens": found.reasoning}
    return stated


def _blocks(wish: Wish, found: Answer) -> list[dict[str, object]]:
    """The content of a whole answer."""
    blocks: list[dict[str, object]] = []
    if found.reasoning:
        blocks.append({"type": "thinking", "thinking": thought(wish, found), "signature": _signature(found)})
    if found.tool is not None:
        blocks.append(
            {"type": "tool_use", "id": _tool_id(found), "name": found.tool.name, "input": sample(found.tool.schema)}
        )
    else:
        blocks.append({"type": "text", "text": found.text})
    return blocks


def message_body(wish: Wish, found: Answer, caching: Caching) -> dict[str, object]:
    """A whole message."""
    return {
        "id": f"msg_{found.id[:24]}",
        "type": "message",
        "role": "assistant",
        "model": wish.model,
        "content": _blocks(wish, found),
        "stop_reason": _ending(found),
        "stop_sequence": None,
        "usage": _usage(wish, found, caching),
    }


def message_events(wish: Wish, found: Answer, caching: Caching) -> Iterator[dict[str, object]]:
    """The events of a streamed message. Usage is cumulative: the last one holds all of it."""
    begun: dict[str, object] = {
        **message_body(wish, found, caching),
        "content": [],
        "stop_reason": None,
        "usage": _usage(wish, found, caching, finished=False),
    }
    yield {"type": "message_start", "message": begun}
    index = 0
    if found.reasoning:
        yield from _thinking_events(wish, found)
        index = 1
    if found.tool is not None:
        block: dict[str, object] = {"type": "tool_use", "id": _tool_id(found), "name": found.tool.name, "input": {}}
        kind, member, told = "input_json_delta", "partial_json", found.arguments
    else:
        block = {"type": "text", "text": ""}
        kind, member, told = "text_delta", "text", found.text
    yield {"type": "content_block_start", "index": index, "content_block": block}
    yield {"type": "ping"}
    for piece in deltas(told, wish.controls, per=_PER_DELTA):
        yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: piece}}
    yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": _ending(found), "stop_sequence": None},
        "usage": _usage(wish, found, caching),
    }
    yield {"type": "message_stop"}


def _thinking_events(wish: Wish, found: Answer) -> Iterator[dict[str, object]]:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    for piece in deltas(thought(wish, found), wish.controls, per=_PER_DELTA):
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": piece}}
    signed = {"type": "signature_delta", "signature": _signature(found)}
    yield {"type": "content_block_delta", "index": 0, "delta": signed}
    yield {"type": "content_block_stop", "index": 0}


def _ending(found: Answer) -> str:
    return "tool_use" if found.tool else "max_tokens" if found.cut else "end_turn"


def _tool_id(found: Answer) -> str:
    return f"toolu_{found.id[:24]}"


def _signature(found: Answer) -> str:
    return f"sandbox{found.id}"
