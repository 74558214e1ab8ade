"""The parts of one customer's page that stand below its figures: budgets, what its calls go to, guardrails, alerts, who it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from floorline.alerts.model import Alert
from floorline.guardrails.budget import Budget
from floorline.guardrails.outlook import Outlook
from floorline.jobs.alerting import shelf_of
from floorline.jobs.budget_standings import standings, unit_of
from floorline.jobs.customer_usage import CustomerUsage
from floorline.jobs.one_customer import LINES_MAX, PARTS_MAX, PartRow, Parts, Register
from floorline.margin.bridge import Days
from floorline.margin.customers import CustomerFigures
from floorline.margin.metrics import Figures, ratio_of
from floorline.margin.series import Stretch
from floorline.margin.table import MarginReport
from floorline.money import usd_of
from floorline.web.blocks import Column, Meter, Meters, Table, Unit, Value
from floorline.web.desk import Desk
from floorline.web.pages.fixes import window_of
from floorline.web.params import Window, address

Grain = Literal["day", "week", "month"]
_NEAR = Decimal("0.75")
_PART_COLUMNS = (
    Column(name="calls", title="Calls", unit="count", definition="calls"),
    Column(name="cost", title="Cost of calls", unit="usd", definition="call_cost"),
    Column(name="share", title="Of its cost", unit="percent", definition="share_of_cost"),
    Column(name="tokens", title="Tokens", unit="tokens", definition="tokens"),
    Column(name="unpriced_calls", title="Unpriced", unit="count", definition="unpriced"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the page is made of. `before` is None where nothing is compared, `grain` what a stretch of `over_time` is."""

    one: CustomerFigures
    before: Figures | None
    report: MarginReport
    who: Register
    parts: Parts
    grain: Grain
    over_time: Sequence[tuple[Days, Stretch]]

    @property
    def days(self) -> int:
        """Of the window."""
        return (self.report.end - self.report.start).days


# -- budgets


def budget_meters(desk: Desk, gathered: Gathered, now: datetime) -> Meters:
    """The budgets that count this customer and nobody with it, as the ledger and the gateways know them."""
    budgets = desk.gateway.allowance.budgets
    usage = CustomerUsage(desk.ledger, budgets)
    day = now.date().toordinal()
    found: dict[tuple[str, str], Outlook] = {}
    for raw in gathered.who.names.names_of(gathered.one.name, day, day + 1):
        for one in usage.of(raw.name, now):
            if one.used or raw.name == gathered.one.name:
                found.setdefault((one.budget.id, one.holder), one)
    held = {
        (one.budget.id, one.holder): one.held for one in (standings(desk.ledger.home, budgets, now) if found else ())
    }
    return Meters(
        name="budgets",
        title="Budgets",
        meters=[_meter(one, held.get(key, 0)) for key, one in found.items()],
        empty="No budget of the configuration is this customer's own.",
    )


def _meter(one: Outlook, held: int) -> Meter:
    budget = one.budget
    said = [f"Window {one.span.name}, {'hard' if budget.hard else 'soft'} limit; starts anew {_instant(one.span.end)}."]
    if one.exhausted:
        said.append("Used up.")
    elif one.projected_at is not None:
        said.append(f"At the rate of the window so far it is used up {_instant(one.projected_at)}.")
    if budget.unit == "credits":
        said.append(f"In {unit_of(budget)}.")
    share = ratio_of(one.used, budget.limit_quanta)
    return Meter(
        title=" · ".join(dict.fromkeys((budget.name, one.holder))),
        used=_amount(budget, one.used),
        limit=_amount(budget, budget.limit_quanta),
        unit=_UNITS[budget.unit],
        state="over" if one.exhausted else "near" if share is not None and share >= _NEAR else "ok",
        said=" ".join(said),
        reserved=_amount(budget, held) if held else None,
        marks=[Decimal(mark) / 100 for mark in budget.thresholds],
        to="/budgets",
    )


_UNITS: Mapping[str, Unit] = {"usd": "usd", "tokens": "tokens", "calls": "count", "credits": "number"}


def _amount(budget: Budget, quanta: int) -> Value:
    return quanta if budget.unit in {"tokens", "calls"} else budget.shown(quanta)


def _instant(at: datetime) -> str:
    return f"on {at:%-d %b %Y at %H:%M} UTC"


# -- what its calls go to


def parts_tables(gathered: Gathered, params: Window) -> list[Table]:
    """What its calls go to: by feature, by user, by model."""
    parts, total = gathered.parts, gathered.one.figures.sums.effective
    feature = address("/features/{name}", window_of(params))
    note = f"The {PARTS_MAX} dearest."
    return [
        Table(
            name="features",
            title="Features",
            columns=(Column(name="name", title="Feature", link=feature), *_PART_COLUMNS, Column(name="users", title="Users", unit="count", definition="users")),
            rows=_part_rows(parts.features, total, with_users=True),
            empty="No call in these days.",
        ),
        Table(
            name="users",
            title="Users, the dearest first",
            columns=(Column(name="name", title="User"), *_PART_COLUMNS),
            rows=_part_rows(parts.users, total),
            empty="No call in these days.",
            note=note if len(parts.users) >= PARTS_MAX else "",
        ),
        Table(
            name="models",
            title="Models",
            columns=(Column(name="name", title="Model", unit="code"), *_PART_COLUMNS),
            rows=_part_rows(parts.models, total),
            empty="No call in these days.",
        ),
    ]  # fmt: skip


def _part_rows(rows: Iterable[PartRow], total: int, *, with_users: bool = False) -> list[Mapping[str, Value]]:
    return [
        {
            "name": row.name or "(none)", "calls": row.calls, "cost": None if row.unpriced == row.calls else usd_of(row.cost),
            "share": ratio_of(row.cost, total), "tokens": row.input_tokens + row.output_tokens, "unpriced_calls": row.unpriced,
            **({"users": row.users} if with_users else {}),
        }
        for row in rows
    ]  # fmt: skip


def guards_table(gathered: Gathered) -> Table:
    """What guardrails did to its calls, or would have done."""
    return Table(
        name="guardrails",
        title="What guardrails did",
        columns=(
            Column(name="guardrail", title="Guardrail"),
            Column(name="feature", title="Feature"),
            Column(name="mode", title="Mode", definition="guardrail_mode"),
            Column(name="arm", title="Arm", definition="arm"),
            Column(name="action", title="Action"),
            Column(name="calls", title="Calls", unit="count", definition="calls"),
            Column(name="saved", title="Saved", unit="usd", definition="saved"),
            Column(name="spent", title="Own cost", unit="usd", definition="guardrail_cost"),
        ),
        rows=[
            {
                "guardrail": row.guardrail, "feature": row.feature or "(none)", "mode": row.mode, "arm": row.arm, "action": row.action,
                "calls": row.calls, "saved": None if row.unvalued == row.calls else usd_of(row.saved), "spent": usd_of(row.spent),
            }
            for row in gathered.parts.guards
        ],
        empty="No guardrail touched its calls.",
    )  # fmt: skip


def alerts_table(desk: Desk, name: str) -> Table:
    """The alerts about it, those that fired last first."""
    mine = [one for one in shelf_of(desk.state).all().values() if (one.subject_kind, one.subject) == ("customer", name)]
    return Table(
        name="alerts",
        title="Alerts",
        columns=(
            Column(name="rule", title="Rule", link="/alerts/{id}"),
            Column(name="state", title="State"),
            Column(name="fired_at", title="Fired", unit="instant"),
            Column(name="at_stake", title="At stake a month", unit="usd", definition="at_stake"),
            Column(name="evidence", title="Evidence"),
            Column(name="id", title="Id", hidden=True),
        ),
        rows=[_alert_row(one) for one in sorted(mine, key=lambda one: one.fired_at, reverse=True)],
        empty="No alert was ever about it.",
    )


def _alert_row(one: Alert) -> Mapping[str, Value]:
    return {
        "rule": one.rule.replace("_", " "), "state": one.state, "fired_at": one.fired_at, "at_stake": one.at_stake_usd,
        "evidence": one.evidence, "id": one.id,
    }  # fmt: skip


# -- who it is


def revenue_table(gathered: Gathered) -> Table:
    """The revenue lines whose period meets the window."""
    return Table(
        name="revenue_lines",
        title="What it was billed for",
        columns=(
            Column(name="start", title="From", unit="day"),
            Column(name="end", title="to, exclusive", unit="day"),
            Column(name="amount", title="Amount", unit="usd", definition="revenue_line"),
            Column(name="kind", title="Kind"),
            Column(name="plan", title="Plan"),
            Column(name="feature", title="Feature"),
            Column(name="billed_as", title="Billed as"),
            Column(name="id", title="Line", unit="code"),
        ),
        rows=[
            {
                "start": row.start, "end": row.end, "amount": usd_of(row.amount), "kind": row.kind, "id": row.id, "billed_as": row.customer,
                **{name: value for name, value in (("plan", row.plan), ("feature", row.feature)) if value},
            }
            for row in gathered.parts.revenue
        ],
        empty="No revenue line covers these days.",
        note=f"The latest {LINES_MAX}." if len(gathered.parts.revenue) >= LINES_MAX else "",
        closed=bool(gathered.parts.revenue),
    )  # fmt: skip


def history_table(gathered: Gathered) -> Table:
    """Its plan, segment and cohort, as records and revenue lines say them."""
    records = [
        {
            **({"from": one.valid_from} if one.valid_from else {}), "said_by": f"record of {one.source}",
            **{name: value for name, value in (("plan", one.plan), ("segment", one.segment), ("cohort", one.cohort)) if value},
        }
        for one in gathered.who.of(gathered.one.name)
    ]  # fmt: skip
    billed = [
        {"from": date.fromordinal(one.start), "said_by": "revenue line", "plan": one.plan}
        for one in gathered.who.paid_plans(gathered.one.name)
    ]
    return Table(
        name="history",
        title="Plans over time",
        columns=(
            Column(name="said_by", title="Said by"),
            Column(name="from", title="From", unit="day", definition="record_from"),
            Column(name="plan", title="Plan"),
            Column(name="segment", title="Segment", definition="segment"),
            Column(name="cohort", title="Signed up", definition="cohort"),
        ),
        rows=[*records, *billed],
        empty="No record and no revenue line names a plan: it is that of its calls.",
    )


def names_table(gathered: Gathered) -> Table:
    """What it is called elsewhere."""
    return Table(
        name="names",
        title="Other names",
        columns=(
            Column(name="alias", title="Name", unit="code", definition="alias"),
            Column(name="from", title="From", unit="day"),
            Column(name="to", title="to, exclusive", unit="day"),
            Column(name="source", title="Said by"),
        ),
        rows=[
            {
                "alias": one.alias, "source": one.source,
                **{name: day for name, day in (("from", one.valid_from), ("to", one.valid_to)) if day},
            }
            for one in gathered.who.known_as(gathered.one.name)
        ],
        empty="It goes by no other name.",
    )  # fmt: skip
