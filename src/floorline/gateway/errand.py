"""What a guardrail has the gateway ask a model for the sake of a call: a call of the gateway's own, that goes the way of every other."""

from collections.abc import Awaitable, Callable

import msgspec

from floorline.gateway.hearing import Heard
from floorline.gateway.underway import UnderWay

CHAT = "/v1/chat/completions"


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What its record calls it: the step, and the call type where that is not what the endpoint at `path` implies. `headers` go with it."""

    step: str
    call_type: str = ""
    path: str = CHAT
    headers: tuple[tuple[bytes, bytes], ...] = ()


Ask = Callable[[UnderWay, bytes, Errand], Awaitable[Heard]]
"""Makes a call of the gateway's own for the one that needs it: an errand with this body."""
