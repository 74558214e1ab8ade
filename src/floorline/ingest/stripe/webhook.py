"""Whether a webhook's body is Stripe's own: `Stripe-Signature: t=<epoch>,v1=<hex>[,v1=…]` over `<epoch>.<body>`."""

import hmac
from collections.abc import Sequence
from datetime import datetime

TOLERANCE_S = 300
_PARTS_MAX = 20


def signature(body: bytes, secret: str, at: int) -> str:
    """The v1 signature of a body that is sent at `at`, in hexadecimal."""
    return hmac.digest(secret.encode(), b"%d." % at + body, "sha256").hex()


def fault(body: bytes, header: str, secrets: Sequence[str], now: datetime) -> str:
    """Why the body is not believed, '' when one of `secrets` signed it within the last five minutes.

    Every presented signature is compared with every secret, in time that does not depend on what is equal.
    """
    pairs = [part.strip().partition("=") for part in header.split(",")[:_PARTS_MAX]]
    stamps = [value for name, _, value in pairs if name == "t"]
    presented = [value for name, _, value in pairs if name == "v1"]
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit() and len(stamps[0]) <= 12) or not presented:
        return "Stripe-Signature is absent or is not `t=…,v1=…`"
    at = int(stamps[0])
    expected = [signature(body, secret, at).encode() for secret in secrets]
    matches = [hmac.compare_digest(one, value.encode()) for one in expected for value in presented]
    if not any(matches):
        return "no signature is of a secret in stripe.webhook_secret"
    age_s = int(now.timestamp()) - at
    if abs(age_s) > TOLERANCE_S:
        return f"it was signed {age_s} s ago, at most {TOLERANCE_S} s are taken: is this machine's clock right?"
    return ""
