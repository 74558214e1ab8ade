"""What happens when a client leaves before its answer: the provider's answer is read on, to know what it cost, or given up."""

import asyncio
from dataclasses import dataclass

from floorline.gateway.message import Reply
from floorline.gateway.policy import GatewayPolicy
from floorline.gateway.upstream import Attempt


@dataclass(slots=True)
class Drains:
    """How many answers are read although nobody waits for them any more."""

    running: int = 0


class Departure:
    """Watches one client. `gave_up`: it has left and its answer is not waited for."""

    __slots__ = ("_attempt", "_drained", "_drains", "_policy", "_reply", "_timer", "gave_up")

    def __init__(self, reply: Reply, policy: GatewayPolicy, drains: Drains) -> None:
        self._reply, self._policy, self._drains = reply, policy, drains
        self._attempt: Attempt | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._drained = False
        self.gave_up = False
        reply.on_gone = self._left
        if reply.gone:
            self._left()

    def follow(self, attempt: Attempt) -> None:
        """An attempt is under way."""
        self._attempt = attempt
        if self.gave_up:
            attempt.abort()

    def close(self) -> None:
        """The call has ended."""
        self._reply.on_gone = None
        if self._timer is not None:
            self._timer.cancel()
        if self._drained:
            self._drains.running -= 1
            self._drained = False

    def _left(self) -> None:
        limits = self._policy.limits
        if self._policy.disconnect == "drain" and self._drains.running < limits.drains_max:
            self._drains.running += 1
            self._drained = True
            self._timer = asyncio.get_running_loop().call_later(limits.drain_ms / 1000, self._give_up)
            if self._attempt is not None:
                self._attempt.resume()  # the client that was too slow is gone
        else:
            self._give_up()

    def _give_up(self) -> None:
        self.gave_up = True
        if self._attempt is not None:
            self._attempt.abort()
