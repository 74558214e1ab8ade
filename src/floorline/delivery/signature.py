"""Signatures of webhooks, as Standard Webhooks has them: a receiver can tell who sent a message, and when.

    webhook-id, webhook-timestamp, webhook-signature: v1,<base64 of HMAC-SHA256 of "id.timestamp.body">

A sender that knows two secrets signs with both, so that a receiver can change its own at any time in between.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
TOLERANCE = timedelta(minutes=5)


def secret_key(secret: str) -> bytes:
    """The bytes of a secret (`whsec_` and base64). ValueError says what is wrong with it, and never shows it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError(f"it must be {PREFIX} and the base64 of 24 to 64 random bytes: openssl rand -base64 32")
    return key


def signed(id_: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of `body`, signed with each of `secrets`."""
    timestamp = str(int(at.timestamp()))
    signatures = (_signature(id_, timestamp, body, secret_key(secret)) for secret in secrets)
    return {"webhook-id": id_, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def is_genuine(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: datetime) -> bool:
    """Whether `body` was signed with one of `secrets` within TOLERANCE of `now`. Names of headers are lower case."""
    id_, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id_ or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > TOLERANCE:
        return False
    given = [one.encode() for one in headers.get("webhook-signature", "").split()]
    expected = [_signature(id_, timestamp, body, secret_key(secret)).encode() for secret in secrets]
    return any(hmac.compare_digest(one, known) for one in given for known in expected)


def _signature(id_: str, timestamp: str, body: bytes, key: bytes) -> str:
    digest = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
