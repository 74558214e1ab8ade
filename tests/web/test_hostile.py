"""The dashboard before somebody who means it ill: names that are markup, paths that are tricks, bodies that never end."""

import asyncio
import html
import re
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser

import msgspec
import pytest

from floorline.errors import Changed, Missing
from floorline.web.answering import Answering
from floorline.web.app import LISTENERS_EACH_MAX, Site
from floorline.web.blocks import Column, Table
from floorline.web.http import Asked, Page, Route, Stream, error_page
from floorline.web.pages import ACTIONS, VIEWS
from floorline.web.parquet import parquet_bytes
from floorline.web.serving import Listener
from floorline.web.tables import csv_text
from tests.support.dashboard import client_of, dashboard_of
from tests.support.odd import HOSTILE, MARCH, MARKUP, SCRIPT, quoted
from tests.support.web import KNOWN, ByToken, hosted

HTML = {"accept": "text/html"}
NAME = re.compile(r"{(\w+)}")


@pytest.fixture(scope="module")
def client(odd):
    return client_of(odd, "admin")


def address_of(view, name: str) -> str:
    path = NAME.sub(lambda _: quoted(name), view.path)
    return f"{path}?{MARCH}" if hasattr(view.params, "window") else path


class Harmless(HTMLParser):
    """Fails where a name became markup, an address leads elsewhere, or the policy would forbid what is there."""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert tag not in {"i", "iframe"}, "a name is markup"
        assert tag != "script" or "src" in given or given["type"] == "application/json"
        assert not [name for name in given if name == "style" or name.startswith("on")], (tag, given)
        for name in ("href", "action", "src"):
            assert re.match(r"#|/(?![/\\])", given.get(name) or "#"), (tag, given)


def test_no_page_takes_a_name_for_markup_or_leads_elsewhere(client):
    answered = Counter()
    for view in VIEWS:
        for name in (SCRIPT, MARKUP) if "{" in view.path else ("",):
            answer = client.get(address_of(view, name), headers=HTML)
            answered[answer.status_code] += 1
            assert answer.status_code in {200, 404}, (view.path, name, answer.text[:300])
            Harmless().feed(answer.text)
    assert answered[200] > 30


def test_whatever_a_name_holds_its_link_leads_to_its_page(client):
    for kind in ("features", "customers"):
        text = client.get(f"/{kind}?{MARCH}", headers=HTML).text
        for name in HOSTILE:
            assert f"/{kind}/{quoted(name)}" in html.unescape(text), (kind, name)
    for name in ("..", "\\evil", "日本語 🦊\u202e\u2028"):
        told = client.get(f"/customers/{quoted(name)}.json?{MARCH}")
        assert told.json()["title"] == name, told.text[:300]


def test_what_is_not_there_is_a_page_that_says_so(client):
    for view in VIEWS:
        if "{" in view.path:
            answer = client.get(address_of(view, "a\x00/../%00"), headers=HTML)
            assert answer.status_code in {400, 404}, (view.path, answer.status_code)
            assert "<h1>" in answer.text


def body_of(type_: type[msgspec.Struct]) -> dict:
    """A body that has what it must."""
    made = {"str": "a word", "date": "2026-03-01", "datetime": "2026-03-01T00:00:00Z"}
    schema = msgspec.json.schema(type_)
    (of,) = [one for one in schema["$defs"].values() if one.get("title") == type_.__name__]
    return {
        name: of["properties"][name].get("enum", [None])[0] or made.get(of["properties"][name].get("format", ""), "a word")
        for name in of.get("required", [])
    }  # fmt: skip


def test_what_is_not_there_cannot_be_decided_about(client):
    for action in ACTIONS:
        if "{" in action.path:
            path = NAME.sub(quoted(SCRIPT), action.path)
            answer = client.post(f"/api/v1{path}", json=body_of(action.body))
            assert answer.status_code in {400, 404, 409}, (action.path, answer.status_code, answer.text[:300])


@pytest.mark.parametrize("path", [
    "/users", "/users.json", "/users%2Ejson", "/%75sers", "/users/", "/users.csv", "/api/v1/users", "/api/v1//users",
    "/features/../users", "/features/%2E%2E/users", "/features/..%2Fusers", "/features%2F..%2Fusers", "/users;a=b", "/USERS",
    "/audit.json", "/tokens.json", "/users%00", "/users%0a",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_way_of_writing_a_path_shows_a_viewer_what_is_an_admins(odd, path, method):
    answer = client_of(odd, "viewer").request(method, path)
    assert answer.status_code in {403, 404}, answer.text[:300]


@pytest.mark.parametrize("amount", ["1e999999999", "-1e999999999", "1e-999999999", "0e999999999", "NaN", "Infinity"])
def test_a_number_of_a_gigabyte_is_refused(client, amount):
    for query in (f"/calls?cost_min={amount}", f"/customers?pays_from={amount}", f"/customers?keeps_to={amount}"):
        answer = client.get(query, headers=HTML)
        assert answer.status_code == 400, query
        assert len(answer.text) < 10_000


@pytest.mark.parametrize("address", [
    "/month?month=0001-01", "/month?month=9999-12", "/month?month=1970-00", "/features?from=0001-01-01", "/features?to=9999-12-31",
    "/calls?since=0001-01-01T00:00:00%2B14:00", "/features?days=1101", "/features?from=2026-03-02&to=2026-03-01",
    "/features?against=2026-03-01..0001-01-01", "/features?page=features.0", "/features?sort=features.-nothing",
])  # fmt: skip
def test_what_no_page_can_show_is_refused_with_a_word(client, address):
    answer = client.get(address, headers=HTML)
    assert answer.status_code == 400, answer.text[:300]
    assert "<h1>That cannot be read</h1>" in answer.text


def test_a_file_of_names_is_no_formula_and_no_row_of_another():
    columns = (Column(name="name", title="Name"), Column(name="share", title="Share", unit="percent"))
    names = ["a\r=1+1", "\r\n=1", "=1", "a,b", 'a"b']
    table = Table(name="t", columns=columns, rows=[{"name": name, "share": Decimal(1)} for name in names], empty="")
    assert '"a\r=1+1","1"\n' in csv_text(table)
    rows = re.sub(r'"(?:[^"]|"")*"', "", csv_text(table))
    assert "\r" not in rows
    assert not re.search(r"(?m)^[=+@-]", rows)


def test_a_ratio_of_next_to_nothing_fits_a_file():
    column = Column(name="share", title="Share", unit="percent")
    row = {"share": Decimal("-90000000000000000000.123456789012")}
    assert parquet_bytes(Table(name="t", columns=[column], rows=[row], empty="")).startswith(b"PAR1")


def breaking(_asked: Asked) -> Page:
    raise RuntimeError("the password is hunter2")


def missing(_asked: Asked) -> Page:
    raise Missing("there is no such thing")


def changed(_asked: Asked) -> Page:
    raise Changed("it is another by now")


@pytest.mark.parametrize(("answer", "status", "kind"), [
    (breaking, 500, "defect"), (missing, 404, "not_found"), (changed, 409, "changed"),
])  # fmt: skip
def test_a_defect_is_an_answer_that_tells_nothing_of_itself(answer, status, kind):
    told = hosted([Route(method="GET", path="/x", rule="open", answer=answer)]).get("/x")
    assert (told.status_code, told.json()["error"]["type"]) == (status, kind)
    assert "hunter2" not in told.text
    assert "default-src 'none'" in told.headers["content-security-policy"]
    assert told.headers["cache-control"] == "no-store"


async def ticking(_asked):
    for _ in range(3):
        yield "data: tick\n\n"
        await asyncio.sleep(0)


def test_a_stream_is_listened_to_and_nothing_else():
    client = hosted([], [Stream(path="/ticks", rule="viewer", events=ticking)])
    assert client.get("/ticks", headers=KNOWN).text.count("tick") == 3
    for method in ("HEAD", "POST", "OPTIONS"):
        answer = client.request(method, "/ticks", headers=KNOWN)
        assert answer.status_code == 405
        assert "content-security-policy" in answer.headers


async def waiting(_asked):
    await asyncio.sleep(60)
    yield "data: late\n\n"


def listening() -> tuple[Site, dict]:
    """A site with a stream that says nothing, and how one reader asks it."""
    site = Site(Answering(ByToken(), lambda refused, _: error_page(refused)))
    site.serve([], [Stream(path="/ticks", rule="viewer", events=waiting)])
    headers = [(b"host", b"testserver"), *((name.encode(), value.encode()) for name, value in KNOWN.items())]
    return site, {
        "type": "http", "method": "GET", "path": "/ticks", "raw_path": b"/ticks", "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("testserver", 80), "scheme": "http", "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip


def test_nobody_takes_the_places_of_all_who_would_listen():
    async def ask() -> list[int]:
        site, scope = listening()
        statuses: list[int] = []
        full = asyncio.Event()

        async def receive():
            await asyncio.sleep(60)

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                if len(statuses) == LISTENERS_EACH_MAX:
                    full.set()

        asking = [asyncio.create_task(site(dict(scope), receive, send)) for _ in range(LISTENERS_EACH_MAX)]
        await full.wait()
        await site(dict(scope), receive, send)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        return statuses

    assert Counter(asyncio.run(ask())) == {200: LISTENERS_EACH_MAX, 503: 1}


def test_whoever_sends_headers_a_byte_at_a_time_is_left():
    async def ask() -> tuple[bytes, bytes]:
        site = Site(Answering(ByToken(), lambda refused, _: error_page(refused)))
        site.serve([])
        listener = Listener(site, head_s=0.2)
        host, port = await listener.listen("127.0.0.1", 0)
        try:
            reader, slow = await asyncio.open_connection(host, port)
            quick, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            answered = await quick.read()
            for byte in b"GET / HTTP/1.1\r\nx: ":
                slow.write(bytes([byte]))
                await asyncio.sleep(0.02)
            try:
                left = await asyncio.wait_for(reader.read(), 5)
            except ConnectionError:
                left = b""
            slow.close()
            writer.close()
        finally:
            await listener.close()
        return left, answered

    left, answered = asyncio.run(ask())
    assert left == b""
    assert answered.startswith(b"HTTP/1.1 404")


def test_who_declared_a_baseline_is_who_asked(ledger):
    declared = {"feature": "chat", "model": "small", "from": "2026-03-01"}
    answer = client_of(dashboard_of(ledger), "editor").post("/api/v1/baselines", json=declared)
    assert answer.json()["declared_by"] == "the editor"
    (kept,) = [one for one in ledger.state.audited() if one.action == "baseline.declare"]
    assert (kept.actor, kept.subject) == ("the editor", "declared/chat////2026-03-01")
