"""Growth of revenue beside growth of what the calls cost, period by period, and where the second outruns the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from floorline.margin.metrics import ratio_of, usd_of
from floorline.margin.table import MarginReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One period of one row. `inference_cost` is the effective cost of its calls (retries and orchestration included).

    Growth is against the period before, None where that was zero. `outrun`: cost grew by a greater ratio than revenue
    did, or grew while there is no revenue to compare with.
    """

    start: date
    end: date
    revenue: Decimal
    inference_cost: Decimal
    revenue_growth: Decimal | None
    cost_growth: Decimal | None
    outrun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The periods of one row, oldest first; `key` is empty for the total. The last four figures compare the last period
    with the first.
    """

    key: tuple[str, ...]
    points: tuple[Point, ...]
    revenue_growth: Decimal | None
    cost_growth: Decimal | None
    outrun: bool


def trends(reports: Sequence[MarginReport]) -> list[Trend]:
    """The trend of every row of consecutive tables of one kind, and last that of the total."""
    keys = sorted({row.key for report in reports for row in report.rows})
    found = [trend(key, reports) for key in keys if key]
    return [*found, trend((), reports)]


def trend(key: tuple[str, ...], reports: Sequence[MarginReport]) -> Trend:
    """The trend of one row; a period in which the row is absent counts as zero."""
    amounts: list[tuple[int, int]] = []
    for report in reports:
        row = next((row for row in (*report.rows, report.total) if row.key == key), None)
        amounts.append((row.revenue_pico, row.sums.effective) if row else (0, 0))
    points = tuple(_point(report, amounts[i - 1] if i else None, amounts[i]) for i, report in enumerate(reports))
    first, last = amounts[0], amounts[-1]
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


def _point(report: MarginReport, before: tuple[int, int] | None, now: tuple[int, int]) -> Point:
    return Point(
        start=report.start,
        end=report.end,
        revenue=usd_of(now[0]),
        inference_cost=usd_of(now[1]),
        revenue_growth=growth(before[0], now[0]) if before else None,
        cost_growth=growth(before[1], now[1]) if before else None,
        outrun=outruns(before, now) if before else False,
    )
