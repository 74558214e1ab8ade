"""A sandbox that listens, on a loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
import uvloop

from floorline.sandbox.provider.serving import Listening, Settings, listen


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Settings], str]]:
    """Starts a sandbox with the settings given, returns its URL; all of them stop after the module."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    sandboxes: list[Listening] = []

    def start(settings: Settings) -> str:
        sandboxes.append(asyncio.run_coroutine_threadsafe(listen(settings), loop).result(10))
        return sandboxes[-1].url

    yield start

    async def stop() -> None:
        for listening in sandboxes:
            await listening.close()

    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="module")
def sandbox(serve: Callable[[Settings], str]) -> str:
    """The URL of a sandbox without chaos."""
    return serve(Settings(port=0))
