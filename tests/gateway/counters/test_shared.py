"""The counters of several gateways over a real Redis: nothing twice, nothing lost, whoever dies and whatever is gone."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.gateway.counters import shared
from floorline.gateway.counters.local import LocalCounters
from floorline.gateway.policy import Sharing
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget
from floorline.guardrails.frame import Facts
from floorline.guardrails.rate import Rate
from tests.gateway.counters.machine import EACH, LOST_AFTER, LOST_USD, Counting
from tests.support.data import require
from tests.support.redis_server import HOW, RedisServer
from tests.support.serving import run, until

NOON = datetime.now(UTC)
PICO = 10**12
MONTHLY = Budget(name="monthly", scope=EACH, unit="usd", limit=Decimal(10))


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    require(shutil.which("redis-server") is not None, HOW)
    server = RedisServer(tmp_path)
    yield server
    server.stop()


class Gateway(Counting):
    """One of several gateways that count in one Redis."""

    def __init__(self, folder: Path, url: str, *budgets: Budget, fail: str = "closed") -> None:
        folder.mkdir(exist_ok=True)
        self._sharing = Sharing(url=url, fail=fail, timeout_ms=400)
        super().__init__(folder, *budgets, at=NOON)

    def make(self) -> LocalCounters:
        return shared.SharedCounters(
            self.folder,
            lambda: self.spool.place,
            lost_after=LOST_AFTER,
            sharing=self._sharing,
            name=self.folder.name,
            rebuilt_ms=600,
        )

    async def vanish(self) -> None:
        """As `kill -9` leaves it: its connection breaks."""
        await self.counters._link.close()

    async def die(self) -> int:
        await self.vanish()
        return await super().die()

    @property
    def up(self) -> bool:
        return self.counters._link.up.is_set()


@asynccontextmanager
async def gateways(
    folder: Path, url: str, count: int = 2, *budgets: Budget, fail: str = "closed"
) -> AsyncIterator[list[Gateway]]:
    found = [Gateway(folder / f"g{number}", url, *(budgets or (MONTHLY,)), fail=fail) for number in range(count)]
    await asyncio.gather(*[one.begin() for one in found])
    try:
        yield found
    finally:
        for one in found:
            await one.vanish()


async def spend(gateway: Gateway, reserved: str, spent: str) -> None:
    call = gateway.open()
    assert await gateway.reserve(call, reserved) is None
    gateway.close(call, spent)


def test_calls_of_several_gateways_at_once_never_exceed_the_limit(tmp_path: Path, redis: RedisServer) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url, 4) as found:
            asked = [(one, one.open()) for _ in range(50) for one in found]
            denials = await asyncio.gather(*[one.reserve(call, "0.2") for one, call in asked])
            served = [pair for pair, denied in zip(asked, denials, strict=True) if denied is None]
            assert len(served) == 50
            denied = next(one for one in denials if one is not None)
            assert (denied.standing.used, denied.standing.reserved, denied.calls) == (10, 10, 50)
            for one, call in served:
                one.close(call, "0.1")
            await until(lambda: all(one.counters._link._waiting == [] for one in found))
            await asyncio.sleep(0.05)
            more = [(one, one.open()) for _ in range(10) for one in found]
            denials = await asyncio.gather(*[one.reserve(call, "0.2") for one, call in more])
            assert denials.count(None) == 25  # what was not used is free at once, for every one of them

    run(test())


def test_a_gateway_that_died_comes_back_with_what_it_used_and_holds_nothing(tmp_path: Path, redis: RedisServer) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url) as (first, second):
            await spend(first, "3", "1")
            under_way, recorded = first.open(), first.open()
            assert await first.reserve(under_way, "3") is None
            assert await first.reserve(recorded, "3") is None
            first.record(recorded, "2")
            await first.vanish()
            assert await second.reserve(second.open(), "4") is not None  # 1 used, 6 still held
            assert await first.die() == 1
            left = 10 - 1 - 2 - LOST_USD
            assert await second.reserve(second.open(), left + Decimal("0.01")) is not None
            assert await second.reserve(second.open(), left) is None

    run(test())


def test_redis_that_lost_its_memory_is_told_by_every_gateway_what_it_used(tmp_path: Path, redis: RedisServer) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url) as (first, second):
            await spend(first, "3", "1")
            under_way = second.open()
            assert await second.reserve(under_way, "3") is None
            redis.stop()
            await until(lambda: [_told(first), _told(second)] == [False, False])
            redis.start()
            await until(lambda: first.up and second.up, within_s=20)
            assert await first.reserve(first.open(), "6.01") is not None  # 1 used, 3 held by the other one
            second.close(under_way, "2")
            await asyncio.sleep(0.1)
            assert await first.reserve(first.open(), "7.01") is not None
            assert await first.reserve(first.open(), "7") is None

    run(test())


def _told(gateway: Gateway) -> bool:
    gateway.counters._beaten = 0
    gateway.tick()
    return gateway.up


def test_what_a_gateway_that_is_gone_used_is_known_to_others_when_redis_lost_its_memory(
    tmp_path: Path, redis: RedisServer
) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url) as (first, second):
            await spend(first, "6", "6")
            await spend(second, "1", "1")
            await first.vanish()
            redis.stop()
            await until(lambda: not _told(second))
            redis.start()
            await until(lambda: second.up, within_s=20)
            assert await second.reserve(second.open(), "3.01") is not None
            assert await second.reserve(second.open(), "3") is None

    run(test())


def test_while_redis_is_gone_hard_limits_refuse_and_afterwards_nothing_is_held_or_missing(
    tmp_path: Path, redis: RedisServer
) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url) as (first, second):
            under_way = first.open()
            assert await first.reserve(under_way, "4") is None
            os.kill(redis._process.pid, signal.SIGSTOP)
            before = time.monotonic()
            hung = [first.open() for _ in range(5)]
            denials = await asyncio.gather(*[first.reserve(call, "1") for call in hung])
            assert all(denied is not None and denied.unavailable for denied in denials)
            assert time.monotonic() - before < 2
            denied = await first.reserve(first.open(), "1")  # and then at once
            assert denied is not None
            assert denied.unavailable
            first.close(under_way, "2.5")
            os.kill(redis._process.pid, signal.SIGCONT)
            await until(lambda: first.up and second.up, within_s=20)
            assert await second.reserve(second.open(), "7.51") is not None
            assert await second.reserve(second.open(), "7.5") is None

    run(test())


def test_with_fail_open_a_gateway_goes_by_what_it_knows_until_redis_is_back(tmp_path: Path, redis: RedisServer) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url, fail="open") as (first, second):
            await spend(second, "5", "5")
            await spend(first, "1", "1")
            os.kill(redis._process.pid, signal.SIGSTOP)
            call = first.open()
            assert await first.reserve(call, "4.01") is not None  # the other's five dollars are known
            assert await first.reserve(call, "4") is None
            first.close(call, "3")
            os.kill(redis._process.pid, signal.SIGCONT)
            await until(lambda: first.up and second.up, within_s=20)
            assert await second.reserve(second.open(), "1.01") is not None
            assert await second.reserve(second.open(), "1") is None

    run(test())


def test_a_caller_that_leaves_while_redis_is_asked_leaves_nothing_reserved(tmp_path: Path, redis: RedisServer) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url) as (first, second):
            asking = asyncio.ensure_future(first.reserve(call := first.open(), "10"))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            first.refuse(call)
            await asyncio.sleep(0.2)
            assert await second.reserve(second.open(), "10") is None

    run(test())


def test_rates_are_shared_too(tmp_path: Path, redis: RedisServer) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url) as found:
            burst = Rate(name="burst", scope=EACH, requests=3, tokens=1_000)
            for one in found:
                one.allowance = Allowance(budgets=(MONTHLY,), rates=(burst,))
                one.counters.follow(one.allowance, NOON)
            holds = [one.counters.open(f"r{turn}", Facts(at=NOON, customer="acme", input_tokens=10)) for turn in range(2) for one in found]  # fmt: skip
            counted = [await one.counters.look(hold) for one, hold in zip(found * 2, holds, strict=True)]
            assert [one.rate is None for one in counted] == [True, True, True, False]
            denied = counted[3].rate
            assert denied is not None
            assert (denied.standing.name, denied.retry_after_s, denied.standing.used) == ("burst", 60, 3)

    run(test())


@pytest.mark.parametrize("gone", [False, True], ids=["that answers", "that hangs"])
def test_a_gateway_ends_in_seconds_with_a_redis(tmp_path: Path, redis: RedisServer, *, gone: bool) -> None:
    async def test() -> None:
        async with gateways(tmp_path, redis.url) as (first, second):
            for _ in range(20):
                await spend(first, "0.2", "0.1")
            call = first.open()
            assert await first.reserve(call, "1") is None
            if gone:
                os.kill(redis._process.pid, signal.SIGSTOP)
            first.close(call, "0.5")
            before = time.monotonic()
            await first.counters.end(first.now)
            assert time.monotonic() - before < 5
            if not gone:
                assert await second.reserve(second.open(), "7.51") is not None
                assert await second.reserve(second.open(), "7.5") is None

    run(test())
