"""Finding calls: what a search gives is what a plain look at every record gives, in the same order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.errors import BadInput
from floorline.jobs.calls import CallFilter, Cursor, find_calls
from tests.margin.company import keep
from tests.support.ledger import Opener
from tests.support.records import START, adjustment, call, outcome

CALLS = [call(number) for number in range(1, 420)]
ALL = {"environment": "all", "purpose": "all"}
SPAN = {"start": START, "end": START + timedelta(days=40)}
SAME_AT = START + timedelta(days=60)
SAME = [call(number, id=f"same-{number}", opened_at=SAME_AT) for number in range(5)]


@pytest.fixture(scope="module")
def filled(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("calls"))
    ledger = opener()
    changed = adjustment(CALLS[6], 1, Decimal("0.75"))
    keep(ledger, [*CALLS, *SAME, outcome(5), outcome(6), changed])
    yield ledger
    opener.finish()


def newest(calls):
    return [one.id for one in sorted(calls, key=lambda one: (one.opened_at, one.source, one.id), reverse=True)]


def ids(ledger, rows=1_000, after=None, **asked):
    found = find_calls(ledger, CallFilter(**{**SPAN, **ALL, **asked}), rows=rows, after=after)
    assert not found.is_cut
    return [one.id for one in found.calls]


def test_every_filter_finds_what_a_look_at_each_record_finds(filled):
    cases = [
        ({}, lambda _: True),
        (
            {"environment": "production", "start": START + timedelta(hours=30), "end": START + timedelta(hours=300)},
            lambda one: (
                one.environment == "production" and timedelta(hours=30) <= one.opened_at - START < timedelta(hours=300)
            ),
        ),
        ({"id": "call-77", "status": 200}, lambda one: one.id == "call-77"),
        (
            {"customers": ("customer-3", "customer-4"), "plans": ("pro",)},
            lambda one: one.customer_id in {"customer-3", "customer-4"} and one.plan == "pro",
        ),
        (
            {"user": "user-7", "features": ("reports",)},
            lambda one: one.user_id == "user-7" and one.feature == "reports",
        ),
        ({"workflow": "flow-1", "step": "step-0"}, lambda one: one.workflow == "flow-1" and one.step == "step-0"),
        ({"run": "run-9"}, lambda one: one.run_id == "run-9"),
        (
            {"model": "model-2", "basis": "unpriced"},
            lambda one: one.model_served == "model-2" and one.cost_basis == "unpriced",
        ),
        ({"status": 503, "streamed": False}, lambda one: one.status == 503 and not one.streamed),
        ({"cost_min": Decimal("0.05")}, lambda one: (one.effective_cost or 0) >= Decimal("0.05")),
        ({"unattributed": True}, lambda one: not one.customer_id or not one.feature),
        (
            {"outcome": "success", "ending": "complete", "verdict": "forward"},
            lambda one: one.run_id in {"run-5", "run-6"},
        ),
        *(
            ({name: value}, lambda _: False)
            for name, value in (("streamed", True), ("outcome", "failed"), ("guardrail", "cache"))
        ),
    ]
    for asked, wanted in cases:
        assert ids(filled, **asked) == newest(filter(wanted, CALLS)), asked


def test_pages_follow_one_another_without_a_gap_or_a_call_twice(filled):
    pages, cursor = list[str](), None
    while True:
        found = find_calls(filled, CallFilter(**SPAN, **ALL), rows=180, after=cursor)
        pages += [one.id for one in found.calls]
        if found.cursor is None:
            break
        assert found.more
        cursor = Cursor.read(str(found.cursor))
    assert pages == newest(CALLS)


def test_calls_of_the_same_instant_are_told_apart_by_a_cursor(filled):
    span = {"start": SAME_AT, "end": SAME_AT + timedelta(minutes=1)}
    first = find_calls(filled, CallFilter(**span, **ALL), rows=2)
    assert [one.id for one in first.calls] + ids(filled, after=first.cursor, **span) == newest(SAME)


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
