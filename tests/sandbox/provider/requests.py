"""Requests of every dialect, as their providers' clients send them."""

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from floorline.sandbox.provider.controls import Chaos
from floorline.sandbox.provider.message import Asked, Said
from floorline.sandbox.provider.routing import respond

LONG = "the law of the sea " * 400
"""More than 1,024 tokens, so that caches hold it."""

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALM = Chaos(0, 0)
PLAIN = frozenset({"input", "output"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request: `provider` and `endpoint` are what the usage reader calls them."""

    name: str
    provider: str
    endpoint: str
    path: str
    body: dict[str, object]
    buckets: frozenset[str] = PLAIN


def ask(path: str, body: object, **headers: str) -> Said:
    """The sandbox's answer; `x_sandbox_status="500"` is the header `x-sandbox-status`."""
    path, _, query = path.partition("?")
    lookup = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return respond(Asked(method="POST", path=path, query=dict(parse_qsl(query)), lookup=lookup, body=content), CALM)


def content_type(said: Said) -> str:
    return dict(said.headers)["content-type"]


def talk(question: object, *, answered: bool = False) -> list[dict[str, object]]:
    """Messages of OpenAI and Anthropic; `answered`: a long exchange came before the question."""
    before = [{"role": "user", "content": LONG}, {"role": "assistant", "content": "yes"}] if answered else []
    return [*before, {"role": "user", "content": question}]


def contents(question: object, *, answered: bool = False) -> list[dict[str, object]]:
    """The same in Gemini's words."""
    before = [{"role": "user", "parts": [{"text": LONG}]}, {"role": "model", "parts": [{"text": "yes"}]}]
    return [*(before if answered else []), {"role": "user", "parts": question}]


def blocks(question: object, *, answered: bool = False) -> list[dict[str, object]]:
    """The same in the words of Bedrock's converse."""
    before = [
        {"role": "user", "content": [{"text": LONG}, {"cachePoint": {"type": "default"}}]},
        {"role": "assistant", "content": [{"text": "yes"}]},
    ]
    return [*(before if answered else []), {"role": "user", "content": question}]


def _openai() -> list[Case]:
    image = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": "data:,x"}}]
    seen = [{"type": "input_text", "text": "what?"}, {"type": "input_image", "image_url": "data:,x"}]
    tool = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
    flat = {"type": "function", "name": "weather", "parameters": CITY}
    must = {"tools": [tool], "tool_choice": "required"}
    shaped = {"response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": CITY}}}
    thinks = frozenset({"input", "output", "reasoning"})
    cached = frozenset({"input", "output", "cache_read"})
    chat: list[tuple[str, dict[str, object], frozenset[str]]] = [
        ("plain", {"model": "gpt-4o", "messages": talk("hello")}, PLAIN),
        ("cached", {"model": "gpt-4o", "messages": talk("and?", answered=True)}, cached),
        ("reasoning", {"model": "gpt-5-mini", "messages": talk("why?")}, thinks),
        ("unthinking", {"model": "gpt-5", "messages": talk("why?"), "reasoning_effort": "minimal"}, PLAIN),
        ("tool", {"model": "gpt-4o", "messages": talk("rain?"), **must}, PLAIN),
        ("image", {"model": "gpt-4o", "messages": talk(image)}, PLAIN),
        ("cut", {"model": "gpt-4o", "messages": talk("long?"), "max_tokens": 3}, PLAIN),
        ("choices", {"model": "gpt-4o", "messages": talk("ideas?"), "n": 3}, PLAIN),
        ("json", {"model": "gpt-4o", "messages": talk("where?"), **shaped}, PLAIN),
    ]
    responses: list[tuple[str, dict[str, object], frozenset[str]]] = [
        ("plain", {"model": "gpt-4o", "input": "hello"}, PLAIN),
        ("cached", {"model": "gpt-4o", "input": talk("and?", answered=True)}, cached),
        ("reasoning", {"model": "o4-mini", "input": "why?", "reasoning": {"effort": "high"}}, thinks),
        ("tool", {"model": "gpt-4o", "input": "rain?", "tools": [flat], "tool_choice": "required"}, PLAIN),
        ("image", {"model": "gpt-4o", "input": talk(seen)}, PLAIN),
        ("cut", {"model": "gpt-4o", "input": "long?", "max_output_tokens": 3}, PLAIN),
    ]
    azure = "/openai/deployments/gpt-4o/chat/completions"
    usage = {"stream_options": {"include_usage": True}}
    return [
        *(Case(name=f"chat {name}", provider="openai", endpoint="chat.completions", path="/v1/chat/completions",
               body=body | usage, buckets=found) for name, body, found in chat),
        *(Case(name=f"responses {name}", provider="openai", endpoint="responses", path="/v1/responses",
               body=body, buckets=found) for name, body, found in responses),
        Case(name="completions", provider="openai", endpoint="completions", path="/v1/completions",
             body={"model": "davinci-002", "prompt": ["hello", "you"]} | usage),
        Case(name="azure", provider="azure_openai", endpoint="chat.completions", path=azure,
             body={"messages": talk("hello")} | usage),
    ]  # fmt: skip


def _anthropic() -> list[Case]:
    base: dict[str, object] = {"model": "claude-sonnet-5", "max_tokens": 1000}
    marked = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
    hour = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    image = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]
    tool = {"tools": [{"name": "weather", "input_schema": CITY}], "tool_choice": {"type": "any"}}
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 500}}
    again = [{"role": "user", "content": marked}, {"role": "assistant", "content": "yes"}, *talk("and?")]
    write5, write1 = frozenset({"input", "output", "cache_write_5m"}), frozenset({"input", "output", "cache_write_1h"})
    both = frozenset({"input", "output", "cache_read", "cache_write_5m"})
    cases: list[tuple[str, dict[str, object], frozenset[str]]] = [
        ("plain", {"messages": talk("hello"), "system": "be kind"}, PLAIN),
        ("written", {"messages": talk("hello"), "system": marked}, write5),
        ("written for an hour", {"messages": talk("hello"), "system": hour}, write1),
        ("read", {"messages": again}, frozenset({"input", "output", "cache_read"})),
        ("read and written", {"messages": [*again[:2], *talk([*marked, {"type": "text", "text": "and?"}])]}, both),
        ("thinking", {"messages": talk("why?"), **thinking}, frozenset({"input", "output", "reasoning"})),
        ("tool", {"messages": talk("rain?"), **tool}, PLAIN),
        ("image", {"messages": talk(image)}, PLAIN),
        ("cut", {"messages": talk("long?"), "max_tokens": 3}, PLAIN),
    ]
    return [
        Case(name=f"messages {name}", provider="anthropic", endpoint="messages", path="/v1/messages",
             body=base | body, buckets=found) for name, body, found in cases
    ]  # fmt: skip


OPENAI_LIKE = (*_openai(), *_anthropic())
"""Those whose body says whether the answer is streamed."""


def _gemini() -> list[Case]:
    image = [{"text": "what?"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]
    audio = [{"text": "what?"}, {"inlineData": {"mimeType": "audio/wav", "data": PIXEL}}]
    tools = [{"functionDeclarations": [{"name": "weather", "parameters": CITY}]}]
    must = {"tools": tools, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
    plain = {"contents": contents([{"text": "hello"}])}
    thinks = frozenset({"input", "output", "reasoning"})
    flash = "/v1beta/models/gemini-2.0-flash:generateContent"
    vertex = "/v1/projects/p/locations/l/publishers/google/models/gemini-2.0-flash:generateContent"
    cases: list[tuple[str, str, dict[str, object], frozenset[str]]] = [
        ("plain", flash, plain, PLAIN),
        ("thinking", flash.replace("2.0", "2.5"), plain, thinks),
        ("cached", flash, {"contents": contents([{"text": "and?"}], answered=True)},
         frozenset({"input", "output", "cache_read"})),
        ("tool", flash, plain | must, PLAIN),
        ("image", flash, {"contents": contents(image)}, frozenset({"input", "output", "input_image"})),
        ("audio", flash, {"contents": contents(audio)}, frozenset({"input", "output", "input_audio"})),
        ("cut", flash, plain | {"generationConfig": {"maxOutputTokens": 3}}, PLAIN),
        ("vertex", vertex, plain, PLAIN),
    ]  # fmt: skip
    return [
        Case(name=f"gemini {name}", provider="vertex" if name == "vertex" else "gemini", endpoint="generateContent",
             path=path, body=body, buckets=found) for name, path, body, found in cases
    ]  # fmt: skip


def _bedrock() -> list[Case]:
    tools = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": CITY}}}], "toolChoice": {"any": {}}}
    converse = "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    plain: dict[str, object] = {"messages": blocks([{"text": "hello"}])}
    cached: dict[str, object] = {"messages": blocks([{"text": "and?"}], answered=True)}
    claude: dict[str, object] = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": talk("hi")}
    cases: list[tuple[str, str, dict[str, object], frozenset[str]]] = [
        ("converse plain", converse, plain, PLAIN),
        ("converse cached", converse, cached, frozenset({"input", "output", "cache_read"})),
        ("converse tool", converse, plain | {"toolConfig": tools}, PLAIN),
        ("converse cut", converse, plain | {"inferenceConfig": {"maxTokens": 3}}, PLAIN),
        ("invoke claude", "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke", claude, PLAIN),
        ("invoke nova", "/model/amazon.nova-lite-v1:0/invoke", plain, PLAIN),
        ("invoke llama", "/model/meta.llama3-8b-instruct-v1:0/invoke", {"prompt": "hello"}, PLAIN),
        ("invoke mistral", "/model/mistral.mistral-large-2402-v1:0/invoke", {"prompt": "hello"}, PLAIN),
    ]
    return [
        Case(name=f"bedrock {name}", provider="bedrock", endpoint=name.split()[0], path=path, body=body, buckets=found)
        for name, path, body, found in cases
    ]


CASES = (*OPENAI_LIKE, *_gemini(), *_bedrock())


def streamed(case: Case) -> Case:
    """The same request, its answer streamed."""
    if case in OPENAI_LIKE:
        return Case(**_members(case) | {"body": case.body | {"stream": True}})
    for whole, stream in (("generateContent", "streamGenerateContent"), ("converse", "converse-stream")):
        if case.endpoint == whole:
            path = case.path.replace(whole, stream)
            path += "?alt=sse" if whole == "generateContent" else ""
            return Case(**_members(case) | {"endpoint": stream, "path": path})
    path = case.path.replace("/invoke", "/invoke-with-response-stream")
    return Case(**_members(case) | {"endpoint": "invoke-stream", "path": path})


def _members(case: Case) -> dict[str, object]:
    return {name: getattr(case, name) for name in Case.__slots__}
