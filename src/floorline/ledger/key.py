"""A virtual key, as the state keeps it and the gateways know it."""

from datetime import datetime
from typing import Literal

import msgspec


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may do, and whose its calls are. The key's text is nowhere: `digest` is its keyed hash.

    Empty text leaves the matter to the caller's headers. `models` are globs over the names that callers ask for and
    `providers` names of the configuration; empty allows every one. `unattributed` None: as the gateway's policy.
    `replaces` is the id of the key that this one was rotated from.
    """

    id: str
    name: str
    digest: bytes
    created_at: datetime
    customer: str = ""
    feature: str = ""
    plan: str = ""
    environment: str = ""
    purpose: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    unattributed: Literal["require", "warn", "allow"] | None = None
    replaces: str = ""

    @property
    def revoked(self) -> bool:
        """Whether it was taken back."""
        return self.revoked_at is not None

    def expired(self, now: datetime) -> bool:
        """Whether its time is over at `now`."""
        return self.expires_at is not None and now >= self.expires_at
