"""Connections to providers: raw bytes from a provider on loopback, good and bad."""

import asyncio
import ssl
from collections.abc import Sequence

import pytest

from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Limits, Provider, Timeouts
from floorline.gateway.upstream import (
    PENDING_BYTES_MAX,
    STALE_S,
    UNFRAMED_BYTES_MAX,
    Attempt,
    Link,
    Origin,
    Pool,
    UpstreamBroken,
)
from floorline.gateway.wire.forward import rendered
from tests.support.certificates import Certificates
from tests.support.http import Got, Peer, gateway, on_loop, provider, scripted

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
HEAD = [(b"host", b"provider")]


async def asked(pool: Pool, body: bytes = b"", *, fresh: bool = False) -> Attempt:
    """A request of which the head of the answer has come."""
    link = await pool.link(fresh=fresh)
    attempt = link.send(head(pool, body), body)
    await attempt.head()
    return attempt


def head(pool: Pool, body: bytes = b"") -> bytes:
    return pool.origin.head(b"POST", b"/v1/x", rendered([*HEAD, (b"content-length", b"%d" % len(body))]))


async def body_of(pool: Pool) -> bytes:
    attempt = await asked(pool)
    body = await attempt.whole(1 << 20)
    assert body is not None
    return body


async def broken(pool: Pool) -> UpstreamBroken:
    """How the next request breaks, before its head or behind it."""
    link = await pool.link()
    attempt = link.send(head(pool))
    try:
        await attempt.head()
        await attempt.pipe(lambda _: None)
    except UpstreamBroken as error:
        return error
    pytest.fail("the answer was whole")


# -- answers


@on_loop
async def test_requests_go_out_as_they_are_and_over_one_connection() -> None:
    seen: list[Got] = []

    async def serve(peer: Peer) -> None:
        while True:
            seen.append(await peer.request())
            await peer.send(OK)

    async with provider(serve) as (pool, peers):
        for body in (b"", b"abc", b"x" * 100_000):
            attempt = await asked(pool, body)
            assert (attempt.status, attempt.headers, attempt.length) == (200, [(b"content-length", b"2")], 2)
            assert await attempt.whole(10) == b"ok"
        assert [got.body for got in seen] == [b"", b"abc", b"x" * 100_000]
        assert seen[0].headers == [(b"", b"POST /v1/x HTTP/1.1"), *HEAD, (b"content-length", b"0")]
        assert (len(peers), pool.opened, pool.reused, pool.kept) == (1, 1, 2, 1)


WHOLE: dict[str, tuple[bytes, bytes]] = {
    "by length": (OK, b"ok"),
    "of no length": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
    "in chunks": (CHUNKED + b"2;ext=1\r\nab\r\n3\r\ncde\r\n0\r\nx-trailer: 1\r\n\r\n", b"abcde"),
    "until close": (b"HTTP/1.1 200 OK\r\n\r\nuntil close", b"until close"),
    "until close of HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
    "behind informational ones": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + OK, b"ok"),
    "without a reason phrase": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", b"ok"),
    "204 with a length": (b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", b""),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", b""),
    "with an upgrade that it offers": (b"HTTP/1.1 200 OK\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nok", b"ok"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "body"), WHOLE.values(), ids=WHOLE)
@on_loop
async def test_an_answer_comes_whole_however_it_is_cut(answer: bytes, body: bytes) -> None:
    cuts: list[Sequence[bytes]] = [[answer[:cut], answer[cut:]] for cut in range(len(answer))]
    cuts.append([answer[at : at + 1] for at in range(len(answer))])

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(*cuts.pop(), pause_s=0.0005)
        peer.close()

    async with provider(serve) as (pool, _):
        while cuts:
            attempt = await asked(pool, fresh=True)
            assert await attempt.whole(100) == body
            assert attempt.length in (None, len(body))
            assert all(name in answer for name, _ in attempt.headers)
            assert attempt.first_byte is not None
            assert b"x-trailer" not in dict(attempt.headers)


@on_loop
async def test_headers_keep_their_order_their_doubles_and_their_bytes() -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\nX: \xff\xc3\xa9\r\ncontent-length: 0\r\n\r\n"
    async with provider(scripted(answer)) as (pool, _):
        attempt = await asked(pool)
        assert attempt.headers == [
            (b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"x", b"\xff\xc3\xa9"), (b"content-length", b"0"),
        ]  # fmt: skip


@on_loop
async def test_an_answer_to_head_has_no_body_though_it_has_a_length() -> None:
    async with provider(scripted(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", OK)) as (pool, _):
        link = await pool.link()
        attempt = link.send(head(pool), bodiless=True)
        await attempt.head()
        assert (attempt.length, await attempt.whole(10)) == (5_000, b"")
        assert await body_of(pool) == b"ok"
        assert pool.opened == 2


@on_loop
async def test_an_answer_that_exceeds_the_limit_is_left_for_pipe() -> None:
    body = bytes(range(256)) * 1_000
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    for limit, found in ((10, None), (len(body) - 1, None), (len(body), body)):
        async with provider(scripted([answer[:100], answer[100:100_000], answer[100_000:]], pause_s=0.001)) as (
            pool,
            _,
        ):
            attempt = await asked(pool)
            assert await attempt.whole(limit) == found
            pieces: list[bytes] = []
            await attempt.pipe(pieces.append)
            assert b"".join(pieces) == (body if found is None else b"")


@on_loop
async def test_a_body_of_64_mb_passes_both_ways() -> None:
    body = bytes(range(256)) * (1 << 18)

    async def serve(peer: Peer) -> None:
        got = await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(got.body), got.body)

    async with provider(serve) as (pool, _):
        attempt = await asked(pool, body)
        size = 0

        def count(piece: bytes) -> None:
            nonlocal size
            size += len(piece)

        await attempt.pipe(count)
        assert size == len(body)


# -- connections that are not kept


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        OK + b"more",
        OK + OK,
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
    ],
    ids=["asked to close", "old", "bytes behind", "an answer behind", "half an answer behind"],
)
@on_loop
async def test_a_connection_that_cannot_be_trusted_is_not_used_again(answer: bytes) -> None:
    async with provider(scripted(answer, OK)) as (pool, peers):
        assert await body_of(pool) == b"ok"
        assert pool.kept == 0
        assert await body_of(pool) == b"ok"
        assert len(peers) == 2


@on_loop
async def test_bytes_that_nobody_asked_for_close_a_kept_connection() -> None:
    async with provider(scripted([OK, b"HTTP/1.1 408 Timeout\r\ncontent-length: 0\r\n\r\n"], OK, pause_s=0.02)) as (
        pool,
        _,
    ):
        assert await body_of(pool) == b"ok"
        assert pool.kept == 1
        await asyncio.sleep(0.04)
        assert pool.kept == 0
        assert await body_of(pool) == b"ok"


@on_loop
async def test_a_provider_that_answers_before_it_has_read_the_request_is_not_asked_on_that_connection_again() -> None:
    async def serve(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await asyncio.sleep(0.05)

    async with provider(serve) as (pool, _):
        attempt = await asked(pool, b"x" * (64 << 20))
        assert (attempt.status, await attempt.whole(10)) == (413, b"no")
        assert pool.kept == 0


@on_loop
async def test_a_kept_connection_that_the_provider_closed_is_replaced_or_told_to_be_stale() -> None:
    async with provider(scripted(OK, OK, OK)) as (pool, peers):
        await body_of(pool)
        peers[0].close()
        await asyncio.sleep(0.02)
        assert pool.kept == 0
        assert await body_of(pool) == b"ok"
        link = await pool.link()
        peers[1].reset()  # while the request goes out
        attempt = link.send(head(pool))
        with pytest.raises(UpstreamBroken) as raised:
            await attempt.head()
        assert (raised.value.kind, attempt.reused, attempt.first_byte, attempt.stale) == ("reset", True, None, True)
        attempt = await asked(pool, fresh=True)
        assert not attempt.reused
        assert await attempt.whole(10) == b"ok"


@on_loop
async def test_a_kept_connection_that_breaks_when_the_provider_had_time_to_read_is_not_stale() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await asyncio.sleep(STALE_S + 0.1)
        peer.reset()

    async with provider(serve) as (pool, _):
        await body_of(pool)
        attempt = (await pool.link()).send(head(pool))
        with pytest.raises(UpstreamBroken):
            await attempt.head()
        assert (attempt.reused, attempt.first_byte, attempt.stale) == (True, None, False)


@on_loop
async def test_a_connection_that_is_lost_before_anything_is_sent_says_that_nothing_was() -> None:
    async def hang_up(peer: Peer) -> None:
        peer.close()

    async with provider(hang_up) as (pool, _):
        link = await pool.link()
        await asyncio.sleep(0.02)
        attempt = link.send(head(pool))
        with pytest.raises(UpstreamBroken) as raised:
            await attempt.head()
        assert (raised.value.kind, raised.value.sent, attempt.reused, attempt.stale) == ("reset", False, False, True)


@on_loop
async def test_a_connection_given_back_unused_is_used_by_the_next() -> None:
    async with provider(scripted(OK)) as (pool, peers):
        link = await pool.link()
        assert (pool.active, pool.kept) == (1, 0)
        pool.release(link)
        assert (pool.active, pool.kept) == (0, 1)
        assert await body_of(pool) == b"ok"
        assert len(peers) == 1


@on_loop
async def test_a_dead_connection_given_back_is_not_kept() -> None:
    async def hang_up(peer: Peer) -> None:
        peer.close()

    async with provider(hang_up) as (pool, _):
        link = await pool.link()
        await asyncio.sleep(0.02)
        pool.release(link)
        assert (pool.active, pool.kept) == (0, 0)


@on_loop
async def test_a_retired_pool_finishes_what_is_under_way_and_keeps_nothing() -> None:
    async with provider(scripted([OK[:-2], OK[-2:]], OK, pause_s=0.02)) as (pool, _):
        attempt = await asked(pool)
        pool.retire()
        assert await attempt.whole(10) == b"ok"
        assert pool.kept == 0
        assert await body_of(pool) == b"ok"  # of a call that began before
        assert pool.kept == 0


@on_loop
async def test_closing_a_pool_breaks_what_is_under_way() -> None:
    async with provider(scripted([OK[:-1], b""], pause_s=1)) as (pool, _):
        attempt = await asked(pool)
        waiting = asyncio.ensure_future(attempt.whole(10))
        await asyncio.sleep(0)
        pool.close()
        with pytest.raises(UpstreamBroken) as raised:
            await waiting
        assert raised.value.kind == "closed"


# -- answers that are none

HALF: dict[str, bytes] = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "an informational one only": b"HTTP/1.1 100 Continue\r\n\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
    "chunks without an end": CHUNKED + b"2\r\nab\r\n",
    "half a chunk": CHUNKED + b"20\r\nab",
    "chunks without the last line": CHUNKED + b"2\r\nab\r\n0\r\n",
}


@pytest.mark.parametrize("answer", HALF.values(), ids=HALF)
@on_loop
async def test_an_answer_that_breaks_off_is_broken_never_ended(answer: bytes) -> None:
    async with provider(scripted(answer)) as (pool, _):
        error = await broken(pool)
        assert (error.kind, error.sent) == ("reset", True)


@on_loop
async def test_an_answer_until_close_that_is_reset_is_broken() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await asyncio.sleep(0.01)
        peer.reset()

    async with provider(serve) as (pool, _):
        assert (await broken(pool)).kind == "reset"


BAD: dict[str, bytes] = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "a switch of protocols": b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nabc",
    "a switch to nothing": b"HTTP/1.1 101 Switching\r\n\r\nabc",
    "a status of no class": b"HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
    "length beside chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "a length that is none": b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok",
    "a negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
    "a length beyond 64 bits": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nok",
    "another coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok",
    "a coding before chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    "a NUL in a header": b"HTTP/1.1 200 OK\r\na: b\0\r\ncontent-length: 0\r\n\r\n",
    "a bare line feed": b"HTTP/1.1 200 OK\r\na: b\ncontent-length: 0\r\n\r\n",
    "a bad chunk size": CHUNKED + b"2\r\nab\r\nzz\r\n",
    "a chunk longer than its size": CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (UNFRAMED_BYTES_MAX // 3),
    "an endless header": b"HTTP/1.1 200 OK\r\na: " + b"b" * (UNFRAMED_BYTES_MAX * 2),
    "an endless trailer": CHUNKED + b"2\r\nab\r\n0\r\na: " + b"b" * (UNFRAMED_BYTES_MAX * 3),
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
@on_loop
async def test_an_answer_that_is_not_http_is_broken_and_its_connection_is_closed(answer: bytes) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        await peer.rest()

    async with provider(serve) as (pool, _):
        assert (await broken(pool)).kind == "protocol"
        assert (pool.active, pool.kept) == (0, 0)


@on_loop
async def test_what_came_before_an_answer_broke_is_handed_over() -> None:
    async with provider(scripted(CHUNKED + b"4\r\nsome\r\nzz\r\n", CHUNKED + b"4\r\nsome\r\n")) as (pool, _):
        for kind in ("protocol", "reset"):
            attempt = await asked(pool)
            pieces: list[bytes] = []
            with pytest.raises(UpstreamBroken) as raised:
                await attempt.pipe(pieces.append)
            assert (raised.value.kind, pieces) == (kind, [b"some"])


# -- time

SHORT = Timeouts(connect_ms=300)


@on_loop
async def test_a_provider_that_does_not_answer_in_time_is_given_up() -> None:
    async with provider(scripted([b"", b""], pause_s=2), timeouts=Timeouts(first_byte_ms=100)) as (pool, _):
        assert (await broken(pool)).kind == "first_byte_timeout"


@on_loop
async def test_a_provider_that_stops_in_its_answer_is_given_up() -> None:
    async with provider(scripted([CHUNKED, b"2\r\nab\r\n", b""], pause_s=2), timeouts=Timeouts(idle_ms=100)) as (
        pool,
        _,
    ):
        assert (await broken(pool)).kind == "idle_timeout"


@on_loop
async def test_an_answer_that_never_ends_is_given_up() -> None:
    async with provider(
        scripted([CHUNKED, *[b"2\r\nab\r\n"] * 200], pause_s=0.02), timeouts=Timeouts(total_ms=300)
    ) as (pool, _):
        assert (await broken(pool)).kind == "total_timeout"


@on_loop
async def test_time_in_which_the_client_was_not_ready_is_not_the_providers_silence() -> None:
    resumed = asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"2\r\nab\r\n")
        await resumed.wait()
        await peer.send(b"0\r\n\r\n")

    async with provider(serve, timeouts=Timeouts(idle_ms=200)) as (pool, _):
        attempt = await asked(pool)
        attempt.pause()
        await asyncio.sleep(0.7)  # several sweeps, each of which finds more than 200 ms without a byte
        pieces: list[bytes] = []
        attempt.resume()
        resumed.set()
        await attempt.pipe(pieces.append)
        assert pieces == [b"ab"]


@on_loop
async def test_a_provider_that_is_not_there_or_does_not_take_a_connection() -> None:
    listener = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    for host, number, kind in (
        ("127.0.0.1", port, "connect"),
        ("." * 70, 80, "connect"),
    ):
        pool = Pool(Origin(host=host, port=number, tls=None, timeouts=SHORT))
        with pytest.raises(UpstreamBroken) as raised:
            await pool.link()
        assert (raised.value.kind, raised.value.sent, pool.active) == (kind, False, 0)


@on_loop
async def test_a_handshake_that_takes_too_long_is_given_up(certificates: Certificates) -> None:
    async def silent(peer: Peer) -> None:
        await peer.rest()

    async with provider(silent, timeouts=SHORT) as (plain, peers):
        origin = Origin(host="127.0.0.1", port=plain.origin.port, tls=certificates.client(), timeouts=SHORT)
        with pytest.raises(UpstreamBroken) as raised:
            await Pool(origin).link()
        assert raised.value.kind == "connect_timeout"
        await asyncio.sleep(0.02)
        assert peers[0].reader.at_eof()


@on_loop
async def test_a_task_cancelled_while_it_connects_leaves_no_connection(certificates: Certificates) -> None:
    async def silent(peer: Peer) -> None:
        await peer.rest()

    async with provider(silent) as (plain, peers):
        pool = Pool(Origin(host="127.0.0.1", port=plain.origin.port, tls=certificates.client(), timeouts=Timeouts()))
        linking = asyncio.ensure_future(pool.link())
        await asyncio.sleep(0.03)
        linking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await linking
        await asyncio.sleep(0.02)
        assert peers[0].reader.at_eof()
        assert (pool.active, pool.kept) == (0, 0)


# -- giving up


@on_loop
async def test_an_attempt_that_is_given_up_breaks_the_connection() -> None:
    left: list[bool] = []

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        await peer.reader.read()
        left.append(True)

    async with provider(serve) as (pool, _):
        attempt = await asked(pool)
        waiting = asyncio.ensure_future(attempt.pipe(lambda _: None))
        await asyncio.sleep(0)
        attempt.abort()
        with pytest.raises(UpstreamBroken) as raised:
            await waiting
        assert raised.value.kind == "closed"
        attempt.abort()
        await asyncio.sleep(0.02)
        assert left == [True]


@on_loop
async def test_a_task_that_is_cancelled_gives_its_attempt_up() -> None:
    async with provider(scripted([CHUNKED, b""], pause_s=0.2)) as (pool, _):
        attempt = await asked(pool)
        waiting = asyncio.ensure_future(attempt.pipe(lambda _: None))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert pool.active == 0


@on_loop
async def test_an_attempt_may_be_given_up_by_the_very_piece_it_hands_over() -> None:
    async with provider(scripted([CHUNKED, b"2\r\nab\r\n0\r\n\r\n"], pause_s=0.01)) as (pool, _):
        attempt = await asked(pool)
        with pytest.raises(UpstreamBroken):
            await attempt.pipe(lambda _: attempt.abort())
        assert (pool.active, pool.kept) == (0, 0)


# -- memory


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@on_loop
async def test_a_provider_that_never_stops_is_read_no_further_than_somebody_takes(
    secure: bool, certificates: Certificates
) -> None:
    sent = 0

    async def serve(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        peer.writer.transport.set_write_buffer_limits(0)
        await peer.send(CHUNKED)
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        while sent < 256 << 20:
            await peer.send(piece)
            sent += len(piece)

    tls = (certificates.server(), certificates.client()) if secure else None
    async with provider(serve, tls=tls) as (pool, _):
        attempt = await asked(pool)
        await asyncio.sleep(0.2)
        assert attempt._pending_bytes <= 2 * PENDING_BYTES_MAX + (64 << 10)
        held = sent
        attempt.pause()
        await asyncio.sleep(0.1)
        assert sent - held < 1 << 20
        attempt.abort()


@on_loop
async def test_a_client_that_does_not_read_stops_the_provider_and_goes_on_where_it_was() -> None:
    sent = 0
    size = 48 << 20

    async def serve(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(CHUNKED)
        while sent < size:
            await peer.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            sent += 0x10000
        await peer.send(b"0\r\n\r\n")

    async with provider(serve) as (pool, _):

        async def forward(_request: Request, reply: Reply) -> None:
            attempt = await asked(pool)
            reply.on_full, reply.on_room = attempt.pause, attempt.resume
            reply.start(attempt.status, attempt.headers, attempt.length)
            await attempt.pipe(reply.write)
            reply.end()

        async with gateway(forward) as running:
            client = await running.client(buffer_bytes=1 << 16)
            await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await asyncio.sleep(0.3)
            assert sent < size / 2
            assert len((await client.answer()).body) == size


@on_loop
async def test_a_stream_that_breaks_at_the_provider_is_broken_for_the_client() -> None:
    async with provider(scripted(CHUNKED + b"2\r\nab\r\n")) as (pool, _):

        async def forward(_request: Request, reply: Reply) -> None:
            attempt = await asked(pool)
            reply.start(attempt.status, attempt.headers, attempt.length)
            try:
                await attempt.pipe(reply.write)
            except UpstreamBroken:
                reply.abort()
            else:
                reply.end()

        async with gateway(forward, Limits()) as running:
            client = await running.client()
            await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            with pytest.raises(asyncio.IncompleteReadError) as raised:
                await client.answer()
            assert raised.value.partial == b""


# -- TLS


@on_loop
async def test_a_provider_is_reached_over_tls_when_its_certificate_holds(certificates: Certificates) -> None:
    async with provider(scripted(OK, OK), tls=(certificates.server(), certificates.client())) as (pool, peers):
        assert await body_of(pool) == b"ok"
        assert await body_of(pool) == b"ok"
        assert len(peers) == 1


@on_loop
async def test_a_certificate_of_another_authority_or_host_is_refused(certificates: Certificates) -> None:
    strangers = ssl.create_default_context()
    async with provider(scripted(OK), tls=(certificates.server(), strangers)) as (pool, _):
        with pytest.raises(UpstreamBroken) as raised:
            await pool.link()
        assert (raised.value.kind, raised.value.sent) == ("tls", False)
    async with provider(scripted(OK), tls=(certificates.server(), certificates.client())) as (pool, _):
        other = Origin(host="127.0.0.1", port=pool.origin.port, tls=certificates.client(), timeouts=SHORT)
        with pytest.raises(UpstreamBroken) as raised:
            await Pool(other).link()
        assert raised.value.kind == "tls"


@on_loop
async def test_a_plain_port_asked_for_tls_is_an_error_of_tls(certificates: Certificates) -> None:
    async def plain(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.rest()

    async with provider(plain) as (pool, _):
        origin = Origin(host="localhost", port=pool.origin.port, tls=certificates.client(), timeouts=SHORT)
        with pytest.raises(UpstreamBroken) as raised:
            await Pool(origin).link()
        assert raised.value.kind == "tls"


@on_loop
async def test_an_answer_until_close_over_tls_is_whole_only_when_its_end_is_told(certificates: Certificates) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nsome")
        await asyncio.sleep(0.01)
        if len(peers) == 1:
            peer.close()
        else:
            peer.writer.transport.abort()

    async with provider(serve, tls=(certificates.server(), certificates.client())) as (pool, peers):
        assert await body_of(pool) == b"some"
        assert (await broken(pool)).kind == "reset"


# -- the origin


def test_a_line_break_never_reaches_a_provider_as_another_header() -> None:
    origin = Origin(host="x", port=1, tls=None, timeouts=Timeouts())
    for target, value in ((b"/a\r\nx: y", b"v"), (b"/a", b"v\nx: y"), (b"/a", b"v\r")):
        with pytest.raises(AssertionError):
            origin.head(b"GET", target, rendered([(b"a", value)]))


def test_the_origin_of_a_base_url_is_its_host_and_port(certificates: Certificates) -> None:
    plain = Origin.of(Provider(name="a", dialect="openai", base_url="http://[::1]:9001/v1"))
    assert (plain.host, plain.port, plain.tls, plain.authority) == ("::1", 9001, None, "[::1]:9001")
    secure = Origin.of(
        Provider(name="a", dialect="openai", base_url="https://x.example/v1", ca_file=str(certificates.authority))
    )
    assert (secure.host, secure.port, secure.authority) == ("x.example", 443, "x.example:443")
    assert secure.tls is not None
    assert secure.tls.verify_mode is ssl.CERT_REQUIRED
    assert secure.tls.check_hostname


@on_loop
async def test_only_one_request_goes_out_on_a_link_at_a_time() -> None:
    async with provider(scripted([OK[:-1], OK[-1:]], pause_s=0.01)) as (pool, _):
        link: Link = await pool.link()
        attempt = link.send(head(pool))
        with pytest.raises(AssertionError):
            link.send(head(pool))
        await attempt.head()
        assert await attempt.whole(10) == b"ok"
