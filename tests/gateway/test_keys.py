"""Virtual keys: what is kept of them, where they are found in a request, and that nothing but a good key is ever accepted."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.errors import BadInput
from floorline.gateway.keys import (
    HITS_MAX,
    KEY_PREFIX,
    Key,
    Keyring,
    allows,
    digest,
    fingerprint,
    keyring_bytes,
    new_id,
    new_key,
    presented_key,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = b"0123456789abcdef0123456789abcdef"
GOOD = new_key(bytes(range(32)))
REVOKED = new_key(bytes(range(1, 33)))
EXPIRED = new_key(bytes(range(2, 34)))


def key(text: str, **changes: object) -> Key:
    return Key(**{"id": text[-4:], "name": "n", "digest": digest(text.encode(), SECRET), "created_at": NOW, **changes})


RING = Keyring([key(GOOD), key(REVOKED, revoked_at=NOW), key(EXPIRED, expires_at=NOW)], SECRET)


def test_a_key_is_its_prefix_and_32_random_bytes():
    assert re.fullmatch(r"flk_[A-Za-z0-9_-]{43}", GOOD)
    assert new_id(bytes(8)) == "k_0000000000000000"


def test_nothing_of_a_key_is_in_the_keyring_file():
    content = keyring_bytes(RING.keys, fingerprint(SECRET))
    assert GOOD.encode() not in content
    assert GOOD.removeprefix(KEY_PREFIX).encode() not in content
    assert SECRET not in content


def test_a_keyring_file_gives_the_ring_back():
    assert Keyring.from_bytes(keyring_bytes(RING.keys, fingerprint(SECRET)), SECRET).keys == RING.keys


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a keyring"),
        (b"\x93\x01", "is not a keyring"),
        (keyring_bytes([key(GOOD)], fingerprint(SECRET))[:-1], "is not a keyring"),
        (msgspec.msgpack.encode([2, fingerprint(SECRET), []]), "is a keyring of format 2, this version reads 1"),
        (keyring_bytes([key(GOOD)], fingerprint(b"another")), "was made with another signing secret"),
    ],
)
def test_a_file_that_is_no_ring_of_ours_is_refused(content, message):
    with pytest.raises(BadInput, match=message):
        Keyring.from_bytes(content, SECRET)


def test_a_good_key_is_found_again_and_again():
    ring = Keyring([key(GOOD)], SECRET)
    assert ring.find(GOOD.encode(), NOW) is ring.keys[0]
    assert ring.find(GOOD.encode(), NOW) is ring.keys[0]


@pytest.mark.parametrize(
    ("text", "refused"), [(REVOKED, "revoked"), (EXPIRED, "expired"), (GOOD + "x", "unknown"), (GOOD[:-1], "unknown")]
)
def test_any_other_key_is_refused_with_the_reason(text, refused):
    assert RING.find(text.encode(), NOW) == refused
    assert RING.find(text.encode(), NOW) == refused


def test_a_remembered_key_expires_at_its_instant():
    ring = Keyring([key(GOOD, expires_at=NOW + timedelta(seconds=1))], SECRET)
    assert isinstance(ring.find(GOOD.encode(), NOW), Key)
    assert ring.find(GOOD.encode(), NOW + timedelta(seconds=1)) == "expired"


def test_a_key_hashed_with_another_secret_is_unknown():
    assert Keyring([key(GOOD)], b"another secret").find(GOOD.encode(), NOW) == "unknown"


def test_a_ring_remembers_a_bounded_number_of_keys():
    texts = [new_key(n.to_bytes(32, "big")) for n in range(HITS_MAX + 10)]
    ring = Keyring([key(text) for text in texts], SECRET)
    assert all(isinstance(ring.find(text.encode(), NOW), Key) for text in texts)
    assert len(ring._hits) <= HITS_MAX


def test_what_is_wrong_is_never_remembered():
    ring = Keyring([key(GOOD), key(REVOKED, revoked_at=NOW), key(EXPIRED, expires_at=NOW)], SECRET)
    for text in (b"", b"flk_x", REVOKED.encode(), EXPIRED.encode(), b"x" * 100_000):
        ring.find(text, NOW)
    assert ring._hits == {}


PLACES = [
    ({b"authorization": b"Bearer %s"}, ""),
    ({b"authorization": b"bearer  %s "}, ""),
    ({b"x-api-key": b"%s"}, ""),
    ({b"x-goog-api-key": b"%s"}, ""),
    ({b"api-key": b"%s"}, ""),
    ({}, "alt=sse&key=%s"),
    ({}, "key=%s"),
]


@pytest.mark.parametrize(("headers", "query"), PLACES)
def test_a_key_is_found_wherever_an_sdk_puts_it(headers, query):
    carried = {name: value.replace(b"%s", GOOD.encode()) for name, value in headers.items()}
    assert presented_key(carried, query.replace("%s", GOOD)) == GOOD.encode()


def test_a_virtual_key_counts_before_a_foreign_one_wherever_it_is():
    foreign = {b"authorization": b"Bearer sk-other", b"x-api-key": b"sk-ant-other"}
    assert presented_key({**foreign, b"x-goog-api-key": GOOD.encode()}, "") == GOOD.encode()
    assert presented_key(foreign, f"key={GOOD}") == GOOD.encode()
    assert presented_key(foreign, "key=AIza") == b"sk-other"
    assert presented_key({b"x-api-key": b"sk-ant-other"}, "") == b"sk-ant-other"


@pytest.mark.parametrize(
    ("headers", "query"),
    [({}, ""), ({b"authorization": b"Basic Zmxr"}, ""), ({}, "monkey=flk_x"), ({}, "key"), ({}, "KEY=flk_x&key")],
)
def test_without_a_key_there_is_none(headers, query):
    assert not presented_key(headers, query)


def test_a_key_in_the_query_is_percent_decoded():
    assert presented_key({}, "key=flk%5Fabc") == b"flk_abc"


NEAR = st.sampled_from([GOOD, REVOKED, EXPIRED]).flatmap(
    lambda text: st.tuples(st.integers(0, len(text) - 1), st.integers(0, 255)).map(
        lambda change: text.encode()[: change[0]] + bytes([change[1]]) + text.encode()[change[0] + 1 :]
    )
)
ANY = st.one_of(
    st.binary(max_size=80), NEAR, NEAR.map(lambda text: b"Bearer " + text), st.binary().map(lambda b: b"Bearer " + b)
)


@given(
    headers=st.dictionaries(st.sampled_from([b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"]), ANY),
    query=st.one_of(st.text(max_size=40), st.text(max_size=20).map(lambda text: f"key={text}")),
)
def test_no_bytes_in_any_place_break_the_look_or_are_accepted_unless_they_are_the_key(headers, query):
    presented = presented_key(headers, query)
    found = RING.find(presented or b"", NOW)
    assert isinstance(found, Key) == (presented == GOOD.encode())


@given(presented=st.one_of(st.binary(max_size=2_000), NEAR))
def test_only_the_key_itself_is_accepted(presented):
    assert isinstance(RING.find(presented, NOW), Key) == (presented == GOOD.encode())


def test_the_globs_of_a_key_bound_what_it_may_ask_for():
    assert allows((), "gpt-4o")
    assert allows(("claude-*", "gpt-4o"), "gpt-4o")
    assert not allows(("gpt-4o",), "gpt-4o-mini")
    assert not allows(("GPT-*",), "gpt-4o")
