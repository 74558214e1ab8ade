"""Customers, one customer, cohorts and plans: figures are those of `floorline margin`, and every filter is in the address."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from floorline.alerts.model import Alert, Moment
from floorline.config import parse
from floorline.jobs.alerting import shelf_of
from floorline.jobs.backlogging import shelf
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.ledger import Ledger
from floorline.margin.report import document
from floorline.money import usd
from tests.backlog.figures import NOW, opportunity
from tests.margin.company import call, keep, under_water_records
from tests.support.dashboard import client_of, dashboard_of
from tests.support.ledger import Databases, Opener

JANUARY = "from=2026-01-01&to=2026-02-01"
CONFIG = parse(
    b"""
budgets:
  - {name: each-month, scope: {customer: each}, limit: {usd: 4}}
  - {name: everybody, scope: {plan: pro}, limit: {usd: 100}}
guardrails: {downgrade: {claude-opus-4-5: claude-haiku-4-5}}
""",
    Path("floorline.yaml"),
    {},
).config


@pytest.fixture(scope="module")
def ledger_of_january(databases: Databases, tmp_path_factory) -> Iterator[Ledger]:
    """The small company in January; its heavy customer calls to this day, and has an alert and an item of the backlog."""
    opener = Opener(databases, tmp_path_factory.mktemp("pages"))
    ledger = opener()
    now = datetime.now(UTC).isoformat()
    keep(ledger, [*under_water_records(), call(now, "heavy", "support", "3.5", plan="pro")])
    moved = opportunity("move_up:heavy", kind="move_up", subject_kind="customer", subject="heavy")
    shelf(ledger.state).put(moved.id, moved, now=NOW)
    fired = Alert(
        id="a-1", rule="customer_cost_to_revenue", subject_kind="customer", subject="heavy", severity="warning", state="open",
        opened_at=NOW, at_stake_usd=usd(40), evidence="costs more", history=(Moment(number=1, state="open", at=NOW),),
    )  # fmt: skip
    shelf_of(ledger.state).put(fired.id, fired, now=NOW)
    yield ledger
    opener.finish()


@pytest.fixture(scope="module")
def client(ledger_of_january) -> TestClient:
    return client_of(dashboard_of(ledger_of_january, CONFIG), "viewer")


def told(ledger, dimension: str, start: date = date(2026, 1, 1), end: date = date(2026, 2, 1)) -> dict:
    """What `floorline margin --json --by …` prints, percentiles apart."""
    request = MarginRequest(by=(dimension,), start=start, end=end, with_p95=False)
    return document(Margins(ledger, CONFIG.policies).table(request))


def shown(client, address: str) -> dict:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text[:400]
    return {block["name"]: block for block in answer.json()["blocks"]} | {"about": answer.json()["about"]}


def rows(client, address: str, table: str) -> list[dict]:
    return shown(client, address)[table]["rows"]


def by(name: str, found: list[dict], value: str) -> dict:
    return next(one for one in found if one[name] == value)


def test_every_customer_has_the_figures_of_the_margin_table(client, ledger_of_january):
    found = rows(client, f"/customers.json?{JANUARY}", "customers")
    table = told(ledger_of_january, "customer")
    assert [one["customer"] for one in found] == [*(row["key"]["customer"] for row in table["rows"]), "total"]
    for one, row in zip(found, [*table["rows"], table["total"]], strict=True):
        for name in ("revenue", "cogs", "margin_usd", "margin_ratio", "calls"):
            assert one[name] == row[name], (one["customer"], name)
        assert one["tokens"] == row["tokens"]["input"] + row["tokens"]["output"]
        assert one["unpriced_calls"] == row["quality"]["unpriced_calls"]
    quality = shown(client, f"/customers.json?{JANUARY}")["about"]["quality"]
    assert quality["unpriced_calls"] == table["total"]["quality"]["unpriced_calls"]


def test_who_pays_nothing_is_apart_and_has_no_percent(client):
    blocks = shown(client, f"/customers.json?{JANUARY}")
    free = by("customer", blocks["customers"]["rows"], "free")
    assert (free["standing"], free["margin_ratio"], free["plan"]) == ("pays nothing", None, "free")
    assert by("name", blocks["summary"]["cards"], "free")["value"] == 1
    points = blocks["scatter"]["spec"]["layer"][-1]["data"]["values"]
    assert "free" not in {point["said"].partition(" ")[0] for point in points}
    assert {one["standing"] for one in blocks["customers"]["rows"] if one["customer"].startswith("(")} == {"unmatched"}


def test_a_customer_under_water_is_listed_with_what_would_fix_it(client):
    blocks = shown(client, f"/customers.json?{JANUARY}")
    heavy = by("customer", blocks["under_water"]["rows"], "heavy")
    row = by("customer", blocks["customers"]["rows"], "heavy")
    assert Decimal(heavy["loses"]) == Decimal(row["cogs"]) - Decimal(row["revenue"]) > 0
    fixes = {one["kind"]: one for one in blocks["fixes"]["rows"] if one["customer"] == "heavy"}
    assert fixes["cheaper_model"]["what"] == "serve its support calls with claude-haiku-4-5 instead of claude-opus-4-5"
    assert {kind: heavy[kind] for kind in fixes} == {kind: one["usd_a_month"] for kind, one in fixes.items()}
    assert (fixes["move_up"]["opportunity"], fixes["move_up"]["state"]) == ("move_up:heavy", "proposed")
    assert fixes["cap"]["opportunity"] is None
    page = client.get(f"/customers?{JANUARY}").text
    assert 'href="/backlog/move_up%3Aheavy"' in page


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ("standing=free&plan=free", {"free"}),
        ("segment=large&name=M", {"acme", "gamma"}),
        ("pays_from=90&pays_to=400&segment=small", {"beta"}),
        ("keeps_to=-100&standing=under_water", {"heavy"}),
        ("name=nobody", set()),
    ],
)
def test_a_filter_lists_some_and_leaves_the_figures_of_all(client, filters, names):
    blocks = shown(client, f"/customers.json?{JANUARY}&{filters}")
    found = [one["customer"] for one in blocks["customers"]["rows"]]
    named = {name for name in found if not name.startswith(("(", "total"))}
    assert named == names
    assert by("name", blocks["summary"]["cards"], "under_water")["value"] == 1


@pytest.mark.parametrize("bound", ["pays_from=NaN", "keeps_to=Infinity", "pays_to=abc"])
def test_a_bound_that_is_no_number_is_refused(client, bound):
    answer = client.get(f"/customers.json?{JANUARY}&{bound}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid")


def test_the_rows_of_a_filter_sum_to_its_total(client):
    *found, total = rows(client, f"/customers.json?{JANUARY}&segment=large&name=M", "customers")
    assert total["customer"] == "total of these"
    assert sum(Decimal(one["revenue"]) for one in found) == Decimal(total["revenue"])
    assert sum(one["calls"] for one in found) == total["calls"]


def test_links_hold_the_window_and_the_filters(client):
    page = client.get(f"/customers?{JANUARY}&name=heavy&environment=all").text
    assert 'href="/customers/heavy?from=2026-01-01&amp;to=2026-02-01&amp;environment=all"' in page
    tab = re.search(r'href="([^"]*standing=free[^"]*)"', page)
    assert tab is not None
    assert all(one in tab[1] for one in ("name=heavy", "environment=all", "from=2026-01-01"))
    assert 'name="environment" value="all"' in page, "the form keeps what it does not ask"


def test_a_change_is_told_against_the_window_compared_with(client, ledger_of_january):
    address = "/customers.json?from=2026-01-16&to=2026-02-01&against=2026-01-01..2026-01-16"
    found = rows(client, address, "customers")
    before = {row["key"]["customer"]: row for row in told(ledger_of_january, "customer", end=date(2026, 1, 16))["rows"]}
    for name in ("heavy", "beta", "rich"):
        one = by("customer", found, name)
        assert one["margin_before"] == before[name]["margin_usd"]
        assert Decimal(one["margin_change"]) == Decimal(one["margin_usd"]) - Decimal(one["margin_before"])


def test_users_are_counted_by_customer(client):
    found = {one["customer"]: one.get("users") for one in rows(client, f"/customers.json?{JANUARY}", "customers")}
    assert (found["heavy"], found["gamma"], found["free"], found["rich"]) == (2, 1, 0, 0)


def test_the_page_of_a_customer_has_its_figures_and_its_parts(client, ledger_of_january):
    blocks = shown(client, f"/customers/heavy.json?{JANUARY}")
    row = next(one for one in told(ledger_of_january, "customer")["rows"] if one["key"]["customer"] == "heavy")
    cards = {one["name"]: one["value"] for one in blocks["summary"]["cards"]}
    assert (cards["revenue"], cards["cogs"], cards["margin"]) == (row["revenue"], row["cogs"], row["margin_usd"])
    for name in ("features", "users", "models"):
        parts = blocks[name]["rows"]
        assert sum(one["calls"] for one in parts) == row["calls"]
        assert sum(Decimal(one["share"]) for one in parts) == 1
    stretches = blocks["stretches"]["rows"]
    assert [one["start"] for one in stretches] == ["2026-01-04", "2026-01-11", "2026-01-18", "2026-01-25"]
    assert sum(Decimal(one["revenue"]) for one in stretches) == 28
    assert [one["evidence"] for one in blocks["alerts"]["rows"]] == ["costs more"]
    assert {one["kind"] for one in blocks["fixes"]["rows"]} == {"move_up", "cheaper_model", "cap"}
    assert [one["amount"] for one in blocks["revenue_lines"]["rows"]] == ["31.000000000000"]
    assert {one["said_by"] for one in blocks["history"]["rows"]} == {"record of test", "revenue line"}
    page = client.get(f"/customers/heavy?{JANUARY}")
    assert page.status_code == 200
    assert 'href="/calls?customer=heavy"' in page.text
    assert client.get(f"/customers/heavy.csv?{JANUARY}&table=users").text.startswith("name,calls,")


def test_days_are_told_one_by_one_in_short_windows(client, ledger_of_january):
    found = rows(client, "/customers/heavy.json?from=2026-01-05&to=2026-01-08", "stretches")
    table = told(ledger_of_january, "customer", date(2026, 1, 5), date(2026, 1, 8))
    row = next(one for one in table["rows"] if one["key"]["customer"] == "heavy")
    assert [one["start"] for one in found] == ["2026-01-05", "2026-01-06", "2026-01-07"]
    for name in ("revenue", "cogs", "margin_usd"):
        assert sum(Decimal(one[name]) for one in found) == Decimal(row[name])


def test_budgets_that_are_a_customers_own_are_meters(client):
    (meter,) = shown(client, f"/customers/heavy.json?{JANUARY}")["budgets"]["meters"]
    assert (Decimal(meter["used"]), Decimal(meter["limit"]), meter["state"]) == (Decimal("3.5"), 4, "near")
    assert "starts anew on" in meter["said"]
    assert "everybody" not in meter["title"]


def test_a_customer_by_another_name_has_its_history_and_names(client):
    blocks = shown(client, f"/customers/gamma.json?{JANUARY}")
    assert [one["alias"] for one in blocks["names"]["rows"]] == ["cus_gamma", "ws-gamma"]
    assert [one["segment"] for one in blocks["history"]["rows"]] == ["small", "large", None]
    assert "fixes" not in blocks


@pytest.mark.parametrize("name", ["nobody", "(unmatched cost)"])
def test_who_is_no_customer_is_not_found(client, name):
    answer = client.get(f"/customers/{name}.json?{JANUARY}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")


@pytest.mark.parametrize("by_", ["plan", "cohort"])
def test_weeks_of_groups_are_those_of_the_margin_table(client, ledger_of_january, by_):
    blocks = shown(client, f"/cohorts.json?{JANUARY}&by={by_}")
    weeks = blocks["weeks"]["rows"]
    assert sorted({one["week"] for one in weeks}) == ["2026-01-05", "2026-01-12", "2026-01-19"]
    table = told(ledger_of_january, by_, date(2026, 1, 12), date(2026, 1, 19))
    for row in table["rows"]:
        (one,) = [one for one in weeks if one["week"] == "2026-01-12" and one["group"] == row["key"][by_]]
        assert (one["revenue"], one["cogs"], one["margin_ratio"]) == (row["revenue"], row["cogs"], row["margin_ratio"])
    assert all(one["trailing"] is None for one in weeks)
    assert any("the mean of 4 weeks is unknown" in note for note in blocks["about"]["notes"])


def test_every_customer_is_in_one_band_and_the_total_stays(client, ledger_of_january):
    blocks = shown(client, "/cohorts.json?from=2026-01-05&to=2026-01-26&by=band")
    *bands, total = blocks["groups"]["rows"]
    by_customer = told(ledger_of_january, "customer", date(2026, 1, 5), date(2026, 1, 26))
    assert (total["revenue"], total["cogs"]) == (by_customer["total"]["revenue"], by_customer["total"]["cogs"])
    named = [row for row in by_customer["rows"] if not row["key"]["customer"].startswith("(")]
    assert sum(one["customers"] or 0 for one in bands) == len(named)
    assert {one["group"] for one in bands} == {"light", "idle", "(no customer)"}, "heavy alone used tokens"
    assert any("thin sample" in note for note in blocks["about"]["notes"])


@pytest.mark.parametrize(("per", "used"), [("customer", 1), ("user", 2)])
def test_tokens_are_spread_by_customer_or_user(client, per, used):
    blocks = shown(client, f"/cohorts.json?{JANUARY}&per={per}")
    cards = {one["name"]: one["value"] for one in blocks["use"]["cards"]}
    assert (cards["used"], cards["p50"], cards["p90"]) == (used, 11_000_000 // used, 11_000_000 // used)
    assert sum(one["holds"] for one in blocks["bins"]["rows"]) == used
    assert [one["percent"] for one in blocks["tops"]["rows"]] == ["1 %", "5 %", "10 %", "20 %"]


def test_pages_of_a_window_without_anything_say_so(client):
    empty = "from=2020-01-01&to=2020-02-01"
    page = client.get(f"/customers?{empty}").text
    assert "No call and no revenue in these days." in page
    assert "No customer is known to pay" in page
    assert client.get(f"/cohorts?{empty}&by=band&per=user").status_code == 200
