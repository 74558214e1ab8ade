"""Seals answers before they leave the process: each under the key of the customer and user that it was made for, as content is.

Shredding a subject's key makes every sealed answer of its unreadable, wherever a copy of it lies.
"""

from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from floorline.gateway.cache.entry import Entry, decode, encode

NONCE_BYTES = 12


Random = Callable[[int], bytes]
"""Gives that many bytes nobody can guess."""


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """An entry outside of the process: whose key opens it, and what is closed."""

    customer: str
    user: str
    closed: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Sealed).decode


def seal(entry: Entry, key: bytes, random: Random) -> bytes:
    """The entry as bytes that nobody reads without `key`, its subject's."""
    return seal_bytes(encode(entry), entry, key, entry.key, random)


def seal_bytes(content: bytes, whose: Entry, key: bytes, place: bytes, random: Random) -> bytes:
    """`content`, of the subject that an entry is of, as bytes that nobody reads without `key`, or believes to be kept elsewhere."""
    nonce = random(NONCE_BYTES)
    closed = nonce + AESGCM(key).encrypt(nonce, content, place)
    return _encode(Sealed(whose.customer, whose.user, closed))


def subject(sealed: bytes) -> Sealed | None:
    """Whose key opens `sealed`; None for bytes that are none of ours."""
    try:
        return _decode(sealed)
    except msgspec.DecodeError:
        return None


def unseal(sealed: Sealed, key: bytes, entry_key: bytes) -> Entry | None:
    """The entry kept under `entry_key`; None when it was sealed under another key, one that was shredded, or is damaged."""
    content = unseal_bytes(sealed, key, entry_key)
    try:
        return None if content is None else decode(content)
    except msgspec.DecodeError:
        return None


def unseal_bytes(sealed: Sealed, key: bytes, place: bytes) -> bytes | None:
    """What was sealed at `place`; None as above."""
    nonce, closed = sealed.closed[:NONCE_BYTES], sealed.closed[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, closed, place)
    except (InvalidTag, ValueError):
        return None
