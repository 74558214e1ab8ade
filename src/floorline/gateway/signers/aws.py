"""AWS Signature Version 4, by botocore."""

import threading
from collections.abc import Callable
from typing import Protocol, cast

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import get_session  # pyright: ignore[reportUnknownVariableType] - the library is typed in part

from floorline.gateway.wire.signing import Unsigned

_SIGNED_HEADERS = (b"host", b"content-type")


class Credentials(Protocol):
    """Botocore's: an access key, maybe with a session and an end."""

    def get_frozen_credentials(self) -> object:
        """As they are now, fetched anew when they have run out."""
        ...


class SigV4:
    """Signs for the service `bedrock`. `find` looks for credentials, and may ask the machine's own role."""

    def __init__(self, find: Callable[[], Credentials | None], *, region: str) -> None:
        self._find = find
        self._region = region
        self._found: Credentials | None = None
        self._frozen: object = None
        self._lock = threading.Lock()

    def stale(self) -> bool:
        """Whether there are no credentials yet, or those that there are will soon be no more."""
        needed = cast("Callable[[], bool] | None", getattr(self._found, "refresh_needed", None))
        return self._frozen is None or (needed is not None and needed())

    def refresh(self) -> None:
        """Find the credentials, or fetch new ones."""
        with self._lock:
            try:
                self._found = self._found or self._find()
                if self._found is None:
                    raise Unsigned(
                        "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role"
                    )
                self._frozen = self._found.get_frozen_credentials()
            except BotoCoreError as error:
                raise Unsigned(f"no AWS credentials: {error}") from error

    def sign(self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
        """The headers of the signature over host, type, path, query and body."""
        given = {name.decode(): value.decode("latin-1") for name, value in headers if name in _SIGNED_HEADERS}
        request = AWSRequest(method=method, url=url, headers=given, data=body)
        SigV4Auth(self._frozen, "bedrock", self._region).add_auth(request)  # pyright: ignore[reportUnknownMemberType] - the library is typed in part
        signed: list[tuple[str, str]] = request.headers.items()
        return [(name.lower().encode(), value.encode()) for name, value in signed if name.lower() not in given]


def machine_credentials() -> Credentials | None:
    """From the environment, a profile, or the machine's role, in botocore's order."""
    session = get_session()
    return cast("Credentials | None", session.get_credentials())  # pyright: ignore[reportUnknownMemberType] - the library is typed in part
