"""Tokens of the usage API: each names one customer, for minutes, and is worth nothing for any other.

    flu_<base64url of [customer, expires]>.<base64url of HMAC-SHA256 of what stands before the dot>

Nothing is kept of them: a token cannot be revoked and so lives shortly. The key is derived from the signing secret, so that no
other signature of it is a token.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec

PREFIX = "flu_"
LIFETIME = timedelta(minutes=15)
LIFETIME_MAX = timedelta(days=1)
TOKEN_CHARACTERS_MAX = 8_192

_PURPOSE = b"floorline usage token 1"
_decoder = msgspec.json.Decoder(tuple[str, int])


def make_token(customer: str, secret: bytes, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """A token that shows `customer` its own usage until `now` + `lifetime`."""
    assert timedelta() < lifetime <= LIFETIME_MAX, "whoever asks for a token has checked how long it lives"
    expires = int((now + lifetime).timestamp())
    said = PREFIX + _text(msgspec.json.encode((customer, expires)))
    return f"{said}.{_text(_signature(said, secret))}"


def customer_of(token: str, secret: bytes, now: datetime) -> str | None:
    """The customer that a token is of; None when it was not made with `secret`, was changed, or is over."""
    said, _, signature = token.rpartition(".")
    if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii() or not said.startswith(PREFIX):
        return None
    if not hmac.compare_digest(signature.encode(), _text(_signature(said, secret)).encode()):
        return None
    customer, expires = _decoder.decode(_bytes(said.removeprefix(PREFIX)))
    return customer if now < datetime.fromtimestamp(expires, UTC) else None


def _signature(said: str, secret: bytes) -> bytes:
    key = hmac.new(secret, _PURPOSE, hashlib.sha256).digest()
    return hmac.new(key, said.encode(), hashlib.sha256).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
