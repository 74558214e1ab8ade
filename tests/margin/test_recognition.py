"""An amount is earned day by day, and its days sum to it exactly."""

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from floorline.margin.revenue import Window, month_of, pieces, share_of

JANUARY = date(2026, 1, 1).toordinal()
amounts = st.integers(-(10**19), 10**19)
periods = st.tuples(st.integers(0, 800), st.integers(0, 800)).map(lambda t: (JANUARY + t[0], JANUARY + t[0] + t[1]))


def recognised(amount: int, period: tuple[int, int], window: tuple[int, int]) -> int:
    """The rule in one place: the difference of two cumulative shares."""
    start, end = period
    n = max(1, end - start)
    first, last = (min(max(day - start, 0), n) for day in window)
    return share_of(amount, last, n) - share_of(amount, first, n)


def days(start: int, end: int) -> list[tuple[int, int]]:
    return [(day, day + 1) for day in range(start, end)]


@given(amounts, periods)
def test_the_days_of_a_line_sum_to_the_line(amount, period):
    start, end = period
    assert sum(recognised(amount, period, day) for day in days(start, max(end, start + 1))) == amount


@given(amounts, periods, st.integers(-50, 900), st.integers(0, 400))
def test_any_window_is_the_sum_of_its_days(amount, period, offset, length):
    first = JANUARY + offset
    window = (first, first + length)
    assert recognised(amount, period, window) == sum(recognised(amount, period, day) for day in days(*window))


@given(amounts, periods, st.integers(0, 700), st.integers(1, 100), st.sets(st.integers(0, 900), max_size=6))
def test_pieces_between_cuts_are_the_recognised_amounts_of_their_stretches(amount, period, offset, length, boundaries):
    window = Window(start=JANUARY + offset, end=JANUARY + offset + length)
    cuts = window.cuts([JANUARY + b for b in boundaries])
    found = dict(pieces(amount, period, cuts))
    expected = {
        a: recognised(amount, period, (a, b)) for a, b in itertools.pairwise(cuts) if recognised(amount, period, (a, b))
    }
    assert found == expected


def test_an_annual_plan_earns_a_day_in_365():
    year = (JANUARY, JANUARY + 365)
    assert recognised(1_200 * 10**12, year, (JANUARY, JANUARY + 31)) == 101_917_808_219_178


def test_halves_are_rounded_to_even():
    assert [share_of(amount, 1, 2) for amount in (1, 3, 5, -1, -3)] == [0, 2, 2, 0, -2]


def test_a_period_without_a_day_earns_everything_on_its_first_day():
    assert recognised(7, (JANUARY, JANUARY), (JANUARY, JANUARY + 1)) == 7
    assert recognised(7, (JANUARY, JANUARY), (JANUARY + 1, JANUARY + 9)) == 0


def test_a_window_reaches_over_the_whole_months_that_it_touches():
    window = Window(start=date(2026, 1, 20).toordinal(), end=date(2026, 3, 1).toordinal())
    assert [date.fromordinal(m) for m in window.months] == [date(2026, 1, 1), date(2026, 2, 1)]
    assert date.fromordinal(window.reach_end) == date(2026, 3, 1)
    assert [date.fromordinal(c) for c in window.cuts([])] == [
        date(2026, 1, 1), date(2026, 1, 20), date(2026, 2, 1), date(2026, 3, 1),
    ]  # fmt: skip


@given(st.dates(date(1980, 1, 1), date(2140, 1, 1)))
def test_a_month_starts_on_its_first_day(day):
    assert date.fromordinal(month_of(day.toordinal())) == day.replace(day=1) <= day + timedelta(days=1)
