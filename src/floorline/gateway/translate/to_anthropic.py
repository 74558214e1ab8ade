"""An OpenAI chat completion request in Anthropic's words."""

from collections.abc import Sequence

import msgspec

from floorline.gateway.translate import chat, saying
from floorline.gateway.translate.chat import Chat, Fields, Part
from floorline.gateway.translate.saying import ADVICE, Unsayable

MAX_TOKENS = 4_096
"""Anthropic takes no request without a bound; this holds where the caller set none."""

TEMPERATURE_MAX = 1.0
_EFFORTS = frozenset({"low", "medium", "high", "xhigh"})


def messages_request(asked: Chat, model: str, *, stream: bool) -> bytes:
    """The body. Unsayable names what Anthropic has no words for."""
    _refuse(asked)
    system, rest = saying.instructions(asked, "anthropic")
    cap = saying.output_cap(asked)
    body: Fields = {"model": model, "max_tokens": MAX_TOKENS if cap is None else cap, "messages": _turns(rest)}
    if system:
        body["system"] = [{"type": "text", "text": text} for text in system]
    stops = saying.stops(asked)
    settings: Fields = {
        "temperature": saying.within("temperature", asked.temperature, TEMPERATURE_MAX, "anthropic"),
        "top_p": saying.within("top_p", asked.top_p, 1, "anthropic"),
        "stop_sequences": stops or None,
        "stream": True if stream else None,
    }
    body |= {name: value for name, value in settings.items() if value is not None}
    user = asked.user or asked.safety_identifier
    if user:
        body["metadata"] = {"user_id": user}
    _say_tools(asked, body)
    _say_output(asked, body)
    return msgspec.json.encode(body)


def _refuse(asked: Chat) -> None:
    """What Anthropic has no words for; 0 asks for nothing."""
    for name, value in (
        ("frequency_penalty", asked.frequency_penalty),
        ("presence_penalty", asked.presence_penalty),
    ):
        if value:
            raise Unsayable(name, f"anthropic has no penalties: {ADVICE}")
    if asked.seed is not None:
        raise Unsayable("seed", f"anthropic has none: {ADVICE}")


def _turns(rest: Sequence[tuple[str, chat.Message]]) -> list[Fields]:
    """The messages, those of one side that follow each other joined: all results of one turn's calls must be in one message."""
    turns: list[tuple[str, list[Fields]]] = []
    for where, message in rest:
        role = "assistant" if isinstance(message, chat.Assistant) else "user"
        blocks = _blocks(message, where)
        if not blocks:
            raise Unsayable(where, "it is empty: leave it out, or say something")
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        else:
            turns.append((role, blocks))
    return [{"role": role, "content": blocks} for role, blocks in turns]


def _blocks(message: chat.Message, where: str) -> list[Fields]:
    if isinstance(message, chat.ToolResult):
        texts: list[Fields] = [{"type": "text", "text": text} for text in saying.said(message.content)]
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": texts}]
    if isinstance(message, chat.User):
        parts = [chat.Text(text=message.content)] if isinstance(message.content, str) else message.content
        return [
            _part(part, f"{where}.content[{place}]")
            for place, part in enumerate(parts)
            if not (isinstance(part, chat.Text) and not part.text)
        ]
    assert isinstance(message, chat.Assistant), "system messages were taken out"
    blocks: list[Fields] = [{"type": "text", "text": text} for text in saying.spoken(message)]
    for place, call in enumerate(message.tool_calls or ()):
        given = saying.arguments(call, f"{where}.tool_calls[{place}]")
        blocks.append({"type": "tool_use", "id": call.id, "name": call.function.name, "input": given})
    return blocks


def _part(part: Part, where: str) -> Fields:
    match part:
        case chat.Text():
            return {"type": "text", "text": part.text}
        case chat.Image():
            return {"type": "image", "source": _source(saying.plain_detail(part, where), f"{where}.image_url.url")}
        case chat.Document():
            source = _source(saying.file_data(part, where), f"{where}.file.file_data")
            if source.get("media_type") != "application/pdf":
                raise Unsayable(
                    f"{where}.file.file_data", "anthropic takes PDF files alone: send a data URL of application/pdf"
                )
            named: Fields = {} if part.file.filename is None else {"title": part.file.filename}
            return {"type": "document", "source": source, **named}
        case chat.Sound():
            raise Unsayable(where, f"anthropic takes no sound: {ADVICE}")


def _source(url: str, where: str) -> Fields:
    found = saying.embedded(url, where)
    if found is None:
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": found[0], "data": found[1]}


def _say_tools(asked: Chat, body: Fields) -> None:
    """Tools, which of them must be called, and whether several may be."""
    if not asked.tools:
        return
    body["tools"] = [_tool(tool.function) for tool in asked.tools]
    choice: Fields = {"type": "auto"}
    match asked.tool_choice:
        case "none":
            body["tool_choice"] = {"type": "none"}
            return
        case "required":
            choice = {"type": "any"}
        case chat.Choice():
            choice = {"type": "tool", "name": asked.tool_choice.function.name}
        case _:
            if asked.tool_choice is None and asked.parallel_tool_calls is not False:
                return
    if asked.parallel_tool_calls is False:
        choice["disable_parallel_tool_use"] = True
    body["tool_choice"] = choice


def _tool(function: chat.Function) -> Fields:
    tool: Fields = {
        "name": function.name,
        "input_schema": function.parameters or {"type": "object", "properties": {}},
    }
    if function.description:
        tool["description"] = function.description
    if function.strict:
        tool["strict"] = True
    return tool


def _say_output(asked: Chat, body: Fields) -> None:
    """The form of the answer, and how hard to think about it."""
    output: Fields = {}
    match asked.response_format:
        case chat.AnyJson():
            raise Unsayable("response_format", "anthropic has no json_object: send a json_schema")
        case chat.SchemaJson():
            output["format"] = {"type": "json_schema", "schema": asked.response_format.json_schema.schema}
        case _:
            pass
    effort = asked.reasoning_effort
    if effort in _EFFORTS:
        body["thinking"] = {"type": "adaptive"}
        output["effort"] = effort
    elif effort == "minimal":
        raise Unsayable(
            "reasoning_effort", "anthropic has no 'minimal': send 'none', 'low', 'medium', 'high' or 'xhigh'"
        )
    if output:
        body["output_config"] = output
