"""Questions with their answers: bounded, apart by scope, and gone when they are dropped."""

import numpy as np
from msgspec import structs

from floorline.embedding.vector import Vector, unit
from floorline.gateway.semantic.store import Known, Store
from tests.gateway.semantic.test_saying import entry

ENTRY = entry("openai", "chat.completions", b"{}")


def known(number: int, *, body: bytes = b"{}") -> Known:
    made = structs.replace(ENTRY, call_id=f"c-{number}", made_ms=number, body=body)
    return Known(question=f"question {number}", said=b"a", epoch="e", entry=made)


def vector(number: int) -> Vector:
    return unit(np.random.default_rng(number).standard_normal(16).astype(np.float32))


def filled(count: int, *, bytes_max: int = 1 << 20, entries_max: int = 1_000, scope: bytes = b"s") -> Store:
    store = Store(bytes_max, None)
    for number in range(count):
        store.add(scope, known(number), vector(number), entries_max)
    return store


def nearest(store: Store, number: int, scope: bytes = b"s") -> str:
    found = store.nearest(scope, vector(number), 1)
    return found[0].known.entry.call_id if found else ""


def test_a_question_is_found_in_its_own_scope_alone() -> None:
    store = filled(10)
    assert [nearest(store, number) for number in range(10)] == [f"c-{number}" for number in range(10)]
    assert nearest(store, 3, scope=b"t") == ""


def test_what_is_known_of_a_call_is_known_once() -> None:
    store = filled(3)
    assert not store.add(b"s", known(1), vector(1), 1_000)
    assert len(store) == 3
    assert store.add(b"t", known(1), vector(1), 1_000)


def test_the_oldest_of_a_full_scope_goes() -> None:
    store = filled(12, entries_max=10)
    assert (len(store), store.evicted) == (10, 2)
    assert nearest(store, 0) not in {"c-0", "c-1"}
    assert nearest(store, 2) == "c-2"


def test_what_was_used_least_lately_goes_first_where_bytes_are_full() -> None:
    one = known(0).size_bytes(16)
    store = filled(10, bytes_max=10 * one + 1)
    store.used(b"s", "c-0")
    store.used(b"s", "c-99")  # nobody knows it
    store.add(b"t", known(10), vector(10), 1_000)
    assert nearest(store, 0) == "c-0"
    assert nearest(store, 1) != "c-1"
    store.fit(3 * one + 1)
    assert (len(store), store.used_bytes <= 3 * one + 1) == (3, True)


def test_an_answer_larger_than_all_there_is_room_for_is_not_kept() -> None:
    store = filled(1, bytes_max=10_000)
    assert not store.add(b"s", known(7, body=bytes(20_000)), vector(7), 1_000)
    assert nearest(store, 0) == "c-0"


def test_what_is_dropped_is_found_no_more_and_gives_its_bytes_back() -> None:
    store = filled(10)
    assert store.drop(lambda one: one.entry.made_ms % 2 == 0) == 5
    assert {nearest(store, number) for number in range(10)} == {"c-1", "c-3", "c-5", "c-7", "c-9"}
    assert store.drop(lambda _: True) == 5
    assert (len(store), store.used_bytes, nearest(store, 1)) == (0, 0, "")
