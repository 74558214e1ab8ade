"""The pages of users, tokens and the audit: what they show, what an admin does there, and that nobody locks themselves out."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from floorline.ledger.state import Audited
from floorline.margin.policy import Policies
from floorline.web.access.sessions import Session
from floorline.web.answering import Answering
from floorline.web.app import Site
from floorline.web.assets import Assets
from floorline.web.desk import Desk
from floorline.web.drawing import Chrome, Drawing
from floorline.web.faces import Faces
from floorline.web.pages import audit, tokens, users
from tests.support.dashboard import Somebody, as_role
from tests.web.access.conftest import POLICY

ADA, BOB = "ada@example.com", "bob.b+1@example.com"
HTML = {"accept": "text/html"}


class Books:
    """What these pages read of a ledger."""

    timezone = "UTC"

    def __init__(self, state):
        self.state = state


@pytest.fixture
def site(state, tmp_path):
    """These pages alone."""
    views, actions = (*users.VIEWS, *tokens.VIEWS, *audit.VIEWS), (*users.ACTIONS, *tokens.ACTIONS)
    chrome = Chrome(views=views, assets=Assets(tmp_path), timezone=lambda: "UTC", today=lambda: date(2026, 1, 1))
    drawing = Drawing(chrome)
    faces = Faces(
        desk=Desk(ledger=Books(state), policies=Policies(), now=now, web=POLICY),
        draws=drawing,
        build=lambda view, desk, params: view.build(desk, params),
        changed=lambda: None,
    )
    site = Site(Answering(Somebody(), drawing.error))
    site.serve(
        [route for one in views for route in faces.of_view(one)]
        + [route for one in actions for route in faces.of_action(one)]
    )
    return site


@pytest.fixture
def client(site):
    return TestClient(site, headers=as_role("admin"), follow_redirects=False)


def now():
    return datetime.now(UTC)


def table(client, page, name):
    return next(one for one in client.get(f"{page}.json").json()["blocks"] if one["name"] == name)["rows"]


def form(client, path, **fields):
    return client.post(path, data={"csrf": "proof", **fields}, headers=HTML)


def done(state):
    return [(one.actor, one.action, one.subject, one.detail) for one in state.audited()]


def test_an_admin_invites_somebody_with_a_link_that_is_shown_once(client, records, state):
    page = form(client, "/users", email=f" {BOB} ", role="editor")
    (secret,) = re.findall(r"/invitation/([\w-]{43})", page.text)
    assert page.headers["cache-control"] == "no-store"
    assert records.links.look(secret, "invitation", now()).user == BOB
    assert [(one["email"], one["role"], one["state"]) for one in table(client, "/users", "users")] == [
        (BOB, "editor", "invited")
    ]
    assert secret not in client.get("/users", headers=HTML).text
    assert done(state) == [("the admin", "user.add", BOB, "editor")]
    again = client.post("/api/v1/users", json={"email": BOB})
    assert (again.status_code, "has an account already" in again.text) == (400, True)
    assert client.post("/api/v1/users", json={"email": "no address"}).status_code == 400


def test_an_account_is_changed_on_its_own_page(client, records, state):
    records.people.add(BOB, "viewer", "hash", now())
    path = "/users/bob%2Eb%2B1%40example%2Ecom"
    assert client.get(path, headers=HTML).status_code == 200
    for verb, fields, standing, role in (
        ("role", {"role": "admin"}, "good", "admin"),
        ("disable", {}, "disabled", "admin"),
        ("enable", {}, "good", "admin"),
    ):
        assert form(client, f"{path}/{verb}", **fields).status_code == 303
        account = records.people.get(BOB)
        assert (account.standing, account.role) == (standing, role)
    assert "/invitation/" in form(client, f"{path}/invite").text
    assert form(client, f"{path}/remove").headers["location"] == "/users"
    assert records.people.get(BOB) is None
    assert [action for _, action, subject, _ in done(state) if subject == BOB] == [
        "user.role", "user.disable", "user.enable", "user.invite", "user.remove",
    ]  # fmt: skip
    assert client.get(path).status_code == form(client, f"{path}/disable").status_code == 404


@pytest.mark.parametrize("verb", ["role", "disable", "remove"])
def test_nobody_shuts_the_door_behind_themselves(client, records, verb):
    records.people.add("the admin", "admin", "hash", now())
    answer = form(client, f"/users/the%20admin/{verb}", **({"role": "viewer"} if verb == "role" else {}))
    assert answer.status_code == 409
    assert records.people.get("the admin").standing == "good"


def test_an_admin_sees_every_session_and_ends_one(client, records, state):
    for user in (ADA, BOB):
        records.sessions.begin(
            Session(user=user, kind="account", role="viewer", begun_at=now(), seen_at=now(), agent="curl/8.5.0")
        )
    rows = table(client, "/users", "sessions")
    assert {row["user"] for row in rows} == {ADA, BOB}
    bobs = next(row["id"] for row in rows if row["user"] == BOB)
    assert form(client, f"/sessions/{bobs}/end").status_code == 303
    assert [row["user"] for row in table(client, "/users", "sessions")] == [ADA]
    assert form(client, f"/sessions/{bobs}/end").status_code == 404
    assert done(state) == [("the admin", "session.revoke", BOB, bobs)]


def test_a_token_is_made_shown_once_and_taken_back(client, records, state):
    page = form(client, "/tokens", name="ci", scope="write", expires_days="30")
    (text,) = re.findall(r"flt_[\w-]{55}", page.text)
    token = records.tokens.find(text, now())
    assert (token.name, token.scope, token.created_by) == ("ci", "write", "the admin")
    assert timedelta(days=29) < token.expires_at - now() < timedelta(days=31)
    (row,) = table(client, "/tokens", "tokens")
    assert text not in client.get("/tokens", headers=HTML).text
    assert form(client, f"/tokens/{row['id']}/revoke").status_code == 303
    assert records.tokens.find(text, now()) is None
    assert [(row["state"], row["good"]) for row in table(client, "/tokens", "tokens")] == [("revoked", None)]
    assert [action for _, action, _, _ in done(state)] == ["token.create", "token.revoke"]
    assert form(client, f"/tokens/{'0' * 12}/revoke").status_code == 404


def test_a_token_of_the_api_may_live_for_ever(client, records):
    made = client.post("/api/v1/tokens", json={"name": "monitoring"})
    assert (made.status_code, made.json()["expires_at"]) == (201, None)
    assert records.tokens.find(made.json()["token"], now()).scope == "read"


def test_the_audit_is_shown_latest_first_by_page_actor_and_action(client, state):
    at = datetime(2026, 11, 1, tzinfo=UTC)
    for n in range(130):
        actor = ADA if n % 2 else BOB
        state.audit(Audited(at=at + timedelta(minutes=n), actor=actor, action="login", subject=f"{n}"))
    state.audit(Audited(at=at, actor=ADA, action="user.add", subject=BOB, detail="<script>"))
    first = client.get("/audit", headers=HTML)
    assert "&lt;script&gt;" in first.text
    rows = table(client, "/audit", "audit")
    assert [row["subject"] for row in rows[:3]] == [BOB, "129", "128"]
    assert len(rows) == 100
    more = re.search(r'rel="next" href="([^"]+)"', first.text)[1]
    assert [row["subject"] for row in table_of(client, more)][-1] == "0"
    assert {row["actor"] for row in table_of(client, f"/audit?actor={ADA}")} == {ADA}
    assert [row["subject"] for row in table_of(client, "/audit?action=user.add")] == [BOB]
    assert table_of(client, "/audit?action=nothing") == []


def table_of(client, address):
    path, _, query = address.partition("?")
    return client.get(f"{path}.json?{query.replace('&amp;', '&')}").json()["blocks"][-1]["rows"]


def test_none_of_it_is_for_editors(client):
    for path in ("/users", "/tokens", "/audit", "/users/x", "/users.json", "/api/v1/audit"):
        assert client.get(path, headers=as_role("editor")).status_code == 403
