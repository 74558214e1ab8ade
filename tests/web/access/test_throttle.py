"""How often a password may be tried: by account, by address, whoever asks at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.ledger.shelf import Shelf
from floorline.web.access.throttle import ACCOUNT, ADDRESS, ID, KEPT_EVERY, SHELF, Buckets, Throttle
from tests.web.access.conftest import NOW

NOTHING = timedelta()


def test_an_account_has_some_attempts_then_one_a_while():
    throttle = Throttle()
    for n in range(ACCOUNT.attempts):
        assert throttle.take("ada", f"203.0.113.{n}", NOW) == NOTHING
    assert throttle.take("ada", "198.51.100.1", NOW) == ACCOUNT.every
    assert throttle.take("ada", "198.51.100.1", NOW + ACCOUNT.every) == NOTHING
    assert throttle.take("ada", "198.51.100.1", NOW + ACCOUNT.every) == ACCOUNT.every


def test_an_address_has_some_attempts_over_all_accounts():
    throttle = Throttle()
    for n in range(ADDRESS.attempts):
        assert throttle.take(f"user {n}", "203.0.113.7", NOW) == NOTHING
    assert throttle.take("another", "203.0.113.7", NOW) == ADDRESS.every
    assert throttle.take("another", "203.0.113.8", NOW) == NOTHING


def test_a_right_password_costs_nothing():
    throttle = Throttle()
    for _ in range(100):
        assert throttle.take("ada", "203.0.113.7", NOW) == NOTHING
        throttle.give_back("ada", "203.0.113.7", NOW)


def test_what_is_refused_takes_nothing():
    throttle = Throttle()
    for _ in range(ACCOUNT.attempts + 50):
        throttle.take("ada", "203.0.113.7", NOW)
    assert throttle.take("ada", "203.0.113.7", NOW + ACCOUNT.every) == NOTHING


def test_many_attempts_at_once_are_counted_before_they_are_looked_at():
    throttle = Throttle()
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: throttle.take("ada", "203.0.113.7", NOW), range(50)))
    assert waits.count(NOTHING) == ACCOUNT.attempts


def test_memory_is_bounded_and_the_longest_waits_are_kept():
    throttle = Throttle(buckets_max=10)
    for _ in range(ACCOUNT.attempts):
        throttle.take("ada", "203.0.113.7", NOW)
    for n in range(1_000):
        throttle.take(f"somebody {n}", f"198.51.{n // 250}.{n % 250}", NOW)
    assert throttle.take("ada", "192.0.2.1", NOW) > NOTHING


@given(st.lists(st.integers(min_value=0, max_value=90), min_size=1, max_size=200))
def test_over_any_time_no_more_is_let_through_than_the_rate_says(pauses_s):
    throttle, at, let = Throttle(), NOW, 0
    for n, pause in enumerate(pauses_s):
        at += timedelta(seconds=pause)
        let += throttle.take("ada", f"address {n}", at) == NOTHING
    assert let <= ACCOUNT.attempts + (at - NOW) / ACCOUNT.every


@pytest.fixture
def shelf(state) -> Shelf[Buckets]:
    return Shelf(state, SHELF, Buckets)


def tried(throttle: Throttle, times: int) -> None:
    for n in range(times):
        assert throttle.take("ada", f"203.0.113.{n}", NOW) == NOTHING


def test_attempts_outlive_a_restart_and_a_right_password_gives_them_back_there(shelf):
    before = Throttle(shelf, lambda: b"secret")
    tried(before, ACCOUNT.attempts)
    before.close(NOW)
    after = Throttle(shelf, lambda: b"secret")
    assert after.take("ada", "192.0.2.1", NOW) == ACCOUNT.every
    after.give_back("ada", "203.0.113.1", NOW)
    assert after.take("ada", "192.0.2.1", NOW) == NOTHING


def test_a_process_that_was_killed_forgets_the_attempts_of_a_second_and_no_more(shelf):
    throttle = Throttle(shelf)
    tried(throttle, 3)
    assert len(shelf.get(ID).full_at) == 2  # the account and the first address
    assert throttle.take("ada", "192.0.2.1", NOW + KEPT_EVERY) == NOTHING
    killed = Throttle(shelf)
    assert killed.take("ada", "192.0.2.2", NOW + KEPT_EVERY) == NOTHING
    assert killed.take("ada", "192.0.2.2", NOW + KEPT_EVERY) > NOTHING


def test_what_is_kept_names_nobody_and_says_nothing_without_the_secret(shelf):
    throttle = Throttle(shelf, lambda: b"secret")
    tried(throttle, ACCOUNT.attempts)
    throttle.close(NOW)
    assert not {"ada", "203.0.113.0"} & {part for name in shelf.get(ID).full_at for part in name.split()}
    assert Throttle(shelf, lambda: b"another").take("ada", "203.0.113.0", NOW) == NOTHING


def test_full_buckets_are_kept_no_more_and_where_nothing_changed_nothing_is_written(shelf):
    throttle = Throttle(shelf)
    tried(throttle, 1)
    later = NOW + ACCOUNT.every
    throttle.take("bob", "192.0.2.1", later)
    assert set(shelf.get(ID).full_at.values()) == {later + ACCOUNT.every, later + ADDRESS.every}
    kept = shelf.get(ID)
    throttle.close(later)
    assert shelf.get(ID) == kept


def test_a_clock_that_was_set_back_keeps_nobody_out_for_longer_than_an_empty_bucket_does():
    throttle = Throttle()
    tried(throttle, ACCOUNT.attempts)
    assert throttle.take("ada", "192.0.2.1", NOW - timedelta(days=300)) == ACCOUNT.every
