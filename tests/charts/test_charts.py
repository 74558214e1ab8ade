"""Charts: what stands in them, and that each is drawn without the network."""

import json
import struct
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.charts.conditions import FigurePoint, Kept, against_condition, promised_and_realised
from floorline.charts.dollars import PARTS_MAX, Amount, CostPoint, Mark, cost_per_call, precise, waterfall
from floorline.charts.experiments import Interval, intervals
from floorline.charts.flows import STEPS_MAX, FlowPart, step_flow
from floorline.charts.guardrails import SavedDay, saved_by_day
from floorline.charts.live import CostMoment, cost_against_earning, row, shortened
from floorline.charts.margins import FeatureMargin, MarginPoint, features_against_floors, margin_lines, margin_over_time
from floorline.charts.prices import PriceSpan, price_history
from floorline.delivery.picture import SCALE, png, svg

DAY = date(2026, 10, 1)
POINTS = [
    MarginPoint(DAY + timedelta(days=n), None if n == 5 else Decimal("0.72") - Decimal(n) / 100) for n in range(14)
]
COSTS = [CostPoint(point.day, Decimal("0.000362") + Decimal(n) / 100_000) for n, point in enumerate(POINTS)]
PARTS = [Amount("call_volume", Decimal(-310)), Amount("cache_hits", Decimal(420)), Amount("retries", Decimal(0))]
MOMENTS = [
    CostMoment(
        datetime(2026, 10, 1, 23, tzinfo=ZoneInfo("Europe/Berlin")) + timedelta(minutes=5 * n),
        None if n in {5, 6} else Decimal("0.0012") + Decimal(n) / 10_000,
        calls=n,
        is_unusual=n == 9,
    )
    for n in range(20)
]
CHARTS = {
    "a margin": margin_over_time(
        "support: margin", POINTS, floor=Decimal("0.60"), band=Decimal("0.05"), subtitle="made up"
    ),
    "a change": waterfall("support: why", PARTS, end="change"),
    "a margin's parts": waterfall("support", PARTS, start=Amount("revenue", Decimal(7000)), end="margin"),
    "a cost": cost_per_call("support: a call", COSTS, marks=[Mark(DAY + timedelta(days=4), "haiku → sonnet")]),
    "features": features_against_floors(
        "Features",
        [
            FeatureMargin("support", Decimal("0.4"), Decimal("0.6"), "red"),
            FeatureMargin("loss", Decimal(-2), Decimal("0.6"), "red"),
            FeatureMargin("new", None, None, ""),
        ],
    ),
    "a condition": against_condition(
        "support: margin",
        [FigurePoint(point.day, point.margin) for point in POINTS],
        threshold=Decimal("0.65"),
        fires_below=True,
        marks=[Mark(DAY + timedelta(days=4), "opened")],
    ),
    "what came of it": promised_and_realised(
        "Shipped", [Kept("cache", Decimal(900), Decimal(950)), Kept("batch" * 10, Decimal(500), None)]
    ),
    "what guardrails saved": saved_by_day(
        "Saved", [SavedDay(DAY, "cache", Decimal("1.5")), SavedDay(DAY, "prompt_cache", Decimal("-0.2"))]
    ),
    "what is tried": intervals(
        "Differences",
        [
            Interval("small", Decimal("-0.1"), Decimal("-0.15"), Decimal("-0.05"), Decimal("0.02"), "rolled back"),
            Interval("cache (hold-out)", Decimal(0), Decimal("-0.01"), Decimal("0.01"), Decimal("0.02"), "not worse"),
        ],
    ),
    "steps": step_flow(
        "ticket",
        [
            FlowPart("retrieve", Decimal("1.2"), Decimal(0), Decimal("0.125"), greatest=False),
            FlowPart("draft_answer", Decimal("8.4"), Decimal("1.05"), Decimal("0.875"), greatest=True),
        ],
    ),
    "prices": price_history(
        "gpt",
        [
            PriceSpan("input", DAY, DAY + timedelta(days=5), Decimal(3)),
            PriceSpan("input", DAY + timedelta(days=5), DAY + timedelta(days=9), Decimal("0.00002")),
        ],
        changes=[DAY + timedelta(days=5)],
    ),
    "what a call costs now": cost_against_earning("support: a call", MOMENTS, Decimal("0.004")),
    "several margins": margin_lines("By week", {"support": POINTS, "reports": POINTS[:3], "unknown": []}),
}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS.keys())
def test_every_chart_is_drawn_as_wide_as_it_says(chart):
    picture = png(chart)
    assert picture is not None
    width, height = struct.unpack(">II", picture[16:24])
    assert (width, height) == (800 * SCALE, chart["height"] * SCALE)
    assert (svg(chart) or "").startswith("<svg")


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS.keys())
def test_no_chart_asks_the_network_for_anything(chart):
    text = json.dumps(chart)
    assert text.count("://") == 1
    assert '"$schema": "https://vega.github.io/' in text


def values(chart, layer: int):
    return chart["layer"][layer]["data"]["values"]


def test_figures_keep_their_digits_and_an_unknown_one_is_a_gap():
    chart = CHARTS["a margin"]
    assert values(chart, 2)[5] == {"day": "2026-10-06", "margin": None}
    assert values(chart, 2)[6] == {"day": "2026-10-07", "margin": "66.00"}
    assert values(CHARTS["a cost"], 2)[0] == {"day": "2026-10-01", "usd": "0.000362"}


def test_zones_reach_from_the_floor_to_its_band():
    zones = [(one["low"], one["high"]) for one in values(CHARTS["a margin"], 0)]
    assert zones == [("55", "60.00"), ("60.00", "65.00"), ("65.00", "75")]


def test_bars_without_a_part_of_nothing_end_at_the_sum():
    bars = values(CHARTS["a change"], 0)
    assert [(bar["name"], bar["from"], bar["to"], bar["label"]) for bar in bars] == [
        ("call volume", "0", "-310", "−$310"),
        ("cache hits", "-310", "110", "$420"),
        ("change", "0", "110", "$110"),
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.decimals(-(10**6), 10**6, places=2), max_size=20))
def test_however_many_parts_there_are_the_bars_lead_to_their_sum(amounts):
    chart = waterfall("t", [Amount(f"part {n}", amount) for n, amount in enumerate(amounts)], end="sum")
    *parts, end = values(chart, 0)
    assert Decimal(end["to"]) == sum(amounts)
    assert len(parts) <= PARTS_MAX
    assert all(Decimal(one["to"]) == Decimal(other["from"]) for one, other in pairwise(parts))


def test_a_margin_of_which_nothing_is_known_is_drawn_all_the_same():
    points = [MarginPoint(DAY, None)]
    assert png(margin_over_time("t", points, floor=Decimal("0.6"), band=Decimal("0.05"))) is not None
    assert png(cost_per_call("t", [CostPoint(DAY, None)])) is not None


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0.000362149", "$0.000362"), ("0", "$0"), ("1.5", "$1.50"), ("0.1", "$0.100"), ("42.123", "$42.1"),
        ("1234.5", "$1,234"), ("99.96", "$100"), (None, "unknown"),
    ],
)  # fmt: skip
def test_a_call_costs_three_digits(usd, shown):
    assert precise(None if usd is None else Decimal(usd)) == shown


def test_what_is_no_chart_is_left_out():
    assert png(None) is None
    assert png({"mark": "nonsense"}) is None
    assert svg({"data": {"url": "http://127.0.0.1:1/x.json"}, "mark": "point"}) is None


def test_a_step_is_as_thick_as_its_cost_and_its_retries_are_the_red_part_of_it():
    bars, (retries,) = values(CHARTS["steps"], 1), values(CHARTS["steps"], 2)
    thickness = [Decimal(bar["high"]) - Decimal(bar["low"]) for bar in bars]
    assert round(thickness[0] * 7, 9) == thickness[1] == 2
    assert Decimal(retries["high"]) - Decimal(retries["low"]) == thickness[1] * Decimal("1.05") / Decimal("8.4")
    assert [bar["label"] for bar in bars] == ["$1.20 · 12 %", "$8.40 · 88 %"]


def test_of_many_steps_the_cheapest_are_one_and_nothing_of_the_cost_is_lost():
    parts = [FlowPart(f"s{n}", Decimal(n), Decimal(0), Decimal(n) / 78, greatest=False) for n in range(1, 13)]
    bars = values(step_flow("many", parts), 1)
    assert [bar["name"] for bar in bars] == [*(f"s{n}" for n in range(6, 13)), "others"]
    assert len(bars) == STEPS_MAX
    assert bars[-1]["said"] == "others: $15.0"
    assert values(step_flow("none", []), 1) == []


def test_what_costs_now_is_told_by_the_clock_that_is_shown_and_a_gap_breaks_the_line_once():
    assert row(MOMENTS[9]) == {
        "at": "2026-10-01T23:45:00Z",
        "usd": "0.0021",
        "unusual": "unusual",
        "label": "23:45: $0.00210 a call, 9 calls: far more than usual",
    }
    assert [one.usd is None for one in shortened(MOMENTS)].count(True) == 1
    assert shortened([MOMENTS[5], MOMENTS[6]]) == []
    chart = CHARTS["what a call costs now"]
    assert chart["data"]["name"] == "points"
    assert len(chart["data"]["values"]) == 19
