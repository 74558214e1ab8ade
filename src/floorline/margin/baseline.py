"""What costs are compared within: model, prompt and route of one step of a feature, and when traffic moved to others.

    uses (day × place × values → calls) ─▶ detect ─▶ entries of the changelog

A place is a step of a feature as the calls name it: workflow, step and call type, so that a small model that classifies and a
large one that answers do not take turns. Of each of the three values traffic decides by itself:

- a value replaces the one before on a day of at least CALLS_MIN calls of which it has at least 60 %, and more than chance
  could give it if it had half (a lead of three standard deviations). A canary of 10 or of 50 % changes nothing, and a split that
  moves to and fro between 40 and 60 % does not either;
- when the one before is down to 20 % and none has 60 %, the value is MIXED;
- calls that do not say a value decide nothing about it, and one that is said for the first time fills in what was not known.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from floorline.money import ratio, usd

Source = Literal["traffic", "config", "api", "command"]
Field = Literal["model", "prompt", "route"]
FIELDS: tuple[Field, ...] = ("model", "prompt", "route")

MIXED = "*"
"""No value has the majority, or each call has one of its own. A gateway stamps it too."""

CALLS_MIN = 20
"""A day of fewer calls starts no baseline."""

LEAD_DEVIATIONS = 3


class Place(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A step of a feature, as its calls name it. One that is `open` was declared: what it leaves out may be anything."""

    feature: str
    workflow: str = ""
    step: str = ""
    call_type: str = ""
    open: bool = False

    def covers(self, other: "Place") -> bool:
        """Whether calls of `other` are calls of this place."""
        if not self.open:
            return self == other
        return self.feature == other.feature and all(
            getattr(self, name) in {"", getattr(other, name)} for name in ("workflow", "step", "call_type")
        )


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared within; '' is not known."""

    model: str = ""
    prompt: str = ""
    route: str = ""


class Use(NamedTuple):
    """Calls of one place on one day that were served by the same model, prompt and route."""

    day: date
    place: Place
    values: Values
    calls: int


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a change did: the days before it against those from it on, at most seven each and none of another baseline.

    Cost per call is USD, of the place; the margin is the feature's. None: too few calls, unpriced, or no revenue. `settled`:
    more days will not change it.
    """

    days_before: int
    days_after: int
    calls_before: int
    calls_after: int
    cost_per_call_before: Decimal | None
    cost_per_call_after: Decimal | None
    margin_before: Decimal | None
    margin_after: Decimal | None
    settled: bool = False

    @property
    def cost_growth(self) -> Decimal | None:
        """How much dearer a call became, as a ratio."""
        before, after = self.cost_per_call_before, self.cost_per_call_after
        return None if not before or after is None else ratio(after - before, before)

    @property
    def usd_a_month(self) -> Decimal | None:
        """What that is in 30 days at the calls of the days after; negative where it saves."""
        before, after = self.cost_per_call_before, self.cost_per_call_after
        if before is None or after is None:
            return None
        return usd((after - before) * self.calls_after * 30 / self.days_after)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the changelog: from `start` on the place has these values. `before` is None for the first that is known.

    `id` is its document's. `name`, `note` and `by` are of who declared it. `at` is when it was logged.
    """

    id: str
    place: Place
    start: date
    values: Values
    source: Source
    at: datetime
    before: Values | None = None
    name: str = ""
    note: str = ""
    by: str = ""
    effect: Effect | None = None

    @property
    def declared(self) -> bool:
        """Whether someone said so, rather than traffic alone."""
        return self.source != "traffic"

    @property
    def changed(self) -> tuple[Field, ...]:
        """What is another value than before, of what both know."""
        return () if self.before is None else changes(self.before, self.values)


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """A baseline that someone states: from `start` on, at this place, with what is known of its values."""

    place: Place
    start: date
    values: Values
    name: str = ""
    note: str = ""
    by: str = ""

    def entry(self, source: Source, at: datetime) -> Entry:
        """Its entry of the changelog."""
        return Entry(
            id=entry_id(source, self.place, self.start),
            place=self.place,
            start=self.start,
            values=self.values,
            source=source,
            at=at,
            name=self.name,
            note=self.note,
            by=self.by,
        )


def declaration_of(feature: str, start: date, said: Mapping[str, str]) -> Declaration:
    """The declaration of texts by name: workflow, step, call_type; model, prompt, route; name, note, by."""
    place = {name: said.get(name, "") for name in ("workflow", "step", "call_type")}
    values = {name: said.get(name, "") for name in FIELDS}
    others = {name: said.get(name, "") for name in ("name", "note", "by")}
    return Declaration(place=Place(feature=feature, open=True, **place), start=start, values=Values(**values), **others)


def entry_id(source: Source, place: Place, start: date) -> str:
    """The same place and day are one entry of traffic, one of the configuration, and one that was declared otherwise."""
    kind = "declared" if source in {"api", "command"} else source
    names = (kind, place.feature, place.workflow, place.step, place.call_type, start.isoformat())
    return "/".join(quote(name, safe="") for name in names)


def changes(before: Values, after: Values) -> tuple[Field, ...]:
    """The fields that differ, of those that both know."""
    return tuple(
        field
        for field in FIELDS
        if getattr(before, field) and getattr(after, field) and getattr(before, field) != getattr(after, field)
    )


def values_of(model: str, stamp: str) -> Values:
    """The values of a call by its model and its baseline, `<prompt>@<route>` or a prompt alone."""
    prompt, at, route = stamp.rpartition("@")
    return Values(model=model, prompt=prompt, route=route) if at else Values(model=model, prompt=stamp)


def detect(uses: Iterable[Use], known: Mapping[Place, Entry], *, at: datetime) -> list[Entry]:
    """The entries that the days of `uses` begin or fill in, oldest first. `known` are those in force before the first of these
    days. The order of `uses` does not count.
    """
    days: dict[tuple[date, Place], list[Use]] = defaultdict(list)
    for use in uses:
        days[use.day, use.place].append(use)
    current = dict(known)
    found: dict[str, Entry] = {}
    for day, place in sorted(days):
        before = current.get(place)
        values = following(before.values if before else None, days[day, place])
        if values is None or (before is not None and values == before.values):
            continue
        if before is None or changes(before.values, values):
            entry = Entry(
                id=entry_id("traffic", place, day),
                place=place,
                start=day,
                values=values,
                source="traffic",
                at=at,
                before=before.values if before else None,
            )
        else:
            entry = replace(before, values=values)
        current[place] = found[entry.id] = entry
    return sorted(found.values(), key=lambda entry: (entry.start, entry.place))


def following(current: Values | None, uses: Sequence[Use]) -> Values | None:
    """The values after a day of these uses of one place; None while nothing is known."""
    if sum(use.calls for use in uses) < CALLS_MIN:
        return current
    held = current or Values()
    model, prompt, route = (_held(getattr(held, field), _tally(uses, field)) for field in FIELDS)
    return Values(model=model, prompt=prompt, route=route)


def _tally(uses: Sequence[Use], field: Field) -> dict[str, int]:
    """Calls by the values that are said."""
    calls: dict[str, int] = defaultdict(int)
    for use in uses:
        if value := getattr(use.values, field):
            calls[value] += use.calls
    return calls


def _held(current: str, calls: Mapping[str, int]) -> str:
    """The value after a day on which each had so many calls."""
    total = sum(calls.values())
    if total < CALLS_MIN:
        return current
    most, count = max(calls.items(), key=lambda item: (item[1], item[0]))
    if 5 * count >= 3 * total and (2 * count - total) ** 2 >= LEAD_DEVIATIONS**2 * total:
        return most
    if not current or 5 * calls.get(current, 0) <= total:
        return MIXED
    return current
