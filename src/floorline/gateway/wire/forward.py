"""What goes to a provider: the caller's request with the provider's address and credentials, and as few changes as can be."""

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

import msgspec

from floorline.gateway.attribution import ATTRIBUTION_HEADERS, ATTRIBUTION_PREFIXES
from floorline.gateway.message import Request
from floorline.gateway.policy import Provider
from floorline.gateway.wire.body import View
from floorline.gateway.wire.members import appended, text, with_members
from floorline.gateway.wire.routes import Route
from floorline.gateway.wire.signing import Signer

VERTEX_ANTHROPIC_VERSION = "vertex-2023-10-16"

_HOP_BY_HOP = frozenset(
    {
        b"connection", b"expect", b"host", b"content-length", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
        b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
_CREDENTIALS = frozenset(
    {
        b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"cookie",
        # whose account is charged goes with the key
        b"openai-organization", b"openai-project", b"x-goog-user-project",
        b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256",
    }
)  # fmt: skip
_WAY_HERE = frozenset({b"forwarded", b"via", b"x-real-ip"})
_DROPPED = _HOP_BY_HOP | _CREDENTIALS | _WAY_HERE | ATTRIBUTION_HEADERS
_DROPPED_PREFIXES = (*ATTRIBUTION_PREFIXES, b"x-forwarded-")
_USUAL_CONNECTIONS = frozenset({b"keep-alive", b"Keep-Alive", b"close"})

_STREAMS_WITH_OPTIONS = frozenset({"chat.completions", "completions"})
_DEPLOYMENT_PATHS = frozenset(
    {
        "/completions", "/chat/completions", "/embeddings", "/audio/transcriptions", "/audio/translations",
        "/audio/speech", "/images/generations", "/images/edits",
    }
)  # fmt: skip
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
REMEMBERED_MAX, REMEMBERED_BYTES_MAX = 1_024, 64
"""How many names of headers are remembered, and how long they are at most: callers choose them."""

_ASCII = bytes(range(0x21, 0x7F)).decode()
READABLE = frozenset({b"gzip", b"x-gzip", b"deflate", b"br", b"identity"})
"""Encodings that usage can be read from. A provider that is offered another one may use it, and its answers are unpriced."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as it goes on the wire. `target` is the path and query below the origin, `lines` are the headers.

    `usage_asked`: the stream's extra usage chunk was asked for by the gateway alone, and is to be removed again.
    """

    method: bytes
    target: bytes
    lines: bytes
    body: bytes
    usage_asked: bool


def outgoing(
    route: Route, view: View, request: Request, provider: Provider, model: str, signer: Signer | None
) -> Outgoing:
    """The request to send to `provider` for `model` ('' on a passthrough that names none).

    The body is the very same object when nothing in it has to change. `signer` is there when `provider.auth` needs one.
    """
    assert provider.dialect == route.dialect, f"{provider.name} speaks {provider.dialect}, the request {route.dialect}"
    usage_asked = (
        view.stream
        and not view.wants_usage
        and route.dialect == "openai"
        and route.action == "call"
        and route.endpoint in _STREAMS_WITH_OPTIONS
    )
    body = _body(route, view, provider, model, request.body)
    if usage_asked:
        body = _asking_for_usage(view, body)
    way = _way(route, view, request, provider, model, identity=usage_asked or (view.stream and wants_cost(request)))
    lines = way.lines
    if body or request.method not in _BODILESS:
        lines += b"content-length: %d\r\n" % len(body)
    if signer is not None:
        lines += rendered(_signed(request, provider, way, body, signer))
    return Outgoing(method=request.method.encode(), target=way.target, lines=lines, body=body, usage_asked=usage_asked)


def _signed(
    request: Request, provider: Provider, way: "_Way", body: bytes, signer: Signer
) -> Sequence[tuple[bytes, bytes]]:
    """What a signer adds to the headers."""
    length = [(b"content-length", b"%d" % len(body))] if body or request.method not in _BODILESS else []
    _, base = _address(provider.base_url)
    origin = provider.base_url[: len(provider.base_url.rstrip("/")) - len(base)]
    return signer.sign(request.method, origin + way.target.decode(), [*way.headers, *length], body)


@lru_cache(maxsize=256)
def _address(base_url: str) -> tuple[bytes, str]:
    """Host and path of a provider's address, the path without a last slash."""
    parts = urlsplit(base_url)
    return parts.netloc.rpartition("@")[2].encode("idna" if not parts.netloc.isascii() else "ascii"), parts.path.rstrip(
        "/"
    )


def _path(route: Route, view: View, provider: Provider, model: str) -> str:
    """The path below the provider's address."""
    if provider.kind == "azure":
        return _azure_path(route, provider, model)
    if provider.kind == "vertex" and route.action == "call":
        return _vertex_path(route, view, model)
    if not route.model or model == route.model or route.dialect == "openai":
        return route.path
    place = "/models/" if route.dialect == "gemini" else "/model/"
    before, _, rest = route.path.partition(place)
    verb = rest[rest.rindex(":" if route.dialect == "gemini" else "/") :]
    return f"{before}{place}{quote(model, safe='')}{verb}"


def _azure_path(route: Route, provider: Provider, model: str) -> str:
    """Azure's dated interface has the deployment in the path where there is one; its undated one is OpenAI's, below /openai/v1."""
    if not provider.api_version:
        return f"/openai/v1{route.path}"
    if model and route.path in _DEPLOYMENT_PATHS:
        return f"/openai/deployments/{quote(model, safe='')}{route.path}"
    return f"/openai{route.path}"


def _vertex_path(route: Route, view: View, model: str) -> str:
    if route.dialect == "gemini":
        return f"/publishers/google/models/{quote(model, safe='@')}{route.path[route.path.rindex(':') :]}"
    if route.endpoint == "messages.count_tokens":
        return "/publishers/anthropic/models/count-tokens:rawPredict"
    verb = "streamRawPredict" if view.stream else "rawPredict"
    return f"/publishers/anthropic/models/{quote(model, safe='@')}:{verb}"


def _query(route: Route, provider: Provider, query: str) -> str:
    """The caller's query without a key, and with the provider's version of the interface instead of an Azure client's."""
    if query:
        dropped = {"key", "api-version"} if route.dialect == "openai" else {"key"}
        kept = [part for part in query.split("&") if unquote(part.partition("=")[0]) not in dropped]
        query = quote("&".join(kept), safe=_ASCII, encoding="latin-1")
    if provider.kind == "azure" and provider.api_version:
        version = f"api-version={quote(provider.api_version, safe='')}"
        return f"{query}&{version}" if query else version
    return query


def _body(route: Route, view: View, provider: Provider, model: str, body: bytes) -> bytes:
    """The body with the model that is asked for, where the body is what names it."""
    if provider.kind == "vertex" and route.dialect == "anthropic" and route.action == "call":
        return _vertex_anthropic_body(route, model, body)
    if not model or model == view.named or route.dialect not in ("openai", "anthropic"):
        return body
    if provider.kind == "azure" and provider.api_version and route.path in _DEPLOYMENT_PATHS:
        return body  # the path names the deployment; the body's model is not looked at
    start, end = view.model_at
    if start:
        return b"".join((body[:start], text(model), body[end:]))
    return body if not view.named and route.action != "call" else with_members(body, {"model": text(model)})


def _vertex_anthropic_body(route: Route, model: str, body: bytes) -> bytes:
    """Vertex has Anthropic's version in the body and the model in the path, except where tokens are counted."""
    named = text(model) if route.endpoint == "messages.count_tokens" else None
    return with_members(body, {"model": named, "anthropic_version": text(VERTEX_ANTHROPIC_VERSION)})


def _asking_for_usage(view: View, body: bytes) -> bytes:
    """The body of a stream with `stream_options.include_usage`."""
    if not view.stream_options:
        return appended(body, "stream_options", b'{"include_usage":true}')
    held = view.stream_options if view.stream_options != b"null" else b"{}"
    return with_members(body, {"stream_options": with_members(held, {"include_usage": b"true"})})


def rendered(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Headers as they go on the wire, each a line."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    assert lines.count(b"\n") == lines.count(b"\r") == len(headers), "what is sent are the headers that were meant"
    return lines


class _Way(msgspec.Struct, frozen=True):
    """What goes to a provider whatever the body says, and what it came of: the path and query, and the headers of one head, once
    as lines.
    """

    provider: Provider
    route: Route
    model: str
    stream: bool
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    lines: bytes


def _way(route: Route, view: View, request: Request, provider: Provider, model: str, *, identity: bool) -> _Way:
    """The way to `model` of a provider: worked out once for a head that comes again with the same model."""
    known, kind = request.known, (provider.name, identity)
    found = None if known is None else known.get(kind)
    if (
        isinstance(found, _Way)
        and found.provider is provider
        and found.route is route
        and found.model == model
        and found.stream == view.stream
    ):
        return found
    host, base = _address(provider.base_url)
    path, query = base + _path(route, view, provider, model), _query(route, provider, request.query)
    headers = _headers(request, provider, host, identity=identity)
    target = f"{path}?{query}" if query else path
    found = _Way(provider, route, model, view.stream, target.encode(), headers, rendered(headers))
    if known is not None:
        known[kind] = found
    return found


def _headers(request: Request, provider: Provider, host: bytes, *, identity: bool) -> list[tuple[bytes, bytes]]:
    """The caller's headers that are the provider's business, with the provider's own in place of the caller's.

    `identity`: the answer's bytes will be edited, so no compression is offered.
    """
    dropped = _DROPPED
    own = [(name.lower().encode(), value.encode()) for name, value in provider.headers.items()]
    offered = request.headers.get(b"accept-encoding")
    encodings = b"identity" if identity else offered and readable(offered)
    if encodings and encodings != offered:
        own.append((b"accept-encoding", encodings))
    connection = request.headers.get(b"connection", b"close")
    if connection not in _USUAL_CONNECTIONS:
        dropped = dropped.union(name.strip() for name in connection.lower().split(b","))
    if own:
        dropped = dropped.union(name for name, _ in own)
    kept = [(b"host", host)]
    if dropped is _DROPPED:
        kept += [header for header in request.raw_headers if _PASSES[header[0]]]
    else:
        kept += [header for header in request.raw_headers if _PASSES[header[0]] and header[0] not in dropped]
    kept += own
    key = provider.api_key
    if key:
        if provider.auth == "bearer":
            kept.append((b"authorization", b"Bearer " + key.encode()))
        elif provider.auth not in ("none", "sigv4", "google"):
            kept.append((provider.auth.encode(), key.encode()))
    return kept


class _Passes(dict[bytes, bool]):
    """Whether a header goes to a provider, by its name: remembered, because all calls have the same few."""

    def __missing__(self, name: bytes) -> bool:
        passes = name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
        if len(self) < REMEMBERED_MAX and len(name) <= REMEMBERED_BYTES_MAX:
            self[name] = passes
        return passes


_PASSES = _Passes()


@lru_cache(maxsize=256)
def readable(offered: bytes) -> bytes:
    """An `accept-encoding` without what usage cannot be read from."""
    kept = [part.strip() for part in offered.split(b",") if part.partition(b";")[0].strip().lower() in READABLE]
    return offered if len(kept) == offered.count(b",") + 1 else b", ".join(kept) or b"identity"


def wants_cost(request: Request) -> bool:
    """Whether the caller asks for the cost in the stream's last usage event."""
    return request.headers.get(b"x-floorline-include-cost", b"").lower() == b"true"
