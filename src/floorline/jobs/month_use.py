"""Asks the ledger for the use by which revenue and shared costs are divided, a question a month: months that are over stay as they
are, and what divides by their use is made once for as long as they do.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from floorline.ledger.remembering import made, once, over
from floorline.ledger.surface import Answering
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.cells import Cells, Owner, PoolUse, Use
from floorline.margin.policy import PlanPolicy
from floorline.margin.pools import Attribution, month_cells, month_uses, pool_use
from floorline.margin.queries import PoolColumns
from floorline.margin.sources import Days


class MonthUse:
    """The use of some `months` by customer, plan and feature: of calls alone, or with `every_driver`."""

    def __init__(self, ledger: Answering, months: Sequence[Days], *, every_driver: bool) -> None:
        self._ledger = ledger
        self._asked = [ledger.begin(queries.usage_pools(month, every_driver=every_driver)) for month in months]
        self._starts = [month.start for month in months]
        self._over = over(ledger, date.fromordinal(months[-1].end))

    @property
    def pools(self) -> list[PoolColumns]:
        """Of all months."""
        return [columns for asked in self._asked for columns in asked.result()]

    def uses(self, to: Attribution) -> list[tuple[int, Owner, Use]]:
        """The use of each span by owner; of every driver."""
        return [use for asked in self._asked for use in month_uses(asked.result(), to)]

    def cells(self, plans: Mapping[str, PlanPolicy], to: Attribution) -> Cells:
        """What divides by it. The last month's is made once for all that `ledger` is asked together, as long as its use goes on."""
        if self._over:
            of = *self.pools, to.names, plans
            return made(self._ledger, MonthUse, of, lambda: self._cells(plans, to))
        return once(
            self._ledger,
            (MonthUse, *self._asked, to.names, id(plans)),  # which the cells keep
            lambda: self._cells(plans, to),
        )

    def _cells(self, plans: Mapping[str, PlanPolicy], to: Attribution) -> Cells:
        months: dict[int, Cells] = {}
        for start, asked in zip(self._starts, self._asked, strict=True):
            parts, before = asked.result(), start != self._starts[-1]
            closed = parts if before or self._over else parts[:-1]  # the last one goes on, and is another next time
            uses = [self._use(columns, to.names) for columns in closed]
            uses += [pool_use(columns, to.names) for columns in parts[len(closed) :]]
            make = partial(month_cells, uses, plans)
            months[to.month(start)] = made(self._ledger, month_cells, (*uses, plans), make) if before else make()
        return Cells.of_months(months, plans)

    def _use(self, columns: PoolColumns, names: Names) -> PoolUse:
        """Whose the use is that one answer tells of: of days that are over it is made once."""
        return made(self._ledger, pool_use, (columns, names), partial(pool_use, columns, names))
