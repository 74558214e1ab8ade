"""Summaries of conversations, by what they stand for: in memory, bounded, and gone an hour after their last use.

A key is a digest of whose conversation it is and of every message up to its end, so that nobody is given another one's.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from hashlib import blake2b

import msgspec

from floorline.money import ZERO

BYTES_MAX = 32 << 20
IDLE_MS = 3_600_000


class Summary(msgspec.Struct, kw_only=True):
    """What stands for `messages` messages of about `messages_tokens` tokens, and about how many it has itself. `unclaimed` is what
    making it cost, until a call that goes with it has it on its record.
    """

    text: str
    messages_tokens: int
    tokens: int
    made_ms: int
    used_ms: int
    unclaimed: Decimal = ZERO


class Summaries:
    """What one gateway remembers; the longest unused are forgotten first."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max, self._bytes = bytes_max, 0
        self._held: OrderedDict[bytes, Summary] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def deepest(self, keys: Sequence[bytes], now_ms: int) -> tuple[int, Summary | None]:
        """How many messages, of those that `keys` are the ends of, the longest summary stands for; it counts as used now."""
        self._expire(now_ms)
        for place in range(len(keys), 0, -1):
            found = self._held.get(keys[place - 1])
            if found is not None:
                found.used_ms = now_ms
                self._held.move_to_end(keys[place - 1])
                return place, found
        return 0, None

    def keep(self, key: bytes, summary: Summary) -> None:
        """Remember one that was made."""
        self._drop(key)
        self._held[key] = summary
        self._bytes += len(summary.text)
        while self._bytes > self._bytes_max:
            self._drop(next(iter(self._held)))

    def _expire(self, now_ms: int) -> None:
        while self._held and next(iter(self._held.values())).used_ms < now_ms - IDLE_MS:
            self._drop(next(iter(self._held)))

    def _drop(self, key: bytes) -> None:
        summary = self._held.pop(key, None)
        if summary is not None:
            self._bytes -= len(summary.text)


def keys_of(whose: Iterable[str], messages: Iterable[bytes]) -> list[bytes]:
    """The key of a conversation after each of its messages."""
    running = blake2b("\0".join(whose).encode(errors="surrogatepass"), digest_size=16)
    keys: list[bytes] = []
    for message in messages:
        running.update(b"%d:" % len(message))
        running.update(message)
        keys.append(running.digest())
    return keys
