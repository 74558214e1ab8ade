"""A page's address holds every filter, and what is wrong in one is said with how to write it."""

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.margin.bridge import Days
from floorline.web.http import Refused
from floorline.web.params import Params, Window, address, read_params, segment

TODAY = date(2026, 11, 20)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
DAY = st.dates(date(2000, 1, 1), date(2030, 1, 1))


class Asked(Window, frozen=True, kw_only=True):
    feature: str
    state: tuple[str, ...] = ()
    least: int | None = None
    all_: bool = msgspec.field(default=False, name="all")


def wrong(query, type_=Asked, **names):
    with pytest.raises(Refused) as refused:
        read_params(type_, query, names or {"feature": "f"})
    return refused.value.message


@given(
    feature=WORDS, state=st.lists(WORDS, max_size=3), least=st.none() | st.integers(), all_=st.booleans(),
    from_=st.none() | DAY, to=st.none() | DAY, against=st.sampled_from(["", "previous"]), sort=st.sampled_from(["", "t.-a"]),
)  # fmt: skip
def test_an_address_reads_back_as_the_same_parameters(feature, state, least, all_, from_, to, against, sort):
    asked = Asked(
        feature=feature, state=tuple(state), least=least, all_=all_, from_=from_, to=to, against=against, sort=sort
    )
    path, _, query = address("/features/{feature}", asked).partition("?")
    assert path.count("/") == 2
    assert read_params(Asked, query, {"feature": feature}) == asked


@given(days=st.integers(1, 400), end=DAY)
def test_the_days_before_are_as_many_and_end_where_the_window_begins(days, end):
    asked = Window(to=end, days=days, against="previous")
    window, before = asked.window(TODAY), asked.before(TODAY)
    assert (window.end, window.end - window.start) == (end, timedelta(days=days))
    assert (before.end, before.end - before.start) == (window.start, timedelta(days=days))


def test_thirty_days_up_to_today_are_shown_when_nothing_is_said():
    assert Window().window(TODAY) == Days(TODAY - timedelta(days=29), TODAY + timedelta(days=1))
    assert Window().before(TODAY) is None
    assert Window(against="2026-01-01..2026-02-01").before(TODAY) == Days(date(2026, 1, 1), date(2026, 2, 1))


@pytest.mark.parametrize(("query", "said"), [
    ("form=2026-01-01", "there is no parameter 'form': sort, page, from, to, days"),
    ("from=yesterday", "Invalid RFC3339 encoded date - at `$.from`: mend that parameter"),
    ("days=0", "Expected `int` >= 1 - at `$.days`"),
    ("feature=other", "feature is in the path: leave it out of the query"),
    ("from=%FF", "the query cannot be read"),
    ("all=perhaps", "Expected `bool`"),
    ("a=" + "x" * 9_000, "the query has more than 8192 characters"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_how_to_mend_it(query, said):
    assert said in wrong(query)


@pytest.mark.parametrize(("asked", "said"), [
    (Window(from_=TODAY, to=TODAY), "holds no day"),
    (Window(from_=TODAY, days=3), "both say where the window begins"),
    (Window(from_=date(1900, 1, 1)), "is not a day of the years 1970"),
    (Window(from_=date(2020, 1, 1)), "more than 1100 days"),
])  # fmt: skip
def test_a_window_that_is_none_is_refused(asked, said):
    with pytest.raises(Refused, match=said):
        asked.window(TODAY)


@pytest.mark.parametrize("against", ["next", "2026-01-01", "2026-01-01..", "2026-02-01..2026-01-01"])
def test_a_comparison_that_is_none_is_refused(against):
    with pytest.raises(Refused):
        Window(against=against).before(TODAY)


def test_a_filter_is_changed_without_the_others():
    asked = Window(days=7, environment="all")
    assert address("/x", asked, days=None, from_=date(2026, 1, 1)) == "/x?environment=all&from=2026-01-01"


def test_empty_fields_of_a_form_are_no_parameters():
    assert read_params(Window, "from=&to=&against=", {}, form=True) == Window()
    assert "from" in wrong("from=")
    assert read_params(Params, "", {}) == Params()


def test_a_name_is_one_part_of_a_path_and_has_no_ending():
    assert segment("margin_red/chat.json") == "margin_red%2Fchat%2Ejson"
