import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from floorline.delivery.signature import TOLERANCE, is_genuine, secret_key, signed

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))


def test_the_signature_is_that_of_standard_webhooks():
    """The example of the specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}', [secret]
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_was_signed_is_genuine_and_what_was_changed_is_not():
    headers = signed("msg_1", NOW, b"{}", [OLD])
    assert is_genuine(headers, b"{}", [OLD], now=NOW)
    assert not is_genuine(headers, b"{} ", [OLD], now=NOW)
    assert not is_genuine(headers, b"{}", [NEW], now=NOW)
    assert not is_genuine({**headers, "webhook-id": "msg_2"}, b"{}", [OLD], now=NOW)
    assert not is_genuine({**headers, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}, b"{}", [OLD], now=NOW)
    assert not is_genuine({}, b"{}", [OLD], now=NOW)


def test_a_message_is_not_genuine_for_ever():
    headers = signed("msg_1", NOW, b"{}", [OLD])
    assert is_genuine(headers, b"{}", [OLD], now=NOW + TOLERANCE)
    assert not is_genuine(headers, b"{}", [OLD], now=NOW + TOLERANCE + timedelta(seconds=1))
    assert not is_genuine(headers, b"{}", [OLD], now=NOW - TOLERANCE - timedelta(seconds=1))


def test_a_sender_with_two_secrets_is_believed_by_who_has_either():
    headers = signed("msg_1", NOW, b"{}", [NEW, OLD])
    assert is_genuine(headers, b"{}", [OLD], now=NOW)
    assert is_genuine(headers, b"{}", [NEW], now=NOW)
    keys = [
        hmac.new(secret_key(one), f"msg_1.{int(NOW.timestamp())}.".encode() + b"{}", hashlib.sha256)
        for one in (NEW, OLD)
    ]
    assert headers["webhook-signature"] == " ".join(f"v1,{base64.b64encode(key.digest()).decode()}" for key in keys)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "hunter2", f"whsec_{'!' * 40}", OLD.removeprefix("whsec_")]
)
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str):
    with pytest.raises(ValueError, match="openssl rand -base64 32") as raised:
        secret_key(secret)
    assert len(secret) <= len("whsec_") or secret not in str(raised.value)
