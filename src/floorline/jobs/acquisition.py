"""Asks the ledger what free plans cost and who of them pays now."""

from collections.abc import Mapping
from datetime import date
from functools import cache

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.acquisition import Acquisition, acquisitions, seats_of
from floorline.margin.dimensions import Scope
from floorline.margin.table import MarginReport


def acquisitions_of(
    margins: Margins, start: date, end: date, scope: Scope, *, limits: Mapping[str, int], payback_months: int
) -> tuple[Acquisition, ...]:
    """The free plans of the days from `start` to the day before `end`; the same number of days before says who paid already."""
    both = margins.once()
    table = both.table(MarginRequest(by=("customer", "plan"), start=start, end=end, scope=scope, with_p95=False))
    return acquisitions_in(both, table, limits=limits, payback_months=payback_months)


def acquisitions_in(
    margins: Margins, table: MarginReport, *, limits: Mapping[str, int], payback_months: int
) -> tuple[Acquisition, ...]:
    """The free plans of a table by customer and plan."""
    start, end = table.start, table.end

    @cache
    def paid_before() -> frozenset[str]:
        before = margins.paid(start - (end - start), start, table.scope)
        return frozenset(customer for (customer,), paid in before.items() if paid > 0)

    return acquisitions(
        seats_of(table.rows),
        (end - start).days,
        paid_before=paid_before,
        limits=limits,
        payback_months=payback_months,
    )
