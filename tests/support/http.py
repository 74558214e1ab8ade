"""Raw HTTP/1.1 for tests: clients and providers that send exactly the bytes they are told to, and a strict reader of answers."""

import asyncio
import logging
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

import uvloop

from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Limits, Timeouts
from floorline.gateway.server import Handler, Server
from floorline.gateway.upstream import Origin, Pool

P = ParamSpec("P")
PATIENCE_S = 5


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def on_loop(test: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """Run an async test on uvloop. Nothing may be logged, and no task or exception left behind."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        log = _Log()
        logging.getLogger().addHandler(log)
        try:
            uvloop.run(asyncio.wait_for(test(*args, **kwargs), 30))
        finally:
            logging.getLogger().removeHandler(log)
        assert log.lines == []

    return run


@dataclass(frozen=True, kw_only=True)
class Got:
    """An answer as it came."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} comes {len(values)} times"
        return values[0] if values else None


class Peer:
    """One end of a connection, in raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        """The pieces, each in a write of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await asyncio.wait_for(self.writer.drain(), PATIENCE_S)
            if pause_s:
                await asyncio.sleep(pause_s)

    async def head(self) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """The start line and the headers of what comes next."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        first, *lines = head[:-4].split(b"\r\n")
        headers = [line.partition(b": ")[::2] for line in lines]
        assert all(name and name == name.lower() for name, _ in headers), headers
        return first, headers

    async def answer(self, *, to: Callable[[], str] = lambda: "GET") -> Got:
        """The next answer, whole, 1xx ones as well, `to` a request of that method. IncompleteReadError when it breaks off."""
        first, headers = await self.head()
        version, status, *_ = first.split(b" ", 2)
        assert version == b"HTTP/1.1", first
        names = [name for name, _ in headers]
        framed = [name for name in names if name in (b"content-length", b"transfer-encoding")]
        assert len(framed) < 2, headers
        bodiless = to() == "HEAD" or status in (b"204", b"304") or status.startswith(b"1")
        body = b"" if bodiless else await self._body(dict(headers))
        return Got(status=int(status), headers=headers, body=body)

    async def request(self) -> Got:
        """The next request, whole; `status` is 0 and the start line is the header b""."""
        first, headers = await self.head()
        body = await self._body({b"content-length": b"0", **dict(headers)})
        return Got(status=0, headers=[(b"", first), *headers], body=body)

    async def _body(self, headers: dict[bytes, bytes]) -> bytes:
        if b"transfer-encoding" in headers:
            parts: list[bytes] = []
            while size := int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE_S), 16):
                parts.append(await asyncio.wait_for(self.reader.readexactly(size), PATIENCE_S))
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
            return b"".join(parts)
        if b"content-length" in headers:
            return await asyncio.wait_for(self.reader.readexactly(int(headers[b"content-length"])), PATIENCE_S)
        return await self.rest()

    async def rest(self) -> bytes:
        """Everything until the other end closes in order. ConnectionError when it breaks the connection."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE_S)

    async def broken(self) -> bool:
        """Whether the connection ends by a reset rather than in order."""
        try:
            await self.rest()
        except ConnectionError:
            return True
        return False

    def reset(self) -> None:
        """Break the connection."""
        raw = self.writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


class Gateway:
    """A server on loopback; `requests` are those that a handler has seen, `refused` the statuses of the others."""

    def __init__(self, server: Server, port: int, requests: list[Request], refused: list[int]) -> None:
        self.server, self.port, self.requests, self.refused = server, port, requests, refused
        self._peers: list[Peer] = []

    async def client(self, *, tls: ssl.SSLContext | None = None, buffer_bytes: int = 1 << 16) -> Peer:
        """A client that has connected."""
        peer = Peer(
            *await asyncio.open_connection("localhost" if tls else "127.0.0.1", self.port, ssl=tls, limit=buffer_bytes)
        )
        self._peers.append(peer)
        return peer

    async def asked(self, *pieces: bytes) -> Got:
        """The answer to a request of a client of its own, which leaves."""
        client = await self.client()
        await client.send(*pieces)
        answer = await client.answer()
        client.close()
        return answer

    async def empty(self) -> None:
        """Wait until every client has left and every request is done."""
        async with asyncio.timeout(PATIENCE_S):
            while self.server.connections or self.server.busy:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.005)
        assert self.server.held_bytes == 0

    def leave(self) -> None:
        """Every client leaves."""
        for peer in self._peers:
            peer.close()


async def echo(request: Request, reply: Reply) -> None:
    """Answers with what the request was."""
    text = f"{request.method} {request.path} {request.query} {len(request.body)}|".encode()
    reply.whole(200, [(b"content-type", b"text/plain")], text + request.body)


@asynccontextmanager
async def gateway(
    handler: Handler = echo, limits: Limits | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Gateway]:
    """A running server."""
    requests: list[Request] = []

    async def noting(request: Request, reply: Reply) -> None:
        requests.append(request)
        await handler(request, reply)

    refused: list[int] = []
    server = Server(noting, limits or Limits(shutdown_ms=2_000), refused.append)
    _, port = await server.listen("127.0.0.1", 0, tls=tls)
    running = Gateway(server, port, requests, refused)
    try:
        yield running
        running.leave()
        await running.empty()
    finally:
        running.leave()
        await server.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def provider(
    serve: Callable[[Peer], Awaitable[None]],
    *,
    timeouts: Timeouts | None = None,
    tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
) -> AsyncIterator[tuple[Pool, list[Peer]]]:
    """A pool, and the connections that its provider has got, each served by `serve`. `tls`: the provider's and ours."""
    peers: list[Peer] = []
    serving: list[asyncio.Task[None]] = []

    async def served(peer: Peer) -> None:
        try:
            await serve(peer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            peer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(Peer(reader, writer))
        serving.append(asyncio.get_running_loop().create_task(served(peers[-1])))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls[0] if tls else None)
    port = server.sockets[0].getsockname()[1]
    host = "localhost" if tls else "127.0.0.1"
    origin = Origin(host=host, port=port, tls=tls[1] if tls else None, timeouts=timeouts or Timeouts())
    pool = Pool(origin)
    try:
        yield pool, peers
        assert pool.active == 0
    finally:
        pool.close()
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)
        await asyncio.sleep(0)


def scripted(*answers: Sequence[bytes] | bytes, pause_s: float = 0.0) -> Callable[[Peer], Awaitable[None]]:
    """A provider that reads a request and sends the next answer, over all its connections; a connection ends with them."""
    left = list(answers)

    async def serve(peer: Peer) -> None:
        while left:
            await peer.request()
            pieces = left.pop(0)
            await peer.send(*([pieces] if isinstance(pieces, bytes) else pieces), pause_s=pause_s)

    return serve
