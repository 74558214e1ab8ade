"""Virtual keys: how one is made, found in a request, and looked up without telling an attacker anything.

A key is `flk_` and 32 random bytes. What is kept of it is HMAC-SHA256 under the signing secret, so that neither the state nor
the keyring file is worth stealing without that secret.
"""

import base64
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import unquote_to_bytes

import msgspec

from floorline.errors import BadInput
from floorline.ledger.key import Key

__all__ = ["KEY_PREFIX", "Key", "Keyring", "Refused", "allows", "digest", "new_id", "new_key", "presented_key"]

KEY_PREFIX = "flk_"
KEY_RANDOM_BYTES = 32
ID_RANDOM_BYTES = 8
KEY_BYTES_MAX = 512
"""What is longer is no key: it is hashed as if nothing had been presented."""

HITS_MAX = 4_096
"""Presented keys that a ring remembers."""

FORMAT = 1
Refused = Literal["unknown", "revoked", "expired"]

_PREFIX = KEY_PREFIX.encode()
_HEADERS = (b"x-api-key", b"x-goog-api-key", b"api-key")
_BEARER = b"bearer "


def new_key(random: bytes) -> str:
    """The text of a new key from 32 random bytes. It is shown once and kept nowhere."""
    assert len(random) == KEY_RANDOM_BYTES, f"{len(random)} bytes are no key"
    return KEY_PREFIX + base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def new_id(random: bytes) -> str:
    """The public name of a new key from 8 random bytes."""
    assert len(random) == ID_RANDOM_BYTES, f"{len(random)} bytes are no id"
    return f"k_{random.hex()}"


def digest(key: bytes, secret: bytes) -> bytes:
    """What is kept of a key: its HMAC-SHA256 under the signing secret."""
    return hmac.digest(secret, key, "sha256")


def fingerprint(secret: bytes) -> bytes:
    """What tells one signing secret from another, and nothing more."""
    return hmac.digest(secret, b"floorline signing secret", "sha256")[:16]


def presented_key(headers: Mapping[bytes, bytes], query: str) -> bytes | None:
    """The key that a request carries, None without any.

    Looked for in `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `api-key` and `?key=`, in this order. SDKs fill several
    of them: the first that looks like a virtual key counts, without one the first that is there.
    """
    authorization = headers.get(b"authorization")
    first = None
    if authorization is not None and authorization[:7].lower() == _BEARER:
        first = authorization[7:].strip()
        if first.startswith(_PREFIX):
            return first
    for name in _HEADERS:
        value = headers.get(name)
        if value is not None:
            if value.startswith(_PREFIX):
                return value
            first = first or value
    if "key=" in query:
        value = _query_key(query)
        if value is not None and (first is None or value.startswith(_PREFIX)):
            return value
    return first


def _query_key(query: str) -> bytes | None:
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == "key":
            return unquote_to_bytes(value)
    return None


def allows(patterns: tuple[str, ...], name: str) -> bool:
    """Whether a key's globs let `name` through; no globs let everything through."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


class _File(msgspec.Struct, array_like=True):
    """The keyring file. `secret` is the fingerprint of the secret that the digests were made with."""

    format: int
    secret: bytes
    keys: tuple[Key, ...]


class Keyring:
    """The keys of one moment, ready to be looked up.

    In constant time, whatever was presented: one keyed hash over at most 512 bytes and one look into a table by that hash.
    Without the secret nobody can steer the hash, so how the table compares tells nothing of its keys, and unknown,
    revoked and expired keys take the same steps. Only a key that is good is remembered by its own bytes: its next look costs no hash. A
    wrong one never comes that way, because the memory compares bytes only after Python's keyed hash of all of them
    was equal. The memory lives as long as the ring: whatever changes keys makes another ring.
    """

    __slots__ = ("_by_digest", "_hits", "_secret")

    def __init__(self, keys: Iterable[Key], secret: bytes) -> None:
        self._by_digest = {key.digest: key for key in keys}
        self._secret = secret
        self._hits: dict[bytes, Key] = {}

    def __len__(self) -> int:
        return len(self._by_digest)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key, revoked and expired ones too."""
        return tuple(self._by_digest.values())

    def derived(self, purpose: bytes) -> bytes:
        """32 bytes made of the signing secret for another purpose, from which it cannot be told."""
        return hmac.digest(self._secret, purpose, "sha256")

    def find(self, presented: bytes, now: datetime) -> Key | Refused:
        """The good key that `presented` is at `now`, or why it is none. For the caller every refusal is the same 401."""
        hit = self._hits.get(presented)
        if hit is not None and (hit.expires_at is None or now < hit.expires_at):
            return hit
        key = self._by_digest.get(digest(presented if len(presented) <= KEY_BYTES_MAX else b"", self._secret))
        if key is None:
            return "unknown"
        if key.revoked:
            return "revoked"
        if key.expired(now):
            return "expired"
        if len(self._hits) >= HITS_MAX:
            self._hits.clear()
        self._hits[presented] = key
        return key

    @classmethod
    def from_bytes(cls, content: bytes, secret: bytes) -> "Keyring":
        """The ring in a keyring file. BadInput when it is no such file or was made with another secret."""
        try:
            file = msgspec.msgpack.decode(content, type=_File)
        except msgspec.DecodeError as error:
            raise BadInput(
                f"is not a keyring: {error}; any `floorline keys` command that changes a key writes it anew"
            ) from error
        if file.format != FORMAT:
            raise BadInput(f"is a keyring of format {file.format}, this version reads {FORMAT}")
        if file.secret != fingerprint(secret):
            raise BadInput(
                "was made with another signing secret: start with the FLOORLINE_SECRET (or the file `secret`) that the keys were made with"
            )
        return cls(file.keys, secret)


def keyring_bytes(keys: Iterable[Key], secret_fingerprint: bytes) -> bytes:
    """The keyring file of `keys`."""
    return msgspec.msgpack.encode(_File(format=FORMAT, secret=secret_fingerprint, keys=tuple(keys)))
