"""Now: what calls cost in the last 24 hours beside what they earn, in steps of five minutes; it goes on while it is looked at."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from floorline.alerts.moments import CALLS_MIN
from floorline.charts.dollars import precise
from floorline.charts.live import cost_against_earning
from floorline.jobs.pulse import Slice
from floorline.web.blocks import About, AnyBlock, Cards, Chart, Charts, Column, Shown, Table, Text, Value
from floorline.web.desk import Desk
from floorline.web.live import CHARTS_MAX, Beat, NowParams, beat_of, cards, lead
from floorline.web.params import address
from floorline.web.view import View

FEATURES = (
    Column(name="feature", title="Feature"),
    Column(name="cost_per_call", title="Cost per call", unit="usd", definition="cost_per_call", thin="thin"),
    Column(name="earned_per_call", title="Earns per call", unit="usd", definition="earned_per_call"),
    Column(name="margin_per_call", title="Left per call", unit="usd", definition="margin_per_call"),
    Column(name="calls", title="Calls", unit="count", definition="calls"),
    Column(name="cost", title="Cost", unit="usd", definition="cost_of_calls"),
    Column(name="unpriced", title="Unpriced", unit="count", definition="unpriced"),
    Column(name="unusual", title="Marked", unit="count", definition="unusual_minutes"),
    Column(name="refused", title="Refused", unit="count", hidden=True),
    Column(name="hits", title="Cache hits", unit="count", hidden=True),
    Column(name="errors", title="Errors", unit="count", hidden=True),
    Column(name="named", title="Named", hidden=True),
    Column(name="thin", title="Thin", unit="flag", hidden=True),
)
MINUTES = (
    Column(name="at", title="From", unit="instant"),
    Column(name="feature", title="Feature"),
    Column(name="cost_per_call", title="Cost per call", unit="usd", definition="cost_per_call", thin="thin"),
    Column(name="calls", title="Calls", unit="count", definition="calls"),
    Column(name="cost", title="Cost", unit="usd", definition="cost_of_calls"),
    Column(name="unpriced", title="Unpriced", unit="count", definition="unpriced"),
    Column(name="refused", title="Refused", unit="count", definition="refused"),
    Column(name="hits", title="Cache hits", unit="count", definition="cache_hits"),
    Column(name="errors", title="Errors", unit="count", definition="errors"),
    Column(name="unusual", title="Marked", unit="flag", definition="unusual_minutes"),
    Column(name="thin", title="Thin", unit="flag", hidden=True),
)


def build(desk: Desk, params: NowParams) -> Shown:
    """The page."""
    beat = beat_of(desk, params.scope)
    blocks: list[AnyBlock] = [Cards(name="figures", cards=cards(beat))]
    if beat.charted:
        blocks += [Charts(name="features-now", charts=_charts(beat)), _words(beat)]
    return Shown(
        title="Now",
        lead=lead(beat),
        about=About(
            timezone=desk.ledger.timezone, as_of=beat.pulse.now, environment=params.environment, purpose=params.purpose,
            notes=_notes(beat),
        ),
        blocks=[*blocks, _features(beat, params), _minutes(beat)],
    )  # fmt: skip


def _notes(beat: Beat) -> list[str]:
    unpriced = sum(beat.pulse.total(feature).unpriced for feature in beat.features)
    return [f"{unpriced:,} calls of the last 24 hours have no known price: costs lack them."] if unpriced else []


def _words(beat: Beat) -> Text:
    """What the figures cover."""
    start = beat.pulse.shown_from.astimezone(beat.zone)
    said = (
        f"Costs are of the last 24 hours, from {start:%-d %b %H:%M} on, in steps of five minutes; the last step is still running.",
        "A red triangle marks five minutes in which a call cost far more than usual. The dashed line is what a call earns:",
        f"recognised revenue ÷ calls of {beat.earned.start:%-d %b} up to {beat.earned.end:%-d %b %Y}, exclusive. Charts are of the",
        f"named features that spend most, at most {CHARTS_MAX}; the table has every one.",
    )
    return Text(name="covers", paragraphs=[" ".join(said)])


def _charts(beat: Beat) -> list[Chart]:
    return [
        Chart(
            name=f"now-{number}",
            title=feature,
            said=_said(beat, feature),
            spec=cost_against_earning(feature, beat.moments(feature), beat.earned.of(feature)),
            table="minutes",
            live=feature,
        )
        for number, feature in enumerate(beat.charted, 1)
    ]


def _said(beat: Beat, feature: str) -> str:
    """What the chart shows, in a sentence."""
    cost, earned = beat.pulse.total(feature).cost_per_call, beat.earned.of(feature)
    earns = "what it earns is unknown" if earned is None else f"it earns {precise(earned)} (dashed)"
    marked = sum(point.reading == "unusual" for point in beat.points[feature])
    return f"A call cost {precise(cost)} on average; {earns}. Marked: {marked}."


def _features(beat: Beat, params: NowParams) -> Table:
    rows: list[Mapping[str, Value]] = []
    for feature in beat.features:
        sums, earned = beat.pulse.total(feature), beat.earned.of(feature)
        rows.append({
            "feature": feature or "(none)",
            **_figures(sums),
            "earned_per_call": earned,
            "margin_per_call": _left(earned, sums.cost_per_call),
            "unusual": sum(point.reading == "unusual" for point in beat.points[feature]),
            "named": feature or None,
        })  # fmt: skip
    return Table(
        name="features",
        title="Features in the last 24 hours",
        columns=[_linked(FEATURES[0], params), *FEATURES[1:]],
        rows=rows,
        empty="No call in the last 24 hours: gateways may be idle, or nothing reaches this ledger. Data quality says which.",
        sort="-cost",
    )


def _minutes(beat: Beat) -> Table:
    """Every five minutes with calls, the latest first."""
    rows: list[Mapping[str, Value]] = [
        {
            "at": point.at,
            "feature": feature or "(none)",
            **_figures(point.sums),
            "unusual": point.reading == "unusual",
        }
        for feature in beat.features
        for point in reversed(beat.points[feature])
        if point.sums.calls
    ]
    rows.sort(key=lambda row: row["at"], reverse=True)
    return Table(
        name="minutes", title="Every five minutes", columns=MINUTES, rows=rows, empty="No call in the last 24 hours.", sort="-at", closed=True
    )  # fmt: skip


def _figures(sums: Slice) -> dict[str, Value]:
    return {
        "cost_per_call": sums.cost_per_call,
        "calls": sums.calls,
        "cost": sums.usd,
        "unpriced": sums.unpriced,
        "refused": sums.refused,
        "hits": sums.hits,
        "errors": sums.errors,
        "thin": sums.priced < CALLS_MIN,
    }


def _left(earned: Decimal | None, cost: Decimal | None) -> Decimal | None:
    return None if earned is None or cost is None else earned - cost


def _linked(column: Column, params: NowParams) -> Column:
    """The column with a link to the latest calls of its feature."""
    return msgspec.structs.replace(column, link=f"{address('/calls', params, days=2)}&feature={{named}}")


VIEWS = (
    View(
        path="/now",
        title="Now",
        group="Margin",
        key="n",
        params=NowParams,
        build=build,
        said="Cost per call of each feature over the last 24 hours beside what a call earns, in steps of five minutes",
        fresh_s=3,
        scripts=("live.js",),
        windowed=False,
    ),
)
