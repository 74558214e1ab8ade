"""The `stripe` section: which account is read, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import yaml

from floorline.config.reader import Value
from floorline.config.settings import names_below

API_BASE = "https://api.stripe.com"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_YEARS_MS = 10 * 366 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSettings:
    """A Stripe account. `api_key` is '' while its variable is not set."""

    api_key: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    api_base: str = API_BASE
    poll: timedelta = timedelta(hours=1)
    lag_max: timedelta = timedelta(hours=6)
    backfill: timedelta = timedelta(days=400)


def read_stripe(value: Value) -> StripeSettings:
    """The section's settings."""
    table, default = value.table(names_below("stripe"), required=("api_key",)), StripeSettings()
    return StripeSettings(
        api_key=(table["api_key"].secret() if "api_key" in table else None) or "",
        webhook_secrets=_secrets(table["webhook_secret"]) if "webhook_secret" in table else (),
        api_base=(_base(table["api_base"]) if "api_base" in table else None) or default.api_base,
        poll=_duration(table, "poll", default.poll),
        lag_max=_duration(table, "lag_max", default.lag_max),
        backfill=_duration(table, "backfill", default.backfill),
    )


def _secrets(value: Value) -> tuple[str, ...]:
    """One secret, or several: while one is rotated both hold."""
    stated = value.items() if isinstance(value.node, yaml.SequenceNode) else [value]
    return tuple(secret for one in stated if (secret := one.secret()))


def _duration(table: Mapping[str, Value], name: str, default: timedelta) -> timedelta:
    stated = table[name].duration_ms(maximum=_YEARS_MS) if name in table else None
    return default if stated is None else timedelta(milliseconds=stated)


def _base(value: Value) -> str | None:
    content = value.text()
    if content is None:
        return None
    url = urlsplit(content)
    if url.hostname and (url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)):
        return content
    value.complain(f"`{value.path}` is {content!r}: write an https URL, or an http one of this machine")
    return None
