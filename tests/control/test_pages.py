"""The control process's routes: who may ask them, what they take, and errors that say how to mend."""

import json

import msgspec

from floorline.jobs.pages import Asked, Page, Refused, Route, Router, json_page, read_body, text_page
from floorline.ledger.store import StoreDown

TOKEN = "a token of twenty characters"
KNOWN = {b"authorization": f"Bearer {TOKEN}".encode()}


class Pair(msgspec.Struct):
    name: str
    count: int


def counted(asked: Asked) -> Page:
    pair = read_body(asked, Pair)
    if pair.count < 0:
        raise Refused(409, "too_few", f"{pair.count} is less than nothing: count again")
    return json_page(201, {"name": pair.name, "count": pair.count})


def down(_: Asked) -> Page:
    raise StoreDown("the store is away")


ROUTER = Router(
    [
        Route(method="GET", path="/open", answer=lambda _: text_page(200, "open\n"), open=True),
        Route(method="GET", path="/pairs", answer=lambda asked: text_page(200, asked.query)),
        Route(method="POST", path="/pairs", answer=counted, body_bytes_max=40),
        Route(method="POST", path="/down", answer=down, open=True),
    ],
    TOKEN,
)


def ask(method: str, path: str, body: bytes = b"", headers: dict[bytes, bytes] = KNOWN) -> Page:
    return ROUTER.answer(Asked(method=method, path=path, query="a=1", headers=headers, body=body))


def error(page: Page) -> tuple[int, str, str]:
    said = json.loads(page.body)["error"]
    return page.status, said["type"], said["message"]


def test_an_open_route_needs_no_token_and_every_other_one_does() -> None:
    assert ask("GET", "/open", headers={}) == ask("HEAD", "/open", headers={}) == text_page(200, "open\n")
    assert ask("GET", "/pairs") == text_page(200, "a=1")
    for headers in ({}, {b"authorization": b"Bearer wrong"}, {b"authorization": f"Basic {TOKEN}".encode()}):
        for method in ("GET", "POST"):
            assert error(ask(method, "/pairs", headers=headers))[:2] == (401, "unauthorised")


def test_an_error_names_what_is_there_instead() -> None:
    assert error(ask("GET", "/nothing")) == (404, "not_found", "there is no /nothing: /open, /pairs, /down")
    assert error(ask("PUT", "/pairs")) == (405, "method", "PUT is not answered at /pairs: GET, POST")


def test_a_body_is_read_as_what_the_route_takes() -> None:
    assert ask("POST", "/pairs", b'{"name": "a", "count": 2}') == json_page(201, {"name": "a", "count": 2})
    assert error(ask("POST", "/pairs", b'{"name": "a"}'))[1:] == (
        "invalid", "Object missing required field `count`: mend that and send it again",
    )  # fmt: skip
    assert error(ask("POST", "/pairs", b"count=2"))[:2] == (400, "invalid_json")
    assert error(ask("POST", "/pairs", b'{"name": "a", "count": -1}'))[:2] == (409, "too_few")
    assert error(ask("POST", "/pairs", b" " * 41))[::2] == (413, "the body has 41 bytes, /pairs takes 40")


def test_a_store_that_is_away_is_asked_again_later() -> None:
    page = ask("POST", "/down")
    assert error(page) == (503, "unavailable", "the store is away: try again")
    assert dict(page.headers) == {b"retry-after": b"5"}


def test_the_listener_lets_through_what_the_largest_route_takes() -> None:
    assert ROUTER.body_bytes_max == 64 << 10
