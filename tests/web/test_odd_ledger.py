"""Figures of a ledger that is odd: what is unknown is said to be so on every page, and what two pages say they say alike."""

from datetime import date
from decimal import Decimal

import pytest

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.report import document
from tests.support.dashboard import client_of
from tests.support.odd import CHANGED, CONFIG, MARCH


@pytest.fixture(scope="module")
def client(odd):
    return client_of(odd, "viewer")


def page(client, address: str) -> dict:
    answer = client.get(f"/api/v1{address}")
    assert answer.status_code == 200, answer.text[:400]
    return answer.json()


def rows(told: dict, name: str) -> list[dict]:
    return next(block["rows"] for block in told["blocks"] if block["name"] == name)


def cards(told: dict) -> dict[str, dict]:
    found = [card for block in told["blocks"] for card in [*block.get("cards", []), *block.get("facts", [])]]
    return {card["name"]: card for card in found}


def only(table: list[dict], column: str, value: str) -> dict:
    (found,) = [row for row in table if row.get(column) == value]
    return found


def test_a_feature_whose_cost_nobody_knows_has_no_margin_anywhere(client):
    row = only(rows(page(client, f"/features?{MARCH}&against=previous"), "features"), "feature", "unpriced")
    one = page(client, f"/features/unpriced?{MARCH}")
    for found in (row, {name: card["value"] for name, card in cards(one).items()}):
        assert [found[name] for name in ("cogs", "margin_usd", "margin_ratio", "cost_per_call_mean")] == [None] * 4
    assert row["zone"] == "unknown"
    margin = only(rows(one, "waterfall"), "step", "margin")
    assert (margin["usd"], margin["share"]) == (None, None)
    assert one["about"]["notes"][-1].startswith("1 call has no known price")


def test_a_customer_whose_cost_nobody_knows_is_not_said_to_pay_for_itself(client):
    row = only(rows(page(client, f"/customers?{MARCH}&against=previous"), "customers"), "customer", "guessed")
    unknown = ("cogs", "margin_usd", "margin_ratio", "margin_change", "standing")
    assert [row[name] for name in unknown] == [None] * len(unknown)
    assert "an unknown amount" in page(client, f"/customers/guessed?{MARCH}")["lead"]


def test_an_outcome_of_calls_without_a_price_costs_an_unknown_amount(client):
    row = only(rows(page(client, f"/workflows?{MARCH}"), "workflows"), "workflow", "unpriced")
    assert (row["completed"], row["spend"], row["cost_per_completed"]) == (1, None, None)
    one = cards(page(client, f"/workflows/unpriced?{MARCH}"))
    assert one["cost_per_completed"]["value"] is None


def test_a_customer_that_was_given_back_more_than_it_paid_has_no_percent(client):
    one = page(client, f"/customers/refunded?{MARCH}")
    assert one["lead"] == "Was given back $50.00 more than it paid, and costs $1.00 in these days."
    assert cards(one)["margin_ratio"]["value"] is None
    assert Decimal(cards(one)["margin"]["value"]) == -51


def test_pages_about_others_do_not_say_that_a_feature_lacks_prices(client):
    about = page(client, f"/features/billed?{MARCH}")["about"]
    assert about["quality"]["unpriced_calls"] == 0
    assert not [note for note in about["notes"] if "price" in note]


def test_every_total_is_that_of_the_margin_table(client, odd_ledger):
    margins = Margins(odd_ledger, CONFIG.policies)
    request = MarginRequest(by=("feature",), start=date(2026, 3, 1), end=date(2026, 4, 1))
    total = document(margins.table(request))["total"]
    shown = [rows(page(client, f"/{name}?{MARCH}"), name)[-1] for name in ("features", "customers")]
    shown.append(rows(page(client, "/month?month=2026-03"), "features")[-1])
    for row in shown:
        assert [row[name] for name in ("revenue", "cogs", "margin_usd", "margin_ratio", "calls")] == [
            total[name] for name in ("revenue", "cogs", "margin_usd", "margin_ratio", "calls")
        ]
    assert cards(page(client, f"/features?{MARCH}"))["margin_usd"]["value"] == total["margin_usd"]


def test_a_day_of_23_hours_has_the_calls_of_its_own_hours(client):
    billed = only(rows(page(client, f"/features?{CHANGED}&against=previous"), "features"), "feature", "billed")
    assert billed["calls"] == 2
    told = page(client, f"/calls?{CHANGED}")
    assert sorted(row["opened_at"] for row in rows(told, "calls")) == ["2026-03-08T03:30:00+00:00", "2026-03-09T02:29:59+00:00"]  # fmt: skip
    about = page(client, f"/features?{CHANGED}&against=previous")["about"]
    assert (about["before_from"], about["before_to"], about["timezone"]) == ("2026-03-07", "2026-03-08", "America/St_Johns")  # fmt: skip


def test_days_to_come_have_no_percent(client):
    days = "from=2027-01-01&to=2027-02-01"
    for path in ("/features", "/customers"):
        found = cards(page(client, f"{path}?{days}"))
        assert found["margin_ratio"]["value"] is None
    assert cards(page(client, f"/features?{days}"))["cost_per_call_mean"]["value"] is None


def test_few_calls_are_said_to_be_few(client):
    one = page(client, f"/customers/refunded?{MARCH}")
    assert cards(one)["margin_ratio"]["thin"]
    assert "a thin sample" in " ".join(one["about"]["notes"])
    assert only(rows(page(client, f"/features?{MARCH}"), "features"), "feature", "unpriced")["thin"]
