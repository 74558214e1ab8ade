"""The exact cache of a gateway that is a process: with what floorline.yaml says, over restarts, and as commands reach it."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.dialects import OPENAI
from tests.support.processes import command
from tests.support.running import Running, running
from tests.support.serving import OWNED, Got, answer, run, until

CACHE = """
  cache: {disk: 10MiB}
features:
  assistant: {guardrails: {holdout: 0%, cache: {mode: enforce, ttl: 10m}}}
"""
"""Goes on in `gateway`, where the support's configuration ends."""


async def ask(gateway: Running, body: bytes = OPENAI.ask, customer: str = "acme") -> Got:
    owned = {**OWNED, "x-floorline-customer": customer, "x-floorline-user": "ada"}
    client = await gateway.client()
    return await client.ask(OPENAI.path, body, owned, bearer=gateway.key)


async def said(gateway: Running, **options: str) -> str:
    return (await ask(gateway, **options)).headers["x-floorline-cache"]


async def until_said(gateway: Running, *wanted: str) -> None:
    """Wait until the cache says one of these."""
    async with asyncio.timeout(10):
        while await said(gateway) not in wanted:  # noqa: ASYNC110 - a process tells nobody that it has looked at its files
            await asyncio.sleep(0.05)


async def purged(gateway: Running) -> None:
    """Wait until the answer is purged; the call that finds it so stores it again."""
    await until_said(gateway, "miss")
    assert await said(gateway) == "hit"


async def floorline(gateway: Running, *words: str) -> str:
    return await asyncio.to_thread(command, gateway.home, *words)


@pytest.mark.prove
def test_answers_outlast_a_restart_and_go_when_they_are_purged_reported_or_erased(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            gateway.stub.script = answer(OPENAI.whole)
            assert await said(gateway) == "off"
            gateway.configure(CACHE)
            await until_said(gateway, "miss")
            assert await said(gateway) == "hit"
            await until(lambda: any(path.is_file() for path in (gateway.home / "cache").rglob("*")))
            gateway.process.kill()
            await gateway.start()
            hit = await ask(gateway)
            assert hit.headers["x-floorline-cache"] == "hit"
            metrics = await gateway.metrics()
            assert 'floorline_cache_looks_total{gateway="g1",arm="treated",found="hit",reason=""} 1' in metrics

            await floorline(gateway, "cache", "purge", "--feature", "other")
            await asyncio.sleep(1.2)
            assert await said(gateway) == "hit"
            await floorline(gateway, "cache", "purge", "--feature", "assistant")
            await purged(gateway)
            bad = await ask(gateway)
            told = await floorline(
                gateway, "cache", "report-bad", bad.headers["x-floorline-call-id"], "--reason", "out of date"
            )
            assert "the answer was made for the call" in told
            await purged(gateway)
            await floorline(gateway, "cache", "purge", "--call", hit.headers["x-floorline-call-id"])
            await asyncio.sleep(1.2)
            assert await said(gateway) == "hit"  # that answer was gone already: the one of now is of another call

            assert await said(gateway, customer="globex") == "miss"
            await floorline(gateway, "erase", "customer", "acme", "--yes")
            await purged(gateway)
            assert await said(gateway, customer="globex") == "hit"
            gateway.process.kill()
            await gateway.start()
            assert await said(gateway, customer="globex") == "hit"

            (stats,) = json.loads(await floorline(gateway, "cache", "stats", "--json"))["exact"]
            assert (stats["feature"], stats["reported"]) == ("assistant", 1)
            assert stats["hits"] > 5
            assert float(stats["avoided"]) == pytest.approx(0.00014 * stats["hits"])

    run(test(), within_s=300)
