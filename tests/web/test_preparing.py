"""Pages are made before anybody asks: which, in what order, and with how long a rest between them."""

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

from floorline.web.pages.cohorts import CohortsParams, build
from floorline.web.preparing import NOTED_AGAIN, OPENED, OPENED_MAX, PAUSE_S, REST, Preparing, Wanted
from floorline.web.view import View


def page(name: str) -> Wanted:
    return Wanted(View(path=f"/{name}", title=name, params=CohortsParams, said="", build=build), CohortsParams())


NOW, MONTH, CUSTOMER = page("now"), page("month"), page("customer")
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


class World:
    """A clock, which pages are to be made and how long that takes, and which were."""

    def __init__(self) -> None:
        self.now_s, self.takes_s = 0.0, 0.5
        self.due = {NOW, MONTH, CUSTOMER}
        self.broken: set[Wanted] = set()
        self.made: list[Wanted] = []
        self.noted: list[tuple[Wanted, datetime]] = []
        self.preparing = self.started({})

    def started(self, before: dict[Wanted, datetime]) -> Preparing:
        return Preparing(
            always=[NOW, MONTH],
            before=before,
            prepare=self.prepare,
            note=lambda page, at: self.noted.append((page, at)),
            now_s=lambda: self.now_s,
            now=self.now,
        )

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.now_s)

    def prepare(self, wanted: Wanted) -> Future[bool]:
        done: Future[bool] = Future()
        if wanted in self.broken:
            done.set_exception(ValueError("no such page"))
            return done
        done.set_result(wanted in self.due)
        if wanted in self.due:
            self.due.remove(wanted)
            self.made.append(wanted)
            self.now_s += self.takes_s
        return done


def test_main_pages_are_made_first_and_then_those_that_somebody_opened_with_a_rest_between():
    world = World()
    world.preparing.opened(CUSTOMER)
    assert [world.preparing.step() for _ in range(4)] == [REST * 0.5] * 3 + [PAUSE_S]
    assert world.made == [NOW, MONTH, CUSTOMER]


def test_what_was_quickly_made_is_followed_by_a_pause_all_the_same():
    world = World()
    world.takes_s = 0.01
    assert world.preparing.step() == PAUSE_S


def test_a_page_that_nobody_opened_for_a_day_is_wanted_no_more():
    world = World()
    world.preparing.opened(CUSTOMER)
    world.preparing.opened(NOW)
    assert world.preparing.wanted() == [NOW, MONTH, CUSTOMER]
    world.now_s = OPENED.total_seconds() + 1
    assert world.preparing.wanted() == [NOW, MONTH]


def test_of_many_opened_pages_the_last_ones_are_wanted():
    world = World()
    many = [page(f"customer-{n}") for n in range(OPENED_MAX + 5)]
    for one in many:
        world.preparing.opened(one)
    assert world.preparing.wanted() == [NOW, MONTH, *many[:4:-1]]


def test_a_page_that_cannot_be_made_is_left_until_somebody_opens_it():
    world = World()
    world.broken = {NOW}
    world.preparing.step()
    assert world.preparing.wanted() == [MONTH]
    world.preparing.opened(NOW)
    assert world.preparing.wanted() == [MONTH, NOW]


def test_what_was_opened_before_a_restart_is_wanted_after_it():
    world = World()
    one, other = page("one"), page("other")
    again = world.started({one: NOON - timedelta(days=2), CUSTOMER: NOON - timedelta(hours=3), other: NOON})
    assert again.wanted() == [NOW, MONTH, other, CUSTOMER]


def test_that_a_page_was_opened_is_noted_before_the_next_one_is_made_and_once_an_hour():
    world = World()
    for _ in range(3):
        world.preparing.opened(CUSTOMER)
    assert world.noted == []
    world.preparing.step()
    world.preparing.opened(CUSTOMER)
    world.preparing.step()
    assert world.noted == [(CUSTOMER, NOON)]
    world.now_s = NOTED_AGAIN.total_seconds()
    world.preparing.opened(CUSTOMER)
    world.preparing.stop()
    assert world.noted == [(CUSTOMER, NOON), (CUSTOMER, NOON + NOTED_AGAIN)]


def test_what_never_began_is_stopped_too():
    world = World()
    world.preparing.stop()
    assert world.made == []
