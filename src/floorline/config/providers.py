"""`providers:` of floorline.yaml: the upstreams of a gateway."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast, get_args
from urllib.parse import SplitResult, urlsplit

from floorline.config.reader import Value
from floorline.config.settings import names_below, required_below
from floorline.gateway.policy import Auth, Dialect, Kind, Provider, Timeouts
from floorline.gateway.proxy import proxy_of
from floorline.pricing.providers import canonical

RESERVED = frozenset({"v1", "v1beta", "model", "models", "healthz", "readyz", "metrics", "api"})
"""First parts of paths that mean something else than a provider."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_CREDENTIALS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key", "proxy-authorization", "cookie"})
_FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"}
)
_DIALECTS: Mapping[Kind, tuple[Dialect, ...]] = {
    "plain": ("openai", "anthropic", "gemini"),
    "azure": ("openai",),
    "vertex": ("gemini", "anthropic"),
    "bedrock": ("bedrock",),
}
_AUTH_OF_DIALECT: Mapping[Dialect, Auth] = {
    "openai": "bearer", "anthropic": "x-api-key", "gemini": "x-goog-api-key", "bedrock": "bearer",
}  # fmt: skip
_KEYLESS = frozenset({"sigv4", "google", "none"})


def read_providers(value: Value, folder: Path) -> dict[str, Provider]:
    """The providers by name, in the file's order. One with a problem is there too, so that what names it is known."""
    return {name: _provider(name, entry.key, entry.value, folder) for name, entry in value.entries().items()}


def _provider(name: str, label: Value, value: Value, folder: Path) -> Provider:
    if not _NAME.fullmatch(name) or name in RESERVED:
        label.complain(
            f"`{value.path}` cannot be a provider's name: it is a path's first part, so write up to 64 of a-z 0-9 . _ - "
            f"and none of {', '.join(sorted(RESERVED))}"
        )
    setting = "providers.<provider>"
    table = value.table(names_below(setting), required=required_below(setting))
    dialect = cast("Dialect", (table["dialect"].one_of(get_args(Dialect)) if "dialect" in table else None) or "openai")
    kind = _kind(table, dialect)
    region, version = _text(table, "region"), _text(table, "api_version")
    auth = _auth(value, table, dialect, kind)
    if kind == "azure" and auth == "none":
        value.complain(f"`{value.path}` lacks `api_key`, which Azure asks for: api_key: ${{NAME}}")
    if kind == "azure" and not version:
        value.complain(f"`{value.path}` lacks `api_version`, which Azure asks for: api_version: 2024-10-21")
    if kind != "azure" and version:
        table["api_version"].complain(f"`{value.path}.api_version` is of kind azure only: leave it out")
    if auth == "sigv4" and not region:
        value.complain(f"`{value.path}` lacks `region`, which its signature names: region: us-east-1")
    base_url = _base_url(table["base_url"]) if "base_url" in table else ""
    return Provider(
        name=name,
        dialect=dialect,
        base_url=base_url,
        kind=kind,
        auth=auth,
        api_key=(table["api_key"].secret() if "api_key" in table else None) or "",
        price_as=canonical(_text(table, "price_as")),
        region=region,
        api_version=version,
        headers=_headers(table["headers"]) if "headers" in table else {},
        timeouts=_timeouts(table["timeouts"]) if "timeouts" in table else Timeouts(),
        ca_file=str(folder / file) if (file := _text(table, "ca_file")) else "",
        proxy=_proxy(table["proxy"]) if "proxy" in table else _surrounding_proxy(value, base_url),
    )


def _text(table: Mapping[str, Value], name: str) -> str:
    return (table[name].text() if name in table else None) or ""


def _kind(table: Mapping[str, Value], dialect: Dialect) -> Kind:
    default: Kind = "bedrock" if dialect == "bedrock" else "plain"
    if "kind" not in table:
        return default
    kind = cast("Kind", table["kind"].one_of(get_args(Kind)) or default)
    if dialect not in _DIALECTS[kind]:
        table["kind"].complain(
            f"`{table['kind'].path}` is {kind}, which does not speak {dialect}: it speaks {' or '.join(_DIALECTS[kind])}"
        )
    return kind


def _auth(value: Value, table: Mapping[str, Value], dialect: Dialect, kind: Kind) -> Auth:
    """As stated; else by kind and dialect, and none where no key is given."""
    has_key = "api_key" in table
    if "auth" not in table:
        if not has_key:
            return "google" if kind == "vertex" else "sigv4" if kind == "bedrock" else "none"
        return "api-key" if kind == "azure" else "bearer" if kind == "vertex" else _AUTH_OF_DIALECT[dialect]
    auth = cast("Auth | None", table["auth"].one_of(get_args(Auth)))
    if auth is None:
        return "none"
    if auth in _KEYLESS and has_key:
        table["api_key"].complain(f"`{value.path}.api_key` is not used with auth {auth}: leave one of them out")
    if auth not in _KEYLESS and not has_key:
        value.complain(f"`{value.path}` lacks `api_key`, which auth {auth} sends: api_key: ${{NAME}}")
    return auth


def _base_url(value: Value) -> str:
    url = value.text()
    if url is None:
        return ""
    parts = split_url(value, url)
    if parts is None:
        return ""
    if parts.query or parts.fragment or "?" in url or "#" in url:
        value.complain(
            f"`{value.path}` has a query or a fragment: write the address alone, `api_version` and `headers` say more"
        )
    return url.rstrip("/")


def _proxy(value: Value) -> str:
    """A forward proxy's URL. One with a password is a secret."""
    url = value.text_or_secret()
    if url is None:
        return ""
    is_secret = url != str(value.node.value).strip()
    split_url(value, url, credentials=is_secret)
    return url


def _surrounding_proxy(value: Value, base_url: str) -> str:
    """The forward proxy that the environment names for `base_url`. Its URL may hold a password, and is not shown."""
    url = proxy_of(base_url, value.findings.environment)
    try:
        parts = urlsplit(url)
        in_order = not url or (parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:
        in_order = False
    if not in_order:
        value.complain(
            f"`{value.path}` would be reached through the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names, which is no "
            "http or https address: mend the variable, or exempt the host in NO_PROXY"
        )
    return url if in_order else ""


def split_url(value: Value, url: str, *, credentials: bool = False) -> SplitResult | None:
    """The parts of an http or https URL; None after a complaint. The URL is not shown where it may hold a password."""
    try:
        parts = urlsplit(url)
        in_order = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, in_order = None, False
    if parts is not None and "@" in parts.netloc and not credentials:
        value.complain(
            f"`{value.path}` has credentials in it: put them into the environment, and name the variable as ${{NAME}}"
        )
        return None
    if not in_order or any(c.isspace() or not c.isprintable() for c in url):
        value.complain(f"`{value.path}` is no http or https address: write it as https://api.example.com/v1")
        return None
    return parts


def _headers(value: Value) -> dict[str, str]:
    headers: dict[str, str] = {}
    for written, entry in value.entries().items():
        name = written.lower()
        if name in _CREDENTIALS:
            entry.key.complain(
                f"`{entry.value.path}` is a credential: say it as `api_key`, and how it is sent as `auth`"
            )
        elif name in _FRAMING or name.startswith("x-floorline-"):
            entry.key.complain(f"`{entry.value.path}` is set by the gateway itself: leave it out")
        elif not _HEADER.fullmatch(name):
            entry.key.complain(f"`{entry.value.path}` is no name of a header")
        text = entry.value.text_or_secret()
        if text is not None and not (text.isascii() and text.isprintable()):
            entry.value.complain(f"`{entry.value.path}` has characters that no header carries: write plain ASCII")
        headers[name] = text or ""
    return headers


def _timeouts(value: Value) -> Timeouts:
    table, default = value.table(names_below("providers.<provider>.timeouts")), Timeouts()

    def ms(name: str, otherwise: int) -> int:
        return (table[name].duration_ms() if name in table else None) or otherwise

    return Timeouts(
        connect_ms=ms("connect", default.connect_ms),
        first_byte_ms=ms("first_byte", default.first_byte_ms),
        idle_ms=ms("idle", default.idle_ms),
        total_ms=ms("total", default.total_ms),
    )
