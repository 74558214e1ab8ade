"""Keeps the changelog of baselines: looks at traffic, takes declarations, measures what each change did.

Every run looks at the last LOOKBACK_DAYS anew, so that usage which comes late still counts: an entry of these days that traffic no
longer shows is withdrawn. What is older stays as it was found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorline.clock import day_of, timezone
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.shelf import Shelf
from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.baseline import Declaration, Entry, Place, Source, Use, detect, values_of
from floorline.margin.changelog import EFFECT_DAYS, CostDay, Stretch, changelog, effect
from floorline.margin.policy import Policies

KIND = "baseline"
LOOKBACK_DAYS = 28
FIRST_LOOKBACK_DAYS = 365
"""Of the first run of a ledger."""

MEASURED_MAX = 50
"""Changes that one run measures, the newest first: each takes two tables of margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a run did: entries that are new, that were withdrawn, and that were measured."""

    added: int
    withdrawn: int
    measured: int

    def __str__(self) -> str:
        return f"{self.added} new, {self.withdrawn} withdrawn, {self.measured} measured"


class Baselines:
    """The baselines of one ledger, with those that the configuration declares."""

    def __init__(self, ledger: AnyLedger, policies: Policies) -> None:
        self._ledger, self._policies = ledger, policies
        self._shelf = Shelf(ledger.state, KIND, Entry)

    def log(self, now: datetime) -> list[Entry]:
        """The changelog, oldest first."""
        stored = self._shelf.all()
        others = [entry for entry in stored.values() if entry.source != "config"]
        stated = [_kept(entry, stored.get(id_)) for id_, entry in self._stated(now).items()]
        return changelog([*others, *stated])

    def declare(self, declaration: Declaration, source: Source, now: datetime) -> Entry:
        """Log a declaration; the same place and day declared again replaces the one before."""
        entry = declaration.entry(source, now)
        self._shelf.put(entry.id, entry, now=now)
        return entry

    def detect(self, now: datetime) -> Detected:
        """Look at the days that are over, and measure what can be measured by now."""
        today = day_of(now, timezone(self._ledger.timezone))
        stored = self._shelf.all()
        seen = {id_: entry for id_, entry in stored.items() if not entry.declared}
        start = today - timedelta(days=LOOKBACK_DAYS if seen else FIRST_LOOKBACK_DAYS)
        known = {entry.place: entry for entry in changelog(seen.values()) if entry.start < start}
        names = self._names()
        found = {entry.id: entry for entry in detect(self._uses(names, start, today), known, at=now)}
        stated = self._stated(now)
        gone = [id_ for id_, entry in seen.items() if entry.start >= start and id_ not in found]
        gone += [id_ for id_, entry in stored.items() if entry.source == "config" and id_ not in stated]
        for id_ in gone:
            self._shelf.change(id_, lambda _: None, now=now)
        for id_, entry in {**found, **stated}.items():
            self._shelf.put(id_, _kept(entry, stored.get(id_)), now=now)
        measured = self._measure(names, start, today, now)
        added = sum(id_ not in stored for id_ in {**found, **stated})
        return Detected(added=added, withdrawn=len(gone), measured=measured)

    def _stated(self, now: datetime) -> dict[str, Entry]:
        """What the configuration declares."""
        entries = [
            declaration.entry("config", now)
            for feature in self._policies.features.values()
            for declaration in feature.baselines
        ]
        return {entry.id: entry for entry in entries}

    def _names(self) -> Names:
        return Names([*self._ledger.query(queries.aliases()), *self._policies.aliases])

    def _uses(self, names: Names, start: date, end: date) -> list[Use]:
        rows = self._ledger.query(queries.baseline_uses(start, end, self._ledger.timezone))
        return [Use(row.day, _place(row, names), values_of(row.model, row.baseline), row.calls) for row in rows]

    def _measure(self, names: Names, start: date, today: date, now: datetime) -> int:
        """Put what each change did beside it; how many were measured."""
        log = changelog(self._shelf.all().values())
        open_ = [
            entry
            for entry in reversed(log)
            if entry.start >= start
            and (entry.declared or entry.before is not None)
            and (entry.effect is None or not entry.effect.settled)
        ]
        if not open_:
            return 0
        first = min(entry.start for entry in open_) - timedelta(days=EFFECT_DAYS)
        costs = [
            CostDay(row.day, _place(row, names), row.calls, row.unpriced, row.cost)
            for row in self._ledger.query(queries.step_costs(first, today))
        ]
        margin = _FeatureMargins(Margins(self._ledger, self._policies))
        measured = 0
        for entry in open_[:MEASURED_MAX]:
            found = effect(entry, log, costs, margin, today)
            if found is not None and found != entry.effect:
                self._shelf.change(entry.id, lambda kept, found=found: kept and replace(kept, effect=found), now=now)
                measured += 1
        return measured


def _kept(entry: Entry, stored: Entry | None) -> Entry:
    """The entry with what was known of it: when it was logged, and what it did."""
    if stored is None:
        return entry
    same = stored.values == entry.values and stored.before == entry.before
    return replace(entry, at=stored.at, effect=stored.effect if same else None)


def _place(row: queries.BaselineRow | queries.StepCostRow, names: Names) -> Place:
    feature = names.resolve("feature", row.feature, row.day.toordinal())
    return Place(feature=feature, workflow=row.workflow, step=row.step, call_type=row.call_type)


class _FeatureMargins:
    """The margins of features over some days, each table asked for once."""

    def __init__(self, margins: Margins) -> None:
        self._margins = margins
        self._known: dict[Stretch, Mapping[str, Decimal | None]] = {}

    def __call__(self, feature: str, days: Stretch) -> Decimal | None:
        """None without revenue, and where the feature has no figures."""
        if days not in self._known:
            request = MarginRequest(by=("feature",), start=days.start, end=days.end, with_p95=False, with_users=False)
            self._known[days] = {row.key[0]: row.margin_ratio for row in self._margins.table(request).rows}
        return self._known[days].get(feature)
