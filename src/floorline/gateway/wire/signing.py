"""Signatures and tokens of providers whose credentials are no mere header value."""

from typing import Protocol


class Signer(Protocol):
    """Adds a provider's credentials to a request that is complete otherwise."""

    def sign(self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
        """The headers to add. Does not wait for anything."""
        ...
