"""Why a feature's margin changed between two windows: the bridge, the driver that took most, and what answers it."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from floorline.charts.dollars import Amount, waterfall_down
from floorline.jobs.baselining import Baselines
from floorline.jobs.explaining import ExplainRequest, crossed_in, explained
from floorline.margin.bridge import LABELS, Bridge, Days, Part, primary_driver
from floorline.margin.runbook import lever_for
from floorline.money import usd_of
from floorline.web.blocks import AnyBlock, Card, Cards, Chart, Column, Field, Form, Note, Shown, Table, Text, Value
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.feature.frame import PATH, FeatureParams, about_feature, known, tabs
from floorline.web.pages.margin_cells import difference
from floorline.web.params import PREVIOUS, address
from floorline.web.view import View

BRIDGE = f"{PATH}/bridge"
SEEN_PARTS = 500
"""A part of which the largest is more than so many is no bar of its own."""


def build(desk: Desk, params: FeatureParams) -> Shown:
    """The page. Without a comparison it is against as many days just before."""
    compared = params if params.against else replace(params, against=PREVIOUS)
    days, before = compared.window(desk.today), compared.before(desk.today)
    assert before is not None, "two windows are compared"
    bridge = _bridge(desk, compared, before, days)
    if bridge is None or not any(bridge.now):
        known(desk, compared)
    driver = primary_driver(bridge) if bridge else None
    lead = "" if bridge is None else _sentence(driver.sentence) if driver else "Nothing took margin."
    return Shown(
        title=f"{params.feature}: why it changed",
        lead=lead,
        about=about_feature(desk, compared),
        blocks=[
            tabs(params, "/bridge"),
            _windows(compared, before, days),
            *(_found(desk, bridge) if bridge else [_NOTHING]),
        ],
    )


_NOTHING = Note(
    name="nothing", kind="info", text="Neither window has a call or revenue of this feature: choose two others."
)


def _bridge(desk: Desk, params: FeatureParams, before: Days, after: Days) -> Bridge | None:
    try:
        request = ExplainRequest(by="feature", before=before, after=after, scope=params.scope, only=params.feature)
    except ValueError as error:
        raise Refused(400, "invalid", f"{error}: let the window compared with end before the other begins") from error
    log = Baselines(desk.ledger, desk.policies).log(desk.now())
    found = explained(desk.margins, request, crossed_in(log))
    return next((row for row in found.rows if row.key == (params.feature,)), None)


def _windows(params: FeatureParams, before: Days, after: Days) -> Form:
    """Any two windows: the earlier one as two days, which the picker above has no fields for."""
    hidden = {"environment": params.environment, "purpose": params.purpose}
    fields = [
        Field(
            name="against",
            label="Earlier window",
            value=f"{before.start}..{before.end}",
            help="two days, the second exclusive",
        ),
        Field(name="from", label="Later window from", kind="date", value=str(after.start)),
        Field(name="to", label="to, exclusive", kind="date", value=str(after.end)),
        *(
            Field(name=name, label="", kind="hidden", value=value)
            for name, value in hidden.items()
            if value != "production"
        ),
    ]
    action = address(BRIDGE, None, feature=params.feature)
    return Form(name="windows", title="Compare any two windows", action=action, submit="Compare", fields=fields, rule="viewer", method="get")  # fmt: skip


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
    text = f"{_sentence(driver.sentence)} {lever}"
    return [Note(name="driver", title=f"The driver: {LABELS[driver.part]}", kind="warning", text=text)]


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


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
        title="What each cause did to the margin",
        said="Each bar is what one cause gave (green, to the right) or took (red, to the left); the last is all of them together.",
        spec=waterfall_down("What each cause did to the margin", _seen(parts), end="change"),
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
        *([chart] if rows else []),
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


def _seen(parts: Mapping[Part, int]) -> list[Amount]:
    """The parts that a bar can show, and the others together."""
    largest = max(abs(pico) for pico in parts.values())
    seen: list[tuple[Part, int]] = [
        (part, pico) for part, pico in parts.items() if pico and abs(pico) * SEEN_PARTS >= largest
    ]
    rest = sum(parts.values()) - sum(pico for _, pico in seen)
    return [*(Amount(LABELS[part], usd_of(pico)) for part, pico in seen), Amount("all others", usd_of(rest))]


def _leading(found: tuple[str, int] | None) -> dict[str, Value]:
    return {} if found is None else {"leading": found[0], "leading_usd": usd_of(found[1])}


def _crossings(said: Sequence[str]) -> AnyBlock:
    """The baselines that began between the windows: before and after them costs are not of one kind."""
    if not said:
        return Text(name="baselines", title="Baselines", paragraphs=["No baseline changed between the windows."])
    return Text(name="baselines", title="Baselines that began between the windows", paragraphs=list(said))


FRESH_S = 60
"""A bridge goes through every customer's calls of both windows: it is made again once a minute at most."""

VIEWS = (
    View(
        path=BRIDGE,
        title="Why it changed",
        params=FeatureParams,
        build=build,
        fresh_s=FRESH_S,
        said="The bridge of a feature's margin from one window to another",
    ),
)
