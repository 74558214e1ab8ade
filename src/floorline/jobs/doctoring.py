"""What `floorline doctor` makes of what it sees: findings with a level, and how to mend what is wrong."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from floorline.delivery.outbox import Delivery
from floorline.jobs.schedule import JobRecord
from floorline.ledger.lock import is_free
from floorline.ledger.snapshot import GATEWAYS
from floorline.ledger.spool import segment_paths, used_bytes
from floorline.margin.freshness import Freshness, duration_text
from floorline.margin.metrics import Sums

Level = Literal["ok", "warning", "wrong"]

LAG_WARNING = timedelta(minutes=10)
LAG_WRONG = timedelta(days=1)
FAILURES_WRONG = 3
BEHIND = timedelta(seconds=60)
SEGMENTS_BEHIND = 3
STUCK = timedelta(hours=1)
SKEW_WARNING_S = 30
SKEW_WRONG_S = 240
"""Stripe's signatures are taken for five minutes."""

FREE_BYTES_MIN = 1 << 30
UNATTRIBUTED_MAX = Decimal("0.05")
PRIVATE_FILES = ("secret", "keyring", "control.token", "state.sqlite", "answers")
_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: `area` and what is so; `mend` says what to do, '' when nothing is to be done."""

    area: str
    level: Level
    said: str
    mend: str = ""


def ok(area: str, said: str) -> Finding:
    """Nothing is to be done."""
    return Finding(area=area, level="ok", said=said)


def warning(area: str, said: str, mend: str) -> Finding:
    """Something to look at."""
    return Finding(area=area, level="warning", said=said, mend=mend)


def wrong(area: str, said: str, mend: str) -> Finding:
    """Something that does not work, or that makes figures false."""
    return Finding(area=area, level="wrong", said=said, mend=mend)


def home_findings(home: Path) -> Iterator[Finding]:
    """Whether the folder is there, this user's, and nobody else's to read."""
    if not home.is_dir():
        yield wrong("home", f"{home} is not there", "name the folder in FLOORLINE_HOME, or import something to make it")
        return
    status = home.stat()
    if status.st_uid != os.geteuid():
        yield wrong("home", f"{home} belongs to another user (uid {status.st_uid})", "run this as its owner")
    elif status.st_mode & 0o077:
        yield warning(
            "home", f"{home} is open to others than its owner ({stat.filemode(status.st_mode)})", f"chmod 700 {home}"
        )
    else:
        yield ok("home", f"{home}, its owner's alone")
    for name in PRIVATE_FILES:
        path = home / name
        if path.exists() and path.stat().st_mode & 0o077 and status.st_mode & 0o077:
            yield wrong("home", f"{path} can be read by others", f"chmod 600 {path}")


def disk_finding(free_bytes: int, total_bytes: int) -> Finding:
    """Whether there is room to go on."""
    said = f"{free_bytes // _GIB} GiB of {total_bytes // _GIB} GiB are free"
    mend = "make room: without it gateways refuse calls or leave them unrecorded (gateway.spool.fail)"
    if free_bytes < FREE_BYTES_MIN:
        return wrong("disk", f"{free_bytes >> 20} MiB are free", mend)
    return warning("disk", said, mend) if free_bytes * 20 < total_bytes else ok("disk", said)


def gateway_findings(home: Path, now: datetime, *, control: bool) -> Iterator[Finding]:
    """Whether each gateway runs, and whether what it spooled is collected."""
    folders = sorted(path for path in (home / GATEWAYS).glob("*") if path.is_dir())
    if not folders:
        yield ok("gateways", "none has run here")
    for folder in folders:
        area, segments = f"gateway {folder.name}", segment_paths(folder / "spool")
        runs = not is_free(folder / "lock")
        state = f"{'runs' if runs else 'does not run'}, {used_bytes(folder / 'spool') >> 20} MiB in {len(segments)} segments"
        waits = len(segments) > (SEGMENTS_BEHIND if runs else 0) and _is_old(segments, now)
        if waits and control:
            yield warning(area, f"{state} wait to be collected", "see /readyz and the log of the control process")
        elif waits:
            yield wrong(
                area,
                f"{state} wait, and no control process collects them",
                "start `floorline control`, or `floorline serve`",
            )
        else:
            yield ok(area, state)


def _is_old(segments: Sequence[Path], now: datetime) -> bool:
    """Whether the oldest segment was finished some time ago."""
    try:
        return now.timestamp() - segments[0].stat().st_mtime > BEHIND.total_seconds()
    except FileNotFoundError:
        return False


def job_findings(records: Mapping[str, JobRecord], now: datetime, *, control: bool) -> Iterator[Finding]:
    """How every job stands."""
    if not records:
        yield ok("jobs", "none has run here: the control process runs them")
    for name, record in records.items():
        if not record.retired:
            yield _job(f"job {name}", record, now, control=control)


def _job(area: str, record: JobRecord, now: datetime, *, control: bool) -> Finding:
    lag = record.lag(now)
    last = (
        "never ended well"
        if record.succeeded_at is None
        else f"ended well {duration_text(now - record.succeeded_at)} ago"
    )
    took = "" if record.duration_ms is None else f", took {record.duration_ms} ms"
    if record.started_at is None and not lag:
        return ok(area, f"is due for the first time at {record.due_at:%Y-%m-%d %H:%M} UTC")
    said = f"{last}{took}" + (f", {duration_text(lag)} behind" if lag > LAG_WARNING else "")
    if record.is_overdue(now) and record.started_at is not None:
        mend = "look at the log of the control process; end that process (SIGTERM) to have the job begun again"
        return wrong(area, f"{said}; a run goes on since {record.started_at:%Y-%m-%d %H:%M} UTC and is overdue", mend)
    if record.error:
        make = wrong if record.failures >= FAILURES_WRONG or lag > LAG_WRONG else warning
        return make(
            area,
            f"{said}; failed {record.failures} times in a row: {record.error}",
            "mend what the error says: it is tried again by itself",
        )
    if lag > LAG_WARNING and not control:
        return wrong(area, said, "start `floorline control`, or `floorline serve`: nothing runs it")
    if lag > LAG_WARNING:
        return warning(area, said, "see whether other jobs are overdue: two run at once")
    return ok(area, said)


def revenue_finding(fresh: Freshness | None, now: datetime) -> Finding:
    """Whether live revenue is fresh and whole."""
    if fresh is None:
        return ok("revenue", "no live source is configured: it is as fresh as the last import")
    said = fresh.said(now)
    if fresh.is_stale(now):
        return wrong("revenue", said, "see the jobs stripe-pull and stripe-take, or run `floorline stripe pull`")
    if fresh.refused:
        return wrong("revenue", said, "`floorline stripe status` says why each is refused")
    return ok("revenue", said)


def call_findings(sums: Sums, days: int) -> Iterator[Finding]:
    """Whether the calls of the last days have prices and owners."""
    if not sums.calls:
        yield ok("calls", f"none in the last {days} days")
        return
    if sums.unpriced:
        yield warning(
            "calls", f"{sums.unpriced} of {sums.calls} of the last {days} days have no price: their cost is unknown, not 0",
            "`floorline margin --by model` names the models; state prices in floorline.yaml, then `floorline re-rate`",
        )  # fmt: skip
    share = Decimal(sums.unattributed) / sums.effective if sums.effective > 0 else Decimal(0)
    if share > UNATTRIBUTED_MAX:
        yield warning(
            "calls", f"{share * 100:.1f} % of the cost of the last {days} days has no customer or no feature",
            "bind keys to customers and features (`floorline keys`), or send them with each call (docs/attribution.md)",
        )  # fmt: skip
    if not sums.unpriced and share <= UNATTRIBUTED_MAX:
        yield ok(
            "calls", f"{sums.calls} in the last {days} days, all priced, {share * 100:.1f} % of the cost unattributed"
        )


def delivery_findings(deliveries: Iterable[Delivery], now: datetime) -> Iterator[Finding]:
    """Whether messages reach their receivers, route by route."""
    known = list(deliveries)
    if not known:
        yield ok("delivery", "no message was sent lately")
    for route in sorted({one.route for one in known}):
        of_route = [one for one in known if one.route == route]
        stuck = [one for one in of_route if one.state == "waiting" and now - one.queued_at > STUCK]
        failed = [one for one in of_route if one.state == "failed"]
        area = f"route {route}"
        if stuck:
            said = f"{len(stuck)} messages wait for more than {duration_text(STUCK)}; at last: {stuck[0].words or 'not tried'}"
            yield wrong(area, said, "mend the route in `delivery:`; they are tried again by themselves")
        elif failed:
            yield warning(
                area,
                f"{len(failed)} messages failed lately; at last: {failed[-1].words}",
                "`floorline deliveries` lists them",
            )
        else:
            yield ok(area, f"{sum(one.state == 'taken' for one in of_route)} messages taken lately")


def skew_finding(skew_s: int | None, ahead_s: int) -> Finding:
    """Whether this machine's clock is right: `skew_s` against Stripe's clock (None: it was not asked), `ahead_s` by how much
    records are dated after now.
    """
    off_s = max(abs(skew_s or 0), ahead_s)
    against = "records here" if skew_s is None or abs(skew_s) < ahead_s else "Stripe's clock"
    mend = "have the clock set by NTP: days, leases and webhooks' signatures go by it"
    if off_s > SKEW_WRONG_S:
        return wrong("clock", f"{off_s} s off {against}", mend)
    return (
        warning("clock", f"{off_s} s off {against}", mend)
        if off_s > SKEW_WARNING_S
        else ok("clock", f"at most {off_s} s off {against}")
    )
