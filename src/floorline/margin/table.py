"""A margin table from what was gathered: resolved usage, divided revenue and costs, one row for each key.

The rows sum to the total exactly, and the total is what went in: both are asserted here.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import repeat
from typing import Protocol, TypeVar, cast

import numpy as np
from msgspec.structs import replace

from floorline.margin.allocation import (
    CostPool,
    Grown,
    Kept,
    Tally,
    Within,
    divide_finer,
    tally_costs,
    tally_revenue,
)  # fmt: skip
from floorline.margin.attribution import Kind, Names
from floorline.margin.cells import Cells
from floorline.margin.coded import codes_of
from floorline.margin.dimensions import FINER, Column, Dimension, Scope
from floorline.margin.floors import feature_floor
from floorline.margin.metrics import NO_CALLS, Figures, OutcomeCounts, Sums, cogs_of, total_of
from floorline.margin.policy import Policies
from floorline.margin.pools import Attribution, Pools
from floorline.margin.queries import OutcomeRow, UsageColumns, WeightColumns
from floorline.margin.vectors import integers, sums_of

UNMATCHED_COST = "(unmatched cost)"
UNMATCHED_REVENUE = "(unmatched revenue)"
UNMATCHED = frozenset({UNMATCHED_COST, UNMATCHED_REVENUE})
NONE = "(none)"
"""What simply has no segment, workflow or user: nothing there is to be matched."""
OTHERS = "(others)"
"""The rows after the first ones, where not all were asked for."""
ROW_BYTES = 1024
NAMELESS = frozenset({UNMATCHED_COST, UNMATCHED_REVENUE, NONE})
Key = tuple[str, ...]
Told = TypeVar("Told")
Other = TypeVar("Other")
_NOTHING: Mapping[str, int] = {}
_MATCHED: frozenset[Dimension] = frozenset({"feature", "customer", "plan"})
_OF_CUSTOMERS: frozenset[Dimension] = frozenset({"customer", "plan", "segment", "cohort"})
_OWNS_OUTCOMES: frozenset[Dimension] = frozenset({"feature", "workflow", "outcome"})
_KNOWN_TO_OUTCOMES = ("workflow", "outcome", "user")


class RowOfNames(Protocol):
    """What is said of raw names in the span that begins on a day."""

    @property
    def names(self) -> Sequence[str]:
        """One for each column that was asked for."""
        ...

    @property
    def as_of(self) -> int:
        """The span's first day."""
        ...


NamedRow = TypeVar("NamedRow", bound=RowOfNames)


class Keys:
    """Turns raw names into the key of a row: canonical names, empty where unknown."""

    def __init__(self, names: Names, by: Sequence[Dimension], columns: Sequence[Column]) -> None:
        self._names = names
        self._by = tuple(by)
        self._at = {column: position for position, column in enumerate(columns)}

    def keyed(self, rows: Sequence[NamedRow]) -> Iterator[tuple[Key, NamedRow]]:
        """Each of these rows, with its key before it."""
        columns = list(zip(*(row.names for row in rows), strict=True)) if rows else [()] * len(self._at)
        return zip(self.keys(columns, [row.as_of for row in rows]), rows, strict=True)

    def keys(self, raw: Sequence[Sequence[str]], days: Sequence[int]) -> list[Key]:
        """The key of each row of raw names, given as columns, in the spans that begin on `days`."""
        customers: Sequence[str] = ()
        if not _OF_CUSTOMERS.isdisjoint(self._by):
            at = self._at["customer_id"] if "customer_id" in self._at else self._at["customer_of_plan"]
            customers = self._names.resolve_all("customer", raw[at], days)
        parts = [self._part(dimension, raw, customers, days) for dimension in self._by]
        return list(zip(*parts, strict=True))

    def _part(
        self, dimension: Dimension, raw: Sequence[Sequence[str]], customers: Sequence[str], days: Sequence[int]
    ) -> Sequence[str]:
        if dimension == "feature":
            return self._names.resolve_all("feature", raw[self._at["feature"]], days)
        if dimension in FINER:
            column = _FINER_COLUMN[dimension]
            return raw[self._at[column]] if column in self._at else [""] * len(days)
        if dimension == "customer":
            return customers
        if dimension == "plan":
            return self._names.plans(raw[self._at["plan"]], customers, days)
        return self._names.attributes("segment" if dimension == "segment" else "cohort", customers, days)


_FINER_COLUMN: Mapping[Dimension, Column] = {
    "workflow": "workflow", "outcome": "outcome", "call-type": "call_type", "model": "model", "user": "user_id",
}  # fmt: skip


def resolved_usage(columns: UsageColumns, keys: Keys, edges: Sequence[int]) -> list[dict[Key, Sums]]:
    """The sums by key of each stretch from one of `edges` to the next; every span lies within one of them."""
    found: list[dict[Key, Sums]] = [{} for _ in edges[1:]]
    stretch_of = {as_of: found[bisect_right(edges, as_of) - 1] for as_of in set(columns.as_of)}
    sums = zip(
        columns.calls, columns.unpriced, columns.input_tokens, columns.output_tokens, columns.effective, columns.retry,
        columns.orchestration, columns.provider, columns.estimated, columns.unattributed, strict=True,
    )  # fmt: skip
    for key, as_of, row in zip(
        keys.keys(columns.names, columns.as_of), columns.as_of, map(Sums._make, sums), strict=True
    ):
        stretch = stretch_of[as_of]
        known = stretch.get(key)
        stretch[key] = row if known is None else known.plus(row)
    return found


def raw_names(columns: UsageColumns, *, apart: bool) -> int:
    """How many raw names, each once a span, the rows are of; those of one span may be told `apart`."""
    return len(set(zip(*columns.names, strict=True))) if apart else len(columns.as_of)


def with_outcomes(base: Mapping[Key, Sums], known: Mapping[Key, Sums], position: int) -> dict[Key, Sums]:
    """Usage by a key whose part at `position` is the outcome: `known` are the calls of runs that have one, and what is
    left of `base` (the same keys with an empty outcome) has none.
    """
    found = dict(base)
    for key, sums in known.items():
        found[key] = found.get(key, NO_CALLS).plus(sums)
        without = (*key[:position], "", *key[position + 1 :])
        found[without] = found.get(without, NO_CALLS).minus(sums)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Everything a table is made of. `usage` is by raw key of `by`; `finer` divides cells named by `cell_key`. Revenue may
    have been divided already, by the `kept` parts.
    """

    by: tuple[Dimension, ...]
    usage: Mapping[Key, Sums]
    revenue: Pools | Tally
    costs: Mapping[CostPool, Grown]
    cells: Cells
    attribution: Attribution
    cell_key: tuple[str, ...] = ("month", "feature", "customer")
    finer: Mapping[tuple[int | str, ...], Within] = field(default_factory=dict[tuple[int | str, ...], Within])
    outcomes: Mapping[Key, OutcomeCounts] | None = None
    users: Mapping[Key, int] | None = None
    users_total: int | None = None
    p95: Mapping[Key, int | None] = field(default_factory=dict[Key, int | None])
    p95_total: int | None = None
    kinds: Mapping[str, Pools | Tally] = field(default_factory=dict[str, Pools | Tally])
    feature: str = ""
    """The rows of this feature are asked for alone, and `usage` is of no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Calls of other environments and purposes: R&D, not cost of goods sold. Cost in 10^-12 USD."""

    calls: int = 0
    cost_pico: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginReport:
    """A margin table. Days of `timezone`, `end` exclusive; rows by `by`; money in USD."""

    start: date
    end: date
    timezone: str
    scope: Scope
    by: tuple[Dimension, ...]
    rows: tuple[Figures, ...]
    total: Figures
    left_out: LeftOut = LeftOut()
    p95_method: str = "exact"


def bytes_of(reports: Iterable[MarginReport]) -> int:
    """What tables weigh, about."""
    return ROW_BYTES * sum(len(report.rows) for report in reports)


def first_rows(report: MarginReport, limit: int | None) -> tuple[Figures, ...]:
    """The first `limit` rows and one more, `(others)`, that sums all after them: together they are still the total."""
    if limit is None or len(report.rows) <= limit:
        return report.rows
    return (*report.rows[:limit], summed(report.rows[limit:], (OTHERS,) * len(report.by)))


def margin_rows(gathered: Gathered, policies: Policies | None) -> tuple[tuple[Figures, ...], Figures]:
    """The rows, by margin ascending, and their total. Features are held to the floors of `policies`, where these are given."""
    by = gathered.by
    keep = kept(by, gathered.cell_key)

    def earned_by_row(earned: Pools | Tally) -> dict[Key, int]:
        tally = earned if isinstance(earned, Tally) else tally_revenue(earned, gathered.cells, keep)
        return _project(tally, gathered, UNMATCHED_REVENUE)

    revenue = earned_by_row(gathered.revenue)
    kinds = {kind: earned_by_row(earned) for kind, earned in gathered.kinds.items()}
    shared = {
        component: _project(tally, gathered, UNMATCHED_COST)
        for component, tally in tally_costs(
            gathered.costs, gathered.cells, keep, gathered.attribution.with_traits
        ).items()
    }

    usage, p95 = _by_name_of(gathered.usage, by), _by_name_of(gathered.p95, by)
    users, users_total = _users(gathered)
    outcomes = _by_name_of(gathered.outcomes or {}, by)
    keys = _asked({*revenue, *usage, *outcomes, *(key for of in shared.values() for key in of)}, gathered)
    columns = (
        _told(revenue, keys, 0),
        _told(usage, keys, NO_CALLS),
        [_some(shared, key) for key in keys] if shared else repeat(_NOTHING),
        [_kinds(key, revenue, kinds) for key in keys] if kinds else repeat(_NOTHING),
        _told(p95, keys, None),
        repeat(None) if users is None else _told(users, keys, 0),
        repeat(None) if gathered.outcomes is None else _told(outcomes, keys, OutcomeCounts()),
        repeat(False) if _OWNS_OUTCOMES.isdisjoint(by) else map(NAMELESS.isdisjoint, keys),
    )
    rows = [
        Figures(
            key=key, revenue_pico=earned, sums=used, shared_pico=of_shared, kinds_pico=of_kinds, p95_pico=of_p95, users=of_users,
            outcomes=reached, owns_outcomes=owns,
        )
        for key, earned, used, of_shared, of_kinds, of_p95, of_users, reached, owns in zip(keys, *columns, strict=False)
    ]  # fmt: skip
    rows = [row for row in rows if row.revenue_pico or row.sums.calls or _says_something(row)]
    last_day = date.fromordinal(gathered.attribution.window.end - 1)
    if by == ("feature",) and policies is not None:
        rows = [_with_floor(row, policies, last_day) for row in rows]
    rows = by_margin(rows)
    total = replace(summed(rows, ()), p95_pico=gathered.p95_total, users=users_total)
    if not gathered.feature:
        _assert_whole(total, gathered)
    return tuple(rows), total


def by_margin(rows: Sequence[Figures]) -> list[Figures]:
    """Rows of different keys by margin ascending, and of equal ones by key."""
    margins = [row.revenue_pico - cogs for row, cogs in zip(rows, cogs_of(rows), strict=True)]
    return [row for _, _, row in sorted(zip(margins, [row.key for row in rows], rows, strict=True))]


def _told(of: Mapping[Key, Told], keys: Collection[Key], otherwise: Other) -> Iterator[Told | Other]:
    """What is told of each of `keys`."""
    return map(of.get, keys, repeat(otherwise)) if of else repeat(otherwise)


def _some(amounts: Mapping[str, Mapping[Key, int]], key: Key) -> dict[str, int]:
    """What each of these has for a key, where it is anything."""
    return {name: of[key] for name, of in amounts.items() if of.get(key)}


def _asked(keys: Collection[Key], gathered: Gathered) -> Collection[Key]:
    """The keys of the rows that are asked for."""
    if not gathered.feature:
        return keys
    at = gathered.by.index("feature")
    return [key for key in keys if key[at] == gathered.feature]


def _by_name_of(of: Mapping[Key, Told], by: Sequence[Dimension]) -> Mapping[Key, Told]:
    """The same by the keys of rows."""
    nameless = [key for key in of if "" in key]
    return (
        {key if "" not in key else _named(key, by, UNMATCHED_COST): told for key, told in of.items()}
        if nameless
        else of
    )


def _kinds(key: Key, revenue: Mapping[Key, int], kinds: Mapping[str, Mapping[Key, int]]) -> dict[str, int]:
    """A row's revenue by kind. Each kind is divided by itself, so that its last digit may differ from the whole's: the
    greatest kind takes that difference.
    """
    found = _some(kinds, key)
    if found:
        greatest = max(found, key=lambda kind: abs(found[kind]))
        found[greatest] += revenue.get(key, 0) - sum(found.values())
    return found


def kept(by: Sequence[Dimension], cell_key: Sequence[str]) -> list[str]:
    """The parts of an owner that a table needs."""
    coarse = [str(dimension) for dimension in by if dimension not in FINER]
    if len(coarse) == len(by):
        return coarse
    known = [name for name in _KNOWN_TO_OUTCOMES if name in by]
    return list(dict.fromkeys((*cell_key, *coarse, *known)))


def _project(tally: Tally, gathered: Gathered, unmatched: str) -> dict[Key, int]:
    """What the window itself earned or cost, by row."""
    finer = [dimension for dimension in gathered.by if dimension in FINER]
    found: dict[Key, int] = {}
    if not finer:
        earned = {cast("Key", key): through - before for key, (before, through) in tally.amounts.items()}
        nameless = [(key, earned.pop(key)) for key in list(earned) if "" in key]
        for key, amount in nameless:
            row = _named(key, gathered.by, unmatched)
            earned[row] = earned.get(row, 0) + amount
        return earned
    divided = divide_finer(tally, gathered.finer, gathered.cell_key, finer)
    at = [finer.index(d) if d in FINER else tally.keep.index(d) for d in gathered.by]
    for key, parts in divided.items():
        for values, (before, through) in parts:
            words = [
                values[place] if dimension in FINER else str(key[place])
                for dimension, place in zip(gathered.by, at, strict=True)
            ]
            row = _named(words, gathered.by, unmatched)
            found[row] = found.get(row, 0) + through - before
    return found


def _named(parts: Sequence[str], by: Sequence[Dimension], unmatched: str) -> Key:
    if all(parts):
        return tuple(parts)
    return tuple(
        [part or (unmatched if dimension in _MATCHED else NONE) for part, dimension in zip(parts, by, strict=True)]
    )


def _users(gathered: Gathered) -> tuple[dict[Key, int] | None, int | None]:
    """Active users by row and in total. By user a row is one user, whoever's customer: user ids are the organisation's."""
    if gathered.users is None:
        return None, None
    counted = {_named(key, gathered.by, UNMATCHED_COST): count for key, count in gathered.users.items()}
    if "user" not in gathered.by:
        return counted, gathered.users_total
    at = gathered.by.index("user")
    active = {key: 1 for key, count in counted.items() if count and key[at] != NONE}
    return active, len({key[at] for key in active})


def _says_something(row: Figures) -> bool:
    counted = row.outcomes is not None and row.outcomes.outcomes > 0
    return bool(
        row.revenue_pico or any(row.sums) or counted or any(row.kinds_pico.values()) or any(row.shared_pico.values())
    )


def _with_floor(row: Figures, policies: Policies, day: date) -> Figures:
    """A feature's row with the floor of the window's last day: what is read today of a month long past stays what it was."""
    name = row.key[0]
    if name in {UNMATCHED_COST, UNMATCHED_REVENUE}:
        return row
    floor = feature_floor(policies, name, day)
    zone = floor.zone(row.margin_ratio, revenue_pico=row.revenue_pico, cost_known=row.cost_known)
    return replace(row, held_to=floor, zone=zone)


def summed(rows: Sequence[Figures], key: Key) -> Figures:
    """Some rows as one named `key`. What does not add up, percentiles and distinct users, it does not have."""
    shared = _by_name([row.shared_pico for row in rows if row.shared_pico])
    counts = [row.outcomes for row in rows if row.outcomes is not None]
    return Figures(
        key=key,
        revenue_pico=sum(row.revenue_pico for row in rows),
        sums=total_of([row.sums for row in rows]),
        shared_pico=shared,
        kinds_pico=_by_name([row.kinds_pico for row in rows if row.kinds_pico]),
        outcomes=OutcomeCounts(*map(sum, zip(*counts, strict=True))) if counts else None,
        owns_outcomes=any(row.owns_outcomes for row in rows if row.outcomes and row.outcomes.successes),
    )


def _by_name(many: Sequence[Mapping[str, int]]) -> dict[str, int]:
    summed: dict[str, int] = {}
    for amounts in many:
        for name, pico in amounts.items():
            summed[name] = summed.get(name, 0) + pico
    return summed


def _assert_whole(total: Figures, gathered: Gathered) -> None:
    """Nothing was lost or made on the way from what was gathered to the rows."""
    earned = gathered.revenue
    assert total.revenue_pico == window_of(earned.amounts if isinstance(earned, Tally) else earned)
    assert not gathered.kinds or sum(total.kinds_pico.values()) == total.revenue_pico
    assert sum(total.shared_pico.values()) == window_of(gathered.costs)
    assert total.sums == total_of(gathered.usage.values())


def window_of(pools: Mapping[Kept, Grown] | Mapping[CostPool, Grown] | Pools) -> int:
    """What pools earned or cost within the window itself, in 10^-12 USD."""
    return sum(through - before for before, through in pools.values())


def finer_cells(
    columns: WeightColumns,
    column_names: Sequence[Column],
    cell_key: Sequence[str],
    finer: Sequence[Dimension],
    to: Attribution,
) -> dict[tuple[int | str, ...], dict[Key, int]]:
    """Calls of each cell by the values of the finer dimensions; raw names are in the order of `column_names`."""
    at = dict(zip(column_names, columns.names, strict=True))
    names = to.names

    def resolved(kind: Kind, raw: list[str]) -> list[str]:
        pairs = zip(raw, columns.as_of, strict=True)
        return [names.resolve(kind, name, as_of) for name, as_of in pairs] if names.renames(kind) else raw

    parts: dict[str, list[int] | list[str]] = {
        "month": [to.month(as_of) for as_of in columns.as_of],
        "feature": resolved("feature", at["feature"]),
    }
    if "customer_id" in at:
        parts["customer"] = resolved("customer", at["customer_id"])
    cells = zip(*(parts[name] for name in cell_key), strict=True)
    unknown = [""] * len(columns.as_of)
    values = zip(*(at.get(_FINER_COLUMN[dimension], unknown) for dimension in finer), strict=True)
    found: dict[tuple[int | str, ...], dict[Key, int]] = {}
    for cell, value, calls in zip(cells, values, columns.calls, strict=True):
        within = found.get(cell)
        if within is None:
            within = found[cell] = {}
        within[value] = within.get(value, 0) + calls
    return found


def outcome_counts(
    rows: Sequence[OutcomeRow], by: Sequence[Dimension], to: Attribution, start: int
) -> dict[Key, OutcomeCounts] | None:
    """Outcomes of the window by key; None where a dimension is not a property of an outcome."""
    if not {"call-type", "model"}.isdisjoint(by):
        return None
    by_day: defaultdict[int, list[OutcomeRow]] = defaultdict(list)
    for row in rows:
        if row.as_of >= start:
            by_day[row.as_of].append(row)
    needed, keys, places = names_of_outcomes(by), dict[Key, int](), [integers([])]
    for as_of, told in by_day.items():
        unknown = ("",) * len(told)
        raw = zip(*[row.names for row in told], strict=True)
        names = [column if place in needed else unknown for place, column in enumerate(raw)]
        owned = to.owned(names[0], names[1], names[2], as_of)
        parts = dict(zip(_PARTS_OF_OUTCOMES, (*zip(*owned, strict=True), *names[3:]), strict=True))
        places.append(codes_of(list(zip(*[parts[part] for part in by], strict=True)), keys))
    told, at, count = [row for some in by_day.values() for row in some], np.concatenate(places), len(keys)
    outcomes = sums_of(integers([row.outcomes for row in told]), at, count)
    successes = sums_of(integers([row.successes for row in told]), at, count)
    return dict(zip(keys, map(OutcomeCounts, outcomes, successes), strict=True))


def names_of_outcomes(by: Sequence[Dimension]) -> frozenset[int]:
    """The places of the names of an outcome (OutcomeRow) that its key is read from."""
    return frozenset({place for dimension in by for place in _NAMES_OF_OUTCOMES.get(dimension, ())})


_PARTS_OF_OUTCOMES: tuple[Dimension, ...] = (
    "customer", "plan", "feature", "segment", "cohort", "workflow", "user", "outcome",
)  # fmt: skip
_NAMES_OF_OUTCOMES: Mapping[Dimension, tuple[int, ...]] = {
    "customer": (0,), "segment": (0,), "cohort": (0,), "plan": (0, 1), "feature": (2,), "workflow": (3,), "user": (4,),
    "outcome": (5,),
}  # fmt: skip
