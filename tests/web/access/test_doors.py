"""Coming in and leaving over HTTP: cookies and their flags, other sites, names of the dashboard, and where one ends up."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from floorline.web.access.doors import LOGIN, Doors, path_of
from floorline.web.access.entrance import Entrance
from floorline.web.access.gate import Gate
from floorline.web.access.oidc import Provider
from floorline.web.access.policy import OidcPolicy
from floorline.web.access.records import Records
from floorline.web.access.throttle import ACCOUNT, Throttle
from floorline.web.answering import Answering
from floorline.web.app import Site
from floorline.web.assets import Assets
from floorline.web.drawing import Chrome, Drawing
from floorline.web.http import Route, text_page
from tests.support.identity import CLIENT, SECRET, identity
from tests.web.access.conftest import POLICY

ADA, PASSWORD = "ada@example.com", "correct horse battery"
PUBLIC = "https://margin.example.com"
HTML = {"accept": "text/html"}


class House:
    """A dashboard of two pages with its doors. Its clock is the machine's, put forward by `later`."""

    def __init__(self, state, passwords, folder, policy=POLICY, base="http://127.0.0.1:4040"):
        self.later, self.state = timedelta(), state
        self.records = Records.of(state, policy)
        drawing = Drawing(
            Chrome(views=(), assets=Assets(folder), timezone=lambda: "UTC", today=lambda: date(2026, 1, 1), login=LOGIN)
        )
        self.doors = Doors(
            records=self.records,
            entrance=Entrance(self.records, passwords, Throttle()),
            policy=policy,
            provider=Provider(policy.oidc, f"{PUBLIC}/oidc/callback", self.now) if policy.oidc else None,
            draws=drawing,
            now=self.now,
            timezone=lambda: "UTC",
        )
        site = Site(Answering(Gate(state, policy, "c" * 43, self.now), drawing.error))
        site.serve(
            [
                *self.doors.routes(),
                Route(method="GET", path="/", rule="viewer", answer=lambda asked: text_page(200, asked.sure.name)),
                Route(method="POST", path="/decide", rule="editor", answer=lambda _: text_page(200, "decided")),
            ]
        )
        self.site, self.base = site, base

    def now(self):
        return datetime.now(UTC) + self.later

    def browser(self, **headers) -> TestClient:
        return TestClient(self.site, base_url=self.base, headers={**HTML, **headers}, follow_redirects=False)

    def account(self, passwords, role="editor"):
        self.records.people.add(ADA, role, passwords.hash(PASSWORD), self.now())


@pytest.fixture
def house(state, passwords, tmp_path):
    return House(state, passwords, tmp_path)


@pytest.fixture
def ada(house, passwords):
    house.account(passwords)
    browser = house.browser()
    assert login(browser).status_code == 303
    return browser


def login(browser, password=PASSWORD, **fields):
    return browser.post("/login", data={"email": ADA, "password": password, **fields})


def proof(browser) -> str:
    """What the pages of a browser's session hold."""
    return re.search(r'name="csrf" value="([0-9a-f]{64})"', browser.get("/account").text)[1]


def test_who_is_not_known_is_sent_to_log_in_and_comes_back_where_they_wanted(house, passwords):
    house.account(passwords)
    browser = house.browser()
    sent = browser.get("/account?tab=1")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=%2Faccount%3Ftab%3D1")
    page = browser.get(sent.headers["location"])
    assert 'name="next" value="/account?tab=1"' in page.text
    assert login(browser, next="/account?tab=1").headers["location"] == "/account?tab=1"


def test_a_link_lets_its_owner_in_once(house):
    link = f"/enter/{house.records.links.make('enter', house.now())}"
    browser = house.browser()
    assert browser.head(link).status_code == 503
    assert browser.get(link, headers={"sec-purpose": "prefetch;prerender"}).status_code == 503
    entered = browser.get(link)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    cookie = entered.headers["set-cookie"]
    assert re.fullmatch(r"floorline=[\w-]{43}; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax", cookie)
    assert browser.get("/").text == "local owner"
    again = house.browser().get(link)
    assert again.status_code == 403
    assert "floorline dashboard-link" in again.text


def test_a_link_is_too_old_after_a_quarter_of_an_hour(house):
    link = f"/enter/{house.records.links.make('enter', house.now())}"
    house.later = timedelta(minutes=15)
    assert house.browser().get(link).status_code == 403


def test_guessing_links_is_slowed_down_and_does_not_flood_the_audit(house):
    statuses = [house.browser().get(f"/enter/{n}").status_code for n in range(ACCOUNT.attempts + 3)]
    assert statuses == [403] * ACCOUNT.attempts + [429] * 3
    assert len(house.state.audited()) == ACCOUNT.attempts


def test_over_tls_the_cookie_is_secure_and_bound_to_the_host(state, passwords, tmp_path):
    house = House(state, passwords, tmp_path, replace(POLICY, public_url=PUBLIC), base=PUBLIC)
    house.account(passwords)
    browser = house.browser()
    cookie = login(browser).headers["set-cookie"]
    assert re.fullmatch(r"__Host-floorline=[\w-]{43}; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax; Secure", cookie)
    assert browser.get("/").text == ADA
    left = browser.post("/logout", data={"csrf": proof(browser)})
    assert left.headers["set-cookie"].startswith("__Host-floorline=; Path=/; Max-Age=0")


def test_a_login_begins_another_session_and_ends_the_one_before(house, ada):
    before = ada.cookies["floorline"]
    assert login(ada, csrf=proof(ada)).status_code == 303
    assert ada.cookies["floorline"] != before
    assert house.browser(cookie=f"floorline={before}").get("/").status_code == 303
    assert len(house.records.sessions.all(house.now())) == 1


def test_a_session_that_somebody_planted_is_not_taken_over(house, passwords):
    house.account(passwords)
    browser = house.browser(cookie="floorline=planted-by-somebody")
    assert "planted" not in login(browser).headers["set-cookie"]


def test_a_wrong_password_shows_the_form_again_and_never_the_password(house, passwords):
    house.account(passwords)
    for email in (ADA, "nobody@example.com"):
        page = house.browser().post("/login", data={"email": email, "password": "not this one, no"})
        assert page.status_code == 401
        assert "The e-mail address or the password is wrong." in page.text
        assert f'value="{email}"' in page.text
        assert "not this one" not in page.text


def test_too_many_attempts_are_told_when_to_come_back(house, passwords):
    house.account(passwords)
    for _ in range(ACCOUNT.attempts):
        login(house.browser(), "wrong")
    page = login(house.browser())
    assert page.status_code == 429
    assert 0 < int(page.headers["retry-after"]) <= 60


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
def test_another_sites_form_logs_nobody_in(house, passwords, headers):
    house.account(passwords)
    refused = house.browser(**headers).post("/login", data={"email": ADA, "password": PASSWORD})
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers


def test_a_name_that_is_none_of_ours_is_refused_before_all_else(house):
    for path in ("/", "/login", "/enter/x", "/account"):
        assert house.browser(host="evil.example").get(path).status_code == 421
    assert house.browser(host="control:4040", authorization=f"Bearer {'c' * 43}").get("/").text == "control token"


def test_under_a_name_that_is_none_of_ours_nobody_logs_in_whatever_is_sent_along(house, passwords):
    house.account(passwords)
    browser = house.browser(host="evil.example", authorization="Bearer of nobody")
    assert login(browser).status_code == 421


def test_what_a_proxy_adds_in_a_line_of_its_own_is_what_counts(state, passwords, tmp_path):
    house = House(state, passwords, tmp_path, replace(POLICY, proxies=("testclient",)))
    house.account(passwords)
    for last in ("203.0.113.7", "203.0.113.8"):
        forwarded = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", last), *HTML.items()]
        TestClient(house.site, base_url=house.base).post(
            "/login", data={"email": ADA, "password": PASSWORD}, headers=forwarded, follow_redirects=False
        )
    assert {one.address for one in house.records.sessions.all(house.now()).values()} == {"203.0.113.7", "203.0.113.8"}


def test_a_change_needs_the_pages_proof_and_no_other_site(ada):
    csrf = proof(ada)
    assert ada.post("/decide", data={"csrf": csrf}).text == "decided"
    for refused in (
        ada.post("/decide", data={"why": "not"}),
        ada.post("/decide", data={"csrf": "0" * 64}),
        ada.post("/decide", data={"csrf": csrf}, headers={"sec-fetch-site": "cross-site"}),
        ada.post("/decide", data={"csrf": csrf}, headers={"origin": "https://evil.example"}),
    ):
        assert refused.status_code == 403


def test_who_leaves_is_out_everywhere_that_the_cookie_went(house, ada):
    held = ada.cookies["floorline"]
    left = ada.post("/logout", data={"csrf": proof(ada)})
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert house.browser(cookie=f"floorline={held}").get("/").status_code == 303


def test_a_session_is_over_when_nobody_uses_it(house, ada):
    assert ada.get("/").status_code == 200
    house.later = POLICY.idle
    assert ada.get("/").headers["location"].startswith("/login")


def test_somebody_sees_and_ends_their_own_sessions_and_no_others(house, passwords, ada):
    elsewhere = house.browser(**{"user-agent": "Lynx"})
    login(elsewhere)
    house.records.people.add("bob@example.com", "admin", passwords.hash(PASSWORD), house.now())
    bob = house.browser()
    bob.post("/login", data={"email": "bob@example.com", "password": PASSWORD})
    assert "Lynx" in ada.get("/account").text
    bobs = next(id_ for id_, one in house.records.sessions.all(house.now()).items() if one.user != ADA)
    assert ada.post(f"/account/sessions/{bobs[:12]}/end", data={"csrf": proof(ada)}).status_code == 404
    assert ada.post("/account/sessions/others/end", data={"csrf": proof(ada)}).headers["location"] == "/account"
    assert elsewhere.get("/").status_code == 303
    assert ada.get("/").status_code == bob.get("/").status_code == 200


def test_another_password_ends_the_other_sessions(house, ada):
    elsewhere = house.browser()
    login(elsewhere)
    new = {"password": PASSWORD, "new": "a longer new one", "new_again": "a longer new one"}
    for wrong in ({"new_again": "another one here"}, {"password": "wrong"}, {"new": "short", "new_again": "short"}):
        refused = ada.post("/account/password", data={**new, **wrong, "csrf": proof(ada)})
        assert refused.status_code == 401
        assert 'class="notice wrong"' in refused.text
    assert ada.post("/account/password", data={**new, "csrf": proof(ada)}).headers["location"] == "/account"
    assert ada.get("/").text == ADA
    assert elsewhere.get("/").status_code == 303


def test_an_invited_person_chooses_a_password_and_is_in(house):
    house.records.people.add(ADA, "viewer", "", house.now())
    path = f"/invitation/{house.records.links.make('invitation', house.now(), user=ADA)}"
    browser = house.browser()
    assert ADA in browser.get(path).text
    refused = browser.post(path, data={"new": "short", "new_again": "short"})
    assert (refused.status_code, "at least 12" in refused.text) == (400, True)
    assert browser.post(path, data={"new": PASSWORD, "new_again": PASSWORD}).headers["location"] == "/"
    assert browser.get("/").text == ADA
    assert house.browser().get(path).status_code == 403


def test_the_login_page_offers_what_there_is(house, passwords):
    page = house.browser().get("/login").text
    assert "floorline dashboard-link" in page
    assert 'name="password"' not in page
    house.account(passwords)
    assert 'name="password"' in house.browser().get("/login").text
    assert house.browser().get("/oidc/start").status_code == 404


@pytest.fixture(scope="module")
def keys():
    return [RSAKey.generate_key(2048, {"kid": "first"})]


@pytest.fixture
def idp(keys):
    with identity(keys) as provider:
        provider.claims = {"sub": "0815", "email": ADA, "email_verified": True, "groups": ["finance"]}
        yield provider


@pytest.fixture
def with_provider(idp, state, passwords, tmp_path):
    oidc = OidcPolicy(
        issuer=idp.issuer, client_id=CLIENT, client_secret=SECRET, role_claim="groups", roles={"finance": "editor"}
    )
    return House(state, passwords, tmp_path, replace(POLICY, public_url=PUBLIC, oidc=oidc), base=PUBLIC)


def to_provider_and_back(browser, start="/oidc/start") -> str:
    sent = browser.get(start)
    assert sent.status_code == 303
    back = httpx2.get(sent.headers["location"], trust_env=False).headers["location"]
    return back.removeprefix(PUBLIC)


def test_the_identity_provider_lets_somebody_in(with_provider):
    browser = with_provider.browser()
    assert "Log in with 127.0.0.1" in browser.get("/login").text
    came = browser.get(to_provider_and_back(browser, "/oidc/start?next=/account"))
    assert (came.status_code, came.headers["location"]) == (303, "/account")
    session, login_cookie = came.headers.get_list("set-cookie")
    assert session.startswith("__Host-floorline=")
    assert login_cookie.startswith("__Host-floorline_login=; Path=/; Max-Age=0")
    assert browser.get("/").text == ADA
    assert browser.post("/decide", data={"csrf": proof(browser)}).text == "decided"


def test_an_answer_that_another_browser_began_lets_nobody_in(with_provider):
    back = to_provider_and_back(with_provider.browser())
    assert with_provider.browser().get(back).status_code == 403
    victim = with_provider.browser()
    victim.get("/oidc/start")
    assert victim.get(back).status_code == 403
    assert "__Host-floorline" not in victim.cookies


def test_an_answer_is_worth_something_once(with_provider):
    browser = with_provider.browser()
    back = to_provider_and_back(browser)
    held = browser.cookies["__Host-floorline_login"]
    assert browser.get(back).status_code == 303
    assert with_provider.browser(cookie=f"__Host-floorline_login={held}").get(back).status_code == 403


def test_whom_the_provider_gives_no_role_is_told_so(with_provider, idp):
    idp.claims["groups"] = ["others"]
    browser = with_provider.browser()
    refused = browser.get(to_provider_and_back(browser))
    assert refused.status_code == 403
    assert "gives no role here" in refused.text
    assert with_provider.state.audited()[-1].action == "login.failed"


def test_who_is_disabled_here_stays_out_by_the_provider_too(with_provider, passwords):
    with_provider.account(passwords)
    with_provider.records.people.disable(ADA, with_provider.now())
    browser = with_provider.browser()
    assert browser.get(to_provider_and_back(browser)).status_code == 403


def test_a_provider_that_is_away_is_no_defect(with_provider, idp):
    idp.issuer_said = "https://elsewhere.example"
    assert with_provider.browser().get("/oidc/start").status_code == 503


@pytest.mark.parametrize("path", ["/", "/features?from=2026-01-01", "/calls/a%2Fb", "/x?next=https://evil.example"])
def test_a_path_of_ours_is_where_somebody_wanted_to_go(path):
    assert path_of(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nset-cookie: a=b", "/é", "/ a", "javascript:1",
     "/login", "/login?next=/", "/enter/x", "/oidc/start", "/x\\y", f"/{'x' * 3000}"],
)  # fmt: skip
def test_anything_else_is_not(path):
    assert path_of(path) == "/"
