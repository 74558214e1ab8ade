"""Which days the questions of one margin table are about, and where its rows are told apart within them."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from floorline.jobs.margin_request import MarginRequest
from floorline.margin.attribution import Boundaries
from floorline.margin.dimensions import attributes_of
from floorline.margin.pools import Attribution
from floorline.margin.revenue import Window
from floorline.margin.sources import Days
from floorline.margin.table import NAMELESS

NO_SPANS = Boundaries(shared=[], own=[], changing=frozenset())


class TableDays:
    """The days of the questions of one table, whose names and window are those of `to`. With `whose`, rows of those raw names of
    customers alone are asked for.
    """

    def __init__(self, to: Attribution, request: MarginRequest, timezone: str, whose: tuple[str, ...]) -> None:
        self._to, self._names, self._window = to, to.names, to.window
        self._request, self._timezone, self._whose = request, timezone, whose

    def uncut(self) -> Days:
        """The window as one, for figures of the total."""
        return self._days(self._window.start, self._window.end, NO_SPANS, ())

    def window(self, extra: Sequence[int] = ()) -> Days:
        """The window, told apart where a name changes its meaning for this table's key, and at `extra` days."""
        return self.named(self._window, extra)

    def named(self, window: Window, extra: Sequence[int] = ()) -> Days:
        """As window, of another one."""
        attributes = attributes_of(self._request.by, with_plan=False)
        return self._days(window.start, window.end, self._names.boundaries(window.start, window.end, attributes), extra)

    def own(self, extra: Sequence[int]) -> Days:
        """As window, of the feature alone whose rows are asked for."""
        feature, days = self._request.feature, self.window(extra)
        if not feature:
            return days
        raw = self._names.raw_names("feature", "" if feature in NAMELESS else feature)
        return replace(days, features=tuple(sorted(raw)))

    def owned(self, extra: Sequence[int] = ()) -> Days:
        """The window, told apart where the owner of an amount becomes another, and at `extra` days."""
        return self._days(self._window.start, self._window.end, self._to.spans, extra)

    def months(self, start: int, end: int, extra: Sequence[int] = ()) -> list[Days]:
        """Each month of the days from `start` to the one before `end`, of all customers: told apart as `owned`, and at `extra` days."""
        edges = (start, *(month for month in self._window.months if start < month < end), end)
        return [replace(self._days(*month, self._to.spans, extra), whose=()) for month in pairwise(edges)]

    def reach(self, end: int, extra: Sequence[int] = ()) -> Days:
        """The whole months around the window up to `end`, told apart by month, by owner, and at `extra` days."""
        window = self._window
        return self._days(window.reach_start, end, self._to.spans, (*window.months, *extra))

    def _days(self, start: int, end: int, spans: Boundaries, extra: Sequence[int]) -> Days:
        def inside(days: Sequence[int]) -> list[int]:
            return sorted({day for day in (*days, *extra) if start < day < end})

        own = inside(spans.own)
        cut = Boundaries(shared=inside(spans.shared), own=own, changing=spans.changing if own else frozenset())
        return Days(
            start=start, end=end, scope=self._request.scope, spans=cut, timezone=self._timezone, whose=self._whose
        )
