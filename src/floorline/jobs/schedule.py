"""When a job of the control process is due, who may run it, and what is kept of its runs.

    due ─▶ taken (a lease with a number) ─▶ run ─▶ ended (by the holder of that number alone)

Everything here is pure: a record, an instant, the record after it. `jobs.scheduler` keeps records and runs jobs.

A lease is held by one control process and renewed while its job runs, up to the job's deadline. When it runs out another
control process may take the job; the number that each taking counts up keeps the earlier one from recording over the later.
Two control processes of one state may differ by half a lease in their clocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

LEASE = timedelta(seconds=60)
BACKOFF = timedelta(seconds=30)
BACKOFF_MAX = timedelta(hours=1)
BACKOFF_SHORT = timedelta(minutes=5)
"""The longest pause of a job that is due more often than that."""

TEXT_MAX = 2_000
"""Characters kept of what a run said or raised."""

_DAYS_AHEAD = 100
"""Further ahead than this no next time is looked for."""

NextTime = Callable[[datetime], datetime]
"""From the start of a run to the start of the next one."""


def daily(at: time, zone: ZoneInfo) -> NextTime:
    """Every day at a time of the clock in `zone`; one that a change of the clock leaves out is as much later."""
    return lambda start: _next(start, at, zone, lambda _: True)


def weekly(weekday: int, at: time, zone: ZoneInfo) -> NextTime:
    """As `daily`, on one day of the week: 0 is Monday."""
    return lambda start: _next(start, at, zone, lambda day: day.weekday() == weekday)


def quarterly(day: int, at: time, zone: ZoneInfo) -> NextTime:
    """As `daily`, on one day of the first month of a quarter."""
    return lambda start: _next(start, at, zone, lambda one: one.day == day and one.month % 3 == 1)


def _next(start: datetime, at: time, zone: ZoneInfo, is_one: Callable[[date], bool]) -> datetime:
    first = start.astimezone(zone).date()
    times = (
        datetime.combine(day, at, zone).astimezone(UTC)
        for day in (first + timedelta(days=number) for number in range(_DAYS_AHEAD))
        if is_one(day)
    )
    return next(time for time in times if time > start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something that is done now and again. `run` takes the instant and says in one line what it did.

    `every` is the time from one start to the next, the first being at once; or a function from one start to the next, which
    for the first is asked with the instant at which the job was first seen. Times that were missed are made up for by one
    run. What `run` raises is kept as the job's error, and it is tried again after pauses that grow. A run that takes longer
    than `deadline` is shown as overdue, and another control process may then run the job too: `run` may come twice, and
    must do no harm by it.
    """

    name: str
    every: timedelta | NextTime
    run: Callable[[datetime], str]
    deadline: timedelta = timedelta(minutes=10)

    def after(self, start: datetime) -> datetime:
        """When it is due after a run that began at `start`."""
        return start + self.every if isinstance(self.every, timedelta) else self.every(start)

    def first(self, seen: datetime) -> datetime:
        """When it is due for the first time."""
        return seen if isinstance(self.every, timedelta) else self.every(seen)


class JobRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a job. `due_at` is its next start, after failures a sooner one than `regular_at`, which is when it was
    due after its last success: the time since then is its lag.

    A run is under way while `holder` is not ''; it is overdue from `deadline_at` on. `fence` counts takings, `failures` those
    in a row, `failures_total` all, `overtaken_total` runs that went on after another process had taken the job over.
    `retired`: the job is not in the configuration any more.
    """

    seen_at: datetime
    due_at: datetime
    regular_at: datetime
    fence: int = 0
    holder: str = ""
    leased_until: datetime | None = None
    deadline_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    succeeded_at: datetime | None = None
    duration_ms: int | None = None
    outcome: str = ""
    error: str = ""
    failures: int = 0
    failures_total: int = 0
    overtaken_total: int = 0
    retired: bool = False

    def lag(self, now: datetime) -> timedelta:
        """How long ago it should have succeeded, 0 when it need not have yet."""
        return max(now - self.regular_at, timedelta())

    def is_overdue(self, now: datetime) -> bool:
        """Whether a run is under way that has taken longer than it may."""
        return bool(self.holder) and self.deadline_at is not None and now > self.deadline_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: what it said, or its error."""

    at: datetime
    duration_ms: int
    said: str = ""
    error: str = ""


def noted(job: Job, record: JobRecord | None, now: datetime) -> JobRecord:
    """The record with the times that the job has by now: it may be new, or have another interval than before."""
    if record is None:
        return JobRecord(seen_at=now, due_at=job.first(now), regular_at=job.first(now))
    regular_at = job.first(record.seen_at) if record.succeeded_at is None else job.after(record.succeeded_at)
    return replace(record, due_at=_due_at(job, record), regular_at=regular_at, retired=False)


def _due_at(job: Job, record: JobRecord) -> datetime:
    if record.holder:
        assert record.leased_until is not None, "a holder has a lease"
        return record.leased_until + _pause(record.failures)
    if record.started_at is None:
        return job.first(record.seen_at)
    regular = job.after(record.started_at)
    if not record.failures:
        return regular
    longest = max(regular - record.started_at, BACKOFF_SHORT)
    return (record.ended_at or record.started_at) + min(_pause(record.failures), longest)


def _pause(failures: int) -> timedelta:
    """How long to wait after that many failures in a row."""
    return min(BACKOFF * 2 ** min(failures - 1, 16), BACKOFF_MAX) if failures else timedelta()


def taken(job: Job, record: JobRecord | None, holder: str, now: datetime) -> JobRecord | None:
    """The record with a lease of `holder`, None when the job is not due or another's lease holds. A run of another process
    that never ended counts as a failure.
    """
    known = noted(job, record, now)
    if known.due_at > now or (known.leased_until is not None and known.leased_until > now):
        return None
    if known.holder:
        known = replace(
            known,
            failures=known.failures + 1,
            failures_total=known.failures_total + 1,
            error=f"{known.holder} began it at {_stamp(known.started_at)} and never ended it",
        )
    return replace(
        known,
        fence=known.fence + 1,
        holder=holder,
        started_at=now,
        deadline_at=now + job.deadline,
        leased_until=now + LEASE,
    )


def renewed(record: JobRecord | None, fence: int, now: datetime) -> JobRecord | None:
    """The record with a longer lease, as it is when its deadline is over or another has it."""
    if record is None or record.fence != fence or not record.holder or record.is_overdue(now):
        return record
    return replace(record, leased_until=now + LEASE)


def ended(job: Job, record: JobRecord | None, fence: int, outcome: Outcome) -> JobRecord | None:
    """The record after the run of that number. When another process took the job meanwhile its figures stay, and that the
    run was overtaken is counted.
    """
    if record is None:
        return None
    if record.fence != fence or not record.holder:
        return replace(record, overtaken_total=record.overtaken_total + 1)
    done = replace(
        record,
        holder="",
        leased_until=None,
        deadline_at=None,
        ended_at=outcome.at,
        duration_ms=outcome.duration_ms,
        error=outcome.error[:TEXT_MAX],
    )
    if outcome.error:
        done = replace(done, failures=done.failures + 1, failures_total=done.failures_total + 1)
    else:
        done = replace(done, failures=0, succeeded_at=outcome.at, outcome=outcome.said[:TEXT_MAX])
    return noted(job, done, outcome.at)


def retired(record: JobRecord | None) -> JobRecord | None:
    """The record of a job that the configuration has no more; it is as it was while a run is under way."""
    return record if record is None or record.holder else replace(record, retired=True)


def _stamp(instant: datetime | None) -> str:
    return "an unknown time" if instant is None else instant.isoformat(timespec="seconds")
