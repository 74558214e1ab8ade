"""A closed month: its figures frozen, and what came later told apart by where it came from.

    as closed + corrections = restated

Everything that the month's total is made of is kept as parts, each summed from records of its own. A part of now minus the
same part as closed is what came later of that kind, so the corrections add up to the difference to the last digit.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Literal, get_args

import msgspec

from floorline.clock import next_month
from floorline.margin.metrics import Figures
from floorline.margin.policy import FeaturePolicy, PlanPolicy
from floorline.margin.table import MarginReport
from floorline.money import ZERO, ratio, usd_of

Kind = Literal["calls", "adjustments", "costs", "revenue", "outcomes", "usage_prices", "settings"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEANINGS: Mapping[Kind, str] = {
    "calls": "calls that came late",
    "adjustments": "re-rated and recomputed calls",
    "costs": "costs that no call carries",
    "revenue": "invoice lines, credit notes, refunds",
    "outcomes": "outcomes reported or amended",
    "usage_prices": "use charged by plans, of late calls",
    "settings": "prices of plans changed in the configuration",
}
"""What each kind of correction is, for people."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What records of one kind amount to, USD, and how many there are."""

    revenue: Decimal = ZERO
    cost: Decimal = ZERO
    rows: int = 0

    def plus(self, other: "Part") -> "Part":
        """Both together."""
        return Part(revenue=self.revenue + other.revenue, cost=self.cost + other.cost, rows=self.rows + other.rows)

    def minus(self, other: "Part") -> "Part":
        """The difference of both."""
        return Part(revenue=self.revenue - other.revenue, cost=self.cost - other.cost, rows=self.rows - other.rows)

    @property
    def margin(self) -> Decimal:
        """Revenue − cost."""
        return self.revenue - self.cost


NOTHING = Part()
Parts = Mapping[Kind, Part]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a frozen table, USD. A customer's has no `key`: its name is kept beside the figures."""

    key: tuple[str, ...] = ()
    revenue: Decimal = ZERO
    cogs: Decimal = ZERO
    calls: int = 0
    unpriced: int = 0
    components: Mapping[str, Decimal] = {}

    @property
    def margin(self) -> Decimal:
        """Revenue − COGS."""
        return self.revenue - self.cogs

    @property
    def margin_ratio(self) -> Decimal | None:
        """Margin ÷ revenue; None where revenue is zero or less."""
        return ratio(self.margin, self.revenue) if self.revenue > 0 else None


NO_ROW = Row()


class Prior(msgspec.Struct, frozen=True, kw_only=True):
    """A correction of an earlier closed month that a later month carries."""

    month: str
    kind: Kind
    part: Part


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one month as they stood: all of it is hashed. Days of `timezone`, `end` exclusive.

    `customers` are in the order of their names, which are not here, so that one can be erased and the hash still holds.
    `prior` are the corrections of earlier closed months that this one carries.
    """

    month: str
    start: date
    end: date
    timezone: str
    environment: str
    purpose: str
    total: Row
    parts: dict[Kind, Part]
    features: tuple[Row, ...]
    plans: tuple[Row, ...]
    customers: tuple[Row, ...]
    feature_policies: dict[str, FeaturePolicy]
    plan_policies: dict[str, PlanPolicy]
    price_versions: tuple[str, ...]
    prior: tuple[Prior, ...] = ()


def span_of(month: str) -> tuple[date, date]:
    """The first day of a month written as 2026-10, and that of the next one. ValueError when it is not one."""
    try:
        start = date.fromisoformat(f"{month}-01")
        return start, next_month(start)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{month!r} is not a month: write it as 2026-10") from error


def name_of(start: date) -> str:
    """A month's name by one of its days."""
    return f"{start:%Y-%m}"


def canonical(month: Month) -> bytes:
    """The bytes that are hashed and kept: JSON with sorted keys, money as text."""
    return msgspec.json.encode(month, order="sorted")


def digest(body: bytes) -> str:
    """The hash of those bytes."""
    return sha256(body).hexdigest()


def rows_of(report: MarginReport, *, named: bool = True) -> tuple[Row, ...]:
    """The rows of a table in the order of their keys; without keys unless `named`."""
    return tuple(_row(row, row.key if named else ()) for row in sorted(report.rows, key=lambda row: row.key))


def total_of(report: MarginReport) -> Row:
    """The total of a table."""
    return _row(report.total, ())


def _row(row: Figures, key: tuple[str, ...]) -> Row:
    return Row(
        key=key,
        revenue=row.revenue,
        cogs=row.cogs,
        calls=row.sums.calls,
        unpriced=row.sums.unpriced,
        components=row.components,
    )


def summed(parts: Iterable[Part]) -> Part:
    """All together."""
    total = NOTHING
    for part in parts:
        total = total.plus(part)
    return total


def faults(month: Month) -> list[str]:
    """What does not add up within a month's figures; [] when all does."""
    total = (month.total.revenue, month.total.cogs)
    parts = summed(month.parts.values())
    found = [("parts", (parts.revenue, parts.cost))] + [
        (name, (sum((row.revenue for row in rows), ZERO), sum((row.cogs for row in rows), ZERO)))
        for name, rows in (("features", month.features), ("plans", month.plans), ("customers", month.customers))
    ]
    return [
        f"{month.month}: its {name} sum to {sums[0]} and {sums[1]}, its total is {total[0]} and {total[1]}"
        for name, sums in found
        if sums != total
    ]


def corrections(closed: Parts, now: Parts, settled: Parts) -> dict[Kind, Part]:
    """What came since by kind, where something did. `now` are the parts of now, `settled` those of now under the plans'
    prices that were closed: what differs between the two is what the configuration changed.
    """
    found: dict[Kind, Part] = {
        kind: settled.get(kind, NOTHING).minus(closed.get(kind, NOTHING)) for kind in KINDS if kind != "settings"
    }
    found["settings"] = summed(now.values()).minus(summed(settled.values()))
    return {kind: part for kind, part in found.items() if part != NOTHING}


def to_book(month: str, since: Parts, booked: Iterable[Prior]) -> tuple[Prior, ...]:
    """What is to be carried now of the corrections of `month`: those `since` its close without those `booked` before."""
    left = dict(since)
    for prior in booked:
        if prior.month == month:
            left[prior.kind] = left.get(prior.kind, NOTHING).minus(prior.part)
    return tuple(Prior(month=month, kind=kind, part=left[kind]) for kind in KINDS if left.get(kind, NOTHING) != NOTHING)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One row as closed, and as it is restated."""

    key: tuple[str, ...]
    closed: Row
    restated: Row

    @property
    def changed(self) -> bool:
        """Whether any amount or the number of calls differs."""
        old, new = self.closed, self.restated
        return (old.revenue, old.cogs, old.calls) != (new.revenue, new.cogs, new.calls)

    @property
    def change(self) -> Part:
        """Restated − closed."""
        return Part(
            revenue=self.restated.revenue - self.closed.revenue,
            cost=self.restated.cogs - self.closed.cogs,
            rows=self.restated.calls - self.closed.calls,
        )


def differences(closed: Mapping[tuple[str, ...], Row], report: MarginReport) -> tuple[Difference, ...]:
    """The rows that changed, by key: one that is only on one side is nothing on the other."""
    restated = {row.key: row for row in rows_of(report)}
    pairs = (
        Difference(key=key, closed=closed.get(key, NO_ROW), restated=restated.get(key, NO_ROW))
        for key in sorted({*closed, *restated})
    )
    return tuple(pair for pair in pairs if pair.changed)


def keyed(rows: Sequence[Row], names: Sequence[str] | None = None) -> dict[tuple[str, ...], Row]:
    """Rows by their key, or by the `names` kept beside them; rows of one name, after an erasure, are summed."""
    found: dict[tuple[str, ...], Row] = {}
    keys = [row.key for row in rows] if names is None else [(name,) for name in names]
    for key, row in zip(keys, rows, strict=True):
        known = found.get(key)
        found[key] = row if known is None else _both(known, row)
    return found


def _both(one: Row, other: Row) -> Row:
    names = {*one.components, *other.components}
    return Row(
        key=one.key,
        revenue=one.revenue + other.revenue,
        cogs=one.cogs + other.cogs,
        calls=one.calls + other.calls,
        unpriced=one.unpriced + other.unpriced,
        components={name: one.components.get(name, ZERO) + other.components.get(name, ZERO) for name in names},
    )


def part_of(revenue_pico: int, cost_pico: int, rows: int) -> Part:
    """A part from integers of 10^-12 USD."""
    return Part(revenue=usd_of(revenue_pico), cost=usd_of(cost_pico), rows=rows)
