"""Tokens of Google's cloud, by google-auth."""

import threading
from collections.abc import Callable
from typing import Protocol, cast

import google.auth
import urllib3
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.urllib3 import Request

from floorline.gateway.wire.signing import Unsigned

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Credentials(Protocol):
    """Google-auth's: what tokens are fetched with."""

    @property
    def token_state(self) -> TokenState:
        """Whether the token is good, about to run out, or not there."""
        ...

    def refresh(self, request: Request) -> None:
        """Fetch a token."""
        ...

    def apply(self, headers: dict[str, str]) -> None:
        """Write the token, and the project that is charged where there is one, into `headers`."""
        ...


class GoogleToken:
    """A bearer token. `find` looks for the credentials that tokens are fetched with."""

    def __init__(self, find: Callable[[], Credentials]) -> None:
        self._find = find
        self._found: Credentials | None = None
        self._lock = threading.Lock()

    def stale(self) -> bool:
        """Whether there is no token, or it has some minutes left at most."""
        return self._found is None or self._found.token_state is not TokenState.FRESH

    def refresh(self) -> None:
        """Fetch a token."""
        with self._lock:
            try:
                self._found = self._found or self._find()
                with urllib3.PoolManager() as pool:
                    self._found.refresh(Request(pool))
            except GoogleAuthError as error:
                raise Unsigned(f"no Google credentials: {error}") from error

    def sign(self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
        """The token, and the project that is charged where the credentials name one."""
        del method, url, headers, body
        assert self._found is not None, "refresh runs before sign"
        given: dict[str, str] = {}
        self._found.apply(given)
        return [(name.lower().encode(), value.encode()) for name, value in given.items()]


def default_credentials() -> Credentials:
    """From the environment, a file, or the machine's account, in google-auth's order."""
    found, _ = google.auth.default(scopes=[_SCOPE])  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - the library is typed in part
    return cast("Credentials", found)
