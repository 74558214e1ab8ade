"""The backlog over a ledger: gather the evidence, find, keep what was found, measure what was shipped.

ledger ▸ evidence ▸ backlog.finding ▸ shelf
shelf ▸ what is shipped ▸ margins before and after ▸ backlog.realised ▸ shelf
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib import resources
from typing import Literal, TypeVar

import msgspec

from floorline.backlog.calls import unseen
from floorline.backlog.figures import Evidence, Seat, Slice
from floorline.backlog.finding import DAYS_MIN, find
from floorline.backlog.keeping import Ruling, again, gone, moved
from floorline.backlog.model import SHELF, Opportunity
from floorline.backlog.realised import WINDOW_DAYS as MEASURE_DAYS
from floorline.backlog.realised import measure, windows
from floorline.clock import day_of, timezone
from floorline.jobs.baselining import Baselines
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.changelog import crossings
from floorline.margin.dimensions import Dimension, Scope
from floorline.margin.policy import Policies
from floorline.margin.pools import SeatUse
from floorline.margin.series import Stretch, stretch_of
from floorline.margin.table import NAMELESS, MarginReport
from floorline.money import ZERO, usd_of
from floorline.pricing.book import PriceBook
from floorline.pricing.version import PriceVersion, Unpriced
from floorline.query import Parameter, Query

Row = TypeVar("Row")
WINDOW_DAYS = 28
LOOK_AGAIN = timedelta(hours=26)
"""Older than this the daily job has not run."""

ACTOR = "floorline"
"""Who moved an item that no person moved."""

Purpose = Literal["production", "evaluation"]

_LAST = "last"
_PATIENT = ("extraction", "judging")
_SQL = resources.files("floorline.jobs").joinpath("sql")


class SliceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of backlog_slices.sql."""

    purpose: Purpose
    feature: str
    call_type: str
    provider: str
    model: str
    calls: int
    unpriced: int
    cost: int
    usage: Mapping[str, Decimal]
    input_tokens: int
    cache_read_tokens: int
    output_tokens: int
    output_p95: int
    patient: int
    patient_cost: int
    hashed: int
    before_calls: int
    before_input_tokens: int


class AdjustedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of backlog_adjusted.sql."""

    purpose: str
    feature: str
    call_type: str
    provider: str
    model: str
    change: int


class RepeatRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of backlog_repeats.sql."""

    purpose: str
    feature: str
    call_type: str
    provider: str
    model: str
    repeats: int
    cost: int


class FirstDay(msgspec.Struct, frozen=True, kw_only=True):
    """The row of backlog_first_day.sql."""

    first: date
    days: int


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What one search found over `days` days: how many opportunities, how many of them new, how many shipped ones it
    measured, and what it could not see.
    """

    at: datetime
    days: int
    found: int
    new: int
    measured: int
    unseen: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What a job says of its run."""
        return (
            f"{self.found} opportunities in {self.days} days, {self.new} of them new; {self.measured} shipped measured"
        )


class Backlog:
    """The backlog of one ledger."""

    def __init__(self, ledger: AnyLedger, policies: Policies, book: PriceBook) -> None:
        self._ledger, self._policies, self._book = ledger, policies, book
        self._baselines = Baselines(ledger, policies)
        self._margins = Margins(ledger, policies)
        self.shelf = shelf(ledger.state)

    def refresh(self, now: datetime) -> Looked:
        """Look for opportunities in the WINDOW_DAYS before today, keep them, and measure what is shipped."""
        evidence = self.evidence(day_of(now, timezone(self._ledger.timezone)))
        owners = {name: policy.owner for name, policy in self._policies.features.items() if policy.owner}
        found = find(evidence, self._resolver(now), owners=owners, now=now)
        before = self.shelf.all()
        for id_, one in found.items():
            self.shelf.change(id_, lambda kept, one=one: again(kept, one), now=now)
        if evidence.days >= DAYS_MIN:
            for id_ in before.keys() - found.keys():
                self.shelf.change(id_, lambda kept: None if kept is None or gone(kept, now) else kept, now=now)
        looked = Looked(
            at=now,
            days=evidence.days,
            found=len(found),
            new=len(found.keys() - before.keys()),
            measured=self._measure_shipped(now),
            unseen=tuple(unseen(evidence)),
        )
        _looks(self._ledger.state).put(_LAST, looked, now=now)
        return looked

    def looked(self, now: datetime) -> Looked:
        """The last search, or a new one where that is LOOK_AGAIN old or was never made."""
        last = last_looked(self._ledger.state)
        return last if last is not None and now - last.at < LOOK_AGAIN else self.refresh(now)

    def evidence(self, end: date) -> Evidence:
        """The figures of the WINDOW_DAYS before `end`, from the first day with calls on."""
        start = end - timedelta(days=WINDOW_DAYS)
        first = self._ledger.query(_query("backlog_first_day", FirstDay, start=start, end=end))
        if not first or first[0].first >= end:
            return Evidence(start=end, end=end, slices=())
        start = first[0].first
        return Evidence(
            start=start,
            end=end,
            slices=self._slices(start, end),
            seats=self._seats(start, end),
            revenue=self._revenue(start, end),
        )

    def measure(self, item: Opportunity, now: datetime) -> Opportunity | str:
        """A shipped item with what it has realised so far, measured once its days are over; or why that is not known."""
        assert item.shipped_on is not None, "only what is shipped is measured"
        today = day_of(now, timezone(self._ledger.timezone))
        span = windows(item.shipped_on, today)
        if span is None:
            return f"shipped on {item.shipped_on}: it is measured when a week of whole days is over"
        log = self._baselines.log(now) if item.subject_kind == "feature" else ()
        result = measure(
            item,
            span,
            self._stretch(item, span.before_start, span.before_end),
            self._stretch(item, span.after_start, span.after_end),
            now=now,
            crossings=crossings(log, item.subject, span.before_start, span.after_end),
        )
        if isinstance(result, str):
            return result
        item = msgspec.structs.replace(item, realised=result)
        if (span.after_end - span.after_start).days < MEASURE_DAYS:
            return item
        whole = Ruling(by=ACTOR, at=now, note=f"{MEASURE_DAYS} days after it was shipped")
        return moved(item, "measured", whole)

    def _measure_shipped(self, now: datetime) -> int:
        measured = 0
        for id_, item in self.shelf.all().items():
            if item.state == "shipped":
                result = self.measure(item, now)
                if isinstance(result, Opportunity):
                    self.shelf.change(id_, lambda kept, was=item, new=result: new if kept == was else kept, now=now)
                    measured += 1
        return measured

    def _stretch(self, item: Opportunity, start: date, end: date) -> Stretch:
        by: Dimension = "feature" if item.subject_kind == "company" else item.subject_kind
        report = self._margins.table(MarginRequest(by=(by,), start=start, end=end, with_p95=False, with_users=False))
        key = () if item.subject_kind == "company" else (item.subject,)
        return stretch_of(report, key)

    # -- evidence

    def _slices(self, start: date, end: date) -> list[Slice]:
        window: dict[str, Parameter] = {"start": start, "end": end, "timezone": self._ledger.timezone}
        before = start - (end - start)
        rows = self._ledger.query(_query("backlog_slices", SliceRow, **window, before=before, patient=_PATIENT))
        names = Names([*self._ledger.query(queries.aliases()), *self._policies.aliases])
        adjusted = {_key(row): row for row in self._ledger.query(_query("backlog_adjusted", AdjustedRow, **window))}
        repeats = {_key(row): row for row in self._ledger.query(_query("backlog_repeats", RepeatRow, **window))}
        found: dict[tuple[str, ...], Slice] = {}
        for row in rows:
            one = _slice(row, names.resolve("feature", row.feature, start.toordinal()), adjusted, repeats)
            found[one.key] = _joined(found[one.key], one) if one.key in found else one
        return list(found.values())

    def _seats(self, start: date, end: date) -> list[Seat]:
        request = MarginRequest(by=("customer", "plan"), start=start, end=end, with_p95=False)
        return seats_of(self._margins.seats(start, end, Scope()), self._margins.table(request))

    def _revenue(self, start: date, end: date) -> dict[str, Decimal]:
        request = MarginRequest(by=("feature",), start=start, end=end, with_p95=False, with_users=False)
        return {row.key[0]: row.revenue for row in self._margins.table(request).rows if NAMELESS.isdisjoint(row.key)}

    def _resolver(self, now: datetime) -> Callable[[str, str, Mapping[str, str]], PriceVersion | Unpriced]:
        return lambda provider, model, context: self._book.resolve(provider, model, now, context)


def last_looked(state: State) -> Looked | None:
    """The last search; None before the first."""
    return _looks(state).get(_LAST)


def seats_of(uses: Mapping[tuple[str, str], SeatUse], by_customer_and_plan: MarginReport) -> list[Seat]:
    """The customers on their plans: what each used, and what the table of the same days says that it pays."""
    revenue = {row.key: row.revenue_pico for row in by_customer_and_plan.rows}
    return [
        Seat(
            customer=key[0],
            plan=key[1],
            calls=use.calls,
            revenue=usd_of(revenue.get(key, 0)),
            by_feature={feature: usd_of(pico) for feature, pico in use.costs.items()},
        )
        for key, use in sorted(uses.items())
    ]


def _looks(state: State) -> Shelf[Looked]:
    return Shelf(state, "backlog_look", Looked)


def shelf(state: State) -> Shelf[Opportunity]:
    """Where opportunities are kept."""
    return Shelf(state, SHELF, Opportunity)


def _key(row: SliceRow | AdjustedRow | RepeatRow) -> tuple[str, ...]:
    return (row.purpose, row.feature, row.call_type, row.provider, row.model)


def _slice(
    row: SliceRow,
    feature: str,
    adjusted: Mapping[tuple[str, ...], AdjustedRow],
    repeats: Mapping[tuple[str, ...], RepeatRow],
) -> Slice:
    change_, repeat = adjusted.get(_key(row)), repeats.get(_key(row))
    return Slice(
        purpose=row.purpose,
        feature=feature,
        call_type=row.call_type,
        provider=row.provider,
        model=row.model,
        calls=row.calls,
        unpriced=row.unpriced,
        cost=usd_of(row.cost + (change_.change if change_ else 0)),
        usage={unit: int(quantity) for unit, quantity in row.usage.items()},
        input_tokens=row.input_tokens,
        cache_read_tokens=row.cache_read_tokens,
        output_tokens=row.output_tokens,
        output_p95=row.output_p95,
        patient=row.patient,
        patient_cost=usd_of(row.patient_cost),
        hashed=row.hashed,
        repeats=repeat.repeats if repeat else 0,
        repeats_cost=usd_of(repeat.cost) if repeat else ZERO,
        before_calls=row.before_calls,
        before_input_tokens=row.before_input_tokens,
    )


def _joined(one: Slice, other: Slice) -> Slice:
    """Two raw names of one feature."""
    added = {
        name: getattr(one, name) + getattr(other, name)
        for name in (
            "calls", "unpriced", "cost", "input_tokens", "cache_read_tokens", "output_tokens", "patient", "patient_cost",
            "hashed", "repeats", "repeats_cost", "before_calls", "before_input_tokens",
        )
    }  # fmt: skip
    units = {*one.usage, *other.usage}
    usage = {unit: one.usage.get(unit, 0) + other.usage.get(unit, 0) for unit in units}
    return replace(one, usage=usage, output_p95=max(one.output_p95, other.output_p95), **added)


def _query(name: str, row: type[Row], **parameters: Parameter) -> Query[Row]:
    return Query(sql=_SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8"), row=row, parameters=parameters)
