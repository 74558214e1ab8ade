"""The tables of a review as the page shows them: the figures of its own model, with their units. What a review says in words comes
from its own page (`reviews.weekly_page`, `reviews.quarterly_page`), section by section.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from floorline.reviews.model import WeeklyReview
from floorline.reviews.page import Section
from floorline.reviews.page import Table as PlainTable
from floorline.reviews.quarter_model import QuarterlyReview
from floorline.web.blocks import Column, Table, Unit, Value

Kind = WeeklyReview | QuarterlyReview


class _Line(NamedTuple):
    """A column: the name of a struct's field, its title, its unit, its word in the glossary."""

    name: str
    title: str
    unit: Unit = "text"
    definition: str = ""
    link: str = ""


_FEATURES = (
    _Line("feature", "Feature", link="/features/{named}"), _Line("zone", "Zone", "zone", "zone"), _Line("ratio", "Margin %", "percent", "margin_ratio"),
    _Line("ratio_before", "Week before", "percent", "margin_ratio"), _Line("floor", "Floor", "percent", "floor"), _Line("margin", "Margin", "usd", "margin"),
    _Line("revenue", "Revenue", "usd", "revenue"), _Line("cost", "Cost", "usd", "cogs"), _Line("short", "Short of its floor", "usd", "short_of_floor"),
    _Line("owner", "Owner"),
)  # fmt: skip
_TREND = (
    _Line("feature", "Feature"), _Line("week_0", "3 weeks ago", "percent", "margin_ratio"), _Line("week_1", "2 weeks ago", "percent", "margin_ratio"),
    _Line("week_2", "Last week", "percent", "margin_ratio"), _Line("week_3", "This week", "percent", "margin_ratio"), _Line("direction", "Trend", "text", "trend"),
    _Line("change", "Change", "points", "trend"), _Line("noise", "Noise", "points", "trend"),
)  # fmt: skip
_ALERTS = (
    _Line("subject", "Of", link="/alerts/{id}"), _Line("rule", "Rule"), _Line("state", "State", "text", "alert_state"), _Line("opened", "Opened", "instant"),
    _Line("answered", "Answered in", "hours", "response_time"), _Line("usd_a_month", "At stake a month", "usd", "at_stake"), _Line("overdue", "Overdue", "flag", "alert_deadline"),
)  # fmt: skip
_WATERFALL = (_Line("name", "Layer"), _Line("usd", "USD", "usd"))
_FLOORS = (
    _Line("feature", "Feature", link="/features/{named}"), _Line("zone", "Zone", "zone", "zone"), _Line("ratio", "Margin %", "percent", "margin_ratio"),
    _Line("floor", "Floor", "percent", "floor"), _Line("margin", "Margin", "usd", "margin"), _Line("revenue", "Revenue", "usd", "revenue"),
    _Line("cost", "Cost", "usd", "cogs"), _Line("weeks_below", "Weeks below", "count", "structural"), _Line("structural", "Structural", "flag", "structural"),
)  # fmt: skip
_MARKET = (
    _Line("name", "Figure"), _Line("feature", "Of"), _Line("market", "Market", "percent"), _Line("ours", "Ours", "percent"), _Line("floor", "Floor", "percent", "floor"),
    _Line("ahead", "Ahead", "points"), _Line("source", "Source"), _Line("date", "Date", "day"),
)  # fmt: skip
_PLANS = (
    _Line("plan", "Plan"), _Line("ratio", "Margin %", "percent", "margin_ratio"), _Line("revenue", "Revenue", "usd", "revenue"), _Line("cost", "Cost", "usd", "cogs"),
    _Line("customers", "Paying", "count"), _Line("under_water", "Under water", "count", "under_water"), _Line("p90_ratio", "At P90", "percent", "plan_p90"), _Line("price", "Price", "text", "price_rise"),
)  # fmt: skip
_MONTHS = (
    _Line("month", "Prices of", "day"),
    _Line("usd", "These tokens cost", "usd"),
    _Line("index", "Of the last month", "percent"),
)
_WINDFALLS = (
    _Line("model", "Price cut"), _Line("since", "Since", "day"), _Line("usd_a_month", "USD a month", "usd"), _Line("margin", "To margin", "usd"),
    _Line("price", "To price", "usd"), _Line("product", "To product", "usd"),
)  # fmt: skip
_VOLUME = (
    _Line("model", "Model"), _Line("calls", "Calls", "count", "calls"), _Line("cost", "Cost", "usd", "cogs"), _Line("share", "Share", "percent"), _Line("cached_share", "Cached", "percent"),
    _Line("in_p50", "In, P50", "tokens"), _Line("in_p95", "In, P95", "tokens"), _Line("out_p50", "Out, P50", "tokens"), _Line("out_p95", "Out, P95", "tokens"),
)  # fmt: skip
_HOSTING = (
    _Line("feature", "Feature"), _Line("model", "Model"), _Line("usd_a_month", "USD a month", "usd"), _Line("gpu_usd_a_month_max", "GPUs up to", "usd"),
    _Line("busy", "Busy", "percent"), _Line("verdict", "Verdict"),
)  # fmt: skip
_SHIPPED = (
    _Line("what", "Item", link="/backlog/{id}"), _Line("shipped", "Shipped", "day"), _Line("promised", "Promised", "usd", "promised"),
    _Line("realised", "Realised", "usd", "realised"), _Line("in_quarter", "In this quarter", "usd", "realised"),
)  # fmt: skip


_NAMED = Column(name="named", title="Feature's page", hidden=True)


def tables(review: Kind) -> Mapping[str, Table]:
    """The review's tables by the titles of its sections."""
    return _weekly(review) if isinstance(review, WeeklyReview) else _quarterly(review)


def plain(section: Section, number: int, name: str) -> list[Table]:
    """A section's own tables, whose cells are text, where `tables` has none of its title."""
    return [_plain(section, one, f"{name}-{number}-{at}") for at, one in enumerate(section.tables) if one.rows]


def _weekly(review: WeeklyReview) -> dict[str, Table]:
    features = [{**_row(line), "named": line.feature} for line in review.features]
    trend = [
        {**_row(line), **{f"week_{at}": ratio for at, ratio in enumerate(line.weeks)}}
        for line in review.features
        if line.weeks
    ]
    answered = [
        {**_row(one), "answered": _hours(one.minutes_to_acknowledge), "rule": one.rule.replace("_", " ")}
        for one in review.alerts
    ]
    waterfall = [{"name": one.name.replace("_", " "), "usd": one.usd} for one in review.waterfall]
    return {
        "Features against floors": _table("features", "Features against floors", _FEATURES, features, hidden=(_NAMED,)),
        "Four-week trend": _table("trend", "Four-week trend", _TREND, trend),
        "Alerts of the week": _table("alerts", "Alerts of the week", _ALERTS, answered, hidden=(Column(name="id", title="Id", hidden=True),)),
        "Unit economics": _economics(review),
        "From revenue to margin": _table("waterfall", "From revenue to margin", _WATERFALL, waterfall, totals=1),
    }  # fmt: skip


def _hours(minutes: int | None) -> Value:
    return None if minutes is None else Decimal(minutes) / 60


def _economics(review: WeeklyReview) -> Table:
    """Dollars and shares in one table: each has columns of its own in the downloads."""
    ratios = [line for line in review.economics if line.unit == "ratio"]
    rows = [
        {
            "label": line.label,
            "this": line.this_week,
            "last": line.last_week,
            "target": _target(line.at_least, line.target),
            "met": line.met,
        }
        for line in ratios
    ]
    money = [
        {"label": line.label, "this_usd": line.this_week, "last_usd": line.last_week, "target": ""}
        for line in review.economics
        if line.unit == "usd"
    ]
    columns = (
        _Line("label", "Figure"),
        _Line("this", "This week", "percent"),
        _Line("last", "Last week", "percent"),
        _Line("this_usd", "This week, USD", "usd"),
        _Line("last_usd", "Last week, USD", "usd"),
        _Line("target", "Target"),
        _Line("met", "Met", "flag", "target_met"),
    )
    return _table("economics", "Unit economics", columns, [*rows, *money])  # fmt: skip


def _target(at_least: bool, target: object) -> str:
    return "" if target is None else f"{'at least' if at_least else 'at most'} {target:.0%}"


def _quarterly(review: QuarterlyReview) -> dict[str, Table]:
    floors = [{**_row(line), "named": line.feature} for line in review.floors]
    months = _rows(review.price_months) if review.dated_share else []
    windfalls = [{**_row(one), "model": f"{one.provider}/{one.model}"} for one in review.windfalls]
    volume = [
        {
            **_row(one),
            "model": f"{one.provider}/{one.model}",
            **_of_tokens("in", one.input_p50_p95_p99),
            **_of_tokens("out", one.output_p50_p95_p99),
        }
        for one in review.volume
    ]
    shipped = _rows(review.shipped)
    total = [{"what": "total", "in_quarter": review.shipped_total}] if shipped else []
    found = {
        "Floors against targets": ("floors", _FLOORS, floors, 0),
        "Against the market": ("market", _MARKET, _rows(review.market), 0),
        "Plans to reprice, from 90 days": (
            "plans",
            _PLANS,
            [{**_row(one), "price": "as it is" if one.rise is None else f"+{one.rise:.0%}"} for one in review.plans],
            0,
        ),
        "Provider prices of twelve months on this quarter's calls": ("prices", _MONTHS, months, 0),
        "Windfalls of price cuts": ("windfalls", _WINDFALLS, windfalls, 0),
        "Models and tokens a call": ("volume", _VOLUME, volume, 0),
        "Workloads worth hosting": ("hosting", _HOSTING, _rows(review.hosting), 0),
        "What shipped actions brought": ("shipped", _SHIPPED, [*shipped, *total], len(total)),
    }
    return {title: _table(name, title, lines, rows, totals=totals, hidden=(_NAMED,) if lines is _FLOORS else ()) for title, (name, lines, rows, totals) in found.items()}  # fmt: skip


def _of_tokens(name: str, values: Sequence[int]) -> dict[str, Value]:
    return {f"{name}_{at}": value for at, value in zip(("p50", "p95"), values, strict=False)}


def _row(line: msgspec.Struct) -> dict[str, Value]:
    return {name: value for name, value in msgspec.structs.asdict(line).items() if not isinstance(value, tuple)}


def _rows(lines: Sequence[msgspec.Struct]) -> list[dict[str, Value]]:
    return [_row(line) for line in lines]


def _table(
    name: str, title: str, lines: Sequence[_Line], rows: Sequence[Mapping[str, Value]], *, totals: int = 0, hidden: Sequence[Column] = ()
) -> Table:  # fmt: skip
    columns = [
        Column(name=one.name, title=one.title, unit=one.unit, definition=one.definition, link=one.link) for one in lines
    ]
    names = {column.name for column in (*columns, *hidden)} | {"id"}
    shown = [{key: value for key, value in row.items() if key in names} for row in rows]
    return Table(
        name=name, title=title, columns=[*columns, *hidden], rows=shown, totals=totals if rows else 0, empty=""
    )


def _plain(section: Section, table: PlainTable, name: str) -> Table:
    return Table(
        name=name,
        title=section.title,
        columns=[
            Column(name=f"column_{at}", title=column.title.capitalize()) for at, column in enumerate(table.columns)
        ],
        rows=[{f"column_{at}": cell.text for at, cell in enumerate(row)} for row in table.rows],
        totals=1 if table.total else 0,
        empty=section.empty,
    )
