"""What the sandbox saw and said: counts, and the last requests as they came."""

import base64
from collections import Counter, deque
from dataclasses import dataclass, field, replace

import msgspec

from floorline.sandbox.provider.message import Asked, Said

KEPT = 200
KEPT_BYTES = 64 << 20


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came, and what was answered. A body that is no UTF-8 is in `body_base64`."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: list[tuple[str, str]]
    body: str | None
    body_base64: str | None
    status: int
    fault: str
    streamed: bool
    usage: dict[str, int]


@dataclass(slots=True)
class Records:
    """Counts since the start or the last `clear`. `usage` adds up what was reported in answers that went out in full."""

    requests: int = 0
    streams: int = 0
    delivered: int = 0
    connections_open: int = 0
    connections: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    faults: Counter[str] = field(default_factory=Counter[str])
    usage: Counter[str] = field(default_factory=Counter[str])
    _last: deque[tuple[Asked, Said]] = field(default_factory=deque[tuple[Asked, Said]])
    _bytes: int = 0

    def take(self, asked: Asked, said: Said) -> None:
        """A request came, and this will be said to it."""
        self.requests += 1
        self.streams += said.streamed
        self.statuses[said.status] += 1
        if said.controls.fault:
            self.faults[said.controls.fault] += 1
        self._keep(asked, replace(said, parts=(), failure=b""))

    def _keep(self, asked: Asked, said: Said) -> None:
        """Hold the last requests, at most `KEPT` of them and `KEPT_BYTES` of their bodies; the last one in any case."""
        self._last.append((asked, said))
        self._bytes += len(asked.body)
        while len(self._last) > KEPT or (self._bytes > KEPT_BYTES and len(self._last) > 1):
            self._bytes -= len(self._last.popleft()[0].body)

    def deliver(self, said: Said) -> None:
        """An answer went out in full."""
        self.delivered += 1
        self.usage.update(said.usage)

    def stats(self) -> dict[str, object]:
        """The counts by name."""
        return {
            "requests": self.requests,
            "streams": self.streams,
            "delivered": self.delivered,
            "connections_open": self.connections_open,
            "connections": self.connections,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "faults": dict(sorted(self.faults.items())),
            "usage": dict(sorted(self.usage.items())),
        }

    def last(self, count: int) -> list[Seen]:
        """The last `count` requests, the oldest first."""
        return [_seen(asked, said) for asked, said in list(self._last)[max(len(self._last) - count, 0) :]]

    def clear(self) -> None:
        """Count from 0 again; open connections stay counted."""
        self.requests = self.streams = self.delivered = self.connections = self._bytes = 0
        for counter in (self.statuses, self.faults, self.usage, self._last):
            counter.clear()


def _seen(asked: Asked, said: Said) -> Seen:
    try:
        body, encoded = asked.body.decode(), None
    except UnicodeDecodeError:
        body, encoded = None, base64.b64encode(asked.body).decode()
    return Seen(
        number=asked.number,
        method=asked.method,
        path=asked.path,
        query=dict(asked.query),
        headers=list(asked.headers),
        body=body,
        body_base64=encoded,
        status=said.status,
        fault=said.controls.fault,
        streamed=said.streamed,
        usage=dict(said.usage),
    )
