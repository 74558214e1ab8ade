"""Writes that are made together. While several calls are under way, what they write in one turn of the loop goes to the kernel at its
end: first all of them go on, then all of them are sent. A processor's caches hold much of what a call needs, or of what the kernel
needs to send, and not of both; turn about, each would find them emptied by the other (docs/decisions/0009).
"""

import asyncio
from collections.abc import Callable, Sized

TOGETHER_MIN = 4
"""Fewer calls under way write at once: there is nothing to put together, and no turn to wait for."""

HELD_BYTES_MAX = 64 << 10
"""More is written at once: what a peer does not take is to be known before more is made for it."""


class Sending:
    """What goes out on one transport. Whoever closes it flushes it first."""

    __slots__ = ("_held", "_pieces", "_soon", "_transport", "_under_way")

    def __init__(
        self, transport: asyncio.Transport, under_way: Sized, soon: Callable[[Callable[[], None]], object]
    ) -> None:
        """`under_way` are the calls, `soon` has something done in the next turn of the loop."""
        self._transport, self._under_way, self._soon = transport, under_way, soon
        self._pieces: list[bytes] = []
        self._held = 0

    @property
    def held(self) -> int:
        """How many bytes wait for the end of the turn."""
        return self._held

    def write(self, data: bytes) -> None:
        """Send `data` behind what was written before."""
        if not self._held:
            if len(self._under_way) < TOGETHER_MIN:
                self._transport.write(data)
                return
            self._soon(self.flush)
        self._pieces.append(data)
        self._held += len(data)
        if self._held > HELD_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Send now what is held."""
        if self._held:
            pieces, self._pieces, self._held = self._pieces, [], 0
            if not self._transport.is_closing():
                self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
