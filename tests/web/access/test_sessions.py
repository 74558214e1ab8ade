"""Sessions, links, tokens and accounts: how they are kept, and how they end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from floorline.errors import BadInput
from floorline.web.access.links import ENTER_LIFETIME, INVITATION_LIFETIME
from floorline.web.access.people import email_of
from floorline.web.access.sessions import TOUCH, Session, csrf_of
from tests.web.access.conftest import NOW, POLICY

ADA = "ada@example.com"
MINUTE = timedelta(minutes=1)


def session(user=ADA, at=NOW) -> Session:
    return Session(user=user, kind="account", role="viewer", begun_at=at, seen_at=at)


def kept_in(state) -> str:
    kinds = ("web.session", "web.link", "web.account", "web.token")
    return "".join(f"{row.id} {row.body}" for kind in kinds for row in state.documents(kind))


def test_a_session_is_found_by_what_its_browser_holds_which_is_kept_nowhere(records, state):
    text = records.sessions.begin(session())
    id_, found = records.sessions.find(text, NOW)
    assert found == session()
    assert text not in kept_in(state)
    assert records.sessions.find(id_, NOW) is None
    for other in ("", "x", text[:-1], f"{text}x", "x" * 10_000):
        assert records.sessions.find(other, NOW) is None


def test_a_session_that_nobody_uses_is_over(records):
    text = records.sessions.begin(session())
    at = NOW + POLICY.idle - MINUTE
    assert records.sessions.find(text, at)
    assert records.sessions.find(text, at + POLICY.idle - MINUTE)
    assert records.sessions.find(text, at + 2 * POLICY.idle) is None


def test_a_session_is_over_at_its_lifetime_however_it_is_used(records):
    text = records.sessions.begin(session())
    at = NOW
    while at < NOW + POLICY.lifetime:
        assert records.sessions.find(text, at)
        at += POLICY.idle / 2
    assert records.sessions.find(text, NOW + POLICY.lifetime) is None
    assert records.sessions.all(NOW + POLICY.lifetime) == {}


def test_pages_within_a_minute_write_nothing(records, state):
    text = records.sessions.begin(session())
    records.sessions.find(text, NOW + TOUCH - timedelta(seconds=1))
    assert [row.revision for row in state.documents("web.session")] == [1]
    records.sessions.find(text, NOW + TOUCH)
    assert [row.revision for row in state.documents("web.session")] == [2]


def test_what_is_over_is_removed_at_the_next_login(records, state):
    records.sessions.begin(session())
    records.sessions.begin(session(at=NOW + POLICY.lifetime))
    assert len(state.documents("web.session")) == 1


def test_one_session_or_all_of_a_user_end(records):
    one, other = records.sessions.begin(session()), records.sessions.begin(session())
    bobs = records.sessions.begin(session("bob@example.com"))
    records.sessions.end(records.sessions.find(one, NOW)[0], NOW)
    assert records.sessions.find(one, NOW) is None
    assert records.sessions.find(other, NOW)
    assert records.sessions.end_of(ADA, NOW) == 1
    assert records.sessions.find(other, NOW) is None
    assert records.sessions.find(bobs, NOW)


def test_what_pages_send_along_follows_from_the_browsers_own_secret(records):
    one, other = records.sessions.begin(session()), records.sessions.begin(session())
    assert csrf_of(one) == csrf_of(one) != csrf_of(other)
    assert one not in csrf_of(one)


def test_a_link_works_once_and_within_its_time(records, state):
    text = records.links.make("enter", NOW)
    assert text not in kept_in(state)
    assert records.links.look(text, "enter", NOW)
    assert records.links.take(text, "invitation", NOW) is None
    assert records.links.take(text, "enter", NOW)
    assert records.links.take(text, "enter", NOW) is None
    late = records.links.make("enter", NOW)
    assert records.links.take(late, "enter", NOW + ENTER_LIFETIME) is None


def test_of_many_who_take_a_link_at_once_one_has_it(records):
    text = records.links.make("enter", NOW)
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: records.links.take(text, "enter", NOW), range(6)))
    assert sum(one is not None for one in taken) == 1


def test_an_invitation_takes_the_place_of_the_one_before(records):
    first = records.links.make("invitation", NOW, user=ADA)
    second = records.links.make("invitation", NOW, user=ADA)
    bobs = records.links.make("invitation", NOW, user="bob@example.com")
    assert records.links.look(first, "invitation", NOW) is None
    assert records.links.look(second, "invitation", NOW).user == ADA
    assert records.links.look(bobs, "invitation", NOW + INVITATION_LIFETIME) is None


def test_a_token_is_shown_once_and_found_by_its_text_alone(records, state):
    issued = records.tokens.create("ci", "write", NOW + timedelta(days=1), by="ada", now=NOW)
    assert issued.text.startswith("flt_")
    assert issued.text not in kept_in(state)
    assert records.tokens.find(issued.text, NOW) == issued.token
    other = records.tokens.create("ci", "write", None, by="ada", now=NOW)
    swapped = issued.text[:16] + other.text[16:]
    for wrong in ("", "flt_", issued.text[:-1], f"{issued.text}x", swapped, issued.id, issued.token.digest):
        assert records.tokens.find(wrong, NOW) is None


def test_a_token_ends_by_time_or_by_hand(records):
    issued = records.tokens.create("ci", "read", NOW + timedelta(days=1), by="ada", now=NOW)
    assert records.tokens.find(issued.text, NOW + timedelta(days=1)) is None
    records.tokens.revoke(issued.id, NOW)
    assert records.tokens.find(issued.text, NOW) is None
    assert records.tokens.all()[issued.id].standing(NOW) == "revoked"
    with pytest.raises(BadInput, match="there is no token"):
        records.tokens.revoke("0" * 12, NOW)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb"])
def test_a_token_needs_a_name_that_can_be_shown(records, name):
    with pytest.raises(BadInput, match="a token needs a name"):
        records.tokens.create(name, "read", None, by="ada", now=NOW)


@pytest.mark.parametrize("text", ["", "ada", "a@b@c", "a b@c", "<a@b>", "@", f"{'a' * 200}@example.com", "a@b\n"])
def test_what_is_no_email_address_names_no_account(text):
    if text.strip() != text:
        assert email_of(text) == text.strip()
        return
    with pytest.raises(BadInput, match="no e-mail address"):
        email_of(text)


def test_an_account_is_made_once_whatever_its_spelling(records):
    records.people.add(email_of(" Ada@Example.com "), "viewer", "", NOW)
    with pytest.raises(BadInput, match="has an account already"):
        records.people.add(email_of(ADA), "admin", "", NOW)
    assert records.people.get(ADA).role == "viewer"


@pytest.mark.parametrize(
    "change",
    [
        lambda people: people.set_role(ADA, "admin", NOW),
        lambda people: people.set_password(ADA, "hash", NOW),
        lambda people: people.disable(ADA, NOW),
        lambda people: people.remove(ADA, NOW),
    ],
)
def test_a_changed_account_has_no_session(records, change):
    records.people.add(ADA, "viewer", "hash", NOW)
    ended, stays = records.sessions.begin(session()), records.sessions.begin(session("bob@example.com"))
    change(records.people)
    assert records.sessions.find(ended, NOW) is None
    assert records.sessions.find(stays, NOW)


def test_nothing_is_done_to_an_account_that_does_not_exist(records):
    for change in (
        lambda: records.people.set_role(ADA, "admin", NOW),
        lambda: records.people.disable(ADA, NOW),
        lambda: records.people.remove(ADA, NOW),
    ):
        with pytest.raises(BadInput, match="there is no account"):
            change()
