"""Charts of features: many rows of days, margin by volume, how costs are spread, and what they are made of."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from floorline.charts.dollars import Amount, amounts, waterfall, waterfall_down
from floorline.charts.portfolio import Placed, margin_by_volume
from floorline.charts.rows import PERCENT_MIN, DayRow, RowPoint, rows_by_day
from floorline.charts.spread import Bar, Quantile, cost_spread
from floorline.delivery.picture import svg

DAY = date(2026, 10, 1)
POINTS = [
    RowPoint(DAY + timedelta(days=n), None if n == 5 else Decimal("0.72") - Decimal(n) / 100, "green")
    for n in range(14)
]
ROWS = [
    DayRow("support", "72.0 % · above floor", POINTS, Decimal("0.6"), "/features/support"),
    DayRow("loss", "−200.0 % · below floor", [RowPoint(DAY, Decimal(-2), "red")], Decimal("0.6"), "/features/loss"),
    DayRow("new", "unknown", []),
]
PLACED = [
    Placed("support", Decimal(7000), Decimal("0.816"), Decimal("0.7"), Decimal(1318), "green", "81.6 %"),
    Placed("loss", Decimal(30), Decimal(-2), Decimal("0.6"), Decimal(90), "red", "−200 %"),
    Placed("unheld", Decimal(400), Decimal("0.5"), None, Decimal(200), "unknown", "50 %"),
    Placed("given away", Decimal(0), Decimal(0), None, Decimal(20), "unknown", ""),
]
BARS = [Bar(Decimal("0.0001"), Decimal("0.001"), 40), Bar(Decimal("0.001"), Decimal("0.01"), 2)]
PARTS = [Amount("call_volume", Decimal(-310)), Amount("cache_hits", Decimal(420))]
CHARTS = {
    "a fall": waterfall_down("From revenue to margin", PARTS, start=Amount("revenue", Decimal(7000)), end="margin"),
    "rows": rows_by_day("Daily margin", ROWS, unit="percent"),
    "dollars": rows_by_day("Daily margin", [ROWS[0]._replace(held_to=None)], unit="usd"),
    "nothing": rows_by_day("Daily margin", [], unit="usd"),
    "portfolio": margin_by_volume("Features", PLACED, volume="revenue, USD"),
    "spread": cost_spread("A call", BARS, [Quantile(50, Decimal("0.0005"), "$0.0005")]),
    "no spread": cost_spread("A call", [], []),
    "parts": amounts("Cost map", [Amount("human_review", Decimal(30)), Amount("generation", Decimal(90))]),
}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS.keys())
def test_every_chart_is_drawn_without_the_network(chart):
    assert (svg(chart) or "").startswith("<svg")
    assert json.dumps(chart).count("://") == 1


def values(chart, layer: int):
    return chart["layer"][layer]["data"]["values"]


def test_points_of_rows_are_as_exact_as_can_be_seen_and_a_loss_beyond_the_scale_is_drawn_at_its_end():
    points = CHARTS["rows"]["data"]["values"]
    assert points[5] == {"row": "0", "day": "2026-10-06", "value": None, "zone": "green"}
    assert points[6]["value"] == "66.000"
    assert Decimal(points[14]["value"]) == -200
    scale = CHARTS["rows"]["layer"][2]["encoding"]["yOffset"]["scale"]
    assert (scale["domain"], scale["clamp"]) == ([PERCENT_MIN, 80], True)


def test_a_zone_is_told_by_shape_as_well_as_by_colour():
    for name in ("rows", "portfolio"):
        encodings = [one["encoding"] for one in CHARTS[name]["layer"] if "shape" in one["encoding"]]
        assert encodings
        for encoding in encodings:
            shapes = encoding["shape"]["scale"]["range"]
            assert len(set(shapes)) == len(shapes) == len(encoding["color"]["scale"]["range"])


def test_a_feature_that_sells_nothing_has_no_place_among_those_that_do():
    assert [row["feature"] for row in values(CHARTS["portfolio"], 2)] == ["support", "unheld", "loss"]


def test_the_parts_of_a_cost_say_their_share():
    assert [row["name"] for row in values(CHARTS["parts"], 0)] == [
        "generation\n$90.0 · 75.0 %",
        "human review\n$30.0 · 25.0 %",
    ]


def test_a_fall_from_above_to_below_has_the_bars_of_one_from_left_to_right():
    beside = waterfall("From revenue to margin", PARTS, start=Amount("revenue", Decimal(7000)), end="margin")
    bars = [(row["from"], row["to"], row["label"]) for row in values(beside, 0)]
    assert [(row["from"], row["to"], row["label"]) for row in values(CHARTS["a fall"], 0)] == bars
    assert values(CHARTS["a fall"], 0)[1]["name"] == "call volume\n−$310"
