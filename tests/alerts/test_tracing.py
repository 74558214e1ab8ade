"""The figure that a rule judges, drawn day by day: the same on the last day as the rule's own."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.alerts.figures import Picture, Span, Track, Tracks
from floorline.alerts.rules import conditions
from floorline.alerts.tracing import SHOWN_DAYS, TRACES, days_back, traced
from floorline.alerts.tuning import Tuning
from floorline.margin.floors import floor_on
from floorline.margin.policy import FeaturePolicy

USD = 10**12
START = date(2026, 2, 2)
DAYS = 70
TODAY = START + timedelta(days=DAYS)
NOW = datetime(2026, 4, 13, 6, tzinfo=UTC)


def day(number):
    cost = 40 + number % 7 + (60 if number >= DAYS - 3 else 0)
    return Span(100 * USD, cost * USD, cost * USD, 1_000, 1_000, cost * USD // 5)


TRACK = Track([day(number) for number in range(DAYS)])


@pytest.fixture(scope="module")
def judged():
    tracks = Tracks(start=START, features={"chat": TRACK}, customers={"acme": TRACK}, total=TRACK)
    floor = floor_on(TODAY, FeaturePolicy(name="chat"))
    picture = Picture(now=NOW, today=TODAY, tracks=tracks, floors={"chat": floor})
    return {(one.rule, one.subject): one.value for one in conditions(picture, Tuning())}


@pytest.mark.parametrize("rule", TRACES)
def test_the_last_day_drawn_is_what_the_rule_judges(rule, judged):
    window = Tuning().rules[rule].window_days
    points = traced(rule, TRACK, START, TODAY, window)
    assert [one.day for one in points] == [TODAY - timedelta(days=back) for back in range(SHOWN_DAYS, 0, -1)]
    subject = {"customer_cost_to_revenue": "acme", "unattributed_share": ""}.get(rule, "chat")
    assert points[-1].value == judged[rule, subject]
    assert points[0].value is not None, "so many days reach far enough"
    assert days_back(rule, window) <= DAYS


def test_a_stretch_that_begins_before_there_was_anything_is_unknown():
    young = Track([day(number) for number in range(10)])
    points = traced("margin_red", young, TODAY - timedelta(days=10), TODAY, 3)
    assert [one.value is None for one in points[-10:]] == [True, True, *[False] * 8]
    assert points[-1].value == 1 - Decimal(sum(40 + n % 7 for n in (7, 8, 9))) / 300
