"""`delivery:` of floorline.yaml: the routes by which messages go out."""

import re
from collections.abc import Callable, Mapping
from typing import cast, get_args

from floorline.config.policies import read_names
from floorline.config.providers import split_url
from floorline.config.reader import Value, nearest
from floorline.config.settings import names_below
from floorline.delivery import email, pagerduty, slack
from floorline.delivery.apprise import Apprise
from floorline.delivery.email import Email, Security
from floorline.delivery.message import SEVERITIES, Severity
from floorline.delivery.pagerduty import PagerDuty
from floorline.delivery.route import Channel, Route
from floorline.delivery.signature import secret_key
from floorline.delivery.slack import Slack
from floorline.delivery.webhook import Webhook

TIMEOUT_MS = 10_000
TIMEOUT_MAX_MS = 60_000
PORTS_MAX = 65_535
_COMMON = ("kind", "severities", "reports", "timeout")
_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "slack": ("url", "token", "channel", "base_url"),
    "pagerduty": ("routing_key", "base_url"),
    "email": ("host", "port", "security", "user", "password", "from", "to"),
    "webhook": ("url", "secrets"),
    "apprise": ("url",),
}
_ADDRESS = re.compile(r"(?:[^<>@,;:\"\s][^<>@,;:\"\r\n]*<([^<>\s]+)>|([^<>\s]+))")
_BARE_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

_Table = Mapping[str, Value]


def read_routes(value: Value) -> tuple[Route, ...]:
    """The routes, in the order of the file; those with a problem are left out."""
    made = (_route(name, entry.value) for name, entry in value.entries().items())
    return tuple(route for route in made if route is not None)


def _route(name: str, value: Value) -> Route | None:
    table = value.table(names_below("delivery.<route>"), required=("kind",))
    kind = table["kind"].one_of(tuple(_OF_KIND)) if "kind" in table else None
    if kind is None:
        return None
    for setting, stray in table.items():
        if setting not in _COMMON and setting not in _OF_KIND[kind]:
            stray.complain(f"`{stray.path}` says nothing to kind {kind}, which takes {', '.join(_OF_KIND[kind])}")
    reports = _flag(table, "reports", otherwise=kind != "pagerduty")
    if reports and kind == "pagerduty":
        table["reports"].complain(f"`{value.path}.reports`: PagerDuty takes alerts and no reports: leave it out")
    return Route(name=name, channel=_CHANNELS[kind](value, table), severities=_severities(table), reports=reports)


def _severities(table: _Table) -> frozenset[Severity]:
    if "severities" not in table:
        return frozenset(SEVERITIES)
    value = table["severities"]
    named = read_names(value)
    for name in named:
        if name not in SEVERITIES:
            value.complain(f"`{value.path}` names {name!r}: {nearest(name, SEVERITIES)}")
    return frozenset(one for one in SEVERITIES if one in named)


def _slack(value: Value, table: _Table) -> Channel:
    if ("url" in table) == ("token" in table):
        value.complain(
            f"`{value.path}` needs either `url`, an incoming webhook's, or `token` and `channel` of a bot, which can show charts"
        )
    if "token" in table and "channel" not in table:
        value.complain(f"`{value.path}` lacks `channel`: the channel's id, as C0123456789")
    return Slack(
        url=_secret_url(table),
        token=_secret(table, "token"),
        channel=_text(table, "channel"),
        base_url=_base_url(table, slack.BASE_URL),
        timeout_ms=_timeout(table),
    )


def _pagerduty(value: Value, table: _Table) -> Channel:
    _require(value, table, "routing_key")
    return PagerDuty(
        routing_key=_secret(table, "routing_key"),
        base_url=_base_url(table, pagerduty.BASE_URL),
        timeout_ms=_timeout(table),
    )


def _webhook(value: Value, table: _Table) -> Channel:
    _require(value, table, "url", "secrets")
    items = table["secrets"].items() if "secrets" in table else []
    if "secrets" in table and len(items) not in {1, 2}:
        table["secrets"].complain(
            f"`{value.path}.secrets` has {len(items)} members: one secret, or two while you change it"
        )
    return Webhook(url=_secret_url(table), secrets=tuple(map(_signing_secret, items)), timeout_ms=_timeout(table))


def _signing_secret(value: Value) -> str:
    secret = value.secret()
    if secret is None:
        return ""
    try:
        secret_key(secret)
    except ValueError as error:
        value.complain(f"`{value.path}`: {error}")
    return secret


def _apprise(value: Value, table: _Table) -> Channel:
    _require(value, table, "url")
    return Apprise(url=_secret(table, "url"))


def _email(value: Value, table: _Table) -> Channel:
    _require(value, table, "host", "from", "to")
    security = cast(
        "Security", (table["security"].one_of(get_args(Security)) if "security" in table else None) or "starttls"
    )
    host = _text(table, "host")
    if host and not _HOST.fullmatch(host):
        table["host"].complain(f"`{value.path}.host` is {host!r}, which is no name of a machine")
    if ("user" in table) != ("password" in table):
        value.complain(f"`{value.path}` logs in with `user` and `password`: write both or neither")
    if security == "none" and "password" in table and host not in _LOCAL:
        table["password"].complain(
            f"`{value.path}.password` would go over the wire readable: use security starttls or tls"
        )
    return Email(
        host=host,
        port=_port(table) or email.PORTS[security],
        security=security,
        user=_text(table, "user"),
        password=_secret(table, "password") if "password" in table else None,
        sender=_addresses(table, "from")[0],
        recipients=_addresses(table, "to"),
        timeout_ms=_timeout(table),
    )


_CHANNELS: Mapping[str, Callable[[Value, _Table], Channel]] = {
    "slack": _slack,
    "pagerduty": _pagerduty,
    "email": _email,
    "webhook": _webhook,
    "apprise": _apprise,
}


def _require(value: Value, table: _Table, *names: str) -> None:
    for name in names:
        if name not in table:
            value.complain(f"`{value.path}` lacks `{name}`")


def _text(table: _Table, name: str) -> str:
    return (table[name].text() if name in table else None) or ""


def _secret(table: _Table, name: str) -> str:
    return (table[name].secret() if name in table else None) or ""


def _flag(table: _Table, name: str, *, otherwise: bool) -> bool:
    stated = table[name].flag() if name in table else None
    return otherwise if stated is None else stated


def _timeout(table: _Table) -> int:
    return (table["timeout"].duration_ms(maximum=TIMEOUT_MAX_MS) if "timeout" in table else None) or TIMEOUT_MS


def _secret_url(table: _Table) -> str:
    """An address whose path is a secret, or that stands in the file as it is."""
    if "url" not in table:
        return ""
    url = table["url"].text_or_secret()
    if url is None or split_url(table["url"], url, credentials=True) is None:
        return ""
    return url


def _base_url(table: _Table, otherwise: str) -> str:
    """Where an API is; over the wire goes a secret."""
    if "base_url" not in table:
        return otherwise
    url = table["base_url"].text()
    parts = split_url(table["base_url"], url) if url else None
    if url is None or parts is None:
        return otherwise
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        table["base_url"].complain(f"`{table['base_url'].path}` is plain http on another machine: use https")
    return url.rstrip("/")


def _port(table: _Table) -> int | None:
    port = table["port"].whole(minimum=1) if "port" in table else None
    if port is not None and port > PORTS_MAX:
        table["port"].complain(f"`{table['port'].path}` is {port}, it must be from 1 to {PORTS_MAX}")
    return port


def _addresses(table: _Table, name: str) -> tuple[str, ...]:
    """The mail addresses of a list, or of one text; never none, so that a file with a problem can be read on."""
    if name not in table:
        return ("",)
    value = table[name]
    written = read_names(value) if name == "to" else (value.text() or "",)
    if value.node.value == []:
        value.complain(f"`{value.path}` is empty: name who gets the mails")
    for address in written:
        named = _ADDRESS.fullmatch(address)
        if address and not (named and _BARE_ADDRESS.fullmatch(named[1] or named[2])):
            value.complain(f"`{value.path}` has {address!r}, which is no mail address: write it as me@example.com")
    return written or ("",)
