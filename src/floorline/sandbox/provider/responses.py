"""OpenAI's responses."""

from collections.abc import Iterator

from floorline.pricing.usage.tally import Fields, fields, items, text
from floorline.sandbox.provider.answer import CREATED, Answer, answer, buckets, deltas
from floorline.sandbox.provider.chat import content, effort, functions, headers_of, required, served, shape
from floorline.sandbox.provider.errors import failure
from floorline.sandbox.provider.events import encode
from floorline.sandbox.provider.events import named as event
from floorline.sandbox.provider.message import Asked, Refused, Said
from floorline.sandbox.provider.prompt import Prompt
from floorline.sandbox.provider.reading import flag, named, whole_number
from floorline.sandbox.provider.wish import Wish


def responses(asked: Asked, model: str = "") -> Wish:
    """A request of responses; `model` when the path names it."""
    body = asked.json()
    name, controls = named(asked, model or body.get("model"))
    prompt = Prompt()
    tools = items(body.get("tools"))
    prompt.say_json(tools)
    prompt.say(text(body.get("instructions")))
    _input(prompt, body.get("input"))
    return Wish(
        model=name,
        controls=controls,
        prompt=prompt,
        body=body,
        stream=flag(body, "stream"),
        cap=whole_number(body, "max_output_tokens"),
        effort=effort(name, fields(body.get("reasoning")).get("effort")),
        tool=required(functions(tools), body.get("tool_choice")),
        schema=shape(fields(fields(body.get("text")).get("format"))),
    )


def _input(prompt: Prompt, given: object) -> None:
    """Take in `input`: text, or messages and items of earlier answers. What a model made is an answer of its own."""
    if isinstance(given, str) and given:
        prompt.turn("user")
        prompt.say(given)
        return
    if not isinstance(given, list) or not given:
        raise Refused("input must be text or an array of items")
    for item in items(given):  # pyright: ignore[reportUnknownArgumentType] - JSON that nobody checked
        kind = text(item.get("type"))
        if kind in ("", "message"):
            prompt.turn(text(item.get("role")))
            content(prompt, item.get("content"))
        else:
            prompt.turn("tool" if kind.endswith("_output") else "assistant")
            prompt.say_json(item)


def say_responses(asked: Asked, wish: Wish) -> Said:
    """The answer of responses, whole or as its events."""
    found = answer(wish)
    caching = wish.prompt.repeated_caching(wish.controls.cached_tokens)
    made = found.output + found.reasoning
    usage: dict[str, object] = {
        "input_tokens": wish.prompt.total,
        "input_tokens_details": {"cached_tokens": caching.read},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": found.reasoning},
        "total_tokens": wish.prompt.total + made,
    }
    body = wish.body
    if wish.stream:
        parts = [
            event(kind, {"type": kind, **payload, "sequence_number": number})
            for number, (kind, payload) in enumerate(_events(wish, found, body, usage))
        ]
        kind = "text/event-stream; charset=utf-8"
    else:
        parts, kind = [encode(_response(wish, found, body, usage, finished=True))], "application/json"
    return Said(
        headers=(("content-type", kind), *headers_of(asked)),
        parts=parts,
        streamed=wish.stream,
        failure=failure("openai"),
        usage=buckets(wish, found, caching),
        controls=wish.controls,
    )


def _response(
    wish: Wish, found: Answer, body: Fields, usage: dict[str, object], *, finished: bool
) -> dict[str, object]:
    """The response object, before its output or with it."""
    incomplete = finished and found.cut
    return {
        "id": f"resp_{found.id}",
        "object": "response",
        "created_at": CREATED,
        "status": "incomplete" if incomplete else "completed" if finished else "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if incomplete else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": wish.cap,
        "max_tool_calls": None,
        "model": served(wish.model),
        "output": _output(found) if finished else [],
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": fields(body.get("reasoning")).get("effort"), "summary": None},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default" if finished else "auto",
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if finished else None,
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


def _thought(found: Answer) -> dict[str, object]:
    return {"id": f"rs_{found.id}", "type": "reasoning", "summary": []}


def _call(found: Answer, *, arguments: str, status: str) -> dict[str, object]:
    assert found.tool is not None, "an answer that calls a tool has one"
    return {
        "id": f"fc_{found.id}",
        "type": "function_call",
        "status": status,
        "arguments": arguments,
        "call_id": f"call_{found.id[:24]}",
        "name": found.tool.name,
    }


def _part(told: str) -> dict[str, object]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": told}


def _message(found: Answer, parts: list[dict[str, object]], status: str) -> dict[str, object]:
    return {"id": f"msg_{found.id}", "type": "message", "status": status, "content": parts, "role": "assistant"}


def _output(found: Answer) -> list[dict[str, object]]:
    """The items of a finished response."""
    said = (
        _message(found, [_part(found.text)], "incomplete" if found.cut else "completed")
        if found.tool is None
        else _call(found, arguments=found.arguments, status="completed")
    )
    return [_thought(found), said] if found.reasoning else [said]


def _events(
    wish: Wish, found: Answer, body: Fields, usage: dict[str, object]
) -> Iterator[tuple[str, dict[str, object]]]:
    """The events of the stream, each with its payload."""
    begun: dict[str, object] = {"response": _response(wish, found, body, usage, finished=False)}
    yield "response.created", begun
    yield "response.in_progress", begun
    output = _output(found)
    if found.reasoning:
        place: dict[str, object] = {"output_index": 0}
        yield "response.output_item.added", {"item": output[0], **place}
        yield "response.output_item.done", {"item": output[0], **place}
    index: dict[str, object] = {"output_index": len(output) - 1}
    yield from _tool_events(wish, found, index) if found.tool else _text_events(wish, found, index)
    yield "response.output_item.done", {"item": output[-1], **index}
    ending = "response.incomplete" if found.cut else "response.completed"
    yield ending, {"response": _response(wish, found, body, usage, finished=True)}


def _text_events(wish: Wish, found: Answer, index: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    yield "response.output_item.added", {"item": _message(found, [], "in_progress"), **index}
    place = {"item_id": f"msg_{found.id}", "content_index": 0, **index}
    yield "response.content_part.added", {"part": _part(""), **place}
    for piece in deltas(found.text, wish.controls):
        yield "response.output_text.delta", {"delta": piece, "logprobs": [], **place}
    yield "response.output_text.done", {"text": found.text, "logprobs": [], **place}
    yield "response.content_part.done", {"part": _part(found.text), **place}


def _tool_events(wish: Wish, found: Answer, index: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    yield "response.output_item.added", {"item": _call(found, arguments="", status="in_progress"), **index}
    place = {"item_id": f"fc_{found.id}", **index}
    for piece in deltas(found.arguments, wish.controls):
        yield "response.function_call_arguments.delta", {"delta": piece, **place}
    done: dict[str, object] = {"arguments": found.arguments, "name": found.tool.name if found.tool else ""}
    yield "response.function_call_arguments.done", {**done, **place}
