"""The reply of a call that the gateway makes for itself: what comes is kept."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from floorline.gateway.message import Headers


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]


_completion = msgspec.json.Decoder(_Completion)


class Heard:
    """A `Reply` that nobody reads while it comes. `broken`: the answer is not whole."""

    def __init__(self) -> None:
        self.gone = self.started = self.broken = False
        self.on_gone: Callable[[], None] | None = None
        self.on_full: Callable[[], None] | None = None
        self.on_room: Callable[[], None] | None = None
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer."""
        self.start(status, headers, len(body))
        self.body = body

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """The head."""
        del length
        self.started, self.status, self.headers = True, status, dict(headers)

    def write(self, data: bytes) -> None:
        """The next bytes."""
        self.body += data

    def end(self) -> None:
        """The body is complete."""

    def abort(self) -> None:
        """It breaks off."""
        self.broken = True

    @property
    def text(self) -> str:
        """What a whole chat completion says; '' where this is none."""
        if self.status != 200 or self.broken:
            return ""
        try:
            return (_completion.decode(self.body).choices[0].message.content or "").strip()
        except (msgspec.DecodeError, IndexError):
            return ""

    @property
    def cost(self) -> Decimal:
        """What the answer says that it cost, in USD; nothing where that is unknown."""
        return Decimal(self.headers.get(b"x-floorline-cost-usd", b"0").decode())
