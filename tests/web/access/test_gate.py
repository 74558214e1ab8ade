"""Who a request is of: tokens, cookies, names of the dashboard; and which changes are another site's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from floorline.web.access.gate import Gate
from floorline.web.access.policy import WebPolicy
from floorline.web.access.records import Records
from floorline.web.access.sessions import Session
from floorline.web.who import ROLES, Who
from tests.web.access.conftest import NOW, POLICY

ADA = "ada@example.com"
CONTROL_TOKEN = "c" * 43
HERE = {"host": "127.0.0.1:4040"}


@pytest.fixture
def gate(state) -> Gate:
    return Gate(state, POLICY, CONTROL_TOKEN, lambda: NOW)


def session(records: Records, kind="account", user=ADA, role="viewer") -> str:
    return records.sessions.begin(Session(user=user, kind=kind, role=role, begun_at=NOW, seen_at=NOW))


def with_cookie(text: str, **headers: str) -> dict[str, str]:
    return {**HERE, "cookie": f"theme=dark; floorline={text}", **headers}


def bearer(text: str) -> dict[str, str]:
    return {**HERE, "authorization": f"Bearer {text}"}


def test_each_role_may_what_those_before_it_may():
    assert [[Who(name="a", role=role).may(rule) for rule in ROLES] for role in ROLES] == [
        [True, False, False], [True, True, False], [True, True, True],
    ]  # fmt: skip


def test_whoever_shows_nothing_is_nobody(gate):
    for headers in ({}, HERE, with_cookie(""), with_cookie("x"), bearer(""), bearer("x"), bearer("flt_x"), bearer("é")):
        assert gate.identify(headers) is None


def test_the_control_token_is_an_admins_and_needs_no_name_of_ours(gate):
    assert gate.identify(bearer(CONTROL_TOKEN)) == Who(name="control token", role="admin")
    assert gate.identify({"host": "control:4040", "authorization": f"bearer {CONTROL_TOKEN}"})


def test_a_tokens_scope_is_its_role(gate, records):
    for scope, role in (("read", "viewer"), ("write", "editor"), ("admin", "admin")):
        issued = records.tokens.create(f"of {scope}", scope, None, by="ada", now=NOW)
        assert gate.identify(bearer(issued.text)) == Who(name=f"token of {scope}", role=role)
        records.tokens.revoke(issued.id, NOW)
        assert gate.identify(bearer(issued.text)) is None


def test_a_bad_token_is_nobodys_whatever_the_cookie(gate, records):
    records.people.add(ADA, "editor", "hash", NOW)
    cookie = with_cookie(session(records))
    assert gate.identify({**cookie, "authorization": "Bearer stale"}) is None
    assert gate.identify({**cookie, "authorization": "Basic of-a-proxy"})


def test_an_account_has_the_role_that_it_has_now(gate, records, state):
    records.people.add(ADA, "editor", "hash", NOW)
    headers = with_cookie(session(records, role="viewer"))
    who = gate.identify(headers)
    assert (who.name, who.role) == (ADA, "editor")
    assert len(who.csrf) == 64
    state.put_document("web.account", ADA, None, revision=1, now=NOW)
    assert gate.identify(headers) is None


def test_who_has_no_account_here_has_the_role_of_the_login(gate, records):
    assert gate.identify(with_cookie(session(records, "link", "local owner", "admin"))).role == "admin"
    assert gate.identify(with_cookie(session(records, "oidc", ADA, "editor"))).role == "editor"


def test_a_cookie_counts_under_a_name_of_ours_alone(gate, records):
    cookie = with_cookie(session(records, "link", "local owner", "admin"))
    for host in ("127.0.0.1", "localhost:4040", "[::1]:4040"):
        assert gate.knows_host(host)
        assert gate.identify({**cookie, "host": host})
    for host in ("evil.example", "127.0.0.1.evil.example", "", "127.0.0.2"):
        assert not gate.knows_host(host)
        assert gate.identify({**cookie, "host": host}) is None


def test_over_tls_only_the_cookie_of_this_host_counts(records, state):
    gate = Gate(state, replace(POLICY, public_url="https://margin.example.com"), CONTROL_TOKEN, lambda: NOW)
    text = session(records, "link", "local owner", "admin")
    public = {"host": "margin.example.com"}
    assert gate.identify({**public, "cookie": f"floorline={text}"}) is None
    assert gate.identify({**public, "cookie": f"__Host-floorline={text}"})
    assert gate.identify({**HERE, "cookie": f"floorline={text}"})


def test_a_session_that_is_over_is_nobodys(records, state):
    gate = Gate(state, POLICY, CONTROL_TOKEN, lambda: NOW + timedelta(hours=2))
    headers = with_cookie(session(records, "link", "local owner", "admin"))
    assert gate.identify(headers) is None
    gate.load(WebPolicy())
    assert gate.identify(headers)


def test_a_change_by_cookie_needs_the_pages_own_proof(gate, records):
    headers = with_cookie(session(records, "link", "local owner", "admin"))
    who, other = gate.identify(headers), gate.identify(with_cookie(session(records, "link", "local owner", "admin")))
    assert gate.forged(who, headers, who.csrf) == ""
    assert gate.forged(who, {**headers, "sec-fetch-site": "same-origin"}, who.csrf) == ""
    for presented in ("", other.csrf, who.csrf[:-1], "é"):
        assert "another session" in gate.forged(who, headers, presented)
    assert "another site" in gate.forged(who, {**headers, "sec-fetch-site": "cross-site"}, who.csrf)
    assert "evil.example" in gate.forged(who, {**headers, "origin": "https://evil.example"}, who.csrf)


def test_a_change_by_token_needs_none(gate):
    assert gate.forged(Who(name="token ci", role="editor"), {"origin": "https://evil.example"}, "") == ""
