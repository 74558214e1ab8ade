"""Windows: calendars of places, anchors, and days on which clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.guardrails.windows import Window

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
)
windows = st.builds(
    Window,
    unit=st.sampled_from(["hour", "day", "week", "month"]),
    timezone=st.sampled_from(ZONES),
    anchor_day=st.integers(1, 7),
) | st.builds(Window, unit=st.just("month"), timezone=st.sampled_from(ZONES), anchor_day=st.integers(1, 31))
instants = st.integers(0, 35 * 366 * 86_400).map(lambda s: datetime(2005, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def bounds(window: Window, instant: str) -> tuple[datetime, datetime, str]:
    span = window.at(at(instant))
    return span.start, span.end, span.name


@given(windows, instants)
def test_every_instant_is_in_exactly_one_window(window: Window, instant: datetime) -> None:
    span = window.at(instant)
    assert span.start <= instant < span.end
    assert window.at(span.start) == span
    assert window.at(span.end - timedelta(microseconds=1)) == span
    assert window.at(span.end).start == span.end


def test_a_month_is_a_calendar_month_of_its_place_not_thirty_days() -> None:
    berlin = Window(timezone="Europe/Berlin")
    found = bounds(berlin, "2026-03-31T23:59:59+02:00")
    assert found == (at("2026-03-01T00:00+01:00"), at("2026-04-01T00:00+02:00"), "2026-03")
    assert bounds(berlin, "2026-03-31T22:00:00+00:00")[2] == "2026-04"


@pytest.mark.parametrize(
    ("anchor", "instant", "start", "end"),
    [
        (15, "2026-03-14T23:00+00:00", "2026-02-15T00:00+00:00", "2026-03-15T00:00+00:00"),
        (15, "2026-03-15T00:00+00:00", "2026-03-15T00:00+00:00", "2026-04-15T00:00+00:00"),
        (31, "2026-02-28T00:00+00:00", "2026-02-28T00:00+00:00", "2026-03-31T00:00+00:00"),
        (31, "2026-02-27T23:59+00:00", "2026-01-31T00:00+00:00", "2026-02-28T00:00+00:00"),
        (30, "2028-02-29T12:00+00:00", "2028-02-29T00:00+00:00", "2028-03-30T00:00+00:00"),
        (2, "2026-01-01T12:00+00:00", "2025-12-02T00:00+00:00", "2026-01-02T00:00+00:00"),
    ],
)
def test_a_billing_month_begins_on_its_anchor_day_or_the_last_day_there_is(
    anchor: int, instant: str, start: str, end: str
) -> None:
    found = bounds(Window(anchor_day=anchor), instant)
    assert found[:2] == (at(start), at(end))


def test_a_week_begins_on_its_anchor_day() -> None:
    assert bounds(Window(unit="week"), "2026-11-29T12:00+00:00")[2] == "2026-11-23"
    assert bounds(Window(unit="week", anchor_day=7), "2026-11-29T12:00+00:00")[2] == "2026-11-29"


@pytest.mark.parametrize(("instant", "hours"), [("2026-03-29T12:00+02:00", 23), ("2026-10-25T12:00+01:00", 25)])
def test_a_day_on_which_clocks_change_has_23_or_25_hours(instant: str, hours: int) -> None:
    start, end, _ = bounds(Window(unit="day", timezone="Europe/Berlin"), instant)
    assert end - start == timedelta(hours=hours)


def test_the_hour_that_comes_twice_is_two_windows() -> None:
    berlin = Window(unit="hour", timezone="Europe/Berlin")
    first, second = bounds(berlin, "2026-10-25T02:30+02:00"), bounds(berlin, "2026-10-25T02:30+01:00")
    assert first[1] == second[0]
    assert (first[2], second[2]) == ("2026-10-25T02", "2026-10-25T03")


def test_a_day_whose_midnight_is_skipped_begins_when_clocks_move() -> None:
    start, end, _ = bounds(Window(unit="day", timezone="America/Havana"), "2026-03-08T12:00-04:00")
    assert (start, end) == (at("2026-03-08T05:00+00:00"), at("2026-03-09T04:00+00:00"))
