"""Features: the margin of each against its floor, in percent and dollars."""

from floorline.charts.margins import FeatureMargin, features_against_floors
from floorline.jobs.margins import MarginRequest
from floorline.margin.bridge import Days
from floorline.margin.metrics import Figures
from floorline.margin.table import MarginReport
from floorline.web.abouts import about
from floorline.web.blocks import Card, Cards, Chart, Column, Shown, Table, Unit, Value
from floorline.web.desk import Desk
from floorline.web.params import Window
from floorline.web.view import View

COLUMNS = (
    Column(name="feature", title="Feature"),
    Column(name="zone", title="Zone", unit="zone", definition="zone"),
    Column(name="margin_ratio", title="Margin %", unit="percent", definition="margin_ratio"),
    Column(name="floor", title="Floor", unit="percent", definition="floor"),
    Column(name="margin_usd", title="Margin", unit="usd", definition="margin"),
    Column(name="revenue", title="Revenue", unit="usd", definition="revenue"),
    Column(name="cogs", title="Cost", unit="usd", definition="cogs"),
    Column(name="calls", title="Calls", unit="count", definition="calls"),
    Column(name="cost_per_call_mean", title="Cost per call", unit="usd", definition="cost_per_call"),
    Column(name="cost_per_call_p95", title="P95", unit="usd", definition="p95"),
)


def _report(desk: Desk, params: Window, days: Days) -> MarginReport:
    return desk.margins.table(MarginRequest(by=("feature",), start=days.start, end=days.end, scope=params.scope))


def build(desk: Desk, params: Window) -> Shown:
    """The page."""
    report = _report(desk, params, params.window(desk.today))
    days = params.before(desk.today)
    before = None if days is None else _report(desk, params, days).total
    rows = [{"feature": row.key[0], **_figures(row)} for row in report.rows]
    named = [
        FeatureMargin(row.key[0], row.margin_ratio, row.floor, row.zone if row.floor else "") for row in report.rows
    ]
    return Shown(
        title="Features",
        about=about(params, desk.today, desk.now(), desk.ledger.timezone, report=report),
        blocks=[
            Cards(name="total", cards=_cards(report.total, before)),
            Chart(
                name="floors",
                title="Margin against its floor",
                said="The margin of each feature beside the floor that it is held to.",
                spec=features_against_floors("Margin against its floor", named),
                table="features",
            ),
            Table(
                name="features",
                title="Every feature",
                columns=COLUMNS,
                rows=[*rows, {"feature": "total", **_figures(report.total)}],
                totals=1,
                empty="No call and no revenue in these days.",
            ),
        ],
    )


def _figures(row: Figures) -> dict[str, Value]:
    held: dict[str, Value] = {} if row.floor is None else {"zone": row.zone, "floor": row.floor}
    return {
        **held,
        "margin_ratio": row.margin_ratio,
        "margin_usd": row.margin,
        "revenue": row.revenue,
        "cogs": row.cogs if row.cost_known else None,
        "calls": row.sums.calls,
        "cost_per_call_mean": row.cost_per_call_mean,
        "cost_per_call_p95": row.cost_per_call_p95,
    }


def _cards(total: Figures, before: Figures | None) -> list[Card]:
    def card(name: str, title: str, value: Value, was: Value, unit: Unit, definition: str) -> Card:
        return Card(
            name=name,
            title=title,
            value=value,
            unit=unit,
            before=was,
            compared=before is not None,
            definition=definition,
        )

    return [
        card("revenue", "Revenue", total.revenue, before and before.revenue, "usd", "revenue"),
        card("cogs", "Cost", total.cogs, before and before.cogs, "usd", "cogs"),
        card("margin", "Gross margin", total.margin, before and before.margin, "usd", "margin"),
        card(
            "margin_ratio",
            "Gross margin %",
            total.margin_ratio,
            before and before.margin_ratio,
            "percent",
            "margin_ratio",
        ),
        card("calls", "Calls", total.sums.calls, before and before.sums.calls, "count", "calls"),
    ]


VIEWS = (
    View(
        path="/features",
        title="Features",
        group="Margin",
        key="f",
        params=Window,
        build=build,
        said="Gross margin of every feature against its floor",
    ),
)
