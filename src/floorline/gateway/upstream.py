"""Requests on the wire: a pool of kept connections per origin, and one `Attempt` for each request sent.

    attempt = await pool.send(method, request)   connected, the request handed to the transport
    await attempt.head()                         its status and headers are there
    await attempt.whole(limit) | await attempt.pipe(write)

No timer per attempt and no await per piece: a sweep looks at what is under way four times a second, and `pipe` writes each
piece from the protocol's own callback. What goes wrong is `UpstreamBroken`, whose `kind` says how far the attempt had come.
"""

import asyncio
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import unquote, urlsplit

import httptools

from floorline.gateway.policy import Provider, Timeouts

SWEEP_S = 0.25  # float: seconds; also how exact a timeout is
PENDING_BYTES_MAX = 256 << 10  # read ahead before anyone takes it
JOINED_BYTES_MAX = 64 << 10  # a larger body is not copied to go out together with its head
IDLE_MAX = 512  # kept connections of one origin
IDLE_S = 55  # shorter than the 60 s after which most providers' proxies close

BrokenKind = Literal[
    "connect", "connect_timeout", "tls", "proxy", "first_byte_timeout", "idle_timeout", "total_timeout", "reset", "protocol", "closed"
]  # fmt: skip


class UpstreamBroken(Exception):
    """An attempt that ended without a whole answer. `sent`: the provider may have seen the request, and may bill it."""

    def __init__(self, kind: BrokenKind, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.kind, self.sent = kind, sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a provider listens, and through which proxy it is reached."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    timeouts: Timeouts
    proxy: str = ""

    @classmethod
    def of(cls, provider: Provider) -> "Origin":
        """The origin of a provider's base URL."""
        url = urlsplit(provider.base_url)
        assert url.hostname is not None, "the configuration checks that a base_url has a host"
        secure = url.scheme == "https"
        return cls(
            host=url.hostname,
            port=url.port or (443 if secure else 80),
            tls=ssl.create_default_context(cafile=provider.ca_file or None) if secure else None,
            timeouts=provider.timeouts,
            proxy=provider.proxy,
        )

    def head(self, method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """The head of a request for `target`. A proxy that is asked without a tunnel gets the whole address."""
        if self.proxy and self.tls is None:
            target = f"http://{self.host}:{self.port}".encode() + target
            authorization = proxy_authorization(self.proxy).encode()
            if authorization:
                headers = [*headers, (b"proxy-authorization", authorization)]
        lines = [b"%b: %b\r\n" % header for header in headers]
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, b"".join(lines))


class Attempt:
    """One request on the wire and what has come back of its answer."""

    def __init__(self, link: "Link", *, now: float) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None
        self.complete = False
        self.reused = link.served > 0
        self.started = now
        self.first_byte: float | None = None  # float: seconds of the loop's clock, not money
        self.paused = False
        self._link: Link | None = link
        self._headed = False
        self._broken: UpstreamBroken | None = None
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._room = PENDING_BYTES_MAX
        self._write: Callable[[bytes], None] | None = None
        self._waiter: asyncio.Future[None] | None = None

    # -- for the pipeline

    async def head(self) -> None:
        """Status and headers are there. UpstreamBroken when they never will be."""
        while not self._headed:
            await self._wait()

    async def whole(self, limit: int) -> bytes | None:
        """The rest of the body; None when it exceeds `limit` bytes: what was read stays for `pipe`."""
        self._room = limit
        self.resume()
        while not self.complete:
            if self._pending_bytes > limit:
                return None
            await self._wait()
        pending, self._pending = self._pending, []
        return pending[0] if len(pending) == 1 else b"".join(pending)

    async def pipe(self, write: Callable[[bytes], None]) -> None:
        """Hand every piece to `write` as it comes. UpstreamBroken when the answer breaks off."""
        self._write = write
        pending, self._pending = self._pending, []
        for piece in pending:
            write(piece)
        if not self.paused:
            self.resume()
        while not self.complete:
            await self._wait()

    def pause(self) -> None:
        """Read no further until `resume`: the client is slower than the provider."""
        self.paused = True
        if self._link is not None:
            self._link.pause()

    def resume(self) -> None:
        """Go on reading."""
        self.paused = False
        if self._link is not None:
            self._link.resume()

    def abort(self) -> None:
        """Give it up and break the connection, so that the provider stops too."""
        link, self._link = self._link, None
        if link is not None:
            link.abandon()
        self._break(UpstreamBroken("closed", "the attempt was given up", sent=True))

    async def _wait(self) -> None:
        if self._broken is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._broken is not None:
            raise self._broken

    # -- for the link

    def arrived(self, status: int, headers: list[tuple[bytes, bytes]], length: int | None) -> None:
        """The head has come."""
        self.status, self.headers, self.length, self._headed = status, headers, length, True
        self._wake()

    def deliver(self, data: bytes) -> None:
        """The next bytes of the body have come."""
        if self._write is not None:
            self._write(data)
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes > self._room and self._link is not None:
            self._link.pause()
            self._wake()

    def done(self) -> None:
        """The answer is complete; the link is free again."""
        self.complete, self._link = True, None
        self._wake()

    def broke(self, error: UpstreamBroken) -> None:
        """There will be no more."""
        self._link = None
        self._break(error)

    def _break(self, error: UpstreamBroken) -> None:
        if not self.complete and self._broken is None:
            self._broken = error
            self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Link(asyncio.Protocol):
    """One connection to an origin; one request at a time."""

    def __init__(self, pool: "Pool") -> None:
        self.served = 0
        self.free_since = 0.0  # float: seconds of the loop's clock, not money
        self.attempt: Attempt | None = None
        self.progress = 0
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # a C callable: no Python frame per piece
        self._parser = httptools.HttpResponseParser(self)  # after on_body, which it looks up once
        self._in_body = self._finished = self._until_close = self._bodiless = False
        self._keep = True
        self.marked = (0, 0.0)  # float: seconds of the loop's clock, not money

    # -- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)

    @property
    def usable(self) -> bool:
        """Nothing stands in the way of sending a request here."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, head: bytes, body: bytes = b"", *, bodiless: bool = False) -> Attempt:
        """Hand a whole request to the transport. `bodiless`: its answer has none whatever its headers say (HEAD)."""
        assert self.attempt is None, "one request at a time"
        assert self._transport is not None, "a link is used while it is connected"
        self._in_body = self._finished = self._until_close = False
        self._bodiless = bodiless
        self.marked = (self.progress, self._pool.clock())
        self.attempt = attempt = Attempt(self, now=self.marked[1])
        if len(body) <= JOINED_BYTES_MAX:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)
        return attempt

    def data_received(self, data: bytes) -> None:
        """More of the answer."""
        attempt = self.attempt
        if attempt is None:  # nobody asked: an error page of a proxy that closes, or bytes after an answer
            self._close()
            return
        self.progress += 1
        if attempt.first_byte is None:
            attempt.first_byte = self._pool.clock()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._flush()
            if not self._finished:
                self._fail("protocol", f"the provider's answer is not HTTP/1.1: {error}")
                return
            self._keep = False
        if self._finished:
            self._finish(attempt)
        else:
            self._flush()

    def _flush(self) -> None:
        """Hand over what llhttp has found of the body."""
        pieces, attempt = self._pieces, self.attempt
        if pieces:
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            if attempt is not None and not self._finished:
                attempt.deliver(data)

    def eof_received(self) -> bool:
        """The provider will send no more: the end of an answer that goes on until close."""
        attempt = self.attempt
        if attempt is not None and self._until_close and self._in_body:
            self._flush()
            self._keep = False
            self._finish(attempt)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        self._pool.forget(self)
        if self.attempt is not None:
            self._fail("reset", f"the provider closed the connection{f': {exc}' if exc else ''}")

    # -- what llhttp finds

    def on_message_begin(self) -> None:
        """An answer begins. A second one to the same request means that the connection cannot be trusted."""
        self._headers = []
        if self._finished:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; trailers are left out."""
        if not self._in_body:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole. An informational one is passed over."""
        status = self._parser.get_status_code()
        attempt = self.attempt
        if attempt is None or self._finished or 100 <= status < 200:
            return
        length: int | None = None
        chunked = False
        for name, value in self._headers:
            if name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                chunked = True
        self._in_body = True
        self._until_close = length is None and not chunked and status not in (204, 304) and not self._bodiless
        attempt.arrived(status, self._headers, None if chunked else length)
        if self._bodiless:
            self._finished, self._keep = True, False

    def on_message_complete(self) -> None:
        """The answer is complete."""
        if self._in_body and not self._finished:
            self._flush()
            self._finished = True
            self._keep = self._keep and self._parser.should_keep_alive()

    # -- ends

    def _finish(self, attempt: Attempt) -> None:
        self._pieces.clear()  # of whatever came after the answer
        self.attempt = None
        self.served += 1
        self._in_body = False
        if self._keep and self.usable:
            self.resume()
            self._pool.freed(self)
        else:
            self._close()
        attempt.done()

    def _fail(self, kind: BrokenKind, message: str) -> None:
        attempt, self.attempt = self.attempt, None
        self._close(abort=True)
        if attempt is not None:
            attempt.broke(UpstreamBroken(kind, message, sent=True))

    def check(self, timeouts: Timeouts, now: float) -> None:
        """Give the attempt up when one of its time limits has passed. Time in which the client was not ready does not
        count as the provider's silence.
        """
        attempt = self.attempt
        if attempt is None:
            return
        if attempt.paused or self.progress != self.marked[0]:
            self.marked = (self.progress, now)
        waited_ms, silent_ms = (now - attempt.started) * 1000, (now - self.marked[1]) * 1000
        if waited_ms > timeouts.total_ms:
            self._fail("total_timeout", f"the answer was not complete within {timeouts.total_ms} ms")
        elif attempt.first_byte is None and waited_ms > timeouts.first_byte_ms:
            self._fail("first_byte_timeout", f"no answer within {timeouts.first_byte_ms} ms")
        elif attempt.first_byte is not None and silent_ms > timeouts.idle_ms:
            self._fail("idle_timeout", f"the answer stopped for {timeouts.idle_ms} ms")

    def abandon(self) -> None:
        """The attempt was given up."""
        self.attempt = None
        self._close(abort=True)

    def close(self) -> None:
        """The pool is closing."""
        if self.attempt is not None:
            self._fail("closed", "the gateway is shutting down")
        else:
            self._close()

    def _close(self, *, abort: bool = False) -> None:
        self._pool.forget(self)
        if self._transport is not None:
            self._transport.abort() if abort else self._transport.close()

    def pause(self) -> None:
        """Stop reading."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None:
            self._transport.resume_reading()


class Pool:
    """Kept connections to one origin. `opened` and `reused` are counted: a pool that does not reuse costs thrice."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.opened = self.reused = 0
        self.retired = False
        self._loop = asyncio.get_running_loop()
        self.clock = self._loop.time
        self._idle: deque[Link] = deque()
        self._busy: set[Link] = set()
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    async def link(self, *, fresh: bool = False) -> Link:
        """A connection to send one request on; give it back with `release` when nothing is sent. `fresh` opens one."""
        while self._idle and not fresh:
            link = self._idle.pop()
            if link.usable:
                self.reused += 1
                self._busy.add(link)
                return link
        link = await self._connect()
        self.opened += 1
        self._busy.add(link)
        return link

    def release(self, link: Link) -> None:
        """Nothing was sent on it."""
        self.freed(link)

    @property
    def active(self) -> int:
        """Attempts under way."""
        return len(self._busy)

    @property
    def kept(self) -> int:
        """Connections that wait for work."""
        return len(self._idle)

    async def _connect(self) -> Link:
        origin, limit = self.origin, self.origin.timeouts.connect_ms
        try:
            async with asyncio.timeout(limit / 1000):
                if origin.proxy:
                    return await connect_through(origin, lambda: Link(self))
                _, link = await self._loop.create_connection(
                    lambda: Link(self), origin.host, origin.port, ssl=origin.tls
                )
                return link
        except TimeoutError as error:
            message = f"no connection to {origin.host}:{origin.port} within {limit} ms"
            raise UpstreamBroken("connect_timeout", message, sent=False) from error
        except ssl.SSLError as error:
            message = f"TLS with {origin.host}:{origin.port} failed: {error}"
            raise UpstreamBroken("tls", message, sent=False) from error
        except OSError as error:
            message = f"no connection to {origin.host}:{origin.port}: {error}"
            raise UpstreamBroken("connect", message, sent=False) from error

    # -- for links

    def freed(self, link: Link) -> None:
        """A link has finished its answer."""
        self._busy.discard(link)
        if self.retired:
            link.close()
            return
        link.free_since = self.clock()
        self._idle.append(link)
        if len(self._idle) > IDLE_MAX:
            self._idle.popleft().close()

    def forget(self, link: Link) -> None:
        """A link is closing or gone."""
        self._busy.discard(link)
        if link in self._idle:
            self._idle.remove(link)

    def _sweep(self) -> None:
        now = self.clock()
        for link in list(self._busy):
            link.check(self.origin.timeouts, now)
        while self._idle and now - self._idle[0].free_since > IDLE_S:
            self._idle.popleft().close()
        if self._busy or not self.retired:
            self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def retire(self) -> None:
        """Nothing new is sent here: what waits closes now, what is under way when it has ended."""
        self.retired = True
        while self._idle:
            self._idle.popleft().close()

    def close(self) -> None:
        """Close what waits and break what is under way."""
        self._sweeper.cancel()
        for link in [*self._idle, *self._busy]:
            link.close()
        self._idle.clear()


async def connect_through(origin: Origin, make: Callable[[], Link]) -> Link:
    """A link through the origin's forward proxy: a tunnel for TLS, absolute request targets otherwise.

    UpstreamBroken (`proxy`) when the proxy refuses.
    """
    proxy = urlsplit(origin.proxy)
    loop = asyncio.get_running_loop()
    assert proxy.hostname is not None, "the configuration checks that a proxy has a host"
    secure = ssl.create_default_context() if proxy.scheme == "https" else None
    address = proxy.hostname, proxy.port or (443 if secure else 3128)
    if origin.tls is None:
        _, link = await loop.create_connection(make, *address, ssl=secure)
        return link
    tunnel = Tunnel(origin, proxy_authorization(origin.proxy))
    transport, _ = await loop.create_connection(lambda: tunnel, *address, ssl=secure)
    await tunnel.opened
    link = make()
    upgraded = await loop.start_tls(transport, link, origin.tls, server_hostname=origin.host)
    assert upgraded is not None, "a tunnel is used while it is open"
    link.connection_made(upgraded)
    return link


def proxy_authorization(proxy: str) -> str:
    """The value of `proxy-authorization` for the credentials in a proxy's URL, '' without any."""
    url = urlsplit(proxy)
    if url.username is None:
        return ""
    return "Basic " + b64encode(f"{unquote(url.username)}:{unquote(url.password or '')}".encode()).decode()


class Tunnel(asyncio.Protocol):
    """Asks a forward proxy for a tunnel; `opened` is done when it stands."""

    def __init__(self, origin: Origin, authorization: str) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._origin, self._authorization = origin, authorization
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        authority = f"{self._origin.host}:{self._origin.port}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"host: {authority}"]
        if self._authorization:
            lines.append(f"proxy-authorization: {self._authorization}")
        cast("asyncio.Transport", transport).write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        """The proxy's answer: any 2xx opens the tunnel."""
        self._answer += data
        if b"\r\n\r\n" in self._answer and not self.opened.done():
            line = self._answer.partition(b"\r\n")[0].decode("latin-1")
            if line.split(" ")[1:2] and line.split(" ")[1].startswith("2"):
                self.opened.set_result(None)
            else:
                self._refuse(f"the proxy refused the tunnel: {line}")

    def connection_lost(self, exc: Exception | None) -> None:
        """The proxy has left."""
        self._refuse(f"the proxy closed the connection{f': {exc}' if exc else ''}")

    def _refuse(self, message: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(UpstreamBroken("proxy", message, sent=False))
