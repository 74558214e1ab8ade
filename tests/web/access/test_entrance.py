"""The ways in: what each asks for, what it says when it refuses, and what the audit keeps."""

from datetime import timedelta

import pytest

from floorline.web.access.entrance import LOCAL_OWNER, USED, WRONG, Entrance, NotIn
from floorline.web.access.oidc_person import Person
from floorline.web.access.passwords import Parameters, Passwords
from floorline.web.access.throttle import ACCOUNT, Throttle
from tests.web.access.conftest import NOW, came

ADA, PASSWORD = "ada@example.com", "correct horse battery"


@pytest.fixture
def ada(records, passwords):
    return records.people.add(ADA, "editor", passwords.hash(PASSWORD), NOW)


def audited(state) -> list[tuple[str, str, str]]:
    return [(one.actor, one.action, one.subject) for one in state.audited()]


def refusal(attempt) -> str:
    with pytest.raises(NotIn) as refused:
        attempt()
    return refused.value.message


def test_a_link_of_this_machine_lets_its_owner_in_once(entrance, records, state):
    link = records.links.make("enter", NOW)
    _, session = records.sessions.find(entrance.by_link(link, came()), NOW)
    assert (session.user, session.role, session.address, session.agent) == (
        LOCAL_OWNER, "admin", "203.0.113.7", "Firefox",
    )  # fmt: skip
    assert refusal(lambda: entrance.by_link(link, came())) == USED
    assert audited(state) == [
        (LOCAL_OWNER, "login", LOCAL_OWNER),
        ("nobody", "login.failed", "a link that is not good"),
    ]


@pytest.mark.usefixtures("ada")
def test_a_password_lets_its_account_in_and_each_login_is_another_session(entrance, records):
    first, second = (
        entrance.by_password(f" {ADA.upper()} ", PASSWORD, came()),
        entrance.by_password(ADA, PASSWORD, came()),
    )
    assert first != second
    assert records.sessions.find(first, NOW)[1].user == ADA
    assert len(records.sessions.all(NOW)) == 2


@pytest.mark.usefixtures("ada")
def test_no_answer_tells_whether_an_account_exists(entrance, records, state, passwords):
    records.people.add("gone@example.com", "viewer", passwords.hash(PASSWORD), NOW)
    records.people.disable("gone@example.com", NOW)
    records.people.add("invited@example.com", "viewer", "", NOW)
    for email in (ADA, "nobody@example.com", "no address", "invited@example.com"):
        assert refusal(lambda email=email: entrance.by_password(email, "another password", came())) == WRONG
    assert refusal(lambda: entrance.by_password("gone@example.com", PASSWORD, came())) == WRONG
    assert [subject for _, _, subject in audited(state)] == [
        ADA, "no account", "no account", "invited@example.com", "gone@example.com",
    ]  # fmt: skip


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
@pytest.mark.usefixtures("ada")
def test_attempts_are_slowed_down_whether_there_is_an_account_or_not(entrance, email):
    for n in range(ACCOUNT.attempts):
        assert refusal(lambda n=n: entrance.by_password(email, "wrong", came(address=f"198.51.100.{n}"))) == WRONG
    assert "try again in 60 s" in refusal(lambda: entrance.by_password(email, PASSWORD, came()))


@pytest.mark.usefixtures("ada")
def test_time_and_the_right_password_end_the_wait(entrance):
    for _ in range(ACCOUNT.attempts):
        refusal(lambda: entrance.by_password(ADA, "wrong", came()))
    assert entrance.by_password(ADA, PASSWORD, came(NOW + ACCOUNT.every))


@pytest.mark.usefixtures("ada")
def test_a_hash_of_old_parameters_is_made_anew_at_the_login(records):
    stronger = Passwords(Parameters(passes=2, memory_kib=8, lanes=1))
    before = records.people.get(ADA).password
    Entrance(records, stronger, Throttle()).by_password(ADA, PASSWORD, came())
    after = records.people.get(ADA).password
    assert after != before
    assert not stronger.outdated(after)
    assert len(records.sessions.all(NOW)) == 1


def test_an_invited_person_chooses_a_password_once(entrance, records, state):
    records.people.add(ADA, "viewer", "", NOW)
    link = records.links.make("invitation", NOW, user=ADA)
    assert entrance.invited(link, NOW).email == ADA
    assert "at least 12" in refusal(lambda: entrance.by_invitation(link, "short", came()))
    session = entrance.by_invitation(link, PASSWORD, came())
    assert records.sessions.find(session, NOW)[1].user == ADA
    assert refusal(lambda: entrance.by_invitation(link, "another password", came())) == USED
    assert entrance.by_password(ADA, PASSWORD, came())
    assert (ADA, "user.password", ADA) in audited(state)


def test_an_invitation_of_who_was_disabled_or_removed_is_good_no_more(entrance, records):
    for end in (records.people.disable, records.people.remove):
        if records.people.get(ADA) is None:
            records.people.add(ADA, "viewer", "", NOW)
        link = records.links.make("invitation", NOW, user=ADA)
        end(ADA, NOW)
        assert refusal(lambda link=link: entrance.by_invitation(link, PASSWORD, came())) == USED


@pytest.mark.usefixtures("ada")
def test_another_password_ends_every_session_but_the_new_one(entrance, records):
    before = entrance.by_password(ADA, PASSWORD, came())
    assert "is another" in refusal(lambda: entrance.change_password(ADA, "wrong", "a new password", came()))
    assert "at least 12" in refusal(lambda: entrance.change_password(ADA, PASSWORD, "short", came()))
    after = entrance.change_password(ADA, PASSWORD, "a new password", came())
    assert records.sessions.find(before, NOW) is None
    assert records.sessions.find(after, NOW)
    assert refusal(lambda: entrance.by_password(ADA, PASSWORD, came())) == WRONG


def test_whom_the_provider_vouches_for_comes_in_unless_disabled_here(entrance, records, state):
    person = Person(name=ADA, role="editor", subject="0815")
    session = entrance.by_provider(person, came())
    assert records.sessions.find(session, NOW)[1].role == "editor"
    assert state.audited()[-1].detail == "by identity provider from 203.0.113.7, 0815"
    records.people.add(ADA, "viewer", "", NOW)
    records.people.disable(ADA, NOW)
    assert records.sessions.find(session, NOW) is None
    assert "disabled" in refusal(lambda: entrance.by_provider(person, came()))


@pytest.mark.usefixtures("ada")
def test_who_leaves_is_out(entrance, records, state):
    text = entrance.by_password(ADA, PASSWORD, came())
    entrance.leave(records.sessions.find(text, NOW)[0], NOW + timedelta(minutes=1))
    assert records.sessions.find(text, NOW) is None
    assert audited(state)[-1] == (ADA, "logout", ADA)
