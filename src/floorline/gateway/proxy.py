"""Forward proxies on the way to a provider: which one, what it is told, and the tunnel through it."""

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote, urlsplit

ANSWER_BYTES_MAX = 64 << 10
_LOOPBACK = re.compile(r"127(\.\d+){3}|::1")


class ProxyRefused(OSError):
    """The proxy opens no tunnel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where a forward proxy listens. `authorization` is the value of `proxy-authorization`, b"" without credentials."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    authorization: bytes

    @classmethod
    def of(cls, address: str) -> "Proxy":
        """The proxy at a URL `http[s]://[user:password@]host[:port]`."""
        url = urlsplit(address)
        assert url.hostname is not None, "the configuration checks that a proxy has a host"
        secure = url.scheme == "https"
        authorization = b""
        if url.username is not None:
            pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
            authorization = b"Basic " + b64encode(pair.encode())
        return cls(
            host=url.hostname,
            port=url.port or (443 if secure else 3128),
            tls=ssl.create_default_context() if secure else None,
            authorization=authorization,
        )


def proxy_of(address: str, environment: Mapping[str, str]) -> str:
    """The URL of the proxy that `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` name for `address`; in lower case they hold
    before those. '' for none, for this machine, and where `NO_PROXY` exempts the host: itself, a domain above it, or `*`.
    """
    url = urlsplit(address)
    host = (url.hostname or "").lower()
    spared = [entry.strip().lower() for entry in _variable(environment, "no_proxy").split(",")]
    domains = [entry.removeprefix("*").lstrip(".") for entry in spared]
    if "*" in spared or host == "localhost" or _LOOPBACK.fullmatch(host):
        return ""
    if any(domain and (host == domain or host.endswith(f".{domain}")) for domain in domains):
        return ""
    proxy = _variable(environment, f"{url.scheme}_proxy") or _variable(environment, "all_proxy")
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper(), "")


async def open_tunnel(proxy: Proxy, authority: str) -> asyncio.Transport:
    """A transport to `authority` (`host:port`) through the proxy. ProxyRefused, or OSError when it is not reached."""
    loop = asyncio.get_running_loop()
    made = await loop.create_connection(lambda: _Tunnel(proxy, authority), proxy.host, proxy.port, ssl=proxy.tls)
    transport, tunnel = made
    try:
        await tunnel.opened
    except BaseException:
        transport.abort()
        raise
    return transport


class _Tunnel(asyncio.Protocol):
    """Asks for a tunnel; `opened` is done when it stands."""

    def __init__(self, proxy: Proxy, authority: str) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._proxy, self._authority = proxy, authority
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        lines = [f"CONNECT {self._authority} HTTP/1.1".encode(), f"host: {self._authority}".encode()]
        if self._proxy.authorization:
            lines.append(b"proxy-authorization: " + self._proxy.authorization)
        cast("asyncio.Transport", transport).write(b"\r\n".join([*lines, b"", b""]))

    def data_received(self, data: bytes) -> None:
        """The proxy's answer: any 2xx opens the tunnel, through which the provider says nothing before it is asked."""
        self._answer += data
        if len(self._answer) > ANSWER_BYTES_MAX:
            self._refuse(f"the proxy's answer exceeds {ANSWER_BYTES_MAX} bytes")
        elif b"\r\n\r\n" in self._answer and not self.opened.done():
            line, _, rest = self._answer.partition(b"\r\n")
            told = line.decode("latin-1")
            if told.split(" ")[1:2] and told.split(" ")[1].startswith("2") and rest.endswith(b"\r\n\r\n"):
                self.opened.set_result(None)
            else:
                self._refuse(f"the proxy refused the tunnel: {told}")

    def connection_lost(self, exc: Exception | None) -> None:
        """The proxy has left."""
        self._refuse(f"the proxy closed the connection{f': {exc}' if exc else ''}")

    def _refuse(self, message: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(ProxyRefused(message))
            self.opened.exception()  # nobody waits for it when time was up before
