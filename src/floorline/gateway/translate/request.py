"""A request as a target of another dialect is asked it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from floorline.gateway.message import Request
from floorline.gateway.policy import Dialect
from floorline.gateway.translate.chat import Chat
from floorline.gateway.translate.saying import Unsayable, read
from floorline.gateway.translate.to_anthropic import messages_request
from floorline.gateway.translate.to_gemini import generate_request
from floorline.gateway.wire.body import View
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.members import text
from floorline.gateway.wire.routes import Route

ANTHROPIC_VERSION = b"2023-06-01"
_NAMED = b'{"model":'
"""How a request to Anthropic begins."""
TRANSLATIONS = "what is translated: openai's chat completions to anthropic and gemini"

_OWN_HEADERS = frozenset({b"content-type", b"accept", b"accept-encoding", b"anthropic-version"})
_OWN_PREFIXES = (b"openai-", b"x-stainless-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `wire.forward` sends: the same call in another dialect, its model still named as the caller does."""

    route: Route
    view: View
    request: Request


def speaks(route: Route, dialect: Dialect) -> bool:
    """Whether a target of `dialect` can be asked for what comes by `route`, as it is or translated."""
    if dialect == route.dialect:
        return True
    return route.action == "call" and route.endpoint == "chat.completions" and serves(dialect, route.dialect)


def serves(dialect: Dialect, callers: Dialect) -> bool:
    """Whether a target of `dialect` can serve callers of another one, at some endpoint at least."""
    return dialect == callers or (callers == "openai" and dialect in _TARGETS)


def translated(route: Route, view: View, request: Request, dialect: Dialect) -> Asked | Invalid:
    """The request in the target's dialect, or what of it cannot be said there."""
    assert speaks(route, dialect), f"{route.endpoint} of {route.dialect} is not translated to {dialect}"
    try:
        return _TARGETS[dialect](read(request.body), view, request)
    except Unsayable as unsayable:
        return unsayable.invalid()


def _anthropic(chat: Chat, view: View, request: Request) -> Asked:
    path, named = "/v1/messages", len(_NAMED)
    return Asked(
        route=Route(dialect="anthropic", endpoint="messages", action="call", path=path),
        view=View(
            model=view.model,
            named=view.model,
            stream=view.stream,
            model_at=(named, named + len(text(view.model))),
        ),
        request=_request(
            request,
            path,
            messages_request(chat, view.model, stream=view.stream),
            extra=[(b"anthropic-version", ANTHROPIC_VERSION)],
        ),
    )


def _gemini(chat: Chat, view: View, request: Request) -> Asked:
    verb = "streamGenerateContent" if view.stream else "generateContent"
    path = f"/v1beta/models/{quote(view.model, safe='')}:{verb}"
    return Asked(
        route=Route(dialect="gemini", endpoint=verb, action="call", path=path, model=view.model, streamed=view.stream),
        view=View(model=view.model, stream=view.stream),
        request=_request(request, path, generate_request(chat), query="alt=sse" if view.stream else ""),
    )


_TARGETS: Mapping[Dialect, Callable[[Chat, View, Request], Asked]] = {"anthropic": _anthropic, "gemini": _gemini}


def _request(
    request: Request, path: str, body: bytes, *, query: str = "", extra: list[tuple[bytes, bytes]] | None = None
) -> Request:
    """The caller's request with another body and path, without headers that speak of OpenAI's. No compression is offered:
    the answer is read to be translated.
    """
    raw_headers = [
        header
        for header in request.raw_headers
        if header[0] not in _OWN_HEADERS and not header[0].startswith(_OWN_PREFIXES)
    ]
    raw_headers += [(b"content-type", b"application/json"), (b"accept-encoding", b"identity"), *(extra or ())]
    return Request(
        method="POST",
        path=path,
        query=query,
        headers=request.headers,
        raw_headers=raw_headers,
        body=body,
        received_ns=request.received_ns,
    )
