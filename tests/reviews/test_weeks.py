from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.reviews.weeks import Quarter, Week, parse_quarter, parse_week, quarter_of, week_of


def test_2026_has_a_week_53_that_ends_in_2027():
    week = parse_week("2026-W53")
    assert (week.start, week.end) == (date(2026, 12, 28), date(2027, 1, 4))
    assert week_of(date(2027, 1, 1)) == week_of(date(2027, 1, 3)) == week
    assert str(week_of(date(2027, 1, 4))) == "2027-W01"
    assert week_of(date(2027, 1, 4)).before() == week


@pytest.mark.parametrize("text", ["2025-W53", "2026-W54", "2026-W00", "0001-W01", "9999-W52", "2026-46", "W46", ""])
def test_a_week_that_no_calendar_has_is_refused_by_name(text):
    with pytest.raises(ValueError, match="is not a week"):
        parse_week(text)


def test_a_week_over_the_leap_day_has_seven_days():
    week = week_of(date(2028, 2, 29))
    assert str(week) == "2028-W09"
    assert date(2028, 2, 29) in {week.start + timedelta(days=n) for n in range(7)}


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_every_day_is_in_one_week_and_every_week_in_one_quarter(day):
    week = week_of(day)
    assert week.start <= day < week.end
    assert parse_week(str(week)) == week
    quarter = quarter_of(day)
    assert quarter.start <= day < quarter.end
    assert parse_quarter(str(quarter)) == quarter
    owners = [
        one
        for one in (quarter_of(day - timedelta(days=10)), quarter, quarter_of(day + timedelta(days=10)))
        if week in one.weeks
    ]
    assert len(set(owners)) == 1


def test_a_quarter_has_13_weeks_or_14_where_the_year_has_53():
    assert [len(Quarter(2025, number).weeks) for number in (1, 2, 3, 4)] == [13, 13, 13, 13]
    assert sum(len(Quarter(2026, number).weeks) for number in (1, 2, 3, 4)) == 53
    assert Quarter(2026, 4).weeks[-1] == Week(2026, 53)


def test_a_quarter_that_is_none_is_refused():
    with pytest.raises(ValueError, match="write it as 2026-Q4"):
        parse_quarter("2026-Q5")
