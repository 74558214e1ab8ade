"""Floors with exceptions, the band above them, and what a zone demands of whom."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from floorline.margin.floors import feature_floor, floor_on
from floorline.margin.policy import FeaturePolicy, FloorException, Policies, Runbook
from floorline.margin.runbook import response_for, runbook_document, runbook_markdown

EXCEPTION = FloorException(floor=Decimal("0.30"), reason="launch year", review_by=date(2026, 6, 30))
LAUNCHED = FeaturePolicy(name="assistant", role="premium", exception=EXCEPTION)
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
POLICIES = Policies(
    features={
        "assistant": LAUNCHED,
        "search": FeaturePolicy(name="search", hosting="cacheable", owner="search team"),
        "code": FeaturePolicy(name="code", floor=Decimal("0.55"), yellow_band=Decimal("0.02")),
    },
    runbook=Runbook(
        owner="finance", escalate_to="the CTO", escalate_after_hours=4, levers={"retries": "cap them at two"}
    ),
)


@pytest.mark.parametrize(
    ("day", "ratio", "origin", "lapsed"),
    [
        (date(2026, 6, 30), "0.30", "exception", False),
        (date(2026, 7, 1), "0.70", "role", True),
    ],
)
def test_an_exception_replaces_the_floor_until_its_review_date(day, ratio, origin, lapsed):
    floor = floor_on(day, LAUNCHED)
    assert (floor.ratio, floor.origin, floor.lapsed) == (Decimal(ratio), origin, lapsed)


def test_a_lapsed_exception_is_red_at_any_margin():
    assert floor_on(date(2026, 6, 30), LAUNCHED).zone(Decimal("0.35")) == "yellow"
    assert floor_on(date(2026, 7, 1), LAUNCHED).zone(Decimal("0.99")) == "red"
    assert floor_on(date(2026, 7, 1), LAUNCHED).zone(None) == "red"


def test_an_exception_says_why():
    with pytest.raises(ValueError, match="reason"):
        FloorException(floor=Decimal("0.30"), reason="", review_by=date(2026, 6, 30))


def test_the_band_is_the_feature_s_own_else_the_organisation_s():
    policies = Policies(features=POLICIES.features, yellow_band=Decimal("0.20"))
    assert feature_floor(policies, "code", date(2026, 6, 1)).zone(Decimal("0.58")) == "green"
    assert feature_floor(policies, "search", date(2026, 6, 1)).zone(Decimal("0.89")) == "yellow"
    assert feature_floor(policies, "never stated", date(2026, 6, 1)).band == Decimal("0.20")


def test_a_zone_demands_a_response_of_an_owner_by_a_deadline():
    red = response_for(POLICIES, "search", "red")
    assert red is not None
    assert (red.owner, red.within_hours) == ("search team", 24)
    assert red.deadline(NOW) == datetime(2026, 6, 2, 9, tzinfo=UTC)
    assert red.escalation(NOW) == datetime(2026, 6, 2, 13, tzinfo=UTC)
    yellow = response_for(POLICIES, "assistant", "yellow")
    assert yellow is not None
    assert (yellow.owner, yellow.within_hours) == ("finance", 48)
    assert response_for(POLICIES, "search", "green") is None
    assert response_for(POLICIES, "search", "unknown") is None


def test_nobody_is_told_where_nobody_is_named():
    red = response_for(Policies(), "search", "red")
    assert red is not None
    assert red.owner == ""
    assert red.escalation(NOW) is None


def test_the_runbook_says_floors_zones_people_exceptions_levers_and_routes():
    page = runbook_markdown(POLICIES, date(2026, 7, 1), ["slack: #margin"])
    assert "| assistant   | 70 %  | role premium      | 78 %       | finance     |" in page
    assert "| search      | 70 %  | hosting cacheable | 78 %       | search team |" in page
    assert "| code        | 55 %  | stated            | 57 %       | finance     |" in page
    assert "- assistant: red: its exception was to be reviewed by 2026-06-30 (launch year)" in page
    assert "| red    | below the floor, or an exception past its review date | 24 h           |" in page
    assert "4 h after its deadline goes to the CTO" in page
    assert "- retries and fallbacks (`retries`): cap them at two" in page
    assert "- input tokens" in page
    assert "- slack: #margin" in page


def test_the_runbook_is_a_document_too():
    document = runbook_document(POLICIES, date(2026, 6, 1), [])
    features = document["features"]
    assert isinstance(features, dict)
    assert features["assistant"]["floor"] == "0.30"
    assert features["assistant"]["exception"] == {
        "floor": "0.30", "reason": "launch year", "review_by": "2026-06-30", "lapsed": False,
    }  # fmt: skip
    assert features["code"]["yellow_band"] == "0.02"
    assert document["escalation"] == {"to": "the CTO", "after_hours": 4}
