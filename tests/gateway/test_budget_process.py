"""Budgets of gateways that are processes: killed in the middle of calls, reloaded, several on one Redis."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.ledger.rows import CallRow
from tests.gateway.test_budgets import ask, whole, worst
from tests.support.data import require
from tests.support.dialects import OPENAI
from tests.support.processes import command, control
from tests.support.redis_server import HOW, RedisServer
from tests.support.running import Running
from tests.support.serving import Got, Stub, answer, read_spool, run, stubbing, until

SPENT = Decimal("0.00024")
"""What a call costs that `whole(tokens_in=200, tokens_out=20)` answers."""


def monthly(limit: Decimal, more: str = "") -> str:
    return f"budgets:\n  - {{name: monthly, scope: {{customer: each}}, limit: {{usd: {limit}}}}}\n{more}"


@asynccontextmanager
async def started(folder: Path, more: str) -> AsyncIterator[Running]:
    """A gateway process with what `more` says in its file."""
    async with stubbing() as stub:
        gateway = Running(folder, stub)
        gateway.configure(more)
        await gateway.make_key()
        await gateway.start()
        try:
            yield gateway
        finally:
            await gateway.end()


@asynccontextmanager
async def beside(first: Running, folder: Path, more: str, name: str) -> AsyncIterator[Running]:
    """Another gateway process with the same key, ended with the test however that ends: while its connections live the loop does not."""
    gateway = Running(folder, first.stub)
    gateway.configure(more)
    gateway.key = first.key
    await gateway.start(name)
    try:
        yield gateway
    finally:
        await gateway.end()


async def sent(gateway: Running, count: int = 1) -> list[asyncio.Future[Got]]:
    """So many calls at once, each on a connection of its own."""
    clients = [await gateway.client() for _ in range(count)]
    return [asyncio.ensure_future(one.ask(OPENAI.path, ask(), bearer=gateway.key)) for one in clients]


def holding(stub: Stub) -> asyncio.Event:
    """Answers wait for this."""
    release = asyncio.Event()

    async def script(request: object, reply: object) -> None:
        await release.wait()
        await answer(whole(tokens_in=200, tokens_out=20))(request, reply)

    stub.script = script
    return release


async def status(gateway: Running) -> int:
    """What a call is answered with."""
    return (await (await sent(gateway))[0]).status


async def decided(gateway: Running) -> int:
    """What a call is answered with that is not refused because nobody knows what is used: each gateway joins in its own time."""
    async with asyncio.timeout(60):
        while (found := await status(gateway)) == 503:  # noqa: ASYNC110 - a process tells nobody that it has joined
            await asyncio.sleep(0.05)
    return found


def _calls(home: Path, gateway: str) -> list[CallRow]:
    """What a gateway recorded of the calls that it sent on."""
    return [call for call in read_spool(home / "gateways" / gateway / "spool").calls if call.verdict == "forward"]


def budgets_of(home: Path) -> list[dict[str, str]]:
    """What doctor finds of budgets."""
    found = json.loads(command(home, "doctor", "--json"))["findings"]
    return [one for one in found if one["area"].startswith(("budgets", "enforcement"))]


@pytest.mark.prove
def test_killed_between_reserve_and_settle_a_gateway_counts_what_the_ledger_will_have(tmp_path: Path) -> None:
    async def test() -> None:
        async with started(tmp_path, monthly(worst() * 5)) as gateway:
            gateway.stub.script = answer(whole(tokens_in=200, tokens_out=20))
            for call in await sent(gateway, 2):
                assert (await call).status == 200
            holding(gateway.stub)
            under_way = await sent(gateway, 4)
            await until(lambda: len(gateway.stub.requests) == 6)
            await asyncio.gather(*await sent(gateway, 1))
            gateway.process.kill()  # no control process runs: nothing but its own folder knows
            await asyncio.gather(*under_way, return_exceptions=True)
            await gateway.start()
            assert gateway.process.says("4 calls were under way when the gateway ended")
            gateway.stub.script = answer(whole(tokens_in=200, tokens_out=20))
            lost = Decimal(4 * 250) / 10**6  # a quarter of their bytes, at a dollar a million
            left = worst() * 5 - 2 * SPENT - lost
            served = 0
            while (await (await sent(gateway))[0]).status == 200:
                served += 1
            assert served == int((left - worst()) / SPENT) + 1
            with control(gateway.home):
                found = await asyncio.to_thread(budgets_of, gateway.home)
                assert {one["level"] for one in found} == {"ok"}, found
                assert "1 counters agree with the ledger" in found[0]["said"]

    run(test(), within_s=120)


def test_a_limit_that_changes_while_calls_are_under_way_holds_from_the_next_call_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with started(tmp_path, monthly(worst() * 3)) as gateway:
            release = holding(gateway.stub)
            under_way = await sent(gateway, 3)
            await until(lambda: len(gateway.stub.requests) == 3)
            assert (await (await sent(gateway))[0]).status == 402
            gateway.configure(monthly(worst() * 4))
            gateway.process.popen.send_signal(signal.SIGHUP)
            await until(lambda: gateway.process.says("loaded anew"), within_s=30)
            under_way += await sent(gateway)
            await until(lambda: len(gateway.stub.requests) == 4)
            assert (await (await sent(gateway))[0]).status == 402
            release.set()
            assert {got.status for got in await asyncio.gather(*under_way)} == {200}
            left = worst() * 4 - 4 * SPENT
            await asyncio.sleep(0.6)  # a checkpoint later
            shown = json.loads(
                await asyncio.to_thread(command, gateway.home, "budgets", "--json", "--config", str(gateway.file))
            )
            (monthly_,) = shown["budgets"]
            assert (monthly_["used"], monthly_["held"], monthly_["limit"]) == ("0.00096", "0", "0.00416")
            answers = [(await (await sent(gateway))[0]).status for _ in range(int((left - worst()) / SPENT) + 2)]
            assert answers == [200] * (len(answers) - 1) + [402]

    run(test(), within_s=120)


def test_check_and_serve_refuse_limits_that_several_processes_would_each_count_alone(tmp_path: Path) -> None:
    file = tmp_path / "floorline.yaml"
    file.write_text(monthly(Decimal(20)))
    home = tmp_path / "home"
    assert "in order" in command(home, "check", str(file))
    said = command(home, "check", str(file), "--processes", "2", code=2)
    assert "2 gateway processes would each count monthly for themselves" in said
    assert "counters: {redis: ${REDIS_URL}}" in command(
        home, "serve", "--config", str(file), "--processes", "2", code=2
    )
    assert "each count monthly" in command(home, "gateway", "--config", str(file), "--shared", "--port", "0", code=2)


@pytest.mark.prove
def test_several_processes_on_one_redis_hold_one_limit_also_when_it_goes_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(shutil.which("redis-server") is not None, HOW)

    async def test() -> None:
        redis = RedisServer(tmp_path)
        monkeypatch.setenv("COUNTERS", redis.url)
        more = monthly(
            worst() * 50, "counters: {redis: '${COUNTERS}', timeout: 2s}\n"
        )  # more than a busy machine takes
        try:
            async with started(tmp_path, more) as first, beside(first, tmp_path, more, "g2") as second:
                release = holding(first.stub)
                asked = [*await sent(first, 100), *await sent(second, 100)]
                await until(lambda: sum(one.done() for one in asked) == 150, within_s=30)
                await until(lambda: len(first.stub.requests) == 50, within_s=30)  # each was admitted, and is on its way
                os.kill(redis._process.pid, signal.SIGSTOP)
                assert {await status(one) for one in (first, second)} == {503}
                release.set()
                assert sorted({got.status for got in await asyncio.gather(*asked)}) == [200, 402]
                redis.stop()
                redis.start()  # empty: what it knew is told to it again
                assert await decided(second) == 200
                answers = [await decided(one) for one in (first, second) * 100]
                assert set(answers) == {200, 402}
                spent = [call.effective_cost for one in ("g1", "g2") for call in _calls(first.home, one)]
                assert worst() * 50 - worst() < Decimal(sum(spent)).scaleb(-12) <= worst() * 50
        finally:
            redis.stop()

    run(test(), within_s=120)
