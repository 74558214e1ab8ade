"""Fallback drills on the dashboard: what would not carry the load comes first."""

from datetime import UTC, datetime
from decimal import Decimal

from floorline.jobs.drilling import DRILL, Drilled, Place
from floorline.ledger.shelf import Shelf
from tests.support.dashboard import client_of, dashboard_of

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def drilled(provider: str, **changes: object) -> Drilled:
    fields: dict[str, object] = {
        "at": NOON, "model": "gpt-4o", "fallback": Place(provider=provider, model="gpt-4o"), "serving": Place(provider="openai", model="gpt-4o"),
        "sent": 20, "answered": 20, "same": 14, "different": 0, "own_same": 15, "own_different": 0, "troubles": (), "cost": Decimal("0.02"),
        "serving_cost": Decimal("0.01"), "priced": 20, "latency_ms": 900, "serving_latency_ms": 800,
    }  # fmt: skip
    return Drilled(**{**fields, **changes})


def test_the_last_drill_of_each_fallback_is_shown_and_what_would_not_carry_the_load_is_said_first(ledger) -> None:
    path = "/api/v1/guardrails/use"
    before = client_of(dashboard_of(ledger), "viewer").get(path).json()["blocks"]
    assert "drills" not in {one["name"] for one in before}, "no model has a fallback"
    shelf = Shelf(ledger.state, DRILL, Drilled)
    for one in (drilled("east"), drilled("west", answered=12, concerns=("8 of 20 calls failed: status 401",))):
        shelf.put(one.id, one, now=NOON)
    client = client_of(dashboard_of(ledger), "viewer")
    blocks = {one["name"]: one for one in client.get(path).json()["blocks"]}
    weak, sound = blocks["drills"]["rows"]
    assert (weak["fallback"], weak["carries"], Decimal(weak["answered"])) == ("west/gpt-4o", False, Decimal("0.6"))
    assert (sound["carries"], Decimal(sound["same"]), Decimal(sound["cost_ratio"]), sound["latency_ms"]) == (
        True,
        1,
        2,
        900,
    )
    assert blocks["drill-0"]["title"] == "gpt-4o at west/gpt-4o would not carry the load:"
    assert blocks["drill-0"]["text"] == "8 of 20 calls failed: status 401."
    assert client.get("/guardrails/use").status_code == 200
