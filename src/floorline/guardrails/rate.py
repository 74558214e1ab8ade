"""Rates: at most so many requests or tokens in any sixty seconds, counted by the second."""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from floorline.guardrails.budget import Part

PERIOD_S = 60


class Rate(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One rate. None: it does not count that. `name` is what refusals and counters call it."""

    name: str
    scope: tuple[Part, ...]
    requests: int | None = None
    tokens: int | None = None

    @property
    def id(self) -> str:
        """Names its counters: other limits leave it."""
        return blake2b(msgspec.json.encode([self.name, self.scope]), digest_size=8).hexdigest()


class Paced(msgspec.Struct, kw_only=True):
    """What came in the last sixty seconds: second → quantity, oldest first, and their sum. Mutable: one counter."""

    seconds: dict[int, int] = {}
    total: int = 0

    def add(self, second: int, quantity: int) -> None:
        """Count `quantity` in `second`; a correction may be negative."""
        self.seconds[second] = self.seconds.get(second, 0) + quantity
        self.total += quantity

    def wait_s(self, second: int, quantity: int, limit: int) -> int:
        """How long until `quantity` more fits into `limit`; 0 is now. What exceeds the limit alone fits once nothing else is there."""
        self.forget(second)
        return wait_s(self.seconds.items(), self.total, second, quantity, limit)

    def forget(self, second: int) -> None:
        """Let go of what is older than the period."""
        while self.seconds and (first := next(iter(self.seconds))) <= second - PERIOD_S:
            self.total -= self.seconds.pop(first)


def wait_s(counted: Iterable[tuple[int, int]], total: int, second: int, quantity: int, limit: int) -> int:
    """The seconds until `quantity` more fits, `counted` being (second, quantity) in order, `total` their sum."""
    if total + quantity <= limit or total <= 0:
        return 0
    for first, gone in counted:
        total -= gone
        if total + quantity <= limit or total <= 0:
            return max(first + PERIOD_S - second, 1)
    return PERIOD_S
