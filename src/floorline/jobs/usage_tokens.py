"""Tokens of the usage API: each names one customer, for minutes, and is worth nothing for any other.

    flu_<base64url of [customer, expires]>.<base64url of HMAC-SHA256 of what stands before the dot>

Nothing is kept of them but who made one for whom: a token cannot be revoked and so lives shortly. The key is derived from the
signing secret, so that no other signature of it is a token.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import msgspec

from floorline.ledger.state import Audited

PREFIX = "flu_"
LIFETIME = timedelta(minutes=15)
LIFETIME_MAX = timedelta(days=1)
TOKEN_CHARACTERS_MAX = 8_192
ACTION = "usage_token.make"
"""In the audit."""

KNOWN_MAX = 20_000
"""Makers and customers that are remembered together, so that the audit is not full of one backend's tokens."""

_PURPOSE = b"floorline usage token 1"
_decoder = msgspec.json.Decoder(tuple[str, int])


class TokenMaker:
    """Makes tokens, and has `audit` keep who made one for whom before anybody has it: the first that one maker makes for a customer
    in a day (of UTC), and each that lives longer than those before it. A backend that makes one every quarter of an hour for each of
    its readers would otherwise leave little else to be found there.
    """

    def __init__(self, audit: Callable[[Audited], None], secret: Callable[[], bytes]) -> None:
        self._audit, self._secret = audit, secret
        self._longest: dict[tuple[str, str], timedelta] = {}
        self._day = date.min

    def make(self, customer: str, lifetime: timedelta, *, by: str, now: datetime) -> str:
        """A token of `customer`, as `make_token` has it."""
        token = make_token(customer, self._secret(), now, lifetime)
        if self._day != now.date() or len(self._longest) >= KNOWN_MAX:
            self._longest, self._day = {}, now.date()
        if lifetime > self._longest.get((by, customer), timedelta()):
            detail = f"for {lifetime // timedelta(minutes=1)} minutes"
            self._audit(Audited(at=now, actor=by, action=ACTION, subject=customer, detail=detail))
            self._longest[by, customer] = lifetime
        return token


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
