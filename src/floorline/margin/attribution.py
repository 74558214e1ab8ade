"""Whose call, whose revenue: the dated names of customers, plans and features, resolved without a store.

A day is `date.toordinal()`. Names are resolved *as of* a day: within a span of days in which no alias and no attribute
changes they mean the same, so the store sums per span and only spans are resolved here.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

from floorline.events import Alias, Customer

Kind = Literal["customer", "plan", "feature"]
Attribute = Literal["plan", "segment", "cohort"]

_ALWAYS = 0
_FOR_EVER = date.max.toordinal() + 1
_MAX_HOPS = 8


def _no_days() -> list[int]:
    return []


def _no_values() -> list[str]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A value that changes on given days: `values[i]` holds from `starts[i]` until the day before the next start.

    Before the first start the first value holds: nothing earlier is known.
    """

    starts: list[int] = field(default_factory=_no_days)
    values: list[str] = field(default_factory=_no_values)

    def append(self, start: int, value: str) -> None:
        """Add a later value; one that says nothing, or the same again, is no change."""
        if not value or (self.values and self.values[-1] == value):
            return
        if self.starts and self.starts[-1] == start:
            self.values[-1] = value
        else:
            self.starts.append(start)
            self.values.append(value)

    def at(self, day: int) -> str:
        """The value on `day`; empty when there is none at all."""
        if not self.values:
            return ""
        return self.values[max(0, bisect_right(self.starts, day) - 1)]

    def changes(self) -> list[int]:
        """The days on which the value becomes another."""
        return self.starts[1:]


class Named(NamedTuple):
    """A raw name, and the days from `start` to the one before `end` on which it means one thing."""

    name: str
    start: int
    end: int


class Cover(NamedTuple):
    """A revenue line's word on the plan: `customer` (as billed) is on `plan` from `start`, for `amount` (10^-12 USD)."""

    customer: str
    plan: str
    start: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundaries:
    """Where spans begin: `shared` days for every row, `own` days too for the raw customer names in `changing`."""

    shared: list[int]
    own: list[int]
    changing: frozenset[str]


class Names:
    """Resolves raw names to canonical ones, and customers to their plan, segment and cohort.

    Of two aliases that both hold on a day the one that began last counts, then the greater id. A chain of aliases is
    followed; a loop stops where it closes.
    """

    def __init__(
        self, aliases: Iterable[Alias] = (), customers: Iterable[Customer] = (), covers: Iterable[Cover] = ()
    ) -> None:
        self._aliases: dict[tuple[str, str], list[tuple[int, int, str, str]]] = defaultdict(list)
        for alias in aliases:
            start = alias.valid_from.toordinal() if alias.valid_from else _ALWAYS
            end = alias.valid_to.toordinal() if alias.valid_to else _FOR_EVER
            if alias.alias != alias.canonical:
                self._aliases[alias.kind, alias.alias].append((start, end, alias.id, alias.canonical))
        self._renamed = frozenset(kind for kind, _ in self._aliases)
        self._aliases_of: dict[str, set[str]] = defaultdict(set)
        for (kind, name), dated in self._aliases.items():
            dated.sort(reverse=True)
            if kind == "customer":
                for _, _, _, canonical in dated:
                    self._aliases_of[canonical].add(name)
        self._attributes: dict[Attribute, dict[str, Timeline]] = {"plan": {}, "segment": {}, "cohort": {}}
        for record in sorted(customers, key=_valid_from):
            self._add_record(record)
        self._covered = self._coverage(covers)

    def resolve(self, kind: Kind, name: str, day: int) -> str:
        """The canonical name of `name` on `day`."""
        if kind not in self._renamed or (kind, name) not in self._aliases:
            return name
        for _ in range(_MAX_HOPS):
            dated = self._aliases.get((kind, name))
            if dated is None:
                return name
            following = next((canonical for start, end, _, canonical in dated if start <= day < end), "")
            if not following:
                return name
            name = following
        return name

    def renames(self, kind: Kind) -> bool:
        """Whether any name of this kind has an alias."""
        return kind in self._renamed

    def plan(self, plan: str, customer: str, day: int) -> str:
        """The stated plan, else that of the customer's record, else that of the revenue line covering the day.

        `customer` is canonical. Days that no line covers take the plan before, or the first one after.
        """
        stated = plan or self.attribute("plan", customer, day)
        if not stated and customer in self._covered:
            stated = self._covered[customer].at(day)
        return self.resolve("plan", stated, day)

    def attribute(self, attribute: Attribute, customer: str, day: int) -> str:
        """Plan, segment or cohort of a canonical customer by its dated records; empty when none says."""
        timeline = self._attributes[attribute].get(customer)
        return timeline.at(day) if timeline else ""

    def boundaries(self, start: int, end: int, attributes: Sequence[Attribute]) -> Boundaries:
        """Days after `start` and before `end` on which a name or one of `attributes` begins to mean something else."""
        shared: set[int] = set()
        own: set[int] = set()
        changing: set[str] = set()
        for (kind, name), dated in self._aliases.items():
            inside = {day for begin, finish, _, _ in dated for day in (begin, finish) if start < day < end}
            if inside and kind == "customer":
                own |= inside
                changing |= self._known_as(name)
            elif inside and (kind == "feature" or "plan" in attributes):
                shared |= inside
        timelines = [self._attributes[attribute] for attribute in attributes]
        if "plan" in attributes:
            timelines.append({name: t for name, t in self._covered.items() if name not in self._attributes["plan"]})
        for by_customer in timelines:
            for customer, timeline in by_customer.items():
                if len(timeline.starts) < 2:
                    continue  # as nearly all
                inside = {day for day in timeline.changes() if start < day < end}
                if inside:
                    own |= inside
                    changing |= self._known_as(customer)
        return Boundaries(shared=sorted(shared), own=sorted(own | shared), changing=frozenset(changing))

    def names_of(self, customer: str, start: int, end: int) -> list[Named]:
        """The raw names that mean the canonical `customer`, and from when to when, of the days from `start` to the one
        before `end`.
        """
        names = sorted(self._known_as(customer))
        dated = [one for name in names for one in self._aliases.get(("customer", name), ())]
        cuts = sorted(
            {start, end, *(day for begin, finish, _, _ in dated for day in (begin, finish) if start < day < end)}
        )
        found: list[Named] = []
        for name in names:
            for first, last in pairwise(cuts):
                if self.resolve("customer", name, first) != customer:
                    continue
                if found and found[-1].name == name and found[-1].end == first:
                    found[-1] = found[-1]._replace(end=last)
                else:
                    found.append(Named(name, first, last))
        return found

    def _known_as(self, customer: str) -> set[str]:
        """Every raw name that may lead to `customer`, itself included."""
        names = {customer}
        fresh = {customer}
        while fresh:
            fresh = {alias for name in fresh for alias in self._aliases_of.get(name, ())} - names
            names |= fresh
        return names

    def _add_record(self, record: Customer) -> None:
        start = _valid_from(record)[0]
        customer = self.resolve("customer", record.customer, start)
        words: tuple[tuple[Attribute, str], ...] = (
            ("plan", record.plan), ("segment", record.segment), ("cohort", record.cohort),
        )  # fmt: skip
        for attribute, value in words:
            if value:
                self._attributes[attribute].setdefault(customer, Timeline()).append(start, value)

    def _coverage(self, covers: Iterable[Cover]) -> dict[str, Timeline]:
        """Plans by revenue: of the lines that begin on one day the greatest names the plan."""
        lines: dict[str, list[tuple[int, int, str]]] = {}
        for customer, plan, start, amount in covers:
            if plan and amount > 0:
                lines.setdefault(self.resolve("customer", customer, start), []).append((start, amount, plan))
        covered: dict[str, Timeline] = {}
        for customer, dated in lines.items():
            if len(dated) == 1:
                covered[customer] = Timeline(starts=[dated[0][0]], values=[dated[0][2]])
                continue
            covered[customer] = timeline = Timeline()
            greatest = {start: plan for start, _, plan in sorted(dated)}
            for start, plan in greatest.items():
                timeline.append(start, plan)
        return covered


def _valid_from(record: Customer) -> tuple[int, str]:
    return (record.valid_from.toordinal() if record.valid_from else _ALWAYS, record.id)
