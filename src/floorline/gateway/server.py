"""Inbound HTTP/1.1: a connection reads requests one after another and hands each, whole, to the handler.

    bytes → llhttp → Request → handler(request, reply) → Answer → bytes

Complete for what clients send: keep-alive, pipelining, `Expect: 100-continue`, HTTP/1.0, chunked bodies, and limits on
everything that comes from outside. No timer per request: one sweep looks at every connection's deadline.
"""

import asyncio
import logging
import re
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from email.utils import formatdate
from typing import cast

import httptools

from floorline.gateway.answer import Answer, error_answer
from floorline.gateway.heads import Head, Heads
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Limits
from floorline.gateway.sending import Sending

log = logging.getLogger(__name__)

Handler = Callable[[Request, Reply], Awaitable[None]]
Explain = Callable[[str, Mapping[bytes, bytes], int, str], tuple[list[tuple[bytes, bytes]], bytes]]
"""Headers and body of an error, from the path and the headers as far as they came, the status and what to say."""

SWEEP_S = 1  # or shorter, as the limits ask
BACKLOG = 2048
LINGER_S = 3
PIPELINED_MAX = 128  # requests that one client may send ahead of their answers
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_AT_ONCE = struct.pack("ii", 1, 0)
_VERSIONS = frozenset({"1.1", "1.0"})
_OFFERED = frozenset({b"h2c", b"h2", b"tls/1.0"})  # upgrades that a client offers and goes on without
_OFFER = frozenset({b"upgrade", b"http2-settings"})
_AUTHORITY = re.compile(rb"[a-zA-Z][\w+.-]*://[^/?#]*", re.ASCII)
_HOST = re.compile(rb"[\w.~!$&'()*+,;=%-]*(:\d*)?|\[[0-9a-fA-F:.]+\](:\d*)?", re.ASCII)


def plain_error(
    path: str, headers: Mapping[bytes, bytes], status: int, message: str
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The shape that most clients read."""
    del path, headers, status
    return [(b"content-type", b"application/json")], error_answer(message)


def _nowhere(data: bytes) -> None:
    """The client has left."""


def _uncounted(status: int) -> None:
    """Nobody counts."""


class Connection(asyncio.Protocol):
    """One client. Requests are answered in order: while one is being answered, or while the client has not taken enough
    of the answers before, the next waits, whole or in part.
    """

    def __init__(self, server: "Server") -> None:
        self.server = server
        self._limits = server.limits
        self.old = False  # the current request is HTTP/1.0's
        self.write: Callable[[bytes], None] = _nowhere
        self._deadline = 0.0  # float: seconds of the loop's clock, not money
        self._transport: asyncio.Transport | None = None
        self._sending: Sending | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._raw: list[tuple[bytes, bytes]] = []
        self._headers: dict[bytes, bytes] = {}
        self._body: bytes | bytearray = (
            b""  # the latter from its second piece on: tiny chunks would cost a list twentyfold
        )
        self._url = b""
        self._version = ""
        self._unframed = self._held = self._unsent = 0
        self._begun = self._reading_body = self._continue_due = self._full = False
        self._waiting: deque[tuple[Request, bool, bool]] = deque()
        self._current: Answer | None = None
        self._refusal: tuple[int, str] | None = None
        self._refusal_told = self._lingering = False
        self._learnt: tuple[Request, Head] | None = None

    @property
    def date(self) -> bytes:
        """The date header of answers."""
        return self.server.date

    # -- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._sending = Sending(self._transport, self.server.under_way, self.server.soon)
        self.write = self._sending.write
        self._deadline = self.server.clock() + self._limits.header_ms / 1000
        self.server.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left; an answer under way is told so."""
        del exc
        self._transport, self._sending, self.write = None, None, _nowhere
        del self._parser  # it holds this connection's methods: nothing is left to the garbage collector
        self.server.left(self)
        self._drop_body()
        for request, _, _ in self._waiting:
            self.server.held_bytes -= len(request.body)
        self._waiting.clear()
        current, self._current = self._current, None
        if current is not None:
            current.left()

    def eof_received(self) -> None:
        """The client has closed, which is how most leave: nothing more is made for it. What was written still goes out."""
        self._flush()
        if self._current is not None:
            self._current.left()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to, and has until the deadline to take some of it."""
        self._full = True
        self._allow(self._limits.idle_ms)
        if self._current is not None and self._current.on_full is not None:
            self._current.on_full()

    def resume_writing(self) -> None:
        """There is room again."""
        self._full, self._deadline = False, 0.0
        if self._current is None:
            self._go_on()
        elif self._current.on_room is not None:
            self._current.on_room()

    def abort(self) -> None:
        """Break the connection at once: by a reset, because an ordinary end is how some answers end."""
        if self._transport is not None:
            self._flush()
            raw = self._transport.get_extra_info("socket")  # None: TLS has closed below, and will tell
            if raw is not None:
                with suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self._transport.abort()

    def broke_off(self, *, visible: bool) -> None:
        """The current answer will never be whole. `visible`: its framing shows so, and what was written may go out."""
        if visible and self._transport is not None:
            self._close(self._transport)
        else:
            self.abort()

    def _flush(self) -> None:
        """What was written goes out before anything else is done with the transport."""
        if self._sending is not None:
            self._sending.flush()

    def _close(self, transport: asyncio.Transport) -> None:
        """Close when what was written is out, if the client takes it."""
        self._flush()
        transport.close()
        self._allow(self._limits.idle_ms)

    # -- what llhttp finds

    def data_received(self, data: bytes) -> None:
        """More of a request, or of several."""
        if self._refusal is not None or self._lingering:
            return
        fresh = not self._begun and self._current is None and not self._waiting and not self._full
        if fresh and self._known(data):
            return
        if self._unframed > self._limits.header_bytes_max:
            self._refuse(431, f"the request's head or trailer exceeds {self._limits.header_bytes_max} bytes")
            return
        self._unframed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[int(str(upgrade)) :])
        except httptools.HttpParserCallbackError as error:
            log.exception("a request could not be taken in", exc_info=error)
            self._refuse(500, "the request could not be read")
        except httptools.HttpParserError as error:
            self._refuse(400, f"not an HTTP/1.1 request: {error}")
        if self._begun and self._current is None and not self._waiting and not self._deadline:
            self._await_input()
        elif fresh and self._learnt is not None:
            (request, head), self._learnt = self._learnt, None
            self.server.heads.learn(data, request.body, head)

    def _known(self, data: bytes) -> bool:
        """Whether `data` is a whole request whose head was read before: it is taken as it was then."""
        found, server = self.server.heads.find(data), self.server
        if found is None:
            return False
        head, body = found
        if len(body) > self._limits.body_bytes_max or server.held_bytes + len(body) > self._limits.held_bytes_max:
            return False
        server.held_bytes += len(body)
        request = Request(
            method=head.method,
            path=head.path,
            query=head.query,
            headers=head.headers,
            raw_headers=head.raw_headers,
            body=body,
            received_ns=time.perf_counter_ns(),
            known=head.known,
        )
        self._begin(request, not server.closing, False)
        return True

    def _stay(self, rest: bytes) -> None:
        """An upgrade that was offered is not taken. llhttp leaves such a request's body unread, so the request is read
        again without the offer.
        """
        head = [b"%b %b HTTP/%b" % (self._parser.get_method(), self._url, self._version.encode())]
        for name, value in self._raw:
            if name == b"connection":
                tokens = (token.strip() for token in value.split(b","))
                head.append(b"connection: " + b", ".join(token for token in tokens if token.lower() not in _OFFER))
            elif name not in _OFFER:
                head.append(b"%b: %b" % (name, value))
        self._parser = httptools.HttpRequestParser(self)
        self._unframed = 0
        self.data_received(b"\r\n".join([*head, b"", rest]))

    def on_message_begin(self) -> None:
        """A request begins; its head must be there by its deadline."""
        self._begun, self._reading_body, self._url, self._raw = True, False, b"", []
        if self._current is None and not self._full:
            self._deadline = 0.0

    def on_url(self, url: bytes) -> None:
        """Path and query, in one piece or several."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of the head; trailers behind a body are left out."""
        if not self._reading_body:
            self._raw.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: what can be refused by it is refused before the body comes."""
        self._headers, self._version = dict(self._raw), self._parser.get_http_version()
        refusal = self._objection()
        self._reading_body, self._unframed = True, 0
        if self._current is None and not self._full:
            self._deadline = 0.0
        if refusal is not None:
            self._refuse(*refusal)
        else:
            self._continue_due = b"expect" in self._headers and self._version == "1.1"

    def _objection(self) -> tuple[int, str] | None:
        """Why the request is refused by its head alone: a status and what to say."""
        limits, headers = self._limits, self._headers
        if self._version not in _VERSIONS:
            return 505, f"HTTP/{self._version} is not spoken here: send HTTP/1.1 requests"
        if self._parser.get_method() == b"CONNECT":
            return 501, "tunnels are not supported: send plain HTTP/1.1 requests"
        if b"upgrade" in headers and (offer := headers[b"upgrade"]).lower() not in _OFFERED:
            return 501, f"Upgrade to {offer.decode('latin-1')} is not supported: send plain HTTP/1.1 requests"
        if b"transfer-encoding" in headers and (objection := self._objection_to_coding()) is not None:
            return objection
        if b"content-length" in headers and (size := _number(headers[b"content-length"])) > limits.body_bytes_max:
            return 413, f"the body has {size} bytes, at most {limits.body_bytes_max} are taken"
        if b"expect" in headers and headers[b"expect"].lower() != b"100-continue":
            return 417, "only `Expect: 100-continue` is understood"
        if self._unframed > limits.header_bytes_max:  # with what came of the body in the same read
            size = len(self._url) + sum(len(name) + len(value) for name, value in self._raw)
            if size > limits.header_bytes_max:
                return 431, f"the request's head has {size} bytes, at most {limits.header_bytes_max} are taken"
        return self._objection_to_host()

    def _objection_to_coding(self) -> tuple[int, str] | None:
        """llhttp has refused a coding that comes twice or beside a length."""
        if self._version == "1.0":
            return 400, "HTTP/1.0 has no Transfer-Encoding"
        if self._headers[b"transfer-encoding"].strip().lower() != b"chunked":
            return 501, "the only transfer coding taken is `chunked`"
        return None

    def _objection_to_host(self) -> tuple[int, str] | None:
        host = self._headers.get(b"host")
        if host is None:
            return (400, "a request of HTTP/1.1 needs a Host header") if self._version == "1.1" else None
        if _HOST.fullmatch(host) is None:
            return 400, f"the Host header {host.decode('latin-1')!r} is not a host"
        if len(self._headers) != len(self._raw) and sum(name == b"host" for name, _ in self._raw) > 1:
            return 400, "a request has one Host header, this one has several"
        return None

    def on_body(self, data: bytes) -> None:
        """The next bytes of the body."""
        if self._refusal is not None:
            return
        self._unframed = 0
        size, limits = len(data), self._limits
        if not self._held:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body + data)
        self._held += size
        self.server.held_bytes += size
        if self._held > limits.body_bytes_max:
            self._refuse(413, f"the body exceeds {limits.body_bytes_max} bytes")
        elif self.server.held_bytes > limits.held_bytes_max:
            self._refuse(503, f"{limits.held_bytes_max} bytes of requests are under way: try again later")

    def _drop_body(self) -> None:
        self.server.held_bytes -= self._held
        self._held, self._body = 0, b""

    def on_message_complete(self) -> None:
        """A request is whole."""
        parser, url = self._parser, self._url
        if self._refusal is not None or parser.should_upgrade():
            return
        path, _, query = (url if url[:1] == b"/" else _origin_form(url)).decode("latin-1").partition("?")
        request = Request(
            method=parser.get_method().decode("ascii"),
            path=path,
            query=query,
            headers=self._headers,
            raw_headers=self._raw,
            body=self._body if isinstance(self._body, bytes) else bytes(self._body),
            received_ns=time.perf_counter_ns(),
        )
        self._held, self._body = 0, b""  # `held_bytes` goes with the request
        self._begun = self._reading_body = self._continue_due = False
        kept = parser.should_keep_alive()
        if kept and self._version == "1.1":
            self._learnt = request, _head_of(request)
        waiting = request, kept and not self.server.closing, self._version == "1.0"
        if self._current is None and not self._waiting and not self._full:
            self._begin(*waiting)
            return
        self._waiting.append(waiting)
        if self._transport is not None:
            self._transport.pause_reading()
        if len(self._waiting) > PIPELINED_MAX:
            self._refuse(429, f"at most {PIPELINED_MAX} requests may be sent ahead of their answers")

    # -- one request after another

    def _begin(self, request: Request, keep: bool, old: bool) -> None:
        self.old, self._deadline = old, 0.0
        self._current = answer = Answer(self, keep=keep, bodiless=request.method == "HEAD")
        self.server.serve(request, answer)

    def answered(self, answer: Answer) -> None:
        """The current answer is complete: on to the next request, or close."""
        assert answer is self._current or answer.gone, "answers come in order"
        self._current = None
        if self._transport is None:
            return
        if self.server.closing and not self._refusal_told:
            self._close(self._transport)
        elif self._refusal_told or not answer.keep:
            self._linger(self._transport)
        elif not self._full:
            self._go_on()

    def _go_on(self) -> None:
        """Every answer that was begun is out: to the next request."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._refusal_told:
            return
        if self._waiting:
            self._begin(*self._waiting.popleft())
            if not self._waiting:
                transport.resume_reading()
        elif self._refusal is not None:
            self._tell_refusal()
        else:
            self._await_input()

    def _await_input(self) -> None:
        """The client's turn: it has time by what it has sent already, and may be waiting to be asked for its body."""
        limits = self._limits
        self._allow(limits.body_ms if self._reading_body else limits.header_ms if self._begun else limits.idle_ms)
        if self._continue_due:
            self._continue_due = False
            if not self._held:
                self.write(_CONTINUE)

    def _refuse(self, status: int, message: str) -> None:
        """Take nothing more from this client; say why once the answers before are out."""
        if self._refusal is None:
            self._refusal = status, message
            self._drop_body()
            if self._current is None and not self._waiting and not self._full:
                self._tell_refusal()

    def _tell_refusal(self) -> None:
        assert self._refusal is not None
        status, message = self._refusal
        self._refusal_told = True
        self.server.refused(status)
        answer = self._current = Answer(self, keep=False, bodiless=False)
        path = self._url.partition(b"?")[0].decode("latin-1")
        headers, body = self.server.explain(path, dict(self._raw), status, message)
        if status == 503:
            headers.append((b"retry-after", b"1"))
        answer.whole(status, headers, body)

    def _linger(self, transport: asyncio.Transport) -> None:
        """Close in two steps: a client that is still sending would otherwise lose the answer to a reset."""
        self._lingering = True
        if transport.can_write_eof():
            self._flush()
            transport.write_eof()
            self._allow(LINGER_S * 1000)
        else:
            self._close(transport)

    def _allow(self, ms: int) -> None:
        self._deadline = self.server.clock() + ms / 1000

    def expire(self, now: float) -> None:
        """Called by every sweep: a client that is too slow is told so, an idle one is closed, and so is one that takes
        nothing of what was written to it.
        """
        transport = self._transport
        if not self._deadline or now < self._deadline or transport is None:
            return
        unsent = transport.get_write_buffer_size()
        if unsent and unsent != self._unsent:
            self._unsent = unsent
            self._allow(self._limits.idle_ms)
        elif unsent or self._lingering or transport.is_closing():
            self.abort()
        elif self._begun:
            self._refuse(408, "the request did not arrive in time")
        else:
            self._close(transport)

    def drain(self) -> None:
        """The server is closing: an idle connection closes, a busy one after its answer."""
        if self._current is not None:
            self._current.keep = False
        elif not self._waiting and not self._begun and not self._refusal_told and self._transport is not None:
            self._flush()
            self._transport.close()


class Server:
    """Listens, and keeps every connection until it has left."""

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        refused: Callable[[int], None] = _uncounted,
        explain: Explain = plain_error,
    ) -> None:
        """`refused` is told the status of each request that no handler sees, `explain` makes the answer to it."""
        self.limits, self.refused, self.explain = limits, refused, explain
        self.closing = False
        self.date = b""
        self.held_bytes = 0
        self.heads = Heads()
        self.accepted = self.turned_away = 0
        self._handler = handler
        self._connections: set[Connection] = set()
        self.under_way: dict[Answer, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop()
        self.clock, self.soon = self._loop.time, self._loop.call_soon
        self._listening: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle
        self._sweep_s = min(SWEEP_S, min(limits.header_ms, limits.body_ms, limits.idle_ms) / 4000)
        self._sweep()

    async def listen(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, shared: bool = False
    ) -> tuple[str, int]:
        """Accept connections; the address that they come to. `shared` lets other processes listen to the same port."""
        server = await self._loop.create_server(
            lambda: Connection(self),
            host,
            port,
            ssl=tls,
            ssl_handshake_timeout=self.limits.header_ms / 1000 if tls else None,
            ssl_shutdown_timeout=LINGER_S if tls else None,
            backlog=BACKLOG,
            reuse_port=shared or None,
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
        return len(self.under_way)

    def serve(self, request: Request, answer: Answer) -> None:
        """Handle one request in a task of its own."""
        self.under_way[answer] = self._loop.create_task(self._handled(request, answer))

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
        finally:
            self.held_bytes -= len(request.body)
            del self.under_way[answer]

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
        if self.closing or len(self._connections) > self.limits.connections_max:
            self.turned_away += 1
            connection.abort()

    def left(self, connection: Connection) -> None:
        """A client has disconnected."""
        self._connections.discard(connection)

    def _sweep(self) -> None:
        self._sweeper = self._loop.call_later(self._sweep_s, self._sweep)
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode()
        now = self.clock()
        for connection in list(self._connections):
            connection.expire(now)

    async def close(self) -> None:
        """Take no more, answer what is under way within `shutdown_ms`, then break what is left."""
        self.closing = True
        for server in self._listening:
            server.close()
        for connection in list(self._connections):
            connection.drain()
        deadline = self.clock() + self.limits.shutdown_ms / 1000
        while (self._connections or self.under_way) and self.clock() < deadline:
            await asyncio.sleep(0.02)
            for connection in list(self._connections):
                connection.drain()
        tasks = list(self.under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._connections):  # after its handler: no client left, the server broke it off
            connection.abort()
        self._sweeper.cancel()


def _head_of(request: Request) -> Head:
    """What stays true of the request's head for others."""
    raw = [header for header in request.raw_headers if header[0] != b"content-length"]
    return Head(method=request.method, path=request.path, query=request.query, headers=dict(raw), raw_headers=raw)


def _number(length: bytes) -> int:
    """A content-length that llhttp has taken: digits of at most 64 bits, behind any number of zeros."""
    return int(length if len(length) < 20 else length.strip().lstrip(b"0") or b"0")


def _origin_form(target: bytes) -> bytes:
    """The path and query of an absolute request target (as a proxy is sent it); any other target as it is."""
    authority = _AUTHORITY.match(target)
    if authority is None:
        return target
    rest = target[authority.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest
