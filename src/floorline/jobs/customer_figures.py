"""What every customer pays and costs in the running month, for gateways to decide by: DESIGN's cost to revenue, live.

Cost to date stands against what the whole month brings: revenue recognised so far, and for the days that are left what is
billed already or the last week's rate, whichever is more. So the first days of a month look no dearer than its last.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from floorline.alerts.figures import is_named
from floorline.clock import day_of, next_month, timezone
from floorline.guardrails.figures import NAME, Known, to_bytes
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.files import put_file
from floorline.ledger.ledger import Ledger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.policy import Policies
from floorline.margin.table import MarginReport
from floorline.money import usd_of

EVERY = timedelta(minutes=5)
WEEK = timedelta(days=7)


def publish(ledger: Ledger, policies: Policies, now: datetime) -> str:
    """Write the figures as of `now` for the gateways; what was written, in a sentence."""
    known = customer_figures(ledger, policies, now)
    put_file(ledger.home / NAME, to_bytes(known))
    return f"{len(known.customers)} names of customers with calls since {known.since:%Y-%m-%d}"


def customer_figures(ledger: Ledger, policies: Policies, now: datetime) -> Known:
    """The figures of every customer with calls in the month that holds `now`."""
    zone = timezone(ledger.timezone)
    today = day_of(now, zone)
    first, tomorrow = today.replace(day=1), today + timedelta(days=1)
    margins = Margins(ledger, policies).once()
    so_far = _table(margins, first, tomorrow)
    end = next_month(today)
    billed = _revenue(margins, tomorrow, end)
    lately = _revenue(margins, today - WEEK, today)
    left = (end - tomorrow).days
    rows: dict[str, tuple[Decimal | None, Decimal, int]] = {}
    for row in so_far.rows:
        (customer,) = row.key
        if not is_named(customer) or row.sums.calls <= 0:
            continue
        ahead = max(billed.get(customer, 0), lately.get(customer, 0) * left // WEEK.days)
        revenue = row.revenue_pico + ahead
        rows[customer] = (usd_of(revenue) if revenue > 0 else None, usd_of(row.cogs_pico), row.sums.calls)
    since = datetime.combine(first, time(), zone)
    return Known(as_of=now, since=since, customers=_under_every_name(rows, ledger, policies, today))


def _table(margins: Margins, start: date, end: date) -> MarginReport:
    return margins.table(MarginRequest(by=("customer",), start=start, end=end, with_p95=False))


def _revenue(margins: Margins, start: date, end: date) -> Mapping[str, int]:
    """By customer, in 10^-12 USD."""
    return {row.key[0]: row.revenue_pico for row in _table(margins, start, end).rows} if start < end else {}


def _under_every_name(
    rows: dict[str, tuple[Decimal | None, Decimal, int]], ledger: Ledger, policies: Policies, today: date
) -> Mapping[str, tuple[Decimal | None, Decimal, int]]:
    """The rows, and again under each alias: calls name a customer as the application does."""
    aliases = [alias for alias in (*ledger.query(queries.aliases()), *policies.aliases) if alias.kind == "customer"]
    names = Names(aliases)
    return rows | dict(_renamed(rows, {alias.alias for alias in aliases}, names, today.toordinal()))


def _renamed(
    rows: Mapping[str, tuple[Decimal | None, Decimal, int]], aliases: Iterable[str], names: Names, day: int
) -> Iterable[tuple[str, tuple[Decimal | None, Decimal, int]]]:
    for alias in aliases:
        row = rows.get(names.resolve("customer", alias, day))
        if row is not None:
            yield alias, row
