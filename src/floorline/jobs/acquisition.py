"""Asks the ledger what free plans cost and who of them pays now."""

from collections.abc import Mapping
from datetime import date

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.acquisition import Acquisition, Seat, acquisitions
from floorline.margin.dimensions import Scope


def acquisitions_of(
    margins: Margins, start: date, end: date, scope: Scope, *, limits: Mapping[str, int], payback_months: int
) -> tuple[Acquisition, ...]:
    """The free plans of the days from `start` to the day before `end`; the same number of days before says who paid already."""
    both = margins.once()
    table = both.table(MarginRequest(by=("customer", "plan"), start=start, end=end, scope=scope, with_p95=False))
    before = both.table(
        MarginRequest(by=("customer",), start=start - (end - start), end=start, scope=scope, with_p95=False)
    )
    return acquisitions(
        [Seat(row.key[0], row.key[1], row.sums.calls, row.revenue_pico, row.cogs_pico) for row in table.rows],
        (end - start).days,
        paid_before=frozenset(row.key[0] for row in before.rows if row.revenue_pico > 0),
        limits=limits,
        payback_months=payback_months,
    )
