"""The `web` section: where the dashboard is reached, how long sessions last, and which identity provider vouches for people."""

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import cast
from urllib.parse import SplitResult

from floorline.config.policies import read_names
from floorline.config.providers import split_url
from floorline.config.reader import Value
from floorline.config.settings import names_below, required_below
from floorline.web.access.policy import LOOPBACK, SCOPES, TIMEOUT, OidcPolicy, WebPolicy
from floorline.web.who import ROLES, Role

_YEAR_MS = 366 * 86_400_000
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_TIMEOUT_MAX_MS = 60_000

_Table = Mapping[str, Value]


def read_web(value: Value) -> WebPolicy:
    """The section's settings."""
    table, default = value.table(names_below("web")), WebPolicy()
    public_url = _origin(table["public_url"]) if "public_url" in table else ""
    if "oidc" in table and not public_url:
        table["oidc"].complain(
            "`web.oidc` needs `web.public_url`: the identity provider sends people back there, so write the URL that they use"
        )
    idle, lifetime = _duration(table, "idle", default.idle), _duration(table, "lifetime", default.lifetime)
    if idle > lifetime:
        table.get("idle", value).complain(
            f"`web.idle` {idle} is longer than `web.lifetime` {lifetime}: a session is over at the lifetime, used or not"
        )
    return WebPolicy(
        host=_text(table, "host") or default.host,
        public_url=public_url,
        allowed_hosts=_hosts(table["allowed_hosts"]) if "allowed_hosts" in table else (),
        proxies=_addresses(table["proxies"]) if "proxies" in table else (),
        idle=idle,
        lifetime=lifetime,
        oidc=_oidc(table["oidc"]) if "oidc" in table else None,
    )


def _oidc(value: Value) -> OidcPolicy:
    table = value.table(names_below("web.oidc"), required=required_below("web.oidc"))
    roles = _roles(table["roles"]) if "roles" in table else {}
    claim = _text(table, "role_claim")
    domains = tuple(name.lower() for name in read_names(table["allowed_domains"])) if "allowed_domains" in table else ()
    default_role = _role(table["default_role"]) if "default_role" in table else None
    if ("role_claim" in table) != ("roles" in table):
        value.complain("`web.oidc` reads roles by `role_claim` and `roles`: write both or neither")
    if not {"roles", "default_role"} & table.keys():
        value.complain(
            "`web.oidc` gives nobody a role: write `role_claim` and `roles`, or `default_role: viewer` for everyone who may come in"
        )
    if default_role is not None and not domains:
        table["default_role"].complain(
            "`web.oidc.default_role` would let in everyone whom the issuer knows: name your own in `allowed_domains`"
        )
    return OidcPolicy(
        issuer=_issuer(table["issuer"]) if "issuer" in table else "",
        client_id=_text(table, "client_id"),
        client_secret=(table["client_secret"].secret() if "client_secret" in table else None) or "",
        scopes=_scopes(table["scopes"]) if "scopes" in table else SCOPES,
        role_claim=claim,
        roles=roles,
        default_role=default_role,
        allowed_domains=domains,
        timeout=_duration(table, "timeout", TIMEOUT, _TIMEOUT_MAX_MS),
    )


def _roles(value: Value) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for name, entry in value.entries().items():
        role = _role(entry.value)
        if role is not None:
            roles[name] = role
    return roles


def _role(value: Value) -> Role | None:
    return cast("Role | None", value.one_of(ROLES))


def _scopes(value: Value) -> tuple[str, ...]:
    scopes = read_names(value)
    if "openid" not in scopes:
        value.complain(f"`{value.path}` lacks `openid`, without which the identity provider names nobody")
    return scopes


def _issuer(value: Value) -> str:
    """An issuer is compared letter by letter, so it stays as it is written."""
    written = value.text() or ""
    _safe(value, written)
    return written


def _origin(value: Value) -> str:
    """Scheme, name and port alone: pages have their paths from the root on."""
    written = (value.text() or "").rstrip("/")
    parts = _safe(value, written)
    if parts is not None and (parts.path or parts.query or parts.fragment):
        value.complain(f"`{value.path}` is {written!r}: write it without a path, as https://margin.example.com")
    return written


def _safe(value: Value, written: str) -> SplitResult | None:
    parts = split_url(value, written) if written else None
    if parts is not None and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        value.complain(f"`{value.path}` is plain http, over which others read passwords and cookies: use https")
    return parts


def _hosts(value: Value) -> tuple[str, ...]:
    hosts = tuple(host.lower() for host in read_names(value))
    for host in hosts:
        if not _HOST.fullmatch(host):
            value.complain(f"`{value.path}` has {host!r}: write the name of a machine without scheme and port")
    return hosts


def _addresses(value: Value) -> tuple[str, ...]:
    addresses = read_names(value)
    for address in addresses:
        try:
            ip_address(address)
        except ValueError:
            value.complain(f"`{value.path}` has {address!r}, which is no IP address: write it as 10.0.0.7")
    return addresses


def _text(table: _Table, name: str) -> str:
    return (table[name].text() if name in table else None) or ""


def _duration(table: _Table, name: str, default: timedelta, maximum: int = _YEAR_MS) -> timedelta:
    stated = table[name].duration_ms(maximum=maximum) if name in table else None
    return default if stated is None else timedelta(milliseconds=stated)
