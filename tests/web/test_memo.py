import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from floorline.web.memo import Holding, Memo

HOLDING = Holding(fresh_s=5, kept_s=60, served_s=600)


class World:
    """A clock, a generation, and how often each document was made."""

    def __init__(self) -> None:
        self.now_s, self.generation = 0.0, 1
        self.made: list[str] = []
        self.takes_s = 0.0
        self.waiting: list[Callable[[], None]] = []
        self.memo = Memo[str](
            now_s=lambda: self.now_s, generation=lambda: self.generation, weigh=len, weight_max=len("features") * 2,
            later=self.waiting.append,
        )  # fmt: skip

    def make(self, key: str) -> str:
        self.made.append(key)
        self.now_s += self.takes_s
        return f"{key} {len(self.made)}" if self.takes_s else key

    def ask(self, key: str) -> str:
        return self.memo.get(key, lambda: self.make(key), HOLDING)


def test_a_document_is_made_once_while_nothing_new_is_known():
    world = World()
    world.ask("features")
    world.now_s = 59.9
    assert world.ask("features") == "features"
    assert world.made == ["features"]
    world.now_s = 60
    world.ask("features")
    assert world.made == ["features"] * 2


def test_a_document_of_an_older_generation_is_served_while_it_is_fresh_and_no_longer():
    world = World()
    world.ask("features")
    world.generation, world.now_s = 2, 4.9
    world.ask("features")
    assert world.made == ["features"]
    world.now_s = 5
    world.ask("features")
    assert world.made == ["features"] * 2


def test_who_decides_something_sees_it():
    world = World()
    world.ask("alerts")
    world.memo.forget()
    world.ask("alerts")
    assert world.made == ["alerts"] * 2


def test_the_document_that_was_used_longest_ago_leaves_first():
    world = World()
    for key in ("features", "calls", "features", "month", "calls", "features"):
        world.ask(key)
    assert world.made == ["features", "calls", "month", "calls", "features"]


def test_a_document_heavier_than_all_room_is_kept_until_the_next():
    world = World()
    for key in ("every customer there is", "every customer there is", "now", "every customer there is"):
        world.ask(key)
    assert world.made == ["every customer there is", "now", "every customer there is"]


def test_who_asks_while_a_document_is_made_waits_for_it():
    world = World()
    making, go_on = threading.Event(), threading.Event()

    def slowly() -> str:
        making.set()
        assert go_on.wait(10)
        return "made once"

    with ThreadPoolExecutor() as readers:
        first = readers.submit(world.memo.get, "features", slowly, HOLDING)
        assert making.wait(10)
        second = readers.submit(world.memo.get, "features", lambda: "made twice", HOLDING)
        assert world.ask("calls") == "calls"
        go_on.set()
        assert (first.result(), second.result()) == ("made once", "made once")


def test_what_is_forgotten_while_it_is_made_is_not_kept():
    world = World()

    def forgotten() -> str:
        world.memo.forget()
        return "old"

    assert world.memo.get("alerts", forgotten, HOLDING) == "old"
    assert world.ask("alerts") == "alerts"


def test_a_failure_is_told_and_not_kept():
    world = World()

    def fail() -> str:
        raise ValueError("no such feature")

    with pytest.raises(ValueError, match="no such feature"):
        world.memo.get("features", fail, HOLDING)
    assert world.ask("features") == "features"


def test_fresh_is_never_longer_than_kept():
    with pytest.raises(ValueError, match="fresh is the shorter"):
        Holding(fresh_s=10, kept_s=5)


def test_a_dear_document_is_served_while_the_next_one_is_made_once():
    world = World()
    world.takes_s = 0.25
    assert world.ask("month") == "month 1"
    world.now_s = 100
    assert [world.ask("month") for _ in range(3)] == ["month 1"] * 3
    (renew,) = world.waiting
    renew()
    assert world.ask("month") == "month 2"
    assert world.made == ["month"] * 2


def test_a_dear_document_that_is_too_old_is_waited_for():
    world = World()
    world.takes_s = 0.25
    world.ask("month")
    world.now_s = 600.3
    assert world.ask("month") == "month 2"
    assert world.waiting == []


def test_a_document_that_is_quickly_made_is_never_served_old():
    world = World()
    world.takes_s = 0.15
    world.ask("month")
    world.now_s = 100
    assert world.ask("month") == "month 2"


def test_what_was_decided_meanwhile_is_not_overwritten_by_what_was_begun_before():
    world = World()
    world.takes_s = 0.25
    world.ask("month")
    world.now_s = 100
    world.ask("month")
    world.memo.forget()
    assert world.ask("month") == "month 2"
    (renew,) = world.waiting
    renew()
    assert world.ask("month") == "month 2"


def test_a_next_document_that_cannot_be_made_is_tried_again():
    world = World()
    world.takes_s = 0.25
    world.ask("month")
    world.now_s = 100

    def broken() -> str:
        raise ValueError("no")

    assert world.memo.get("month", broken, HOLDING) == "month 1"
    with pytest.raises(ValueError, match="no"):
        world.waiting.pop()()
    assert world.ask("month") == "month 1"
    world.waiting.pop()()
    assert world.ask("month") == "month 2"


def prepared(world: World, key: str, again_s: float = 300) -> bool:
    return world.memo.prepare(key, lambda: world.make(key), HOLDING, again_s)


def test_a_document_is_made_before_anybody_asks_and_again_before_it_is_too_old_to_be_served():
    world = World()
    world.takes_s = 0.25
    assert prepared(world, "month")
    assert world.ask("month") == "month 1"
    world.now_s = 299
    assert not prepared(world, "month")
    world.now_s = 301
    assert prepared(world, "month")
    assert world.ask("month") == "month 2"
    assert world.waiting == []


def test_what_is_quickly_made_is_prepared_once():
    world = World()
    world.takes_s = 0.15
    assert prepared(world, "month")
    world.now_s = 10_000
    assert not prepared(world, "month")
    world.memo.forget()
    assert prepared(world, "month")


def test_what_is_renewed_already_is_not_prepared_beside_it():
    world = World()
    world.takes_s = 0.25
    world.ask("month")
    world.now_s = 400
    world.ask("month")
    assert not prepared(world, "month")
    world.waiting.pop()()
    assert world.ask("month") == "month 2"
