"""Threads, leases and shelves together, on a clock that the test moves."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from floorline.errors import BadInput
from floorline.jobs.exposition import job_figures
from floorline.jobs.schedule import LEASE, Job
from floorline.jobs.scheduler import Scheduler
from floorline.ledger.state import State
from tests.support.processes import until

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def state(tmp_path):
    opened = State.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Hanging:
    """A job's run that ends when it is told to."""

    def __init__(self) -> None:
        self.begun, self.let_go, self.runs = threading.Event(), threading.Event(), 0

    def __call__(self, _: datetime) -> str:
        self.runs += 1
        self.begun.set()
        assert self.let_go.wait(30)
        return "at last"


def job(name, run, **fields) -> Job:
    return Job(**{"name": name, "every": HOUR, "run": run, **fields})


def test_due_jobs_run_and_what_became_of_them_is_kept(state, clock):
    def broken(_):
        raise ZeroDivisionError("by zero")

    def refused(_):
        raise BadInput("no file: name one")

    jobs = [job("good", lambda now: f"done at {now:%H:%M}"), job("broken", broken), job("refused", refused)]
    scheduler = Scheduler(state, jobs, clock=clock)
    for _ in range(3):
        scheduler.tick()
        scheduler.wait()
    kept = scheduler.records()
    assert kept["good"].outcome == "done at 12:00"
    assert kept["broken"].error == "ZeroDivisionError: by zero"
    assert kept["refused"].error == "no file: name one"
    clock.now += HOUR
    text = "".join(job_figures(kept, clock.now))
    assert f'floorline_job_last_success_timestamp{{job="good"}} {int(NOON.timestamp())}\n' in text
    assert 'floorline_job_failures_total{job="broken"} 1\n' in text
    assert 'floorline_job_lag_seconds{job="broken"} 3600\n' in text
    assert 'floorline_job_lag_seconds{job="good"} 0\n' in text


def test_of_two_processes_of_one_state_one_runs_a_job(state, clock, tmp_path):
    runs, other = [], State.open(tmp_path)
    both = [
        Scheduler(each, [job("j", lambda _, n=n: runs.append(n) or "")], clock=clock)
        for n, each in enumerate((state, other))
    ]
    for _ in range(3):
        threads = [threading.Thread(target=one.tick) for one in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in both:
            one.wait()
        clock.now += HOUR
    assert len(runs) == 3
    other.close()


def test_a_job_that_hangs_is_overdue_holds_no_other_up_and_is_overtaken_by_another_process(state, clock):
    hanging, others = Hanging(), []
    jobs = [job("hangs", hanging, deadline=timedelta(minutes=2))]
    jobs += [job(f"other{n}", lambda _, n=n: others.append(n) or "", every=timedelta(days=1)) for n in range(4)]
    one = Scheduler(state, jobs, clock=clock)
    two = Scheduler(state, [job("hangs", lambda _: "by the other")], clock=clock)
    one.tick()
    assert hanging.begun.wait(30)
    for _ in range(8):
        clock.now += LEASE / 3
        one.tick()
        two.tick()
        two.wait()
    until(lambda: one.tick() or len(others) == 4, seconds=30, what="the end of the other jobs")
    assert (hanging.runs, sorted(others)) == (1, [0, 1, 2, 3])
    assert two.records()["hangs"].outcome == "", "its lease was renewed until its deadline"
    assert one.records()["hangs"].is_overdue(clock.now)
    assert 'floorline_job_overdue{job="hangs"} 1\n' in "".join(job_figures(one.records(), clock.now))
    clock.now += 2 * LEASE
    two.tick()
    two.wait()
    assert two.records()["hangs"].outcome == "by the other"
    hanging.let_go.set()
    one.wait()
    kept = one.records()["hangs"]
    assert (kept.outcome, kept.overtaken_total, kept.failures_total) == ("by the other", 1, 1)


def test_a_job_that_is_replaced_by_a_reload_runs_as_the_new_one_and_one_that_is_gone_no_more(state, clock):
    runs = []
    scheduler = Scheduler(state, [job("a", lambda _: runs.append("a") or ""), job("b", lambda _: runs.append("b") or "")], clock=clock)  # fmt: skip
    scheduler.tick()
    scheduler.wait()
    scheduler.replace([job("b", lambda _: runs.append("new b") or "", every=timedelta(minutes=1))])
    clock.now += timedelta(minutes=1)
    scheduler.tick()
    scheduler.wait()
    assert sorted(runs) == ["a", "b", "new b"]
    assert list(scheduler.records()) == ["b"]


def test_a_run_that_the_process_ended_before_is_begun_again_soon(state, clock):
    hanging = Hanging()
    scheduler = Scheduler(state, [job("j", hanging, every=timedelta(days=1))], clock=clock, stop_wait_s=0)
    scheduler.tick()
    assert hanging.begun.wait(30)
    scheduler.stop()
    assert scheduler.records()["j"].error == "the control process ended before it did"
    hanging.let_go.set()
    scheduler.wait()
    clock.now += timedelta(seconds=30)
    after = Scheduler(state, [job("j", lambda _: "again", every=timedelta(days=1))], clock=clock)
    after.tick()
    after.wait()
    assert after.records()["j"].outcome == "again"
