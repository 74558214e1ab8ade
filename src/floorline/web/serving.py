"""The dashboard on a socket: uvicorn, which ends when it is told to and never takes signals for itself."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from floorline.errors import BadInput
from floorline.web.app import Site

CONNECTIONS_MAX = 256
HEAD_S = 10
"""How long a connection may take to say what it wants: a few hundred that say nothing would keep everybody out."""

HEADER_BYTES_MAX = 64 << 10
SHUTDOWN_S = 5


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the process's own: it closes the server itself."""
        yield


class _Protocol(H11Protocol):
    """uvicorn's, which waits for ever for the first line and the headers: here each request has `head_s` for them."""

    head_s: float = HEAD_S
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] - uvicorn's own says so too
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Whatever came since does not move the end: headers sent a byte at a time are late too."""
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(self.head_s, self._end)

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        self._late = None
        if self.conn.their_state is h11.IDLE:
            self.transport.abort()


class Listener:
    """`listen`, then `close`. `head_s` is how long a request's headers may take."""

    def __init__(self, site: Site, head_s: float = HEAD_S) -> None:
        class Protocol(_Protocol):
            pass

        Protocol.head_s = head_s
        self._site = site
        self._server = _Server(
            uvicorn.Config(
                site,
                http=Protocol,  # h11 bounds what a header may hold, which the faster parser does not
                h11_max_incomplete_event_size=HEADER_BYTES_MAX,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=CONNECTIONS_MAX,
                timeout_graceful_shutdown=SHUTDOWN_S,
            )
        )
        self._serving: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Begin to answer at `host` and `port` (0: any free one); where that is. BadInput when it cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            listening.close()
            raise BadInput(
                f"the control process cannot listen on {host}:{port}: {error.strerror}; name another with --control-port"
            ) from error
        self._socket = listening
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.01)
        at: tuple[str, int] = listening.getsockname()[:2]
        return at

    async def close(self) -> None:
        """Answer what is under way, then end."""
        self._site.close()
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        if self._socket is not None:
            self._socket.close()
