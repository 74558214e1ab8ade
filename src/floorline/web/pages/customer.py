"""One customer: what it pays and costs over time, what its calls go to, its budgets, what guardrails did, who it is."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from floorline.charts.customers import Paid, pays_and_costs
from floorline.clock import next_month
from floorline.jobs.margins import Margins
from floorline.jobs.one_customer import Register, parts_of, register
from floorline.jobs.stretches import Cut
from floorline.margin.bridge import Days
from floorline.margin.customers import customer_of, customers, loss_pico
from floorline.margin.metrics import Figures, Sums
from floorline.margin.series import NOTHING, Stretch, sums_of
from floorline.margin.table import NAMELESS, MarginReport
from floorline.money import usd_of
from floorline.web.abouts import about
from floorline.web.blocks import AnyBlock, Card, Cards, Chart, Column, Facts, Link, Note, Shown, Table, Unit, Value
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.customer_blocks import (
    Gathered,
    Grain,
    alerts_table,
    budget_meters,
    guards_table,
    history_table,
    names_table,
    parts_tables,
    revenue_table,
)  # fmt: skip
from floorline.web.pages.customers import PATH
from floorline.web.pages.fixes import (
    NOTHING_HELPS,
    a_month,
    fix_rows,
    fixes_table,
    plan_report,
    plan_request,
    remedying,
)  # fmt: skip
from floorline.web.params import DAYS_MAX, Text, Window, address
from floorline.web.view import View

DAYS_ONE_BY_ONE = 14
"""Windows of at most so many days are told day by day, longer ones week by week."""

WEEKS_MAX = 26
"""Windows of more weeks are told month by month."""

Better = Literal["up", "down", ""]


class CustomerParams(Window, frozen=True, kw_only=True):
    """The customer, by its canonical name."""

    customer: Annotated[Text, msgspec.Meta(description="the customer's name, as tables by customer have it")]


def build(desk: Desk, params: CustomerParams) -> Shown:
    """The page."""
    who = register(desk.asks, desk.policies, with_plans=True)
    names = {one.name for one in who.names.names_of(params.customer, 1, desk.today.toordinal() + DAYS_MAX)}
    alone = Margins(desk.ledger, desk.policies, answers=desk.answers, whose=names)
    gathered = _gathered(desk, alone, params, who)
    one, now = gathered.one, desk.now()
    notes = [] if not one.thin else [f"Calls in these days: {one.figures.sums.calls:,}, a thin sample."]
    return Shown(
        title=one.name,
        lead=_lead(gathered),
        about=about(params, desk.today, now, desk.ledger.timezone, report=gathered.report, notes=notes),
        blocks=[
            _cards(gathered),
            _facts(gathered),
            *_over_time(gathered),
            *_fixes(desk, gathered, params),
            budget_meters(desk, gathered, now),
            *parts_tables(gathered, params),
            guards_table(gathered),
            alerts_table(desk, one.name),
            revenue_table(gathered),
            history_table(gathered),
            names_table(gathered),
            Note(
                name="calls", kind="info", text="Single calls are searched on a page of their own:",
                links=[Link(text=f"the calls of {one.name}", to=address("/calls", None, customer=one.name))],
            ),
        ],
    )  # fmt: skip


def _gathered(desk: Desk, margins: Margins, params: CustomerParams, who: Register) -> Gathered:
    """`margins` are of this customer alone."""
    days, name = params.window(desk.today), params.customer
    grain, cuts = _cuts(days)
    edges = [cuts[0][0], *(end for _, end in cuts)]
    report, tables = margins.with_tables(plan_request(days, params.scope), edges)
    found = next((one for one in customers(report) if one.name == name), None)
    if name in NAMELESS or (found is None and not (who.of(name) or who.known_as(name) or who.paid_plans(name))):
        raise Refused(404, "not_found", f"no customer is called {name!r}: see {PATH} for all of them")
    compared = params.before(desk.today)
    nobody = Figures(key=(name,), revenue_pico=0, sums=Sums(), shared_pico={})
    return Gathered(
        one=found or customer_of(nobody),
        before=None if compared is None else _row(plan_report(margins, compared, params.scope), nobody),
        report=report,
        who=who,
        parts=parts_of(desk.ledger, who.names, name, days.start, days.end, params.scope),
        grain=grain,
        over_time=[(Days(*cut), _own(table, name)) for cut, table in zip(cuts, tables, strict=True)],
    )


def _row(report: MarginReport, nobody: Figures) -> Figures:
    return next((one.figures for one in customers(report) if one.figures.key == nobody.key), nobody)


def _own(table: MarginReport, name: str) -> Stretch:
    """The customer's figures, whatever its plans."""
    found = NOTHING
    for row in table.rows:
        if row.key[0] == name:
            found = found.plus(sums_of(row))
    return found


def _cuts(days: Days) -> tuple[Grain, list[Cut]]:
    """How the window is told: of each day, of each seven days that end with it, or of each month; at most about WEEKS_MAX stretches."""
    length = (days.end - days.start).days
    if length <= 7 * WEEKS_MAX:
        step = timedelta(days=1 if length <= DAYS_ONE_BY_ONE else 7)
        count = length // step.days
        first = days.end - step * count
        return "day" if step.days == 1 else "week", [(first + step * n, first + step * (n + 1)) for n in range(count)]
    edges = [days.start]
    while (following := next_month(edges[-1])) < days.end:
        edges.append(following)
    return "month", list(pairwise([*edges, days.end]))


# -- what is seen first


def _lead(gathered: Gathered) -> str:
    row, standing = gathered.one.figures, gathered.one.standing
    cost = f"${row.cogs:,.2f}" if row.cost_known else "an unknown amount"
    if row.revenue < 0:
        return f"Was given back ${-row.revenue:,.2f} more than it paid, and costs {cost} in these days."
    if standing == "free":
        return f"Pays nothing and costs {cost} in these days."
    if standing == "under_water":
        lost = a_month(loss_pico(row), gathered.days)
        return f"Pays ${row.revenue:,.2f} and costs {cost}: under water by ${lost:,.2f} a month."
    return f"Pays ${row.revenue:,.2f} and costs {cost} in these days."


def _cards(gathered: Gathered) -> Cards:
    row, before = gathered.one.figures, gathered.before

    def card(name: str, title: str, of: str, unit: Unit, better: Better = "") -> Card:
        return Card(
            name=name, title=title, value=_figures(row)[of], unit=unit, definition=name, better=better,
            compared=before is not None, before=None if before is None else _figures(before)[of],
            thin=gathered.one.thin and unit == "percent",
        )  # fmt: skip

    return Cards(
        name="summary",
        cards=[
            card("revenue", "Revenue", "revenue", "usd", "up"),
            card("cogs", "Cost", "cogs", "usd", "down"),
            card("margin", "Gross margin", "margin", "usd", "up"),
            card("margin_ratio", "Gross margin %", "ratio", "percent", "up"),
            card("calls", "Calls", "calls", "count"),
            card("tokens", "Tokens", "tokens", "tokens"),
        ],
    )


def _figures(row: Figures) -> Mapping[str, Value]:
    known = row.cost_known
    return {
        "revenue": row.revenue,
        "cogs": row.cogs if known else None,
        "margin": row.margin if known else None,
        "ratio": row.margin_ratio if known else None,
        "calls": row.sums.calls,
        "tokens": row.sums.input_tokens + row.sums.output_tokens,
    }


def _facts(gathered: Gathered) -> Facts:
    one, names = gathered.one, gathered.who.names
    last = gathered.report.end.toordinal() - 1
    shared = sum(one.figures.shared_pico.values())
    called = next((record.name for record in reversed(gathered.who.of(one.name)) if record.name), None)
    plan = ", ".join(one.plans) or names.plan("", one.name, last) or None
    return Facts(
        name="facts",
        title="Who it is",
        facts=[
            Card(name="name", title="Name", value=called, unit="text"),
            Card(name="plan", title="Plan", value=plan, unit="text", definition="main_plan"),
            Card(name="segment", title="Segment", value=names.attribute("segment", one.name, last) or None, unit="text", definition="segment"),
            Card(name="cohort", title="Signed up", value=names.attribute("cohort", one.name, last) or None, unit="text", definition="cohort"),
            Card(name="shared", title="Shared costs", value=usd_of(shared), unit="usd", definition="shared_cost"),
            Card(name="users", title="Users", value=sum(1 for row in gathered.parts.users if row.name), unit="count", definition="users"),
        ],
    )  # fmt: skip


def _over_time(gathered: Gathered) -> tuple[Chart, Table]:
    points = [
        Paid(days.start, usd_of(at.revenue_pico), usd_of(at.cogs_pico) if _known(at) else None)
        for days, at in gathered.over_time
    ]
    rows = [
        {
            "start": days.start, "revenue": usd_of(at.revenue_pico), "cogs": usd_of(at.cogs_pico) if _known(at) else None,
            "margin_usd": usd_of(at.margin_pico) if _known(at) else None, "margin_ratio": at.margin_ratio if _known(at) else None,
            "calls": at.sums.calls,
        }
        for days, at in gathered.over_time
    ]  # fmt: skip
    each = gathered.grain
    return (
        Chart(
            name="over_time",
            title="What it pays and what it costs",
            said=f"Revenue (solid) and cost (dashed) of each {each}; where the dashed line is above the other, it loses.",
            spec=pays_and_costs(gathered.one.name, points),
            table="stretches",
        ),
        Table(
            name="stretches",
            title=f"Every {each}",
            columns=(
                Column(name="start", title=f"{each.title()} from", unit="day"),
                Column(name="revenue", title="Revenue", unit="usd", definition="revenue"),
                Column(name="cogs", title="Cost", unit="usd", definition="cogs"),
                Column(name="margin_usd", title="Margin", unit="usd", definition="margin"),
                Column(name="margin_ratio", title="Margin %", unit="percent", definition="margin_ratio"),
                Column(name="calls", title="Calls", unit="count", definition="calls"),
            ),
            rows=rows,
            empty="The window holds no whole week.",
            closed=True,
        ),
    )


def _known(at: Stretch) -> bool:
    """Whether anything of the cost is known, or nothing was called."""
    return bool(at.cogs_pico) or at.sums.calls == 0 or at.sums.calls > at.sums.unpriced


def _fixes(desk: Desk, gathered: Gathered, params: CustomerParams) -> list[AnyBlock]:
    """Of a customer under water; what others pay for their plans is looked at too."""
    one = gathered.one
    if one.standing != "under_water":
        return []
    margins, days = desk.margins.once(), params.window(desk.today)
    paid = margins.paid(days.start, days.end, params.scope, by=("customer", "plan"))
    found = remedying(desk, margins, days, params.scope).of([one], paid, gathered.who.names)[one.name]
    return [fixes_table(fix_rows(one.name, found), empty=NOTHING_HELPS, of_one=True)]


VIEWS = (
    View(
        path=f"{PATH}/{{customer}}",
        title="Customer",
        params=CustomerParams,
        build=build,
        said="One customer: what it pays and costs, what its calls go to, its budgets, and what would fix it",
    ),
)
