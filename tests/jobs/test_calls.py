"""Finding calls: what a search gives is what a plain look at every record gives, in the same order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.errors import BadInput
from floorline.jobs.calls import CallFilter, Cursor, find_calls
from tests.margin.company import keep
from tests.support.records import START, adjustment, call, outcome

CALLS = [call(number) for number in range(1, 600)]
ALL = {"environment": "all", "purpose": "all"}
SPAN = {"start": START, "end": START + timedelta(days=40)}
FIRST = CALLS[0]


@pytest.fixture
def filled(ledger):
    changed = adjustment(CALLS[6], 1, Decimal("0.75"))
    keep(ledger, [*CALLS, outcome(5), outcome(6), changed])
    return ledger


def newest(calls):
    return [one.id for one in sorted(calls, key=lambda one: (one.opened_at, one.source, one.id), reverse=True)]


def ids(ledger, rows=1_000, after=None, **asked):
    found = find_calls(ledger, CallFilter(**{**SPAN, **ALL, **asked}), rows=rows, after=after)
    assert not found.is_cut
    return [one.id for one in found.calls]


def test_every_filter_finds_what_a_look_at_each_record_finds(filled):
    cases = [
        ({}, lambda _: True),
        ({"environment": "production"}, lambda one: one.environment == "production"),
        ({"start": START + timedelta(hours=30)}, lambda one: one.opened_at >= START + timedelta(hours=30)),
        ({"end": START + timedelta(hours=30)}, lambda one: one.opened_at < START + timedelta(hours=30)),
        ({"id": "call-77"}, lambda one: one.id == "call-77"),
        ({"customers": ("customer-3", "customer-4")}, lambda one: one.customer_id in {"customer-3", "customer-4"}),
        ({"user": "user-7"}, lambda one: one.user_id == "user-7"),
        ({"features": ("reports",)}, lambda one: one.feature == "reports"),
        ({"plans": ("pro",)}, lambda one: one.plan == "pro"),
        ({"workflow": "flow-1", "step": "step-0"}, lambda one: one.workflow == "flow-1" and one.step == "step-0"),
        ({"run": "run-9"}, lambda one: one.run_id == "run-9"),
        ({"model": "model-2"}, lambda one: one.model_served == "model-2"),
        ({"provider": "nobody"}, lambda _: False),
        ({"status": 503}, lambda one: one.status == 503),
        ({"basis": "unpriced"}, lambda one: one.cost_basis == "unpriced"),
        ({"cost_min": Decimal("0.05")}, lambda one: (one.effective_cost or 0) >= Decimal("0.05")),
        ({"streamed": True}, lambda one: one.streamed),
        ({"streamed": False}, lambda one: not one.streamed),
        ({"unattributed": True}, lambda one: not one.customer_id or not one.feature),
        ({"outcome": "success"}, lambda one: one.run_id in {"run-5", "run-6"}),
        ({"outcome": "failed"}, lambda _: False),
        ({"guardrail": "cache"}, lambda one: any(touch.guardrail == "cache" for touch in one.touches)),
        ({"ending": "complete", "verdict": "forward"}, lambda one: one.ending == "complete"),
    ]
    for asked, wanted in cases:
        assert ids(filled, **asked) == newest(filter(wanted, CALLS)), asked


def test_pages_follow_one_another_without_a_gap_or_a_call_twice(filled):
    pages, cursor = list[str](), None
    while True:
        found = find_calls(filled, CallFilter(**SPAN, **ALL), rows=70, after=cursor)
        pages += [one.id for one in found.calls]
        if found.cursor is None:
            break
        assert found.more
        cursor = Cursor.read(str(found.cursor))
    assert pages == newest(CALLS)


def test_calls_of_the_same_instant_are_told_apart_by_a_cursor(ledger):
    same = [call(number, opened_at=START) for number in range(5)]
    keep(ledger, same)
    first = find_calls(ledger, CallFilter(**SPAN, **ALL), rows=2)
    assert [one.id for one in first.calls] + ids(ledger, after=first.cursor) == newest(same)


def test_a_cost_is_that_of_now_and_an_unknown_one_is_unknown(filled):
    found = {one.id: one for one in find_calls(filled, CallFilter(**SPAN, **ALL), rows=1_000).calls}
    assert (found["call-7"].cost, found["call-7"].basis) == (Decimal("0.75"), "computed")
    assert (found["call-14"].cost, found["call-14"].basis) == (None, "unpriced")
    assert found["call-8"].cost == CALLS[7].effective_cost


def test_a_search_whose_time_is_used_up_says_how_far_it_came(filled):
    found = find_calls(filled, CallFilter(**SPAN, **ALL), rows=10, seconds=0)
    assert (found.calls, found.is_cut, found.searched_to) == ([], True, SPAN["end"])
    assert ids(filled, rows=3, after=found.cursor) == newest(CALLS)[:3]


@pytest.mark.parametrize("text", ["", "2026", "2026-01-01~a~b", "x~y~z"])
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(BadInput, match="is no cursor"):
        Cursor.read(text)


def test_a_cursor_reads_back_whatever_the_id_holds():
    cursor = Cursor(datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC), "import", "a~b ~ c")
    assert Cursor.read(str(cursor)) == cursor
