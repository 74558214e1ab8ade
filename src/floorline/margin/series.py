"""Figures day by day, and of any stretch of days: what alerts, reviews and the backlog compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from floorline.margin.dimensions import Dimension
from floorline.margin.metrics import NO_CALLS, NO_OUTCOMES, Figures, OutcomeCounts, Sums, per, ratio_of
from floorline.margin.table import Key, MarginReport


class Stretch(NamedTuple):
    """The sums of one row over some days, in 10^-12 USD: the figures that add up over days (no percentile, no user)."""

    revenue_pico: int = 0
    cogs_pico: int = 0
    sums: Sums = NO_CALLS
    outcomes: OutcomeCounts = NO_OUTCOMES

    def plus(self, other: "Stretch") -> "Stretch":
        """Both together."""
        return Stretch(
            self.revenue_pico + other.revenue_pico,
            self.cogs_pico + other.cogs_pico,
            self.sums.plus(other.sums),
            self.outcomes.plus(other.outcomes),
        )

    @property
    def margin_pico(self) -> int:
        """Revenue − COGS."""
        return self.revenue_pico - self.cogs_pico

    @property
    def margin_ratio(self) -> Decimal | None:
        """Margin ÷ revenue; None where revenue is zero or less."""
        return ratio_of(self.margin_pico, self.revenue_pico) if self.revenue_pico > 0 else None

    @property
    def cost_to_revenue(self) -> Decimal | None:
        """COGS ÷ revenue; None where revenue is zero or less."""
        return ratio_of(self.cogs_pico, self.revenue_pico) if self.revenue_pico > 0 else None

    @property
    def cost_known(self) -> bool:
        """Whether anything of the cost is known: False where calls were made, none has a price and nothing else costs."""
        return bool(self.cogs_pico) or not self.sums.calls or self.sums.calls > self.sums.unpriced

    @property
    def cost_per_call(self) -> Decimal | None:
        """The calls' own cost ÷ priced calls, USD; None without a priced call."""
        return per(self.sums.effective, max(0, self.sums.calls - self.sums.unpriced))


NOTHING = Stretch()


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One row's figures for each day from `start` on; `rows` have as many days as `total`. A row that has nothing on a day
    has NOTHING there. Days are the reporting timezone's.
    """

    by: tuple[Dimension, ...]
    start: date
    rows: Mapping[Key, Sequence[Stretch]]
    total: Sequence[Stretch]

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.start + timedelta(days=len(self.total))

    def stretch(self, key: Key, start: date, end: date) -> Stretch:
        """The sum of a row (`()`: of the total) from `start` to the day before `end`; days outside the series count nothing."""
        days = self.total if key == () else self.rows.get(key, ())
        first, last = max(0, (start - self.start).days), max(0, (end - self.start).days)
        summed = NOTHING
        for day in days[first:last]:
            summed = summed.plus(day)
        return summed


def series(reports: Sequence[MarginReport]) -> Series:
    """The series of consecutive tables of one day and one kind each, oldest first."""
    assert reports, "a series has at least one day"
    assert all((report.end - report.start).days == 1 for report in reports)
    rows: dict[Key, list[Stretch]] = {}
    for number, report in enumerate(reports):
        for row in report.rows:
            rows.setdefault(row.key, [NOTHING] * len(reports))[number] = sums_of(row)
    total = [sums_of(report.total) for report in reports]
    return Series(by=reports[0].by, start=reports[0].start, rows=rows, total=total)


def stretch_of(report: MarginReport, key: Key) -> Stretch:
    """The sums of one row of a table, `()` those of its total; NOTHING where there is no such row."""
    if key == ():
        return sums_of(report.total)
    return next((sums_of(row) for row in report.rows if row.key == key), NOTHING)


def sums_of(row: Figures) -> Stretch:
    """What adds up of one row."""
    return Stretch(row.revenue_pico, row.cogs_pico, row.sums, row.outcomes or NO_OUTCOMES)
