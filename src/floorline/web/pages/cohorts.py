"""Cohorts and plans: weekly margins of groups of customers with the mean of four weeks, and how much customers use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from floorline.charts.cohorts import GROUPS_MAX, Week, token_spread, weekly_margins
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.one_customer import user_tokens
from floorline.jobs.stretches import Cut, stretches
from floorline.margin.bridge import Days
from floorline.margin.customers import CALLS_MIN
from floorline.margin.dimensions import Dimension
from floorline.margin.intensity import (
    BAND_NAMES,
    BAND_PERCENTS,
    IDLE,
    SAMPLE_MIN,
    SPREAD_PERCENTS,
    TOP_PERCENTS,
    UNNAMED,
    Bands,
    bands_of,
    bins_of,
    marks_of,
    top_of,
)
from floorline.margin.series import Stretch
from floorline.margin.table import NAMELESS, Key, MarginReport
from floorline.margin.weekly import TRAILING_WEEKS, WeekMargin, by_group, summed, trailing, whole_weeks
from floorline.margin.words import counted, percent
from floorline.money import usd_of
from floorline.web.abouts import about
from floorline.web.blocks import Card, Cards, Chart, Column, Link, Shown, Table, Tabs, Value
from floorline.web.desk import Desk
from floorline.web.params import Window, address
from floorline.web.view import View

PATH = "/cohorts"
DEFAULT_DAYS = 91
"""Thirteen weeks: ten means of four."""

WEEKS_MAX = 53
"""Weeks that are shown at most, the latest."""

By = Literal["plan", "segment", "cohort", "band"]
Per = Literal["customer", "user"]
_BY: Mapping[By, tuple[str, str]] = {
    "plan": ("Plan", "main_plan"), "segment": ("Segment", "segment"), "cohort": ("Sign-up cohort", "cohort"), "band": ("Band of use", "band"),
}  # fmt: skip
_ORDER = (*BAND_NAMES, IDLE, UNNAMED)


class CohortsParams(Window, frozen=True, kw_only=True):
    """How customers are grouped, and whose tokens are spread out."""

    by: Annotated[By, msgspec.Meta(description="group customers by plan, segment, sign-up cohort, or band of use")] = "plan"  # fmt: skip
    per: Annotated[Per, msgspec.Meta(description="spread the tokens of customers, or of users")] = "customer"

    def window(self, today: date) -> Days:
        """The days asked for: thirteen weeks when nothing says how many."""
        given = self if self.from_ is not None or self.days is not None else replace(self, days=DEFAULT_DAYS)
        return Window.window(given, today)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Tokens and cost (10^-12 USD) of customers or users, of one place the same one's."""

    tokens: Sequence[int]
    costs: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group over the whole weeks: its weeks, and all of them together."""

    name: str
    weeks: Sequence[WeekMargin]
    whole: Stretch


def build(desk: Desk, params: CohortsParams) -> Shown:
    """The page."""
    margins, days = desk.margins.once(), params.window(desk.today)
    report = margins.table(
        MarginRequest(by=("customer",), start=days.start, end=days.end, scope=params.scope, with_p95=False)
    )
    tokens = {
        row.key[0]: row.sums.input_tokens + row.sums.output_tokens
        for row in report.rows
        if NAMELESS.isdisjoint(row.key)
    }
    bands = bands_of(tokens.values())
    weeks = whole_weeks(days.start, min(days.end, desk.today))[-WEEKS_MAX:]
    dimension: Dimension = "customer" if params.by == "band" else params.by
    rows = stretches(margins, dimension, params.scope, weeks)
    groups = _groups(rows, weeks, _grouping(params.by, bands, tokens))
    use = _use(margins, report, days, params)
    return Shown(
        title="Cohorts and plans",
        lead=_lead(groups),
        about=about(params, desk.today, desk.now(), desk.ledger.timezone, report=report, notes=_notes(weeks, bands, params)),
        blocks=[
            _tabs(params),
            *_chart(groups, params),
            _group_table(groups, bands, tokens, params),
            _week_table(groups, params),
            _per_tabs(params),
            *_spread(use, params),
        ],
    )  # fmt: skip


def _grouping(by: By, bands: Bands, tokens: Mapping[str, int]) -> Callable[[Key], str]:
    """The group of a row; a customer's band is by its tokens in the whole window, whichever week it is."""
    if by != "band":
        return lambda key: key[0]
    return lambda key: UNNAMED if key[0] in NAMELESS else bands.band(tokens.get(key[0], 0))


def _groups(rows: Mapping[Key, Sequence[Stretch]], weeks: Sequence[Cut], group: Callable[[Key], str]) -> list[Group]:
    """The groups, bands in their order, others by revenue."""
    starts = [start for start, _ in weeks]
    found = [
        Group(name=name, weeks=trailing(own, starts), whole=summed(own)) for name, own in by_group(rows, group).items()
    ]
    return sorted(found, key=_rank)


def _rank(group: Group) -> tuple[int, int, str]:
    place = _ORDER.index(group.name) if group.name in _ORDER else -1
    return (place, -group.whole.revenue_pico, group.name)


def _use(margins: Margins, report: MarginReport, days: Days, params: CohortsParams) -> Use:
    if params.per == "user":
        users = user_tokens(margins, days.start, days.end, params.scope)
        return Use(tokens=users.tokens, costs=users.cost)
    named = [row for row in report.rows if NAMELESS.isdisjoint(row.key)]
    return Use(
        tokens=[row.sums.input_tokens + row.sums.output_tokens for row in named],
        costs=[row.sums.effective for row in named],
    )


# -- weeks


def _lead(groups: Sequence[Group]) -> str:
    known = [(one.weeks[-1].trailing_ratio, one.name) for one in groups if one.weeks]
    least = min([(ratio, name) for ratio, name in known if ratio is not None], default=None)
    if least is None:
        return "No group has a mean of four weeks with revenue yet."
    return f"Lowest over the last four whole weeks: {least[1]} with {percent(least[0])}."


def _notes(weeks: Sequence[Cut], bands: Bands, params: CohortsParams) -> list[str]:
    notes: list[str] = []
    if len(weeks) == WEEKS_MAX:
        notes.append(f"The last {WEEKS_MAX} whole weeks of the window are shown.")
    if len(weeks) < TRAILING_WEEKS:
        notes.append(
            f"The window holds {counted(len(weeks), 'whole week')}: the mean of {TRAILING_WEEKS} weeks is unknown."
        )
    if params.by == "band" and bands.of < SAMPLE_MIN:
        notes.append(f"Bands are made of {counted(bands.of, 'customer')}: a thin sample.")
    return notes  # fmt: skip


def _tabs(params: CohortsParams) -> Tabs:
    links = [
        Link(text=title, to=address(PATH, params, by=by, sort=None, page=None), current=params.by == by)
        for by, (title, _) in _BY.items()
    ]
    return Tabs(name="groupings", title="Group by", links=links)


def _chart(groups: Sequence[Group], params: CohortsParams) -> list[Chart]:
    """None where no group has a margin."""
    word = _BY[params.by][0].lower()
    paying = [one for one in groups if one.whole.revenue_pico > 0]
    drawn = {
        one.name: [Week(week.start, week.ratio, week.trailing_ratio) for week in one.weeks]
        for one in paying[:GROUPS_MAX]
    }
    if not any(week.margin is not None for weeks in drawn.values() for week in weeks):
        return []
    left_out = f" The {GROUPS_MAX} with most revenue of {len(paying)} are drawn." if len(paying) > GROUPS_MAX else ""
    made = Chart(
        name="weekly",
        title=f"Weekly margin by {word}",
        said=f"Each {word}'s gross margin: a line for the mean of the last {TRAILING_WEEKS} weeks (sums of both sides, so that large weeks"
        f" count more), unknown until it has {TRAILING_WEEKS}, and a circle for each single week. Margins below −100 % stand at the"
        f" lower edge. Groups without revenue have no margin.{left_out}",
        spec=weekly_margins(f"Weekly margin by {word}", drawn),
        table="weeks",
    )  # fmt: skip
    return [made]


_FIGURES = (
    Column(name="revenue", title="Revenue", unit="usd", definition="revenue"),
    Column(name="cogs", title="Cost", unit="usd", definition="cogs"),
    Column(name="margin_usd", title="Margin", unit="usd", definition="margin"),
    Column(name="margin_ratio", title="Margin %", unit="percent", definition="margin_ratio", thin="thin"),
    Column(name="trailing", title="Mean of 4 weeks", unit="percent", definition="trailing_mean"),
)
_CALLS = (
    Column(name="calls", title="Calls", unit="count", definition="calls"),
    Column(name="unpriced_calls", title="Unpriced", unit="count", definition="unpriced"),
    Column(name="thin", title="Thin", unit="flag", hidden=True),
)


def _group_table(groups: Sequence[Group], bands: Bands, tokens: Mapping[str, int], params: CohortsParams) -> Table:
    title, definition = _BY[params.by]
    banded = params.by == "band"
    counts: dict[str, int] = {}
    for used in tokens.values():
        counts[bands.band(used)] = counts.get(bands.band(used), 0) + 1
    own = (
        Column(name="tokens_to", title="Tokens", definition="band_tokens"),
        Column(name="customers", title="Customers", unit="count", definition="band_customers"),
    )
    rows = [
        {
            "group": one.name, **_figures(one.whole), "trailing": one.weeks[-1].trailing_ratio if one.weeks else None,
            **({"tokens_to": _bounds(one.name, bands), "customers": counts.get(one.name, 0)} if banded and one.name != UNNAMED else {}),
        }
        for one in groups
    ]  # fmt: skip
    whole = summed(one.whole for one in groups)
    return Table(
        name="groups",
        title=f"By {title.lower()}, all whole weeks together",
        columns=(
            Column(name="group", title=title, definition=definition),
            *(own if banded else ()),
            *_FIGURES,
            *_CALLS,
        ),
        rows=[*rows, {"group": "total", **_figures(whole)}] if rows else [],
        totals=1,
        empty="No call and no revenue in the whole weeks of this window.",
        note=f"thin: fewer than {CALLS_MIN} calls.",
    )


def _bounds(name: str, bands: Bands) -> str:
    """Which use makes the band."""
    if name == IDLE or not bands.ends:
        return "none"
    at = BAND_NAMES.index(name)
    if at == 0:
        return f"up to {bands.ends[0]:,} (P{BAND_PERCENTS[0]})"
    if at == len(bands.ends):
        return f"above {bands.ends[-1]:,} (P{BAND_PERCENTS[-1]})"
    return f"above {bands.ends[at - 1]:,} up to {bands.ends[at]:,} (P{BAND_PERCENTS[at]})"


def _week_table(groups: Sequence[Group], params: CohortsParams) -> Table:
    title, definition = _BY[params.by]
    return Table(
        name="weeks",
        title="Every week",
        columns=(
            Column(name="group", title=title, definition=definition),
            Column(name="week", title="Week from", unit="day", definition="week"),
            *_FIGURES,
            *_CALLS,
        ),
        rows=[
            {"group": one.name, "week": week.start, **_figures(week.week), "trailing": week.trailing_ratio}
            for one in groups
            for week in one.weeks
        ],
        empty="The window holds no whole week.",
        closed=bool(groups),
    )


def _figures(of: Stretch) -> dict[str, Value]:
    known = bool(of.cogs_pico) or of.sums.calls == 0 or of.sums.calls > of.sums.unpriced
    return {
        "revenue": usd_of(of.revenue_pico),
        "cogs": usd_of(of.cogs_pico) if known else None,
        "margin_usd": usd_of(of.margin_pico) if known else None,
        "margin_ratio": of.margin_ratio if known else None,
        "calls": of.sums.calls,
        "unpriced_calls": of.sums.unpriced,
        "thin": of.sums.calls < CALLS_MIN,
    }


# -- how much they use


def _per_tabs(params: CohortsParams) -> Tabs:
    links = [
        Link(text=f"Tokens of {per}s", to=f"{address(PATH, params, per=per, sort=None, page=None)}#spread", current=params.per == per)
        for per in ("customer", "user")
    ]  # fmt: skip
    return Tabs(name="whose", title="Whose tokens", links=links)


def _spread(use: Use, params: CohortsParams) -> list[Cards | Chart | Table]:
    marks, whose = marks_of(use.tokens), f"{params.per}s"
    used = sum(one > 0 for one in use.tokens)
    tops = [top_of(use.costs, one) for one in TOP_PERCENTS]
    thin = used < SAMPLE_MIN
    cards = [
        Card(name="used", title=f"{whose.title()} with tokens", value=used, unit="count", definition="with_tokens", note=f"of {len(use.tokens):,}"),
        *(Card(name=f"p{mark.percent}", title=f"P{mark.percent}", value=mark.tokens, unit="tokens", definition="token_percentile", thin=thin) for mark in marks),
        Card(name="top", title=f"Dearest {TOP_PERCENTS[1]} %", value=tops[1].share, unit="percent", definition="dearest_share", thin=thin, note=f"of the calls' cost, {tops[1].count:,} of {tops[1].of:,}"),
    ]  # fmt: skip
    drawn = Chart(
        name="spread",
        title=f"Tokens a {params.per}",
        said=f"How many {whose} used how many tokens in the window, on an axis of logarithms, with"
        f" {', '.join(f'P{one}' for one in SPREAD_PERCENTS)} by nearest rank of the {used:,} that used any.",
        spec=token_spread(f"Tokens a {params.per}", bins_of(use.tokens), marks, of=whose),
        table="bins",
    )
    return [
        Cards(name="use", title=f"How much {whose} use", cards=cards),
        *((drawn,) if used else ()),
        Table(
            name="bins",
            title=f"How many {whose} used how many tokens",
            columns=(
                Column(name="from", title="Tokens from", unit="count"),
                Column(name="to", title="to below", unit="count"),
                Column(name="holds", title=whose.title(), unit="count"),
            ),
            rows=[{"from": one.low, "to": one.high, "holds": one.holds} for one in bins_of(use.tokens)],
            empty=f"No {params.per} used a token in these days.",
            closed=used > 0,
        ),
        Table(
            name="tops",
            title="How few make up how much of the cost",
            columns=(
                Column(name="percent", title="The dearest", definition="dearest_share"),
                Column(name="count", title=whose.title(), unit="count"),
                Column(name="cost", title="Cost of calls", unit="usd", definition="call_cost"),
                Column(name="share", title="Of it all", unit="percent", definition="dearest_share"),
            ),
            rows=[
                {"percent": f"{one.percent} %", "count": one.count, "cost": usd_of(one.cost_pico), "share": one.share}
                for one in tops
                if one.of
            ],
            empty="Nothing has a cost in these days.",
        ),
    ]  # fmt: skip


VIEWS = (
    View(
        path=PATH,
        title="Cohorts and plans",
        group="Margin",
        key="o",
        params=CohortsParams,
        build=build,
        said="Weekly margins by plan, segment, sign-up cohort and band of use, and how many tokens customers use",
    ),
)
