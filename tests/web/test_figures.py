"""How figures read: short for people, to the last digit for whoever points at them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from floorline.web.figures import exact, shown

ZONE = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("value", "unit", "said"), [
    (Decimal("1234.5"), "usd", "$1,234"),
    (Decimal("999.995"), "usd", "$1,000.00"),
    (Decimal("-12.345"), "usd", "−$12.34"),
    (Decimal("0.0012345"), "usd", "$0.00123"),
    (Decimal("0.000000000001"), "usd", "$0.000000000001"),
    (Decimal(0), "usd", "$0.00"),
    (Decimal("0.4567"), "percent", "45.7\u00a0%"),
    (Decimal("-0.021"), "points", "−2.1\u00a0pts"),
    (Decimal("0.021"), "points", "+2.1\u00a0pts"),
    (1234567, "count", "1,234,567"),
    (1234567, "tokens", "1.2\u202fM"),
    (950, "tokens", "950"),
    (480, "ms", "480\u00a0ms"),
    (1480, "ms", "1.5\u00a0s"),
    (7_200_000, "ms", "2.0\u00a0h"),
    (3 << 20, "bytes", "3.0\u00a0MiB"),
    (date(2026, 1, 3), "day", "3 Jan 2026"),
    (datetime(2026, 1, 3, 9, tzinfo=UTC), "instant", "3 Jan 2026 10:00:00"),
    (True, "flag", "yes"),
    ("red", "zone", "▼ below floor"),
    ("gpt-4o", "text", "gpt-4o"),
])  # fmt: skip
def test_a_figure_reads_as_people_write_it(value, unit, said):
    assert shown(value, unit, ZONE) == said


@pytest.mark.parametrize(("value", "unit", "said"), [
    (Decimal("0.0012345"), "usd", "0.001234500000 USD"),
    (Decimal("0.456789"), "percent", "45.678900 %"),
    (1234567, "tokens", "1,234,567 tokens"),
    (datetime(2026, 1, 3, 9, tzinfo=UTC), "instant", "2026-01-03T10:00:00+01:00 (Europe/Berlin)"),
    ("gpt-4o", "text", ""),
    (None, "usd", ""),
])  # fmt: skip
def test_whoever_points_at_a_figure_sees_every_digit(value, unit, said):
    assert exact(value, unit, "Europe/Berlin", ZONE) == said
