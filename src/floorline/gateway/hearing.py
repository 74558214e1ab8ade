"""The reply of a call that the gateway makes for itself: what comes is kept."""

from collections.abc import Callable

from floorline.gateway.message import Headers


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
