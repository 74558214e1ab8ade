"""Thresholds of budgets: an event each, once a window, from a gateway's counters to the alerts."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorline.alerts.events import GUARD_EVENTS, GuardEvent
from floorline.gateway.counters.local import LocalCounters
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Part
from floorline.guardrails.frame import Amounts, Facts
from floorline.guardrails.windows import Window
from floorline.jobs.guard_events import take
from floorline.ledger.checkpoint import Place
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.money import to_pico
from tests.alerts.pictures import picture, said

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
EACH = (Part(dimension="customer"),)
CALLS = Budget(name="included", scope=EACH, unit="calls", limit=Decimal(4), window=Window(unit="day"))
DOLLARS = Budget(name="spend", scope=(), unit="usd", limit=Decimal("0.5"), hard=False, thresholds=(50,))


def nothing_lost(_: object) -> Amounts:
    raise AssertionError("no call is under way")


def counters(home: Path, *budgets: Budget) -> LocalCounters:
    folder = home / "gateways" / "g1"
    folder.mkdir(parents=True, exist_ok=True)
    made = LocalCounters(folder, Place, lost_after=timedelta(hours=1))
    asyncio.run(made.begin(Allowance(budgets=budgets), NOON - timedelta(days=1), nothing_lost))
    return made


def used(made: LocalCounters, customer: str, calls: int, usd: str = "0.01", at: datetime = NOON) -> None:
    for number in range(calls):
        hold = made.open(f"{customer}-{at}-{number}", Facts(at=at, customer=customer))
        made.settle(hold, Amounts(pico=to_pico(Decimal(usd)), tokens=1))
    made.tick(at, nothing_lost)


def kept(home: Path) -> list[tuple[str, str, str, Decimal]]:
    state = State.open(home)
    try:
        take(home, state, NOON)
        events = Shelf(state, GUARD_EVENTS, GuardEvent).all().values()
        return sorted((one.rule_id, one.subject, one.period, one.step) for one in events)
    finally:
        state.close()


def test_each_threshold_is_told_once_a_window(tmp_path):
    made = counters(tmp_path, CALLS)
    used(made, "acme", 2)
    used(made, "globex", 1)
    assert kept(tmp_path) == []
    used(made, "acme", 1, at=NOON + timedelta(minutes=1))
    assert kept(tmp_path) == [("included", "acme", "2026-03-10", Decimal("0.75"))]
    used(made, "acme", 1, at=NOON + timedelta(minutes=2))
    used(made, "acme", 1, at=NOON + timedelta(minutes=3))
    today = [("included", "acme", "2026-03-10", Decimal(step)) for step in ("0.75", "0.9", "1")]
    assert kept(tmp_path) == today
    assert not list((tmp_path / "gateways" / "g1" / "events").iterdir())
    used(made, "acme", 3, at=NOON + timedelta(days=1))
    assert kept(tmp_path) == [*today, ("included", "acme", "2026-03-11", Decimal("0.75"))]


def test_what_is_told_says_how_much_was_used_and_that_calls_are_refused(tmp_path):
    made = counters(tmp_path, CALLS, DOLLARS)
    used(made, "acme", 4, "0.1")
    state = State.open(tmp_path)
    take(tmp_path, state, NOON)
    events = {(one.rule_id, one.step): one for one in Shelf(state, GUARD_EVENTS, GuardEvent).all().values()}
    state.close()
    full, most = events["included", Decimal(1)], events["included", Decimal("0.75")]
    assert (full.scope, full.subject, full.used, full.limit, full.unit) == ("customer", "acme", 4, 4, "calls")
    assert (full.denied, full.projected_at, full.resets_at) == (True, None, datetime(2026, 3, 11, tzinfo=UTC))
    assert most.used == 4
    half = events["spend", Decimal("0.5")]
    assert (half.scope, half.subject, half.used, half.denied) == ("company", "", Decimal("0.4"), False)
    assert half.projected_at == datetime(2026, 3, 12, 21, tzinfo=UTC)
    (told,) = [one for one in said(picture(64, guards=[half]), "budget") if one.reading == "firing"]
    assert (
        told.evidence
        == "0.4 of 0.5 USD in 2026-03: step 50.0 % is passed, the limit is reached on 2026-03-12; it begins anew on 2026-04-01"
    )


def test_after_a_restart_nothing_is_told_twice_and_nothing_is_missed(tmp_path):
    made = counters(tmp_path, CALLS)
    used(made, "acme", 3)
    again = counters(tmp_path, CALLS)
    used(again, "acme", 1, at=NOON + timedelta(minutes=1))
    assert kept(tmp_path) == [("included", "acme", "2026-03-10", Decimal(step)) for step in ("0.75", "0.9", "1")]
