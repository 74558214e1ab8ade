"""What is known twice is the same, or is told with what it means and how to mend it."""

from datetime import UTC, datetime, timedelta

import pytest

from floorline.jobs.collecting import Collected
from floorline.jobs.reconciling import (
    VERIFY,
    GatewayHealth,
    Health,
    lag_finding,
    of_health,
    of_quarantine,
    told_finding,
)
from floorline.jobs.schedule import JobRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERIFIED = JobRecord(seen_at=NOON, due_at=NOON, regular_at=NOON, ended_at=NOON - timedelta(hours=9), succeeded_at=NOON)


def health(**changes: object) -> Health:
    fields = {
        "at": NOON, "behind_ms": 200, "unshipped_ms": 900, "trouble": "", "collected": Collected(new=7), "jobs": {VERIFY: VERIFIED},
        "gateways": (GatewayHealth(name="g1", spool_bytes=1 << 20, open_calls=2),), "revenue": None,
    }  # fmt: skip
    return Health(**{**fields, **changes})


def test_all_is_well_where_nothing_lags_or_differs():
    found = list(of_health(health()))
    assert {one.finding.level for one in found} == {"ok"}
    assert all(one.means for one in found)
    assert [one.finding.area for one in found] == [
        "ledger",
        "gateway g1",
        "calls told and kept",
        "rollups and calls",
        "revenue",
    ]


@pytest.mark.parametrize(
    ("changes", "level", "said"),
    [
        ({}, "ok", "0 s ago"),
        ({"behind_ms": 90_000}, "warning", "90 s ago"),
        ({"trouble": "the disk is full"}, "wrong", "the disk is full"),
    ],
)
def test_a_ledger_that_lags_is_told(changes, level, said):
    finding = lag_finding(health(**changes))
    assert (finding.level, said in finding.said, bool(finding.mend)) == (level, True, level != "ok")


@pytest.mark.parametrize(
    ("done", "level"),
    [
        (Collected(new=5, same=1, lost=2), "ok"),
        (Collected(new=5, late=1), "warning"),
        (Collected(new=5, refused=1), "wrong"),
    ],
)
def test_calls_that_were_told_and_are_not_kept_are_told(done, level):
    finding = told_finding(done)
    assert finding.level == level
    assert f"{done.new + done.same + done.late + done.refused} calls closed" in finding.said


def test_a_comparison_that_failed_or_never_ran_is_told():
    failed = JobRecord(seen_at=NOON, due_at=NOON, regular_at=NOON, ended_at=NOON, error="calls_day differs")
    for jobs, level in (({}, "warning"), ({VERIFY: failed}, "wrong")):
        (found,) = [one.finding for one in of_health(health(jobs=jobs)) if one.finding.area == "rollups and calls"]
        assert (found.level, bool(found.mend)) == (level, True)


def test_records_in_quarantine_are_counted():
    assert (of_quarantine(0).finding.level, of_quarantine(3).finding.level) == ("ok", "warning")
