"""What other route rules would have made of the calls on record: where each would have gone, what it would have cost there, how
long it would have taken, and whom that touches.

A call that goes where it went keeps its recorded cost and time. One that goes elsewhere is priced as its own usage there, at the prices
of its time; its time is the median of the calls of these days that the model answered. What was said of it by headers is not on
record, and no rule that asks for them holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from importlib import resources
from statistics import median

import msgspec

from floorline.events import INPUT_BUCKETS, TOKEN_BUCKETS, Usage
from floorline.ledger.surface import AnyLedger
from floorline.money import ZERO, usd_of
from floorline.pricing.answers import price_answer
from floorline.pricing.book import PriceBook
from floorline.query import Query

_SQL = resources.files("floorline.jobs").joinpath("sql")
CALLS_MAX = 100_000
"""Calls that are looked at; of more a sample is, and totals are scaled up."""

TIMED_MIN = 5
"""With fewer answers of a model nobody knows how long it takes."""

BACK = "(as asked)"
"""What moves a call that a rule of its day had moved, and no rule moves now."""


class PastCall(msgspec.Struct, frozen=True, kw_only=True):
    """A row of simulated_calls.sql."""

    id: str
    opened_at: datetime
    customer: str
    user: str
    plan: str
    feature: str
    workflow: str
    step: str
    call_type: str
    environment: str
    purpose: str
    metadata: Mapping[str, str]
    dialect: str
    model: str
    provider: str
    served: str
    usage_text: Mapping[str, str]
    cost_pico: int
    duration_us: int
    routed: bool

    @property
    def cost(self) -> Decimal:
        """What it cost when it was served, USD."""
        return usd_of(self.cost_pico)

    @property
    def usage(self) -> Usage:
        """What it used, without the model that did."""
        quantities = {unit: Decimal(text) for unit, text in self.usage_text.items()}
        return Usage(
            buckets={unit: int(many) for unit, many in quantities.items() if unit in TOKEN_BUCKETS},
            counts={unit: many for unit, many in quantities.items() if unit not in TOKEN_BUCKETS},
        )

    @property
    def input_tokens(self) -> int:
        """Every token of its prompt."""
        return sum([int(Decimal(text)) for unit, text in self.usage_text.items() if unit in INPUT_BUCKETS])


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    """The row of simulated_count.sql."""

    good: int
    other: int


class There(msgspec.Struct, frozen=True, kw_only=True):
    """A place that serves a model: the provider, what it calls the model, and whose prices hold."""

    provider: str
    model: str
    price_as: str


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """Where rules would have a call go: the `rule` that moves it ('' for none), and who serves it then, first choice first."""

    rule: str
    places: Sequence[There]


Decide = Callable[[PastCall], Decided]


@dataclass(slots=True, kw_only=True)
class Moved:
    """Calls that would have gone elsewhere. `unpriced` of them at an unknown price: their costs are in neither sum."""

    calls: int = 0
    unpriced: int = 0
    before: Decimal = ZERO
    after: Decimal = ZERO
    customers: set[str] = field(default_factory=set[str])
    durations_us: list[int] = field(default_factory=list[int])
    expected_us: list[int] = field(default_factory=list[int])

    def take(self, call: PastCall, after: Decimal | None, expected_us: int | None) -> None:
        """One more."""
        self.calls += 1
        self.customers.add(call.customer)
        if after is None:
            self.unpriced += 1
        else:
            self.before += call.cost
            self.after += after
        if expected_us is not None:
            self.durations_us.append(call.duration_us)
            self.expected_us.append(expected_us)

    @property
    def saved(self) -> Decimal:
        """USD; below zero where it costs more."""
        return self.before - self.after

    @property
    def times_ms(self) -> tuple[int, int] | None:
        """The median time of an answer before and after; None where no call's is known there."""
        if not self.expected_us:
            return None
        return int(median(self.durations_us)) // 1_000, int(median(self.expected_us)) // 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What became of the calls from `start` to before `end`. Of `known` calls `seen` were looked at; `other` cannot be simulated: they
    broke off, or nobody knows what they cost. `cost` is what those that were seen cost.
    """

    start: date
    end: date
    known: int
    other: int
    seen: int
    customers: int
    cost: Decimal
    moved: Moved
    rules: Mapping[str, Moved]
    moves: Mapping[tuple[str, str], Moved]
    by_customer: Mapping[str, Moved]

    @property
    def scale(self) -> Decimal:
        """How many calls each that was looked at stands for."""
        return Decimal(self.known) / self.seen if self.seen else Decimal(1)


def simulate(
    ledger: AnyLedger, start: date, end: date, decide: Decide, book: PriceBook, *, calls_max: int = CALLS_MAX
) -> Simulated:
    """The calls of the days from `start` to before `end` under the rules that `decide` goes by."""
    window = {"start": start, "end": end, "timezone": ledger.timezone}
    (count,) = ledger.query(Query(sql=_text("simulated_count"), row=_Count, parameters=window))
    every = max(-(-count.good // calls_max), 1)
    calls = ledger.query(Query(sql=_text("simulated_calls"), row=PastCall, parameters={**window, "every": every}))
    times = _times(calls)
    every_move, rules, moves, customers = (
        Moved(),
        dict[str, Moved](),
        dict[tuple[str, str], Moved](),
        dict[str, Moved](),
    )
    for call in calls:
        there = decide(call)
        if not _goes_elsewhere(call, there):
            continue
        place = there.places[0]
        after = price_answer([call.usage], place.model, place.price_as, book, call.opened_at).effective_cost
        expected_us = times.get((place.provider, place.model))
        for one in (
            every_move,
            rules.setdefault(there.rule or BACK, Moved()),
            moves.setdefault((call.served, place.model), Moved()),
            customers.setdefault(call.customer, Moved()),
        ):
            one.take(call, after, expected_us)
    return Simulated(
        start=start,
        end=end,
        known=count.good,
        other=count.other,
        seen=len(calls),
        customers=len({call.customer for call in calls}),
        cost=sum([call.cost for call in calls], ZERO),
        moved=every_move,
        rules=rules,
        moves=moves,
        by_customer=customers,
    )


def _goes_elsewhere(call: PastCall, there: Decided) -> bool:
    """Whether the rules send it to another place than it went to. What other guardrails had done to it stays where no rule moves it."""
    if not there.places or not (there.rule or call.routed):
        return False
    return all((place.provider, place.model) != (call.provider, call.served) for place in there.places)


def _times(calls: Sequence[PastCall]) -> dict[tuple[str, str], int]:
    """The median time of an answer of each model at each provider, in microseconds."""
    found: dict[tuple[str, str], list[int]] = {}
    for call in calls:
        found.setdefault((call.provider, call.served), []).append(call.duration_us)
    return {place: int(median(times)) for place, times in found.items() if len(times) >= TIMED_MIN}


def _text(name: str) -> str:
    return _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
