"""Features, one feature and the month: their figures are those of the commands for the same window, unknown stays unknown."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.alerts.model import KIND as ALERT
from floorline.alerts.model import Alert, Moment
from floorline.config import parse
from floorline.jobs.baselining import Baselines
from floorline.jobs.closing import Closings
from floorline.jobs.costmap import cost_map_of
from floorline.jobs.explaining import ExplainRequest, explained
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.shelf import Shelf
from floorline.margin.baseline import Declaration, Place, Values
from floorline.margin.bridge import Days
from floorline.margin.costmap_report import costmap_document
from floorline.margin.explanation import explanation_document
from floorline.margin.report import document
from floorline.margin.waterfall import waterfall_document, waterfalls
from tests.margin.company import call, cost, keep, line, record
from tests.margin.company import records as january
from tests.support.dashboard import client_of, dashboard_of
from tests.support.ledger import Opener

FILE = """
features:
  support: {floor: 0.60, owner: ana, exception: {floor: 0.10, reason: a rebuild, review_by: 2026-03-01}}
  reporting: {floor: 0.85, role: core, owner: bo}
  planned: {role: growth}
reviews: {targets: {cost_per_call: 0.01, gross_margin: 0.5}}
"""
CONFIG = parse(FILE.encode(), Path("floorline.yaml"), {}).config
WINDOW = "from=2026-01-03&to=2026-01-13"
START, END = date(2026, 1, 3), date(2026, 1, 13)
JANUARY = date(2026, 1, 1), date(2026, 2, 1)
NOW = datetime(2026, 2, 3, tzinfo=UTC)


def february() -> list:
    """A few days of the month after, with a customer that left and one that began."""
    return [
        line("acme", "110", "2026-02-01", "2026-03-01", plan="pro"),
        call("2026-02-01T10:00:00Z", "acme", "support", "0.4", workflow="ticket", step="answer", model="large"),
        call("2026-02-02T10:00:00Z", "acme", "reporting", "0.1", model="small"),
        cost("infrastructure", "28", "2026-02-01", "2026-03-01", driver="calls"),
        record("acme", "2026-02-01", plan="pro", segment="large"),
    ]


@pytest.fixture(scope="module")
def ledger(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("features"))
    ledger = opener()
    keep(ledger, [*january(), *february()])
    declared = Declaration(
        place=Place(feature="support", open=True),
        start=date(2026, 1, 8),
        values=Values(model="large"),
        by="ana",
        name="large",
    )
    Baselines(ledger, CONFIG.policies).declare(declared, "api", NOW)
    Shelf(ledger.state, ALERT, Alert).put(
        "margin_floor/feature/support",
        Alert(
            id="margin_floor/feature/support", rule="margin_floor", subject_kind="feature", subject="support", severity="critical",
            state="open", opened_at=NOW, owner="ana", driver_text="calls are new", lever="Cap them.", at_stake_usd=Decimal(12),
            history=(Moment(number=1, state="open", at=NOW),),
        ),
        now=NOW,
    )  # fmt: skip
    yield ledger
    opener.finish()


@pytest.fixture(scope="module")
def client(ledger):
    return client_of(dashboard_of(ledger, CONFIG), "viewer")


@pytest.fixture(scope="module")
def margins(ledger) -> Margins:
    return Margins(ledger, CONFIG.policies)


def shown(client, address: str) -> dict:
    answer = client.get(f"/api/v1{address}")
    assert answer.status_code == 200, answer.text[:400]
    return answer.json()


def rows(page: dict, name: str) -> list[dict]:
    return next(block["rows"] for block in page["blocks"] if block["name"] == name)


def request(start: date = START, end: date = END, **more) -> MarginRequest:
    return MarginRequest(by=("feature",), start=start, end=end, **more)


def test_every_face_of_every_page_answers(client):
    pages = ["/features", "/features/support", "/month", "/month/economics"]
    pages += [
        f"/features/support/{name}" for name in ("bridge", "costs", "models", "customers", "prompts", "guardrails")
    ]
    for path in pages:
        query = "month=2026-01" if path.startswith("/month") else f"{WINDOW}&against=2025-12-01..2026-01-01"
        assert "<h1>" in client.get(f"{path}?{query}", headers={"accept": "text/html"}).text, path
        tables = [block["name"] for block in shown(client, f"{path}?{query}")["blocks"] if block["block"] == "table"]
        for kind in ("csv", "parquet"):
            assert client.get(f"{path}.{kind}?{query}&table={tables[0]}").status_code == 200


def test_the_features_page_has_the_figures_of_the_margin_command(client, margins):
    page = shown(client, f"/features?{WINDOW}")
    told = document(margins.table(request()))
    *features, total = rows(page, "features")
    by_name = {row["feature"]: row for row in features}
    assert set(by_name) == {row["key"]["feature"] for row in told["rows"]}
    for row in [*told["rows"], {"key": {"feature": "total"}, **told["total"]}]:
        found = by_name.get(row["key"]["feature"], total)
        for name in (
            "revenue",
            "cogs",
            "margin_usd",
            "margin_ratio",
            "calls",
            "cost_per_call_mean",
            "cost_per_call_p95",
        ):
            assert found[name] == row[name], (row["key"], name)
    assert by_name["support"]["zone"] == "red"
    assert Decimal(by_name["support"]["short_month"]) > 0
    assert "floor" in by_name["(unmatched cost)"]
    assert page["lead"].startswith("3 of 3 features are below their floor; support most, $")


def test_each_day_of_the_features_page_is_the_table_of_that_day(client, margins):
    day = date(2026, 1, 9)
    table = margins.table(MarginRequest(by=("feature",), start=day, end=day + timedelta(days=1)))
    told = {row["key"]["feature"]: row for row in document(table)["rows"]}
    page = client.get(f"/features.csv?{WINDOW}&table=days").text.splitlines()
    names = page[0].split(",")
    found = [dict(zip(names, cells.split(","), strict=True)) for cells in page[1:] if cells.startswith(str(day))]
    assert found
    for row in found:
        assert (row["revenue"], row["cogs"]) == (told[row["feature"]]["revenue"], told[row["feature"]]["cogs"])
        assert row["margin_ratio"] == (told[row["feature"]]["margin_ratio"] or "")


def test_a_comparison_is_against_the_window_that_is_named(client):
    page = shown(client, f"/features?{WINDOW}&against=2025-12-01..2026-01-01")
    assert (page["about"]["before_from"], page["about"]["before_to"]) == ("2025-12-01", "2026-01-01")
    (row,) = [row for row in rows(page, "features") if row["feature"] == "support"]
    assert row["change_points"] is None or "." in row["change_points"]
    assert "change_usd" in row


def test_links_to_a_feature_keep_the_window_and_what_matches_nothing_has_none(client):
    page = client.get(f"/features?{WINDOW}", headers={"accept": "text/html"}).text
    assert f'href="/features/support?{WINDOW.replace("&", "&amp;")}"' in page
    assert "/features/%28unmatched" not in page


def test_one_feature_has_the_waterfall_the_alerts_and_what_its_zone_demands(client, margins):
    page = shown(client, f"/features/support?{WINDOW}")
    told = waterfall_document(
        waterfalls(margins.table(request(with_p95=False, with_kinds=True))), "feature", START, END
    )
    (expected,) = [row["steps"] for row in told["rows"] if row["key"]["feature"] == "support"]
    assert [(row["step"].replace(" ", "_"), row["usd"]) for row in rows(page, "waterfall")] == [
        (step["name"], step["amount"]) for step in expected
    ]
    assert [(row["id"], row["usd_a_month"], row["owner"]) for row in rows(page, "alerts")] == [
        ("margin_floor/feature/support", "12.000000000000", "ana")
    ]
    assert [row["changed"] for row in rows(page, "baselines")] == ["model large"]
    demand = next(block for block in page["blocks"] if block["name"] == "demand")
    assert demand["text"].startswith("ana answers within 24 h")
    assert next(block for block in page["blocks"] if block["name"] == "exception")["text"].startswith(
        "floor 10 % by exception"
    )


def test_the_bridge_is_that_of_the_explain_command(client, margins):
    before, after = Days(date(2026, 1, 1), date(2026, 1, 11)), Days(date(2026, 1, 11), date(2026, 1, 21))
    found = explained(margins, ExplainRequest(by="feature", before=before, after=after))
    assert explained(margins, ExplainRequest(by="feature", before=before, after=after, only="support")).rows == tuple(
        row for row in found.rows if row.key == ("support",)
    )
    (told,) = [row for row in explanation_document(found)["rows"] if row["key"] == {"feature": "support"}]
    page = shown(client, "/features/support/bridge?from=2026-01-11&to=2026-01-21&against=2026-01-01..2026-01-11")
    *parts, change = rows(page, "parts")
    assert change["usd"] == told["change_usd"]
    assert sorted(row["usd"] for row in parts) == sorted(part["usd"] for part in told["parts"] if Decimal(part["usd"]))
    assert page["lead"].casefold().rstrip(".") == told["driver"]["sentence"].casefold()
    overlapping = client.get(
        "/api/v1/features/support/bridge?from=2026-01-11&to=2026-01-21&against=2026-01-05..2026-01-15"
    )
    assert overlapping.status_code == 400


def test_the_cost_map_is_that_of_the_costmap_command(client, margins):
    told = costmap_document(cost_map_of(margins, request()))
    (expected,) = [row for row in told["rows"] if row["feature"] == "support"]
    page = shown(client, f"/features/support/costs?{WINDOW}")
    found = {row["component"].replace(" ", "_"): row for row in rows(page, "components")}
    for name, cell in expected["components"].items():
        assert (found[name]["usd"], found[name]["per_call"], found[name]["per_outcome"]) == (
            cell["cost"], cell["per_call_mean"], cell["per_outcome_mean"],
        )  # fmt: skip


def test_models_steps_and_customers_sum_to_the_feature(client, margins):
    (row,) = [row for row in margins.table(request()).rows if row.key == ("support",)]
    page = shown(client, f"/features/support/models?{WINDOW}")
    for name in ("models", "steps"):
        assert sum(one["calls"] for one in rows(page, name)) == row.sums.calls
    unpriced = [one for one in rows(page, "models") if one["model"] == "small"]
    assert [(one["usd"], one["per_call"], one["unpriced"]) for one in unpriced] == [(None, None, 1)]
    customers = rows(shown(client, f"/features/support/customers?{WINDOW}"), "customers")
    assert sum(Decimal(one["revenue"]) for one in customers) == row.revenue
    prompts = rows(shown(client, f"/features/support/prompts?{WINDOW}"), "prompts")
    assert [(one["prompt"], one["calls"]) for one in prompts] == [(None, row.sums.calls)]


def test_what_is_only_configured_has_an_empty_page_and_what_nobody_knows_none(client):
    page = shown(client, f"/features/planned?{WINDOW}")
    assert next(block for block in page["blocks"] if block["name"] == "figures")["cards"][3]["value"] is None
    for path in ("", "/models", "/prompts", "/guardrails"):
        assert client.get(f"/api/v1/features/nobody{path}?{WINDOW}").status_code == 404


# -- the month


def test_profit_and_loss_sums_to_the_margin_command_with_ai_apart(client, margins):
    told = document(margins.table(request(*JANUARY)))["total"]
    page = shown(client, "/month?month=2026-01")
    lines = {row["line"]: row for row in rows(page, "statement")}
    assert lines["revenue"]["usd"] == told["revenue"]
    assert lines["gross profit"]["usd"] == told["margin_usd"]
    ai, other = (Decimal(lines[name]["usd"]) for name in ("cost of AI", "other costs of goods sold"))
    assert ai + other == Decimal(told["cogs"])
    assert other == 310 + 20 + Decimal(told["components"]["support"])
    assert Decimal(lines["gross margin"]["of_revenue"]) == Decimal(told["margin_ratio"])
    *features, total = rows(page, "features")
    assert sum(Decimal(row["ai_cogs"]) for row in features if row["ai_cogs"]) == ai
    assert total["revenue"] == told["revenue"]


def test_a_closed_month_says_what_came_since(ledger):
    closings = Closings(ledger, CONFIG.policies)
    closings.close("2026-01", now=NOW, actor="ana", reason="a test", force=True)
    keep(ledger, [line("acme", "7", "2026-01-20", "2026-01-20", plan="pro", kind="one_off")])
    page = shown(dashboard_client(ledger), "/month?month=2026-01")
    assert next(block for block in page["blocks"] if block["name"] == "closing")["kind"] == "warning"
    lines = {row["line"]: row for row in rows(page, "statement")}
    assert (lines["revenue"]["since"], lines["cost of AI"]["since"]) == ("7.000000000000", "0.000000000000")
    assert [(row["what"], row["margin"]) for row in rows(page, "corrections")] == [
        ("invoice lines, credit notes, refunds", "7.000000000000")
    ]
    assert sum(Decimal(row["change"]) for row in rows(page, "restated")) == 7


def dashboard_client(ledger):
    """A client whose pages are made anew."""
    return client_of(dashboard_of(ledger, CONFIG), "viewer")


def test_unit_economics_are_held_to_the_stated_targets_and_what_is_unknown_to_none(client):
    page = shown(client, "/month/economics?month=2026-01")
    dollars = {row["key"]: row for row in rows(page, "dollars")}
    assert (dollars["cost_per_call"]["met"], dollars["cost_per_call"]["target"]) == (False, "0.010000000000")
    assert "target" not in {name for name, value in dollars["cost_per_outcome"].items() if value is not None}
    (lifetime,) = rows(page, "lifetime")
    assert (lifetime["ratio"], lifetime["met"]) == (None, None)


def test_a_month_that_is_none_or_has_not_begun_is_refused(client):
    assert client.get("/api/v1/month?month=2026-13").status_code == 400
    assert client.get("/api/v1/month?month=2100-01").status_code == 400
