"""What rules look at: every row's days as running sums, and facts beside them. Whole days only: today is never judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from operator import add, sub
from typing import NamedTuple

from floorline.alerts.events import GuardEvent, PriceChange
from floorline.alerts.tuning import MILLION
from floorline.margin.floors import Floor
from floorline.margin.metrics import Sums
from floorline.margin.series import Series, Stretch
from floorline.margin.table import NAMELESS
from floorline.money import usd_of

HISTORY_DAYS = 49
"""How many days before today rules look back at most."""

MONTH_DAYS = 30


class Span(NamedTuple):
    """The sums of one row over some days; money in 10^-12 USD. `inference` is what the calls themselves cost."""

    revenue: int
    cost: int
    inference: int
    calls: int
    priced: int
    unattributed: int

    @property
    def cost_ratio_ppm(self) -> int | None:
        """Cost ÷ revenue in millionths; None without revenue."""
        return self.cost * MILLION // self.revenue if self.revenue > 0 else None

    @property
    def per_call(self) -> int | None:
        """Inference ÷ priced calls, 10^-12 USD; None without a priced call."""
        return self.inference // self.priced if self.priced > 0 else None


NOTHING = Span(0, 0, 0, 0, 0, 0)


def span_of(revenue_pico: int, cogs_pico: int, sums: Sums) -> Span:
    """The figures of one row on one day."""
    priced = max(0, sums.calls - sums.unpriced)
    return Span(revenue_pico, cogs_pico, sums.effective, sums.calls, priced, sums.unattributed)


class Track:
    """The days of one row, as running sums: any stretch of them is a subtraction. Days are numbered from the first."""

    __slots__ = ("_last", "_sums", "first")

    def __init__(self, days: Sequence[Span]) -> None:
        self._sums = list(accumulate(days, lambda sums, day: Span._make(map(add, sums, day)), initial=NOTHING))
        self._last = len(days)
        self.first = next((number for number, day in enumerate(days) if any(day)), len(days))
        """The first day that has anything."""

    def span(self, first: int, end: int) -> Span:
        """The sums from day `first` to the day before `end`; days outside count nothing."""
        last = self._last
        before = self._sums[0 if first < 0 else min(last, first)]
        through = self._sums[0 if end < 0 else min(last, end)]
        return Span._make(map(sub, through, before))


class ModelUse(NamedTuple):
    """Calls to one model in the last days, and how many of them have no price."""

    provider: str
    model: str
    calls: int
    unpriced: int


class Feed(NamedTuple):
    """A source of revenue: when it last brought something, and how long it may be silent."""

    source: str
    last_at: datetime
    silent_max: timedelta


class TakenBack(NamedTuple):
    """A certificate that gateways acted by and act by no more since `at`, by its name. `saved_usd` is what its guardrail saved its
    feature in the 30 days up to then, net; None where that is unknown.
    """

    name: str
    feature: str
    at: datetime
    reason: str
    saved_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """Every row's days from `start` on. They may go beyond the day that is judged: rules look at nothing from it on."""

    start: date
    features: Mapping[str, Track]
    customers: Mapping[str, Track]
    total: Track

    @classmethod
    def of(cls, by_feature: Series, by_customer: Series) -> "Tracks":
        """The tracks of two series of the same days; the rows of unknown features and customers are nobody's."""
        assert by_feature.start == by_customer.start
        return cls(
            start=by_feature.start,
            features={key[0]: track_of(days) for key, days in by_feature.rows.items() if is_named(key[0])},
            customers={key[0]: track_of(days) for key, days in by_customer.rows.items() if is_named(key[0])},
            total=track_of(by_feature.total),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that is judged on one day. `today` is the first day that is not judged.

    `billed_ahead` is revenue already billed for the rest of the month, by customer, 10^-12 USD. `behind` is how long ago
    everything that gateways recorded was in the ledger, None where no control process says so.
    """

    now: datetime
    today: date
    tracks: Tracks
    floors: Mapping[str, Floor] = field(default_factory=dict[str, Floor])
    models: Sequence[ModelUse] = ()
    prices: Sequence[PriceChange] = ()
    guards: Sequence[GuardEvent] = ()
    feeds: Sequence[Feed] = ()
    taken_back: Sequence[TakenBack] = ()
    billed_ahead: Mapping[str, int] = field(default_factory=dict[str, int])
    behind: timedelta | None = None

    @property
    def end(self) -> int:
        """The number of today in the tracks."""
        return (self.today - self.tracks.start).days

    def monthly_cost(self) -> int:
        """What AI costs the company in 30 days, by the last four weeks (or what there is of them), 10^-12 USD."""
        end = self.end
        days = min(28, end - self.tracks.total.first)
        return self.tracks.total.span(end - 28, end).cost * MONTH_DAYS // days if days > 0 else 0


def track_of(days: Sequence[Stretch]) -> Track:
    """The track of one row of a series."""
    return Track([span_of(day.revenue_pico, day.cogs_pico, day.sums) for day in days])


def is_named(name: str) -> bool:
    """Whether a row is anybody's."""
    return bool(name) and name not in NAMELESS


def ratio(ppm: int) -> Decimal:
    """Millionths as a ratio."""
    return Decimal(ppm).scaleb(-6)


def dollars(pico: int) -> Decimal:
    """10^-12 USD as dollars and cents."""
    return usd_of(pico).quantize(Decimal("0.01"))


def percent(ppm: int) -> str:
    """Millionths as percent with one decimal: `62.5 %`."""
    return f"{Decimal(ppm) / 10_000:.1f} %"
