"""Whether what is known twice is the same, and whether all that there is has come in: each with what it means for a margin.

health = control.health()
for one in (*of_health(health), *of_months(closings, 3), of_quarantine(n)): one.finding.said, one.means
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from floorline.jobs.closing import Closings
from floorline.jobs.collecting import Collected
from floorline.jobs.doctoring import BEHIND, Finding, job_findings, ok, revenue_finding, warning, wrong
from floorline.jobs.schedule import JobRecord
from floorline.margin.freshness import Freshness, duration_text

VERIFY, COUNTERS = "verify", "budget-counters"
"""The jobs that compare rollups with their base tables, and counters of budgets with the ledger."""

_VERIFY_MEANS = (
    "Every figure by day is a sum of rollups: where they differ from the calls, margins are not what the calls say."
)
_COUNTERS_MEANS = (
    "A budget that counts less than was used lets too much through; one that counts more refuses too early."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayHealth:
    """One gateway as the collector knows it: what its spool holds, and calls that are under way."""

    name: str
    spool_bytes: int
    open_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The control process at one instant. `behind_ms` ago everything that gateways spooled was in the ledger, `unshipped_ms` ago
    everything in the ledger was in the store. `collected` is since the process started.
    """

    at: datetime
    behind_ms: int
    unshipped_ms: int
    trouble: str
    collected: Collected
    gateways: tuple[GatewayHealth, ...]
    jobs: Mapping[str, JobRecord]
    revenue: Freshness | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A finding, and what it means for margins where it is not well."""

    finding: Finding
    means: str


def of_health(health: Health) -> Iterator[Checked]:
    """The ledger's lag, the gateways, calls told against calls kept, rollups, counters, revenue, jobs."""
    lag_means = "Calls that are not collected yet are in no figure: the last minutes cost more than is shown."
    yield Checked(finding=lag_finding(health), means=lag_means)
    for gateway in health.gateways:
        said = f"{gateway.spool_bytes >> 10:,} KiB spooled, {gateway.open_calls:,} calls under way"
        yield Checked(finding=ok(f"gateway {gateway.name}", said), means=lag_means)
    yield Checked(
        finding=told_finding(health.collected),
        means="What a caller was told that a call cost is in the ledger once, or the margin is too high by it.",
    )
    yield Checked(finding=checked_by(health, VERIFY, "rollups and calls"), means=_VERIFY_MEANS)
    if COUNTERS in health.jobs:
        yield Checked(finding=checked_by(health, COUNTERS, "budgets and calls"), means=_COUNTERS_MEANS)
    yield Checked(
        finding=revenue_finding(health.revenue, health.at),
        means="Revenue that is missing makes margins of the last days too low.",
    )
    others = {name: one for name, one in health.jobs.items() if name not in {VERIFY, COUNTERS}}
    for finding in job_findings(others, health.at, control=True) if others else ():
        yield Checked(finding=finding, means="What the job keeps is as old as its last good run.")


def lag_finding(health: Health) -> Finding:
    """Whether the ledger keeps up with the gateways."""
    area, behind = "ledger", timedelta(milliseconds=health.behind_ms)
    if health.trouble:
        return wrong(area, health.trouble, "mend what it says: it is tried again by itself, and nothing is lost")
    said = f"everything spooled was in the ledger {duration_text(behind)} ago, and in the store {health.unshipped_ms} ms ago"
    if behind > BEHIND:
        return warning(area, said, "see the log of the control process, and whether its disk or the store is slow")
    return ok(area, said)


def told_finding(done: Collected) -> Finding:
    """Whether every call that a gateway told its caller the cost of is in the ledger: it is spooled before the last byte."""
    kept = done.new + done.same
    said = f"{kept + done.late + done.refused:,} calls closed by gateways since the process started: {kept:,} in the ledger"
    if done.refused:
        return wrong(
            "calls told and kept", f"{said}, {done.refused:,} are in quarantine",
            "`floorline ledger quarantined` says why; what is mended comes in when it is imported again",
        )  # fmt: skip
    if done.late:
        return warning(
            "calls told and kept", f"{said}, {done.late:,} closed after they were counted as lost, at an estimate",
            "raise the timeouts of the providers that answer later than the gateway's deadline",
        )  # fmt: skip
    return ok("calls told and kept", f"{said}; {done.lost:,} never closed and stand as lost, at an estimate")


def checked_by(health: Health, job: str, area: str) -> Finding:
    """What a job that compares found at last."""
    record = health.jobs.get(job)
    if record is None or record.ended_at is None:
        return warning(area, "were not compared yet", f"wait for the job `{job}`, or run `floorline ledger verify`")
    ago = duration_text(health.at - record.ended_at)
    if record.error:
        return wrong(area, f"{ago} ago: {record.error}", "`floorline ledger rebuild` computes the rollups anew; a counter catches up with what is collected")  # fmt: skip
    return ok(area, f"{ago} ago: {record.outcome or 'they agree'}")


def of_months(closings: Closings, months: int) -> Iterator[Checked]:
    """The latest closed months, and what came for each since."""
    for month in closings.closed()[-months:]:
        restated = closings.restated(month)
        yield Checked(
            finding=_month_finding(month, restated.incomparable, restated.head.warnings, restated.since),
            means="The closed month stays as it was; the correction is in the month that carries it.",
        )


def _month_finding(month: str, incomparable: str, warnings: tuple[str, ...], since: Iterable[str]) -> Finding:
    moved = ", ".join(kind.replace("_", " ") for kind in since)
    area, mend = f"month {month}", f"`floorline close {month} --show` has both figures"
    if incomparable:
        return warning(area, incomparable, mend)
    if moved:
        return warning(area, f"restated since it was closed, by {moved}", mend)
    if warnings:
        return warning(area, f"closed although it was not complete: {warnings[0]}", mend)
    return ok(area, "as it was closed")


def of_quarantine(count: int) -> Checked:
    """Records that are not in the ledger."""
    area = "quarantine"
    finding = (
        warning(area, f"{count:,} records are not in the ledger", "`floorline ledger quarantined` says why; mend them and import them again")
        if count
        else ok(area, "no record was refused")
    )  # fmt: skip
    return Checked(
        finding=finding, means="A record that was refused is in no figure: cost or revenue is missing by it."
    )
