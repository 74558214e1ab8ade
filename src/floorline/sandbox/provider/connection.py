"""One connection of a client: requests are parsed, answered in order, and their scripts played."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import cast
from urllib.parse import parse_qsl, unquote

import httptools
import msgspec

from floorline.sandbox.provider.controls import BROKEN, Chaos
from floorline.sandbox.provider.delivery import End, Move, Pause, script
from floorline.sandbox.provider.errors import failed
from floorline.sandbox.provider.events import encode
from floorline.sandbox.provider.knowledge import Knowledge
from floorline.sandbox.provider.message import Asked, Said
from floorline.sandbox.provider.records import KEPT, Records
from floorline.sandbox.provider.routing import respond

_LINGER_RESET = struct.pack("ii", 1, 0)
_CLOSING_TURNS = 400
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(slots=True, kw_only=True)
class Sandbox:
    """What all connections share."""

    chaos: Chaos
    latency_ms: int = 0
    knowledge: Knowledge | None = None
    records: Records = field(default_factory=Records)
    numbers: Iterator[int] = field(default_factory=count)
    transports: set[asyncio.Transport] = field(default_factory=set[asyncio.Transport])

    async def close(self) -> None:
        """Break every connection, those that were still waiting to be taken up too, and return when all are gone."""
        for _ in range(_CLOSING_TURNS):
            for transport in tuple(self.transports):
                transport.abort()
            await asyncio.sleep(0.005)
            if not self.transports:
                return

    def said(self, asked: Asked) -> Said:
        """The answer to one request. The sandbox's own pages are not counted and never go wrong."""
        if asked.path in ("/stats", "/requests"):
            return self._page(asked)
        said = respond(asked, self.chaos, self.knowledge)
        self.records.take(asked, said)
        return said

    def _page(self, asked: Asked) -> Said:
        if asked.method == "DELETE":
            self.records.clear()
        elif asked.method != "GET":
            return replace(failed("openai", 405, f"{asked.path} takes GET and DELETE"), counted=False)
        if asked.path == "/stats":
            body: object = self.records.stats()
        else:
            last = asked.query.get("last", "")
            body = self.records.last(int(last) if last.isascii() and last.isdigit() else KEPT)
        parts = [msgspec.json.format(encode(body))]
        return Said(headers=(("content-type", "application/json"),), parts=parts, counted=False)


class Connection(asyncio.Protocol):
    """The server's side of one connection. Requests that come while one is answered wait for it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._waiting: deque[tuple[Asked, Said | None]] = deque()
        self._moves: Iterator[Move] | None = None
        self._said: Said | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full = False
        self._hung = False
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._sandbox.transports.add(self._transport)
        self._sandbox.records.connections_open += 1
        self._sandbox.records.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and with it whatever was left to say."""
        del exc
        self._sandbox.records.connections_open -= 1
        if self._transport is not None:
            self._sandbox.transports.discard(self._transport)
        self._transport = None
        self._waiting.clear()
        self._stop()

    def data_received(self, data: bytes) -> None:
        """The next bytes of requests. After what cannot be read nothing is."""
        if self._deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(501, "the sandbox speaks HTTP/1.1 alone: no upgrade")
        except httptools.HttpParserError as error:
            self._refuse(400, f"this is not HTTP: {error}")

    def _refuse(self, status: int, sentence: str) -> None:
        """Say so when everything that came before is answered, and close."""
        self._deaf = True
        said = replace(failed("openai", status, sentence), counted=False)
        self._waiting.append((Asked(method="", path="", continues=False), said))
        self._next()

    # What the parser found, in order.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url = b""
        self._headers = []
        self._body = []

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The body follows: a client that waits to be told so is told."""
        waits = any(name.lower() == "expect" and value.lower() == "100-continue" for name, value in self._headers)
        if waits and self._transport is not None:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole. One that wants another protocol is refused by what the parser raises after it."""
        if self._parser.should_upgrade():
            return
        path, _, query = self._url.decode("latin-1").partition("?")
        asked = Asked(
            number=next(self._sandbox.numbers),
            method=self._parser.get_method().decode("latin-1"),
            path=path if "%" not in path else unquote(path.replace("%2F", "%252F").replace("%2f", "%252F")),
            query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
            headers=tuple(self._headers),
            lookup={name.lower(): value for name, value in self._headers},
            body=b"".join(self._body),
            continues=self._parser.should_keep_alive(),
            http10=self._parser.get_http_version() == "1.0",
        )
        self._waiting.append((asked, None))
        self._next()

    # Answers, one after the other.

    def _next(self) -> None:
        while self._waiting and self._moves is None and self._transport and not self._transport.is_closing():
            asked, said = self._waiting.popleft()
            self._play(said or self._sandbox.said(asked), asked)

    def _play(self, said: Said, asked: Asked) -> None:
        self._said = said
        self._moves = script(said, asked, latency_ms=self._sandbox.latency_ms)
        self._go_on()

    def _go_on(self) -> None:
        """Play on until something has to be waited for."""
        self._timer = None
        while self._moves is not None and self._transport is not None and not (self._full or self._hung):
            move = next(self._moves)
            if isinstance(move, bytes):
                self._transport.write(move)
            elif isinstance(move, Pause):
                self._timer = self._loop.call_later(move.seconds, self._go_on)
                return
            else:
                self._end(move)

    def _end(self, end: End) -> None:
        assert self._transport is not None, "nothing is played to a client that has left"
        if end is End.HANG:
            self._hung = True
            return
        self._moves = None
        if self._said is not None and self._said.counted and self._said.controls.fault not in BROKEN:
            self._sandbox.records.deliver(self._said)
        if end is End.RESET:
            sock = cast("socket.socket | None", self._transport.get_extra_info("socket"))
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
            self._transport.abort()
        elif end is End.CLOSE:
            self._transport.close()
        elif end is End.KEEP:
            self._loop.call_soon(self._next)

    def _stop(self) -> None:
        self._moves = None
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._full = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._full = False
        if self._timer is None:
            self._go_on()
