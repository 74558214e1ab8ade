"""Turns of readers: each has some requests under way at most, so that whoever asks for a hundred slow pages waits for them alone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

AT_ONCE_MAX = 4
"""Requests of one reader that are answered at once; the others of theirs wait in line."""


@dataclass(slots=True)
class _Turn:
    """One reader's. `asking` counts those that wait too."""

    places: asyncio.Semaphore
    asking: int = 0


class Turns:
    """The turns of everybody who asks, of one event loop."""

    def __init__(self, at_once_max: int = AT_ONCE_MAX) -> None:
        self._at_once_max = at_once_max
        self._known: dict[str, _Turn] = {}

    @asynccontextmanager
    async def of(self, reader: str) -> AsyncGenerator[None]:
        """Wait for a place of `reader`'s and hold it; whoever shows nothing ('') needs none, and is answered quickly."""
        if not reader:
            yield
            return
        turn = self._known.setdefault(reader, _Turn(asyncio.Semaphore(self._at_once_max)))
        turn.asking += 1
        try:
            async with turn.places:
                yield
        finally:
            turn.asking -= 1
            if not turn.asking:
                self._known.pop(reader, None)
