"""Why margins changed from one window to the next: asks the ledger for both and hands them to the pure part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from floorline.jobs.margins import Margins
from floorline.margin.baseline import Entry
from floorline.margin.bridge import Days
from floorline.margin.changelog import crossings, describe
from floorline.margin.dimensions import Scope
from floorline.margin.explanation import By, Explanation, Facts, explain

WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRequest:
    """Which rows, from which window to which, and whose calls count."""

    by: By
    before: Days
    after: Days
    scope: Scope = field(default_factory=Scope)

    def __post_init__(self) -> None:
        for start, end in (self.before, self.after):
            if start >= end:
                raise ValueError(f"from {start} to {end} holds no day: `to` is the day after the last")
        if self.before.end > self.after.start:
            raise ValueError(
                f"{self.before.start}..{self.before.end} ends after {self.after.start}, where the later window begins"
            )


def explained(margins: Margins, request: ExplainRequest, log: Sequence[Entry] = ()) -> Explanation:
    """The bridge of every row and of their total, which sum to what the margin tables of both windows say. By feature each
    names the changes of its baselines in `log` that lie between the windows' ends.
    """
    was = margins.facts(*request.before, request.scope)
    now = margins.facts(*request.after, request.scope)
    crossed = _crossed(was, now, log) if log and request.by == "feature" else None
    return explain(was, now, request.by, crossed)


def weeks_before(end: date, days: int = WEEK_DAYS) -> tuple[Days, Days]:
    """The two consecutive windows of `days` days of which the later ends before `end`."""
    start = end - timedelta(days=days)
    return Days(start - timedelta(days=days), start), Days(start, end)


def _crossed(was: Facts, now: Facts, log: Sequence[Entry]) -> Mapping[str, tuple[str, ...]]:
    features = {one.owner.feature for side in (was, now) for one in side.called} - {""}
    return {
        feature: tuple(describe(entry) for entry in crossings(log, feature, was.days.start, now.days.end))
        for feature in sorted(features)
    }
