"""Heads that were read before: the same requests come of them, and nothing that is not the same is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.gateway.heads import HEAD_BYTES_MAX, REMEMBERED_MAX, Head, Heads
from floorline.gateway.message import Reply, Request
from tests.support.http import gateway, on_loop

HEADERS = b"host: x\r\nauthorization: Bearer flk_1\r\nContent-Length: "


def wire(body: bytes, *, more: bytes = b"", path: bytes = b"/v1/x", length: bytes | None = None) -> bytes:
    digits = b"%d" % len(body) if length is None else length
    return b"POST %b HTTP/1.1\r\n%b%b\r\n%b\r\n%b" % (path, HEADERS, digits, more, body)


def head(path: str = "/v1/x", **headers: str) -> Head:
    raw = [(b"host", b"x"), *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())]
    return Head(method="POST", path=path, query="", headers=dict(raw), raw_headers=raw)


async def echo(request: Request, reply: Reply) -> None:
    """What was asked, and how."""
    names = b",".join(name for name, _ in request.raw_headers)
    reply.whole(200, [(b"x-path", request.path.encode()), (b"x-names", names)], request.body)


@given(bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=4), cut=st.integers(0, 300))
@on_loop
async def test_the_same_head_gives_the_same_request_with_its_own_body_however_it_comes(
    bodies: list[bytes], cut: int
) -> None:
    async with gateway(echo) as running:
        client = await running.client()
        for place, body in enumerate([b"first", *bodies]):
            sent = wire(body, more=b"x-a: 1\r\n")
            pieces = [sent[:cut], sent[cut:]] if place % 2 else [sent]
            for piece in pieces:
                client.writer.write(piece)
                await client.writer.drain()
            got = await client.answer()
            assert (got.status, got.body) == (200, body)
        assert [one.body for one in running.requests] == [b"first", *bodies]
        assert {one.path for one in running.requests} == {"/v1/x"}
        assert {one.headers[b"x-a"] for one in running.requests} == {b"1"}


@on_loop
async def test_two_requests_in_one_piece_are_two_whether_their_head_is_known_or_not() -> None:
    async with gateway(echo) as running:
        client = await running.client()
        for _ in range(3):
            client.writer.write(wire(b"one") + wire(b"three"))
            assert [(await client.answer()).body for _ in range(2)] == [b"one", b"three"]


@pytest.mark.parametrize(
    "more", [b"content-length: 4\r\n", b"transfer-encoding: chunked\r\n", b"bad header\r\n", b"x: a\x00b\r\n"]
)
@on_loop
async def test_what_is_refused_stays_refused_beside_a_known_head(more: bytes) -> None:
    async with gateway(echo) as running:
        for sent in (wire(b"body"), wire(b"body")):
            client = await running.client()
            client.writer.write(sent)
            assert (await client.answer()).status == 200
        client = await running.client()
        client.writer.write(wire(b"body", more=more))
        assert (await client.answer()).status == 400
        assert len(running.requests) == 2


def test_only_a_whole_request_with_its_very_head_is_known() -> None:
    heads, one = Heads(), head()
    heads.learn(wire(b"body"), b"body", one)
    assert heads.find(wire(b"another")) == (one, b"another")
    for other in (
        wire(b"body", path=b"/v1/y"), wire(b"body", more=b"x: 1\r\n"), wire(b"body")[:-1], wire(b"body") + b"x",
        wire(b"body", length=b"+4"), wire(b"body", length=b"4 "), wire(b"body").replace(b"Content", b"content"),
    ):  # fmt: skip
        assert heads.find(other) is None
    heads.clear()
    assert heads.find(wire(b"body")) is None


@pytest.mark.parametrize(
    ("data", "body", "of"),
    [
        (wire(b"b", more=b"content-length: 1\r\n"), b"b", head()),
        (wire(b"b", more=b"connection: close\r\n"), b"b", head(connection="close")),
        (wire(b"b", more=b"expect: 100-continue\r\n"), b"b", head(expect="100-continue")),
        (wire(b"b", more=b"x: %b\r\n" % (b"y" * HEAD_BYTES_MAX)), b"b", head()),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"", head()),
        (wire(b"1") + wire(b"b"), b"b", head()),
    ],
)
def test_what_is_not_plain_is_not_remembered(data: bytes, body: bytes, of: Head) -> None:
    heads = Heads()
    heads.learn(data, body, of)
    assert heads.find(data) is None


def test_too_many_heads_are_forgotten_together() -> None:
    heads = Heads()
    for number in range(REMEMBERED_MAX + 1):
        heads.learn(wire(b"b", path=b"/%d" % number), b"b", head())
    assert heads.find(wire(b"b", path=b"/0")) is None
    assert heads.find(wire(b"b", path=b"/%d" % REMEMBERED_MAX)) is not None
