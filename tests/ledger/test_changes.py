"""What is remembered, for how long, and how much of it: the memory by itself, with an asker that counts."""

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import msgspec
import pytest

from floorline.ledger.changes import Changes
from floorline.ledger.memory import MADE_BYTES_MAX, Memory, weight_of
from floorline.query import Halves, Query, Reads

TODAY = date(2026, 3, 31)
MONTH = TODAY - timedelta(days=30)
STARTS = [86_400 * day for day in range(30_000)]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class Store:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def query(self, query: Query[Row]) -> list[Row]:
        self.asked.append(query.sql)
        return [Row(text=f"{query.sql} {len(self.asked)}")]


def memory_of(store: Store, *, bytes_max: int = 1 << 20) -> Memory:
    return Memory(Changes(STARTS), store.query, today=lambda: TODAY, bytes_max=bytes_max)


def of_days(sql: str, start: date, end: date) -> Query[Row]:
    return Query(sql=sql, row=Row, reads=Reads(dated=frozenset({"calls"}), start=start, end=end))


def month(sql: str = "month") -> Query[Row]:
    """A question that goes on until today."""

    def parts(day: date) -> tuple[Query[Row], Query[Row]]:
        return of_days(f"{sql} before", MONTH, day), of_days(f"{sql} since", day, TODAY + timedelta(days=1))

    return Query(
        sql=sql, row=Row, reads=of_days(sql, MONTH, TODAY + timedelta(days=1)).reads,
        halves=Halves(parts=parts, together=lambda before, since: [*before, *since]),
    )  # fmt: skip


def test_a_call_of_today_asks_for_today_alone():
    store = Store()
    memory = memory_of(store)
    first = memory.answer(month(), memory.changes.now)
    assert memory.answer(month(), memory.changes.now) == first
    memory.changes.of_day("calls", TODAY)
    memory.answer(month(), memory.changes.now)
    assert store.asked == ["month before", "month since", "month since"]


def test_a_late_call_of_a_closed_day_is_in_the_next_answer():
    store = Store()
    memory = memory_of(store)
    memory.answer(month(), memory.changes.now)
    memory.changes.of_day("calls", MONTH)
    memory.answer(month(), memory.changes.now)
    assert store.asked == ["month before", "month since", "month before"]


def test_other_days_and_other_tables_change_nothing():
    store = Store()
    memory = memory_of(store)
    question = of_days("days", MONTH, TODAY)
    memory.answer(question, memory.changes.now)
    memory.changes.of_day("calls", TODAY)
    memory.changes.of_day("calls", MONTH - timedelta(days=1))
    memory.changes.of_day("outcomes", MONTH)
    memory.answer(question, memory.changes.now)
    assert store.asked == ["days"]
    memory.changes.of_everything()
    memory.answer(question, memory.changes.now)
    assert store.asked == ["days", "days"]


def test_who_does_not_say_what_is_read_is_asked_each_time():
    store = Store()
    memory = memory_of(store)
    for _ in range(2):
        memory.answer(Query(sql="now", row=Row), memory.changes.now)
    assert store.asked == ["now", "now"]


def test_a_change_while_the_store_answers_makes_the_answer_old():
    store = Store()
    changes = Changes(STARTS)

    def ask(query: Query[Row]) -> list[Row]:
        rows = store.query(query)
        changes.of_day("calls", MONTH)
        return rows

    memory = Memory(changes, ask, today=lambda: TODAY, bytes_max=1 << 20)
    question = of_days("days", MONTH, TODAY)
    memory.answer(question, changes.now)
    memory.answer(question, changes.now)
    assert store.asked == ["days", "days"]


def test_what_cannot_be_answered_is_not_remembered():
    down = [True]

    def ask(query: Query[Row]) -> list[Row]:
        if down[0]:
            raise OSError("down")
        return [Row(text=query.sql)]

    memory = Memory(Changes(STARTS), ask, today=lambda: TODAY, bytes_max=1 << 20)
    with pytest.raises(OSError, match="down"):
        memory.answer(of_days("days", MONTH, TODAY), 0)
    down[0] = False
    assert memory.answer(of_days("days", MONTH, TODAY), 0) == [Row(text="days")]


def test_who_asks_what_is_being_answered_waits_for_it():
    store, begun, go_on = Store(), threading.Event(), threading.Event()

    def ask(query: Query[Row]) -> list[Row]:
        begun.set()
        go_on.wait(10)
        return store.query(query)

    memory = Memory(Changes(STARTS), ask, today=lambda: TODAY, bytes_max=1 << 20)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(memory.answer, of_days("days", MONTH, TODAY), 0)
        begun.wait(10)
        assert not memory.holds(of_days("days", MONTH, TODAY))
        second = threads.submit(memory.answer, of_days("days", MONTH, TODAY), 0)
        go_on.set()
        assert first.result(10) == second.result(10)
    assert store.asked == ["days"]


def test_the_least_recently_used_answers_leave_first():
    store = Store()
    memory = memory_of(store, bytes_max=2 * weight_of([Row(text="days-1 1")]))
    one, two, three = (of_days(f"days-{n}", MONTH, TODAY) for n in (1, 2, 3))
    for question in (one, two, one, three):
        memory.answer(question, 0)
    assert [memory.holds(question) for question in (one, two, three)] == [True, False, True]


def test_what_is_heavy_leaves_room_for_what_was_made_of_answers_since():
    memory, made, rows = memory_of(Store()), list[int](), [Row(text="kept")]

    def make(number: int, weight: int) -> int:
        return memory.made(number, [rows], lambda: made.append(number) or number, lambda _: weight)

    half = MADE_BYTES_MAX // 2
    assert [make(number, half) for number in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert made == [1, 2, 3, 2]
    make(4, 2 * MADE_BYTES_MAX)
    assert [make(number, 0) for number in (4, 1)] == [4, 1]
    assert made[4:] == [4, 4, 1]


def test_what_is_made_of_answers_is_made_again_when_they_are_others():
    store, made = Store(), list[str]()
    memory = memory_of(store)

    def make() -> str:
        rows = memory.answer(of_days("days", MONTH, TODAY), memory.changes.now)
        return memory.made("key", [rows], lambda: made.append("once") or rows[0].text)

    assert (make(), make()) == ("days 1", "days 1")
    memory.changes.of_day("calls", MONTH)
    assert (make(), make(), made) == ("days 2", "days 2", ["once", "once"])


class Thing:
    """What is made of something."""


def test_what_was_made_of_an_answer_goes_with_it_and_so_does_what_was_made_of_that():
    memory = memory_of(Store())

    def make() -> list[Thing]:
        rows = memory.answer(month(), memory.changes.now)
        things = [memory.made("part", [row], Thing) for row in rows]
        return [*things, memory.made("whole", things, Thing)]

    before, since, whole = map(weakref.ref, make())
    memory.changes.of_day("calls", TODAY)
    memory.answer(month(), memory.changes.now)
    assert before() is make()[0]
    assert (since(), whole()) == (None, None)
