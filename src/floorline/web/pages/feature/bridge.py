"""Why a feature's margin changed between two windows: the bridge, the driver that took most, and what answers it."""

from collections.abc import Sequence

from msgspec.structs import replace

from floorline.charts.dollars import Amount, waterfall
from floorline.jobs.baselining import Baselines
from floorline.jobs.explaining import ExplainRequest, crossed_in, explained
from floorline.margin.bridge import LABELS, Bridge, Days, primary_driver
from floorline.margin.runbook import lever_for
from floorline.money import usd_of
from floorline.web.blocks import AnyBlock, Card, Cards, Chart, Column, Link, Note, Shown, Table, Text, Value
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.feature.frame import PATH, FeatureParams, about_feature, known, tabs
from floorline.web.pages.margin_cells import difference
from floorline.web.params import PREVIOUS, address
from floorline.web.view import View

BRIDGE = f"{PATH}/bridge"


def build(desk: Desk, params: FeatureParams) -> Shown:
    """The page. Without a comparison it is against as many days just before."""
    compared = params if params.against else replace(params, against=PREVIOUS)
    days, before = compared.window(desk.today), compared.before(desk.today)
    assert before is not None, "two windows are compared"
    known(desk, compared)
    bridge = _bridge(desk, compared, before, days)
    driver = primary_driver(bridge) if bridge else None
    lead = "" if bridge is None else driver.sentence if driver else "Nothing took margin."
    return Shown(
        title=f"{params.feature}: why it changed",
        lead=lead,
        about=about_feature(desk, compared),
        blocks=[tabs(params, "/bridge"), _windows(compared, days), *(_found(desk, bridge) if bridge else [_NOTHING])],
    )


_NOTHING = Note(
    name="nothing", kind="info", text="Neither window has a call or revenue of this feature: choose two others."
)


def _bridge(desk: Desk, params: FeatureParams, before: Days, after: Days) -> Bridge | None:
    try:
        request = ExplainRequest(by="feature", before=before, after=after, scope=params.scope)
    except ValueError as error:
        raise Refused(400, "invalid", f"{error}: let the window compared with end before the other begins") from error
    log = Baselines(desk.ledger, desk.policies).log(desk.now())
    found = explained(desk.margins, request, crossed_in(log))
    return next((row for row in found.rows if row.key == (params.feature,)), None)


def _windows(params: FeatureParams, days: Days) -> Note:
    """Which two windows are compared, and others that often are."""
    length = (days.end - days.start).days
    links = [
        Link(text=text, to=address(BRIDGE, replace(params, from_=None, days=number, against=PREVIOUS)))
        for number, text in ((7, "week on week"), (30, "30 days on 30 days"))
        if number != length
    ]
    text = (
        "Any two windows can be compared: choose the later one above, and put the earlier one into the address as "
        "against=2026-01-01..2026-01-08, its second day exclusive."
    )
    return Note(name="windows", kind="info", text=text, links=links)


def _found(desk: Desk, bridge: Bridge) -> list[AnyBlock]:
    return [
        *_driver(desk, bridge),
        Cards(name="change", cards=_cards(bridge)),
        *_parts(bridge),
        _crossings(bridge.crossings),
    ]


def _driver(desk: Desk, bridge: Bridge) -> list[Note]:
    driver = primary_driver(bridge)
    if driver is None:
        return []
    lever = lever_for(desk.policies, driver.part, driver.lever)
    text = f"{driver.sentence}. {lever}"
    return [Note(name="driver", title=f"The driver: {LABELS[driver.part]}", kind="warning", text=text)]


def _cards(bridge: Bridge) -> list[Card]:
    was, now = bridge.was, bridge.now
    change = difference(now.margin_ratio, was.margin_ratio)
    return [
        Card(name="change_usd", title="Change of margin", value=usd_of(bridge.change_pico), unit="usd", definition="change_usd"),
        Card(name="change_points", title="Change of margin %", value=change, unit="points", definition="change_points"),
        Card(name="margin_usd", title="Gross margin", value=usd_of(now.margin_pico), unit="usd", definition="margin",
             before=usd_of(was.margin_pico), compared=True, better="up"),
        Card(name="margin_ratio", title="Gross margin %", value=now.margin_ratio, unit="percent", definition="margin_ratio",
             before=was.margin_ratio, compared=True, better="up"),
        Card(name="revenue", title="Revenue", value=usd_of(now.revenue_pico), unit="usd", definition="revenue",
             before=usd_of(was.revenue_pico), compared=True, better="up"),
        Card(name="cogs", title="Cost", value=usd_of(now.cogs_pico), unit="usd", definition="cogs",
             before=usd_of(was.cogs_pico), compared=True, better="down"),
        Card(name="calls", title="Calls", value=now.calls, unit="count", definition="calls", before=was.calls, compared=True),
    ]  # fmt: skip


def _parts(bridge: Bridge) -> list[AnyBlock]:
    parts = bridge.parts
    chart = Chart(
        name="bridge",
        title="From the earlier margin to the later",
        said="Each bar is what one cause gave or took; together they are the whole change, to the last digit.",
        spec=waterfall(
            "From the earlier margin to the later",
            [Amount(LABELS[part], usd_of(pico)) for part, pico in parts.items()],
            start=Amount("margin before", usd_of(bridge.before_pico)),
            end="margin after",
        ),
        table="parts",
    )
    points = bridge.points
    rows: list[dict[str, Value]] = [
        {
            "part": LABELS[part],
            "usd": usd_of(pico),
            "points": points[part] if points else None,
            "moved": bridge.growth(part),
            **_leading(bridge.leading.get(part)),
        }
        for part, pico in parts.items()
        if pico
    ]
    total: dict[str, Value] = {
        "part": "change", "usd": usd_of(bridge.change_pico), "points": difference(bridge.now.margin_ratio, bridge.was.margin_ratio),
    }  # fmt: skip
    return [
        chart,
        Table(
            name="parts",
            title="What changed it",
            columns=(
                Column(name="part", title="Part", definition="bridge"),
                Column(name="usd", title="Dollars of margin", unit="usd", definition="bridge"),
                Column(name="points", title="Points of margin", unit="points", definition="change_points"),
                Column(name="moved", title="Moved by", unit="percent", definition="moved"),
                Column(name="leading", title="Most of it", definition="leading"),
                Column(name="leading_usd", title="Its part", unit="usd", definition="leading"),
            ),
            rows=[*rows, total],
            totals=1,
            empty="Nothing changed.",
        ),
    ]


def _leading(found: tuple[str, int] | None) -> dict[str, Value]:
    return {} if found is None else {"leading": found[0], "leading_usd": usd_of(found[1])}


def _crossings(said: Sequence[str]) -> AnyBlock:
    """The baselines that began between the windows: before and after them costs are not of one kind."""
    if not said:
        return Text(name="baselines", title="Baselines", paragraphs=["No baseline changed between the windows."])
    return Text(name="baselines", title="Baselines that began between the windows", paragraphs=list(said))


VIEWS = (
    View(path=BRIDGE, title="Why it changed", params=FeatureParams, build=build, said="The bridge of a feature's margin from one window to another"),
)  # fmt: skip
