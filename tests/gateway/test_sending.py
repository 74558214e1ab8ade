"""Writes are made together while several calls are under way, in order, and never held beyond a turn or beyond what a peer takes."""

import asyncio
from typing import cast

from floorline.gateway.message import Reply, Request
from floorline.gateway.sending import HELD_BYTES_MAX, TOGETHER_MIN, Sending
from tests.support.http import gateway, on_loop

GET = b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n"


class Wire:
    """Where writes arrive."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing


def sending(wire: Wire, calls: int) -> Sending:
    return Sending(cast("asyncio.Transport", wire), range(calls), asyncio.get_running_loop().call_soon)


@on_loop
async def test_a_call_that_is_nearly_alone_writes_at_once() -> None:
    wire = Wire()
    sending(wire, TOGETHER_MIN - 1).write(b"a")
    assert wire.written == [b"a"]


@on_loop
async def test_of_many_calls_each_writes_once_at_the_end_of_the_turn_in_order() -> None:
    wire = Wire()
    one = sending(wire, TOGETHER_MIN)
    one.write(b"a")
    one.write(b"b")
    assert (wire.written, one.held) == ([], 2)
    await asyncio.sleep(0)
    assert (wire.written, one.held) == ([b"ab"], 0)


@on_loop
async def test_what_was_held_stays_before_what_is_written_once_the_others_have_ended() -> None:
    wire, calls = Wire(), list(range(TOGETHER_MIN))
    one = Sending(cast("asyncio.Transport", wire), calls, asyncio.get_running_loop().call_soon)
    one.write(b"a")
    calls.clear()
    one.write(b"b")
    await asyncio.sleep(0)
    one.write(b"c")
    assert wire.written == [b"ab", b"c"]


@on_loop
async def test_more_than_a_peer_takes_unasked_is_not_held() -> None:
    wire = Wire()
    one = sending(wire, TOGETHER_MIN)
    one.write(b"a")
    one.write(bytes(HELD_BYTES_MAX))
    assert (len(wire.written), one.held) == (1, 0)


@on_loop
async def test_nothing_is_written_to_a_transport_that_closes_meanwhile() -> None:
    wire = Wire()
    one = sending(wire, TOGETHER_MIN)
    one.write(b"a")
    wire.closing = True
    await asyncio.sleep(0)
    assert wire.written == []


@on_loop
async def test_answers_are_whole_for_clients_that_end_their_connection_with_the_request() -> None:
    async def echo(request: Request, reply: Reply) -> None:
        reply.start(200, [], None)
        reply.write(request.path.encode())
        reply.end()

    async with gateway(echo) as running:
        clients = [await running.client() for _ in range(4 * TOGETHER_MIN)]
        for client in clients:
            await client.send(GET + GET.replace(b"host: h", b"host: h\r\nconnection: close"))
        for client in clients:
            assert [(await client.answer()).body for _ in range(2)] == [b"/a", b"/a"]
            assert await client.rest() == b""


@on_loop
async def test_an_answer_that_breaks_off_among_many_shows_what_was_written_and_is_no_whole_one() -> None:
    async def broken(request: Request, reply: Reply) -> None:
        del request
        await asyncio.sleep(0)
        reply.start(200, [], None)
        reply.write(b"half")
        reply.abort()

    async with gateway(broken) as running:
        clients = [await running.client() for _ in range(4 * TOGETHER_MIN)]
        for client in clients:
            await client.send(GET)
        for client in clients:
            assert (await client.rest()).endswith(b"4\r\nhalf\r\n")
