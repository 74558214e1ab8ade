"""Gemini's generateContent, streamGenerateContent, countTokens and embeddings, at Google AI and at Vertex."""

import re

from floorline.pricing.usage.tally import Fields, fields, items, text, texts
from floorline.sandbox.provider.answer import Answer, answer, buckets, deltas
from floorline.sandbox.provider.embeddings import seed_of
from floorline.sandbox.provider.errors import error_body, failure
from floorline.sandbox.provider.events import data, encode
from floorline.sandbox.provider.message import Asked, Headers, Refused, Said
from floorline.sandbox.provider.prompt import Caching, Prompt
from floorline.sandbox.provider.reading import chosen, listed, named, whole_number
from floorline.sandbox.provider.schema import sample
from floorline.sandbox.provider.wish import Tool, Wish
from floorline.sandbox.provider.words import numbers, tokens, vector

DIMENSIONS = 3072
_PER_CHUNK = 16
_THINKS = re.compile(r"gemini-(?:2\.5|[3-9])")


def headers_of(asked: Asked) -> Headers:
    """The headers that come with an answer of Google."""
    del asked
    return (
        ("vary", "Origin, X-Origin, Referer"),
        ("x-content-type-options", "nosniff"),
        ("server-timing", "gfet4t7; dur=12"),
    )


def _either(body: Fields, camel: str, snake: str) -> object:
    """A member under the name of JSON or of protobuf: Google takes both."""
    found = body.get(camel)
    return body.get(snake) if found is None else found


def generate(asked: Asked, model: str, *, stream: bool = False) -> Wish:
    """A request of generateContent or streamGenerateContent."""
    body = asked.json()
    name, controls = named(asked, model)
    settings = fields(_either(body, "generationConfig", "generation_config"))
    tools = items(body.get("tools"))
    return Wish(
        model=name,
        controls=controls,
        prompt=_prompt(body, tools),
        stream=stream,
        cap=whole_number(settings, "maxOutputTokens", "max_output_tokens"),
        effort=_effort(name, fields(_either(settings, "thinkingConfig", "thinking_config"))),
        tool=_required(tools, fields(_either(body, "toolConfig", "tool_config"))),
        schema=_schema(settings),
    )


def _prompt(body: Fields, tools: list[Fields]) -> Prompt:
    prompt = Prompt()
    prompt.say_json(tools)
    _parts(prompt, fields(_either(body, "systemInstruction", "system_instruction")))
    for message in listed(body, "contents"):
        prompt.turn(text(message.get("role")) or "user")
        _parts(prompt, message)
    return prompt


def _parts(prompt: Prompt, message: Fields) -> None:
    for part in items(message.get("parts")):
        media = fields(_either(part, "inlineData", "inline_data") or _either(part, "fileData", "file_data"))
        if "text" in part:
            prompt.say(text(part.get("text")))
        elif media:
            kind = text(_either(media, "mimeType", "mime_type"))
            (prompt.play if kind.startswith("audio/") else prompt.show)(media)
        else:
            prompt.say_json(part)


def _effort(model: str, thinking: Fields) -> int:
    """Models from 2.5 on think, unless their budget is 0."""
    if not _THINKS.search(model) or _either(thinking, "thinkingBudget", "thinking_budget") == 0:
        return 0
    level = text(_either(thinking, "thinkingLevel", "thinking_level")).lower()
    return {"minimal": 0, "low": 1, "high": 4}.get(level, 2)


def _required(tools: list[Fields], stated: Fields) -> Tool | None:
    calling = fields(_either(stated, "functionCallingConfig", "function_calling_config"))
    if text(calling.get("mode")).upper() != "ANY":
        return None
    declared = [
        entry for tool in tools for entry in items(_either(tool, "functionDeclarations", "function_declarations"))
    ]
    found = [
        Tool(
            name=text(entry.get("name")),
            schema=fields(_either(entry, "parametersJsonSchema", "parameters_json_schema") or entry.get("parameters")),
        )
        for entry in declared
    ]
    allowed = texts(_either(calling, "allowedFunctionNames", "allowed_function_names"))
    return chosen(found, allowed[0] if allowed else "")


def _schema(settings: Fields) -> Fields | None:
    if text(_either(settings, "responseMimeType", "response_mime_type")) != "application/json":
        return None
    stated = _either(settings, "responseJsonSchema", "response_json_schema")
    return fields(stated or _either(settings, "responseSchema", "response_schema"))


def say_generate(asked: Asked, wish: Wish) -> Said:
    """The answer: whole, as server-sent events with `alt=sse`, or as a JSON array without."""
    found = answer(wish)
    caching = wish.prompt.repeated_caching(wish.controls.cached_tokens)
    vertex = "/publishers/" in asked.path
    chunks = _chunks(wish, found, caching, vertex=vertex)
    kind, broken = "application/json; charset=UTF-8", failure("gemini")
    headers = headers_of(asked)
    if not wish.stream:
        parts = [encode(chunks[0])]
    elif asked.query.get("alt") == "sse":
        parts, kind = [data(chunk) for chunk in chunks], "text/event-stream"
        headers += (("content-disposition", "attachment"),)
    else:
        broken = b",\r\n" + encode(error_body("gemini", 503)) + b"]\n"
        parts = [(b",\r\n" if place else b"[") + encode(chunk) for place, chunk in enumerate(chunks)] + [b"]\n"]
    return Said(
        headers=(("content-type", kind), *headers),
        parts=parts,
        streamed=wish.stream,
        failure=broken,
        usage=buckets(wish, found, caching, image=True),
        controls=wish.controls,
    )


def _chunks(wish: Wish, found: Answer, caching: Caching, *, vertex: bool) -> list[dict[str, object]]:
    """The chunks of a stream, or the one of a whole answer. Each reports the usage so far."""
    if found.tool is not None:
        call = {"name": found.tool.name, "args": sample(found.tool.schema)}
        told: list[dict[str, object]] = [{"functionCall": call}]
        counts = [found.output]
    else:
        said = deltas(found.text, wish.controls, per=_PER_CHUNK) if wish.stream else [found.text]
        said = said or [""]
        told = [{"text": piece} for piece in said]
        counts = [tokens("".join(said[: place + 1])) for place in range(len(said))]
    base: dict[str, object] = {"modelVersion": wish.model, "responseId": found.id[:22]}
    if vertex:
        base["createTime"] = "2026-01-01T00:00:00.000000Z"
    last = len(told) - 1
    return [
        {
            "candidates": [
                {
                    "content": {"parts": [part], "role": "model"},
                    **({"finishReason": "MAX_TOKENS" if found.cut else "STOP"} if place == last else {}),
                    "index": 0,
                }
            ],
            "usageMetadata": _usage(wish, found, caching, counts[place], vertex=vertex),
            **base,
        }
        for place, part in enumerate(told)
    ]


def _usage(wish: Wish, found: Answer, caching: Caching, shown: int, *, vertex: bool) -> dict[str, object]:
    """`usageMetadata`: cached content is inside the prompt, thoughts are beside the candidates."""
    prompt = wish.prompt
    details = (("TEXT", prompt.text), ("IMAGE", prompt.image), ("AUDIO", prompt.audio))
    stated: dict[str, object] = {
        "promptTokenCount": prompt.total,
        "candidatesTokenCount": shown,
        "totalTokenCount": prompt.total + shown + found.reasoning,
        "promptTokensDetails": [{"modality": kind, "tokenCount": count} for kind, count in details if count],
    }
    if caching.read:
        stated["cachedContentTokenCount"] = caching.read
        stated["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": caching.read}]
    if found.reasoning:
        stated["thoughtsTokenCount"] = found.reasoning
    if vertex:
        stated["trafficType"] = "ON_DEMAND"
    return stated


def count(asked: Asked, model: str) -> Wish:
    """A request of countTokens: contents, or a whole request inside it."""
    body = asked.json()
    inner = fields(_either(body, "generateContentRequest", "generate_content_request")) or body
    name, controls = named(asked, model)
    return Wish(model=name, controls=controls, prompt=_prompt(inner, items(inner.get("tools"))))


def say_count(asked: Asked, wish: Wish) -> Said:
    """The answer of countTokens, which is no call: it used nothing."""
    body = {
        "totalTokens": wish.prompt.total,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": wish.prompt.total}],
    }
    headers = (("content-type", "application/json; charset=UTF-8"), *headers_of(asked))
    return Said(headers=headers, parts=[encode(body)], controls=wish.controls)


def embed(asked: Asked, model: str) -> Wish:
    """A request of embedContent or batchEmbedContents."""
    body = asked.json()
    name, controls = named(asked, model)
    prompt = Prompt()
    for request in _requests(body):
        for told in _told(request):
            prompt.say(told)
    return Wish(model=name, controls=controls, prompt=prompt, body=body)


def _requests(body: Fields) -> list[Fields]:
    return listed(body, "requests") if "requests" in body else [body]


def _told(request: Fields) -> list[str]:
    found = [text(part.get("text")) for part in items(fields(request.get("content")).get("parts"))]
    if not found:
        raise Refused("content.parts must hold at least one text")
    return found


def _size(body: Fields) -> int:
    """The length of a vector, as it is asked for."""
    size = whole_number(body, "outputDimensionality", "output_dimensionality") or DIMENSIONS
    if size > DIMENSIONS:
        raise Refused(f"outputDimensionality is {size}: at most {DIMENSIONS}")
    return size


def predict(asked: Asked, model: str) -> Wish:
    """A request of Vertex's older embeddings: each instance is one text."""
    body = asked.json()
    name, controls = named(asked, model)
    prompt = Prompt()
    for instance in listed(body, "instances"):
        prompt.say(text(instance.get("content")))
    return Wish(model=name, controls=controls, prompt=prompt, body=body)


def say_predict(asked: Asked, wish: Wish) -> Said:
    """The answer of Vertex's older embeddings, which counts the tokens of each text."""
    size = _size(fields(wish.body.get("parameters")))
    told = [text(instance.get("content")) for instance in listed(wish.body, "instances")]
    predictions = [
        {
            "embeddings": {
                "values": numbers(vector(seed_of(wish.model, one), size)),
                "statistics": {"truncated": False, "token_count": tokens(one)},
            }
        }
        for one in told
    ]
    billed = {"billableCharacterCount": sum(map(len, told))}
    return Said(
        headers=(("content-type", "application/json; charset=UTF-8"), *headers_of(asked)),
        parts=[encode({"predictions": predictions, "metadata": billed})],
        usage={"input": wish.prompt.total},
        controls=wish.controls,
    )


def say_embed(asked: Asked, wish: Wish) -> Said:
    """The answer of embedContent, or of several at once."""
    body = wish.body
    vectors: list[dict[str, object]] = []
    for request in _requests(body):
        drawn = vector(seed_of(wish.model, "\n".join(_told(request))), _size(request))
        vectors.append({"values": numbers(drawn)})
    shown: dict[str, object] = {"embeddings": vectors} if "requests" in body else {"embedding": vectors[0]}
    total = wish.prompt.total
    usage = {"promptTokenCount": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]}
    return Said(
        headers=(("content-type", "application/json; charset=UTF-8"), *headers_of(asked)),
        parts=[encode({**shown, "usageMetadata": {**usage, "totalTokenCount": total}})],
        usage={"input": total},
        controls=wish.controls,
    )
