"""An OpenAI chat completion request in the words of Gemini's generateContent."""

from collections.abc import Sequence

import msgspec

from floorline.gateway.translate import chat, saying
from floorline.gateway.translate.chat import Chat, Fields, Part
from floorline.gateway.translate.saying import ADVICE, Unsayable

TEMPERATURE_MAX = 2.0

UNSIGNED = "skip_thought_signature_validator"
"""What Google asks for in place of a thought's signature where a call of a function was not made by this model, or is told by
a client that keeps no signatures; models from 3 on refuse a call without one.
"""

_EFFORTS = frozenset({"minimal", "low", "medium", "high"})
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}


def generate_request(asked: Chat) -> bytes:
    """The body; the model and whether to stream are in the path. Unsayable names what Gemini has no words for."""
    system, rest = saying.instructions(asked, "gemini")
    body: Fields = {"contents": _turns(rest)}
    if system:
        body["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    _say_tools(asked, body)
    settings = _settings(asked)
    if settings:
        body["generationConfig"] = settings
    return msgspec.json.encode(body)


def _settings(asked: Chat) -> Fields:
    stops = saying.stops(asked)
    found: Fields = {
        "maxOutputTokens": saying.output_cap(asked),
        "temperature": saying.within("temperature", asked.temperature, TEMPERATURE_MAX, "gemini"),
        "topP": saying.within("top_p", asked.top_p, 1, "gemini"),
        "stopSequences": stops or None,
        "seed": asked.seed,
        "frequencyPenalty": asked.frequency_penalty,
        "presencePenalty": asked.presence_penalty,
    }
    match asked.response_format:
        case chat.AnyJson():
            found["responseMimeType"] = "application/json"
        case chat.SchemaJson():
            found["responseMimeType"] = "application/json"
            found["responseJsonSchema"] = asked.response_format.json_schema.schema
        case _:
            pass
    effort = asked.reasoning_effort
    if effort in _EFFORTS:
        found["thinkingConfig"] = {"thinkingLevel": effort}
    elif effort == "none":
        found["thinkingConfig"] = {"thinkingBudget": 0}
    elif effort is not None:
        raise Unsayable(
            "reasoning_effort", f"gemini has no {effort!r}: send 'none', 'minimal', 'low', 'medium' or 'high'"
        )
    return {name: value for name, value in found.items() if value is not None}


def _turns(rest: Sequence[tuple[str, chat.Message]]) -> list[Fields]:
    """The contents; those of one side that follow each other are one turn, as are all results of its calls."""
    turns: list[tuple[str, list[Fields]]] = []
    names: dict[str, str] = {}
    for where, message in rest:
        role = "model" if isinstance(message, chat.Assistant) else "user"
        parts = _parts(message, where, names)
        if not parts:
            raise Unsayable(where, "it is empty: leave it out, or say something")
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        else:
            turns.append((role, parts))
    return [{"role": role, "parts": parts} for role, parts in turns]


def _parts(message: chat.Message, where: str, names: dict[str, str]) -> list[Fields]:
    """The parts of one message. `names` remembers which function each call was of: a result must say so here."""
    if isinstance(message, chat.ToolResult):
        name = names.get(message.tool_call_id)
        if name is None:
            raise Unsayable(
                f"{where}.tool_call_id", f"no call before it has the id {message.tool_call_id!r}: send that call too"
            )
        result = {"result": "".join(saying.said(message.content))}
        return [{"functionResponse": {"name": name, "response": result}}]
    if isinstance(message, chat.User):
        parts = [chat.Text(text=message.content)] if isinstance(message.content, str) else message.content
        return [
            _part(part, f"{where}.content[{place}]")
            for place, part in enumerate(parts)
            if not (isinstance(part, chat.Text) and not part.text)
        ]
    assert isinstance(message, chat.Assistant), "system messages were taken out"
    told: list[Fields] = [{"text": text} for text in saying.spoken(message)]
    for place, call in enumerate(message.tool_calls or ()):
        names[call.id] = call.function.name
        given = saying.arguments(call, f"{where}.tool_calls[{place}]")
        part: Fields = {"functionCall": {"name": call.function.name, "args": given}}
        if place == 0:
            part["thoughtSignature"] = UNSIGNED
        told.append(part)
    return told


def _part(part: Part, where: str) -> Fields:
    match part:
        case chat.Text():
            return {"text": part.text}
        case chat.Image():
            return _media(saying.plain_detail(part, where), f"{where}.image_url.url")
        case chat.Document():
            return _media(saying.file_data(part, where), f"{where}.file.file_data")
        case chat.Sound():
            return {"inlineData": {"mimeType": f"audio/{part.input_audio.format}", "data": part.input_audio.data}}


def _media(url: str, where: str) -> Fields:
    found = saying.embedded(url, where)
    if found is not None:
        return {"inlineData": {"mimeType": found[0], "data": found[1]}}
    kind = _TYPES.get(url.partition("?")[0].rpartition(".")[2].lower())
    if kind is None:
        raise Unsayable(
            where, "gemini must be told the picture's type, and the address does not end with it: send a data URL"
        )
    return {"fileData": {"mimeType": kind, "fileUri": url}}


def _say_tools(asked: Chat, body: Fields) -> None:
    """Functions, and which of them must be called. A strict one is called by its schema: that is a mode of all."""
    if asked.parallel_tool_calls is False and asked.tools:
        raise Unsayable("parallel_tool_calls", f"gemini cannot be told to make one call at a time: {ADVICE}")
    if not asked.tools:
        return
    body["tools"] = [{"functionDeclarations": [_function(tool.function) for tool in asked.tools]}]
    strict = any(tool.function.strict for tool in asked.tools)
    calling: Fields = {"mode": "VALIDATED" if strict else "AUTO"}
    match asked.tool_choice:
        case "none":
            calling = {"mode": "NONE"}
        case "required":
            calling = {"mode": "ANY"}
        case chat.Choice():
            calling = {"mode": "ANY", "allowedFunctionNames": [asked.tool_choice.function.name]}
        case _:
            if not strict and asked.tool_choice is None:
                return
    body["toolConfig"] = {"functionCallingConfig": calling}


def _function(function: chat.Function) -> Fields:
    declared: Fields = {"name": function.name}
    if function.description:
        declared["description"] = function.description
    if function.parameters:
        declared["parametersJsonSchema"] = function.parameters
    return declared
