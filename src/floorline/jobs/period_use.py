"""Asks the ledger how the calls of some days were used and served: what the unit economics of a week or a month are made of."""

from collections.abc import Mapping
from functools import partial

from floorline.jobs.acquisition import acquisitions_in
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.pricing_use import tiers_of
from floorline.ledger.remembering import made, over
from floorline.ledger.surface import AnyLedger
from floorline.margin.acquisition import PAYBACK_MONTHS
from floorline.margin.bridge import Days
from floorline.margin.customers import Account, accounts
from floorline.margin.dimensions import Scope
from floorline.margin.metrics import Figures
from floorline.margin.table import MarginReport
from floorline.pricing.book import PriceBook
from floorline.reviews import queries
from floorline.reviews.economics import PeriodUse
from floorline.reviews.lifetime import Lifetime, lifetime
from floorline.reviews.policy import Tier


def use_of(
    margins: Margins,
    book: PriceBook,
    tiers: Mapping[str, Tier],
    days: Days,
    total: Figures,
    customers: MarginReport,
    scope: Scope,
) -> PeriodUse:
    """The use of `days`; `total` is that of their margin table by feature, or Margins.with_users, `customers` is the one by customer (and
    plan), `tiers` are those that are stated.
    """
    ledger = margins.ledger
    models = ledger.query(queries.models(days.start, days.end, scope))
    (served,) = ledger.query(queries.served(days.start, days.end, scope))
    return PeriodUse(
        total=total,
        customers=_accounts(ledger, customers),
        served=served,
        models=models,
        tiers=tiers_of(book, models, days.end, tiers),
    )


def _accounts(ledger: AnyLedger, table: MarginReport) -> list[Account]:
    """The customers of a table: looked up once where its days are over, as it is made once then."""
    make = partial(accounts, table.rows)
    return made(ledger, accounts, (table,), make) if over(ledger, table.end) else make()


def by_customer(margins: Margins, days: Days, scope: Scope) -> MarginReport:
    """The margin table by customer."""
    return margins.table(MarginRequest(by=("customer",), start=days.start, end=days.end, scope=scope, with_p95=False))


def lifetime_of(margins: Margins, table: MarginReport, now: PeriodUse, before: PeriodUse) -> Lifetime:
    """What a customer brings and what winning one takes; `now` and `before` are the use of the days of `table`, which is by
    customer and plan, and of those before.
    """
    free = acquisitions_in(margins, table, limits={}, payback_months=PAYBACK_MONTHS)
    return lifetime(now.customers, before.customers, free)
