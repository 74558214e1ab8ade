"""The cookies of the dashboard. Pure.

HttpOnly: no script reads them. SameSite=Lax: sent when somebody follows a link from a mail or a chat, or returns from the
identity provider, which Strict would turn into a second login; a change by another site's form does not have them, and
needs a proof of its own besides. Over TLS the prefix `__Host-` keeps other machines of the domain from setting them.
"""

import string
from datetime import timedelta

SESSION = "floorline"
LOGIN = "floorline_login"
"""Binds the answer of an identity provider to the browser that was sent there."""

_ALPHABET = frozenset(f"{string.ascii_letters}{string.digits}-_")


def named(name: str, *, secure: bool) -> str:
    """What the cookie is called on the wire."""
    return f"__Host-{name}" if secure else name


def given(header: str, name: str, *, secure: bool) -> str:
    """The value of the cookie in a Cookie header, '' when it is not there."""
    wanted = named(name, secure=secure)
    for pair in header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == wanted:
            return value
    return ""


def setting(name: str, value: str, lifetime: timedelta, *, secure: bool) -> tuple[str, str]:
    """The header that has a browser keep the cookie for `lifetime`."""
    assert not set(value) - _ALPHABET, "cookies hold base64url"
    parts = [f"{named(name, secure=secure)}={value}", "Path=/", f"Max-Age={lifetime // timedelta(seconds=1)}"]
    parts += ["HttpOnly", "SameSite=Lax", *(["Secure"] if secure else [])]
    return "set-cookie", "; ".join(parts)


def ending(name: str, *, secure: bool) -> tuple[str, str]:
    """The header that has a browser forget the cookie."""
    return setting(name, "", timedelta(), secure=secure)
