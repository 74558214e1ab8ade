"""The sandbox as a server: it listens until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass

import uvloop

from floorline.errors import BadInput
from floorline.sandbox.provider.connection import Connection, Sandbox
from floorline.sandbox.provider.controls import Chaos
from floorline.sandbox.provider.knowledge import Knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the sandbox listens and how it behaves. Port 0 is any that is free."""

    host: str = "127.0.0.1"
    port: int = 9001
    latency_ms: int = 0
    chaos: float = 0.0
    seed: int = 0
    knowledge: Knowledge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A sandbox that listens at `url`."""

    url: str
    server: asyncio.Server
    sandbox: Sandbox

    async def close(self) -> None:
        """Listen no more, and break what is open."""
        self.server.close()
        await self.sandbox.close()


async def listen(settings: Settings) -> Listening:
    """A sandbox that listens from now on. BadInput when the address cannot be had."""
    sandbox = Sandbox(
        chaos=Chaos(settings.chaos, settings.seed), latency_ms=settings.latency_ms, knowledge=settings.knowledge
    )
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: Connection(sandbox), settings.host, settings.port, backlog=1024)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise BadInput(f"cannot listen on {place}: {error.strerror or error}; name another --port") from error
    host, port = server.sockets[0].getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return Listening(url=url, server=server, sandbox=sandbox)


def run(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` is told the URL."""
    uvloop.run(_run(settings, on_ready))


async def _run(settings: Settings, on_ready: Callable[[str], None]) -> None:
    listening = await listen(settings)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    on_ready(listening.url)
    await stopped.wait()
    await listening.close()
