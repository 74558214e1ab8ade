"""What happens to the demo company's calls: on which day, to whom, and what each guardrail says of it."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from floorline.guardrails.frame import MILLION, held_out, unit_of
from floorline.sandbox import company as own
from floorline.sandbox import story
from floorline.sandbox.calendar import Calendar
from floorline.sandbox.demo import founded, lived
from floorline.sandbox.rows import UsageRow
from floorline.sandbox.story import as_asked, cost_of
from floorline.sandbox.traffic import open_traffic

CALENDAR = Calendar(until=date(2026, 10, 16))


@pytest.fixture(scope="module")
def rows() -> list[UsageRow]:
    company = founded(open_traffic(None), 1, own.SMALL)
    stretches = (*CALENDAR.earlier, CALENDAR.shown)
    return [row for stretch in stretches for row in lived(company, 1, CALENDAR, stretch).usage]


def day_of(row: UsageRow) -> int:
    return (row.timestamp.date() - CALENDAR.opened).days


def test_reports_change_their_model_and_contracts_their_prompt_on_their_days(rows: list[UsageRow]) -> None:
    models = {(day_of(row) >= story.REPORTS_DAY, row.model) for row in rows if row.step == "section"}
    assert models == {(False, own.BEFORE.name), (True, own.STRONG.name)}
    prompts = {(day_of(row) >= story.PROMPT_DAY, row.baseline) for row in rows if row.step == "analyse"}
    assert prompts == {(False, story.EARLIER_PROMPT), (True, story.LONGER_PROMPT)}


def test_calls_without_a_customer_are_the_code_assistants_on_two_days(rows: list[UsageRow]) -> None:
    nameless = [row for row in rows if not row.customer_id]
    assert nameless
    assert {row.feature for row in nameless} == {own.CODE}
    assert {day_of(row) for row in nameless} <= set(story.NAMELESS_DAYS)


def test_who_is_held_out_is_left_alone_and_said_to_be(rows: list[UsageRow]) -> None:
    arms = Counter(
        (touch.guardrail, touch.arm, held_out(unit_of(row.customer_id, row.user_id, ""), int(story.HOLDOUT * MILLION)))
        for row in rows
        for touch in row.touches
    )
    assert {guardrail for guardrail, _, _ in arms} == {"cache", "output", "margin_rule"}
    for guardrail, arm, is_held_out in arms:
        if arm != "shadow":
            assert is_held_out == (arm == "holdout"), guardrail
    for row in rows:
        if row.cache_hit or row.model_served:
            assert any(touch.arm == "treated" for touch in row.touches)


def test_what_a_guardrail_says_that_it_saved_is_what_the_call_would_have_cost_more(rows: list[UsageRow]) -> None:
    hits = [row for row in rows if row.cache_hit]
    moved = [row for row in rows if row.model_served]
    assert hits
    assert moved
    for row in hits:
        assert (cost_of(row), row.touches[0].saved) == (0, cost_of(as_asked(row)))
    for row in moved:
        without_cap = row.touches[:1]
        assert without_cap[0].saved is not None
        if len(row.touches) == 1:
            assert without_cap[0].saved == cost_of(as_asked(row)) - cost_of(row)


def test_in_an_outage_calls_are_repeated_and_what_fails_costs_nothing(rows: list[UsageRow]) -> None:
    out = [row for row in rows if any(attempt.status == 529 for attempt in row.attempts)]
    assert out
    assert {(day_of(row), row.timestamp.hour in story.OUTAGE_HOURS) for row in out} == {(story.OUTAGE_DAY, True)}
    assert all(cost_of(row) == Decimal(0) for row in out if row.status == 529)
