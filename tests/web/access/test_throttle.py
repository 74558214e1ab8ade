"""How often a password may be tried: by account, by address, whoever asks at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from floorline.web.access.throttle import ACCOUNT, ADDRESS, Throttle
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
