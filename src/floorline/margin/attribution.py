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
        self._covered, self._always = self._coverage(covers)
        self._changing = {attribute: _changing(of) for attribute, of in self._attributes.items()}
        self._changing_covered = _changing(self._covered)

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

    def resolve_all(self, kind: Kind, names: Sequence[str], days: Sequence[int]) -> Sequence[str]:
        """The canonical name of each of `names` on the day beside it."""
        if kind not in self._renamed:
            return names
        return [self.resolve(kind, name, day) for name, day in zip(names, days, strict=True)]

    def renames(self, kind: Kind) -> bool:
        """Whether any name of this kind has an alias."""
        return kind in self._renamed

    def plan(self, plan: str, customer: str, day: int) -> str:
        """The stated plan, else that of the customer's record, else that of the revenue line covering the day.

        `customer` is canonical. Days that no line covers take the plan before, or the first one after.
        """
        return self.resolve("plan", plan or self._plan_of(customer, day), day)

    def plans(self, plans: Sequence[str], customers: Sequence[str], days: Sequence[int]) -> Sequence[str]:
        """As `plan`, of each."""
        recorded, covered, always = self._attributes["plan"], self._covered, self._always
        stated = [
            plan
            or (
                self._plan_of(customer, day)
                if customer in recorded or customer in covered
                else always.get(customer, "")
            )
            for plan, customer, day in zip(plans, customers, days, strict=True)
        ]
        return self.resolve_all("plan", stated, days)

    def _plan_of(self, customer: str, day: int) -> str:
        """The plan that a customer's record or its revenue states; '' where neither does."""
        stated = self.attribute("plan", customer, day)
        if stated:
            return stated
        covered = self._covered.get(customer)
        return self._always.get(customer, "") if covered is None else covered.at(day)

    def attributes(self, attribute: Attribute, customers: Sequence[str], days: Sequence[int]) -> Sequence[str]:
        """As `attribute`, of each."""
        timelines = self._attributes[attribute]
        if not timelines:
            return [""] * len(customers)
        return [self.attribute(attribute, *one) for one in zip(customers, days, strict=True)]

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
        timelines = [self._changing[attribute] for attribute in attributes]
        if "plan" in attributes:
            recorded = self._attributes["plan"]
            timelines.append({name: t for name, t in self._changing_covered.items() if name not in recorded})
        for by_customer in timelines:
            for customer, timeline in by_customer.items():
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

    def raw_names(self, kind: Kind, name: str) -> set[str]:
        """Every raw name that may mean the canonical `name` on some day, itself included."""
        names, before = {name}, 0
        while len(names) > before:
            before = len(names)
            names |= {
                alias
                for (of, alias), dated in self._aliases.items()
                if of == kind and any(canonical in names for _, _, _, canonical in dated)
            }
        return names

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

    def _coverage(self, covers: Iterable[Cover]) -> tuple[dict[str, Timeline], dict[str, str]]:
        """Plans by revenue: of the lines that begin on one day the greatest names the plan. Apart, those of the many customers
        whose lines name one plan, whatever the day.
        """
        always: dict[str, str] = {}
        changing: set[str] = set()
        named = [
            (self.resolve("customer", customer, start), plan, start, amount)
            for customer, plan, start, amount in covers
            if plan and amount > 0
        ]
        for name, plan, _, _ in named:
            if always.setdefault(name, plan) != plan:
                changing.add(name)
        covered = {name: Timeline() for name in changing}
        lines = (
            [(start, amount, plan, name) for name, plan, start, amount in named if name in changing] if changing else []
        )
        greatest = {(name, start): plan for start, _, plan, name in sorted(lines)}
        for (name, start), plan in greatest.items():
            covered[name].append(start, plan)
        return covered, {name: plan for name, plan in always.items() if name not in changing} if changing else always


def _changing(timelines: dict[str, Timeline]) -> dict[str, Timeline]:
    """Those of more than one value: hardly any."""
    return {name: timeline for name, timeline in timelines.items() if len(timeline.starts) > 1}


def _valid_from(record: Customer) -> tuple[int, str]:
    return (record.valid_from.toordinal() if record.valid_from else _ALWAYS, record.id)
