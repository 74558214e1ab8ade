"""Takes in an answer as it passes: its readable bytes, up to as many as are kept of one."""

from typing import Protocol


class Taking(Protocol):
    """Who is shown an answer's readable bytes as they pass."""

    def feed(self, data: bytes) -> None:
        """The next of them."""
        ...

    def end(self) -> None:
        """There are no more."""
        ...


class Taken:
    """An answer that may be kept. `body` is there once it has ended, None when it was too long."""

    __slots__ = ("_left", "_parts", "body")

    def __init__(self, bytes_max: int) -> None:
        self._left = bytes_max
        self._parts: list[bytes] = []
        self.body: bytes | None = None

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._left -= len(data)
        if self._left < 0:
            self._parts.clear()
        else:
            self._parts.append(data)

    def end(self) -> None:
        """The answer has ended."""
        if self._left >= 0:
            self.body = b"".join(self._parts)


class Both:
    """Two that take in the same answer."""

    __slots__ = ("_one", "_other")

    def __init__(self, one: Taking, other: Taking) -> None:
        self._one, self._other = one, other

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._one.feed(data)
        self._other.feed(data)

    def end(self) -> None:
        """The answer has ended."""
        self._one.end()
        self._other.end()
