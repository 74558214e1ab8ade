"""The changelog of baselines: what was declared joined with what traffic shows, what each change did, and what a comparison crosses.

log = changelog(entries)
crossings(log, "assistant", start, end)      → the entries that begin inside: the two ends are not alike
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from floorline.margin.baseline import CALLS_MIN, Effect, Entry, Place, Values
from floorline.margin.metrics import per
from floorline.money import text

GRACE_DAYS = 3
"""How far apart a declaration and the traffic that follows it may begin and still be one change."""

EFFECT_DAYS = 7
EFFECT_DAYS_MIN = 3


class CostDay(NamedTuple):
    """The calls of one place on one day and what they cost, in 10^-12 USD."""

    day: date
    place: Place
    calls: int
    unpriced: int
    cost_pico: int


class Stretch(NamedTuple):
    """Days from `start` to the day before `end`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.end - self.start).days


MarginOf = Callable[[str, Stretch], Decimal | None]
"""The margin of a feature over some days, None without revenue."""


def changelog(entries: Iterable[Entry]) -> list[Entry]:
    """Every entry once, oldest first: a declaration and the change of traffic that carries it out are one, which begins when
    it was declared to.
    """
    ordered = sorted(entries, key=lambda entry: (entry.start, entry.place, entry.source))
    traffic = [entry for entry in ordered if not entry.declared]
    joined: list[Entry] = []
    for declared in (entry for entry in ordered if entry.declared):
        carried = [entry for entry in traffic if _carries_out(entry, declared)]
        if not carried:
            joined.append(declared)
            continue
        nearest = min(carried, key=lambda entry: (abs(entry.start - declared.start), entry.start, entry.place))
        traffic.remove(nearest)
        joined.append(replace(declared, place=nearest.place, values=nearest.values, before=nearest.before))
    return sorted([*traffic, *joined], key=lambda entry: (entry.start, entry.place, entry.source))


def _carries_out(seen: Entry, declared: Entry) -> bool:
    stated, found = declared.values, seen.values
    return (
        declared.place.covers(seen.place)
        and abs((seen.start - declared.start).days) <= GRACE_DAYS
        and (not stated.model or found.model.startswith(stated.model))
        and stated.prompt in {"", found.prompt}
        and stated.route in {"", found.route}
    )


def in_force(log: Sequence[Entry], day: date) -> list[Entry]:
    """The entry of each place that holds on `day`."""
    held: dict[Place, Entry] = {}
    for entry in log:
        if entry.start <= day:
            held[entry.place] = entry
    return [held[place] for place in sorted(held)]


def crossings(log: Iterable[Entry], feature: str | None, start: date, end: date) -> list[Entry]:
    """The changes of `feature` (None: of every one) that lie within the days from `start` to the day before `end`, oldest first:
    figures from before one and from after it are of different things. The first baseline that is known is no change.
    """
    return [
        entry
        for entry in log
        if feature in {None, entry.place.feature}
        and start < entry.start < end
        and (entry.declared or entry.before is not None)
    ]


def describe(entry: Entry) -> str:
    """A change in a sentence: `2026-11-20 answer/generation: model gpt-5 → gpt-5-mini (declared by ana: cheaper model)`."""
    place = entry.place
    where = "/".join(name for name in (place.workflow, place.step, place.call_type) if name) or "every step"
    said = ": ".join(part for part in (f"declared by {entry.by}" if entry.by else "declared", entry.name) if part)
    return f"{entry.start} {where}: {what_changed(entry)} ({said if entry.declared else 'seen in traffic'})"


def what_changed(entry: Entry) -> str:
    """Each value that is another one, from what to what; of a first baseline, and of one that states itself alone, the values."""
    if entry.changed and entry.before is not None:
        return ", ".join(
            f"{field} {getattr(entry.before, field)} → {getattr(entry.values, field)}" for field in entry.changed
        )
    return stated(entry.values) or "a new baseline"


def stated(values: Values) -> str:
    """The values that are known."""
    named = (("model", values.model), ("prompt", values.prompt), ("route", values.route))
    return ", ".join(f"{name} {value}" for name, value in named if value)


def stretches(entry: Entry, log: Iterable[Entry], today: date) -> tuple[Stretch, Stretch] | None:
    """The days before a change and those from it on that it is measured by: at most EFFECT_DAYS each, up to the neighbouring
    changes of the same place and to `today`, which still runs. None while there are too few.
    """
    starts = [
        other.start
        for other in log
        if other is not entry
        and (other.place.covers(entry.place) or entry.place.covers(other.place))
        and (other.declared or other.before is not None)
    ]
    first = max([day for day in starts if day < entry.start], default=date.min)
    last = min([day for day in starts if day > entry.start], default=date.max)
    days = timedelta(days=EFFECT_DAYS)
    before = Stretch(max(entry.start - days, first), entry.start)
    after = Stretch(entry.start, min(entry.start + days, last, max(today, entry.start)))
    return (before, after) if min(before.days, after.days) >= EFFECT_DAYS_MIN else None


def effect(
    entry: Entry, log: Iterable[Entry], costs: Iterable[CostDay], margin: MarginOf, today: date
) -> Effect | None:
    """What a change did to cost per call and margin; None while that cannot be told."""
    found = stretches(entry, log, today)
    if found is None:
        return None
    before, after = found
    rows = [row for row in costs if entry.place.covers(row.place)]
    calls_before, cost_before = _per_call(rows, before)
    calls_after, cost_after = _per_call(rows, after)
    feature = entry.place.feature
    return Effect(
        days_before=before.days,
        days_after=after.days,
        calls_before=calls_before,
        calls_after=calls_after,
        cost_per_call_before=cost_before,
        cost_per_call_after=cost_after,
        margin_before=margin(feature, before),
        margin_after=margin(feature, after),
        settled=after.days == EFFECT_DAYS or after.end < today,
    )


def _per_call(rows: Iterable[CostDay], days: Stretch) -> tuple[int, Decimal | None]:
    """Calls, and cost per priced call; no cost of fewer calls than tell anything."""
    inside = [row for row in rows if days.start <= row.day < days.end]
    priced = sum(row.calls - row.unpriced for row in inside)
    calls = sum(row.calls for row in inside)
    return calls, per(sum(row.cost_pico for row in inside), priced) if priced >= CALLS_MIN else None


def log_document(log: Sequence[Entry], today: date, feature: str = "") -> Mapping[str, object]:
    """The baselines in force today and the changelog as JSON, of one feature or of every one."""
    shown = [entry for entry in log if feature in {"", entry.place.feature}]
    return {
        "day": today.isoformat(),
        "currency": "USD",
        "baselines": [entry_document(entry) for entry in in_force(shown, today)],
        "changelog": [entry_document(entry) for entry in shown],
    }


def entry_document(entry: Entry) -> Mapping[str, object]:
    """An entry as JSON: money is text, ratios are text, what is not known is null."""
    place, effect_ = entry.place, entry.effect
    return {
        "id": entry.id,
        "feature": place.feature,
        "workflow": place.workflow,
        "step": place.step,
        "call_type": place.call_type,
        "from": entry.start.isoformat(),
        "source": entry.source,
        "model": entry.values.model,
        "prompt": entry.values.prompt,
        "route": entry.values.route,
        "changed": list(entry.changed),
        "before": None if entry.before is None else {
            "model": entry.before.model, "prompt": entry.before.prompt, "route": entry.before.route,
        },
        "name": entry.name,
        "note": entry.note,
        "declared_by": entry.by,
        "logged_at": entry.at.isoformat(),
        "effect": None if effect_ is None else _effect_document(effect_),
    }  # fmt: skip


def _effect_document(found: Effect) -> Mapping[str, object]:
    def said(amount: Decimal | None) -> str | None:
        return None if amount is None else text(amount)

    return {
        "days_before": found.days_before,
        "days_after": found.days_after,
        "calls_before": found.calls_before,
        "calls_after": found.calls_after,
        "cost_per_call_before": said(found.cost_per_call_before),
        "cost_per_call_after": said(found.cost_per_call_after),
        "cost_per_call_growth": said(found.cost_growth),
        "usd_a_month": said(found.usd_a_month),
        "margin_before": said(found.margin_before),
        "margin_after": said(found.margin_after),
        "settled": found.settled,
    }
