"""A job runs when it is due, in one process at a time; what is kept of it is its last holder's word."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.jobs.schedule import (
    BACKOFF_MAX,
    BACKOFF_SHORT,
    LEASE,
    Job,
    Outcome,
    daily,
    ended,
    noted,
    renewed,
    retired,
    taken,
    weekly,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


def job(**fields) -> Job:
    return Job(**{"name": "j", "every": HOUR, "run": lambda _: "", "deadline": timedelta(minutes=5), **fields})


def well(at, said="done"):
    return Outcome(at=at, duration_ms=1, said=said)


def badly(at):
    return Outcome(at=at, duration_ms=1, error="broke")


def test_a_new_job_is_due_at_once_and_then_an_hour_after_it_began():
    record = taken(job(), None, "a", NOON)
    assert (record.fence, record.holder, record.leased_until) == (1, "a", NOON + LEASE)
    done = ended(job(), record, 1, well(NOON + timedelta(minutes=3)))
    assert (done.holder, done.outcome, done.due_at) == ("", "done", NOON + HOUR)
    assert taken(job(), done, "a", NOON + HOUR - timedelta(seconds=1)) is None
    assert taken(job(), done, "a", NOON + HOUR).fence == 2


def test_a_job_of_a_time_of_day_waits_for_it_and_makes_up_for_missed_ones_once():
    nightly = job(every=daily(time(3), ZoneInfo("UTC")))
    seen = noted(nightly, None, NOON)
    three = datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert seen.due_at == three
    assert taken(nightly, seen, "a", three - timedelta(seconds=1)) is None
    late = three + timedelta(days=4, hours=2)
    done = ended(nightly, taken(nightly, seen, "a", late), 1, well(late))
    assert done.due_at == datetime(2026, 1, 7, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-03-28T01:00:00Z", "2026-03-28T01:30:00Z"),
        ("2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"),  # 02:30 is left out: it is 03:30 summer time
        ("2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
        ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),  # 02:30 comes twice: the first counts
        ("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
    ],
)
def test_a_time_of_day_comes_once_a_day_whatever_the_clock_does(start, due):
    assert daily(time(2, 30), BERLIN)(datetime.fromisoformat(start)) == datetime.fromisoformat(due)


def test_a_week_later_is_the_same_weekday():
    monday = weekly(0, time(7), ZoneInfo("UTC"))
    assert monday(NOON) == datetime(2026, 1, 5, 7, tzinfo=UTC)
    assert monday(datetime(2026, 1, 5, 7, tzinfo=UTC)) == datetime(2026, 1, 12, 7, tzinfo=UTC)


def test_failures_are_tried_again_after_pauses_that_grow():
    record, now, pauses = None, NOON, []
    daily_job = job(every=timedelta(days=1))
    for _ in range(10):
        record = ended(
            daily_job, taken(daily_job, record, "a", now), 1 if record is None else record.fence + 1, badly(now)
        )
        pauses.append(record.due_at - now)
        now = record.due_at
    assert pauses[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert pauses[-1] == BACKOFF_MAX
    assert (record.failures, record.failures_total, record.error) == (10, 10, "broke")
    mended = ended(daily_job, taken(daily_job, record, "a", now), record.fence + 1, well(now))
    assert (mended.failures, mended.failures_total, mended.error) == (0, 10, "")
    often, record, now = job(every=timedelta(seconds=5)), None, NOON
    for number in range(1, 8):
        record = ended(often, taken(often, record, "a", now), number, badly(now))
        now = record.due_at
    assert record.due_at - record.ended_at == BACKOFF_SHORT


def test_a_lease_that_holds_keeps_others_out_and_one_that_ran_out_does_not():
    mine = taken(job(), None, "a", NOON)
    assert taken(job(), mine, "b", NOON + LEASE) is None or mine.leased_until <= NOON + LEASE
    assert taken(job(), mine, "b", NOON + LEASE - timedelta(seconds=1)) is None
    longer = renewed(mine, 1, NOON + LEASE / 2)
    assert taken(job(), longer, "b", NOON + LEASE) is None
    theirs = taken(job(), longer, "b", NOON + LEASE / 2 + LEASE)
    assert (theirs.holder, theirs.fence, theirs.failures) == ("b", 2, 1)
    assert "a began it at 2026-01-01T12:00:00+00:00 and never ended it" in theirs.error


def test_a_lease_is_not_renewed_beyond_the_deadline_nor_by_one_who_lost_it():
    mine = taken(job(), None, "a", NOON)
    late = NOON + timedelta(minutes=5, seconds=1)
    assert renewed(mine, 1, late) is mine
    assert mine.is_overdue(late)
    theirs = taken(job(), mine, "b", NOON + LEASE)
    assert renewed(theirs, 1, NOON + LEASE) is theirs


def test_one_who_was_overtaken_records_nothing_but_that():
    mine = taken(job(), None, "a", NOON)
    later = NOON + LEASE
    theirs = ended(job(), taken(job(), mine, "b", later), 2, well(later, "b's"))
    after = ended(job(), theirs, 1, badly(later + LEASE))
    assert (after.outcome, after.error, after.failures, after.succeeded_at) == ("b's", "", 0, later)
    assert after.overtaken_total == 1


def test_the_lag_is_the_time_since_it_should_have_ended_well():
    fresh = noted(job(), None, NOON)
    assert fresh.lag(NOON + timedelta(minutes=7)) == timedelta(minutes=7)
    done = ended(job(), taken(job(), fresh, "a", NOON), 1, well(NOON))
    assert done.lag(NOON + HOUR) == timedelta()
    failed = ended(job(), taken(job(), done, "a", NOON + HOUR), 2, badly(NOON + HOUR))
    assert failed.lag(NOON + 3 * HOUR) == 2 * HOUR


def test_another_interval_holds_at_once_and_a_job_that_is_gone_is_retired():
    done = ended(job(), taken(job(), None, "a", NOON), 1, well(NOON))
    assert noted(job(every=timedelta(minutes=1)), done, NOON).due_at == NOON + timedelta(minutes=1)
    gone = retired(done)
    assert gone.retired
    assert not noted(job(), gone, NOON).retired
    running = taken(job(), None, "a", NOON)
    assert retired(running) is running


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["take", "renew", "well", "badly"]), st.integers(0, 90)))
)
def test_at_no_time_do_two_hold_a_lease_that_is_good(steps):
    """Whatever three processes do in whatever order: who has the newest number is the only one with a lease."""
    record, now, held = None, NOON, {}
    for who, does, seconds in steps:
        now += timedelta(seconds=seconds)
        fence = held.get(who, 0)
        before = record
        if does == "take":
            got = taken(job(every=timedelta(seconds=40)), record, who, now)
            if got is not None:
                assert record is None or record.leased_until is None or record.leased_until <= now
                record, held[who] = got, got.fence
        elif does == "renew":
            record = renewed(record, fence, now)
        elif fence:
            record = ended(job(), record, fence, well(now, who) if does == "well" else badly(now))
            if before.fence != fence or not before.holder:
                assert (record.holder, record.outcome, record.error) == (before.holder, before.outcome, before.error)
            held.pop(who)
