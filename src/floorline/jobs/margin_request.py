"""What is asked of a margin table."""

from dataclasses import dataclass, field
from datetime import date

from floorline.margin.dimensions import Dimension, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRequest:
    """A table: one or two different dimensions, days from `start` to the day before `end`, whose calls count.

    Without `with_p95` the percentiles are left out: for customers of a large ledger they read every call. Without
    `with_users` the active users are, which are dearer to count than all else of a table by feature. `with_kinds` also tells revenue
    by its kind. Of a table by feature and something else, the rows (and total) of one `feature` alone, if one is named: they are
    what they are in the whole table.
    """

    by: tuple[Dimension, ...]
    start: date
    end: date
    scope: Scope = field(default_factory=Scope)
    with_p95: bool = True
    with_users: bool = True
    with_kinds: bool = False
    feature: str = ""

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"from {self.start} to {self.end} holds no day: `to` is the day after the last")
        if not 1 <= len(self.by) <= 2 or len(set(self.by)) != len(self.by):
            raise ValueError(f"by {','.join(self.by)}: name one dimension, or two different ones")
        if self.feature and (len(self.by) != 2 or "feature" not in self.by or self.with_p95 or self.with_kinds):
            raise ValueError(f"{self.feature} alone: by feature and one more dimension, without percentiles and kinds")
