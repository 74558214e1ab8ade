"""`floorline users`, `sessions`, `tokens`, `usage-token` and `dashboard-link`, beside a state of their own."""

import json
import re
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from floorline.cli import floorline
from floorline.config import Config
from floorline.errors import BadInput
from floorline.jobs.usage_tokens import customer_of
from floorline.ledger.state import State
from floorline.web.access.passwords import Passwords
from floorline.web.access.policy import WebPolicy
from floorline.web.access.records import Records
from floorline.web.access.sessions import Session
from floorline.wiring import actor, signing_secret
from floorline.wiring.access import check_exposure, listening

ADA, PASSWORD = "ada@example.com", "correct horse battery"


@pytest.fixture
def home(tmp_path, new_state, monkeypatch):
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "state.sqlite").write_bytes(new_state.read_bytes())
    monkeypatch.setenv("FLOORLINE_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def records(home):
    state = State.open(home)
    yield Records.of(state, WebPolicy())
    state.close()


def run(*arguments: str, typed: str = "") -> str:
    done = CliRunner().invoke(floorline, arguments, input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def refusal(*arguments: str, typed: str = "") -> str:
    with pytest.raises(BadInput) as refused:
        CliRunner().invoke(floorline, arguments, input=typed, catch_exceptions=False)
    return str(refused.value)


def session(user=ADA) -> Session:
    return Session(user=user, kind="account", role="viewer", begun_at=datetime.now(UTC), seen_at=datetime.now(UTC))


def test_an_account_is_made_changed_and_removed(records):
    assert "at least 12" in refusal("users", "add", ADA, typed="short\n")
    assert "standard input" in refusal("users", "add", ADA)
    assert (
        run("users", "add", "Ada@Example.com", "--role", "admin", typed=f"{PASSWORD}\n")
        == f"{ADA} is an admin of the dashboard\n"
    )
    assert Passwords().matches(records.people.get(ADA).password, PASSWORD)
    assert "has an account already" in refusal("users", "add", ADA, "--invite")
    held = records.sessions.begin(session())
    run("users", "role", ADA, "viewer")
    assert records.sessions.find(held, datetime.now(UTC)) is None
    run("users", "disable", ADA)
    assert "is disabled" in refusal("users", "invite", ADA)
    run("users", "enable", ADA)
    assert [
        (one["email"], one["role"], one["state"], one["sessions"]) for one in json.loads(run("users", "list", "--json"))
    ] == [(ADA, "viewer", "good", 0)]
    assert PASSWORD not in run("users", "list")
    run("users", "remove", ADA)
    assert "no accounts yet" in run("users", "list")
    assert "there is no account" in refusal("users", "password", ADA, typed=f"{PASSWORD}\n")
    assert [one.action for one in records.state.audited()] == [
        "user.add", "user.role", "user.disable", "user.enable", "user.remove",
    ]  # fmt: skip


def test_an_invitation_is_printed_and_works(records):
    link = run("users", "add", ADA, "--invite").strip()
    secret = re.fullmatch(r"http://127\.0\.0\.1:4040/invitation/([\w-]{43})", link)[1]
    assert records.links.look(secret, "invitation", datetime.now(UTC)).user == ADA
    again = json.loads(run("users", "invite", ADA, "--json"))["invitation"]
    assert again != link
    assert records.links.look(secret, "invitation", datetime.now(UTC)) is None


def test_sessions_are_listed_and_ended(records):
    assert "nobody is logged in" in run("sessions", "list")
    for user in (ADA, ADA, "bob@example.com"):
        records.sessions.begin(session(user))
    ids = [one["id"] for one in json.loads(run("sessions", "list", "--json"))]
    assert len(ids) == 3
    assert run("sessions", "revoke", ids[0]) == "1 session ended\n"
    assert "0 sessions have an id" in refusal("sessions", "revoke", ids[0])
    assert "name one session" in refusal("sessions", "revoke")
    assert "name one session" in refusal("sessions", "revoke", "--all", "--user", ADA)
    run("sessions", "revoke", "--user", ADA)
    run("sessions", "revoke", "--all")
    assert json.loads(run("sessions", "list", "--json")) == []


def test_a_token_is_printed_once_and_revoked(records):
    text = run("tokens", "create", "--name", "ci", "--scope", "write").strip()
    assert records.tokens.find(text, datetime.now(UTC)).scope == "write"
    made = json.loads(run("tokens", "create", "--name", "monitoring", "--expires", "never", "--json"))
    assert made["expires_at"] is None
    listed = json.loads(run("tokens", "list", "--json"))
    assert {(one["name"], one["scope"], one["state"]) for one in listed} == {
        ("ci", "write", "good"),
        ("monitoring", "read", "good"),
    }
    assert text not in run("tokens", "list")
    run("tokens", "revoke", made["id"])
    assert records.tokens.find(made["token"], datetime.now(UTC)) is None
    assert "write it as 90d" in refusal("tokens", "create", "--name", "ci", "--expires", "soon")


def test_a_token_of_usage_is_in_the_audit_before_it_is_printed(records):
    made = json.loads(run("usage-token", "acme", "--minutes", "5", "--json"))
    assert customer_of(made["token"], signing_secret(), datetime.now(UTC)) == "acme"
    (kept,) = records.state.audited()
    assert (kept.actor, kept.action, kept.subject, kept.detail) == (
        actor(),
        "usage_token.make",
        "acme",
        "for 5 minutes",
    )


def test_the_owner_of_the_machine_gets_a_link_where_the_dashboard_is(records):
    records.state.set_setting("web.address", "http://127.0.0.1:4999")
    told = json.loads(run("dashboard-link", "--json"))
    secret = told["url"].removeprefix("http://127.0.0.1:4999/enter/")
    assert records.links.take(secret, "enter", datetime.now(UTC))
    assert records.state.audited()[-1].action == "link.make"


def test_a_home_that_is_open_to_others_gives_no_way_in(home):
    home.chmod(0o755)
    assert "chmod 700" in refusal("dashboard-link")
    assert "chmod 700" in refusal("tokens", "create", "--name", "x")
    assert "chmod 700" in refusal("users", "add", ADA, "--invite")


def test_a_dashboard_that_starts_prints_a_link_while_nobody_has_an_account(records):
    address, said = listening(Config(), records.state, "0.0.0.0", 4040)
    assert address == "http://127.0.0.1:4040"
    secret = re.search(r"once, within 15 minutes: http://127\.0\.0\.1:4040/enter/([\w-]{43})$", said)[1]
    assert records.links.take(secret, "enter", datetime.now(UTC))
    records.people.add(ADA, "admin", "hash", datetime.now(UTC))
    assert "/enter/" not in listening(Config(), records.state, "::1", 4040)[1]
    assert records.state.setting("web.address") == "http://[::1]:4040"


@pytest.mark.usefixtures("home")
def test_it_does_not_listen_where_others_reach_a_dashboard_that_nobody_logs_into(records):
    check_exposure(Config(), "127.0.0.1")
    public = Config(web=WebPolicy(public_url="https://margin.example.com"))
    with pytest.raises(BadInput, match="nobody has an account"):
        check_exposure(public, "0.0.0.0")
    records.people.add(ADA, "admin", "hash", datetime.now(UTC))
    check_exposure(public, "0.0.0.0")
    records.people.disable(ADA, datetime.now(UTC))
    with pytest.raises(BadInput, match="nobody has an account"):
        check_exposure(public, "0.0.0.0")
