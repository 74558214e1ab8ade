"""A feature's cost map: what each component costs, per call and per outcome, hidden costs included."""

from decimal import Decimal

from floorline.charts.dollars import Amount, amounts
from floorline.jobs.costmap import cost_map_of
from floorline.jobs.margins import MarginRequest
from floorline.margin.costmap import HIDDEN, Cell, CostMap, MapRow
from floorline.money import usd_of
from floorline.web.blocks import AnyBlock, Card, Cards, Chart, Column, Shown, Table, Value
from floorline.web.desk import Desk
from floorline.web.pages.feature.frame import PATH, FeatureParams, about_feature, known, tabs
from floorline.web.view import View


def build(desk: Desk, params: FeatureParams) -> Shown:
    """The page."""
    days = params.window(desk.today)
    found = cost_map_of(
        desk.margins, MarginRequest(by=("feature",), start=days.start, end=days.end, scope=params.scope)
    )
    row = next((one for one in found.rows if one.key == (params.feature,)), None)
    if row is None:
        known(desk, params)
    return Shown(
        title=f"{params.feature}: cost map",
        lead="" if row is None else _lead(row),
        about=about_feature(desk, params, found.report),
        blocks=[tabs(params, "/costs"), *(_blocks(found, row) if row else [_components(None, "")])],
    )


def _lead(row: MapRow) -> str:
    cogs = row.figures.cogs_pico
    if not row.hidden_pico or cogs <= 0:
        return ""
    share = Decimal(row.hidden_pico) * 100 / cogs
    return f"{share:.0f} % of its cost is hidden: retries, embeddings made again, people who look at answers."


def _blocks(found: CostMap, row: MapRow) -> list[AnyBlock]:
    figures = row.figures
    chart = Chart(
        name="map",
        title="What its cost is made of",
        said="A bar for each component, the dearest first, with its dollars and its share of the feature's cost.",
        spec=amounts("What its cost is made of", [Amount(name, cell.cost) for name, cell in row.cells.items()]),
        table="components",
    )
    return [
        Cards(
            name="cost",
            cards=[
                Card(name="cogs", title="Cost", value=figures.cogs if figures.cost_known else None, unit="usd", definition="cogs"),
                Card(name="hidden", title="Hidden", value=usd_of(row.hidden_pico), unit="usd", definition="hidden_cost"),
                Card(name="per_call", title="Cost per call", value=figures.cost_per_call_mean, unit="usd", definition="cost_per_call"),
                Card(name="per_call_p95", title="P95 of a call", value=figures.cost_per_call_p95, unit="usd", definition="p95"),
                Card(name="per_outcome", title="Cost per outcome", value=figures.cost_per_successful_outcome, unit="usd", definition="cost_per_outcome"),
                Card(name="per_outcome_p95", title="P95 of an outcome", value=row.per_outcome_p95, unit="usd", definition="cost_per_outcome"),
                Card(name="embeddings_told", title="Embeddings that say what of", value=row.embeddings_told, unit="percent", definition="embeddings_told"),
            ],
        ),
        *([chart] if any(cell.cost_pico for cell in row.cells.values()) else []),
        _components(row, found.p95_method),
        _missing(row),
    ]  # fmt: skip


def _components(row: MapRow | None, method: str) -> Table:
    cells = sorted(row.cells.items(), key=lambda one: (-one[1].cost_pico, one[0])) if row else []
    return Table(
        name="components",
        title="Its components",
        columns=(
            Column(name="component", title="Component", definition="component"),
            Column(name="usd", title="Cost", unit="usd", definition="cogs"),
            Column(name="share", title="Of its cost", unit="percent", definition="of_cost"),
            Column(name="hidden", title="Hidden", unit="flag", definition="hidden_cost"),
            Column(name="calls", title="Calls", unit="count", definition="calls"),
            Column(name="per_call", title="A call", unit="usd", definition="cost_per_call"),
            Column(name="per_call_p95", title="P95", unit="usd", definition="p95"),
            Column(name="per_outcome", title="An outcome", unit="usd", definition="cost_per_outcome"),
            Column(name="per_outcome_p95", title="P95 of an outcome", unit="usd", definition="cost_per_outcome"),
        ),
        rows=[_component(row, name, cell) for name, cell in cells] if row else [],
        empty="This feature neither called nor cost anything in these days.",
        note=f"P95: {method}." if method else "",
    )


def _component(row: MapRow, name: str, cell: Cell) -> dict[str, Value]:
    """Its figures; no calls and no percentile of a call of what no call carries."""
    of_calls: dict[str, Value] = {} if cell.calls is None else {"calls": cell.calls, "per_call_p95": cell.per_call_p95}
    return {
        "component": name.replace("_", " "),
        "usd": cell.cost,
        "share": row.share(name),
        "hidden": name in HIDDEN,
        **of_calls,
        "per_call": cell.per_call_mean,
        "per_outcome": cell.per_outcome_mean,
        "per_outcome_p95": cell.per_outcome_p95,
    }


def _missing(row: MapRow) -> Table:
    return Table(
        name="missing",
        title="Costs that it should report and does not",
        columns=(Column(name="component", title="Component", definition="component"), Column(name="because", title="Why it should")),
        rows=[{"component": one.component.replace("_", " "), "because": one.because} for one in row.missing],
        empty="Every component that is stated or implied is reported.",
    )  # fmt: skip


VIEWS = (
    View(path=f"{PATH}/costs", title="Cost map", params=FeatureParams, build=build, said="What a feature's cost is made of, by component"),
)  # fmt: skip
