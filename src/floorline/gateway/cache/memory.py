"""The answers that one process holds: at most so many bytes, the least recently used go first."""

from collections import OrderedDict
from collections.abc import Callable

from floorline.gateway.cache.entry import Entry

BODY_SHARE = 4
"""An answer of more than one over this of all the memory is not held: it would drive out everything else."""


class Memory:
    """Entries by key. `evicted` counts those that made room for others."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.used_bytes = self.evicted = 0
        # The least recently used first. A dict would look for its first one in the places of all that went before it, each time.
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, now_ms: int) -> Entry | None:
        """The entry of `key`, unless its time is over."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_ms <= now_ms:
            self.remove(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, entry: Entry) -> None:
        """Hold `entry` in place of an earlier one of its key."""
        self.remove(entry.key)
        size = entry.size_bytes
        if size * BODY_SHARE > self.bytes_max:
            return
        self._entries[entry.key] = entry
        self.used_bytes += size
        self.fit(self.bytes_max)

    def fit(self, bytes_max: int) -> None:
        """Hold at most `bytes_max` from now on."""
        self.bytes_max = bytes_max
        while self.used_bytes > bytes_max:
            _, entry = self._entries.popitem(last=False)
            self.used_bytes -= entry.size_bytes
            self.evicted += 1

    def remove(self, key: bytes) -> None:
        """Forget one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used_bytes -= entry.size_bytes

    def drop(self, dead: Callable[[Entry], bool]) -> int:
        """Forget every entry that `dead` says so of; how many there were."""
        found = [key for key, entry in self._entries.items() if dead(entry)]
        for key in found:
            self.remove(key)
        return len(found)
