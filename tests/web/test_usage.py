"""The usage API: a token opens its own customer's usage for minutes, and nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.jobs.usage_tokens import KNOWN_MAX, LIFETIME, TokenMaker, customer_of, make_token
from floorline.ledger.state import Audited
from floorline.web.api.usage import UsagePages
from tests.support.web import TOKEN as CONTROL
from tests.support.web import hosted

SECRET, OTHER = b"a signing secret of the tests, long", b"another signing secret of the tests"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
NAMES = st.text(min_size=1, max_size=40).filter(
    # A path is read as a path whatever is quoted: `.` and `..` are parts of it, and no names.
    lambda name: name.isprintable() and not any(0xD800 <= ord(c) < 0xE000 for c in name) and name not in {".", ".."}
)
AUDIT: list[Audited] = []
CLIENT = hosted(UsagePages(lambda customer, at: {"customer": customer, "at": at.isoformat()}, lambda: SECRET, AUDIT.append, lambda: NOW).routes())  # fmt: skip


def ask(method, path, token="", body=None):
    headers = {"authorization": f"Bearer {token}".encode()} if token else {}
    return CLIENT.request(method, path, headers=headers, content=json.dumps(body).encode() if body else b"")


def usage(customer, token):
    answer = ask("GET", f"/api/v1/usage/{quote(customer, safe='')}", token)
    assert answer.headers["access-control-allow-origin"] == "*"
    return answer.status_code, answer.json()


@settings(max_examples=40, deadline=None)  # each asks over HTTP, several times
@given(customer=NAMES, other=NAMES, minutes=st.integers(1, 1440))
def test_a_token_opens_its_own_customers_usage_until_it_is_over(customer, other, minutes):
    token = make_token(customer, SECRET, NOW, timedelta(minutes=minutes))
    assert usage(customer, token) == (200, {"customer": customer, "at": NOW.isoformat()})
    assert usage(other, token)[0] == (200 if other == customer else 403)
    end = NOW + timedelta(minutes=minutes)
    assert customer_of(token, SECRET, end - timedelta(seconds=1)) == customer
    assert customer_of(token, SECRET, end) is None
    assert customer_of(token, OTHER, NOW) is None


@given(at=st.integers(0, 10_000), to=st.characters(codec="utf-8"))
def test_a_token_that_was_changed_anywhere_opens_nothing(at, to):
    token = make_token("acme", SECRET, NOW)
    at %= len(token)
    changed = token[:at] + to + token[at + 1 :]
    assert changed == token or customer_of(changed, SECRET, NOW) is None


def test_whoever_writes_a_later_end_or_another_name_into_a_token_is_refused():
    said, _, signature = make_token("acme", SECRET, NOW).partition(".")
    for forged in (["acme", 9_999_999_999], ["globex", int((NOW + LIFETIME).timestamp())]):
        body = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
        assert body != said.removeprefix("flu_")
        assert customer_of(f"flu_{body}.{signature}", SECRET, NOW) is None


@pytest.mark.parametrize(
    "token", ["", "flu_", "flu_.", ".", "flu_e30.", CONTROL, "flu_" + "A" * 10_000 + ".A", "flu_é.ü"]
)
def test_what_is_no_token_is_refused_and_told_where_to_make_one(token):
    status, said = usage("acme", token)
    assert (status, said["error"]["type"]) == (401, "token")
    assert "POST /api/v1/usage-tokens" in said["error"]["message"]


def test_a_token_is_made_for_who_has_the_control_token_alone():
    made = ask("POST", "/api/v1/usage-tokens", CONTROL, {"customer": "a/b", "minutes": 5})
    said = made.json()
    assert (made.status_code, said["customer"], said["expires_at"]) == (201, "a/b", "2026-11-20T09:05:00+00:00")
    assert usage("a/b", said["token"])[0] == 200
    assert Audited(at=NOW, actor="token", action="usage_token.make", subject="a/b", detail="for 5 minutes") in AUDIT
    assert ask("POST", "/api/v1/usage-tokens", said["token"], {"customer": "a/b"}).status_code == 401
    for body in ({"customer": ""}, {"customer": "a", "minutes": 1441}, {"customer": "a", "minutes": 0}, {"user": "a"}):
        assert ask("POST", "/api/v1/usage-tokens", CONTROL, body).status_code == 400


def test_the_audit_keeps_who_made_a_token_for_whom_once_a_day_and_each_that_lives_longer():
    kept: list[Audited] = []
    maker, day = TokenMaker(kept.append, lambda: SECRET), timedelta(days=1)

    def made(by: str, customer: str, minutes: int, at: datetime = NOW) -> None:
        token = maker.make(customer, timedelta(minutes=minutes), by=by, now=at)
        assert customer_of(token, SECRET, at) == customer

    for _ in range(3):
        made("backend", "acme", 15)
    made("backend", "globex", 15)
    made("eve", "acme", 15)
    made("backend", "acme", 600)
    made("backend", "acme", 60)
    made("backend", "acme", 15, NOW + day)
    assert [(one.actor, one.subject, one.detail) for one in kept] == [
        ("backend", "acme", "for 15 minutes"),
        ("backend", "globex", "for 15 minutes"),
        ("eve", "acme", "for 15 minutes"),
        ("backend", "acme", "for 600 minutes"),
        ("backend", "acme", "for 15 minutes"),
    ]


def test_a_customer_that_is_forgotten_among_very_many_is_kept_again_and_never_left_out():
    kept: list[Audited] = []
    maker = TokenMaker(kept.append, lambda: SECRET)
    customers = [f"c{n}" for n in range(KNOWN_MAX)]
    for customer in [*customers, "c0", "c0"]:
        maker.make(customer, LIFETIME, by="backend", now=NOW)
    assert [one.subject for one in kept] == [*customers, "c0"]


def test_pages_of_other_origins_may_ask_and_load_the_element():
    preflight = ask("OPTIONS", "/api/v1/usage/acme")
    assert (preflight.status_code, preflight.headers["access-control-allow-headers"]) == (204, "authorization")
    script = ask("GET", "/widget/usage.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert 'customElements.define("floorline-usage"' in script.text
    for unsafe in ("innerHTML", "eval(", "new Function", "document.write", 'setAttribute("style"', "localStorage"):
        assert unsafe not in script.text


def test_a_customer_is_one_part_of_the_path():
    assert ask("GET", "/api/v1/usage/").status_code == 404
    assert ask("GET", "/api/v1/usage/acme/more").status_code == 404
    assert ask("PUT", "/api/v1/usage/acme").status_code == 405
