"""From a request's path to its dialect, its endpoint and the path below a provider's address."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

import msgspec

from floorline.gateway.policy import Dialect, Provider
from floorline.pricing.usage import endpoint_family

Action = Literal["call", "models", "passthrough"]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request belongs.

    `action`: `call` names a model in its body or path and can go to any target of that model; `models` asks which models there are;
    `passthrough` is everything else, which goes to one provider as it came.
    `endpoint` is a family of `pricing.usage.endpoint_family`, '' when it is not known.
    `provider` is the one that the path's prefix names, else ''.
    `path` is what follows a provider's `base_url`: `/chat/completions`, `/v1/messages`, `/v1beta/models/{model}:generateContent`,
    `/model/{model}/converse`; still percent-encoded.
    `model` is the path's own, decoded, else ''. `streamed`: the path asks for a stream.
    `metered` is False for requests whose answers repeat usage that was counted before (a read of a stored response).
    """

    dialect: Dialect
    endpoint: str
    action: Action
    path: str
    provider: str = ""
    model: str = ""
    streamed: bool = False
    metered: bool = True


RESERVED = frozenset(
    {"v1", "v1beta", "v1alpha", "v1beta1", "upload", "model", "guardrail", "healthz", "readyz", "metrics"}
)
"""First parts of paths that no provider's name can claim."""

REMEMBERED_BYTES_MAX = 256
"""Longer paths are looked up each time, so that what is remembered stays small whatever is asked for."""

_OPENAI_CALLS = {
    "/chat/completions": "chat.completions",
    "/responses": "responses",
    "/responses/compact": "responses.compact",
    "/embeddings": "embeddings",
    "/completions": "completions",
}
_ANTHROPIC_CALLS = {"/v1/messages": "messages", "/v1/messages/count_tokens": "messages.count_tokens"}
_GEMINI_VERBS = {
    "generateContent": "generateContent",
    "streamGenerateContent": "streamGenerateContent",
    "embedContent": "embedContent",
    "batchEmbedContents": "embedContent",
    "predict": "embedContent",
    "countTokens": "countTokens",
}
_BEDROCK_CALLS = {
    "converse": "converse",
    "converse-stream": "converse-stream",
    "invoke": "invoke",
    "invoke-with-response-stream": "invoke-stream",
}
_GEMINI_CALL = re.compile(r"/v1(?:beta1?|alpha)?/models/([^/]+):([A-Za-z]+)$")
_VERTEX_CALL = re.compile(
    r"/v1(?:beta1?)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/([^/]+):([A-Za-z]+)$"
)
_GEMINI_MODELS = re.compile(r"/v1(?:beta|alpha)/models(?:/[^/:]+)?$")
_BEDROCK_CALL = re.compile(r"/model/([^/]+)/([a-z-]+)$")
_AZURE_CALL = re.compile(r"/openai/deployments/([^/]+)(/.+)$")
_MODELS = re.compile(r"/models(?:/.+)?$")
_PARTS = re.compile(r"[/\\]")

_COMMON = {
    f"/v1{path}": Route(dialect="openai", endpoint=endpoint, action="call", path=path)
    for path, endpoint in _OPENAI_CALLS.items()
} | {
    path: Route(dialect="anthropic", endpoint=endpoint, action="call", path=path)
    for path, endpoint in _ANTHROPIC_CALLS.items()
}


def route(method: str, path: str, headers: Mapping[bytes, bytes], providers: Mapping[str, Provider]) -> Route | None:
    """Where the request belongs; None when no dialect has such a path, or when it tries to climb out of its provider's address.

    `path` is as it came, without its query. `headers` decide what paths alone cannot: `/v1/models` and `/v1/files` are Anthropic's
    with `anthropic-version`, Gemini's with `x-goog-api-key`, else OpenAI's.
    """
    if method == "POST" and (common := _COMMON.get(path)) is not None:
        return common
    first = path[1:].partition("/")[0]
    if first not in RESERVED and first in providers and not _AZURE_CALL.match(path):
        return _below(providers[first], method, path[len(first) + 1 :] or "/") if _tame(path) else None
    find = _remembered if len(path) <= REMEMBERED_BYTES_MAX else _of_dialect
    return find(method, path, b"anthropic-version" in headers, b"x-goog-api-key" in headers)


def _of_dialect(method: str, path: str, anthropic: bool, google: bool) -> Route | None:
    """The same for paths that name no provider. The flags: a header of that dialect is there."""
    if not _tame(path):
        return None
    first = path[1:].partition("/")[0]
    if first == "openai" and (azure := _AZURE_CALL.match(path)) is not None:
        return _openai(method, azure[2], model=unquote(azure[1]))
    if first == "openai":
        return _openai(method, path[len(first) + 1 :])
    if first in ("model", "guardrail"):
        return _bedrock(method, path)
    if first in ("v1beta", "v1alpha", "v1beta1", "upload"):
        return _gemini(method, path)
    if first == "v1":
        return _first_version(method, path, anthropic, google)
    return _openai(method, path) if path in _OPENAI_CALLS else None


_remembered = lru_cache(maxsize=1024)(_of_dialect)


def prefix_dialect(path: str, headers: Mapping[bytes, bytes]) -> Dialect:
    """The dialect in which to say that there is no such path: whose error shape the client most probably reads."""
    if b"anthropic-version" in headers or path.startswith("/v1/messages"):
        return "anthropic"
    if b"x-goog-api-key" in headers or path.startswith(("/v1beta", "/v1alpha", "/upload")):
        return "gemini"
    return "bedrock" if path.startswith(("/model/", "/guardrail/")) else "openai"


def _tame(path: str) -> bool:
    """Whether the path is printable ASCII and stays below where it starts, however it is encoded."""
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        return False
    if "/." not in path and "%" not in path and "\\" not in path:
        return True
    decoded = unquote(unquote(path))
    return not any(part in (".", "..") for part in _PARTS.split(decoded))


def _first_version(method: str, path: str, anthropic: bool, google: bool) -> Route:
    """Below `/v1`, which three dialects share."""
    call = _GEMINI_CALL.match(path) or _VERTEX_CALL.match(path)
    if call is not None and (call[2] in _GEMINI_VERBS or "/publishers/" in path):
        return _gemini(method, path)
    if anthropic or path.startswith("/v1/messages"):
        return _anthropic(method, path)
    if google:
        return _gemini(method, path)
    return _openai(method, path)


def _below(provider: Provider, method: str, path: str) -> Route:
    """Below a provider's own prefix, in that provider's dialect."""
    name = provider.name
    if provider.dialect == "openai":
        return _openai(method, path, provider=name)
    if provider.dialect == "anthropic":
        return _anthropic(method, path, provider=name)
    if provider.dialect == "gemini":
        return _gemini(method, path, provider=name)
    return _bedrock(method, path, provider=name)


def _openai(method: str, path: str, *, model: str = "", provider: str = "") -> Route:
    below = path[3:] if path.startswith("/v1/") else path
    endpoint = _OPENAI_CALLS.get(below) if method == "POST" else None
    if endpoint is not None:
        return Route(dialect="openai", endpoint=endpoint, action="call", path=below, model=model, provider=provider)
    if method == "GET" and _MODELS.match(below):
        return Route(dialect="openai", endpoint="", action="models", path=below, provider=provider, metered=False)
    return _passthrough("openai", method, below, provider, model)


def _anthropic(method: str, path: str, *, provider: str = "") -> Route:
    endpoint = _ANTHROPIC_CALLS.get(path) if method == "POST" else None
    if endpoint is not None:
        return Route(dialect="anthropic", endpoint=endpoint, action="call", path=path, provider=provider)
    if method == "GET" and path.startswith("/v1/models") and _MODELS.match(path[3:]):
        return Route(dialect="anthropic", endpoint="", action="models", path=path, provider=provider, metered=False)
    return _passthrough("anthropic", method, path, provider)


def _gemini(method: str, path: str, *, provider: str = "") -> Route:
    vertex = _VERTEX_CALL.match(path)
    if (
        vertex is not None
    ):  # what Google's SDK sends in its Vertex mode: the project is the provider's, not the caller's
        path = f"/v1beta/models/{vertex[1]}:{vertex[2]}"
    call = _GEMINI_CALL.match(path)
    if call is not None and method == "POST" and call[2] in _GEMINI_VERBS:
        return Route(
            dialect="gemini",
            endpoint=_GEMINI_VERBS[call[2]],
            action="call",
            path=path,
            provider=provider,
            model=unquote(call[1]),
            streamed=call[2] == "streamGenerateContent",
        )
    if method == "GET" and (_GEMINI_MODELS.match(path) or _MODELS.match(path.removeprefix("/v1"))):
        return Route(dialect="gemini", endpoint="", action="models", path=path, provider=provider, metered=False)
    return _passthrough("gemini", method, path, provider)


def _bedrock(method: str, path: str, *, provider: str = "") -> Route:
    call = _BEDROCK_CALL.match(path)
    if call is not None and method == "POST" and call[2] in _BEDROCK_CALLS:
        return Route(
            dialect="bedrock",
            endpoint=_BEDROCK_CALLS[call[2]],
            action="call",
            path=path,
            provider=provider,
            model=unquote(call[1]),
            streamed=call[2].endswith("-stream"),
        )
    return _passthrough("bedrock", method, path, provider)


def _passthrough(dialect: Dialect, method: str, path: str, provider: str, model: str = "") -> Route:
    return Route(
        dialect=dialect,
        endpoint=endpoint_family(path),
        action="passthrough",
        path=path,
        provider=provider,
        model=model,
        metered=method not in ("GET", "HEAD", "DELETE", "OPTIONS"),
    )
