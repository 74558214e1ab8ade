"""Profit and loss of a window, the cost of AI apart from every other cost of goods sold.

Cost of AI is what calls cost (inference, orchestration, retries) and what is billed apart of the same kind; the others are
hosting, people who look at answers, support, logging: costs that no call carries. Amounts are USD.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from floorline import money
from floorline.events import REVENUE_KINDS
from floorline.margin.closing import Row
from floorline.margin.metrics import Figures
from floorline.money import ZERO, usd_of

AI_COMPONENTS = ("inference", "orchestration", "retries")
Kind = Literal["revenue", "ai", "other", "sum"]


class Line(NamedTuple):
    """One line: what it is called, what kind, and its amount; costs are positive."""

    name: str
    kind: Kind
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Profit:
    """One window, or one feature of it. `kinds` sum to the revenue where they are known; `cost_known` is False where calls were
    made and nothing is known of what they cost.
    """

    revenue: Decimal
    components: Mapping[str, Decimal]
    kinds: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    cost_known: bool = True

    @property
    def ai_cogs(self) -> Decimal:
        """What AI costs."""
        return self._sum(AI_COMPONENTS)

    @property
    def other_cogs(self) -> Decimal:
        """What else is cost of goods sold."""
        return self._sum(self._others)

    @property
    def gross_profit(self) -> Decimal:
        """Revenue − all cost of goods sold."""
        return self.revenue - self.ai_cogs - self.other_cogs

    @property
    def gross_margin(self) -> Decimal | None:
        """Gross profit ÷ revenue; None without revenue, or where nothing is known of the cost."""
        return self._ratio(self.gross_profit) if self.cost_known else None

    @property
    def margin_without_ai(self) -> Decimal | None:
        """What the gross margin would be if AI cost nothing; None without revenue."""
        return self._ratio(self.revenue - self.other_cogs)

    @property
    def ai_share(self) -> Decimal | None:
        """Cost of AI ÷ revenue; None without revenue, or where nothing is known of the cost."""
        return self._ratio(self.ai_cogs) if self.cost_known else None

    @property
    def lines(self) -> tuple[Line, ...]:
        """From revenue to gross profit, in the order in which they are read; sums after their parts."""
        revenue = [Line(kind, "revenue", self.kinds[kind]) for kind in REVENUE_KINDS if self.kinds.get(kind)]
        return (
            *revenue,
            Line("revenue", "sum", self.revenue),
            *self._lines(AI_COMPONENTS, "ai"),
            Line("ai_cogs", "sum", self.ai_cogs),
            *self._lines(self._others, "other"),
            Line("other_cogs", "sum", self.other_cogs),
            Line("gross_profit", "sum", self.gross_profit),
        )

    @property
    def _others(self) -> tuple[str, ...]:
        return tuple(name for name in self.components if name not in AI_COMPONENTS)

    def _lines(self, names: tuple[str, ...], kind: Kind) -> list[Line]:
        return [Line(name, kind, self.components[name]) for name in names if self.components.get(name)]

    def _sum(self, names: tuple[str, ...]) -> Decimal:
        return sum((self.components.get(name, ZERO) for name in names), ZERO)

    def _ratio(self, part: Decimal) -> Decimal | None:
        return money.ratio(part, self.revenue) if self.revenue > 0 else None


def profit_of(figures: Figures) -> Profit:
    """Of a row, or the total, of a margin table; with its kinds of revenue where the table has them."""
    return Profit(
        revenue=figures.revenue,
        components=figures.components,
        kinds={kind: usd_of(pico) for kind, pico in figures.kinds_pico.items()},
        cost_known=figures.cost_known,
    )


def profit_as_closed(row: Row) -> Profit:
    """Of a row, or the total, of a closed month, whose kinds of revenue are not kept."""
    return Profit(
        revenue=row.revenue,
        components=row.components,
        cost_known=bool(row.cogs) or row.calls == 0 or row.unpriced < row.calls,
    )
