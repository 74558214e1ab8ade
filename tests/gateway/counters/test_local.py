"""The counters of one process: windows, expiry, reloads, and what is there again after `kill -9`."""

import asyncio
import os
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.gateway.counters.local import LocalCounters
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Part
from floorline.guardrails.frame import Amounts, Facts
from floorline.guardrails.windows import Window
from floorline.ledger.checkpoint import NAME, Place, awaited, load
from tests.gateway.counters.machine import EACH, LOST_AFTER, LOST_USD, NEW_YORK_MIDNIGHT, Counting

NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)
PICO = 10**12


def budget(limit: str | int = 10, **changes: object) -> Budget:
    fields: dict[str, object] = {"name": "monthly", "scope": EACH, "unit": "usd", "limit": Decimal(limit)}
    return Budget(**{**fields, **changes})


def run(test: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


async def begun(folder: Path, *budgets: Budget, at: datetime = NOON) -> Counting:
    found = Counting(folder, *budgets, at=at)
    await found.begin()
    return found


def test_a_call_belongs_to_the_window_in_which_it_opened_whenever_it_closes(tmp_path: Path) -> None:
    async def test() -> None:
        monthly = budget(window=Window(timezone="America/New_York"))
        found = await begun(tmp_path, monthly, at=NEW_YORK_MIDNIGHT - timedelta(seconds=1))
        before = found.now
        late = found.open()
        assert await found.reserve(late, "10") is None
        assert await found.reserve(found.open(), "0.01") is not None
        found.now = NEW_YORK_MIDNIGHT
        assert await found.reserve(found.open(), "10") is None  # the new month has its own ten dollars
        assert await found.reserve(late, "0.01") is not None  # a further attempt belongs to the old one
        found.close(late, "4")
        assert found.counted(monthly, "acme", before) == (4 * PICO, 0)
        assert found.counted(monthly, "acme", found.now) == (0, 10 * PICO)

    run(test())


def test_the_day_of_a_change_of_clocks_is_one_day(tmp_path: Path) -> None:
    async def test() -> None:
        daily = budget(1, window=Window(unit="day", timezone="America/New_York"))
        found = await begun(tmp_path, daily, at=NEW_YORK_MIDNIGHT)
        call = found.open()
        assert await found.reserve(call, "1") is None
        found.close(call, "1")
        found.now = NEW_YORK_MIDNIGHT + timedelta(hours=24, minutes=59)  # 23:59 there: the day has 25 hours
        denied = await found.reserve(found.open(), "0.1")
        assert denied is not None
        assert denied.standing.resets_at == NEW_YORK_MIDNIGHT + timedelta(hours=25)
        found.now = NEW_YORK_MIDNIGHT + timedelta(hours=25)
        assert await found.reserve(found.open(), "1") is None

    run(test())


@pytest.mark.parametrize("saved", [False, True], ids=["before a checkpoint", "after a checkpoint"])
@pytest.mark.parametrize("recorded", [False, True], ids=["between reserve and record", "between record and settlement"])
def test_killed_in_the_middle_of_a_call_the_counters_are_what_the_ledger_says(
    tmp_path: Path, *, saved: bool, recorded: bool
) -> None:
    async def test() -> None:
        monthly = budget(10)
        found = await begun(tmp_path, monthly)
        done, open_ = found.open(), found.open()
        assert await found.reserve(done, "5") is None
        assert await found.reserve(open_, "5") is None
        if saved:
            found.tick()
        found.close(done, "1.25")
        if recorded:
            found.record(open_, "2.5")
        assert await found.die() == (0 if recorded else 1)
        spent = Decimal("1.25") + (Decimal("2.5") if recorded else LOST_USD)
        assert found.counted(monthly, "acme", NOON) == (spent * PICO, 0)
        assert found.spent(monthly, "acme", NOON) == spent * PICO
        assert await found.reserve(found.open(), 10 - spent) is None  # nothing is held for a process that is gone

    run(test())


def test_an_end_in_order_and_several_deaths_count_each_record_once(tmp_path: Path) -> None:
    async def test() -> None:
        monthly = budget(100)
        found = await begun(tmp_path, monthly)
        for number in range(40):  # several segments
            call = found.open()
            assert await found.reserve(call, "1") is None
            if number % 4 == 0:
                found.tick()
            if number % 5:
                found.close(call, "0.5")
            if number % 7 == 6:
                await found.die()
            if number == 20:
                await found.counters.end(found.now)
        await found.die()
        assert found.counted(monthly, "acme", NOON) == (found.spent(monthly, "acme", NOON), 0)

    run(test())


def test_another_limit_goes_on_where_the_old_one_was_and_a_new_budget_begins_at_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        monthly, daily = budget(10), budget(10, name="daily", window=Window(unit="day"))
        found = await begun(tmp_path, monthly)
        under_way, done = found.open(), found.open()
        assert await found.reserve(under_way, "3") is None
        assert await found.reserve(done, "3") is None
        found.close(done, "3")
        found.now += timedelta(seconds=1)
        found.allowance = Allowance(budgets=(budget(8), daily))
        found.counters.follow(found.allowance, found.now)
        assert await found.reserve(found.open(), "3") is not None  # 3 used, 3 held, of 8
        assert await found.reserve(found.open(), "2") is None
        found.close(under_way, "1")
        assert found.counted(monthly, "acme", NOON) == (4 * PICO, 2 * PICO)
        assert found.counted(daily, "acme", NOON) == (0, 2 * PICO)  # what opened before it began is not its
        await found.die()
        assert found.counted(monthly, "acme", NOON)[0] == found.spent(monthly, "acme", NOON)
        assert found.counted(daily, "acme", NOON)[0] == found.spent(daily, "acme", NOON)

    run(test())


def test_a_reservation_expires_when_the_ledger_takes_its_call_for_lost(tmp_path: Path) -> None:
    async def test() -> None:
        monthly = budget(10)
        found = await begun(tmp_path, monthly)
        assert await found.reserve(found.open(), "10") is None
        found.now += LOST_AFTER + timedelta(seconds=1)
        found.tick()
        assert found.counted(monthly, "acme", NOON) == (LOST_USD * PICO, 0)

    run(test())


def test_a_denial_names_the_calls_under_way_that_fill_the_budget(tmp_path: Path) -> None:
    async def test() -> None:
        found = await begun(tmp_path, budget(10), budget(10, name="all", scope=()))
        calls = [found.open(customer) for customer in ("acme", "acme", "other")]
        for call in calls[:2]:
            assert await found.reserve(call, "4") is None
        denied = await found.reserve(calls[2], "4")
        assert denied is not None
        assert (denied.standing.name, denied.calls, denied.outstanding) == ("all", 2, tuple(calls[:2]))
        assert (denied.standing.used, denied.standing.reserved, denied.asked) == (8, 8, 4)
        found.close(calls[0], "1")
        assert await found.reserve(calls[2], "4") is None

    run(test())


def test_without_budgets_nothing_is_kept_and_no_record_waits_for_it(tmp_path: Path) -> None:
    async def test() -> None:
        found = await begun(tmp_path, budget(10))
        assert awaited(tmp_path, NOON) is not None
        found.counters.follow(Allowance(), NOON)
        assert load(tmp_path / "counters") is None
        assert awaited(tmp_path, NOON) is None

    run(test())


def test_a_checkpoint_names_no_call_that_is_over_and_keeps_no_segment_that_nobody_needs(tmp_path: Path) -> None:
    """Calls that are in no budget change no counter, and still leave their records in the spool."""
    place = Place(segment=1)
    found = LocalCounters(tmp_path, lambda: place, lost_after=LOST_AFTER)

    def written() -> tuple[int, int]:
        found.tick(NOON, lambda _: Amounts())
        saved = load(tmp_path / NAME)
        assert saved is not None
        return saved.place.segment, len(saved.open)

    async def test() -> None:
        nonlocal place
        await found.begin(Allowance(budgets=(budget(10),)), NOON, lambda _: Amounts())
        call = found.open("c1", Facts(at=NOON, feature="chat"))
        assert written() == (1, 1)
        found.settle(call, Amounts())
        assert written() == (1, 0)
        place = Place(segment=2)
        assert written() == (2, 0)

    run(test())


def test_what_a_torn_checkpoint_lacks_is_counted_from_the_spool(tmp_path: Path) -> None:
    async def test() -> None:
        monthly = budget(10)
        found = await begun(tmp_path, monthly)
        for _ in range(3):
            call = found.open()
            assert await found.reserve(call, "1") is None
            found.close(call, "0.25")
            found.tick()
        file = tmp_path / "counters"
        file.write_bytes(file.read_bytes()[:-3])
        await found.die()
        assert found.counted(monthly, "acme", NOON) == (75 * PICO // 100, 0)

    run(test())


def test_calls_of_a_plan_share_a_budget_whoever_they_are_of(tmp_path: Path) -> None:
    async def test() -> None:
        free = budget(2, name="free", scope=(Part(dimension="plan", names=("free", "trial")),))
        found = await begun(tmp_path, free)
        for customer, plan in (("a", "free"), ("b", "trial")):
            assert await found.reserve(found.open(customer, plan), "1") is None
        assert await found.reserve(found.open("c", "free"), "0.1") is not None
        assert await found.reserve(found.open("c", "pro"), "100") is None

    run(test())


def test_a_checkpoint_that_the_disk_did_not_take_is_written_whole_the_next_time(tmp_path: Path) -> None:
    async def test() -> None:
        monthly = budget(10)
        found = await begun(tmp_path, monthly)
        for number in range(3):
            call = found.open()
            assert await found.reserve(call, "1") is None
            found.close(call, "0.25")
            if number == 1:
                os.close(found.counters._checkpoint._fd)
                with pytest.raises(OSError, match="descriptor"):
                    found.tick()
        found.tick()
        saved = load(tmp_path / "counters")
        assert saved is not None
        assert [one.used for one in saved.buckets] == [75 * PICO // 100]
        assert saved.place == found.spool.place

    run(test())
