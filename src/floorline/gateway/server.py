"""Inbound HTTP/1.1: a connection reads requests one after another and hands each, whole, to the handler.

    bytes → llhttp → Request → handler(request, reply) → Answer → bytes

Complete for what clients send: keep-alive, pipelining, `Expect: 100-continue`, HTTP/1.0, chunked bodies, and limits on
everything that comes from outside. No timer per request: one sweep a second looks at every connection's deadline.
"""

import asyncio
import logging
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

import httptools

from floorline.gateway.message import Headers, Reply, Request
from floorline.gateway.policy import Limits

log = logging.getLogger(__name__)

Handler = Callable[[Request, Reply], Awaitable[None]]
SWEEP_S = 1
LINGER_S = 3
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINES = {status: b"HTTP/1.1 %d %s\r\n" % (status, b"") for status in range(100, 1000)} | {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_OFFERED = frozenset({b"h2c", b"h2", b"tls/1.0"})  # upgrades that a client offers and goes on without
_OFFER_HEADERS = frozenset({b"upgrade", b"connection", b"http2-settings"})
_BODILESS = frozenset({204, 304})
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"date"})


def error_answer(message: str, kind: str = "invalid_request_error") -> bytes:
    """An error of the server itself, told before any dialect is known, in the shape that most clients read."""
    quoted = message.replace("\\", "\\\\").replace('"', '\\"')
    return b'{"error":{"message":"%s","type":"%s","param":null,"code":null}}' % (quoted.encode(), kind.encode())


class Answer:
    """The reply to one request, written to the connection that the request came on."""

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_connection",
        "_ended",
        "_left",
        "_until_close",
        "gone",
        "keep",
        "on_full",
        "on_gone",
        "on_room",
        "started",
    )

    def __init__(self, connection: "Connection", *, keep: bool, bodiless: bool) -> None:
        self._connection, self._bodiless = connection, bodiless
        self._chunked = self._until_close = self._ended = False
        self._left: int | None = None
        self.keep, self.gone, self.started = keep, False, False
        self.on_gone: Callable[[], None] | None = None
        self.on_full: Callable[[], None] | None = None
        self.on_room: Callable[[], None] | None = None

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer in one write."""
        assert not self.started, "an answer is started once"
        self.started = True
        out = self._head(status, headers)
        if status not in _BODILESS:
            out.append(b"content-length: %d\r\n" % len(body))
        out.append(b"\r\n")
        if not self._bodiless:
            out.append(body)
        self._write(b"".join(out))
        self._finish()

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """The head; `length` None is chunked, or until close for a client of HTTP/1.0."""
        assert not self.started, "an answer is started once"
        self.started, self._left = True, length
        self._until_close = length is None and self._connection.old
        self.keep = self.keep and not self._until_close
        out = self._head(status, headers)
        if length is not None:
            out.append(b"content-length: %d\r\n\r\n" % length)
        elif self._until_close:
            out.append(b"\r\n")
        else:
            self._chunked = True
            out.append(b"transfer-encoding: chunked\r\n\r\n")
        self._write(b"".join(out))

    def write(self, data: bytes) -> None:
        """The next bytes of the body."""
        assert self.started, "the head comes first"
        if not data or self._bodiless:
            return
        if self._chunked:
            self._write(b"%x\r\n%b\r\n" % (len(data), data))
            return
        if self._left is not None:
            self._left -= len(data)
            assert self._left >= 0, "the body is longer than its content-length"
        self._write(data)

    def end(self) -> None:
        """The body is complete. One that is shorter than its content-length is broken, not ended."""
        assert self.started, "the head comes first"
        if self._left and not self._bodiless:
            self.abort()
            return
        if self._chunked and not self._bodiless:
            self._write(b"0\r\n\r\n")
        self._finish()

    def abort(self) -> None:
        """Break the connection, so that the client sees that the answer is not whole."""
        if not self._ended:
            self._ended = True
            self._connection.abort()

    def _head(self, status: int, headers: Headers) -> list[bytes]:
        out = [_LINES[status], self._connection.server.date]
        for name, value in headers:
            if name not in _FRAMING:
                out += (name, b": ", value, b"\r\n")
        if not self.keep:
            out.append(b"connection: close\r\n")
        elif self._connection.old:
            out.append(b"connection: keep-alive\r\n")
        return out

    def _write(self, data: bytes) -> None:
        if not self.gone and not self._ended:
            self._connection.write(data)

    def _finish(self) -> None:
        if not self._ended:
            self._ended = True
            self._connection.answered(self)

    @property
    def ended(self) -> bool:
        """Nothing more can be written."""
        return self._ended


class Connection(asyncio.Protocol):
    """One client. Requests are answered in order; while one is being answered the next waits, whole or in part."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.old = False  # the current request is HTTP/1.0's
        self.deadline = 0.0  # float: seconds of the loop's clock, not money
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._raw: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._url = b""
        self._fed = self._held = 0
        self._reading_body = False
        self._continue_due = False
        self._waiting: deque[tuple[Request, bool, bool]] = deque()
        self._current: Answer | None = None
        self._refusal: tuple[int, str] | None = None
        self._refusal_told = False

    # -- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)
        self.server.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left; an answer under way is told so."""
        del exc
        self._transport = None
        self.server.left(self)
        self._waiting.clear()
        current, self._current = self._current, None
        if current is not None:
            current.gone = True
            if current.on_gone is not None:
                current.on_gone()

    def eof_received(self) -> bool:
        """The client will send no more, and may still be reading: only an idle connection is closed."""
        return self._current is not None

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        if self._current is not None and self._current.on_full is not None:
            self._current.on_full()

    def resume_writing(self) -> None:
        """There is room again."""
        if self._current is not None and self._current.on_room is not None:
            self._current.on_room()

    def write(self, data: bytes) -> None:
        """To the client, if it is there."""
        if self._transport is not None:
            self._transport.write(data)

    def abort(self) -> None:
        """Break the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- what llhttp finds

    def data_received(self, data: bytes) -> None:
        """More of a request, or of several."""
        if self._refusal is not None:
            return
        if not self._reading_body:
            self._fed += len(data)
            if self._fed > self.server.limits.header_bytes_max + len(data):
                self._refuse(431, f"the request's head exceeds {self.server.limits.header_bytes_max} bytes")
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[int(str(upgrade)) :])
        except httptools.HttpParserCallbackError as error:
            log.exception("a request could not be taken in", exc_info=error)
            self._refuse(500, "the request could not be read")
        except httptools.HttpParserError as error:
            self._refuse(400, f"not an HTTP/1.1 request: {error}")

    def _stay(self, rest: bytes) -> None:
        """An upgrade that was offered is not taken. llhttp leaves such a request's body unread, so the request is read
        again without the offer.
        """
        method, url, old = self._parser.get_method(), self._url, self._parser.get_http_version()
        head = [b"%b %b HTTP/%b\r\n" % (method, url, old.encode())]
        head += [b"%b: %b\r\n" % pair for pair in self._raw if pair[0] not in _OFFER_HEADERS]
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join([*head, b"\r\n", rest]))

    def on_message_begin(self) -> None:
        """A request begins; its head must be there by its deadline."""
        self._raw, self._parts, self._url, self._held = [], [], b"", 0
        self._reading_body = False
        if self._current is None:
            self.deadline = self.server.clock() + self.server.limits.header_ms / 1000

    def on_url(self, url: bytes) -> None:
        """Path and query, in one piece or several."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of the head; trailers behind a body are left out."""
        if not self._reading_body:
            self._raw.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: what can be refused by it is refused before the body comes."""
        self._reading_body, self._fed = True, 0
        refusal = self._objection()
        if refusal is not None:
            self._refuse(*refusal)
        else:
            self._continue_due = any(name == b"expect" for name, _ in self._raw)
            self._invite()

    def _objection(self) -> tuple[int, str] | None:
        """Why the request is refused by its head alone: a status and what to say."""
        limits, hosts, size = self.server.limits, 0, len(self._url)
        for name, value in self._raw:
            size += len(name) + len(value)
            if name == b"host":
                hosts += 1
            elif name == b"upgrade" and value.lower() not in _OFFERED:
                return 501, f"Upgrade to {value.decode('latin-1')} is not supported: send plain HTTP/1.1 requests"
            elif name == b"content-length" and int(value) > limits.body_bytes_max:
                return 413, f"the body has {int(value)} bytes, at most {limits.body_bytes_max} are taken"
            elif name == b"expect" and value.lower() != b"100-continue":
                return 417, "only `Expect: 100-continue` is understood"
        if size > limits.header_bytes_max:
            return 431, f"the request's head has {size} bytes, at most {limits.header_bytes_max} are taken"
        if self._parser.get_method() == b"CONNECT":
            return 501, "tunnels are not supported: send plain HTTP/1.1 requests"
        if hosts > 1 or (hosts == 0 and self._parser.get_http_version() == "1.1"):
            return 400, f"a request of HTTP/1.1 has one Host header, this one has {hosts}"
        return None

    def on_body(self, data: bytes) -> None:
        """The next bytes of the body."""
        self._held += len(data)
        if self._held > self.server.limits.body_bytes_max:
            self._refuse(413, f"the body exceeds {self.server.limits.body_bytes_max} bytes")
        else:
            self._parts.append(data)

    def on_message_complete(self) -> None:
        """A request is whole."""
        parser = self._parser
        if self._refusal is not None or parser.should_upgrade():
            return
        raw, parts = self._raw, self._parts
        path, _, query = self._url.decode("latin-1").partition("?")
        request = Request(
            method=parser.get_method().decode("ascii"),
            path=path,
            query=query,
            headers=dict(raw),
            raw_headers=raw,
            body=parts[0] if len(parts) == 1 else b"".join(parts),
            received_ns=time.perf_counter_ns(),
        )
        self._raw, self._parts, self._reading_body, self._continue_due = [], [], False, False
        keep = parser.should_keep_alive() and not self.server.closing
        waiting = (request, keep, parser.get_http_version() == "1.0")
        if self._current is None and not self._waiting:
            self._begin(*waiting)
        else:
            self._waiting.append(waiting)
            if self._transport is not None:
                self._transport.pause_reading()

    # -- one request after another

    def _begin(self, request: Request, keep: bool, old: bool) -> None:
        self.old, self.deadline = old, 0.0
        self._current = answer = Answer(self, keep=keep, bodiless=request.method == "HEAD")
        self.server.serve(request, answer)

    def answered(self, answer: Answer) -> None:
        """The current answer is complete: on to the next request, or close."""
        assert answer is self._current or answer.gone, "answers come in order"
        self._current = None
        transport = self._transport
        if transport is None:
            return
        if self._refusal_told:
            self._linger(transport)
        elif not answer.keep or self.server.closing:
            transport.close()
        elif self._waiting:
            self._begin(*self._waiting.popleft())
            if not self._waiting:
                transport.resume_reading()
        elif self._refusal is not None:
            self._tell_refusal()
        else:
            self.deadline = self.server.clock() + self.server.limits.idle_ms / 1000
            self._invite()

    def _invite(self) -> None:
        """Ask for the body that a client holds back, once the answers before it are out."""
        if self._reading_body:
            self.deadline = self.server.clock() + self.server.limits.body_ms / 1000
        if self._continue_due and self._current is None and not self._waiting:
            self._continue_due = False
            self.write(_CONTINUE)

    def _refuse(self, status: int, message: str) -> None:
        """Take nothing more from this client; say why once the answers before are out."""
        if self._refusal is None:
            self._refusal = (status, message)
            if self._current is None and not self._waiting:
                self._tell_refusal()

    def _tell_refusal(self) -> None:
        assert self._refusal is not None
        status, message = self._refusal
        self._refusal_told = True
        self.server.refused(status)
        answer = self._current = Answer(self, keep=False, bodiless=False)
        answer.whole(status, [(b"content-type", b"application/json")], error_answer(message))

    def _linger(self, transport: asyncio.Transport) -> None:
        """Close in two steps: a client that is still sending would otherwise lose the answer to a reset."""
        if transport.can_write_eof():
            transport.write_eof()
            self.deadline = self.server.clock() + LINGER_S
        else:
            transport.close()

    def expire(self, now: float) -> None:
        """Called once a second: a client that is too slow is told so, an idle one is closed."""
        if not self.deadline or now < self.deadline or self._current is not None or self._transport is None:
            return
        if self._refusal_told:
            self._transport.abort()
        elif self._reading_body or self._raw or self._fed:
            self._refuse(408, "the request did not arrive in time")
        else:
            self._transport.close()

    def drain(self) -> None:
        """The server is closing: an idle connection closes, a busy one after its answer."""
        if self._current is None and not self._waiting and not self._reading_body and self._transport is not None:
            self._transport.close()
        elif self._current is not None:
            self._current.keep = False


class Server:
    """Listens, and keeps every connection until it has left."""

    def __init__(self, handler: Handler, limits: Limits) -> None:
        self.limits = limits
        self.closing = False
        self.date = b""
        self.accepted = self.turned_away = 0
        self.refusals: dict[int, int] = {}
        self._handler = handler
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.clock = self._loop.time
        self._listening: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweep()

    async def listen(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, shared: bool = False
    ) -> tuple[str, int]:
        """Accept connections; the address that they come to. `shared` lets other processes listen to the same port."""
        server = await self._loop.create_server(
            lambda: Connection(self), host, port, ssl=tls, backlog=2048, reuse_port=shared or None
        )
        self._listening.append(server)
        bound = server.sockets[0].getsockname()
        return str(bound[0]), int(bound[1])

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    @property
    def busy(self) -> int:
        """How many requests are being handled, those of clients that have left included."""
        return len(self._tasks)

    def serve(self, request: Request, answer: Answer) -> None:
        """Handle one request in a task of its own."""
        task = self._loop.create_task(self._handled(request, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handled(self, request: Request, answer: Answer) -> None:
        try:
            await self._handler(request, answer)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            self._fail(answer)
        else:
            if not answer.ended and not answer.gone:
                log.error("%s %s was left without an answer", request.method, request.path)
                self._fail(answer)

    @staticmethod
    def _fail(answer: Answer) -> None:
        if answer.started:
            answer.abort()
        else:
            body = error_answer("the gateway failed on this request; its log says why", "api_error")
            answer.whole(500, [(b"content-type", b"application/json")], body)

    def joined(self, connection: Connection) -> None:
        """A client has connected."""
        self.accepted += 1
        self._connections.add(connection)
        connection.deadline = self.clock() + self.limits.header_ms / 1000
        if len(self._connections) > self.limits.connections_max:
            self.turned_away += 1
            connection.abort()

    def left(self, connection: Connection) -> None:
        """A client has disconnected."""
        self._connections.discard(connection)

    def refused(self, status: int) -> None:
        """Count a request that no handler has seen."""
        self.refusals[status] = self.refusals.get(status, 0) + 1

    def _sweep(self) -> None:
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode()
        now = self.clock()
        for connection in list(self._connections):
            connection.expire(now)
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    async def close(self) -> None:
        """Take no more, answer what is under way within `shutdown_ms`, then break what is left."""
        self.closing = True
        for server in self._listening:
            server.close()
        for connection in list(self._connections):
            connection.drain()
        deadline = self.clock() + self.limits.shutdown_ms / 1000
        while (self._connections or self._tasks) and self.clock() < deadline:
            await asyncio.sleep(0.02)
            for connection in list(self._connections):
                connection.drain()
        for connection in list(self._connections):
            connection.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sweeper is not None:
            self._sweeper.cancel()
