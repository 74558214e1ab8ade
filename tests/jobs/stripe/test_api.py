"""Stripe's API over real sockets: pauses where it asks for them, errors in words, the key for its own host alone."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from floorline.errors import BadInput
from floorline.jobs.stripe.api import TRIES, StripeApi, StripeDown, StripeMissing
from floorline.sandbox.stripe_api import KEY, StripeSandbox
from tests.ingest.stripe_objects import FEB, customer, invoice, line


@pytest.fixture(scope="module")
def sandbox():
    made = StripeSandbox()
    made.put(customer(), "customer.created", at=FEB)
    for number in range(7):
        made.put(invoice(line(f"il_{number}"), name=f"in_{number}"), "invoice.paid", at=FEB + number)
    with made.serve() as url:
        yield made, url


@pytest.fixture
def slept():
    return []


@pytest.fixture
def stripe(sandbox):
    sandbox[0].busy = 0
    return sandbox[0]


@pytest.fixture
def api(sandbox, slept):
    return StripeApi(KEY, sandbox[1], sleep=slept.append)


@contextmanager
def answering(status: int, body: bytes, **headers: str):
    """A server that answers everything with this; yields its URL and the paths that were asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("authorization")))
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_object_a_list_of_pages_and_the_clock_of_the_answer(api):
    assert api.get("/v1/invoices/in_3")["lines"]["data"][0]["amount"] == 3_100
    assert api.said_at == FEB + 6
    pages = list(api.pages("/v1/invoices", {"limit": 3}))
    assert [[one["id"] for one in page] for page in pages] == [
        ["in_6", "in_5", "in_4"],
        ["in_3", "in_2", "in_1"],
        ["in_0"],
    ]
    assert [one["type"] for one in api.all("/v1/events", {"types[]": ["customer.created"]})] == ["customer.created"]
    assert api.all("/v1/invoices", {"created[gte]": FEB + 7}) == []


def test_too_many_requests_are_tried_again_after_as_long_as_stripe_says(api, stripe, slept):
    stripe.busy = 2
    assert api.get("/v1/customers/cus_1")["name"] == "Acme Inc"
    assert slept == [1, 1]
    stripe.busy = TRIES
    with pytest.raises(StripeDown, match=r"429 to /v1/customers/cus_1 after 6 tries: Too many requests"):
        api.get("/v1/customers/cus_1")


def test_what_is_not_there_and_a_key_that_is_not_taken(api, sandbox):
    with pytest.raises(StripeMissing, match="Stripe has no /v1/invoices/in_none"):
        api.get("/v1/invoices/in_none")
    with pytest.raises(BadInput, match="does not take the key") as refused:
        StripeApi("sk_other", sandbox[1]).get("/v1/events")
    assert "sk_other" not in str(refused.value)


def test_nobody_who_answers_is_tried_again_with_pauses_that_grow(slept):
    with pytest.raises(StripeDown, match="does not answer"):
        StripeApi(KEY, "http://127.0.0.1:1", sleep=slept.append).get("/v1/events")
    assert slept == [1, 2, 4, 8, 16]


def test_a_redirect_is_not_followed():
    with answering(302, b"", location="http://127.0.0.1:1/elsewhere") as (url, asked):
        with pytest.raises(BadInput, match="302"):
            StripeApi(KEY, url).get("/v1/events")
        assert asked == [("/v1/events", f"Bearer {KEY}")]


def test_what_is_no_json_is_not_stripes():
    with answering(200, b"<html>") as (url, _), pytest.raises(StripeDown, match="not JSON"):
        StripeApi(KEY, url, sleep=lambda _: None).get("/v1/events")
