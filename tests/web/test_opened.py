"""Which pages were opened, as the next process finds them."""

from datetime import UTC, date, datetime, timedelta

from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited, State
from floorline.web.opened import ID, SHELF, Opened, OpenedPages
from floorline.web.pages import VIEWS
from floorline.web.params import read_params
from floorline.web.preparing import OPENED, OPENED_MAX, Wanted

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def pages(state: State) -> OpenedPages:
    return OpenedPages(Shelf(state, SHELF, Opened), VIEWS)


def asked(path: str, query: str = "", **names: str) -> Wanted:
    view = next(one for one in VIEWS if one.path == path)
    return Wanted(view, read_params(view.params, query, names))


def test_every_page_is_found_again_with_all_that_it_was_asked_with_the_latest_last(state):
    customer = asked("/customers/{customer}", "from=2026-02-01&to=2026-03-01&against=previous", customer="acme / north")
    features = asked("/features", "days=7&environment=staging")
    for n, page in enumerate((features, customer, features)):
        pages(state).note(page, NOON + timedelta(minutes=n))
    assert list(pages(state).all().items()) == [
        (customer, NOON + timedelta(minutes=1)),
        (features, NOON + timedelta(minutes=2)),
    ]
    assert next(iter(pages(state).all())).params.from_ == date(2026, 2, 1)


def test_pages_that_are_long_ago_or_too_many_are_noted_no_more(state):
    kept = pages(state)
    kept.note(asked("/features"), NOON - OPENED)
    for n in range(OPENED_MAX + 1):
        kept.note(asked("/customers/{customer}", customer=f"c{n}"), NOON)
    assert [page.params.customer for page in kept.all()] == [f"c{n}" for n in range(1, OPENED_MAX + 1)]


def test_a_name_that_was_erased_does_not_come_back_with_another_page(state):
    kept = pages(state)
    kept.note(asked("/customers/{customer}", customer="acme"), NOON)
    entry = Audited(at=NOON, actor="kim", action="erase.customer", subject="erased-1")
    state.erased({"acme": "erased-1"}, entry, setting="s", value="v")
    kept.note(asked("/features"), NOON)
    assert [getattr(page.params, "customer", "") for page in kept.all()] == ["erased-1", ""]
    assert "acme" not in str(Shelf(state, SHELF, Opened).get(ID))


def test_what_another_release_noted_and_this_one_does_not_know_is_left_out(state):
    pages(state).note(asked("/features"), NOON)
    pages(state).note(asked("/customers/{customer}", customer="acme"), NOON)
    fewer = [view for view in VIEWS if view.path != "/features"]
    assert [page.view.path for page in OpenedPages(Shelf(state, SHELF, Opened), fewer).all()] == [
        "/customers/{customer}"
    ]
