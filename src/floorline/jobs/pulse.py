"""What happens now: calls and their cost in steps of five minutes, beside what a call of each feature earns.

beat = pulse(ledger, names, now, scope)         one query of calls_5m
earned = earned_per_call(margins, today, scope) one margin table of the last whole days
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib import resources
from typing import NamedTuple

import msgspec

from floorline.alerts.moments import RULE, Moment, Reading, readings
from floorline.alerts.tuning import Tuning
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.surface import Answering
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.margin.metrics import per
from floorline.margin.table import NAMELESS
from floorline.money import usd_of
from floorline.query import Query

STEP = timedelta(minutes=5)
SHOWN = timedelta(hours=24)
HOUR = timedelta(hours=1)
EARNED_DAYS = 7
"""Whole days before today whose revenue and calls say what a call earns."""

_SQL = resources.files("floorline.jobs").joinpath("sql", "pulse.sql")


class SliceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of pulse.sql; `cost` in 10^-12 USD."""

    feature: str
    at: datetime
    calls: int
    unpriced: int
    hits: int
    refused: int
    errors: int
    cost: int


class Slice(NamedTuple):
    """The calls of five minutes, or of several; `cost` in 10^-12 USD."""

    calls: int = 0
    unpriced: int = 0
    hits: int = 0
    refused: int = 0
    errors: int = 0
    cost: int = 0

    def plus(self, other: "Slice") -> "Slice":
        """The sums of both."""
        return Slice._make([a + b for a, b in zip(self, other, strict=True)])

    @property
    def priced(self) -> int:
        """Calls whose cost is known."""
        return max(0, self.calls - self.unpriced)

    @property
    def is_known(self) -> bool:
        """Whether anything is known of the cost: not where nothing but calls without a price can have cost something."""
        return self.priced > 0 and not (self.unpriced and not self.cost)

    @property
    def usd(self) -> Decimal | None:
        """What the priced calls cost, USD; None where nothing is known."""
        return usd_of(self.cost) if self.is_known or not self.calls else None

    @property
    def cost_per_call(self) -> Decimal | None:
        """USD a priced call; None without one, and where nothing is known."""
        return per(self.cost, self.priced) if self.is_known else None


NO_CALLS = Slice()


class Point(NamedTuple):
    """Five minutes of a feature from `at` on, and whether its cost per call is unusual."""

    at: datetime
    sums: Slice
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What came in from `since` to the instant of the pulse."""

    since: datetime
    seconds: Decimal
    sums: Slice

    @property
    def calls_per_second(self) -> Decimal:
        """Calls a second."""
        return Decimal(self.sums.calls) / self.seconds

    @property
    def usd_per_hour(self) -> Decimal:
        """What the calls cost, as of an hour at this rate."""
        return usd_of(self.sums.cost) * 3_600 / self.seconds

    def share(self, part: int) -> Decimal | None:
        """A part of the calls; None without any."""
        return Decimal(part) / self.sums.calls if self.sums.calls else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The five minutes from `start` (twice the time shown, so that the first shown have a past) to `now`, by feature. Minutes
    in which a feature had no call are not there.
    """

    start: datetime
    now: datetime
    features: Mapping[str, Mapping[datetime, Slice]]

    @property
    def shown_from(self) -> datetime:
        """The first five minutes that are shown."""
        return slice_of(self.now - SHOWN)

    def rate(self, span: timedelta) -> Rate:
        """What came since the five minutes in which the last `span` began."""
        since = slice_of(self.now - span)
        sums = NO_CALLS
        for slices in self.features.values():
            for at, one in slices.items():
                if at >= since:
                    sums = sums.plus(one)
        return Rate(since=since, seconds=Decimal(str((self.now - since).total_seconds())), sums=sums)

    def total(self, feature: str) -> Slice:
        """A feature's calls of the time shown."""
        first, sums = self.shown_from, NO_CALLS
        for at, one in self.features[feature].items():
            if at >= first:
                sums = sums.plus(one)
        return sums

    def points(self, feature: str, tuning: Tuning) -> list[Point]:
        """Every five minutes shown of a feature, oldest first."""
        slices = self.features[feature]
        instants = list(_steps(self.start, self.now))
        every = [slices.get(at, NO_CALLS) for at in instants]
        read = readings([Moment(one.cost, one.priced) for one in every], tuning.of(RULE, feature))
        first = self.shown_from
        return [Point(*one) for one in zip(instants, every, read, strict=True) if one[0] >= first]

    def by_spend(self) -> list[str]:
        """The features that had calls in the time shown, dearest first."""
        totals = {feature: self.total(feature) for feature in self.features}
        return sorted(
            (name for name, sums in totals.items() if sums.calls), key=lambda name: (-totals[name].cost, name)
        )


def pulse(ledger: Answering, names: Names, now: datetime, scope: Scope) -> Pulse:
    """Calls up to `now`, by the features' canonical names."""
    start = slice_of(now - 2 * SHOWN)
    asked = Query(
        sql=_SQL.read_text(encoding="utf-8"),
        row=SliceRow,
        parameters={
            "day": start.date(), "start": start, "end": now, "environment": scope.environment, "purpose": scope.purpose,
        },
    )  # fmt: skip
    features: dict[str, dict[datetime, Slice]] = {}
    for row in ledger.query(asked):
        slices = features.setdefault(names.resolve("feature", row.feature, row.at.date().toordinal()), {})
        sums = Slice(row.calls, row.unpriced, row.hits, row.refused, row.errors, row.cost)
        slices[row.at] = slices.get(row.at, NO_CALLS).plus(sums)
    return Pulse(start=start, now=now, features=features)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What calls earned over some whole days: recognised revenue ÷ calls, by feature. None is unknown."""

    start: date
    end: date
    per_call: Mapping[str, Decimal]

    def of(self, feature: str) -> Decimal | None:
        """USD a call of the feature; None where it had no call or no revenue then."""
        return self.per_call.get(feature)


def earned_per_call(margins: Margins, today: date, scope: Scope) -> Earned:
    """What a call of each feature earned in the last EARNED_DAYS whole days."""
    start = today - timedelta(days=EARNED_DAYS)
    report = margins.table(
        MarginRequest(by=("feature",), start=start, end=today, scope=scope, with_p95=False, with_users=False)
    )
    earned = {
        row.key[0]: per(row.revenue_pico, row.sums.calls)
        for row in report.rows
        if row.key[0] not in NAMELESS and row.revenue_pico
    }
    return Earned(start=start, end=today, per_call={name: usd for name, usd in earned.items() if usd is not None})


def slice_of(at: datetime) -> datetime:
    """The beginning of the five minutes that hold an instant."""
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)


def _steps(start: datetime, end: datetime) -> Iterator[datetime]:
    at = start
    while at < end:
        yield at
        at += STEP


def unusual(points: Sequence[Point]) -> list[Point]:
    """The points that are marked."""
    return [point for point in points if point.reading == "unusual"]
