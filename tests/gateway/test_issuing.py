"""Keys made, revoked and rotated: the state, the keyring file and what gateways know of it are one."""

import itertools
import os
import stat
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from floorline.errors import BadInput
from floorline.gateway.issuing import Issued, Issuer, Wish
from floorline.gateway.keyring_file import KEYRING_NAME, KeyringFile, write_keyring
from floorline.gateway.keys import Key
from floorline.ledger.state import State

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = b"Zm9vYmFyLWJhei1xdXV4LWNvcmdlLWdyYXVsdA"
OTHER = b"b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZQ"


class Home:
    """One folder of keys: who changes them, and what a gateway sees."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.state = State.open(folder)
        self.numbers = itertools.count(1)
        self.issuer = self.with_secret(SECRET)
        self.file = KeyringFile(folder / KEYRING_NAME, SECRET)
        self.ring = self.file.poll()

    def with_secret(self, secret: bytes) -> Issuer:
        return Issuer(
            self.state,
            self.folder / KEYRING_NAME,
            secret,
            lambda size: next(self.numbers).to_bytes(size, "big"),
            actor="ada",
        )

    def find(self, issued: Issued, at: datetime = NOW) -> Key | str:
        self.ring = self.file.poll() or self.ring
        return self.ring.find(issued.text.encode(), at)


@pytest.fixture
def home(tmp_path):
    opened = Home(tmp_path)
    yield opened
    opened.state.close()


def test_a_new_key_is_in_the_state_and_known_to_gateways(home):
    wish = Wish(
        name="bot",
        customer="acme",
        feature="chat",
        plan="pro",
        environment="staging",
        purpose="internal",
        expires_at=NOW + DAY,
        models=("gpt-*",),
        providers=("openai",),
        unattributed="require",
    )
    issued = home.issuer.create(wish, NOW)
    assert home.issuer.keys() == [issued.key]
    assert home.find(issued) == issued.key
    for name in (
        "name",
        "customer",
        "feature",
        "plan",
        "environment",
        "purpose",
        "models",
        "providers",
        "unattributed",
    ):
        assert getattr(issued.key, name) == getattr(wish, name)


def test_the_text_of_a_key_is_in_no_file(home):
    issued = home.issuer.create(Wish(name="bot"), NOW)
    for path in home.folder.iterdir():
        assert issued.text.encode() not in path.read_bytes()
        assert issued.text.removeprefix("flk_").encode() not in path.read_bytes()


def test_the_keyring_is_its_owners_alone(home):
    (home.folder / f"{KEYRING_NAME}.new").touch(mode=0o644)
    home.issuer.create(Wish(name="bot"), NOW)
    assert stat.S_IMODE((home.folder / KEYRING_NAME).stat().st_mode) == 0o600


def test_a_revoked_key_is_refused_at_once_and_stays_revoked_as_it_was(home):
    issued = home.issuer.create(Wish(name="bot"), NOW)
    assert home.find(issued) == issued.key
    assert home.issuer.revoke(issued.key.id, NOW).revoked_at == NOW
    assert home.find(issued) == "revoked"
    assert home.issuer.revoke(issued.key.id, NOW + DAY).revoked_at == NOW


def test_a_rotated_key_goes_on_for_its_grace_and_the_new_one_has_its_rights(home):
    old = home.issuer.create(Wish(name="bot", customer="acme", models=("gpt-*",)), NOW)
    new = home.issuer.rotate(old.key.id, timedelta(hours=24), NOW + DAY)
    assert (new.key.name, new.key.customer, new.key.models, new.key.replaces) == ("bot", "acme", ("gpt-*",), old.key.id)
    assert new.text != old.text
    assert isinstance(home.find(old, NOW + 2 * DAY - timedelta(seconds=1)), Key)
    assert home.find(old, NOW + 2 * DAY) == "expired"
    assert home.find(new, NOW + 2 * DAY) == new.key


def test_a_rotation_without_grace_ends_the_old_key_at_once(home):
    old = home.issuer.create(Wish(name="bot"), NOW)
    home.issuer.rotate(old.key.id, timedelta(), NOW)
    assert home.find(old) == "expired"


def test_a_rotated_key_lives_as_long_as_the_old_was_meant_to_and_the_old_never_longer(home):
    old = home.issuer.create(Wish(name="bot", expires_at=NOW + 10 * DAY), NOW)
    new = home.issuer.rotate(old.key.id, 30 * DAY, NOW + 9 * DAY)
    assert new.key.expires_at == NOW + 19 * DAY
    assert home.find(old, NOW + 10 * DAY) == "expired"


def test_what_is_no_key_or_good_for_nothing_cannot_be_rotated(home):
    revoked = home.issuer.create(Wish(name="bot"), NOW)
    home.issuer.revoke(revoked.key.id, NOW)
    expired = home.issuer.create(Wish(name="bot", expires_at=NOW + DAY), NOW)
    with pytest.raises(BadInput, match="is revoked: create a new key"):
        home.issuer.rotate(revoked.key.id, DAY, NOW)
    with pytest.raises(BadInput, match="is expired: create a new key"):
        home.issuer.rotate(expired.key.id, DAY, NOW + DAY)
    with pytest.raises(BadInput, match=r"there is no key 'flk_x': `floorline keys list` has the ids"):
        home.issuer.revoke("flk_x", NOW)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(name=""), "a key needs a name"),
        (Wish(name=" a"), "the name of a key is at most 200 printable characters"),
        (Wish(name="a", customer="ac\nme"), "the customer of a key is at most 200 printable characters"),
        (Wish(name="a", feature="x" * 201), "the feature of a key is at most 200 printable characters"),
        (Wish(name="a", expires_at=NOW), "the key would have expired at 2026-01-01T12:00:00"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(home, wish, message):
    with pytest.raises(BadInput, match=message):
        home.issuer.create(wish, NOW)
    assert home.issuer.keys() == []


def test_a_keyring_that_cannot_be_written_changes_nothing(home):
    issued = home.issuer.create(Wish(name="bot"), NOW)
    (home.folder / f"{KEYRING_NAME}.new").mkdir()
    with pytest.raises(BadInput, match="cannot be written: Is a directory; no key was changed"):
        home.issuer.revoke(issued.key.id, NOW)
    assert home.issuer.keys() == [issued.key]
    assert home.find(issued) == issued.key


def test_keys_of_another_secret_cannot_join_good_ones_but_follow_when_all_are_revoked(home):
    first = home.issuer.create(Wish(name="first"), NOW)
    stranger = home.with_secret(OTHER)
    with pytest.raises(BadInput, match="the 1 good keys were made with another signing secret"):
        stranger.create(Wish(name="second"), NOW)
    stranger.revoke(first.key.id, NOW)
    assert home.find(first) == "revoked"
    second = stranger.create(Wish(name="second"), NOW)
    assert KeyringFile(home.folder / KEYRING_NAME, OTHER).poll().find(second.text.encode(), NOW) == second.key


def test_a_gateway_with_another_secret_does_not_start(home):
    home.issuer.create(Wish(name="bot"), NOW)
    with pytest.raises(BadInput, match="was made with another signing secret"):
        KeyringFile(home.folder / KEYRING_NAME, OTHER).poll()


def test_without_a_keyring_every_key_is_unknown(home):
    assert home.ring.find(b"flk_x", NOW) == "unknown"
    assert home.file.poll() is None


def test_a_poll_gives_a_ring_only_when_it_is_another(home):
    home.issuer.create(Wish(name="bot"), NOW)
    assert len(home.file.poll()) == 1
    assert home.file.poll() is None


def test_two_changes_in_one_instant_are_two_changes(home):
    for number in range(50):
        issued = home.issuer.create(Wish(name=f"bot {number}"), NOW)
        assert home.find(issued) == issued.key


@pytest.mark.parametrize(
    ("broken", "said"),
    [("gone", "is gone"), ("cut", "is not a keyring"), ("a folder", "cannot be read: Is a directory")],
)
def test_a_keyring_that_breaks_is_said_and_a_mended_one_is_taken(home, broken, said):
    issued = home.issuer.create(Wish(name="bot"), NOW)
    assert home.find(issued) == issued.key
    path = home.folder / KEYRING_NAME
    content = path.read_bytes()
    path.unlink()
    if broken == "cut":
        path.write_bytes(content[:-3])
    elif broken == "a folder":
        path.mkdir()
    with pytest.raises(BadInput, match=said):
        home.file.poll()
    if broken == "a folder":
        path.rmdir()
    else:
        assert home.file.poll() is None
    write_keyring(path, content)
    assert home.find(issued) == issued.key


def test_a_state_keeps_every_field_of_a_key(home):
    key = Key(
        id="k_1",
        name="n",
        digest=os.urandom(32),
        created_at=NOW,
        customer="c",
        feature="f",
        plan="p",
        environment="staging",
        purpose="internal",
        expires_at=NOW + DAY,
        revoked_at=NOW,
        models=("a", "b"),
        providers=("x",),
        unattributed="allow",
        replaces="k_0",
    )
    assert all(
        getattr(key, field) != default
        for field, default in zip(key.__struct_fields__[4:], msgspec.structs.fields(Key)[4:], strict=True)
    )
    seen: list[Key] = []
    home.state.change_virtual_keys(lambda _: [key], seen.extend, now=NOW, actor="ada", action="key.create")
    assert seen == home.state.virtual_keys() == [key]


def test_every_change_is_in_the_audit(home):
    first = home.issuer.create(Wish(name="bot", customer="acme"), NOW)
    second = home.issuer.rotate(first.key.id, DAY, NOW)
    home.issuer.revoke(second.key.id, NOW)
    assert [(one.actor, one.action, one.subject) for one in home.state.audited()] == [
        ("ada", "key.create", first.key.id),
        ("ada", "key.rotate", first.key.id),
        ("ada", "key.rotate", second.key.id),
        ("ada", "key.revoke", second.key.id),
    ]


def test_the_keys_of_an_erased_customer_are_revoked_under_its_surrogate(home):
    bound = home.issuer.create(Wish(name="acme prod", customer="acme"), NOW)
    named = home.issuer.create(Wish(name="for acme", customer="globex"), NOW)
    other = home.issuer.create(Wish(name="acmeology", customer="initech"), NOW)
    revoked = home.issuer.erase({"acme": "erased-1"}, NOW)
    assert [(key.id, key.name, key.customer) for key in revoked] == [(bound.key.id, "erased-1 prod", "erased-1")]
    assert home.find(bound) == "revoked"
    assert home.find(named).name == "for erased-1"
    assert home.find(other) == other.key
    changes = len(home.state.audited())
    assert home.issuer.erase({"acme": "erased-1"}, NOW) == []
    assert len(home.state.audited()) == changes
