"""A month: each feature's margin against what it sells, profit and loss with AI apart, as closed and as it stands now."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from floorline.charts.dollars import Amount, waterfall_down
from floorline.charts.portfolio import Placed, margin_by_volume
from floorline.errors import Mismatch
from floorline.jobs.closing import Beside, Closings, Restated, beside
from floorline.margin.bridge import Days
from floorline.margin.closing import KINDS, MEANINGS, Difference
from floorline.margin.metrics import Figures, ratio_of
from floorline.margin.profit import Profit, profit_as_closed, profit_of
from floorline.margin.table import MarginReport
from floorline.money import ratio
from floorline.web.blocks import AnyBlock, Card, Cards, Chart, Column, Note, Shown, Table, Unit, Value
from floorline.web.desk import Desk
from floorline.web.figures import dollars
from floorline.web.pages.features import percent_said
from floorline.web.pages.margin_cells import (
    CALLS,
    CHANGE_POINTS,
    CHANGE_USD,
    COGS,
    FLOOR,
    MARGIN,
    MARGIN_RATIO,
    PER_CALL,
    REVENUE,
    THIN,
    ZONE,
    cells,
    compared,
    difference,
    is_named,
    row_of,
    short_month,
)  # fmt: skip
from floorline.web.pages.month.frame import PATH, Month, MonthParams, about_month, month_of, table, ways
from floorline.web.params import address
from floorline.web.view import View

Better = Literal["up", "down"]
_NAMES: Mapping[str, str] = {
    "ai_cogs": "cost of AI", "other_cogs": "other costs of goods sold", "gross_profit": "gross profit",
}  # fmt: skip
_OF_REVENUE = Column(name="of_revenue", title="Of revenue", unit="percent", definition="of_revenue")
_AI = Column(name="ai_cogs", title="Cost of AI", unit="usd", definition="ai_cogs")
_OTHER = Column(name="other_cogs", title="Other costs", unit="usd", definition="other_cogs")


_KINDS: Mapping[str, str] = {"revenue": "revenue", "ai": "AI", "other": "other cost", "sum": "sum"}


class _Sides(NamedTuple):
    """Profit of the month now, of the one before, and as the month was closed, where it is."""

    now: Profit
    before: Profit
    closed: Profit | None


def build(desk: Desk, params: MonthParams) -> Shown:
    """The page."""
    month = month_of(desk, params)
    margins = desk.margins
    report = table(margins, params, month.days, with_kinds=True)
    earlier = table(margins, params, month.before, with_kinds=True)
    found, incomparable = _beside(desk, report)
    restated = found.restated if found else None
    sides = _Sides(
        profit_of(report.total), profit_of(earlier.total), profit_as_closed(restated.closed.total) if restated else None
    )
    named = [row for row in report.rows if is_named(row)]
    return Shown(
        title=f"Month {month.name}",
        lead=_lead(sides.now, month),
        about=about_month(desk, params, month, report, incomparable),
        blocks=[
            *ways(desk, params, month, ""),
            _closed(month, restated),
            Cards(name="profit", cards=_cards(sides)),
            *_portfolio(named, params, month.days),
            _features(report, earlier, month),
            *_statement(sides),
            *(_since(found, restated) if found and restated else ()),
        ],
    )


def _lead(now: Profit, month: Month) -> str:
    if now.gross_margin is None:
        return ""
    kept = f"{month.name} keeps {percent_said(now.gross_margin)} of its revenue, {dollars(now.gross_profit)}"
    return f"{kept}; AI takes {percent_said(now.ai_share)} of it."


def _beside(desk: Desk, report: MarginReport) -> tuple[Beside | None, tuple[str, ...]]:
    """The closed month beside its table of now, and why it cannot be compared."""
    try:
        return beside(Closings(desk.ledger, desk.policies), report, desk.now()), ()
    except Mismatch as error:
        return None, (str(error),)


def _closed(month: Month, restated: Restated | None) -> Note:
    if restated is None:
        text = (
            f"{month.name} is not closed: its figures change with whatever comes in."
            if month.whole
            else f"{month.name} runs and cannot be closed yet."
        )
        return Note(name="closing", kind="info", text=f"{text} `floorline close` freezes a month that is over.")
    head = restated.head
    said = f"Closed on {head.closed_at:%Y-%m-%d} by {head.actor}, figures of sha256 {head.sha256[:12]}."
    if restated.incomparable:
        return Note(name="closing", kind="warning", text=f"{said} {restated.incomparable}")
    if not restated.since:
        return Note(name="closing", kind="good", text=f"{said} Nothing came since.")
    change = restated.restated.margin - restated.closed.total.margin
    text = f"{said} What came since changes its margin by {dollars(change)}: the figures below are those of now."
    return Note(name="closing", kind="warning", text=text)


def _cards(sides: _Sides) -> list[Card]:
    now, was = sides.now, sides.before

    def card(
        name: str, title: str, value: Value, before: Value, definition: str, unit: Unit = "usd", better: Better = "down"
    ) -> Card:
        return Card(
            name=name, title=title, value=value, unit=unit, definition=definition, before=before, compared=True, better=better,
        )  # fmt: skip

    return [
        card("revenue", "Revenue", now.revenue, was.revenue, "revenue", better="up"),
        card("ai_cogs", "Cost of AI", _known(now, now.ai_cogs), _known(was, was.ai_cogs), "ai_cogs"),
        card("other_cogs", "Other costs of goods sold", now.other_cogs, was.other_cogs, "other_cogs"),
        card("gross_profit", "Gross profit", _known(now, now.gross_profit), _known(was, was.gross_profit), "gross_profit", better="up"),
        card("gross_margin", "Gross margin", now.gross_margin, was.gross_margin, "margin_ratio", unit="percent", better="up"),
        card("margin_without_ai", "Without AI", now.margin_without_ai, was.margin_without_ai, "margin_without_ai", unit="percent", better="up"),
        card("ai_share", "AI of revenue", now.ai_share, was.ai_share, "ai_share", unit="percent"),
    ]  # fmt: skip


def _known(side: Profit, amount: Decimal) -> Decimal | None:
    return amount if side.cost_known else None


# -- features


def _portfolio(rows: Sequence[Figures], params: MonthParams, days: Days) -> list[Chart]:
    placed = [
        Placed(
            row.key[0],
            row.revenue,
            row.margin_ratio,
            row.floor,
            row.cogs,
            row.zone,
            f"{percent_said(row.margin_ratio)}, {dollars(row.margin)}",
            _page(row.key[0], params, days),
        )
        for row in rows
        if row.margin_ratio is not None and row.cost_known
    ]
    if not placed:
        return []
    return [
        Chart(
            name="portfolio",
            title="Margin of each feature against what it sells",
            said="To the right what a feature sells, upwards what it keeps of it; the larger, the more it costs. The bar at the end of "
            "its stem is its floor. Features that sell nothing are in the table alone.",
            spec=margin_by_volume("Margin against volume", placed, volume="revenue of the month, USD"),
            table="features",
            opens="to",
        )
    ]


def _page(feature: str, params: MonthParams, days: Days) -> str:
    scope = {"environment": params.environment, "purpose": params.purpose}
    kept = {name: value for name, value in scope.items() if value != "production"}
    return address("/features/{feature}", None, feature=feature, from_=days.start, to=days.end, **kept)


def _features(report: MarginReport, earlier: MarginReport, month: Month) -> Table:
    def row(one: Figures, was: Figures | None) -> dict[str, Value]:
        profit = profit_of(one)
        return {
            **cells(one),
            **compared(one, was),
            "ai_cogs": _known(profit, profit.ai_cogs),
            "other_cogs": profit.other_cogs,
            "of_revenue": ratio_of(one.revenue_pico, report.total.revenue_pico),
        }

    rows = sorted(report.rows, key=lambda one: (-one.revenue_pico, -one.cogs_pico, one.key))
    return Table(
        name="features",
        title="Features",
        columns=(
            Column(name="feature", title="Feature", link="/features/{feature}?from={from}&to={to}"),
            REVENUE, _OF_REVENUE, CALLS, _AI, _OTHER, COGS, MARGIN, MARGIN_RATIO, FLOOR, ZONE,
            Column(name="short_month", title="Short a month", unit="usd", definition="short_month"),
            PER_CALL, CHANGE_USD, CHANGE_POINTS, THIN,
            Column(name="from", title="From", unit="day", hidden=True), Column(name="to", title="To", unit="day", hidden=True),
        ),
        rows=[
            *(
                {
                    "feature": one.key[0],
                    **({"from": month.days.start, "to": month.days.end} if is_named(one) else {}),
                    "short_month": short_month(one, month.days),
                    **row(one, row_of(earlier, one.key[0])),
                }
                for one in rows
            ),
            {"feature": "total", **row(report.total, earlier.total)},
        ],
        totals=1,
        empty="No call and no revenue in this month.",
    )  # fmt: skip


# -- profit and loss


def _statement(sides: _Sides) -> list[AnyBlock]:
    now = sides.now
    columns = [
        Column(name="line", title="Line", definition="profit_line"),
        Column(name="kind", title="Kind"),
        Column(name="usd", title="This month", unit="usd", definition="profit_line"),
        _OF_REVENUE,
        Column(name="before", title="Month before", unit="usd", definition="profit_line"),
        Column(name="change", title="Change", unit="usd"),
    ]
    if sides.closed is not None:
        columns += [
            Column(name="closed", title="As closed", unit="usd", definition="as_closed"),
            Column(name="since", title="Came since", unit="usd", definition="came_since"),
        ]
    statement = Table(
        name="statement",
        title="Profit and loss",
        columns=columns,
        rows=_lines(sides) if now.revenue or now.components else [],
        empty="Nothing was earned and nothing was spent.",
        note="Costs are positive here. docs/dashboard.md says what is cost of AI and what is not.",
    )
    if not now.cost_known or not now.revenue:
        return [statement]
    parts = [Amount(line.name, -line.usd) for line in now.lines if line.kind in ("ai", "other")]
    chart = Chart(
        name="profit_fall",
        title="From revenue to gross profit",
        said="What came in, what AI takes of it, what else it costs to serve, and what is left.",
        spec=waterfall_down(
            "From revenue to gross profit", parts, start=Amount("revenue", now.revenue), end="gross profit"
        ),
        table="statement",
    )
    return [chart, statement]


def _lines(sides: _Sides) -> list[dict[str, Value]]:
    def by_name(side: Profit | None) -> dict[str, Decimal]:
        return {} if side is None else {line.name: line.usd for line in side.lines}

    before, closed = by_name(sides.before), by_name(sides.closed)
    found: list[dict[str, Value]] = []
    for line in sides.now.lines:
        was = before.get(line.name, Decimal(0))
        row: dict[str, Value] = {
            "line": _NAMES.get(line.name, line.name.replace("_", " ")),
            "kind": _KINDS[line.kind],
            "usd": line.usd,
            "of_revenue": ratio(line.usd, sides.now.revenue) if sides.now.revenue > 0 else None,
            "before": was,
            "change": line.usd - was,
        }
        if sides.closed is not None and line.kind != "revenue":  # a closed month does not keep its kinds of revenue
            as_closed = closed.get(line.name, Decimal(0))
            row |= {"closed": as_closed, "since": line.usd - as_closed}
        found.append(row)
    return [*found, *_ratios(sides)]


def _ratios(sides: _Sides) -> list[dict[str, Value]]:
    return [
        {"line": name, "kind": "ratio", "of_revenue": getattr(sides.now, attribute)}
        for name, attribute in (("gross margin", "gross_margin"), ("gross margin without AI", "margin_without_ai"))
    ]


# -- what came since the month was closed


def _since(found: Beside, restated: Restated) -> list[Table]:
    corrections = Table(
        name="corrections",
        title="What came since it was closed",
        columns=(
            Column(name="what", title="What", definition="came_since"),
            Column(name="revenue", title="Revenue", unit="usd", definition="revenue"),
            Column(name="cost", title="Cost", unit="usd", definition="cogs"),
            Column(name="margin", title="Margin", unit="usd", definition="margin"),
            Column(name="records", title="Records", unit="count"),
        ),
        rows=[
            {
                "what": MEANINGS[kind],
                "revenue": part.revenue,
                "cost": part.cost,
                "margin": part.margin,
                "records": part.rows,
            }
            for kind in KINDS
            if (part := restated.since.get(kind)) is not None
        ],
        empty="Nothing: the month stands as it was closed.",
    )
    return [corrections, *([_changed(found.rows)] if found.rows else [])]  # fmt: skip


def _changed(rows: Sequence[Difference]) -> Table:
    return Table(
        name="restated",
        title="Features that are other than they were closed",
        columns=(
            Column(name="feature", title="Feature", link="/features/{feature}"),
            Column(name="closed", title="Margin as closed", unit="usd", definition="as_closed"),
            Column(name="restated", title="Margin now", unit="usd", definition="margin"),
            Column(name="change", title="Change", unit="usd", definition="came_since"),
            Column(name="points", title="Change, points", unit="points", definition="change_points"),
            Column(name="calls", title="Calls since", unit="count", definition="calls"),
        ),
        rows=[
            {
                "feature": one.key[0],
                "closed": one.closed.margin,
                "restated": one.restated.margin,
                "change": one.change.margin,
                "points": difference(one.restated.margin_ratio, one.closed.margin_ratio),
                "calls": one.change.rows,
            }
            for one in rows
        ],
        empty="None.",
    )


VIEWS = (
    View(
        path=PATH,
        title="Month",
        group="Margin",
        key="m",
        params=MonthParams,
        build=build,
        windowed=False,
        said="A month's margins by feature against volume, and its profit and loss with AI apart",
    ),
)
