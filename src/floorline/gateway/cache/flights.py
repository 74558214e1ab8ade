"""Of several calls that ask the same at once one goes to its provider; the others wait for its answer."""

import asyncio

from floorline.gateway.cache.entry import Entry
from floorline.gateway.message import Reply


class Flights:
    """The calls under way that others may wait for, by what they ask."""

    def __init__(self) -> None:
        self._under_way: dict[bytes, list[asyncio.Future[Entry | None]]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def lead(self, key: bytes) -> bool:
        """Whether the caller is the one that goes: then it must `land`, whatever happens."""
        if key in self._under_way:
            return False
        self._under_way[key] = []
        return True

    def under_way(self, key: bytes) -> bool:
        """Whether a call that asks the same is."""
        return key in self._under_way

    async def join(self, key: bytes, wait_ms: int, reply: Reply) -> Entry | None:
        """The answer of the call under way; None when it has none to give, when it takes longer than that, or when the client
        of `reply` leaves.
        """
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Entry | None] = loop.create_future()
        self._under_way[key].append(waiting)
        timer = loop.call_later(wait_ms / 1000, _give, waiting, None)
        reply.on_gone = lambda: _give(waiting, None)
        try:
            return None if reply.gone else await waiting
        finally:
            timer.cancel()
            reply.on_gone = None

    def land(self, key: bytes, entry: Entry | None) -> None:
        """The call under way is over: everyone who waited has its answer, or goes on without one."""
        for waiting in self._under_way.pop(key, ()):
            _give(waiting, entry)


def _give(waiting: "asyncio.Future[Entry | None]", entry: Entry | None) -> None:
    if not waiting.done():
        waiting.set_result(entry)
