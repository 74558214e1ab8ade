"""From a request to its answer: the path names the dialect, the dialect reads and says."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from floorline.sandbox.provider import anthropic, bedrock, chat, embeddings, gemini, invoke, models, responses
from floorline.sandbox.provider.controls import UNASKED, Chaos, Controls
from floorline.sandbox.provider.errors import Dialect, failed
from floorline.sandbox.provider.knowledge import Knowledge
from floorline.sandbox.provider.message import Asked, Headers, Refused, Said
from floorline.sandbox.provider.wish import Wish

Reads = Callable[[Asked, str], Wish]
Says = Callable[[Asked, Wish], Said]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a dialect's requests come in. The pattern's group `model` is the model that the path names."""

    pattern: re.Pattern[str]
    dialect: Dialect
    read: Reads
    say: Says


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Where a list of models is asked for."""

    pattern: re.Pattern[str]
    dialect: Dialect
    say: Callable[[Asked, str], Said]


_DEPLOYMENT = r"(?:/deployments/(?P<model>[^/]+))?"
_GOOGLE = r"/models/(?P<model>[^/]+):"
_VERTEX = r"/publishers/anthropic/models/(?P<model>[^/]+):"
_BEDROCK = r"/model/(?P<model>[^/]+)/"


def _streamed(read: Callable[..., Wish], *, stream: bool) -> Reads:
    return lambda asked, model: read(asked, model, stream=stream)


def _routes() -> tuple[Route, ...]:
    table: tuple[tuple[str, Dialect, Reads, Says], ...] = (
        (_DEPLOYMENT + r"/chat/completions$", "openai", chat.chat, chat.say_chat),
        (r"/messages$", "anthropic", anthropic.messages, anthropic.say_messages),
        (_GOOGLE + "generateContent$", "gemini", gemini.generate, gemini.say_generate),
        (
            _GOOGLE + "streamGenerateContent$",
            "gemini",
            _streamed(gemini.generate, stream=True),
            gemini.say_generate,
        ),
        (_DEPLOYMENT + r"/responses$", "openai", responses.responses, responses.say_responses),
        (_DEPLOYMENT + r"/embeddings$", "openai", embeddings.embeddings, embeddings.say_embeddings),
        (_DEPLOYMENT + r"/completions$", "openai", chat.completions, chat.say_completions),
        (r"/messages/count_tokens$", "anthropic", anthropic.count_tokens, anthropic.say_count),
        (
            r"/publishers/anthropic/models/count-tokens:rawPredict$",
            "anthropic",
            anthropic.count_tokens,
            anthropic.say_count,
        ),
        (_VERTEX + "rawPredict$", "anthropic", _streamed(anthropic.messages, stream=False), anthropic.say_messages),
        (
            _VERTEX + "streamRawPredict$",
            "anthropic",
            _streamed(anthropic.messages, stream=True),
            anthropic.say_messages,
        ),
        (_GOOGLE + "(?:batchEmbedContents|embedContent)$", "gemini", gemini.embed, gemini.say_embed),
        (_GOOGLE + "predict$", "gemini", gemini.predict, gemini.say_predict),
        (_GOOGLE + "countTokens$", "gemini", gemini.count, gemini.say_count),
        (_BEDROCK + "converse$", "bedrock", bedrock.converse, bedrock.say_converse),
        (_BEDROCK + "converse-stream$", "bedrock", _streamed(bedrock.converse, stream=True), bedrock.say_converse),
        (_BEDROCK + "invoke$", "bedrock", invoke.invoke, invoke.say_invoke),
        (
            _BEDROCK + "invoke-with-response-stream$",
            "bedrock",
            _streamed(invoke.invoke, stream=True),
            invoke.say_invoke,
        ),
    )
    return tuple(
        Route(pattern=re.compile(pattern), dialect=dialect, read=read, say=say) for pattern, dialect, read, say in table
    )


ROUTES = _routes()
LISTINGS = (
    Listing(
        pattern=re.compile(r"^/v1beta1?/(?:.*/)?models(?:/(?P<model>[^/:]+))?$"),
        dialect="gemini",
        say=models.gemini_models,
    ),
    Listing(pattern=re.compile(r"/models(?:/(?P<model>[^/:]+))?$"), dialect="openai", say=models.openai_models),
)


_HEADERS: Mapping[Dialect, Callable[[Asked], Headers]] = {
    "openai": chat.headers_of,
    "anthropic": anthropic.headers_of,
    "gemini": gemini.headers_of,
    "bedrock": bedrock.headers_of,
}


def dialect_of(asked: Asked) -> Dialect:
    """The dialect in which a request without a route is told so."""
    if "anthropic-version" in asked.lookup:
        return "anthropic"
    if asked.path.startswith("/v1beta") or "/publishers/" in asked.path:
        return "gemini"
    return "bedrock" if asked.path.startswith("/model/") else "openai"


def respond(asked: Asked, chaos: Chaos, knowledge: Knowledge | None = None) -> Said:
    """The answer to one request, with what is to be done to it."""
    places = LISTINGS if asked.method == "GET" else ROUTES
    for place in places:
        found = place.pattern.search(asked.path)
        if found is not None:
            return _answered(place, asked, unquote(found.groupdict().get("model") or ""), chaos, knowledge)
    if any(place.pattern.search(asked.path) for place in (*ROUTES, *LISTINGS)):
        return _failed(dialect_of(asked), asked, 405, f"{asked.method} is not allowed for {asked.path}")
    where = f"{asked.method} {asked.path}"
    return _failed(
        dialect_of(asked), asked, 404, f"the sandbox has nothing at {where}: docs/sandbox.md lists its paths"
    )


def _answered(place: Route | Listing, asked: Asked, model: str, chaos: Chaos, knowledge: Knowledge | None) -> Said:
    try:
        if isinstance(place, Listing):
            return place.say(asked, model)
        wish = place.read(asked, model)
        controls = _settled(chaos.over(wish.controls), stream=wish.stream)
        if controls.status is not None and controls.status >= 400:
            return _failed(place.dialect, asked, controls.status, controls=controls)
        said = place.say(asked, replace(wish, controls=controls, knowledge=knowledge))
    except Refused as refused:
        return _failed(place.dialect, asked, refused.status, str(refused))
    except RecursionError:
        return _failed(place.dialect, asked, 400, "the body is nested too deeply")
    return replace(said, status=controls.status or said.status)


def _failed(dialect: Dialect, asked: Asked, status: int, sentence: str = "", controls: Controls = UNASKED) -> Said:
    """An error with the headers that come with every answer of the dialect."""
    said = failed(dialect, status, sentence, controls)
    return replace(said, headers=(*said.headers, *_HEADERS[dialect](asked)))


def _settled(controls: Controls, *, stream: bool) -> Controls:
    """An error inside a stream is an ordinary error where there is no stream."""
    if controls.fault == "error-mid-stream" and not stream:
        return replace(controls, fault="", status=500)
    return controls
