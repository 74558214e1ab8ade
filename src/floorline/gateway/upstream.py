"""Requests on the wire: a pool of kept connections per origin, and one `Attempt` for each request sent.

    link = await pool.link()                     a connection, kept or new
    attempt = link.send(head, body)              the request handed to the transport
    await attempt.head()                         its status and headers are there
    await attempt.whole(limit) | await attempt.pipe(write)

No timer per attempt and no await per piece: a sweep looks at what is under way four times a second, and `pipe` writes each
piece from the protocol's own callback. What goes wrong is `UpstreamBroken`, whose `kind` says how far the attempt had come.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

import httptools

from floorline.gateway.policy import Provider, Timeouts
from floorline.gateway.proxy import Proxy, ProxyRefused, open_tunnel
from floorline.gateway.sending import Sending

SWEEP_S = 0.25  # float: seconds; also how exact a timeout is
PENDING_BYTES_MAX = 256 << 10  # read ahead before anyone takes it
UNFRAMED_BYTES_MAX = 256 << 10  # of an answer's head, trailer or chunk extensions
JOINED_BYTES_MAX = 64 << 10  # a larger body is not copied to go out together with its head
STALE_S = 2  # the longest way to a provider and back: a connection that breaks later has been read from
IDLE_MAX = 512  # kept connections of one origin
IDLE_S = 55  # shorter than the 60 s after which most providers' proxies close
_BODILESS = frozenset({204, 304})

BrokenKind = Literal[
    "connect", "connect_timeout", "tls", "proxy", "first_byte_timeout", "idle_timeout", "total_timeout", "reset", "protocol", "closed",
    "credentials",
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
    proxy: Proxy | None = None

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
            proxy=Proxy.of(provider.proxy) if provider.proxy else None,
        )

    @property
    def authority(self) -> str:
        """`host:port`, as a proxy is told it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def head(self, method: bytes, target: bytes, lines: bytes) -> bytes:
        """The head of a request for `target`, with the headers `lines`. A proxy that is asked without a tunnel gets the whole address."""
        if self.proxy is not None and self.tls is None:
            target = b"http://" + self.authority.encode() + target
            if self.proxy.authorization:
                lines += b"proxy-authorization: %b\r\n" % self.proxy.authorization
        line = b"%b %b HTTP/1.1\r\n" % (method, target)
        assert line.count(b"\n") == line.count(b"\r") == 1, "what is sent is the request that was meant"
        return b"%b%b\r\n" % (line, lines)


class Attempt:
    """One request on the wire and what has come back of its answer. One task waits for it at a time, and gives it up when
    it is cancelled. `headers` are those of its head, `named` the last value of each. `stale`: it broke because the provider had closed the kept connection already, so nobody has read it.
    """

    __slots__ = (
        "_broken",
        "_future",
        "_headed",
        "_link",
        "_pending",
        "_pending_bytes",
        "_room",
        "_waiter",
        "_write",
        "complete",
        "first_byte",
        "has_news",
        "headers",
        "length",
        "named",
        "paused",
        "reused",
        "stale",
        "started",
        "status",
    )

    def __init__(self, link: "Link", *, now: float, future: Callable[[], "asyncio.Future[None]"]) -> None:
        """`now` is the loop's clock, `future` makes what is waited for."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.named: dict[bytes, bytes] = {}
        self.length: int | None = None
        self.complete = False
        self.reused = link.served > 0
        self.stale = False
        self.started = now
        self.first_byte: float | None = None  # float: seconds of the loop's clock, not money
        self.paused = self.has_news = False
        self._link: Link | None = link
        self._headed = False
        self._broken: UpstreamBroken | None = None
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._room = PENDING_BYTES_MAX
        self._write: Callable[[bytes], None] | None = None
        self._future = future  # the loop's own: to ask for the running loop is a system call
        self._waiter: asyncio.Future[None] | None = None

    # -- for the pipeline

    async def head(self) -> None:
        """Status and headers are there. UpstreamBroken when they never will be."""
        while not self._headed:
            await self._wait()

    async def whole(self, limit: int) -> bytes | None:
        """The rest of the body; None when it exceeds `limit` bytes: what was read stays for `pipe`."""
        self._room = limit
        if not self.complete and self._pending_bytes <= limit:
            self.resume()
        while not self.complete and self._pending_bytes <= limit:
            await self._wait()
        if self._pending_bytes > limit:
            return None
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
        try:
            while not self.complete:
                await self._wait()
        finally:
            self._write = None  # whoever writes holds this attempt: nothing is left to the garbage collector

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
        """Until something has come. UpstreamBroken when nothing more will."""
        if self._broken is not None:
            raise self._broken
        assert self._waiter is None, "one task at a time waits for an attempt"
        self._waiter = self._future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._waiter = None

    # -- for the link

    def arrived(
        self, status: int, headers: list[tuple[bytes, bytes]], named: dict[bytes, bytes], length: int | None
    ) -> None:
        """The head has come."""
        self.status, self.headers, self.named, self.length = status, headers, named, length
        self._headed = self.has_news = True

    def deliver(self, data: bytes) -> None:
        """The next bytes of the body have come."""
        if self._write is not None:
            self._write(data)
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes > self._room and self._link is not None:
            self._link.pause()
            self.has_news = True

    def done(self) -> None:
        """The answer is complete; the link is free again."""
        self.complete, self._link = True, None
        self.has_news = True

    def tell(self) -> None:
        """Whoever waits has news: the head, the end, or more than is read ahead."""
        self.has_news = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def broke(self, error: UpstreamBroken) -> None:
        """There will be no more."""
        self._link = None
        self._break(error)

    def _break(self, error: UpstreamBroken) -> None:
        if not self.complete and self._broken is None:
            self._broken = error
            self.tell()


class Link(asyncio.Protocol):
    """One connection to an origin; one request at a time."""

    def __init__(self, pool: "Pool") -> None:
        self.served = 0
        self.free_since = 0.0  # float: seconds of the loop's clock, not money
        self.attempt: Attempt | None = None
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._sending: Sending | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # a C callable: no Python frame per piece
        self._ours = self._unframed = 0  # pieces of this answer, not of one behind it; bytes since the last piece
        self._in_body = self._finished = self._until_close = self._bodiless = self._paused = False
        self._keep = True
        self._progress = 0
        self._marked = (0, 0.0)  # float: seconds of the loop's clock, not money
        self._parser = httptools.HttpResponseParser(self)  # last: it binds the callbacks that are there

    # -- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._sending = Sending(self._transport, self._pool.busy, self._pool.soon)

    @property
    def usable(self) -> bool:
        """Nothing stands in the way of sending a request here."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, head: bytes, body: bytes = b"", *, bodiless: bool = False) -> Attempt:
        """Hand a whole request to the transport. `bodiless`: its answer has none whatever its headers say (HEAD)."""
        assert self.attempt is None, "one request at a time"
        self._in_body = self._finished = self._until_close = False
        self._bodiless, self._unframed = bodiless, 0
        now, transport, sending = self._pool.clock(), self._transport, self._sending
        self._marked = (self._progress, now)
        attempt = Attempt(self, now=now, future=self._pool.future)
        if transport is None or sending is None or transport.is_closing():
            self._pool.forget(self)
            attempt.stale = True
            attempt.broke(UpstreamBroken("reset", "the provider closed the connection at once", sent=False))
            return attempt
        self.attempt = attempt
        if len(body) <= JOINED_BYTES_MAX:
            sending.write(head + body)
        else:
            sending.write(head)
            sending.write(body)
        return attempt

    def data_received(self, data: bytes) -> None:
        """More of the answer."""
        attempt = self.attempt
        if attempt is None:  # nobody asked: an error page of a proxy that closes, or bytes after an answer
            self._close()
            return
        self._progress += 1
        if attempt.first_byte is None:
            attempt.first_byte = self._pool.clock()
        trouble = ""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._keep, trouble = False, f"the provider's answer is not HTTP/1.1: {error.__context__ or error}"
        except httptools.HttpParserUpgrade:
            self._keep, trouble = False, "the provider switched to a protocol that nobody asked for"
        self._hand_over(attempt, len(data))
        if self.attempt is not attempt:
            return
        if self._finished:
            self._finish(attempt)
        elif trouble:
            self._fail("protocol", trouble)
        elif self._unframed > UNFRAMED_BYTES_MAX:
            self._fail("protocol", f"the answer's head or trailer exceeds {UNFRAMED_BYTES_MAX} bytes")
        if attempt.has_news:
            attempt.tell()

    def _hand_over(self, attempt: Attempt, size: int) -> None:
        """What llhttp has found of the body in `size` bytes."""
        pieces = self._pieces
        if self._finished:
            del pieces[self._ours :]
        if not pieces:
            self._unframed += size
            return
        self._unframed = 0
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        attempt.deliver(data)

    def eof_received(self) -> bool:
        """The provider will send no more: the end of an answer that goes on until close."""
        attempt = self.attempt
        if attempt is not None and self._until_close and self._in_body:
            self._keep = False
            self._finish(attempt)
            attempt.tell()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = self._sending = None
        del self._parser  # it holds this link's methods: nothing is left to the garbage collector
        self._pool.forget(self)
        attempt = self.attempt
        if attempt is not None:
            waited_s = self._pool.clock() - attempt.started
            attempt.stale = attempt.reused and attempt.first_byte is None and waited_s < STALE_S
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
        status, attempt = self._parser.get_status_code(), self.attempt
        if attempt is None or self._finished or 100 <= status < 200:
            return
        if not 200 <= status < 1000:
            raise ValueError(f"status {status}")
        named = dict(self._headers)
        if b"transfer-encoding" in named and any(
            value.strip().lower() != b"chunked" for name, value in self._headers if name == b"transfer-encoding"
        ):
            raise ValueError("a transfer coding other than `chunked`")
        length = int(named[b"content-length"]) if b"content-length" in named else None
        if status in _BODILESS:
            length = 0
        self._in_body = True
        self._until_close = length is None and b"transfer-encoding" not in named and not self._bodiless
        attempt.arrived(status, self._headers, named, length)
        if self._bodiless:
            self._finished, self._keep, self._ours = True, False, 0

    def on_message_complete(self) -> None:
        """The answer is complete."""
        if self._in_body and not self._finished:
            self._finished, self._ours = True, len(self._pieces)
            self._keep = self._keep and self._parser.should_keep_alive()

    # -- ends

    def _finish(self, attempt: Attempt) -> None:
        self.attempt = None
        self.served += 1
        self._in_body = False
        transport, sending = self._transport, self._sending
        if (
            self._keep
            and transport is not None
            and sending is not None
            and not sending.held
            and not transport.is_closing()
            and not transport.get_write_buffer_size()
        ):
            if self._paused:
                self.resume()
            self._pool.freed(self)
        else:  # also a provider that has answered before it has read the request
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
        if self._paused or self._progress != self._marked[0]:
            self._marked = (self._progress, now)
        waited_ms, silent_ms = (now - attempt.started) * 1000, (now - self._marked[1]) * 1000
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
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and self._paused:
            self._paused = False
            self._transport.resume_reading()


class Pool:
    """Kept connections to one origin. `opened` and `reused` are counted: a pool that does not reuse costs thrice."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.opened = self.reused = 0
        self.retired = False
        self._loop = asyncio.get_running_loop()
        self.clock, self.soon = self._loop.time, self._loop.call_soon
        self.future: Callable[[], asyncio.Future[None]] = self._loop.create_future
        self._idle: deque[Link] = deque()
        self.busy: set[Link] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def link(self, *, fresh: bool = False) -> Link:
        """A connection to send one request on; give it back with `release` when nothing is sent. `fresh` opens one."""
        link = None if fresh else self.kept_link()
        if link is None:
            link = await self._connect()
            self.opened += 1
            self.busy.add(link)
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
        return link

    def kept_link(self) -> Link | None:
        """The same where nothing need be waited for; None where no connection is free."""
        while self._idle:
            link = self._idle.pop()
            if link.usable:
                self.reused += 1
                self.busy.add(link)
                return link
        return None

    def release(self, link: Link) -> None:
        """Nothing was sent on it."""
        self.freed(link) if link.usable else self.busy.discard(link)

    @property
    def active(self) -> int:
        """Attempts under way."""
        return len(self.busy)

    @property
    def kept(self) -> int:
        """Connections that wait for work."""
        return len(self._idle)

    async def _connect(self) -> Link:
        origin, limit = self.origin, self.origin.timeouts.connect_ms
        where = origin.authority
        try:
            async with asyncio.timeout(limit / 1000):
                return await self._reach(origin)
        except TimeoutError as error:
            raise UpstreamBroken(
                "connect_timeout", f"no connection to {where} within {limit} ms", sent=False
            ) from error
        except ssl.SSLError as error:
            raise UpstreamBroken("tls", f"TLS with {where} failed: {error}", sent=False) from error
        except ProxyRefused as error:
            raise UpstreamBroken("proxy", str(error), sent=False) from error
        except (OSError, UnicodeError) as error:
            raise UpstreamBroken("connect", f"no connection to {where}: {error}", sent=False) from error

    async def _reach(self, origin: Origin) -> Link:
        link, loop, proxy = Link(self), self._loop, origin.proxy
        if proxy is None:
            await loop.create_connection(lambda: link, origin.host, origin.port, ssl=origin.tls)
        elif origin.tls is None:
            await loop.create_connection(lambda: link, proxy.host, proxy.port, ssl=proxy.tls)
        else:
            transport = await open_tunnel(proxy, origin.authority)
            try:
                upgraded = await loop.start_tls(transport, link, origin.tls, server_hostname=origin.host)
            except BaseException:
                transport.abort()
                raise
            assert upgraded is not None, "a tunnel is used while it is open"
            link.connection_made(upgraded)
        return link

    # -- for links

    def freed(self, link: Link) -> None:
        """A link that is usable has finished its answer."""
        self.busy.discard(link)
        if self.retired:
            link.close()
            return
        link.free_since = self.clock()
        self._idle.append(link)
        if len(self._idle) > IDLE_MAX:
            self._idle.popleft().close()

    def forget(self, link: Link) -> None:
        """A link is closing or gone."""
        self.busy.discard(link)
        if link in self._idle:
            self._idle.remove(link)

    def _sweep(self) -> None:
        watched = self.busy or self._idle
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep) if watched else None
        now = self.clock()
        for link in list(self.busy):
            link.check(self.origin.timeouts, now)
        while self._idle and now - self._idle[0].free_since > IDLE_S:
            self._idle.popleft().close()

    def retire(self) -> None:
        """Nothing new is sent here: what waits closes now, what is under way when it has ended."""
        self.retired = True
        while self._idle:
            self._idle.popleft().close()

    def close(self) -> None:
        """Close what waits and break what is under way."""
        self.retired = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for link in [*self._idle, *self.busy]:
            link.close()
