"""The seam for credentials that are made anew for each request or run out: AWS signatures and Google's tokens."""

from typing import Protocol


class Unsigned(Exception):
    """There are no credentials to sign with; the message says where they were looked for."""


class Signer(Protocol):
    """Adds a provider's credentials to a request that is complete otherwise.

    `sign` never waits: what it needs is fetched by `refresh`, which may ask other hosts and is run off the loop, whenever
    `stale` says that what is held has run out or is about to.
    """

    def stale(self) -> bool:
        """Whether `refresh` has to run before the next `sign`."""
        ...

    def refresh(self) -> None:
        """Fetch credentials. Blocks. Unsigned when there are none."""
        ...

    def sign(self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
        """The headers to add."""
        ...
