"""Features: the margin of each day by day against its floor, in percent and dollars, and every figure of the window."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorline.charts.rows import DayRow, RowPoint, Unit, rows_by_day
from floorline.jobs.margins import MarginRequest
from floorline.margin.bridge import Days
from floorline.margin.floors import Zone, feature_floor
from floorline.margin.metrics import Figures
from floorline.margin.policy import Policies
from floorline.margin.series import Series, Stretch
from floorline.margin.table import MarginReport
from floorline.money import ZERO, usd_of
from floorline.web.abouts import about
from floorline.web.blocks import Card, Cards, Chart, Column, Note, Shown, Table, Value
from floorline.web.desk import Desk
from floorline.web.figures import ZONES, dollars
from floorline.web.pages.margin_cells import (
    CALLS,
    CHANGE_POINTS,
    CHANGE_USD,
    COGS,
    FLOOR,
    MARGIN,
    MARGIN_RATIO,
    P95,
    PER_CALL,
    REVENUE,
    SHORT,
    SURE,
    THIN,
    ZONE,
    cells,
    compared,
    is_named,
    is_thin,
    margin_cards,
    notes_of,
    row_of,
    short_month,
)  # fmt: skip
from floorline.web.params import Window, address
from floorline.web.view import View

DAILY_MAX = 92
"""Days that are shown one by one, the last ones of the window."""

NAME = Column(name="feature", title="Feature", link="{to}")
TO = Column(name="to", title="Page", hidden=True)
UNPRICED = Column(name="unpriced", title="Unpriced calls", unit="count", definition="unpriced", hidden=True)
COLUMNS = (
    NAME, ZONE, MARGIN_RATIO, FLOOR, MARGIN, SHORT, REVENUE, COGS, CALLS, PER_CALL, P95, SURE, THIN, TO, UNPRICED,
)  # fmt: skip
DAY = Column(name="day", title="Day", unit="day")
_ORDER: Mapping[str, int] = {"red": 0, "yellow": 1, "green": 2, "unknown": 3}


def build(desk: Desk, params: Window) -> Shown:
    """The page."""
    days, before = params.window(desk.today), params.before(desk.today)
    report = _report(desk, params, days)
    earlier = None if before is None else _report(desk, params, before)
    rows = sorted((row for row in report.rows if is_named(row)), key=_worst_first)
    nameless = [row for row in report.rows if not is_named(row)]
    total = None if earlier is None else earlier.total
    return Shown(
        title="Features",
        lead=_lead(rows, days),
        about=about(
            params, desk.today, desk.now(), desk.ledger.timezone, report=report, notes=notes_of(days, desk.today)
        ),
        blocks=[
            Cards(name="total", cards=[*margin_cards(report.total, total), *_floor_cards(rows, days)]),
            *(_daily(desk, params, days, rows) if rows else ()),
            Table(
                name="features",
                title="Every feature",
                columns=COLUMNS if before is None else _with_changes(),
                rows=[
                    *(_row(row, row_of(earlier, row.key[0]), days, params) for row in (*rows, *nameless)),
                    {"feature": "total", **cells(report.total), **compared(report.total, total)},
                ],
                totals=1,
                empty="No call and no revenue in these days: choose others, or import some.",
                note=f"P95: {report.p95_method}. Those that lack most of their floor come first.",
            ),
        ],
    )


def _report(desk: Desk, params: Window, days: Days) -> MarginReport:
    return desk.margins.table(MarginRequest(by=("feature",), start=days.start, end=days.end, scope=params.scope))


def _worst_first(row: Figures) -> tuple[int, Decimal, str]:
    return _ORDER[row.zone], -(row.short or ZERO), row.key[0]


def _with_changes() -> tuple[Column, ...]:
    at = COLUMNS.index(SHORT)
    return (*COLUMNS[:at], CHANGE_POINTS, CHANGE_USD, *COLUMNS[at:])


def _row(row: Figures, was: Figures | None, days: Days, params: Window) -> dict[str, Value]:
    return {
        "feature": row.key[0],
        "to": page_of(row.key[0], params) if is_named(row) else None,
        "short_month": short_month(row, days),
        "unpriced": row.sums.unpriced,
        **cells(row),
        **compared(row, was),
    }


def page_of(feature: str, params: Window) -> str:
    """The address of a feature's page for the same days, calls and comparison."""
    window = {"from_": params.from_, "to": params.to, "days": params.days, "against": params.against or None}
    scope = {"environment": params.environment, "purpose": params.purpose}
    kept = {name: value for name, value in scope.items() if value != "production"}
    return address("/features/{feature}", None, feature=feature, **{n: v for n, v in window.items() if v}, **kept)


def _lead(rows: Sequence[Figures], days: Days) -> str:
    """What matters most: the feature that lacks most of its floor."""
    red = [row for row in rows if row.zone == "red"]
    if not red:
        held = sum(row.zone in ("yellow", "green") for row in rows)
        return f"All {held} features whose margin is known hold their floor." if held else ""
    first = red[0]
    lacks = short_month(first, days)
    money = f", {dollars(lacks)} a month short" if lacks else ""
    return f"{len(red)} of {len(rows)} features are below their floor; {first.key[0]} most{money}."


def _floor_cards(rows: Sequence[Figures], days: Days) -> list[Card]:
    known = [short for row in rows if (short := short_month(row, days)) is not None]
    below = sum(row.zone == "red" for row in rows)
    return [
        Card(name="below", title="Below their floor", value=below, unit="count", definition="zone", note=f"of {len(rows)} features"),
        Card(name="short_month", title="Short a month", value=sum(known, ZERO) if known else None, unit="usd", definition="short_month"),
    ]  # fmt: skip


# -- day by day


def _daily(desk: Desk, params: Window, days: Days, rows: Sequence[Figures]) -> list[Chart | Table | Note]:
    """The margins of whole days: a day that runs has its revenue and not yet its cost."""
    end = min(days.end, desk.today) if days.start < desk.today else days.end
    start = max(days.start, end - timedelta(days=DAILY_MAX))
    request = MarginRequest(by=("feature",), start=start, end=end, scope=params.scope, with_p95=False)
    series = desk.margins.series(request)
    found: list[Chart | Table | Note] = [_chart(desk, series, rows, params, unit) for unit in ("percent", "usd")]
    if start > days.start:
        text = f"Days are shown one by one from {start} on: the last {DAILY_MAX} of the window."
        found.insert(0, Note(name="cut", kind="info", text=text))
    return [*found, _daily_table(desk.policies, series, rows)]


def _chart(desk: Desk, series: Series, rows: Sequence[Figures], params: Window, unit: Unit) -> Chart:
    percent = unit == "percent"
    title = "Margin of each day against its floor" if percent else "Margin of each day in dollars"
    lines = [_line(desk.policies, series, row, params, unit) for row in rows]
    return Chart(
        name="daily" if percent else "daily_dollars",
        title=title,
        said="One line a feature, those that lack most of their floor first; "
        + ("the floor is dashed and" if percent else "all on one scale of dollars;")
        + " each day's mark says its zone.",
        spec=rows_by_day(title, lines, unit=unit),
        table="days",
        opens="to",
    )


def _line(policies: Policies, series: Series, row: Figures, params: Window, unit: Unit) -> DayRow:
    name = row.key[0]
    points = [
        RowPoint(day, _value(one, unit), day_zone(policies, name, day, one)) for day, one in days_of(series, row.key)
    ]
    held = row.floor if unit == "percent" else None
    return DayRow(name, _said(row, unit), points, held, page_of(name, params))


def _said(row: Figures, unit: Unit) -> str:
    zone = ZONES[row.zone][1]
    if not row.cost_known:
        return "unknown"
    if unit == "usd":
        return dollars(row.margin)
    return f"{percent_said(row.margin_ratio)} · {zone}"


def percent_said(ratio: Decimal | None) -> str:
    """A ratio in the words of a chart."""
    return "unknown" if ratio is None else f"{ratio * 100:.1f} %".replace("-", "−")


def days_of(series: Series, key: tuple[str, ...]) -> list[tuple[date, Stretch]]:
    """The days of one row, `()` of the total."""
    points = series.total if key == () else series.rows.get(key, ())
    return [(series.start + timedelta(days=number), one) for number, one in enumerate(points)]


def day_zone(policies: Policies, feature: str, day: date, one: Stretch) -> Zone:
    """Where a day's margin stands against the floor that holds on it."""
    floor = feature_floor(policies, feature, day)
    return floor.zone(one.margin_ratio, revenue_pico=one.revenue_pico, cost_known=one.cost_known)


def _value(one: Stretch, unit: Unit) -> Decimal | None:
    if not one.cost_known or (not one.revenue_pico and not one.cogs_pico):
        return None
    return one.margin_ratio if unit == "percent" else usd_of(one.margin_pico)


def _daily_table(policies: Policies, series: Series, rows: Sequence[Figures]) -> Table:
    return Table(
        name="days",
        title="Each day as a table",
        columns=(DAY, replace(NAME, link=""), ZONE, MARGIN_RATIO, FLOOR, MARGIN, REVENUE, COGS, CALLS, PER_CALL, THIN),
        rows=[
            {"day": day, "feature": row.key[0], **day_cells(policies, row.key[0], day, one)}
            for row in rows
            for day, one in days_of(series, row.key)
            if one.revenue_pico or one.cogs_pico or one.sums.calls
        ],
        empty="No whole day of the window has a call or revenue.",
        closed=True,
    )


def day_cells(policies: Policies, feature: str, day: date, one: Stretch) -> dict[str, Value]:
    """The figures of one day of a feature."""
    return {
        "zone": day_zone(policies, feature, day, one),
        "floor": feature_floor(policies, feature, day).ratio,
        "revenue": usd_of(one.revenue_pico),
        "cogs": usd_of(one.cogs_pico) if one.cost_known else None,
        "margin_usd": usd_of(one.margin_pico) if one.cost_known else None,
        "margin_ratio": one.margin_ratio if one.cost_known else None,
        "calls": one.sums.calls,
        "cost_per_call_mean": one.cost_per_call,
        "thin": is_thin(one.sums.calls),
    }


VIEWS = (
    View(
        path="/features",
        title="Features",
        group="Margin",
        key="f",
        params=Window,
        build=build,
        said="Gross margin of every feature against its floor, day by day and over the window",
    ),
)
