"""What the doctor finds wrong, what it warns of, and that each of these says how to mend it."""

import json
import os
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from floorline.delivery.message import Message
from floorline.delivery.outbox import Delivery
from floorline.jobs import doctoring
from floorline.jobs.schedule import Job, Outcome, ended, noted, taken
from floorline.margin.freshness import Freshness
from floorline.margin.metrics import Sums
from tests.support import starting
from tests.support.gateway import SpoolingGateway
from tests.support.processes import environment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = Job(name="j", every=HOUR, run=lambda _: "")


def levels(findings) -> list[str]:
    found = list(findings)
    assert all(one.mend for one in found if one.level != "ok"), "what is to be mended says how"
    return [one.level for one in found]


def test_a_home_is_its_owners_alone(tmp_path):
    home = tmp_path / "home"
    assert levels(doctoring.home_findings(home)) == ["wrong"]
    home.mkdir(mode=0o700)
    assert levels(doctoring.home_findings(home)) == ["ok"]
    (home / "secret").write_text("x")
    (home / "secret").chmod(0o644)
    home.chmod(0o755)
    assert levels(doctoring.home_findings(home)) == ["warning", "wrong"]


@pytest.mark.parametrize(("free", "level"), [(100 << 30, "ok"), (4 << 30, "warning"), (1 << 29, "wrong")])
def test_a_disk_that_fills_is_told_before_it_is_full(free, level):
    assert levels([doctoring.disk_finding(free, 100 << 30)]) == [level]


def test_a_gateways_spool_that_nobody_collects_is_wrong(tmp_path):
    assert levels(doctoring.gateway_findings(tmp_path, NOON, control=False)) == ["ok"]
    gateway = SpoolingGateway(tmp_path)
    gateway.open(1)
    now = datetime.now(UTC)
    assert levels(doctoring.gateway_findings(tmp_path, now, control=False)) == ["ok"]
    for number in range(2, 7):
        gateway.spool.seal()
        gateway.open(number)
    later = now + timedelta(minutes=10)
    assert levels(doctoring.gateway_findings(tmp_path, later, control=False)) == ["wrong"]
    assert levels(doctoring.gateway_findings(tmp_path, later, control=True)) == ["warning"]
    gateway.end()


def test_a_job_is_judged_by_its_error_its_lag_and_its_deadline():
    def level(record, now, *, control=True):
        return levels(doctoring.job_findings({"j": record}, now, control=control))

    done = ended(JOB, taken(JOB, None, "a", NOON), 1, Outcome(at=NOON, duration_ms=5, said="well"))
    assert level(done, NOON) == ["ok"]
    assert level(done, NOON + 3 * HOUR) == ["warning"]
    assert level(done, NOON + 3 * HOUR, control=False) == ["wrong"]
    failed = ended(JOB, taken(JOB, done, "a", NOON + HOUR), 2, Outcome(at=NOON + HOUR, duration_ms=5, error="broke"))
    assert level(failed, NOON + HOUR) == ["warning"]
    assert level(msgspec.structs.replace(failed, failures=3), NOON + HOUR) == ["wrong"]
    running = taken(JOB, done, "a", NOON + HOUR)
    assert level(running, NOON + HOUR + timedelta(minutes=5)) == ["ok"]
    assert level(running, NOON + HOUR + timedelta(minutes=11)) == ["wrong"]
    assert level(msgspec.structs.replace(failed, retired=True), NOON + 9 * HOUR) == []
    assert levels(doctoring.job_findings({"j": noted(JOB, None, NOON)}, NOON, control=True)) == ["ok"]
    assert levels(doctoring.job_findings({}, NOON, control=True)) == ["ok"]


@pytest.mark.parametrize(
    ("complete_until", "refused", "level", "said"),
    [
        (None, 0, "wrong", "revenue of stripe was never read whole"),
        (NOON - timedelta(minutes=5), 0, "ok", "revenue of stripe was complete 5 min ago"),
        (NOON - timedelta(minutes=5), 2, "wrong", "revenue of stripe was complete 5 min ago, but for 2 documents that are refused"),
        (NOON - timedelta(days=3), 0, "wrong", "revenue of stripe was complete 3 days ago (stale: the limit is 6 h)"),
        (NOON + timedelta(seconds=5), 0, "ok", "revenue of stripe was complete 0 s ago"),
    ],
)  # fmt: skip
def test_revenue_that_is_stale_or_not_whole_is_wrong(complete_until, refused, level, said):
    fresh = Freshness(
        source="stripe",
        complete_until=complete_until,
        newest_event_at=None,
        waiting=0,
        refused=refused,
        lag_max=6 * HOUR,
    )
    finding = doctoring.revenue_finding(fresh, NOON)
    assert (finding.level, finding.said) == (level, said)
    assert levels([doctoring.revenue_finding(None, NOON)]) == ["ok"]


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        (Sums(), ["ok"]),
        (Sums(calls=10, effective=100, unattributed=5), ["ok"]),
        (Sums(calls=10, effective=100, unattributed=6), ["warning"]),
        (Sums(calls=10, unpriced=1, effective=100, unattributed=60), ["warning", "warning"]),
    ],
)
def test_calls_without_a_price_or_an_owner_are_warned_of(sums, expected):
    assert levels(doctoring.call_findings(sums, 7)) == expected


def test_a_route_is_judged_by_what_waits_and_what_failed():
    message = Message(id="m", dedupe_key="k", action="report", severity="info", title="t", text="", at=NOON)

    def delivery(state, queued_at=NOON):
        return Delivery(id=state, route="r", message=message, number=1, queued_at=queued_at, next_at=NOON, state=state, words="refused")  # fmt: skip

    assert levels(doctoring.delivery_findings([], NOON)) == ["ok"]
    assert levels(doctoring.delivery_findings([delivery("taken"), delivery("waiting")], NOON)) == ["ok"]
    assert levels(doctoring.delivery_findings([delivery("failed")], NOON)) == ["warning"]
    assert levels(doctoring.delivery_findings([delivery("waiting", NOON - 2 * HOUR)], NOON)) == ["wrong"]


@pytest.mark.parametrize(
    ("skew_s", "ahead_s", "level"),
    [(None, 0, "ok"), (-20, 3, "ok"), (-45, 0, "warning"), (300, 0, "wrong"), (None, 500, "wrong")],
)
def test_a_clock_that_is_off_is_told(skew_s, ahead_s, level):
    assert levels([doctoring.skew_finding(skew_s, ahead_s)]) == [level]


def test_the_command_finds_what_is_wrong_and_never_shows_a_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOORLINE_SECRET", "0aK2-jd82-kfH7-2kd9-QWmx-71bv-zzR4")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (tmp_path / "floorline.yaml").write_text("stripe:\n  api_key: ${NOWHERE_SET}\n")
    assert "NOWHERE_SET" not in os.environ
    (home / "control.token").write_text("short")
    done = starting.run("-m", "floorline", "doctor", "--json", env=environment(home), cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    wrong = {one["area"]: one["said"] for one in found["findings"] if one["level"] == "wrong"}
    assert set(wrong) == {"secrets", "revenue"}
    (warned,) = [one["said"] for one in found["findings"] if one["level"] == "warning"]
    assert "NOWHERE_SET, which is not set" in warned
    assert "has 5 characters" in wrong["secrets"]
    assert found["ok"] is False
    assert "0aK2" not in json.dumps(found)
