"""Requests and providers as tests write them."""

import json

from floorline.gateway.message import Request
from floorline.gateway.policy import Provider
from floorline.gateway.wire.body import View, view
from floorline.gateway.wire.forward import Outgoing, outgoing
from floorline.gateway.wire.routes import Route, route
from floorline.gateway.wire.signing import Signer

OPENAI = Provider(name="openai", dialect="openai", base_url="https://api.openai.com/v1", api_key="sk-real")
ANTHROPIC = Provider(
    name="anthropic", dialect="anthropic", base_url="https://api.anthropic.com", auth="x-api-key", api_key="ant-real"
)
GEMINI = Provider(
    name="gemini",
    dialect="gemini",
    base_url="https://generativelanguage.googleapis.com",
    auth="x-goog-api-key",
    api_key="goog-real",
)
PROVIDERS = {provider.name: provider for provider in (ANTHROPIC, GEMINI)} | {
    "router": Provider(name="router", dialect="openai", base_url="https://openrouter.ai/api/v1", api_key="or-real")
}


def routed(path: str, method: str = "POST", **headers: str) -> Route:
    """The route of `path`, which has one."""
    found = route(method, path, {name.replace("_", "-").encode(): v.encode() for name, v in headers.items()}, PROVIDERS)
    assert found is not None, f"{method} {path} has no route"
    return found


def seen(where: Route, body: bytes) -> View:
    """The view of `body`, which is valid."""
    found = view(where, body)
    assert isinstance(found, View), found
    return found


def sent(
    path: str,
    body: object,
    provider: Provider,
    *,
    model: str = "",
    headers: dict[str, str] | None = None,
    query: str = "",
    signer: Signer | None = None,
) -> Outgoing:
    """What goes to `provider` for a POST of `body` (bytes, or an object to write as JSON); `model` '' is the caller's own."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    where = routed(path)
    looked_at = seen(where, raw)
    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    request = Request(method="POST", path=path, query=query, headers=dict(pairs), raw_headers=pairs, body=raw)
    return outgoing(where, looked_at, request, provider, model or looked_at.model, signer)


def headers_of(sent: Outgoing) -> list[tuple[bytes, bytes]]:
    """The headers of what is sent, in order."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in sent.lines.split(b"\r\n")[:-1])]
