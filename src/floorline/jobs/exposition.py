"""The control process's figures in Prometheus' text format."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from floorline.jobs.schedule import JobRecord
from floorline.margin.freshness import Freshness

_MILLI = Decimal("0.001")


def samples(name: str, kind: str, what: str, values: Mapping[str, int | Decimal]) -> Iterator[str]:
    """A metric: its value for each set of labels (`a="b"`, or '' for none)."""
    yield f"# HELP {name} {what}\n# TYPE {name} {kind}\n"
    for labels, value in values.items():
        yield f"{name}{{{labels}}} {value}\n" if labels else f"{name} {value}\n"


def job_figures(records: Mapping[str, JobRecord], now: datetime) -> Iterator[str]:
    """How every job stands."""

    def each(figure: Callable[[JobRecord], int | Decimal | None]) -> dict[str, int | Decimal]:
        """The figure of each job that has one."""
        found = {name: figure(record) for name, record in records.items()}
        return {f'job="{name}"': value for name, value in found.items() if value is not None}

    yield from samples("floorline_job_last_success_timestamp", "gauge", "when a job last ended well, in epoch seconds", each(lambda one: None if one.succeeded_at is None else int(one.succeeded_at.timestamp())))  # fmt: skip
    yield from samples("floorline_job_duration_seconds", "gauge", "how long a job's last run took", each(lambda one: None if one.duration_ms is None else one.duration_ms * _MILLI))  # fmt: skip
    yield from samples("floorline_job_lag_seconds", "gauge", "how long ago a job should have ended well", each(lambda one: int(one.lag(now).total_seconds())))  # fmt: skip
    yield from samples("floorline_job_failures_total", "counter", "runs of a job that failed or never ended", each(lambda one: one.failures_total))  # fmt: skip
    yield from samples("floorline_job_overdue", "gauge", "1 while a run takes longer than it may", each(lambda one: int(one.is_overdue(now))))  # fmt: skip


def revenue_figures(fresh: Freshness, now: datetime) -> Iterator[str]:
    """How fresh a live source of revenue is. The lag is absent until it was read whole once."""
    labels, lag = f'source="{fresh.source}"', fresh.lag(now)
    lags = {} if lag is None else {labels: int(lag.total_seconds())}
    yield from samples("floorline_revenue_lag_seconds", "gauge", "how long ago revenue was complete", lags)
    yield from samples("floorline_revenue_stale", "gauge", "1 while revenue is older than its limit", {labels: int(fresh.is_stale(now))})  # fmt: skip
    yield from samples("floorline_revenue_waiting", "gauge", "documents that changed and are not fetched yet", {labels: fresh.waiting})  # fmt: skip
    yield from samples("floorline_revenue_refused", "gauge", "documents that are not in the ledger", {labels: fresh.refused})  # fmt: skip
