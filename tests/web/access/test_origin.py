"""Where a request comes from: names of the dashboard, other sites, proxies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.web.access.origin import client_address, foreign, host_name, network
from floorline.web.access.policy import OidcPolicy, WebPolicy, exposure_problem

PUBLIC = "https://margin.example.com"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1:4040", "127.0.0.1"),
        ("LocalHost", "localhost"),
        ("[::1]:4040", "::1"),
        ("margin.example.com.", "margin.example.com"),
        ("evil.example@127.0.0.1", "127.0.0.1"),
        ("", ""),
        ("[::1", ""),
    ],
)
def test_the_name_in_a_host_is_found(host, name):
    assert host_name(host) == name


@given(st.text(alphabet="ab:/[]@.#?%1 é", max_size=12))
def test_no_header_whatever_makes_it_fail(text):
    assert isinstance(host_name(text), str)
    assert foreign({"host": "127.0.0.1", "origin": f"http://{text}x"}, PUBLIC)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:4040"},
        {"host": "127.0.0.1:4040", "sec-fetch-site": "same-origin"},
        {"host": "127.0.0.1:4040", "sec-fetch-site": "none"},
        {"host": "127.0.0.1:4040", "origin": "http://127.0.0.1:4040"},
        {"host": "inside:4040", "origin": PUBLIC},
    ],
)
def test_a_change_of_our_own_page_is_no_others(headers):
    assert foreign(headers, PUBLIC) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:4040", "sec-fetch-site": "cross-site"},
        {"host": "127.0.0.1:4040", "sec-fetch-site": "same-site"},
        {"host": "127.0.0.1:4040", "sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:4040"},
        {"host": "127.0.0.1:4040", "origin": "http://127.0.0.1:3000"},
        {"host": "127.0.0.1:4040", "origin": "https://evil.example"},
        {"host": "127.0.0.1:4040", "origin": "null"},
        {"host": "inside:4040", "origin": "http://margin.example.com"},
        {"origin": "https://evil.example"},
    ],
)
def test_a_change_from_another_site_is_told(headers):
    assert foreign(headers, PUBLIC)


def test_without_a_public_url_no_origin_is_taken_for_it():
    assert foreign({"host": "127.0.0.1:4040", "origin": "null"}, "")
    assert foreign({"host": "", "origin": "null"}, "")


def test_only_what_a_known_proxy_added_says_who_asks():
    assert client_address("203.0.113.7", "10.9.9.9", ()) == "203.0.113.7"
    assert client_address("10.0.0.7", "198.51.100.1, 203.0.113.7", ("10.0.0.7",)) == "203.0.113.7"
    assert client_address("10.0.0.7", "198.51.100.1, 203.0.113.7, 10.0.0.8", ("10.0.0.7", "10.0.0.8")) == "203.0.113.7"
    assert client_address("10.0.0.7", "", ("10.0.0.7",)) == "10.0.0.7"


def test_a_visitor_has_an_address_or_half_of_a_long_one():
    assert network("203.0.113.7") == "203.0.113.7"
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2:ffff::1") != network("2001:db8:1:3::1")


def test_names_of_the_dashboard_are_loopback_what_is_allowed_and_the_public_one():
    policy = WebPolicy(public_url=PUBLIC, allowed_hosts=("inside",))
    assert policy.hosts == {"127.0.0.1", "localhost", "::1", "inside", "margin.example.com"}
    assert policy.secure("margin.example.com")
    assert not policy.secure("127.0.0.1")
    assert not WebPolicy(public_url="http://localhost:4040").secure("localhost")
    assert WebPolicy().hosts == {"127.0.0.1", "localhost", "::1"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_loopback_nobody_needs_an_account(host):
    assert exposure_problem(WebPolicy(), host, accounts=False) == ""


def test_elsewhere_it_listens_only_with_accounts_or_a_provider_and_a_name():
    oidc = OidcPolicy(issuer="https://id.example", client_id="floorline")
    assert "users add" in exposure_problem(WebPolicy(public_url=PUBLIC), "0.0.0.0", accounts=False)
    assert "web.public_url" in exposure_problem(WebPolicy(), "0.0.0.0", accounts=True)
    assert "web.public_url" in exposure_problem(WebPolicy(oidc=oidc), "192.0.2.1", accounts=False)
    assert exposure_problem(WebPolicy(public_url=PUBLIC), "0.0.0.0", accounts=True) == ""
    assert exposure_problem(WebPolicy(public_url=PUBLIC, oidc=oidc), "::", accounts=False) == ""
