"""The waterfall from revenue to margin: what came in, by kind, and what each component took of it, step by step.

A step carries where it begins and where it ends, so that a chart needs no arithmetic. Amounts are integers of 10^-12 USD.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from floorline.events import REVENUE_KINDS
from floorline.margin.metrics import Figures, ratio_of
from floorline.margin.report import Json, money_or_null, text_of
from floorline.margin.table import Key, MarginReport
from floorline.money import EXACT, PLACES, usd_of

REVENUE, MARGIN = "revenue", "margin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One bar from `start` to `end`. A `sum` begins at zero and says how far the steps before it have come."""

    name: str
    kind: Literal["revenue", "cost", "sum"]
    start: int
    end: int

    @property
    def pico(self) -> int:
        """What it adds (negative: takes), or the sum."""
        return self.end - self.start

    @property
    def usd(self) -> Decimal:
        """As `pico`, in USD."""
        return usd_of(self.pico)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """One row's steps: revenue by kind, `revenue`, each component of cost, `margin`. `key` is empty for the total."""

    key: Key
    steps: tuple[Step, ...]
    revenue_pico: int
    margin_pico: int

    @property
    def margin_ratio(self) -> Decimal | None:
        """Margin ÷ revenue; None where revenue is zero or less."""
        return ratio_of(self.margin_pico, self.revenue_pico) if self.revenue_pico > 0 else None

    def share(self, step: Step) -> Decimal | None:
        """A step's part of revenue; None where that is zero or less."""
        return ratio_of(step.pico, self.revenue_pico) if self.revenue_pico > 0 else None


def waterfall(row: Figures) -> Waterfall:
    """The waterfall of one row of a margin table made with its kinds of revenue."""
    steps: list[Step] = []
    level = 0
    for kind in REVENUE_KINDS:
        amount = row.kinds_pico.get(kind, 0)
        if amount:
            steps.append(Step(name=kind, kind="revenue", start=level, end=level + amount))
            level += amount
    assert level == row.revenue_pico, "the kinds of revenue are the revenue"
    steps.append(Step(name=REVENUE, kind="sum", start=0, end=level))
    for name, amount in row.components.items():
        pico = int(EXACT.scaleb(amount, PLACES))
        if pico:
            steps.append(Step(name=name, kind="cost", start=level, end=level - pico))
            level -= pico
    assert level == row.revenue_pico - row.cogs_pico
    steps.append(Step(name=MARGIN, kind="sum", start=0, end=level))
    return Waterfall(key=row.key, steps=tuple(steps), revenue_pico=row.revenue_pico, margin_pico=level)


def waterfalls(report: MarginReport) -> tuple[Waterfall, ...]:
    """The total first, then each row, the greatest revenue first."""
    rows = sorted(report.rows, key=lambda row: (-row.revenue_pico, -row.cogs_pico, row.key))
    return tuple(waterfall(row) for row in (report.total, *rows))


def waterfall_document(found: Sequence[Waterfall], by: str, start: date, end: date) -> Json:
    """The waterfalls as JSON; `to` is exclusive, and a step's `from` and `to` are where its bar begins and ends."""
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "currency": "USD",
        "by": by,
        "total": next((_fields(one) for one in found if not one.key), None),
        "rows": [{"key": {by: one.key[0]}, **_fields(one)} for one in found if one.key],
    }


def _fields(one: Waterfall) -> Json:
    return {
        "revenue": text_of(one.revenue_pico),
        "margin_usd": text_of(one.margin_pico),
        "margin_ratio": money_or_null(one.margin_ratio),
        "steps": [
            {
                "name": step.name,
                "kind": step.kind,
                "amount": text_of(step.pico),
                "share": money_or_null(one.share(step)),
                "from": text_of(step.start),
                "to": text_of(step.end),
            }
            for step in one.steps
        ],
    }
