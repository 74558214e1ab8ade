"""One feature: where its margin stands and what that demands, its days, what it is made of, and what a call costs over time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from floorline.alerts.model import KIND as ALERT
from floorline.alerts.model import Alert
from floorline.charts.dollars import Amount, CostPoint, Mark, cost_per_call, waterfall_down
from floorline.charts.margins import MarginPoint, margin_over_time
from floorline.jobs.baselining import Baselines
from floorline.jobs.making import makeup_of
from floorline.ledger.shelf import Shelf
from floorline.margin import waterfall as falls
from floorline.margin.baseline import Entry
from floorline.margin.bridge import Days
from floorline.margin.changelog import crossings, what_changed
from floorline.margin.floors import Floor, exception_sentence, feature_floor, ratio_percent
from floorline.margin.makeup import Makeup
from floorline.margin.metrics import Figures
from floorline.margin.policy import Hosting
from floorline.margin.runbook import NOBODY, owner_of, response_for
from floorline.margin.series import Series
from floorline.web.blocks import AnyBlock, Card, Cards, Chart, Column, Facts, Link, Note, Shown, Table, Value
from floorline.web.desk import Desk
from floorline.web.figures import dollars
from floorline.web.pages.feature.frame import PATH, FeatureParams, about_feature, feature_row, request_of, tabs
from floorline.web.pages.features import DAY, day_cells, days_held, days_of, percent_said, table_and_days
from floorline.web.pages.margin_cells import (
    CALLS,
    COGS,
    FLOOR,
    MARGIN,
    MARGIN_RATIO,
    P95,
    PER_CALL,
    REVENUE,
    THIN,
    ZONE,
    margin_cards,
    row_of,
    short_month,
)
from floorline.web.params import address
from floorline.web.view import View

MARKS_MAX = 6
"""Baselines that are named in the chart, the latest; the table has every one."""

_LABEL_MAX = 34


def build(desk: Desk, params: FeatureParams) -> Shown:
    """The page."""
    days, before = params.window(desk.today), params.before(desk.today)
    margins = desk.margins
    report, series = table_and_days(margins, request_of(params, days, with_p95=True, with_kinds=True), desk.today)
    row = feature_row(desk, params, report)
    earlier = None if before is None else margins.table(request_of(params, before, with_p95=True))
    made = makeup_of(desk.ledger, desk.policies, params.feature, days.start, days.end, params.scope)
    log = Baselines(desk.ledger, desk.policies).log(desk.now())
    crossed = crossings(log, params.feature, days.start, days.end)
    floor = feature_floor(desk.policies, params.feature, days.end - timedelta(days=1))
    blocks: list[AnyBlock] = [
        tabs(params, ""),
        *_demands(desk, params, row),
        Cards(name="figures", cards=margin_cards(row, row_of(earlier, params.feature))),
        Facts(name="held", title="What it is held to", facts=_held(desk, params.feature, floor)),
        *_margins(desk, params, series, floor),
        *_waterfall(params, row),
        *_cost(made, series, params.feature, crossed),
        _baselines(crossed),
        _alerts(desk, params.feature),
    ]
    return Shown(
        title=params.feature,
        lead=_lead(row, days),
        about=about_feature(desk, params, report),
        blocks=blocks,
    )


def _lead(row: Figures, days: Days) -> str:
    if row.margin_ratio is None or not row.cost_known or row.floor is None:
        return ""
    kept = (
        f"It keeps {percent_said(row.margin_ratio)} of what it earns, {dollars(row.margin)} of {dollars(row.revenue)}"
    )
    lacks = short_month(row, days)
    short = f": {dollars(lacks)} a month short of its floor" if lacks else ""
    return f"{kept}{short}."


def _demands(desk: Desk, params: FeatureParams, row: Figures) -> list[Note]:
    """What the runbook demands of its zone, and what is to be said of its floor."""
    found: list[Note] = []
    response = response_for(desk.policies, params.feature, row.zone)
    if response is not None:
        owner = response.owner or NOBODY
        text = f"{owner} answers within {response.within_hours} h: {response.action}."
        links = [
            Link(text="Why it changed", to=address(f"{PATH}/bridge", params)),
            Link(text="Open alerts", to="#alerts"),
            Link(text="What would raise it", to="/backlog"),
        ]
        kind = "wrong" if row.zone == "red" else "warning"
        found.append(Note(name="demand", title="What this zone demands", kind=kind, text=text, links=links))
    if row.held_to is not None and (said := exception_sentence(row.held_to)):
        found.append(Note(name="exception", kind="warning", text=said))
    return found


def _held(desk: Desk, feature: str, floor: Floor) -> list[Card]:
    policy = desk.policies.feature(feature)
    origin = {
        "stated": "stated for this feature",
        "role": f"of its role, {policy.role}",
        "hosting": f"of its hosting, {_hosting(policy.hosting)}",
        "exception": "by exception",
    }
    return [
        Card(name="floor", title="Floor", value=floor.ratio, unit="percent", definition="floor", note=origin[floor.origin]),
        Card(name="band", title="Near the floor up to", value=floor.ratio + floor.band, unit="percent", definition="zone"),
        Card(name="role", title="Role", value=policy.role, unit="text", definition="role"),
        Card(name="hosting", title="Hosting", value=_hosting(policy.hosting), unit="text", definition="hosting"),
        Card(name="owner", title="Owner", value=owner_of(desk.policies, feature) or NOBODY, unit="text", definition="owner"),
    ]  # fmt: skip


def _hosting(hosting: Hosting) -> str:
    return hosting.replace("_", " ")


def _margins(desk: Desk, params: FeatureParams, series: Series, floor: Floor) -> list[AnyBlock]:
    days = days_held(desk.policies, series, params.feature)
    if not days:
        return []
    known = [MarginPoint(held.day, held.margin_ratio if held.one.cost_known else None) for held in days]
    return [
        Chart(
            name="margin",
            title="Margin of each day against its floor",
            said=f"The margin of {params.feature} day by day, over the zones that its floor of {ratio_percent(floor.ratio)} makes.",
            spec=margin_over_time("Margin", known, floor=floor.ratio, band=floor.band),
            table="days",
        ),
        Table(
            name="days",
            title="Each day as a table",
            columns=(DAY, ZONE, MARGIN_RATIO, FLOOR, MARGIN, REVENUE, COGS, CALLS, PER_CALL, THIN),
            rows=[{"day": held.day, **day_cells(held)} for held in days],
            empty="No whole day of the window is over.",
            closed=True,
        ),
    ]


def _waterfall(params: FeatureParams, row: Figures) -> list[AnyBlock]:
    found = falls.waterfall(row)
    kinds: Mapping[str, str] = {"revenue": "revenue", "cost": "cost", "sum": "sum"}
    rows: list[dict[str, Value]] = [
        {"step": step.name.replace("_", " "), "kind": kinds[step.kind], "usd": step.usd, "share": found.share(step)}
        if row.cost_known or step.name != falls.MARGIN
        else {"step": step.name, "kind": kinds[step.kind], "usd": None, "share": None}
        for step in found.steps
    ]
    parts = [Amount(step.name, step.usd) for step in found.steps if step.kind == "cost"]
    start = Amount(falls.REVENUE, row.revenue)
    chart = Chart(
        name="fall",
        title="From revenue to margin",
        said=f"What came in for {params.feature}, and what each component of cost took of it.",
        spec=waterfall_down("From revenue to margin", parts, start=start, end=falls.MARGIN),
        table="waterfall",
    )
    table = Table(
        name="waterfall",
        title="From revenue to margin, as a table",
        columns=(
            Column(name="step", title="Step"),
            Column(name="kind", title="Kind"),
            Column(name="usd", title="Amount", unit="usd", definition="component"),
            Column(name="share", title="Of revenue", unit="percent", definition="of_revenue"),
        ),
        rows=rows if row.revenue_pico or row.cogs_pico else [],
        empty="Nothing came in and nothing was spent.",
        closed=True,
    )
    return [*([chart] if row.cost_known and (parts or row.revenue_pico) else []), table]


def _cost(made: Makeup, series: Series, feature: str, crossed: Sequence[Entry]) -> list[AnyBlock]:
    points = days_of(series, (feature,))
    p95 = made.p95_by_day
    rows: list[dict[str, Value]] = [
        {
            "day": day,
            "cost_per_call_mean": one.cost_per_call,
            "cost_per_call_p95": p95.get(day),
            "calls": one.sums.calls,
        }
        for day, one in points
        if one.sums.calls
    ]
    if not rows:
        return []
    marks = [Mark(entry.start, _short(what_changed(entry))) for entry in crossed[-MARKS_MAX:]]
    means = [CostPoint(day, one.cost_per_call) for day, one in points]
    tails = [CostPoint(day, p95.get(day)) for day, _ in points]
    changes = (
        f"{len(crossed)} changes of its baselines are marked where they began" if crossed else "no baseline changed"
    )
    return [
        Chart(
            name="per_call",
            title="What a call costs",
            said=f"The mean cost of a call day by day, and its 95th percentile as a thin line; {changes}.",
            spec=cost_per_call("What a call costs", means, marks=marks, p95=tails),
            table="costs",
        ),
        Table(
            name="costs",
            title="What a call costs, as a table",
            columns=(DAY, PER_CALL, P95, CALLS),
            rows=rows,
            empty="No call in these days.",
            note="P95 of a day is within 1 %: it is that of a histogram.",
            closed=True,
        ),
    ]


def _short(text: str) -> str:
    return text if len(text) <= _LABEL_MAX else f"{text[: _LABEL_MAX - 1]}…"


def _baselines(crossed: Sequence[Entry]) -> Table:
    return Table(
        name="baselines",
        title="Baselines that began in these days",
        columns=(
            Column(name="from", title="From", unit="day", definition="baseline"),
            Column(name="step", title="Step"),
            Column(name="changed", title="What changed"),
            Column(name="source", title="Known from"),
            Column(name="before", title="Cost per call before", unit="usd", definition="cost_per_call"),
            Column(name="after", title="After", unit="usd", definition="cost_per_call"),
            Column(name="growth", title="Change", unit="percent", definition="baseline_effect"),
            Column(name="usd_a_month", title="A month", unit="usd", definition="baseline_effect"),
        ),
        rows=[_baseline(entry) for entry in reversed(crossed)],
        empty="No model, prompt or route changed in these days: costs before and after any day of them are of one kind.",
    )


def _baseline(entry: Entry) -> dict[str, Value]:
    place, effect = entry.place, entry.effect
    where = "/".join(name for name in (place.workflow, place.step, place.call_type) if name) or "every step"
    return {
        "from": entry.start,
        "step": where,
        "changed": what_changed(entry),
        "source": f"declared by {entry.by}"
        if entry.declared and entry.by
        else "declared"
        if entry.declared
        else "traffic",
        "before": None if effect is None else effect.cost_per_call_before,
        "after": None if effect is None else effect.cost_per_call_after,
        "growth": None if effect is None else effect.cost_growth,
        "usd_a_month": None if effect is None else effect.usd_a_month,
    }


def _alerts(desk: Desk, feature: str) -> Table:
    found = [
        alert
        for alert in Shelf(desk.state, ALERT, Alert).all().values()
        if alert.active and alert.subject_kind == "feature" and alert.subject == feature
    ]
    found.sort(key=lambda alert: (alert.at_stake_usd is None, -(alert.at_stake_usd or Decimal(0)), alert.id))
    return Table(
        name="alerts",
        title="Open alerts",
        columns=(
            Column(name="rule", title="Alert", link="/alerts/{id}"),
            Column(name="state", title="State"),
            Column(name="since", title="Since", unit="instant"),
            Column(name="driver", title="Driver", definition="driver"),
            Column(name="lever", title="What to do", definition="lever"),
            Column(name="usd_a_month", title="At stake a month", unit="usd", definition="at_stake"),
            Column(name="owner", title="Owner", definition="owner"),
            Column(name="by", title="Answer by", unit="instant"),
            Column(name="id", title="Id", hidden=True),
        ),
        rows=[
            {
                "id": alert.id,
                "rule": alert.rule.replace("_", " "),
                "state": alert.state,
                "since": alert.fired_at,
                "driver": alert.driver_text,
                "lever": alert.lever,
                "usd_a_month": alert.at_stake_usd,
                "owner": alert.answerable or NOBODY,
                "by": alert.deadline,
            }
            for alert in found
        ],
        empty="Nothing of this feature waits for an answer.",
    )


VIEWS = (
    View(path=PATH, title="Feature", params=FeatureParams, build=build, said="One feature: margin, waterfall, cost of a call over time, alerts"),
)  # fmt: skip
