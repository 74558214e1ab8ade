"""What the pages of customers have in common: what would fix one that is under water, and how amounts become those of a month."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from floorline.backlog.model import Opportunity
from floorline.backlog.remedies import MONTH_DAYS, Remedy
from floorline.jobs.backlogging import shelf
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.remedying import Remedying
from floorline.margin.bridge import Days
from floorline.margin.dimensions import Scope
from floorline.margin.revenue import share_of
from floorline.margin.table import MarginReport
from floorline.money import usd_of
from floorline.web.blocks import Column, Table, Value
from floorline.web.desk import Desk
from floorline.web.params import Window

NOTHING_HELPS = "No fix was found: neither plan, model, cache nor cap would help."
_COLUMNS = (
    Column(name="what", title="What to do", link="/backlog/{opportunity}"),
    Column(name="usd_a_month", title="Brings a month", unit="usd", definition="fix"),
    Column(name="confidence", title="How sure", definition="confidence"),
    Column(name="state", title="In the backlog", link="/backlog/{opportunity}", definition="backlog_state"),
    Column(name="why", title="Why"),
    Column(name="kind", title="Kind", hidden=True),
    Column(name="opportunity", title="Opportunity", hidden=True),
)


def window_of(params: Window) -> Window:
    """The window of the parameters alone: what every link from one page to another keeps."""
    return Window(
        **{name: getattr(params, name) for name in ("from_", "to", "days", "against", "environment", "purpose")}
    )


def plan_report(margins: Margins, days: Days, scope: Scope) -> MarginReport:
    """The table by customer and plan."""
    return margins.table(plan_request(days, scope))


def plan_request(days: Days, scope: Scope) -> MarginRequest:
    """What plan_report asks for."""
    return MarginRequest(by=("customer", "plan"), start=days.start, end=days.end, scope=scope, with_p95=False)


def a_month(pico: int, days: int) -> Decimal:
    """An amount of so many days, in 10^-12 USD, as one of MONTH_DAYS, in USD."""
    return usd_of(pico if days == MONTH_DAYS else share_of(pico, MONTH_DAYS, days))


def remedying(desk: Desk, margins: Margins, days: Days, scope: Scope) -> Remedying:
    """What finds fixes by these days, with the cheaper models that the configuration names and what the backlog holds."""
    rules = desk.gateway.guardrails

    def stated(feature: str, model: str) -> str:
        route = None if rules is None else rules.of(feature).route
        return "" if route is None else route.cheaper.get(model, "")

    return Remedying(
        margins=margins, start=days.start, end=days.end, scope=scope, book=desk.book(), stated=stated, known=shelf(desk.state).all()
    )  # fmt: skip


def fix_rows(customer: str, remedies: Sequence[Remedy]) -> list[Mapping[str, Value]]:
    """The fixes of one customer as rows."""
    return [
        {
            "customer": customer, "what": one.title, "usd_a_month": one.usd_a_month, "confidence": one.confidence,
            "why": one.formula, "kind": one.kind, **_in_backlog(one.opportunity),
        }
        for one in remedies
    ]  # fmt: skip


def _in_backlog(item: Opportunity | None) -> dict[str, Value]:
    return {} if item is None else {"state": item.state, "opportunity": item.id}


def fixes_table(
    rows: Sequence[Mapping[str, Value]], *, empty: str, closed: bool = False, of_one: bool = False
) -> Table:
    """Fixes, each a row; folded when `closed`. On the page `of_one` customer nobody needs to be told whose they are."""
    return Table(
        name="fixes",
        title="What would fix it",
        columns=(Column(name="customer", title="Customer", hidden=of_one), *_COLUMNS),
        rows=rows,
        empty=empty,
        closed=closed,
        note="Each fix is an estimate of its own about the same dollars: choose, do not add them up.",
    )
