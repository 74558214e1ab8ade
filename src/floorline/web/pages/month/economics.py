"""The unit economics of a month: each figure, the month before, its target, and whether it is met."""

from collections.abc import Sequence
from decimal import Decimal

from floorline.jobs.period_use import by_customer, lifetime_of, use_of
from floorline.reviews.economics import unit_economics
from floorline.reviews.lifetime import Lifetime
from floorline.reviews.model import EconomicsLine
from floorline.web.blocks import Card, Cards, Column, Shown, Table, Unit, Value
from floorline.web.desk import Desk
from floorline.web.pages.fixes import plan_report
from floorline.web.pages.margin_cells import difference
from floorline.web.pages.month.frame import PATH, MonthParams, about_month, month_of, ways
from floorline.web.view import View

LTV = "ltv_to_cac"


def build(desk: Desk, params: MonthParams) -> Shown:
    """The page."""
    month = month_of(desk, params)
    margins = desk.margins
    book, tiers, scope = desk.book(), desk.reviews.tiers, params.scope
    seats, earlier = plan_report(margins, month.days, scope), by_customer(margins, month.before, scope)
    now = use_of(margins, book, tiers, month.days, margins.with_users(seats), seats, scope)
    before = use_of(margins, book, tiers, month.before, margins.with_users(earlier), earlier, scope)
    lifetime = lifetime_of(margins, seats, now, before)
    lines = unit_economics(now, before, lifetime, desk.reviews.targets)
    told = [line for line in lines if line.met is not None]
    missed = [line for line in told if not line.met]
    worst = f": {', '.join(line.label for line in missed)}" if missed else ""
    return Shown(
        title=f"Unit economics of {month.name}",
        lead=f"{len(told) - len(missed)} of {len(told)} targets are met{'; missed' if missed else ''}{worst}." if told else "",
        about=about_month(desk, params, month, seats),
        blocks=[
            *ways(desk, params, month, "/economics"),
            Cards(name="most", cards=[_card(line) for line in lines if line.name in _FIRST]),
            _table("dollars", "In dollars", "usd", [line for line in lines if line.unit == "usd"]),
            _table("ratios", "As shares", "percent", [line for line in lines if line.unit == "ratio"]),
            _lifetime(lifetime, next(line for line in lines if line.name == LTV)),
        ],
    )  # fmt: skip


_FIRST = ("cost_per_call", "cost_per_outcome", "cost_per_user", "gross_margin", "inference_share", LTV)


def _card(line: EconomicsLine) -> Card:
    units: dict[str, Unit] = {"usd": "usd", "ratio": "percent", "number": "number"}
    met = {True: "target met", False: "target missed", None: "" if line.target is None else "cannot be told"}[line.met]
    return Card(
        name=line.name,
        title=line.label,
        value=line.this_week,
        unit=units[line.unit],
        definition=line.name,
        before=line.last_week,
        compared=line.name != LTV,
        better="up" if line.at_least else "down",
        note=met,
    )


def _table(name: str, title: str, unit: Unit, lines: Sequence[EconomicsLine]) -> Table:
    return Table(
        name=name,
        title=title,
        columns=(
            Column(name="figure", title="Figure", definition="unit_economics"),
            Column(name="value", title="This month", unit=unit, definition="unit_economics"),
            Column(name="before", title="Month before", unit=unit, definition="unit_economics"),
            Column(name="change", title="Change", unit="usd" if unit == "usd" else "points"),
            Column(name="bound", title="Target is"),
            Column(name="target", title="Target", unit=unit, definition="target_met"),
            Column(name="met", title="Met", unit="flag", definition="target_met"),
            Column(name="note", title="What is to be said"),
            Column(name="key", title="Key", hidden=True),
        ),
        rows=[_row(line) for line in lines],
        empty="There is no figure of this kind.",
        note="Targets are `reviews.targets` of floorline.yaml; a figure without one is held to nothing.",
    )


def _row(line: EconomicsLine) -> dict[str, Value]:
    row: dict[str, Value] = {
        "key": line.name,
        "figure": line.label,
        "value": line.this_week,
        "before": line.last_week,
        "change": difference(line.this_week, line.last_week),
        "note": line.note,
    }
    if line.target is None:
        return row
    return {**row, "bound": "at least" if line.at_least else "at most", "target": line.target, "met": line.met}


def _lifetime(found: Lifetime, line: EconomicsLine) -> Table:
    margin: Decimal | None = found.margin_each
    return Table(
        name="lifetime",
        title="What a customer brings for what winning it takes",
        columns=(
            Column(name="paying", title="Paying customers", unit="count", definition="customer"),
            Column(name="margin", title="Margin of each", unit="usd", definition="margin"),
            Column(name="paid_before", title="Paid the month before", unit="count", definition="churn"),
            Column(name="left", title="Left since", unit="count", definition="churn"),
            Column(name="churn", title="Churn", unit="percent", definition="churn"),
            Column(name="ltv", title="LTV", unit="usd", definition="ltv"),
            Column(name="conversions", title="Conversions", unit="count", definition="cac"),
            Column(name="cac", title="CAC, of AI", unit="usd", definition="cac"),
            Column(name="ratio", title="LTV ÷ CAC", unit="number", definition=LTV),
            Column(name="target", title="Target, at least", unit="number", definition="target_met"),
            Column(name="met", title="Met", unit="flag", definition="target_met"),
        ),
        rows=[
            {
                "paying": found.paying,
                "margin": margin,
                "paid_before": found.paid_before,
                "left": found.left,
                "churn": found.churn,
                "ltv": found.ltv,
                "conversions": found.conversions,
                "cac": found.cac,
                "ratio": found.ratio,
                "target": line.target,
                "met": line.met,
            }
        ],
        empty="",
        note=f"{found.note[:1].upper()}{found.note[1:]}.",
    )


VIEWS = (
    View(path=f"{PATH}/economics", title="Unit economics", params=MonthParams, build=build, windowed=False, said="The unit economics of a month against their targets"),
)  # fmt: skip
