"""What opens something: random text that is given away once, and the hash of it that is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Callable

SECRET_BYTES = 32
TEXT_CHARACTERS_MAX = 200

Random = Callable[[], str]
"""Makes text of base64url that nobody can guess."""


def random_text() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(text: str) -> str:
    """What is kept of it, and what names its document: 256 bits in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def opens(text: str, kept: str) -> bool:
    """Whether `kept` is the digest of `text`, in a time that says nothing of either."""
    return hmac.compare_digest(digest(text), kept)
