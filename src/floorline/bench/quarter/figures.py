"""The figures of a quarter's days without a ledger: the same sums that the alerts gather from one, for many quarters."""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from operator import add, mul
from typing import NamedTuple

from floorline.alerts.events import PriceChange
from floorline.alerts.figures import MONTH_DAYS, NOTHING, Picture, Span, Track, Tracks
from floorline.bench.quarter.company import DAYS, FEATURES, PROVIDER, START, Feature, Member, Quarter, calls_on
from floorline.margin.bridge import Days
from floorline.margin.floors import feature_floor
from floorline.margin.policy import Policies
from floorline.margin.sides import Called, Facts, Owned, Received, facts_of
from floorline.margin.works import Kind, Work
from floorline.money import usd_of

MORNING = time(6)
"""When a day is judged: on the next one."""

_PICO = 10**12
_MATERIAL_DAYS = 28
_MATERIAL_PER_MILLE = 5
_BUCKETS = 4


class _Sums(NamedTuple):
    """A customer's calls on one day, their tokens and dollars (10^-12 USD) by input, cached, output and reasoning."""

    calls: int
    tokens: tuple[int, ...]
    dollars: tuple[int, ...]

    @property
    def cost(self) -> int:
        """All dollars."""
        return sum(self.dollars)


def morning(day: int) -> datetime:
    """The instant at which the days before `day` are judged."""
    return datetime.combine(START + timedelta(days=day), MORNING, UTC)


class Figures:
    """Every day of one quarter, summed."""

    def __init__(self, quarter: Quarter) -> None:
        self._quarter = quarter
        self._days = [_summed(quarter, day) for day in range(DAYS)]

    def picture(self, day: int, watched: frozenset[str]) -> Picture:
        """What rules look at on the morning of `day`: features, and the customers that matter or are watched."""
        today = START + timedelta(days=day)
        least = self._total.span(day - _MATERIAL_DAYS, day).cost * _MATERIAL_PER_MILLE // 1_000
        customers = {
            name: track
            for name, track in self._customers.items()
            if name in watched or track.span(day - _MATERIAL_DAYS, day).cost > least
        }
        month_end = day + monthrange(today.year, today.month)[1] - today.day + 1
        return Picture(
            now=morning(day),
            today=today,
            tracks=Tracks(start=START, features=self._features, customers=customers, total=self._total),
            prices=[change for change in self._changes if change.seen_at <= morning(day)],
            floors={feature.name: feature_floor(Policies(), feature.name, today) for feature in FEATURES},
            billed_ahead={one.name: _paid(one) * _days_of(one, day, month_end) for one in self._quarter.members},
        )

    def facts(self, days: Days) -> Facts:
        """What some days earned and cost, as one side of a bridge."""
        first, end = (days.start - START).days, (days.end - START).days
        called: list[Called] = []
        received: list[Received] = []
        for member in self._quarter.members:
            owner = Owned(member.name, member.plan, member.feature.name)
            sums = [self._days[day][member.name] for day in range(max(0, first), end) if member.name in self._days[day]]
            if sums:
                called.append(Called(owner, Kind("", PROVIDER, member.feature.model), _work(sums)))
            paid = _days_of(member, max(0, first), end)
            if paid:
                received.append(Received(owner, _paid(member) * paid, paid * 10**6, own=True))
        return facts_of(days, called, received)

    @cached_property
    def _changes(self) -> Sequence[PriceChange]:
        """The prices that rise, as they are seen on the morning of their first day: the last month's calls would have cost so
        much more.
        """
        changes: list[PriceChange] = []
        for feature in FEATURES:
            day, factor = self._quarter.rises.get(feature.name, (0, 1.0))
            if factor == 1:
                continue
            customers = [one.name for one in self._quarter.members if one.feature == feature]
            month = self._days[max(0, day - MONTH_DAYS) : day]
            sums = [one[name] for one in month for name in customers if name in one]
            risen = [
                new - old for new, old in zip(*(_rates(self._quarter, feature, on) for on in (day, 0)), strict=True)
            ]
            more = sum(sum(map(mul, one.tokens, risen)) for one in sums)
            changes.append(
                PriceChange(
                    id=feature.model,
                    provider=PROVIDER,
                    model=feature.model,
                    valid_from=START + timedelta(days=day),
                    before="",
                    after="",
                    monthly_effect_usd=usd_of(more),
                    calls=sum(one.calls for one in sums),
                    seen_at=morning(day),
                )
            )
        return changes

    @cached_property
    def _customers(self) -> Mapping[str, Track]:
        return {member.name: Track([*self._spans(member)]) for member in self._quarter.members}

    @cached_property
    def _features(self) -> Mapping[str, Track]:
        return {
            feature.name: _track([one for one in self._quarter.members if one.feature == feature], self._spans)
            for feature in FEATURES
        }

    @cached_property
    def _total(self) -> Track:
        return _track(self._quarter.members, self._spans)

    def _spans(self, member: Member) -> Iterator[Span]:
        for day, sums in enumerate(self._days):
            its = sums.get(member.name)
            cost, calls = (its.cost, its.calls) if its else (0, 0)
            yield Span(_paid(member) * member.is_there(day), cost, cost, calls, calls, 0)


def _track(members: Sequence[Member], spans: Callable[[Member], Iterator[Span]]) -> Track:
    days = [NOTHING] * DAYS
    for member in members:
        days = [Span._make(map(add, one, other)) for one, other in zip(days, spans(member), strict=True)]
    return Track(days)


def _summed(quarter: Quarter, day: int) -> dict[str, _Sums]:
    """One day by customer."""
    counted: dict[str, list[int]] = {}
    for call in calls_on(quarter, day):
        known = counted.setdefault(call.member.name, [0] * (1 + _BUCKETS))
        known[0] += 1
        known[1] += call.input_tokens
        known[2] += call.cache_read_tokens
        known[3] += call.output_tokens
        known[4] += call.reasoning_tokens
    rates = {feature.name: _rates(quarter, feature, day) for feature in FEATURES}
    of = {member.name: rates[member.feature.name] for member in quarter.members}
    return {
        name: _Sums(calls, tuple(tokens), tuple(map(mul, tokens, of[name])))
        for name, (calls, *tokens) in counted.items()
    }


def _rates(quarter: Quarter, feature: Feature, day: int) -> tuple[int, ...]:
    """10^-12 USD a token, as the day's prices have them."""
    rates = feature.rates(quarter.factor(feature.name, day))
    return tuple(int(rates[name] * 10**6) for name in ("input", "cache_read", "output", "reasoning"))


def _work(sums: Sequence[_Sums]) -> Work:
    tokens = [sum(column) for column in zip(*(one.tokens for one in sums), strict=True)]
    dollars = [sum(column) for column in zip(*(one.dollars for one in sums), strict=True)]
    return Work(calls=sum(one.calls for one in sums), quantities=_by_unit(tokens), dollars=_by_unit(dollars))


def _by_unit(numbers: Sequence[int]) -> tuple[int, ...]:
    """As a bridge tells units apart: nothing was written to a cache, and there is no other unit."""
    fresh, cached, output, reasoning = numbers
    return fresh, cached, 0, output, reasoning, 0


def _paid(member: Member) -> int:
    return round(member.price * _PICO)


def _days_of(member: Member, first: int, end: int) -> int:
    """On how many of the days it is a customer."""
    return max(0, min(end, member.leaves) - max(first, member.joins))
