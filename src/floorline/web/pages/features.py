"""Features: the margin of each day by day against its floor, in percent and dollars, and every figure of the window."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from floorline.charts.rows import DayRow, RowPoint, Unit, rows_by_day
from floorline.jobs.margins import MarginRequest, Margins
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

NAME = Column(name="feature", title="Feature")
PAGE = Column(name="page", title="Page", hidden=True)
BELOW = Column(name="below_days", title="Days below", unit="count", definition="below_days")
UNPRICED = Column(name="unpriced", title="Unpriced calls", unit="count", definition="unpriced", hidden=True)
COLUMNS = (
    ZONE, MARGIN_RATIO, FLOOR, MARGIN, SHORT, BELOW, REVENUE, COGS, CALLS, PER_CALL, P95, SURE, THIN, PAGE, UNPRICED,
)  # fmt: skip
DAY = Column(name="day", title="Day", unit="day")
_ORDER: Mapping[str, int] = {"red": 0, "yellow": 1, "green": 2, "unknown": 3}


def build(desk: Desk, params: Window) -> Shown:
    """The page."""
    days, before = params.window(desk.today), params.before(desk.today)
    margins = desk.margins
    report, series = table_and_days(margins, _request(params, days), desk.today)
    earlier = None if before is None else margins.table(_request(params, before))
    total = None if earlier is None else earlier.total
    rows = sorted((row for row in report.rows if is_named(row)), key=_worst_first)
    nameless = [row for row in report.rows if not is_named(row)]
    held = {row.key[0]: days_held(desk.policies, series, row.key[0]) for row in rows}
    below = {name: [one.day for one in found if one.zone == "red"] for name, found in held.items()}
    return Shown(
        title="Features",
        lead=_lead(rows, days, below, series),
        about=about(
            params, desk.today, desk.now(), desk.ledger.timezone, report=report, notes=notes_of(days, desk.today)
        ),
        blocks=[
            Cards(name="total", cards=[*margin_cards(report.total, total), *_floor_cards(rows, days)]),
            *(_daily(params, days, series, rows, held) if rows else ()),
            Table(
                name="features",
                title="Every feature",
                columns=_columns(params, compared=before is not None),
                rows=[
                    *(
                        {**_row(row, row_of(earlier, row.key[0]), days), "below_days": len(below[row.key[0]])}
                        for row in rows
                    ),
                    *(_row(row, row_of(earlier, row.key[0]), days) for row in nameless),
                    {"feature": "total", **cells(report.total), **compared(report.total, total)},
                ],
                totals=1,
                empty="No call and no revenue in these days: choose others, or import some.",
                note=f"P95: {report.p95_method}. Those that lack most of their floor come first.",
            ),
        ],
    )


def _request(params: Window, days: Days) -> MarginRequest:
    return MarginRequest(by=("feature",), start=days.start, end=days.end, scope=params.scope, with_users=False)


def table_and_days(margins: Margins, request: MarginRequest, today: date) -> tuple[MarginReport, Series]:
    """The table of the request, and the series of its whole_days."""
    shown = whole_days(Days(request.start, request.end), today)
    if shown.start == request.start:
        return margins.with_series(request, shown.end)
    days = dataclasses.replace(request, start=shown.start, end=shown.end, with_p95=False, with_kinds=False)
    return margins.table(request), margins.series(days)


def whole_days(days: Days, today: date) -> Days:
    """The days of a window that are shown one by one: the last DAILY_MAX that are over. A day that runs has its revenue and not
    yet its cost; where no other is asked for it is shown all the same.
    """
    end = min(days.end, today) if days.start < today else days.end
    return Days(max(days.start, end - timedelta(days=DAILY_MAX)), end)


def _worst_first(row: Figures) -> tuple[int, Decimal, str]:
    return _ORDER[row.zone], -(row.short or ZERO), row.key[0]


def _columns(params: Window, *, compared: bool) -> tuple[Column, ...]:
    """The feature, which leads to its page for the same window, and its figures."""
    name = replace(NAME, link=f"/features/{{page}}{_query(params)}")
    at = COLUMNS.index(SHORT)
    changes = (CHANGE_POINTS, CHANGE_USD) if compared else ()
    return (name, *COLUMNS[:at], *changes, *COLUMNS[at:])


def _row(row: Figures, was: Figures | None, days: Days) -> dict[str, Value]:
    return {
        "feature": row.key[0],
        "page": row.key[0] if is_named(row) else None,
        "short_month": short_month(row, days),
        "unpriced": row.sums.unpriced,
        **cells(row),
        **compared(row, was),
    }


def page_of(feature: str, params: Window) -> str:
    """The address of a feature's page for the same days, calls and comparison."""
    return f"{address('/features/{feature}', None, feature=feature)}{_query(params)}"


def _query(params: Window) -> str:
    kept = {name: getattr(params, name) or None for name in ("from_", "to", "days", "against")}
    scope = {name: value for name in ("environment", "purpose") if (value := getattr(params, name)) != "production"}
    said = {name: value for name, value in kept.items() if value is not None}
    return address("", None, **said, **scope)


def _lead(rows: Sequence[Figures], days: Days, below: Mapping[str, Sequence[date]], series: Series) -> str:
    """What matters most: the feature that lacks most of its floor, else the one that has been below it on the latest days."""
    red = [row for row in rows if row.zone == "red"]
    if red:
        lacks = short_month(red[0], days)
        money = f", {dollars(lacks)} a month short" if lacks else ""
        return f"{len(red)} of {len(rows)} features are below their floor; {red[0].key[0]} most{money}."
    held = sum(row.zone in ("yellow", "green") for row in rows)
    if not held:
        return ""
    said = f"All {held} features whose margin is known hold their floor over these days"
    latest = {name: _latest(found, series) for name, found in below.items()}
    name = max(latest, key=lambda one: (latest[one], one))
    return f"{said}, but {name} was below it on each of the last {latest[name]}." if latest[name] > 1 else f"{said}."


def _latest(below: Sequence[date], series: Series) -> int:
    """How many of the days at the series' end are among those below."""
    count = 0
    while series.end - timedelta(days=count + 1) in below:
        count += 1
    return count


def _floor_cards(rows: Sequence[Figures], days: Days) -> list[Card]:
    known = [short for row in rows if (short := short_month(row, days)) is not None]
    below = sum(row.zone == "red" for row in rows)
    return [
        Card(name="below", title="Below their floor", value=below, unit="count", definition="zone", note=f"of {len(rows)} features"),
        Card(name="short_month", title="Short a month", value=sum(known, ZERO) if known else None, unit="usd", definition="short_month"),
    ]  # fmt: skip


# -- day by day


class DayHeld(NamedTuple):
    """One day of a feature: its figures, its margin in parts of its revenue, and where that stands against the floor of the day."""

    day: date
    one: Stretch
    margin_ratio: Decimal | None
    floor: Decimal
    zone: Zone


def days_held(policies: Policies, series: Series, feature: str) -> list[DayHeld]:
    """The days of a feature."""
    found: list[DayHeld] = []
    changes = policies.feature(feature).exception is not None
    always = feature_floor(policies, feature, series.start)
    for day, one in days_of(series, (feature,)):
        floor = feature_floor(policies, feature, day) if changes else always
        ratio = one.margin_ratio
        zone = floor.zone(ratio, revenue_pico=one.revenue_pico, cost_known=one.cost_known)
        found.append(DayHeld(day, one, ratio, floor.ratio, zone))
    return found


def _daily(
    params: Window, days: Days, series: Series, rows: Sequence[Figures], held: Mapping[str, Sequence[DayHeld]]
) -> list[Chart | Table | Note]:
    found: list[Chart | Table | Note] = [_chart(rows, held, params, unit) for unit in ("percent", "usd")]
    if series.start > days.start:
        text = f"Days are shown one by one from {series.start} on: the last {DAILY_MAX} of the window."
        found.insert(0, Note(name="cut", kind="info", text=text))
    return [*found, _daily_table(held)]


def _chart(rows: Sequence[Figures], held: Mapping[str, Sequence[DayHeld]], params: Window, unit: Unit) -> Chart:
    percent = unit == "percent"
    title = "Margin of each day against its floor" if percent else "Margin of each day in dollars"
    lines = [_line(row, held[row.key[0]], params, unit) for row in rows]
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


def _line(row: Figures, days: Sequence[DayHeld], params: Window, unit: Unit) -> DayRow:
    name = row.key[0]
    points = [RowPoint(held.day, _value(held, unit), held.zone) for held in days]
    return DayRow(name, _said(row, unit), points, row.floor if unit == "percent" else None, page_of(name, params))


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


def _value(held: DayHeld, unit: Unit) -> Decimal | None:
    one = held.one
    if not one.cost_known or (not one.revenue_pico and not one.cogs_pico):
        return None
    return held.margin_ratio if unit == "percent" else usd_of(one.margin_pico)


def _daily_table(of: Mapping[str, Sequence[DayHeld]]) -> Table:
    return Table(
        name="days",
        title="Each day as a table",
        columns=(DAY, NAME, ZONE, MARGIN_RATIO, FLOOR, MARGIN, REVENUE, COGS, CALLS, PER_CALL, THIN),
        rows=[
            {"day": held.day, "feature": name, **day_cells(held)}
            for name, days in of.items()
            for held in days
            if held.one.revenue_pico or held.one.cogs_pico or held.one.sums.calls
        ],
        empty="No whole day of the window has a call or revenue.",
        closed=True,
    )


def day_cells(held: DayHeld) -> dict[str, Value]:
    """The figures of one day of a feature."""
    one = held.one
    return {
        "zone": held.zone,
        "floor": held.floor,
        "revenue": usd_of(one.revenue_pico),
        "cogs": usd_of(one.cogs_pico) if one.cost_known else None,
        "margin_usd": usd_of(one.margin_pico) if one.cost_known else None,
        "margin_ratio": held.margin_ratio if one.cost_known else None,
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
