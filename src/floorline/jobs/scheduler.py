"""Runs the control process's jobs: each in a thread of its own, under a lease that is kept on a shelf.

The collector has its own thread and waits for none of them. Of jobs that are in time no more than `PARALLEL` run at once;
one that hangs past its deadline gives its place free, is shown, and is not begun again by this process until it returns.
"""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import getpid

from floorline.errors import FloorlineError
from floorline.jobs.schedule import LEASE, Job, JobRecord, Outcome, ended, noted, renewed, retired, taken
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State

log = logging.getLogger(__name__)

KIND = "job"
PARALLEL = 2
TICK_S = 1
STOP_WAIT_S = 5
"""How long runs under way may take to end when the process is told to."""


def job_records(state: State) -> Shelf[JobRecord]:
    """Where the records of jobs are, by the job's name."""
    return Shelf(state, KIND, JobRecord)


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run that is under way. `told` when it was said to be overdue."""

    job: Job
    fence: int
    started_at: datetime
    leased_from: datetime
    began_ns: int
    thread: threading.Thread = field(default_factory=threading.Thread)
    told: bool = False


class Scheduler:
    """Jobs that are run when they are due. `start`, then `stop`; or `tick` again and again."""

    def __init__(
        self,
        state: State,
        jobs: Sequence[Job],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stop_wait_s: int = STOP_WAIT_S,
    ) -> None:
        self._records = job_records(state)
        self._jobs = _by_name(jobs)
        self._clock, self._stop_wait_s = clock, stop_wait_s
        self._holder = f"{socket.gethostname()}/{getpid()}/{secrets.token_hex(3)}"
        self._under_way: dict[str, _Run] = {}
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Look for due jobs from now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more and let runs end. One that does not end in time is given up: the next process does it again."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        until = time.monotonic() + self._stop_wait_s
        for run in self._runs():
            run.thread.join(max(0, until - time.monotonic()))
        for run in self._runs():
            self._keep(run, "", "the control process ended before it did")

    def replace(self, jobs: Sequence[Job]) -> None:
        """From now on these are the jobs. Runs under way go on."""
        self._jobs = _by_name(jobs)

    def wait(self) -> None:
        """Until every run that is under way has ended."""
        for run in self._runs():
            run.thread.join()

    def tick(self) -> None:
        """Renew the leases of what runs, and begin what is due, the longest due first."""
        now, jobs = self._clock(), self._jobs
        for run in self._runs():
            self._watch(run, now)
        records = self._noted(jobs, now)
        for name in sorted(jobs, key=lambda name: (records[name].due_at, name)):
            in_time = sum(not run.told for run in self._runs())
            if in_time < PARALLEL and name not in self._under_way and records[name].due_at <= now:
                self._begin(jobs[name], now)

    def records(self) -> dict[str, JobRecord]:
        """What is kept of each job in the configuration."""
        return {name: record for name, record in self._records.all().items() if name in self._jobs}

    def _loop(self) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                self.tick()
            except Exception:  # the job loop: the state may be locked or its disk full, and may be well again
                log.exception("due jobs could not be looked for")

    def _noted(self, jobs: dict[str, Job], now: datetime) -> dict[str, JobRecord]:
        """The records of the jobs with their times; those of jobs that are gone are retired."""
        records = self._records.all()
        for name, record in records.items():
            if name not in jobs and not record.retired:
                self._records.change(name, retired, now=now)
        for name, job in jobs.items():
            if (after := noted(job, records.get(name), now)) != records.get(name):
                self._records.change(name, lambda known, job=job: noted(job, known, now), now=now)
            records[name] = after
        return records

    def _begin(self, job: Job, now: datetime) -> None:
        """Run the job in a thread, if its lease can be had."""
        made: JobRecord | None = None

        def change(known: JobRecord | None) -> JobRecord | None:
            nonlocal made
            made = taken(job, known, self._holder, now)
            return made or known

        kept = self._records.change(job.name, change, now=now)
        if made is None or kept is not made:
            return
        run = _Run(job=job, fence=kept.fence, started_at=now, leased_from=now, began_ns=time.monotonic_ns())
        run.thread = threading.Thread(target=self._run, args=(run,), name=f"job {job.name}", daemon=True)
        with self._changing:
            self._under_way[job.name] = run
        run.thread.start()

    def _watch(self, run: _Run, now: datetime) -> None:
        """Hold its lease while it is in time; say so once when it is not."""
        if now - run.started_at > run.job.deadline:
            if not run.told:
                run.told = True
                log.error("job %s runs since %s and should have ended within %s", run.job.name, run.started_at.isoformat(timespec="seconds"), run.job.deadline)  # fmt: skip
        elif now - run.leased_from >= LEASE / 3:
            self._records.change(run.job.name, lambda known: renewed(known, run.fence, now), now=now)
            run.leased_from = now

    def _run(self, run: _Run) -> None:
        try:
            self._keep(run, *_outcome(run))
        except Exception:  # the job loop: its lease runs out, and it is done again
            log.exception("what became of job %s could not be kept", run.job.name)
        finally:
            with self._changing:
                del self._under_way[run.job.name]

    def _keep(self, run: _Run, said: str, error: str) -> None:
        now = self._clock()
        duration_ms = (time.monotonic_ns() - run.began_ns) // 1_000_000
        outcome = Outcome(at=now, duration_ms=duration_ms, said=said, error=error)
        kept = self._records.change(run.job.name, lambda known: ended(run.job, known, run.fence, outcome), now=now)
        if kept is not None and kept.fence != run.fence:
            log.error("job %s ran on after its lease was over, and another process has run it meanwhile", run.job.name)

    def _runs(self) -> list[_Run]:
        with self._changing:
            return list(self._under_way.values())


def _outcome(run: _Run) -> tuple[str, str]:
    """Run the job; what it said, and its error."""
    name = run.job.name
    try:
        said = run.job.run(run.started_at)
    except FloorlineError as error:
        log.error("job %s failed: %s", name, error)  # noqa: TRY400 - its own words say it all
        return "", str(error)
    except Exception as error:  # the job loop: one job's defect stops no other
        log.exception("job %s failed", name)
        return "", f"{type(error).__name__}: {error}"
    if said:
        log.info("job %s: %s", name, said)
    return said, ""


def _by_name(jobs: Sequence[Job]) -> dict[str, Job]:
    named = {job.name: job for job in jobs}
    assert len(named) == len(jobs), "a job's name is its own"
    return named
