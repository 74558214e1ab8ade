"""What pages say of a row of a margin table: its cells, its change, whether it is thin. Pure."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

from floorline.alerts.figures import MONTH_DAYS
from floorline.margin.bridge import Days
from floorline.margin.metrics import Figures, ratio_of
from floorline.margin.table import NAMELESS, MarginReport
from floorline.money import multiply
from floorline.reviews.trend import CALLS_MIN
from floorline.web.blocks import Card, Column, Value

RUNNING = (
    "The last day still runs: what it earns is known ahead, what it costs is not. Its margin falls until it is over."
)

REVENUE = Column(name="revenue", title="Revenue", unit="usd", definition="revenue")
COGS = Column(name="cogs", title="Cost", unit="usd", definition="cogs")
MARGIN = Column(name="margin_usd", title="Margin", unit="usd", definition="margin", thin="thin")
MARGIN_RATIO = Column(name="margin_ratio", title="Margin %", unit="percent", definition="margin_ratio", thin="thin")
CALLS = Column(name="calls", title="Calls", unit="count", definition="calls")
PER_CALL = Column(name="cost_per_call_mean", title="Cost per call", unit="usd", definition="cost_per_call")
P95 = Column(name="cost_per_call_p95", title="P95", unit="usd", definition="p95")
FLOOR = Column(name="floor", title="Floor", unit="percent", definition="floor")
ZONE = Column(name="zone", title="Zone", unit="zone", definition="zone")
CHANGE_POINTS = Column(name="change_points", title="Change, points", unit="points", definition="change_points")
CHANGE_USD = Column(name="change_usd", title="Change, dollars", unit="usd", definition="change_usd")
SHORT = Column(name="short_month", title="Short a month", unit="usd", definition="short_month")
SURE = Column(name="sure", title="Sure", unit="percent", definition="sure")
THIN = Column(name="thin", title="Thin sample", unit="flag", definition="thin", hidden=True)


def cells(row: Figures) -> dict[str, Value]:
    """The figures that `floorline margin` has of a row, by the names that it has for them; no floor and no zone of what is held to
    none.
    """
    return {
        "revenue": row.revenue,
        "cogs": row.cogs if row.cost_known else None,
        "margin_usd": row.margin if row.cost_known else None,
        "margin_ratio": row.margin_ratio if row.cost_known else None,
        "calls": row.sums.calls,
        "cost_per_call_mean": row.cost_per_call_mean,
        "cost_per_call_p95": row.cost_per_call_p95,
        **({} if row.floor is None else {"floor": row.floor, "zone": row.zone}),
        "sure": sure(row),
        "thin": is_thin(row.sums.calls),
    }


def compared(row: Figures, was: Figures | None) -> dict[str, Value]:
    """The change of a row's margin against the window compared with; unknown without one or the other."""
    known = was is not None and was.cost_known and row.cost_known
    return {
        "change_usd": row.margin - was.margin if was is not None and known else None,
        "change_points": difference(row.margin_ratio, was.margin_ratio) if was is not None and known else None,
    }


def short_month(row: Figures, days: Days) -> Decimal | None:
    """What the margin lacks of its floor, in 30 such days, USD; None where that is unknown."""
    return None if row.short is None else multiply(row.short, Decimal(MONTH_DAYS), (days.end - days.start).days)


def sure(row: Figures) -> Decimal | None:
    """The share of the calls' cost that is stated by the provider or computed from its prices; None where nothing costs."""
    return ratio_of(row.sums.effective - row.sums.estimated, row.sums.effective)


def is_thin(calls: int) -> bool:
    """Whether so few calls let chance alone move a figure."""
    return calls < CALLS_MIN


def difference(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """One − other; None where either is unknown."""
    return None if one is None or other is None else one - other


def row_of(report: MarginReport | None, name: str) -> Figures | None:
    """The row of a table by one dimension, None where it has none."""
    return None if report is None else next((row for row in report.rows if row.key == (name,)), None)


def is_named(row: Figures) -> bool:
    """Whether the row is of something with a name, and not of what matches nothing."""
    return NAMELESS.isdisjoint(row.key)


def notes_of(days: Days, today: date) -> list[str]:
    """What is to be said of a window."""
    return [RUNNING] if days.start <= today < days.end else []


_BETTER: Mapping[str, Literal["up", "down"]] = {
    "revenue": "up", "margin_usd": "up", "margin_ratio": "up", "cogs": "down", "cost_per_call_mean": "down", "cost_per_call_p95": "down",
}  # fmt: skip
_CARDS = (
    (REVENUE, "Revenue"), (COGS, "Cost"), (MARGIN, "Gross margin"), (MARGIN_RATIO, "Gross margin %"), (CALLS, "Calls"),
    (PER_CALL, "Cost per call"), (P95, "P95 of a call"),
)  # fmt: skip


def margin_cards(row: Figures, was: Figures | None) -> list[Card]:
    """Revenue, cost and margin in dollars and percent, calls and what one costs."""
    now, before = cells(row), None if was is None else cells(was)
    thin = is_thin(row.sums.calls)
    return [
        Card(
            name=column.name,
            title=title,
            value=now[column.name],
            unit=column.unit,
            definition=column.definition,
            before=None if before is None else before[column.name],
            compared=before is not None,
            better=_BETTER.get(column.name, ""),
            zone=row.zone if column is MARGIN_RATIO and row.floor is not None else "",
            thin=thin and column in (MARGIN, MARGIN_RATIO),
        )
        for column, title in _CARDS
    ]
