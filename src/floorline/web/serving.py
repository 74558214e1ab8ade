"""The dashboard on a socket: uvicorn, which ends when it is told to and never takes signals for itself."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn

from floorline.errors import BadInput
from floorline.web.app import Site

CONNECTIONS_MAX = 256
HEADER_BYTES_MAX = 64 << 10
SHUTDOWN_S = 5


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the process's own: it closes the server itself."""
        yield


class Listener:
    """`listen`, then `close`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._server = _Server(
            uvicorn.Config(
                site,
                http="h11",  # bounds what a header may hold, which the faster parser does not
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
