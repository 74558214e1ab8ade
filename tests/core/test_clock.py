"""Instants are UTC; days belong to a timezone."""

from datetime import UTC, date, datetime

import pytest

from floorline import clock

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31 12:00:00", "1769860800", 1769860800, 1769860800000,
        1769860800000000, NOON, datetime(2026, 1, 31, 12),  # noqa: DTZ001 - a naive time is UTC
    ],
)  # fmt: skip
def test_every_way_to_write_an_instant_means_the_same(value: str | int | datetime) -> None:
    assert clock.parse_instant(value) == NOON


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01T00:00:00Z", -1, 10**18])
def test_what_is_no_instant_is_refused(value: str | int) -> None:
    with pytest.raises(ValueError, match=r"time"):
        clock.parse_instant(value)


def test_a_day_belongs_to_its_timezone() -> None:
    late = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    assert clock.day_of(late, clock.timezone("Europe/Berlin")) == date(2026, 2, 1)
    assert clock.day_of(late, clock.timezone("UTC")) == date(2026, 1, 31)


def test_an_unknown_timezone_is_named() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        clock.timezone("Mars/Olympus")


def test_days_exclude_their_end() -> None:
    assert clock.days(date(2026, 2, 27), date(2026, 3, 2)) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]


def test_months_start_on_their_first() -> None:
    assert clock.month_start(date(2026, 2, 28)) == date(2026, 2, 1)
    assert clock.next_month(date(2026, 12, 31)) == date(2027, 1, 1)


def test_a_report_is_of_days_that_have_days_around_them() -> None:
    assert clock.reported_day("2026-01-31") == date(2026, 1, 31)
    for far in ("0001-01-01", "9999-12-31"):
        with pytest.raises(ValueError, match="years 1970 to 2999"):
            clock.reported_day(far)
