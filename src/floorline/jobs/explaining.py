"""Why margins changed from one window to the next: asks the ledger for both and hands them to the pure part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from floorline.jobs.margins import Margins
from floorline.margin.baseline import Entry
from floorline.margin.bridge import Days
from floorline.margin.changelog import crossings, describe
from floorline.margin.dimensions import Scope
from floorline.margin.explanation import Explanation, explain, price_moves
from floorline.margin.sides import By, Facts
from floorline.margin.substitution import Models, PriceMoves
from floorline.margin.table import UNMATCHED

WEEK_DAYS = 7
Crossed = Callable[[str, date, date], Sequence[str]]
"""The changes of a feature's baselines after a first day and before another one, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRequest:
    """Which rows (`only` that of one name), from which window to which, and whose calls count."""

    by: By
    before: Days
    after: Days
    scope: Scope = field(default_factory=Scope)
    only: str = ""

    def __post_init__(self) -> None:
        for start, end in (self.before, self.after):
            if start >= end:
                raise ValueError(f"from {start} to {end} holds no day: `to` is the day after the last")
        if self.before.end > self.after.start:
            raise ValueError(
                f"{self.before.start}..{self.before.end} ends after {self.after.start}, where the later window begins"
            )


def explained(margins: Margins, request: ExplainRequest, crossed: Crossed | None = None) -> Explanation:
    """The bridge of every row asked for and of their total, which sum to what the margin tables of both windows say. By feature each
    names the changes of its baselines that lie between the windows' ends.
    """
    margins, windows = margins.once(), (request.before, request.after)
    feature = request.only if request.by == "feature" and request.only not in UNMATCHED else ""
    was, now = margins.facts(windows, request.scope, feature=feature)

    def prices(models: Models) -> PriceMoves:
        was = margins.called(*request.before, request.scope, models)
        if not len(was.works.calls):
            return {}  # what nobody used before has no price to move from
        return price_moves(was, margins.called(*request.after, request.scope, models), models)

    names = _features(was, now) if crossed and request.by == "feature" else ()
    changes = {name: tuple(crossed(name, was.days.start, now.days.end)) for name in names if crossed}
    return explain(was, now, request.by, changes, only=request.only, prices=prices if feature else None)


def crossed_in(log: Sequence[Entry]) -> Crossed:
    """What a changelog of baselines says of each feature."""
    return lambda feature, start, end: [describe(entry) for entry in crossings(log, feature, start, end)]


def _features(was: Facts, now: Facts) -> list[str]:
    return sorted({name for side in (was, now) for name in side.called.owners.feature.words} - {""})
