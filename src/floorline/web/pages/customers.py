"""Customers: what each pays against what is kept of it, who is under water, and what would fix that."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
import numpy as np

from floorline.backlog.remedies import MONTH_DAYS, Remedy
from floorline.charts.customers import MARGIN_MIN, Placed, Quadrant, customer_scatter
from floorline.jobs.margins import Margins
from floorline.jobs.one_customer import USERS_CALLS_MAX, Register, register, users_by_customer
from floorline.margin.customers import CALLS_MIN, CustomerFigures, Everybody, Standing, customers, loss, loss_pico
from floorline.margin.intensity import top_of
from floorline.margin.metrics import Figures, nearest_rank, ratio_of
from floorline.margin.table import MarginReport, summed
from floorline.margin.vectors import ratios_of, scaled, whole_numbers
from floorline.margin.words import counted, percent
from floorline.money import PICO, ZERO, usd_of
from floorline.web.abouts import about
from floorline.web.blocks import Card, Cards, Chart, Column, Field, Form, Link, Rows, Shown, Table, Tabs, Value
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.fixes import (
    NOTHING_HELPS,
    a_month,
    fix_rows,
    fixes_table,
    plan_report,
    remedying,
    window_of,
)  # fmt: skip
from floorline.web.params import Text, Window, address, segment
from floorline.web.view import View

FIXED_MAX = 20
"""Customers under water for whom fixes are looked for, those that lose most first; every one's own page has its fixes."""

PATH = "/customers"
_MEDIAN_OF_MIN = 4
_TOP_PERCENT = 5
_STANDINGS: Mapping[Standing, str] = {
    "under_water": "under water", "pays": "pays for itself", "free": "pays nothing", "unmatched": "unmatched",
}  # fmt: skip
_FIXES = (("move_up", "Another plan"), ("cheaper_model", "Cheaper model"), ("cache", "Exact cache"), ("cap", "Cap"))


class CustomersParams(Window, frozen=True, kw_only=True):
    """The customers to list; the figures above the list are of all."""

    name: Annotated[Text, msgspec.Meta(description="customers whose name holds this")] = ""
    plan: Annotated[Text, msgspec.Meta(description="customers on this plan")] = ""
    segment: Annotated[Text, msgspec.Meta(description="customers of this segment")] = ""
    standing: Annotated[Literal["", "under_water", "pays", "free", "unmatched"], msgspec.Meta(description="customers that stand so")] = ""  # fmt: skip
    pays_from: Annotated[Decimal | None, msgspec.Meta(description="customers that pay at least this, USD a month")] = None  # fmt: skip
    pays_to: Annotated[Decimal | None, msgspec.Meta(description="customers that pay at most this, USD a month")] = None
    keeps_from: Annotated[Decimal | None, msgspec.Meta(description="customers whose margin is at least this, in percent")] = None  # fmt: skip
    keeps_to: Annotated[Decimal | None, msgspec.Meta(description="customers whose margin is at most this, in percent")] = None  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the page is made of: everybody in the window, in the one compared with, and who they are."""

    report: MarginReport
    everybody: Everybody
    before: Mapping[str, Figures] | None
    who: Register
    users: Mapping[str, int] | None

    @property
    def days(self) -> int:
        """Of the window."""
        return (self.report.end - self.report.start).days

    @property
    def segments(self) -> set[str]:
        """All segments on the window's last day."""
        names, last = self.everybody.names, self.report.end.toordinal() - 1
        found = self.who.names.attributes("segment", names, [last] * len(names))
        return set(found) - {""}

    def segment(self, name: str) -> str:
        """The customer's segment on that day."""
        return self.who.names.attribute("segment", name, self.report.end.toordinal() - 1)


def build(desk: Desk, params: CustomersParams) -> Shown:
    """The page."""
    for name in ("pays_from", "pays_to", "keeps_from", "keeps_to"):
        _check_bound(name, getattr(params, name))
    margins = desk.margins.once()
    gathered = _gathered(desk, margins, params)
    water = gathered.everybody.under_water()
    listed = _asked(gathered, params)
    paid = {row.key: row.revenue_pico for row in gathered.report.rows}
    fixing = remedying(desk, margins, params.window(desk.today), params.scope)
    fixes = fixing.of(water[:FIXED_MAX], paid, gathered.who.names)
    return Shown(
        title="Customers",
        lead=_lead(water, gathered),
        about=about(
            params, desk.today, desk.now(), desk.ledger.timezone, report=gathered.report, notes=_notes(gathered)
        ),
        blocks=[
            _cards(gathered, water),
            *_scatter(desk, gathered, params),
            *_water(water, fixes, gathered, params),
            _tabs(gathered, params),
            _form(gathered, params),
            _table(listed, gathered, params),
        ],
    )


def _check_bound(name: str, bound: Decimal | None) -> None:
    if bound is not None and not bound.is_finite():
        raise Refused(400, "invalid", f"{name} is {bound}: write a number, as 12.50")


def _gathered(desk: Desk, margins: Margins, params: CustomersParams) -> Gathered:
    days, compared, scope = params.window(desk.today), params.before(desk.today), params.scope
    report = plan_report(margins, days, scope)
    who = register(desk.asks, desk.policies)
    before = None
    if compared is not None:
        before = {one.name: one.figures for one in customers(plan_report(margins, compared, scope))}
    few = report.total.sums.calls <= USERS_CALLS_MAX
    return Gathered(
        report=report,
        everybody=customers(report),
        before=before,
        who=who,
        users=users_by_customer(margins, who, days.start, days.end, scope) if few else None,
    )


def _asked(gathered: Gathered, params: CustomersParams) -> Sequence[CustomerFigures]:
    """The customers that are to be listed."""
    listed, name = gathered.everybody, params.name.casefold()
    if name:
        listed = [one for one in listed if name in one.name.casefold()]
    if params.plan:
        listed = [one for one in listed if params.plan in one.plans]
    if params.segment:
        listed = [one for one in listed if params.segment == gathered.segment(one.name)]
    if params.standing:
        listed = [one for one in listed if params.standing == one.standing]
    if (params.pays_from, params.pays_to, params.keeps_from, params.keeps_to) != (None,) * 4:
        listed = [one for one in listed if _is_within(one, gathered, params)]
    return listed


def _is_within(one: CustomerFigures, gathered: Gathered, params: CustomersParams) -> bool:
    """Whether what it pays and what is kept of it are within the bounds; what is unknown is within none."""
    pays = a_month(one.figures.revenue_pico, gathered.days)
    keeps = None if one.margin_ratio is None else max(one.margin_ratio, MARGIN_MIN) * 100
    bounds = ((pays, params.pays_from, params.pays_to), (keeps, params.keeps_from, params.keeps_to))
    return all(
        (low is None or (value is not None and value >= low))
        and (high is None or (value is not None and value <= high))
        for value, low, high in bounds
    )


# -- what is seen first


def _lead(water: Sequence[CustomerFigures], gathered: Gathered) -> str:
    paying = len(gathered.everybody.standing("pays", "under_water"))
    if not paying:
        return "No customer is known to pay in these days."
    if not water:
        return f"Each of {counted(paying, 'paying customer')} pays more than it costs."
    lost = a_month(sum(loss_pico(one.figures) for one in water), gathered.days)
    verb = "costs more than it pays" if len(water) == 1 else "cost more than they pay"
    return f"{len(water):,} of {counted(paying, 'paying customer')} {verb}: ${lost:,.2f} a month."


def _notes(gathered: Gathered) -> list[str]:
    if gathered.users is not None:
        return []
    return [f"Users of every customer are counted in windows of at most {USERS_CALLS_MAX:,} calls."]


def _cards(gathered: Gathered, water: Sequence[CustomerFigures]) -> Cards:
    everybody, costs = gathered.everybody, gathered.everybody.cogs_pico
    free, named = everybody.standing("free"), everybody.standing("free", "pays", "under_water")
    dearest = top_of([costs[place] for place in named], _TOP_PERCENT)
    total = gathered.report.total
    return Cards(
        name="summary",
        cards=[
            Card(name="revenue", title="Revenue", value=total.revenue, unit="usd", definition="revenue"),
            Card(name="cogs", title="Cost", value=total.cogs if total.cost_known else None, unit="usd", definition="cogs"),
            Card(name="margin", title="Gross margin", value=total.margin if total.cost_known else None, unit="usd", definition="margin"),
            Card(name="margin_ratio", title="Gross margin %", value=total.margin_ratio if total.cost_known else None, unit="percent", definition="margin_ratio"),
            Card(name="under_water", title="Under water", value=len(water), unit="count", definition="under_water", to="#under_water"),
            Card(name="lost", title="Lost on them", value=usd_of(sum(loss_pico(one.figures) for one in water)), unit="usd", definition="loses"),
            Card(name="free", title="Pay nothing", value=len(free), unit="count", definition="free_customers", note="apart: a margin percent of nothing is unknown"),
            Card(name="free_cost", title="Cost of those", value=usd_of(sum(costs[place] for place in free)), unit="usd", definition="cogs"),
            Card(name="dearest", title=f"Dearest {_TOP_PERCENT} %", value=dearest.share, unit="percent", definition="dearest_share", note=f"of all cost, {dearest.count:,} of {dearest.of:,} customers"),
        ],
    )  # fmt: skip


def _scatter(desk: Desk, gathered: Gathered, params: CustomersParams) -> list[Chart]:
    """None where nobody has a margin."""
    opens = _link(params)
    placed = _placed(gathered)
    count = len(placed.customers)
    if not count:
        return []
    target = desk.reviews.targets.gross_margin
    costly = None
    if count >= _MEDIAN_OF_MIN:
        costly = Quadrant(usd_of(nearest_rank(sorted(placed.revenue.tolist()), 50)), target)
    lowest = int(MARGIN_MIN * PICO)
    below = int((placed.margin < lowest).sum())
    edge = (
        f" Margins below {percent(MARGIN_MIN, 0).replace('-', '−')} stand at the lower edge ({below:,})."
        if below
        else ""
    )
    named = (
        f" The costly corner: pays no more than the median (${costly.revenue:,.2f}) and keeps less than the target of"
        f" {percent(target, 0)}."
        if costly
        else ""
    )
    made = Chart(
        name="scatter",
        title="What customers pay, and what is kept of it",
        said=f"Each of {counted(count, 'paying customer')} by its revenue a month (an axis of logarithms) and its gross margin;"
        f" the larger, the more it costs; colour and shape are its plan.{named}{edge} Click one to open it, draw an area to list"
        " those in it.",
        spec=customer_scatter(
            "Customers", placed, costly, opens=lambda name: opens.replace("{customer}", segment(name))
        ),
        table="customers",
        opens="to",
    )
    return [made]


def _placed(gathered: Gathered) -> Placed:
    """Everybody whose margin is known."""
    everybody, known = gathered.everybody, gathered.everybody.costs_known
    places = [place for place in everybody.standing("pays", "under_water") if known[place]]
    revenue = whole_numbers([everybody.revenue_pico[place] for place in places])
    cost = whole_numbers([everybody.cogs_pico[place] for place in places])
    return Placed(
        customers=[everybody.names[place] for place in places],
        plans=[everybody.main_plans[place] for place in places],
        revenue=scaled(revenue, MONTH_DAYS, gathered.days),
        margin=ratios_of(revenue - cost, revenue),
        cost=scaled(cost, MONTH_DAYS, gathered.days),
        under_water=np.array([everybody.standings[place] == "under_water" for place in places], dtype=np.bool_),
    )


# -- who is under water, and what would fix it


def _water(
    water: Sequence[CustomerFigures], fixes: Mapping[str, Sequence[Remedy]], gathered: Gathered, params: CustomersParams
) -> list[Table]:
    """Who is under water, and the fixes."""
    rows: list[Mapping[str, Value]] = []
    for one in water:
        brings = {remedy.kind: remedy.usd_a_month for remedy in fixes.get(one.name, ())}
        rows.append(
            {
                "customer": one.name, "plan": one.plan or None, "pays": one.figures.revenue, "costs": one.figures.cogs,
                "loses": loss(one.figures), "loses_a_month": a_month(loss_pico(one.figures), gathered.days),
                "calls": one.figures.sums.calls, "thin": one.thin,
                **{kind: brings[kind] for kind, _ in _FIXES if kind in brings},
            }
        )  # fmt: skip
    unfixed = f" Fixes are looked for the {FIXED_MAX} that lose most." if len(water) > FIXED_MAX else ""
    told = [row for one in water for row in fix_rows(one.name, fixes.get(one.name, ()))]
    return [
        Table(
            name="under_water",
            title="Under water",
            columns=(
                Column(name="customer", title="Customer", link=_link(params), thin="thin"),
                Column(name="plan", title="Plan"),
                Column(name="pays", title="Pays", unit="usd", definition="revenue"),
                Column(name="costs", title="Costs", unit="usd", definition="cogs"),
                Column(name="loses", title="Loses", unit="usd", definition="loses"),
                Column(name="loses_a_month", title="a month", unit="usd", definition="a_month"),
                *(Column(name=kind, title=title, unit="usd", definition=f"fix_{kind}") for kind, title in _FIXES),
                Column(name="calls", title="Calls", unit="count", definition="calls"),
                Column(name="thin", title="Thin", unit="flag", hidden=True),
            ),
            rows=rows,
            empty="Nobody that pays costs more than it pays.",
            note=f"What each fix would bring is in dollars a month; empty: it does not apply.{unfixed}",
        ),
        *((fixes_table(told, empty=NOTHING_HELPS, closed=bool(told)),) if water else ()),
    ]


# -- everybody


def _link(params: Window, column: str = "customer") -> str:
    """A customer's page in the same window; the customer is in `column`."""
    return address(f"{PATH}/{{{column}}}", window_of(params))


def _tabs(gathered: Gathered, params: CustomersParams) -> Tabs:
    count = Counter(gathered.everybody.standings)
    links = [
        Link(text=f"All {len(gathered.everybody):,}", to=_listed(params, standing=None), current=not params.standing)
    ]
    links += [
        Link(
            text=f"{words} {count[standing]:,}",
            to=_listed(params, standing=standing),
            current=params.standing == standing,
        )
        for standing, words in _STANDINGS.items()
    ]
    return Tabs(name="standings", title="By standing", links=links)


def _listed(params: CustomersParams, **changed: object) -> str:
    return f"{address(PATH, params, sort=None, page=None, **changed)}#customers"


def _form(gathered: Gathered, params: CustomersParams) -> Form:
    """What the area of the chart says too, by keyboard."""
    plans = sorted(gathered.everybody.plans)
    segments = sorted(gathered.segments)
    kept = (
        ("from", params.from_),
        ("to", params.to),
        ("days", params.days),
        ("against", params.against),
        ("standing", params.standing),
    )
    scope = (("environment", params.environment), ("purpose", params.purpose))
    return Form(
        name="filter",
        title="Which customers to list",
        action=PATH,
        submit="List them",
        method="get",
        rule="viewer",
        fields=[
            Field(name="name", label="Name holds", value=params.name),
            Field(name="plan", label="Plan", kind="choice", value=params.plan, options=_options(plans)),
            Field(name="segment", label="Segment", kind="choice", value=params.segment, options=_options(segments)),
            Field(name="pays_from", label="Pays at least, $ a month", kind="number", value=_plain(params.pays_from)),
            Field(name="pays_to", label="at most", kind="number", value=_plain(params.pays_to)),
            Field(name="keeps_from", label="Margin at least, %", kind="number", value=_plain(params.keeps_from)),
            Field(name="keeps_to", label="at most", kind="number", value=_plain(params.keeps_to)),
            *(Field(name=name, label=name, kind="hidden", value=str(value)) for name, value in (*kept, *scope) if value not in {None, ""}),
        ],
    )  # fmt: skip


def _options(names: Sequence[str]) -> list[tuple[str, str]]:
    return [("", "every one"), *((name, name) for name in names)]


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"


def _table(listed: Sequence[CustomerFigures], gathered: Gathered, params: CustomersParams) -> Table:
    whole = len(listed) == len(gathered.everybody)
    total = gathered.report.total if whole else summed([one.figures for one in listed], ())
    last: Mapping[str, Value] = {"customer": "total" if whole else "total of these", **figures_of(total)}

    def row(place: int) -> Mapping[str, Value]:
        return last if place == len(listed) else _row(listed[place], gathered)

    return Table(
        name="customers",
        title="Every customer" if whole else f"{counted(len(listed), 'customer')} of {len(gathered.everybody):,}",
        columns=_columns(gathered, params),
        rows=Rows(range(len(listed) + 1), row) if listed else [],
        totals=1,
        empty="No customer is so: widen the filters."
        if gathered.everybody
        else "No call and no revenue in these days.",
        note=f"thin: fewer than {CALLS_MIN} calls in the window.",
    )


def _columns(gathered: Gathered, params: CustomersParams) -> list[Column]:
    compared = (
        Column(name="margin_before", title="Margin before", unit="usd", definition="margin"),
        Column(name="margin_change", title="Change", unit="usd", definition="margin_change"),
    )
    return [
        Column(name="customer", title="Customer", link=_link(params, "slug"), thin="thin"),
        Column(name="plan", title="Plan", definition="main_plan"),
        Column(name="segment", title="Segment", definition="segment"),
        Column(name="standing", title="Standing", definition="standing"),
        Column(name="revenue", title="Revenue", unit="usd", definition="revenue"),
        Column(name="cogs", title="Cost", unit="usd", definition="cogs"),
        Column(name="margin_usd", title="Margin", unit="usd", definition="margin"),
        Column(name="margin_ratio", title="Margin %", unit="percent", definition="margin_ratio"),
        *(compared if gathered.before is not None else ()),
        Column(name="calls", title="Calls", unit="count", definition="calls"),
        Column(name="tokens", title="Tokens", unit="tokens", definition="tokens"),
        *(
            (Column(name="users", title="Users", unit="count", definition="users"),)
            if gathered.users is not None
            else ()
        ),
        Column(name="unpriced_calls", title="Unpriced", unit="count", definition="unpriced"),
        Column(name="estimated", title="Estimated", unit="percent", definition="estimated_share"),
        Column(name="slug", title="Name", hidden=True),
        Column(name="thin", title="Thin", unit="flag", hidden=True),
    ]


def _row(one: CustomerFigures, gathered: Gathered) -> dict[str, Value]:
    named = one.standing != "unmatched"
    who: dict[str, Value] = {"segment": gathered.segment(one.name) or None, "slug": one.name} if named else {}
    if named and gathered.users is not None:
        who["users"] = gathered.users.get(one.name, 0)
    if gathered.before is not None:
        who |= _compared(one.figures, gathered.before.get(one.name))
    return {
        "customer": one.name,
        "plan": ", ".join(one.plans) or None,
        "standing": None if one.standing == "pays" and not one.figures.cost_known else _STANDINGS[one.standing],
        "thin": one.thin,
        **figures_of(one.figures),
        **who,
    }


def _compared(row: Figures, was: Figures | None) -> dict[str, Value]:
    """The margin of the days before, and the change: unknown where the cost of either is."""
    before = ZERO if was is None else was.margin if was.cost_known else None
    change = row.margin - before if row.cost_known and before is not None else None
    return {"margin_before": before, "margin_change": change}


def figures_of(row: Figures) -> dict[str, Value]:
    """The figures of a row: as `floorline margin` has them, its cost unknown where no call of it has a price."""
    sums = row.sums
    return {
        "revenue": row.revenue,
        "cogs": row.cogs if row.cost_known else None,
        "margin_usd": row.margin if row.cost_known else None,
        "margin_ratio": row.margin_ratio if row.cost_known else None,
        "calls": sums.calls,
        "tokens": sums.input_tokens + sums.output_tokens,
        "unpriced_calls": sums.unpriced,
        "estimated": ratio_of(sums.estimated, sums.effective),
    }


VIEWS = (
    View(
        path=PATH,
        title="Customers",
        group="Margin",
        key="c",
        params=CustomersParams,
        build=build,
        said="What every customer pays and costs, who is under water, and what would fix it",
        scripts=("scatter.js",),
    ),
)
