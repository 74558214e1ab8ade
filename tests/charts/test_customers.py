"""Charts of customers: who has a point, where it stands, and how groups and use are drawn."""

import json
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from floorline.charts.cohorts import GROUPS_MAX, Week, token_spread, weekly_margins
from floorline.charts.customers import (
    BRUSH,
    OTHER_PLANS,
    POINTS_MAX,
    SHAPES,
    Paid,
    Placed,
    Quadrant,
    customer_scatter,
    pays_and_costs,
)
from floorline.delivery.picture import svg
from floorline.margin.intensity import bins_of, marks_of
from floorline.margin.vectors import whole_numbers
from floorline.money import PICO

DAY = date(2026, 10, 5)


def placed(*customers: tuple[str, str, str, str]) -> Placed:
    """Customers: their name, what they pay, their margin and their plan."""
    names, pays, margins, plans = zip(*customers, strict=True) if customers else ((),) * 4
    revenue, ratios = list(map(Decimal, pays)), list(map(Decimal, margins))
    costs = [of * (1 - ratio) for of, ratio in zip(revenue, ratios, strict=True)]
    columns = [whole_numbers([int(value * PICO) for value in values]) for values in (revenue, ratios, costs)]
    return Placed(names, plans, *columns, np.array([ratio < 0 for ratio in ratios], dtype=np.bool_))


MANY = [(f"c{n}", str(10 + n), "-3" if n % 9 == 0 else "0.9", f"plan-{n % 11}") for n in range(900)]
WEEKS = [Week(DAY + timedelta(days=7 * n), Decimal("0.5"), None if n < 3 else Decimal("0.5")) for n in range(5)]
USE = [0, 10, 400, 70_000, 70_000, 2_000_000]
CHARTS = {
    "many customers": customer_scatter("Customers", placed(*MANY), Quadrant(Decimal(40), Decimal("0.68"))),
    "nobody": customer_scatter("Customers", placed(), None),
    "one customer": pays_and_costs("acme", [Paid(DAY, Decimal(15), None), Paid(DAY + timedelta(days=7), Decimal(15), Decimal(19))]),
    "groups": weekly_margins("By plan", {f"plan-{n}": WEEKS for n in range(GROUPS_MAX + 2)}),
    "no week": weekly_margins("By plan", {}),
    "tokens": token_spread("Tokens", bins_of(USE), marks_of(USE), of="customers"),
    "no tokens": token_spread("Tokens", [], [], of="customers"),
}  # fmt: skip


def data(chart, *, having: str):
    return next(one["data"]["values"] for one in chart["layer"] if having in next(iter(one["data"]["values"]), {}))


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_of_customers_is_drawn_without_the_network(name):
    assert (svg(CHARTS[name]) or "").startswith("<svg")
    assert json.dumps(CHARTS[name]).count("://") == 1


def test_customers_under_water_have_points_before_the_dearest_and_the_others_are_counted():
    points, squares = (data(CHARTS["many customers"], having=field) for field in ("to", "customers"))
    assert len(points) == POINTS_MAX
    assert all(one["margin"] == "-100.0" for one in points[:100]), "under water, at the lower edge"
    assert all(one["margin"] == "90.0" for one in points[100:])
    assert sum(int(one["customers"]) for one in squares) == len(MANY) - POINTS_MAX


def test_a_point_says_who_it_is_and_where_it_leads():
    (point,) = data(
        customer_scatter("Customers", placed(("acme", "15", "-3", "pro")), None, opens="/customers/{}".format),
        having="said",
    )
    assert point["said"] == "acme · pro · pays $15.00, costs $60.00 a month · -300.0 %"
    assert point["to"] == "/customers/acme"


def test_plans_beyond_the_shapes_are_one():
    chart = CHARTS["many customers"]
    encoding = next(one["encoding"] for one in chart["layer"] if "shape" in one["encoding"])
    assert len(encoding["shape"]["scale"]["domain"]) == len(SHAPES)
    assert encoding["color"]["scale"]["domain"][-1] == OTHER_PLANS
    assert {one["plan"] for one in data(chart, having="to")} == set(encoding["shape"]["scale"]["domain"])


def test_the_points_can_be_brushed_by_revenue_and_margin():
    (selection,) = [one["params"][0] for one in CHARTS["many customers"]["layer"] if "params" in one]
    assert selection == {"name": BRUSH, "select": {"type": "interval", "encodings": ["x", "y"]}}


def test_the_mean_of_four_weeks_is_a_gap_until_there_are_four():
    means = [row["margin"] for row in CHARTS["groups"]["layer"][1]["data"]["values"] if row["group"] == "plan-0"]
    assert means == [None, None, None, "50.0", "50.0"]
    assert len({row["group"] for row in CHARTS["groups"]["layer"][1]["data"]["values"]}) == GROUPS_MAX


def test_percentiles_stand_in_the_spread_with_their_figures():
    chart = CHARTS["tokens"]
    assert [row["label"] for row in chart["layer"][1]["data"]["values"]] == [
        "P50  70,000", "P75  70,000", "P80  70,000", "P90  2,000,000",
    ]  # fmt: skip
