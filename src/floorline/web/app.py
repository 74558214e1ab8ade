"""The dashboard's ASGI application: Starlette finds the route, `answering` says what is answered, this sends it.

    site = Site(answering); site.serve(routes, streams)      # again after a reload
    uvicorn serves `site`

Routes are matched against the path as it was sent, with its quoting, so that a name may hold a slash.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Router
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from floorline.web.answering import Answering
from floorline.web.http import Asked, Page, Refused, Route, Stream
from floorline.web.packing import packed
from floorline.web.turns import Turns

COMPRESSED_FROM_BYTES = 1_024
BROTLI_QUALITY = 5
BODY_S = 30
"""How long a request's body may take: whoever sends it a byte at a time holds a connection."""

LISTENERS_EACH_MAX = 16
"""How many events one reader may listen to at once, so that nobody takes the places of all."""

HEARTBEAT_S = 15
"""How long a stream is silent at most, and how long it goes on for somebody who is not known any more."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY: Mapping[str, str] = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""What every answer says, unless its route says otherwise."""

_COMPRESSED = ("text/", "application/json", "image/svg+xml")


class Site:
    """The ASGI application. `serve` before it is asked."""

    def __init__(self, answering: Answering, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._answering, self._heartbeat_s = answering, heartbeat_s
        self._router = Router()
        self._known: tuple[str, ...] = ()
        self._closing = asyncio.Event()
        self._listeners: Counter[tuple[str, str]] = Counter()
        self._turns = Turns()

    def serve(self, routes: Sequence[Route], streams: Sequence[Stream] = ()) -> None:
        """Answer by these from now on. Two routes of one method and path are a defect."""
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = by_path.setdefault(route.path, {})
            assert route.method not in methods, f"two routes answer {route.method} {route.path}"
            methods[route.method] = route
        hosted: list[BaseRoute] = [
            StarletteRoute(path, self._endpoint(by_path[path]), methods=None)
            for path in sorted(by_path, key=_literal_first)
        ]
        hosted += [StarletteRoute(stream.path, self._stream(stream), methods=None) for stream in streams]
        self._router = Router(hosted, redirect_slashes=False, default=self._nowhere)
        self._known = tuple(by_path)

    def close(self) -> None:
        """End every stream, so that the server can end."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
        if not bearer and not self._answering.knows_host(request.headers.get("host", "")):
            refused = Refused(
                421, "host", "this is not a name of this dashboard: put it into web.allowed_hosts or web.public_url"
            )
            page = self._answering.refused(refused, _asked(request, b"", {}))
            await _response(page, request)(scope, receive, send)
            return
        # The server has unquoted the path; a name's own slash can only be told from the path's in what was sent.
        await self._router({**scope, "path": scope["raw_path"].decode("latin-1"), "root_path": ""}, receive, send)

    def _endpoint(self, methods: Mapping[str, Route]) -> "_Endpoint":
        return _Endpoint(self._answering, methods, self._turns)

    async def _nowhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        asked = _asked(request, b"", {})
        api = ", ".join(path for path in self._known if path.startswith("/api/"))
        where = f": {api}" if asked.path.startswith("/api/") else ""
        refused = Refused(404, "not_found", f"there is no {asked.path[:200]}{where}")
        page = await asyncio.to_thread(lambda: self._answering.refused(refused, self._answering.identified(asked)))
        await _response(page, request)(scope, receive, send)

    def _stream(self, stream: Stream) -> "_Listening":
        return _Listening(self._answering, stream, self._closing, self._listeners, self._heartbeat_s)


class _Endpoint:
    """One path's routes by method, as an ASGI application of Starlette's router."""

    def __init__(self, answering: Answering, methods: Mapping[str, Route], turns: Turns) -> None:
        self._answering, self._methods, self._turns = answering, methods, turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            page = await self._page(request)
        except ClientDisconnect:
            return
        await _response(page, request)(scope, receive, send)

    async def _page(self, request: Request) -> Page:
        route = self._methods.get("GET" if request.method == "HEAD" else request.method)
        try:
            names = {name: unquote(value, errors="strict") for name, value in request.path_params.items()}
        except UnicodeDecodeError:
            refused = Refused(400, "invalid", "the path is not UTF-8: quote it anew")
            return self._answering.refused(refused, _asked(request, b"", {}))
        if route is None:
            asked = _asked(request, b"", names)
            said = f"{request.method} is not answered at {asked.path[:200]}: {', '.join(self._methods)}"
            page = self._answering.refused(Refused(405, "method", said), asked)
            return Page(page.status, page.kind, page.body, [*page.headers, ("allow", ", ".join(self._methods))])
        try:
            async with asyncio.timeout(BODY_S):
                body = await _body(request, route.body_bytes_max)
        except TimeoutError:
            refused = Refused(408, "slow", f"the body did not come within {BODY_S} s: send it again")
            return self._answering.refused(refused, _asked(request, b"", names))
        asked = _asked(request, body or b"", names)
        if body is None:
            said = f"the body is larger than the {route.body_bytes_max} bytes that {asked.path[:200]} takes"
            return self._answering.refused(Refused(413, "too_large", said), asked)
        async with self._turns.of(asked.header("authorization") or asked.header("cookie")):
            return await asyncio.to_thread(self._answering.answer, route, asked)


class _Listening:
    """One stream of events, for as many as may listen."""

    def __init__(
        self,
        answering: Answering,
        stream: Stream,
        closing: asyncio.Event,
        listeners: Counter[tuple[str, str]],
        heartbeat_s: float,
    ) -> None:
        self._answering, self._of, self._closing, self._listeners = answering, stream, closing, listeners
        self._heartbeat_s = heartbeat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        asked = await asyncio.to_thread(self._answering.identified, _asked(request, b"", {}))
        try:
            self._check(asked)
            source = self._of.events(asked)
        except Refused as refused:
            await _response(self._answering.refused(refused, asked), request)(scope, receive, send)
            return
        place = self._place(asked)
        self._listeners[place] += 1
        try:
            headers = {**SECURITY, "cache-control": "no-store", "x-accel-buffering": "no"}
            events = self._events(source, asked)
            await StreamingResponse(events, headers=headers, media_type="text/event-stream")(scope, receive, send)
        finally:
            self._listeners[place] -= 1

    def _place(self, asked: Asked) -> tuple[str, str]:
        """What is counted: this stream, by this reader."""
        return self._of.path, asked.who.name if asked.who else ""

    def _check(self, asked: Asked) -> None:
        self._answering.check(self._of.rule, asked)
        if asked.method != "GET":
            raise Refused(405, "method", f"{asked.method} is not answered at {asked.path[:200]}: GET")
        listening = sum(count for (path, _), count in self._listeners.items() if path == self._of.path)
        if listening >= self._of.listeners_max:
            raise Refused(503, "busy", f"{self._of.listeners_max} listen already: close one of them")
        if self._listeners[self._place(asked)] >= LISTENERS_EACH_MAX:
            raise Refused(503, "busy", f"you listen {LISTENERS_EACH_MAX} times already: close one of them")

    async def _may_still(self, asked: Asked) -> bool:
        """Whether whoever listens would be let in now: their session may be over, or their token revoked."""
        try:
            self._answering.check(self._of.rule, await asyncio.to_thread(self._answering.identified, asked))
        except Refused:
            return False
        return True

    async def _events(self, source: AsyncIterator[str], asked: Asked) -> AsyncIterator[str]:
        """What the stream yields, and a comment where it has been silent for long, until everything ends or whoever listens
        may no more.
        """
        clock = asyncio.get_running_loop().time
        checked = clock()
        closing = asyncio.ensure_future(self._closing.wait())
        coming: asyncio.Future[str] | None = None
        try:
            while not closing.done():
                coming = coming or asyncio.ensure_future(anext(source))
                await asyncio.wait([coming, closing], timeout=self._heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
                if clock() - checked >= self._heartbeat_s:
                    if not await self._may_still(asked):
                        return
                    checked = clock()
                if coming.done():
                    event, coming = coming, None
                    try:
                        yield event.result()
                    except StopAsyncIteration:
                        return
                elif not closing.done():
                    yield ": still here\n\n"
        finally:
            closing.cancel()
            if coming is not None:
                coming.cancel()


def _literal_first(path: str) -> list[tuple[bool, int, str]]:
    """What is spelt out comes before a name in its place, and a name with an ending before one without."""
    return [("{" in part, -len(part.partition("}")[2]), part) for part in path.split("/")]


def _asked(request: Request, body: bytes, names: Mapping[str, str]) -> Asked:
    return Asked(
        method=request.method,
        path=request.scope["path"],
        query=request.url.query,
        headers=_headers(request),
        body=body,
        names=names,
        client=request.client.host if request.client else "",
    )


def _headers(request: Request) -> Mapping[str, str]:
    """Each header once: what stands in several lines is one list, as its receivers read it (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        between = "; " if name == "cookie" else ", "
        found[name] = f"{found[name]}{between}{value}" if name in found else value
    return found


async def _body(request: Request, bytes_max: int) -> bytes | None:
    """The body; None when it is larger."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            return None
        parts.append(part)
    return b"".join(parts)


def _response(page: Page, request: Request) -> Response:
    body = page.body.encode() if isinstance(page.body, str) else page.body
    headers = {"content-type": page.kind, "cache-control": "no-store", **SECURITY}
    more: list[tuple[str, str]] = []
    for name, value in page.headers:
        if name == "set-cookie":
            more.append((name, value))
        else:
            headers[name] = value
    if len(body) >= COMPRESSED_FROM_BYTES and "content-encoding" not in headers and page.kind.startswith(_COMPRESSED):
        headers["vary"] = ", ".join(filter(None, [headers.get("vary", ""), "accept-encoding"]))
        if "br" in request.headers.get("accept-encoding", ""):
            body = packed(body, BROTLI_QUALITY)
            headers["content-encoding"] = "br"
    response = Response(body, page.status, headers)
    for name, value in more:
        response.headers.append(name, value)
    return response
