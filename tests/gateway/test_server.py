"""The server as a client meets it: raw bytes over loopback."""

import asyncio
import ssl
import tracemalloc
from collections.abc import Callable

import pytest

from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Limits
from floorline.gateway.server import PIPELINED_MAX, Server
from tests.support.certificates import Certificates
from tests.support.http import Peer, echo, gateway, on_loop

GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
QUICK = Limits(header_ms=120, body_ms=120, idle_ms=120, shutdown_ms=2_000)


def post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /p HTTP/1.1", b"host: x", *headers, b"content-length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", body])


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"POST /p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + body + b"0\r\n" + trailer + b"\r\n"


async def streaming(_request: Request, reply: Reply) -> None:
    reply.start(200, [(b"content-type", b"text/event-stream")], None)
    for number in range(3):
        reply.write(b"data: %d\n\n" % number)
        await asyncio.sleep(0.002)
    reply.end()


# -- requests


@on_loop
async def test_one_connection_serves_requests_one_after_another() -> None:
    async with gateway() as running:
        client = await running.client()
        for body in (b"one", b"", b"three"):
            await client.send(post(body))
            assert (await client.answer()).body == b"POST /p  %d|%b" % (len(body), body)
        assert running.server.accepted == 1


@on_loop
async def test_a_request_is_handed_over_as_it_came() -> None:
    async with gateway() as running:
        await running.asked(b"PUT /a%20b?c=%26&d HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-a: \xc3\xa9\xff\r\nEmpty:\r\n\r\n")
        request = running.requests[0]
    assert (request.method, request.path, request.query, request.body) == ("PUT", "/a%20b", "c=%26&d", b"")
    assert request.raw_headers == [(b"host", b"x"), (b"x-a", b"1"), (b"x-a", b"\xc3\xa9\xff"), (b"empty", b"")]
    assert request.headers == {b"host": b"x", b"x-a": b"\xc3\xa9\xff", b"empty": b""}


@on_loop
async def test_pipelined_requests_are_answered_in_order_though_the_first_takes_longest() -> None:
    async def slower_first(request: Request, reply: Reply) -> None:
        await asyncio.sleep(0.03 if request.body == b"0" else 0)
        reply.whole(200, [], request.body)

    async with gateway(slower_first) as running:
        client = await running.client()
        await client.send(b"".join(post(b"%d" % number) for number in range(20)))
        assert [(await client.answer()).body for _ in range(20)] == [b"%d" % number for number in range(20)]


@on_loop
async def test_more_pipelined_requests_than_are_held_are_refused_after_those_before_were_answered() -> None:
    gate = asyncio.Event()

    async def waiting(request: Request, reply: Reply) -> None:
        await gate.wait()
        await echo(request, reply)

    async with gateway(waiting) as running:
        client = await running.client()
        await client.send(GET * (PIPELINED_MAX + 10))
        await asyncio.sleep(0.02)
        gate.set()
        answers = [await client.answer() for _ in range(PIPELINED_MAX + 3)]
        assert [answer.status for answer in answers] == [200] * (PIPELINED_MAX + 2) + [429]
        assert await client.rest() == b""


@on_loop
async def test_every_cut_of_a_request_gives_the_same_request() -> None:
    wire = post(b"body") + chunked(b"a", b"bc", trailer=b"x-t: 1\r\n") + GET
    async with gateway() as running:
        for cut in range(1, len(wire)):
            client = await running.client()
            await client.send(wire[:cut])
            await asyncio.sleep(0)
            await client.send(wire[cut:])
            assert [(await client.answer()).body for _ in range(3)] == [
                b"POST /p  4|body",
                b"POST /p  3|abc",
                b"GET /a  0|",
            ]
            client.close()


@on_loop
async def test_a_chunked_body_comes_whole_and_its_trailer_is_left_out() -> None:
    async with gateway() as running:
        answer = await running.asked(chunked(b"ab", b"c" * 70_000, trailer=b"authorization: stolen\r\n"))
        assert answer.body == b"POST /p  70002|ab" + b"c" * 70_000
        assert b"authorization" not in running.requests[0].headers


@on_loop
async def test_a_body_in_the_tiniest_chunks_takes_the_memory_of_a_body() -> None:
    async with gateway() as running:
        wire = b"POST /p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + b"2\r\nab\r\n" * 200_000
        tracemalloc.start()
        client = await running.client()
        await client.send(wire)
        async with asyncio.timeout(10):
            while running.server.held_bytes < 400_000:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
        tracemalloc.stop()
        await client.send(b"0\r\n\r\n")
        assert (await client.answer()).body == b"POST /p  400000|" + b"ab" * 200_000


@on_loop
async def test_a_trailer_is_not_a_header_of_the_next_request() -> None:
    async with gateway() as running:
        client = await running.client()
        await client.send(chunked(b"a", trailer=b"x-t: 1\r\n") + GET)
        await client.answer()
        await client.answer()
        assert running.requests[1].raw_headers == [(b"host", b"x")]


@on_loop
async def test_a_client_that_waits_is_asked_for_its_body() -> None:
    async with gateway() as running:
        client = await running.client()
        await client.send(b"POST /p HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n")
        assert (await client.answer()).status == 100
        await client.send(b"abc")
        assert (await client.answer()).body == b"POST /p  3|abc"


@on_loop
async def test_a_client_that_has_sent_its_body_already_is_not_asked_for_it() -> None:
    async with gateway() as running:
        assert (await running.asked(post(b"abc", b"expect: 100-continue"))).status == 200


@on_loop
async def test_a_client_that_waits_behind_another_request_is_asked_when_its_turn_comes() -> None:
    async def slow(request: Request, reply: Reply) -> None:
        await asyncio.sleep(0.02)
        await echo(request, reply)

    async with gateway(slow) as running:
        client = await running.client()
        await client.send(GET + b"POST /p HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n")
        assert [(await client.answer()).status for _ in range(2)] == [200, 100]
        await client.send(b"abc")
        assert (await client.answer()).status == 200


@on_loop
async def test_a_body_that_is_too_large_is_refused_before_the_client_sends_it() -> None:
    async with gateway(limits=Limits(body_bytes_max=10)) as running:
        client = await running.client()
        await client.send(b"POST /p HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 11\r\n\r\n")
        answer = await client.answer()
        assert (answer.status, answer.header(b"connection")) == (413, b"close")
        assert await client.rest() == b""


@on_loop
async def test_a_chunked_body_is_refused_where_it_exceeds_the_limit() -> None:
    async with gateway(limits=Limits(body_bytes_max=10)) as running:
        assert (await running.asked(chunked(b"123456", b"78901"))).status == 413
        assert (await running.asked(chunked(b"12345", b"67890"))).status == 200


@on_loop
async def test_a_client_still_sending_a_refused_body_gets_to_read_why() -> None:
    async with gateway(limits=Limits(body_bytes_max=1_000)) as running:
        client = await running.client()
        client.writer.write(b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 8000000\r\n\r\n" + b"x" * 8_000_000)
        assert (await client.answer()).status == 413


@on_loop
async def test_bodies_beyond_what_one_process_may_hold_are_refused_and_then_taken_again() -> None:
    gate = asyncio.Event()

    async def waiting(request: Request, reply: Reply) -> None:
        await gate.wait()
        await echo(request, reply)

    async with gateway(waiting, Limits(held_bytes_max=100_000)) as running:
        first = await running.client()
        await first.send(post(b"a" * 60_000))
        refused = await running.asked(post(b"b" * 60_000))
        assert (refused.status, refused.header(b"retry-after")) == (503, b"1")
        gate.set()
        assert (await first.answer()).status == 200
        assert (await running.asked(post(b"b" * 60_000))).status == 200


@on_loop
async def test_a_body_of_64_mb_passes_both_ways() -> None:
    body = bytes(range(256)) * (1 << 18)
    async with gateway() as running:
        client = await running.client(buffer_bytes=1 << 24)
        sending = asyncio.ensure_future(client.send(post(body)))
        answer = await client.answer()
        await sending
        assert answer.body.endswith(body[-1_000:])
        assert len(answer.body) == len(body) + len("POST /p  67108864|")


@on_loop
async def test_an_absolute_target_is_taken_by_its_path() -> None:
    async with gateway() as running:
        assert (await running.asked(b"GET http://u@x:1/a?b HTTP/1.1\r\nhost: x\r\n\r\n")).body == b"GET /a b 0|"
        assert (await running.asked(b"GET http://x HTTP/1.1\r\nhost: x\r\n\r\n")).body == b"GET /  0|"
        assert (await running.asked(b"GET HTTP://x?b HTTP/1.1\r\nhost: x\r\n\r\n")).body == b"GET / b 0|"
        assert (await running.asked(b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n")).body == b"OPTIONS *  0|"


@on_loop
async def test_a_client_of_http_1_0_is_answered_until_close_or_kept_when_it_asks() -> None:
    async with gateway(streaming) as running:
        client = await running.client()
        await client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        answer = await client.answer()
        assert (answer.header(b"transfer-encoding"), answer.header(b"connection")) == (None, b"close")
        assert answer.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    async with gateway() as running:
        client = await running.client()
        await client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert (await client.answer()).header(b"connection") == b"keep-alive"
        await client.send(b"GET / HTTP/1.0\r\nexpect: 100-continue\r\n\r\n")
        assert (await client.answer()).header(b"connection") == b"close"
        assert await client.rest() == b""


@on_loop
async def test_a_client_that_asks_to_close_is_answered_and_closed() -> None:
    async with gateway() as running:
        client = await running.client()
        await client.send(GET.replace(b"host: x", b"host: x\r\nconnection: close"))
        assert (await client.answer()).header(b"connection") == b"close"
        assert await client.rest() == b""


@pytest.mark.parametrize(
    "offer",
    [b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n", b"upgrade: h2c\r\n"],
)
@on_loop
async def test_an_offer_of_http_2_is_not_taken_and_the_request_is_served(offer: bytes) -> None:
    async with gateway() as running:
        client = await running.client()
        await client.send(b"POST /p HTTP/1.1\r\nhost: x\r\n" + offer + b"content-length: 3\r\n\r\nab", b"c" + GET)
        assert (await client.answer()).body == b"POST /p  3|abc"
        assert (await client.answer()).body == b"GET /a  0|"
        assert b"upgrade" not in running.requests[0].headers or b"connection" not in running.requests[0].headers


@on_loop
async def test_an_offer_beside_close_still_closes() -> None:
    async with gateway() as running:
        client = await running.client()
        await client.send(GET.replace(b"host: x", b"host: x\r\nconnection: upgrade, close\r\nupgrade: h2c"))
        assert (await client.answer()).header(b"connection") == b"close"
        assert await client.rest() == b""


# -- what is refused

REFUSED = {
    "an upgrade to a websocket": (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 501),
    "a tunnel": (b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", 501),
    "HTTP/2 without asking": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/2.0 in the request line": (b"GET / HTTP/2.0\r\nhost: x\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505),
    "an unknown method": (b"FOO / HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n", 400),
    "a host with a path": (b"GET / HTTP/1.1\r\nhost: x/admin?\r\n\r\n", 400),
    "a host with credentials": (b"GET / HTTP/1.1\r\nhost: a@x\r\n\r\n", 400),
    "another expectation": (b"GET / HTTP/1.1\r\nhost: x\r\nexpect: money\r\n\r\n", 417),
    "length beside chunks": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks beside length": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", 400),
    "the same length twice": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc", 400),
    "a list of lengths": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3, 3\r\n\r\nabc", 400),
    "a negative length": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
    "a signed length": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +3\r\n\r\nabc", 400),
    "a length in hex": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0x3\r\n\r\nabc", 400),
    "an empty length": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length:\r\n\r\n", 400),
    "a length beyond 64 bits": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n", 400),
    "a huge length": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999999\r\n\r\n", 413),
    "a coding before chunked": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "a coding that hides chunked": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "chunked twice": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks of HTTP/1.0": (b"POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a chunk size with a sign": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", 400),
    "a chunk longer than its size": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
    "a chunk size beyond 64 bits": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
    "bare line feeds between chunks": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\na\n0\n\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\nhost: x\r\na: b\r\n c\r\n\r\n", 400),
    "a space before the colon": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length : 3\r\n\r\nabc", 400),
    "a bare line feed": (b"GET / HTTP/1.1\r\nhost: x\r\na: b\n\r\n", 400),
    "a bare carriage return": (b"GET / HTTP/1.1\r\nhost: x\r\na: b\rc: d\r\n\r\n", 400),
    "a NUL in a header": (b"GET / HTTP/1.1\r\nhost: x\r\na: b\0c\r\n\r\n", 400),
    "a NUL in the path": (b"GET /a\0b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "a header without a name": (b"GET / HTTP/1.1\r\nhost: x\r\n: b\r\n\r\n", 400),
    "TLS on a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "status"), REFUSED.values(), ids=REFUSED)
@on_loop
async def test_what_could_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    wire: bytes, status: int
) -> None:
    async with gateway() as running:
        client = await running.client()
        await client.send(wire + GET)
        answer = await client.answer()
        assert (answer.status, answer.header(b"connection")) == (status, b"close")
        assert answer.header(b"content-type") == b"application/json"
        assert await client.rest() == b""
        assert running.requests == []
        assert running.refused == [status]


@on_loop
async def test_a_refusal_comes_after_the_answers_before_it() -> None:
    async with gateway(streaming) as running:
        client = await running.client()
        await client.send(GET + GET + b"garbage\r\n\r\n" + GET)
        assert [(await client.answer()).status for _ in range(3)] == [200, 200, 400]
        assert await client.rest() == b""
        assert len(running.requests) == 2


@pytest.mark.parametrize("head", [b"a: " + b"x" * 3_000, b"\r\n".join([b"a: b"] * 600)], ids=["one", "many"])
@on_loop
async def test_a_head_beyond_the_limit_is_refused_whole_or_endless(head: bytes) -> None:
    async with gateway(limits=Limits(header_bytes_max=1_000)) as running:
        assert (await running.asked(b"GET / HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n\r\n")).status == 431
        client = await running.client()
        for _ in range(20):
            client.writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n" if _ == 0 else head + b"\r\n")
            await asyncio.sleep(0.001)
        assert (await client.answer()).status == 431


@on_loop
async def test_an_endless_trailer_is_refused() -> None:
    async with gateway(limits=Limits(header_bytes_max=1_000)) as running:
        client = await running.client()
        client.writer.write(chunked(b"a")[:-2])
        for _ in range(20):
            client.writer.write(b"x: " + b"y" * 500)
            await asyncio.sleep(0.001)
        assert (await client.answer()).status == 431


@on_loop
async def test_a_length_with_thousands_of_leading_zeros_is_a_length() -> None:
    async with gateway() as running:
        wire = b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: " + b"0" * 10_000 + b"3\r\n\r\nabc"
        assert (await running.asked(wire)).body == b"POST /p  3|abc"


# -- time


@on_loop
async def test_a_head_that_does_not_arrive_in_time_is_told_so() -> None:
    async with gateway(limits=QUICK) as running:
        client = await running.client()
        await client.send(b"GET / HTTP/1.1\r\nhost: ", *[b"x"] * 20, pause_s=0.02)
        assert (await client.answer()).status == 408
        assert await client.rest() == b""


@on_loop
async def test_a_body_that_does_not_arrive_in_time_is_told_so_though_it_keeps_coming() -> None:
    async with gateway(limits=QUICK) as running:
        client = await running.client()
        await client.send(post(b"x" * 100)[:-100], *[b"x"] * 20, pause_s=0.02)
        assert (await client.answer()).status == 408


@on_loop
async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with gateway(limits=QUICK) as running:
        fresh, used = await running.client(), await running.client()
        await used.send(GET)
        assert (await used.answer()).status == 200
        assert await used.rest() == b""
        assert await fresh.rest() == b""


@on_loop
async def test_an_answer_may_take_longer_than_a_client_may() -> None:
    async def slow(request: Request, reply: Reply) -> None:
        await asyncio.sleep(0.4)
        await echo(request, reply)

    async with gateway(slow, QUICK) as running:
        assert (await running.asked(GET)).status == 200


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@on_loop
async def test_a_client_that_never_reads_is_let_go_with_all_that_was_written_for_it(
    secure: bool, certificates: Certificates
) -> None:
    async def large(_request: Request, reply: Reply) -> None:
        reply.whole(200, [], b"x" * (32 << 20))

    async with gateway(large, QUICK, tls=certificates.server() if secure else None) as running:
        client = await running.client(tls=certificates.client() if secure else None, buffer_bytes=1)
        client.reader._transport.pause_reading()
        await client.send(GET * 5)
        await running.empty()
        assert len(running.requests) == 1 + secure  # TLS says only in the next turn that its buffers are full


@on_loop
async def test_a_client_that_reads_slowly_gets_it_all() -> None:
    async def large(_request: Request, reply: Reply) -> None:
        reply.whole(200, [], b"x" * (24 << 20))

    async with gateway(large, Limits(idle_ms=1_000)) as running:
        client = await running.client(buffer_bytes=1 << 20)
        await client.send(GET.replace(b"host", b"connection: close\r\nhost"))
        await client.head()
        got = 0
        while piece := await client.reader.read(1 << 20):
            got += len(piece)
            await asyncio.sleep(0.02)
        assert got == 24 << 20


# -- answers


@on_loop
async def test_a_stream_is_chunked_and_ends_cleanly() -> None:
    async with gateway(streaming) as running:
        client = await running.client()
        await client.send(GET)
        answer = await client.answer()
        assert (answer.header(b"transfer-encoding"), answer.body) == (b"chunked", b"data: 0\n\ndata: 1\n\ndata: 2\n\n")
        await client.send(GET)
        assert (await client.answer()).status == 200


@pytest.mark.parametrize("length", [None, 10])
@on_loop
async def test_a_stream_that_breaks_is_broken_for_the_client_never_ended(length: int | None) -> None:
    async def breaking(_request: Request, reply: Reply) -> None:
        reply.start(200, [], length)
        reply.write(b"half")
        await asyncio.sleep(0.01)
        reply.abort()

    async with gateway(breaking) as running:
        client = await running.client()
        await client.send(GET)
        with pytest.raises(asyncio.IncompleteReadError):
            await client.answer()
        client = await running.client()
        await client.send(GET.replace(b"1.1", b"1.0"))
        await client.head()
        assert length or await client.broken()


@pytest.mark.parametrize("pieces", [[b"short"], [b"short", b"than length"]], ids=["shorter", "longer"])
@on_loop
async def test_an_answer_of_another_length_than_announced_is_broken(pieces: list[bytes]) -> None:
    async def other(_request: Request, reply: Reply) -> None:
        reply.start(200, [], 10)
        for piece in pieces:
            reply.write(piece)
        reply.end()

    async with gateway(other) as running:
        client = await running.client()
        await client.send(GET)
        with pytest.raises(asyncio.IncompleteReadError):
            await client.answer()


@on_loop
async def test_what_was_written_before_an_answer_broke_off_still_goes_out() -> None:
    async def breaking(_request: Request, reply: Reply) -> None:
        reply.start(200, [], None)
        reply.write(b"data: error\n\n")
        reply.abort()

    async with gateway(breaking) as running:
        client = await running.client()
        await client.send(GET)
        await client.head()
        assert await client.rest() == b"d\r\ndata: error\n\n\r\n"


@on_loop
async def test_an_answer_to_head_and_answers_without_a_body_have_none() -> None:
    async def by_path(request: Request, reply: Reply) -> None:
        status, whole = int(request.path[2:]), request.path[1] == "w"
        if whole:
            reply.whole(status, [], b"body")
        else:
            reply.start(status, [], None)
            reply.write(b"body")
            reply.end()

    async with gateway(by_path) as running:
        client = await running.client()
        for way in (b"w", b"s"):
            await client.send(b"HEAD /%b200 HTTP/1.1\r\nhost: x\r\n\r\n" % way)
            assert (await client.answer(to=lambda: "HEAD")).header(b"content-length") == (b"4" if way == b"w" else None)
            for status in (204, 304):
                await client.send(b"GET /%b%d HTTP/1.1\r\nhost: x\r\n\r\n" % (way, status))
                answer = await client.answer()
                assert (answer.status, answer.body) == (status, b"")
                assert answer.header(b"content-length") is answer.header(b"transfer-encoding") is None


@on_loop
async def test_headers_of_an_answer_are_passed_on_but_those_of_the_connection() -> None:
    async def many(_request: Request, reply: Reply) -> None:
        reply.whole(
            200,
            [(b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"content-encoding", b"br"), (b"x", b"\xff"),
             (b"connection", b"close"), (b"transfer-encoding", b"chunked"), (b"content-length", b"99"), (b"upgrade", b"h2c")],
            b"\x8b\x00",
        )  # fmt: skip

    async with gateway(many) as running:
        answer = await running.asked(GET)
        assert answer.header(b"date") is not None
        assert [pair for pair in answer.headers if pair[0] != b"date"] == [
            (b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"content-encoding", b"br"), (b"x", b"\xff"), (b"content-length", b"2"),
        ]  # fmt: skip


@on_loop
async def test_a_value_with_line_breaks_begins_no_other_header() -> None:
    async def splitting(_request: Request, reply: Reply) -> None:
        reply.whole(200, [(b"x-model", b"m\r\nset-cookie: stolen\r\n\r\n<html>\0")], b"")

    async with gateway(splitting) as running:
        answer = await running.asked(GET)
        assert answer.header(b"set-cookie") is None
        assert answer.header(b"x-model") == b"m  set-cookie: stolen    <html> "


def test_a_handler_that_fails_is_logged_and_answered_or_shown_as_broken(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(request: Request, reply: Reply) -> None:
        if request.path == "/late":
            reply.start(200, [], None)
            reply.write(b"some")
        if request.path != "/silent":
            raise RuntimeError("broken on purpose")

    async def check() -> None:
        async with gateway(failing) as running:
            assert (await running.asked(GET)).status == 500
            assert (await running.asked(GET.replace(b"/a", b"/silent"))).status == 500
            client = await running.client()
            await client.send(GET.replace(b"/a", b"/late"))
            with pytest.raises(asyncio.IncompleteReadError):
                await client.answer()

    asyncio.run(check())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "GET /a failed", "GET /silent was left without an answer", "GET /late failed",
    ]  # fmt: skip


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@on_loop
async def test_a_client_that_reads_slowly_pauses_the_source_and_memory_stays_bounded(
    secure: bool, certificates: Certificates
) -> None:
    told: list[str] = []
    written = 0
    room = asyncio.Event()

    async def endless(_request: Request, reply: Reply) -> None:
        nonlocal written
        reply.on_full = lambda: (told.append("full"), room.clear())
        reply.on_room = lambda: (told.append("room"), room.set())
        room.set()
        reply.start(200, [], None)
        while not reply.gone and written < 64 << 20:
            await room.wait()
            reply.write(b"x" * 50_000)
            written += 50_000
            await asyncio.sleep(0)
        reply.end()

    async with gateway(endless, tls=certificates.server() if secure else None) as running:
        client = await running.client(tls=certificates.client() if secure else None, buffer_bytes=1 << 16)
        await client.send(GET)
        await asyncio.sleep(0.3)
        assert told[-1] == "full"
        assert written < 16 << 20
        answer = await client.answer()
        assert len(answer.body) == written
        assert told.count("room") >= told.count("full") - 1


# -- clients that leave


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("leave", [Peer.close, Peer.reset], ids=["close", "reset"])
@on_loop
async def test_a_client_that_leaves_is_noticed_while_its_answer_is_made(
    leave: Callable[[Peer], None], secure: bool, certificates: Certificates
) -> None:
    seen: list[str] = []

    async def waiting(request: Request, reply: Reply) -> None:
        left = asyncio.Event()
        reply.on_gone = left.set
        seen.append("begun")
        if request.path == "/a":
            reply.start(200, [], None)
        await left.wait()
        assert reply.gone
        reply.write(b"nowhere") if reply.started else reply.whole(200, [], b"nowhere")
        seen.append("gone")

    async with gateway(waiting, tls=certificates.server() if secure else None) as running:
        for path in (b"/a", b"/b"):
            client = await running.client(tls=certificates.client() if secure else None)
            await client.send(GET.replace(b"/a", path))
            await asyncio.sleep(0.01)
            leave(client)
            await running.empty()
        assert seen == ["begun", "gone"] * 2


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@on_loop
async def test_a_client_that_closes_without_reading_is_noticed_at_once_and_told_once(
    secure: bool, certificates: Certificates
) -> None:
    told: list[float] = []
    loop = asyncio.get_running_loop()

    async def endless(_request: Request, reply: Reply) -> None:
        reply.on_gone = lambda: told.append(loop.time())
        reply.start(200, [], None)
        while not reply.gone:
            reply.write(b"x" * 100_000)
            await asyncio.sleep(0.001)
        for _ in range(20):
            reply.write(b"x")
            await asyncio.sleep(0.001)
        reply.end()

    async with gateway(endless, tls=certificates.server() if secure else None) as running:
        client = await running.client(tls=certificates.client() if secure else None, buffer_bytes=1)
        client.reader._transport.pause_reading()
        await client.send(GET)
        await asyncio.sleep(0.05)
        left = loop.time()
        client.writer.write_eof() if not secure else client.close()
        await asyncio.sleep(0.1)
        client.reset()
        await running.empty()
        assert len(told) == 1
        assert told[0] - left < 0.1


@on_loop
async def test_what_waits_in_the_pipeline_of_a_client_that_left_is_never_begun() -> None:
    gone = asyncio.Event()

    async def waiting(_request: Request, reply: Reply) -> None:
        reply.start(200, [], None)
        reply.on_gone = gone.set
        while not reply.gone:
            reply.write(b"x" * 1_000)
            await asyncio.sleep(0.005)

    async with gateway(waiting) as running:
        client = await running.client()
        await client.send(GET, post(b"x" * 1_000))
        await asyncio.sleep(0.01)
        client.reset()
        await asyncio.wait_for(gone.wait(), 1)
        await running.empty()
        assert len(running.requests) == 1


@on_loop
async def test_an_answer_that_its_handler_broke_off_tells_nobody_that_the_client_left() -> None:
    told: list[str] = []

    async def breaking(_request: Request, reply: Reply) -> None:
        reply.on_gone = lambda: told.append("gone")
        reply.abort()
        await asyncio.sleep(0.02)

    async with gateway(breaking) as running:
        client = await running.client()
        await client.send(GET)
        assert await client.rest() == b""
        await running.empty()
        assert told == []


# -- the end


@on_loop
async def test_closing_answers_what_is_under_way_and_takes_no_more() -> None:
    async with gateway(streaming) as running:
        busy, idle, half = [await running.client() for _ in range(3)]
        await busy.send(GET + GET)
        await half.send(post(b"ab")[:-1])
        await asyncio.sleep(0.003)
        closing = asyncio.ensure_future(running.server.close())
        assert await idle.rest() == b""
        assert (await busy.answer()).body.endswith(b"data: 2\n\n")
        assert await busy.rest() == b""
        await half.send(b"b")
        assert (await half.answer()).header(b"connection") == b"close"
        await asyncio.wait_for(closing, 1)
        with pytest.raises(ConnectionError):
            await running.client()


@on_loop
async def test_closing_breaks_what_does_not_end_in_time() -> None:
    cancelled: list[bool] = []

    async def stuck(_request: Request, reply: Reply) -> None:
        reply.start(200, [], None)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async with gateway(stuck, Limits(shutdown_ms=100)) as running:
        client = await running.client()
        await client.send(GET)
        await client.head()
        await running.server.close()
        assert await client.broken()
        assert cancelled == [True]


@on_loop
async def test_two_servers_share_a_port_when_they_are_told_to() -> None:
    first, second = Server(echo, Limits()), Server(echo, Limits())
    _, port = await first.listen("127.0.0.1", 0, shared=True)
    assert (await second.listen("127.0.0.1", port, shared=True))[1] == port
    for _ in range(40):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
    assert first.accepted + second.accepted == 40
    assert first.accepted
    assert second.accepted
    await first.close()
    await second.close()


@on_loop
async def test_a_connection_beyond_the_limit_is_turned_away() -> None:
    async with gateway(limits=Limits(connections_max=2)) as running:
        first, second = await running.client(), await running.client()
        assert await (await running.client()).broken()
        for client in (first, second):
            await client.send(GET)
            assert (await client.answer()).status == 200
        assert running.server.turned_away == 1


@on_loop
async def test_clients_are_served_over_tls(certificates: Certificates) -> None:
    async with gateway(streaming, Limits(header_ms=400, idle_ms=400), tls=certificates.server()) as running:
        client = await running.client(tls=certificates.client())
        await client.send(GET)
        assert (await client.answer()).body.endswith(b"data: 2\n\n")
        await client.send(post(b"x" * 1_000_000))
        assert (await client.answer()).status == 200
        await client.send(b"garbage\r\n\r\n")
        assert (await client.answer()).status == 400
        assert await client.rest() == b""
        idle = await running.client(tls=certificates.client())
        assert await idle.rest() == b""
        with pytest.raises(ssl.SSLCertVerificationError):
            await running.client(tls=ssl.create_default_context())
