"""Where every budget stands, by what the gateways have counted: their checkpoints, added up."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from floorline.guardrails.budget import Budget, Part
from floorline.guardrails.outlook import projected
from floorline.guardrails.spending import instant_text
from floorline.guardrails.windows import Span
from floorline.ledger.checkpoint import EARLIER, NAME, load, load_earlier
from floorline.ledger.snapshot import GATEWAYS
from floorline.money import ratio

Fill = Literal["ok", "near", "over", "blocked"]


class BudgetStanding(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of one holder in its running window, in quanta. Of what is `used` the cost of `presumed` is unknown; `held` is
    what `calls` under way may still use.
    """

    budget: Budget
    holder: str
    window: Span
    used: int
    presumed: int
    held: int
    calls: int

    @property
    def percent(self) -> int:
        """Of the limit, what is used and held, rounded down."""
        return (self.used + self.held) * 100 // self.budget.limit_quanta

    @property
    def ratio(self) -> Decimal:
        """What is used and held, of the limit."""
        share = ratio(Decimal(self.used + self.held), Decimal(self.budget.limit_quanta))
        assert share is not None, "a budget has a limit"
        return share

    @property
    def blocks(self) -> bool:
        """Whether calls are refused: it is hard, and nothing fits any more."""
        ceiling = self.budget.ceiling_quanta
        return ceiling is not None and self.used + self.held >= ceiling

    @property
    def fill(self) -> Fill:
        """How full it is: below its first threshold, beyond that, at its limit or beyond, or refusing calls."""
        if self.blocks:
            return "blocked"
        counted = self.used + self.held
        if counted >= self.budget.limit_quanta:
            return "over"
        return "near" if counted >= self.budget.told_quanta else "ok"

    def projected_at(self, now: datetime) -> datetime | None:
        """When the limit is reached at the rate of the window so far; None where it is not before the window ends."""
        return projected(self.budget.limit_quanta, self.used, self.window, now)


def standings(home: Path, budgets: Sequence[Budget], now: datetime) -> list[BudgetStanding]:
    """Every counter of a running window, in the order of the configuration, those that are nearest to their limit first."""
    spans = {budget.id: budget.window.at(now) for budget in budgets}
    sums: dict[tuple[str, str], list[int]] = {}
    for file in sorted((home / GATEWAYS).glob(f"*/{NAME}")):
        saved, earlier = load(file), load_earlier(file.parent / EARLIER)
        if saved is None:
            continue
        for one in saved.buckets:
            if one.budget in spans and one.start == spans[one.budget].start:
                found = sums.setdefault((one.budget, one.holder), [0, 0, 0, 0])
                for at, part in enumerate((one.used + one.presumed, one.presumed, one.held, one.calls)):
                    found[at] += part
        for use in () if earlier is None else earlier.uses:
            if (
                use.budget in spans
                and use.start == spans[use.budget].start
                and saved.since.get(use.budget) == use.since
            ):
                sums.setdefault((use.budget, use.holder), [0, 0, 0, 0])[0] += use.used
    made = [
        BudgetStanding(
            budget=budget, holder=whose, window=spans[id_], used=used, presumed=presumed, held=held, calls=calls
        )
        for budget in budgets
        for (id_, whose), (used, presumed, held, calls) in sums.items()
        if id_ == budget.id
    ]
    order = {budget.id: place for place, budget in enumerate(budgets)}
    return sorted(made, key=lambda one: (order[one.budget.id], -one.percent, one.holder))


def document(found: Sequence[BudgetStanding]) -> list[dict[str, object]]:
    """For machines; amounts are text in the budget's own unit."""
    return [
        {
            "budget": one.budget.name,
            "within": one.budget.within or None,
            "holder": one.holder,
            "window": one.window.name,
            "resets_at": instant_text(one.window.end),
            "unit": unit_of(one.budget),
            "limit": one.budget.text(one.budget.limit_quanta),
            "used": one.budget.text(one.used),
            "presumed": one.budget.text(one.presumed),
            "held": one.budget.text(one.held),
            "calls_under_way": one.calls,
            "percent": one.percent,
            "billed_overage": one.budget.text(billed(one)),
        }
        for one in found
    ]


def scope_text(scope: Sequence[Part]) -> str:
    """Whose use a budget or a rate counts, in words: `each customer`, `plan free × each user`; `every call` of no scope."""
    parts = [f"{part.dimension} {' + '.join(part.names)}" if part.names else f"each {part.dimension}" for part in scope]
    return " × ".join(parts) or "every call"


def unit_of(budget: Budget) -> str:
    """What people call its unit."""
    return budget.credit.name if budget.unit == "credits" and budget.credit is not None else budget.unit


def billed(one: BudgetStanding) -> int:
    """What lies beyond the limit and is billed."""
    return max(one.used - one.budget.limit_quanta, 0) if one.budget.overage_limit is not None else 0
