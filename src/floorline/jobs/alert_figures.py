"""What the alerts look at, gathered from a ledger: two series of whole days, floors, models, prices, guardrails, feeds."""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib import resources
from typing import NamedTuple

import msgspec

from floorline.alerts.events import GUARD_EVENTS, GuardEvent, PriceChange
from floorline.alerts.figures import (
    HISTORY_DAYS,
    NOTHING,
    Feed,
    Picture,
    Span,
    TakenBack,
    Track,
    Tracks,
    is_named,
    span_of,
)
from floorline.alerts.tuning import Tuning
from floorline.clock import day_of, timezone
from floorline.jobs.guard_events import KEPT
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.price_watch import models_used
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.ledger.surface import AnyLedger
from floorline.margin.dimensions import Dimension
from floorline.margin.floors import feature_floor
from floorline.margin.metrics import Figures
from floorline.margin.policy import Policies
from floorline.margin.table import MarginReport
from floorline.query import Query

_FRESH_DAYS = 3
"""The latest days are gathered at each evaluation: calls come late. Older ones once a day."""

_TOGETHER_DAYS = 7
"""How many days are asked together: each has a row for every customer until it is gathered."""

_MATERIAL_DAYS = 28
_MATERIAL_PPM = 5_000


class DayFigures(NamedTuple):
    """One day of every feature, of the customers that matter, and of the company."""

    features: Mapping[str, Span]
    customers: Mapping[str, Span]
    total: Span


@dataclass(slots=True)
class Memory:
    """Days that were gathered before: those of one day of evaluation are not asked again, but for the latest."""

    today: date = date.min
    customers: frozenset[str] = frozenset()
    days: dict[date, DayFigures] = field(default_factory=dict[date, DayFigures])

    def start(self, today: date, customers: frozenset[str]) -> None:
        """Forget what another day gathered, or for fewer customers, and the latest days."""
        if today != self.today or not customers <= self.customers:
            self.days.clear()
            self.customers = customers
        self.today = today
        for day in list(self.days):
            if day >= today - timedelta(days=_FRESH_DAYS):
                del self.days[day]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where facts that are no margin come from; each may be missing. `memory` is kept from one evaluation to the next."""

    prices: Callable[[datetime], Sequence[PriceChange]] | None = None
    feeds: Callable[[datetime], Sequence[Feed]] | None = None
    taken_back: Callable[[datetime], Sequence[TakenBack]] | None = None
    behind: Callable[[], timedelta] | None = None
    memory: Memory = field(default_factory=Memory)


def gathered(
    ledger: AnyLedger,
    policies: Policies,
    state: State,
    now: datetime,
    tuning: Tuning,
    sources: Sources,
    watched: frozenset[str] = frozenset(),
) -> Picture:
    """The picture of the whole days before `now`. `watched` are customers that are to be seen however little they cost."""
    today = day_of(now, timezone(ledger.timezone))
    margins = Margins(ledger, policies).once()
    tracks = _gathered_tracks(margins, _first_day(ledger, today), today, sources.memory, watched)
    features = sorted({*tracks.features, *policies.features})
    return Picture(
        now=now,
        today=today,
        tracks=tracks,
        floors={feature: feature_floor(policies, feature, today) for feature in features},
        models=models_used(ledger, now, tuning.of("unpriced_model").window_days),
        prices=sources.prices(now) if sources.prices else (),
        guards=guard_events(state, now),
        feeds=sources.feeds(now) if sources.feeds else (),
        taken_back=sources.taken_back(now) if sources.taken_back else (),
        billed_ahead=_billed_ahead(margins, today),
        behind=sources.behind() if sources.behind else None,
    )


class FirstDay(msgspec.Struct, frozen=True, kw_only=True):
    """The row of alert_first_day.sql: today where there is no earlier call."""

    first: date


def _first_day(ledger: AnyLedger, today: date) -> date:
    """The first day that is looked back at: there is nothing to judge before the first call."""
    sql = resources.files("floorline.jobs").joinpath("sql", "alert_first_day.sql").read_text()
    window = {"start": today - timedelta(days=HISTORY_DAYS), "end": today}
    (row,) = ledger.query(Query(sql=sql, row=FirstDay, parameters=window))
    return row.first


def _gathered_tracks(margins: Margins, first: date, today: date, memory: Memory, watched: frozenset[str]) -> Tracks:
    """Every row's days from `first` on."""
    days = [first + timedelta(days=number) for number in range((today - first).days)]
    if not days:
        return Tracks(start=today, features={}, customers={}, total=Track([]))
    memory.start(today, _material_customers(margins, today) | watched)
    return _tracks(_figures(margins, days, memory))


def _material_customers(margins: Margins, today: date) -> frozenset[str]:
    """The customers that may be alarming: each costs at least _MATERIAL_PPM of what AI cost lately. No rule fires for less,
    and a company may have a hundred thousand customers.
    """
    start = today - timedelta(days=_MATERIAL_DAYS)
    table = margins.table(MarginRequest(by=("customer",), start=start, end=today, with_p95=False))
    least = table.total.cogs_pico * _MATERIAL_PPM // 1_000_000
    return frozenset(row.key[0] for row in table.rows if row.cogs_pico > least and is_named(row.key[0]))


def _figures(margins: Margins, days: Sequence[date], memory: Memory) -> list[tuple[date, DayFigures]]:
    """Some days, from memory where they are known."""
    for some in _together([day for day in days if day not in memory.days]):
        memory.days.update(_asked(margins, some, memory.customers))
    return [(day, memory.days[day]) for day in days]


def _together(days: Sequence[date]) -> Iterator[list[date]]:
    """Days that follow each other, a few at a time."""
    some: list[date] = []
    for day in days:
        if some and (len(some) == _TOGETHER_DAYS or day != some[-1] + timedelta(days=1)):
            yield some
            some = []
        some.append(day)
    if some:
        yield some


def _asked(margins: Margins, days: Sequence[date], customers: frozenset[str]) -> dict[date, DayFigures]:
    """Some of them, of every feature and of these customers."""
    edges = [*days, days[-1] + timedelta(days=1)]

    def tables(dimension: Dimension) -> list[MarginReport]:
        request = MarginRequest(by=(dimension,), start=edges[0], end=edges[-1], with_p95=False)
        return margins.tables(request, edges)

    return {
        day: DayFigures(
            features={row.key[0]: _span(row) for row in by_feature.rows},
            customers={row.key[0]: _span(row) for row in by_customer.rows if row.key[0] in customers},
            total=_span(by_feature.total),
        )
        for day, by_feature, by_customer in zip(days, tables("feature"), tables("customer"), strict=True)
    }


def _span(of: Figures) -> Span:
    return span_of(of.revenue_pico, of.cogs_pico, of.sums)


def _tracks(days: Sequence[tuple[date, DayFigures]]) -> Tracks:
    features = sorted({name for _, day in days for name in day.features if is_named(name)})
    customers = sorted({name for _, day in days for name in day.customers})
    return Tracks(
        start=days[0][0],
        features={name: Track([day.features.get(name, NOTHING) for _, day in days]) for name in features},
        customers={name: Track([day.customers.get(name, NOTHING) for _, day in days]) for name in customers},
        total=Track([day.total for _, day in days]),
    )


def _billed_ahead(margins: Margins, today: date) -> Mapping[str, int]:
    """What is billed already for the rest of the month, by customer."""
    end = today.replace(day=1) + timedelta(days=monthrange(today.year, today.month)[1])
    table = margins.table(MarginRequest(by=("customer",), start=today, end=end, with_p95=False))
    return {row.key[0]: row.revenue_pico for row in table.rows}


def guard_events(state: State, now: datetime) -> list[GuardEvent]:
    """What guardrails reported of windows that are not long over."""
    return [one for one in Shelf(state, GUARD_EVENTS, GuardEvent).all().values() if one.resets_at >= now - KEPT]
