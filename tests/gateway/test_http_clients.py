"""Clients that people use, unmodified."""

import asyncio
import http.client
import shutil
import urllib.request
from pathlib import Path

import pytest
import urllib3

from floorline.gateway.message import Reply, Request
from tests.support.certificates import Certificates
from tests.support.http import echo, gateway, on_loop

curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


async def curled(*arguments: str, body: bytes = b"") -> bytes:
    """What curl prints: the body, then the status and how many connections it made."""
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "10",
        "--write-out", "|%{http_code} %{http_version} %{num_connects}\n", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate(body)
    return out


async def streaming(_request: Request, reply: Reply) -> None:
    reply.start(200, [(b"content-type", b"text/event-stream")], None)
    for number in range(3):
        reply.write(b"data: %d\n\n" % number)
        await asyncio.sleep(0.002)
    reply.end()


CURLED: dict[str, tuple[list[str], bytes]] = {
    "get": ([], b"GET /p  0||200 1.1 1\n"),
    "post": (["--data", "abc"], b"POST /p  3|abc|200 1.1 1\n"),
    "an offer of HTTP/2": (["--http2", "--data", "abc"], b"POST /p  3|abc|200 1.1 1\n"),
    "HTTP/1.0": (["-0", "--data", "abc"], b"POST /p  3|abc|200 1.1 1\n"),
    "a chunked upload": (["-T", "-", "-X", "POST"], b"POST /p  6|stream|200 1.1 1\n"),
    "an expectation": (["-H", "expect: 100-continue", "--data", "abc"], b"POST /p  3|abc|200 1.1 1\n"),
    "another expectation": (["-H", "expect: money"], b"|417 1.1 1\n"),
    "head": (["--head"], b"|200 1.1 1\n"),
    "an upgrade": (["-H", "connection: upgrade", "-H", "upgrade: websocket"], b"|501 1.1 1\n"),
    "a broken length": (["-H", "content-length: 3", "-H", "transfer-encoding: chunked"], b"|400 1.1 1\n"),
}


@curl
@pytest.mark.parametrize(("arguments", "out"), CURLED.values(), ids=CURLED)
@on_loop
async def test_curl_is_answered(arguments: list[str], out: bytes) -> None:
    async with gateway() as running:
        got = await curled(*arguments, f"http://127.0.0.1:{running.port}/p", body=b"stream")
        assert got.endswith(out)


@curl
@on_loop
async def test_curl_keeps_its_connection_and_uploads_a_large_body_behind_an_expectation(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"x" * (8 << 20))
    async with gateway() as running:
        url = f"http://127.0.0.1:{running.port}/p"
        got = await curled("--data-binary", f"@{tmp_path / 'body'}", "-o", "/dev/null", "-o", "/dev/null", url, url)
        assert got == b"|200 1.1 1\n|200 1.1 0\n"
        assert [len(request.body) for request in running.requests] == [8 << 20] * 2


@curl
@on_loop
async def test_curl_reads_a_stream_over_tls_and_offers_http_2_there(certificates: Certificates) -> None:
    async with gateway(streaming, tls=certificates.server()) as running:
        got = await curled("--http2", "--cacert", str(certificates.authority), f"https://localhost:{running.port}/p")
        assert got == b"data: 0\n\ndata: 1\n\ndata: 2\n\n|200 1.1 1\n"


@curl
@on_loop
async def test_curl_sees_that_a_stream_broke() -> None:
    async def breaking(_request: Request, reply: Reply) -> None:
        reply.start(200, [], None)
        reply.write(b"half")
        reply.abort()

    async with gateway(breaking) as running:
        for version in ("--http1.1", "-0"):
            process = await asyncio.create_subprocess_exec(
                "curl", "--silent", "--noproxy", "*", version, f"http://127.0.0.1:{running.port}/p",
                stdout=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            assert await process.wait() in (18, 56)  # partial file; failure in receiving


@on_loop
async def test_pythons_own_client_is_answered() -> None:
    def ask(port: int) -> list[bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        got: list[bytes] = []
        for body in (b"abc", iter([b"a", b"bc"])):
            connection.request("POST", "/p", body=body, encode_chunked=not isinstance(body, bytes))
            got.append(connection.getresponse().read())
        connection.close()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port}/q?a=b", timeout=5) as answer:
            got.append(answer.read())
        return got

    async with gateway() as running:
        got = await asyncio.to_thread(ask, running.port)
        assert got == [b"POST /p  3|abc", b"POST /p  3|abc", b"GET /q a=b 0|"]
        assert running.server.accepted == 2


@on_loop
async def test_urllib3_keeps_its_connection_and_reads_a_stream() -> None:
    def ask(port: int) -> list[bytes]:
        with urllib3.PoolManager() as pool:
            got = [
                pool.request("POST", f"http://127.0.0.1:{port}/p", body=b"abc", timeout=5).data,
                pool.request(
                    "POST", f"http://127.0.0.1:{port}/p", body=iter([b"a", b"bc"]), chunked=True, timeout=5
                ).data,
            ]
            answer = pool.request("GET", f"http://127.0.0.1:{port}/s", preload_content=False, timeout=5)
            return [*got, *answer.stream()]

    async def either(request: Request, reply: Reply) -> None:
        await (streaming if request.path == "/s" else echo)(request, reply)

    async with gateway(either) as running:
        got = await asyncio.to_thread(ask, running.port)
        assert got == [b"POST /p  3|abc", b"POST /p  3|abc", b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
        assert running.server.accepted == 1
