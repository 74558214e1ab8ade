"""The control process's routes: who may ask them, what they take, and errors that say how to mend."""

import asyncio

import msgspec
import pytest
from starlette.testclient import TestClient

from floorline.ledger.store import StoreDown
from floorline.web.answering import Answering
from floorline.web.app import Site
from floorline.web.http import Asked, Page, Refused, Route, Stream, error_page, json_page, read_body, text_page
from floorline.web.who import Who
from tests.support.web import KNOWN, TOKEN, hosted


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


ROUTES = [
    Route(method="GET", path="/open", rule="open", answer=lambda _: text_page(200, "open\n")),
    Route(method="GET", path="/pairs", rule="viewer", answer=lambda asked: text_page(200, asked.query)),
    Route(method="POST", path="/pairs", rule="editor", answer=counted, body_bytes_max=40),
    Route(method="POST", path="/down", rule="open", answer=down),
    Route(method="GET", path="/of/{name}", rule="open", answer=lambda asked: text_page(200, asked.names["name"])),
    Route(method="GET", path="/of/{name}.json", rule="open", answer=lambda asked: json_page(200, asked.names["name"])),
    Route(method="GET", path="/of/all", rule="open", answer=lambda _: text_page(200, "everyone")),
    Route(method="GET", path="/broken", rule="open", answer=lambda _: text_page(1 // 0, "")),
    Route(method="GET", path="/large", rule="open", answer=lambda _: text_page(200, "x" * 5_000)),
]
CLIENT = hosted(ROUTES)


def error(answer):
    said = answer.json()["error"]
    return answer.status_code, said["type"], said["message"]


class Somebody:
    """Access of whoever is named in a header, with its role."""

    def knows_host(self, host):
        return host == "testserver"

    def identify(self, headers):
        name, _, role = headers.get("x-somebody", "").partition(":")
        return Who(name=name, role=role, session="s", csrf="c") if role else None

    def forged(self, who, headers, presented):
        del headers
        return "" if presented == who.csrf else "the form is another site's"


def test_an_open_route_needs_no_token_and_every_other_one_does():
    assert CLIENT.get("/open").text == "open\n"
    assert CLIENT.head("/open").text == ""
    assert CLIENT.get("/pairs?a=1", headers=KNOWN).text == "a=1"
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        assert error(CLIENT.get("/pairs", headers=headers))[:2] == (401, "unauthorised")
        assert error(CLIENT.post("/pairs", headers=headers))[:2] == (401, "unauthorised")


def test_a_role_may_what_the_smaller_ones_may_and_no_more():
    client = hosted(ROUTES, access=Somebody())
    form = {"x-csrf-token": "c"}
    assert client.get("/pairs", headers={"x-somebody": "ann:viewer"}).status_code == 200
    refused = client.post("/pairs", content=b"{}", headers={"x-somebody": "ann:viewer", **form})
    assert error(refused) == (403, "role", "ann is viewer: this takes the role editor")
    for role in ("editor", "admin"):
        headers = {"x-somebody": f"bo:{role}", **form}
        assert client.post("/pairs", content=b'{"name": "a", "count": 1}', headers=headers).status_code == 201


@pytest.mark.parametrize("presented", ["", "d"])
def test_a_change_by_a_cookie_that_our_page_did_not_ask_for_is_refused(presented):
    client = hosted(ROUTES, access=Somebody())
    headers = {
        "x-somebody": "bo:editor",
        "x-csrf-token": presented,
        "content-type": "application/x-www-form-urlencoded",
    }
    assert error(client.post("/pairs", content=b"", headers=headers))[:2] == (403, "forged")


class Leaving(Somebody):
    """Somebody who is known for so many requests, then no more."""

    def __init__(self, times):
        self.times = times

    def identify(self, headers):
        self.times -= 1
        return super().identify(headers) if self.times >= 0 else None


async def ticking(_asked):
    while True:
        await asyncio.sleep(0.002)
        yield "data: tick\n\n"


def test_a_stream_ends_for_who_is_not_known_any_more():
    site = Site(Answering(Leaving(3), lambda refused, _: error_page(refused)), heartbeat_s=0.02)
    site.serve([], [Stream(path="/ticks", rule="viewer", events=ticking)])
    answer = TestClient(site).get("/ticks", headers={"x-somebody": "ann:viewer"})
    assert answer.status_code == 200
    assert answer.text.count("tick") > 1
    assert TestClient(site).get("/ticks", headers={"x-somebody": "ann:viewer"}).status_code == 401


def test_another_name_of_this_machine_is_no_name_of_the_dashboard():
    client = hosted(ROUTES, access=Somebody())
    assert error(client.get("/open", headers={"host": "evil.example"}))[:2] == (421, "host")


def test_an_error_names_what_is_there_instead():
    assert error(CLIENT.get("/nothing")) == (404, "not_found", "there is no /nothing")
    answer = CLIENT.put("/pairs")
    assert error(answer) == (405, "method", "PUT is not answered at /pairs: GET, POST")
    assert answer.headers["allow"] == "GET, POST"


def test_a_body_is_read_as_what_the_route_takes():
    def post(body):
        return CLIENT.post("/pairs", content=body, headers=KNOWN)

    assert post(b'{"name": "a", "count": 2}').json() == {"name": "a", "count": 2}
    assert error(post(b'{"name": "a"}'))[1:] == (
        "invalid", "Object missing required field `count`: mend that and send it again",
    )  # fmt: skip
    assert error(post(b"count=2"))[:2] == (400, "invalid_json")
    assert error(post(b'{"name": "a", "count": -1}'))[:2] == (409, "too_few")
    assert error(post(b" " * 41))[::2] == (413, "the body is larger than the 40 bytes that /pairs takes")


def test_a_store_that_is_away_is_asked_again_later():
    answer = CLIENT.post("/down")
    assert error(answer) == (503, "unavailable", "the store is away: try again")
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(("sent", "read"), [
    ("/of/a%2Fb", "a/b"), ("/of/a%20b", "a b"), ("/of/%C3%A9", "é"), ("/of/all", "everyone"), ("/of/x%2Ejson", "x.json"),
    ("/of/x.json", '"x"\n'),
])  # fmt: skip
def test_a_name_in_a_path_may_hold_anything(sent, read):
    assert CLIENT.get(sent).text == read


def test_a_defect_is_said_and_kept_in_the_log_and_nothing_else_ends(caplog):
    assert error(CLIENT.get("/broken"))[:2] == (500, "defect")
    assert "GET /broken failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert CLIENT.get("/open").status_code == 200


def test_a_path_that_is_no_text_is_refused():
    assert error(CLIENT.get("/of/%FF"))[:2] == (400, "invalid")


def test_what_is_long_is_compressed_for_who_takes_it():
    answer = CLIENT.get("/large", headers={"accept-encoding": "br"})
    assert answer.headers["content-encoding"] == "br"
    assert int(answer.headers["content-length"]) < 100
    assert answer.text == "x" * 5_000
    assert "content-encoding" not in CLIENT.get("/large", headers={"accept-encoding": "identity"}).headers


def test_every_answer_forbids_what_no_page_of_ours_does():
    for path in ("/open", "/nothing", "/pairs"):
        headers = CLIENT.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_two_routes_of_one_method_and_path_are_a_defect():
    with pytest.raises(AssertionError, match="two routes"):
        hosted([ROUTES[0], ROUTES[0]])
