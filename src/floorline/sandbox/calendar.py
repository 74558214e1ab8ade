"""The demo company's days: what it has lived of them, and which of them the screens tell of.

Everything that happens in its story happens a number of days after the first, whatever the date: so a seed gives the same figures on
any day on which the demo runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from floorline.sandbox.table import DAYS

HISTORY_DAYS = 90
SHOWN_DAY = HISTORY_DAYS - DAYS
"""The first of the last DAYS days: those that the screens tell of."""

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Days of the company from `first` to the one before `end`, counted from 0; what would run past `end_us` ends with it."""

    first: int
    end: int
    end_us: int

    @property
    def name(self) -> str:
        """What tells its runs from those of other stretches."""
        return f"d{self.first:02d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """HISTORY_DAYS whole days that end with the one before `until`, and the day that runs up to `now`, if it is to be lived too.
    Days are UTC's.
    """

    until: date
    now: datetime | None = None

    @property
    def opened(self) -> date:
        """The first day."""
        return self.until - timedelta(days=HISTORY_DAYS)

    @property
    def start(self) -> date:
        """The first of the days that the screens tell of; they end with the one before `until`."""
        return self.until - timedelta(days=DAYS)

    def day(self, number: int) -> date:
        """The day `number` days after the first."""
        return self.opened + timedelta(days=number)

    def instant(self, at_us: int) -> datetime:
        """The instant `at_us` after the first day began."""
        return datetime.combine(self.opened, time(), UTC) + timedelta(microseconds=at_us)

    @property
    def shown(self) -> Stretch:
        """The days that the screens tell of."""
        return _stretch(SHOWN_DAY, HISTORY_DAYS)

    @property
    def earlier(self) -> Sequence[Stretch]:
        """The days before those, in the order of time, in two parts of about as many calls."""
        return _stretch(0, _HALF), _stretch(_HALF, SHOWN_DAY)

    @property
    def today(self) -> Stretch | None:
        """The day that runs, up to now."""
        if self.now is None:
            return None
        begun = datetime.combine(self.until, time(), UTC)
        run = max(self.now - begun, timedelta(0)) // timedelta(microseconds=1)
        return Stretch(first=HISTORY_DAYS, end=HISTORY_DAYS + 1, end_us=HISTORY_DAYS * DAY_US + min(run, DAY_US))


_HALF = 58


def _stretch(first: int, end: int) -> Stretch:
    return Stretch(first=first, end=end, end_us=end * DAY_US)


def running(now: datetime) -> Calendar:
    """A calendar whose last whole day is yesterday."""
    return Calendar(until=now.astimezone(UTC).date(), now=now)
