"""Growth of revenue beside growth of what the calls cost, period by period, and where the second outruns the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from floorline.margin.metrics import ratio_of
from floorline.margin.table import MarginReport
from floorline.money import usd_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One period of one row. `inference_cost` is the effective cost of its calls (retries and orchestration included).

    A period that is not `whole` still runs: it is shown and compared with nothing. Growth is against the period before,
    None where that was zero. `outrun`: cost grew by a greater ratio than revenue did, or grew while there is no revenue
    to compare with.
    """

    start: date
    end: date
    whole: bool
    revenue: Decimal
    inference_cost: Decimal
    revenue_growth: Decimal | None
    cost_growth: Decimal | None
    outrun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The periods of one row, oldest first; `key` is empty for the total. The last three figures compare the last whole
    period with the first.
    """

    key: tuple[str, ...]
    points: tuple[Point, ...]
    revenue_growth: Decimal | None
    cost_growth: Decimal | None
    outrun: bool

    @property
    def whole(self) -> tuple[Point, ...]:
        """The periods that are compared."""
        return tuple(point for point in self.points if point.whole)


def is_whole(report: MarginReport, today: date, *, monthly: bool) -> bool:
    """Whether a table's period is over before `today`, and, where periods are months, ends with its month."""
    return report.end <= today and (not monthly or report.end.day == 1)


def trends(reports: Sequence[MarginReport], *, today: date, monthly: bool) -> list[Trend]:
    """The trend of every row of consecutive tables of one kind, and last that of the total."""
    whole = [is_whole(report, today, monthly=monthly) for report in reports]
    keys = sorted({row.key for report in reports for row in report.rows})
    return [trend(key, reports, whole) for key in (*keys, ())]


def trend(key: tuple[str, ...], reports: Sequence[MarginReport], whole: Sequence[bool]) -> Trend:
    """The trend of one row; a period in which the row is absent counts as zero."""
    amounts: list[tuple[int, int]] = []
    for report in reports:
        row = next((row for row in (*report.rows, report.total) if row.key == key), None)
        amounts.append((row.revenue_pico, row.sums.effective) if row else (0, 0))
    points = tuple(
        _point(report, amounts[i - 1] if i else None, amounts[i], whole=whole[i]) for i, report in enumerate(reports)
    )
    compared = [amount for amount, counts in zip(amounts, whole, strict=True) if counts] or [(0, 0)]
    first, last = compared[0], compared[-1]
    return Trend(
        key=key,
        points=points,
        revenue_growth=growth(first[0], last[0]),
        cost_growth=growth(first[1], last[1]),
        outrun=outruns(first, last),
    )


def growth(before: int, after: int) -> Decimal | None:
    """(After − before) ÷ before; None when there was nothing before."""
    return ratio_of(after - before, before) if before > 0 else None


def outruns(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether cost grew by more than revenue did; amounts are (revenue, cost).

    Growth is compared by cross-multiplication. Where there was no revenue, cost that grows outruns revenue that does not.
    """
    if before[0] <= 0:
        return after[0] <= before[0] and after[1] > before[1]
    return after[1] * before[0] > after[0] * before[1]


def _point(report: MarginReport, before: tuple[int, int] | None, now: tuple[int, int], *, whole: bool) -> Point:
    compared = before if whole else None
    return Point(
        start=report.start,
        end=report.end,
        whole=whole,
        revenue=usd_of(now[0]),
        inference_cost=usd_of(now[1]),
        revenue_growth=growth(compared[0], now[0]) if compared else None,
        cost_growth=growth(compared[1], now[1]) if compared else None,
        outrun=outruns(compared, now) if compared else False,
    )
