"""Bedrock's converse and converse-stream."""

from collections.abc import Iterator

from floorline.pricing.usage.tally import Fields, fields, items, text
from floorline.sandbox.provider.answer import Answer, answer, buckets, deltas
from floorline.sandbox.provider.errors import failure
from floorline.sandbox.provider.events import encode, message, padded
from floorline.sandbox.provider.message import Asked, Headers, Said
from floorline.sandbox.provider.prompt import Caching, Prompt
from floorline.sandbox.provider.reading import chosen, listed, named, role_of, whole_number
from floorline.sandbox.provider.schema import sample
from floorline.sandbox.provider.wish import Tool, Wish

EVENTS = "application/vnd.amazon.eventstream"
LATENCY_MS = 12
_PER_DELTA = 2


def headers_of(asked: Asked) -> Headers:
    """The headers that come with an answer of Bedrock."""
    return (("x-amzn-requestid", f"00000000-0000-4000-8000-{asked.number:012x}"),)


def converse(asked: Asked, model: str, *, stream: bool = False) -> Wish:
    """A request of converse or converse-stream."""
    body = asked.json()
    name, controls = named(asked, model)
    tools = fields(body.get("toolConfig"))
    prompt = Prompt()
    _content(prompt, tools.get("tools"))
    _content(prompt, body.get("system"))
    for said in listed(body, "messages"):
        prompt.turn(role_of(said))
        _content(prompt, said.get("content"))
    return Wish(
        model=name,
        controls=controls,
        prompt=prompt,
        stream=stream,
        cap=whole_number(fields(body.get("inferenceConfig")), "maxTokens"),
        tool=_required(items(tools.get("tools")), fields(tools.get("toolChoice"))),
    )


def _content(prompt: Prompt, blocks: object) -> None:
    for block in items(blocks):
        if "text" in block:
            prompt.say(text(block.get("text")))
        elif "image" in block or "document" in block:
            prompt.show(block)
        elif "toolResult" in block:
            _content(prompt, fields(block.get("toolResult")).get("content"))
        elif "cachePoint" in block:
            prompt.mark(block.get("cachePoint"))
        else:
            prompt.say_json(block)


def _required(tools: list[Fields], choice: Fields) -> Tool | None:
    found = [
        Tool(name=text(spec.get("name")), schema=fields(fields(spec.get("inputSchema")).get("json")))
        for spec in (fields(tool.get("toolSpec")) for tool in tools)
        if spec
    ]
    if "tool" in choice:
        return chosen(found, text(fields(choice.get("tool")).get("name")))
    return chosen(found, "") if "any" in choice else None


def say_converse(asked: Asked, wish: Wish) -> Said:
    """The answer of converse, whole or as binary messages."""
    found = answer(wish)
    caching = wish.prompt.marked_caching(wish.controls.cached_tokens)
    usage = converse_usage(wish, found, caching)
    if wish.stream:
        parts = [message(name, padded(payload)) for name, payload in _events(wish, found, usage)]
        kind = EVENTS
    else:
        body = {
            "metrics": {"latencyMs": LATENCY_MS},
            "output": {"message": {"content": [_block(found)], "role": "assistant"}},
            "stopReason": _ending(found),
            "usage": usage,
        }
        parts, kind = [encode(body)], "application/json"
    return Said(
        headers=(("content-type", kind), *headers_of(asked)),
        parts=parts,
        streamed=wish.stream,
        failure=failure("bedrock"),
        usage=buckets(wish, found, caching, reasoning=False),
        controls=wish.controls,
    )


def converse_usage(wish: Wish, found: Answer, caching: Caching) -> dict[str, object]:
    """`usage` of converse: cached tokens stand beside the input; thought is not told apart."""
    made = found.output + found.reasoning
    stated: dict[str, object] = {
        "inputTokens": wish.prompt.total - caching.total,
        "outputTokens": made,
        "totalTokens": wish.prompt.total + made,
        "cacheReadInputTokens": caching.read,
        "cacheWriteInputTokens": caching.write_5m + caching.write_1h,
    }
    if caching.write_1h:
        stated["cacheDetails"] = [{"ttl": "1h", "inputTokens": caching.write_1h}]
    return stated


def _block(found: Answer) -> dict[str, object]:
    if found.tool is None:
        return {"text": found.text}
    return {"toolUse": {**_use(found), "input": sample(found.tool.schema)}}


def _use(found: Answer) -> dict[str, object]:
    assert found.tool is not None, "an answer that calls a tool has one"
    return {"toolUseId": f"tooluse_{found.id[:22]}", "name": found.tool.name}


def _ending(found: Answer) -> str:
    return "tool_use" if found.tool else "max_tokens" if found.cut else "end_turn"


def _events(wish: Wish, found: Answer, usage: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    """The messages of the stream, each with its payload."""
    index: dict[str, object] = {"contentBlockIndex": 0}
    yield "messageStart", {"role": "assistant"}
    if found.tool is not None:
        yield "contentBlockStart", {**index, "start": {"toolUse": _use(found)}}
        for piece in deltas(found.arguments, wish.controls, per=_PER_DELTA):
            yield "contentBlockDelta", {**index, "delta": {"toolUse": {"input": piece}}}
    else:
        for piece in deltas(found.text, wish.controls, per=_PER_DELTA):
            yield "contentBlockDelta", {**index, "delta": {"text": piece}}
    yield "contentBlockStop", index
    yield "messageStop", {"stopReason": _ending(found)}
    yield "metadata", {"metrics": {"latencyMs": LATENCY_MS}, "usage": usage}
