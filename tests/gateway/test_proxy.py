"""Forward proxies between the gateway and a provider."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from floorline.gateway.policy import Provider, Timeouts
from floorline.gateway.proxy import ANSWER_BYTES_MAX, Proxy, proxy_of
from floorline.gateway.upstream import Origin, Pool, UpstreamBroken
from tests.support.certificates import Certificates
from tests.support.http import Got, Peer, on_loop, provider, scripted

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CREDENTIALS = b"Basic " + b64encode(b"user:p@ss word")
SHORT = Timeouts(connect_ms=150)


async def body_of(pool: Pool) -> bytes | None:
    link = await pool.link()
    attempt = link.send(pool.origin.head(b"GET", b"/v1/models?a=b", b"host: provider\r\n"))
    await attempt.head()
    return await attempt.whole(100)


class Tunnelling:
    """A proxy that opens tunnels; `asked` are the requests for one."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\nx-proxy: 1\r\n\r\n") -> None:
        self.asked: list[Got] = []
        self._answer = answer

    async def serve(self, peer: Peer) -> None:
        self.asked.append(await peer.request())
        await peer.send(self._answer)
        host, _, port = self.asked[-1].headers[0][1].split(b" ")[1].rpartition(b":")
        reader, writer = await asyncio.open_connection(host.decode(), int(port))
        try:
            await asyncio.gather(_copy(peer.reader, writer), _copy(reader, peer.writer))
        finally:
            writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        target.write(data)
        await target.drain()
    target.close()


@asynccontextmanager
async def through(target: Origin, proxy: Origin, *, secure: ssl.SSLContext | None = None) -> AsyncIterator[Pool]:
    """A pool for `target` through the proxy that listens at `proxy`."""
    address = Proxy(host=proxy.host, port=proxy.port, tls=secure, authorization=CREDENTIALS)
    pool = Pool(replace(target, proxy=address))
    try:
        yield pool
    finally:
        pool.close()
        await asyncio.sleep(0)


@on_loop
async def test_a_plain_provider_is_asked_for_through_its_proxy_by_its_whole_address() -> None:
    seen: list[Got] = []

    async def serve(peer: Peer) -> None:
        while True:
            seen.append(await peer.request())
            await peer.send(OK)

    async with provider(serve) as (direct, peers):
        target = Origin(host="provider.example", port=8080, tls=None, timeouts=Timeouts())
        async with through(target, direct.origin) as pool:
            assert [await body_of(pool), await body_of(pool)] == [b"ok", b"ok"]
        assert len(peers) == 1
        assert seen[0].headers == [
            (b"", b"GET http://provider.example:8080/v1/models?a=b HTTP/1.1"),
            (b"host", b"provider"),
            (b"proxy-authorization", CREDENTIALS),
        ]


@on_loop
async def test_a_provider_over_tls_is_reached_through_a_tunnel_that_knows_nothing_of_it(
    certificates: Certificates,
) -> None:
    proxy = Tunnelling()
    async with (
        provider(scripted(OK, OK), tls=(certificates.server(), certificates.client())) as (direct, _),
        provider(proxy.serve) as (way, _),
        through(direct.origin, way.origin) as pool,
    ):
        assert [await body_of(pool), await body_of(pool)] == [b"ok", b"ok"]
        authority = f"localhost:{direct.origin.port}".encode()
        assert [got.headers for got in proxy.asked] == [
            [(b"", b"CONNECT " + authority + b" HTTP/1.1"), (b"host", authority), (b"proxy-authorization", CREDENTIALS)]
        ]


@on_loop
async def test_the_certificate_is_checked_behind_a_tunnel_too(certificates: Certificates) -> None:
    proxy = Tunnelling()
    async with (
        provider(scripted(OK), tls=(certificates.server(), ssl.create_default_context())) as (direct, _),
        provider(proxy.serve) as (way, _),
        through(direct.origin, way.origin) as pool,
    ):
        with pytest.raises(UpstreamBroken) as raised:
            await pool.link()
        assert (raised.value.kind, pool.active) == ("tls", 0)


@on_loop
async def test_a_proxy_may_itself_be_reached_over_tls(certificates: Certificates) -> None:
    proxy = Tunnelling()
    async with (
        provider(scripted(OK), tls=(certificates.server(), certificates.client())) as (direct, _),
        provider(proxy.serve, tls=(certificates.server(), certificates.client())) as (way, _),
        through(direct.origin, way.origin, secure=certificates.client()) as pool,
    ):
        assert await body_of(pool) == b"ok"


REFUSALS: dict[str, tuple[bytes, str]] = {
    "that wants credentials": (
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        "the proxy refused the tunnel: HTTP/1.1 407 Proxy Authentication Required",
    ),
    "that speaks no HTTP": (b"garbage\r\n\r\n", "the proxy refused the tunnel: garbage"),
    "that closes": (b"", "the proxy closed the connection"),
    "that closes in its answer": (b"HTTP/1.1 200 OK\r\n", "the proxy closed the connection"),
    "that never ends its answer": (
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * ANSWER_BYTES_MAX,
        f"the proxy's answer exceeds {ANSWER_BYTES_MAX} bytes",
    ),
    "that speaks before it is asked": (
        b"HTTP/1.1 200 OK\r\n\r\nmore",
        "the proxy refused the tunnel: HTTP/1.1 200 OK",
    ),
}


@pytest.mark.parametrize(("answer", "message"), REFUSALS.values(), ids=REFUSALS)
@on_loop
async def test_a_proxy_is_told_apart_from_the_provider(answer: bytes, message: str, certificates: Certificates) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)

    target = Origin(host="provider.example", port=443, tls=certificates.client(), timeouts=SHORT)
    async with provider(serve) as (way, _), through(target, way.origin) as pool:
        with pytest.raises(UpstreamBroken) as raised:
            await pool.link()
        assert (raised.value.kind, raised.value.sent, str(raised.value)) == ("proxy", False, message)


@on_loop
async def test_a_proxy_that_says_nothing_is_given_up_in_time_and_left(certificates: Certificates) -> None:
    async def silent(peer: Peer) -> None:
        await peer.rest()

    target = Origin(host="provider.example", port=443, tls=certificates.client(), timeouts=SHORT)
    async with provider(silent) as (way, peers), through(target, way.origin) as pool:
        with pytest.raises(UpstreamBroken) as raised:
            await pool.link()
        assert raised.value.kind == "connect_timeout"
        await asyncio.sleep(0.02)
        assert peers[0].reader.at_eof()


def test_the_address_of_a_proxy_holds_its_credentials() -> None:
    proxy = Proxy.of("http://user:p%40ss%20word@proxy.example")
    assert (proxy.host, proxy.port, proxy.tls, proxy.authorization) == ("proxy.example", 3128, None, CREDENTIALS)
    secure = Proxy.of("https://proxy.example")
    assert (secure.port, secure.authorization) == (443, b"")
    assert secure.tls is not None
    origin = Origin.of(Provider(name="a", dialect="openai", base_url="http://a", proxy="http://b:1"))
    assert origin.proxy == Proxy(host="b", port=1, tls=None, authorization=b"")


@pytest.mark.parametrize(
    ("address", "environment", "found"),
    [
        ("https://api.openai.com/v1", {"HTTPS_PROXY": "http://p"}, "http://p"),
        ("https://api.openai.com/v1", {"https_proxy": "http://p", "HTTPS_PROXY": "http://q"}, "http://p"),
        ("https://api.openai.com/v1", {"HTTP_PROXY": "http://p"}, ""),
        ("http://api.openai.com/v1", {"HTTP_PROXY": "http://p"}, "http://p"),
        ("http://api.openai.com/v1", {"ALL_PROXY": "http://p"}, "http://p"),
        ("https://api.openai.com/v1", {"ALL_PROXY": "http://p", "NO_PROXY": "example.com, openai.com"}, ""),
        ("https://api.openai.com/v1", {"ALL_PROXY": "http://p", "NO_PROXY": ".openai.com"}, ""),
        ("https://api.openai.com/v1", {"ALL_PROXY": "http://p", "NO_PROXY": "*.openai.com"}, ""),
        ("https://api.notopenai.com/v1", {"ALL_PROXY": "http://p", "NO_PROXY": "openai.com"}, "http://p"),
        ("https://api.openai.com/v1", {"ALL_PROXY": "http://p", "no_proxy": "*"}, ""),
        ("http://10.0.0.7/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "10.0.0.7"}, ""),
        ("http://10.0.0.7/v1", {"HTTP_PROXY": "p:3128"}, "http://p:3128"),
        ("http://127.0.0.1:9001/v1", {"HTTP_PROXY": "http://p"}, ""),
        ("http://[::1]:9001/v1", {"HTTP_PROXY": "http://p"}, ""),
        ("http://localhost:9001/v1", {"HTTP_PROXY": "http://p"}, ""),
        ("http://10.0.0.7/v1", {}, ""),
    ],
)
def test_the_environment_names_the_proxy_unless_the_host_is_exempt(
    address: str, environment: dict[str, str], found: str
) -> None:
    assert proxy_of(address, environment) == found
