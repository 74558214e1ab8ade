"""Questions with their answers in a real Redis: what one gateway learned the others know, sealed, and until it is purged or erased."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from floorline.gateway.app import now_ms
from floorline.gateway.cache.redis import PREFIX, Redis
from floorline.gateway.cache.vault import Sealed
from floorline.gateway.policy import CacheStores
from floorline.gateway.semantic.shared import Shared
from floorline.ledger.content import Subject
from floorline.ledger.purging import Purge, Purges
from floorline.wiring.caches import open_tiers
from tests.gateway.semantic.test_shadow import ALIKE, ASKED, Provider, asked, comparing
from tests.support.redis_server import RedisServer
from tests.support.serving import SECRET, Live, run, serving, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("redis"))
    yield made
    made.stop()


@asynccontextmanager
async def sharing(folder: Path, server: RedisServer, *, before: int = 0) -> AsyncIterator[tuple[Live, Redis]]:
    """A gateway of a machine of its own, with that Redis behind it. It has answered some calls `before`: tests' calls are numbered."""
    (tier,) = open_tiers(CacheStores(redis=server.url), folder, SECRET)
    assert isinstance(tier, Redis)
    async with serving(folder, guardrails=comparing()) as live:
        live.stub.script = Provider()
        for number in range(before):
            await asked(live, f"Hello {number}", **{"x-floorline-customer": "globex"})
        live.semantic.share(Shared(tier, live.semantic.workers))
        try:
            yield live, tier
        finally:
            await live.semantic.close()
            await tier.close()


async def streams(redis: Redis) -> list[bytes]:
    found = await redis.do("KEYS", f"{PREFIX}s:*")
    assert isinstance(found, list)
    return found


async def written(redis: Redis) -> None:
    async with asyncio.timeout(10):
        while not await streams(redis):  # noqa: ASYNC110 - a Redis tells nobody what is written to it
            await asyncio.sleep(0.01)


async def found(live: Live, text: str) -> str:
    return (await asked(live, text)).headers["x-floorline-semantic-cache"]


def test_what_one_gateway_learned_another_knows_and_nobody_reads_it_on_the_way(
    server: RedisServer, tmp_path: Path
) -> None:
    async def test() -> None:
        async with (
            sharing(tmp_path / "here", server) as (here, redis),
            sharing(tmp_path / "far", server, before=5) as (far, _),
        ):
            await redis.do("FLUSHALL")
            assert await found(here, ASKED) == "miss"
            await written(redis)
            (stream,) = await streams(redis)
            kept = str(await redis.do("XRANGE", stream, "-", "+"))
            assert "settings" not in kept
            assert "subscription" not in kept
            assert 0 < int(str(await redis.do("PTTL", stream))) <= 86_400_000
            assert await found(far, ALIKE) == "near"
            assert [(label.right, label.origin) for label in far.records().labels] == [(True, "exact")]
            assert len(far.semantic.store) == 5 + 2

    run(test())


def test_what_others_add_later_is_heard_within_two_seconds(server: RedisServer, tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            sharing(tmp_path / "here", server) as (here, redis),
            sharing(tmp_path / "far", server, before=5) as (far, _),
        ):
            await redis.do("FLUSHALL")
            assert await found(far, "What is the weather in Oslo?") == "miss"
            assert await found(here, ASKED) == "miss"
            await asyncio.sleep(1.1)
            await found(far, "What is the weather in Oslo?")  # a look that finds the time is over has it read
            await until(lambda: len(far.semantic.store) == 5 + 2)
            assert await found(far, ALIKE) == "near"

    run(test())


def test_what_was_purged_or_erased_comes_from_no_redis(server: RedisServer, tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            sharing(tmp_path / "here", server) as (here, redis),
            sharing(tmp_path / "far", server, before=5) as (far, _),
        ):
            await redis.do("FLUSHALL")
            await found(here, ASKED)
            await written(redis)
            far.semantic.purge(Purges([Purge(kind="feature", word="assistant", at_ms=now_ms())]))
            assert await found(far, ALIKE) == "miss"
            far.semantic.purge(Purges())

        async with sharing(tmp_path / "third", server) as (third, redis):
            customer, _ = third.cache._names(Subject("acme", ""))
            await redis.exchange([Purge(kind="customer", word=customer, at_ms=now_ms())], now_ms())
            assert await found(third, ALIKE) == "miss"  # the key that it was sealed under is gone

    run(test())


async def of_another_release(live: Live, redis: Redis, stream: bytes) -> bytes:
    """An entry that is sealed well, and holds what nobody here knows."""
    customer, user = live.cache._names(Subject("acme", ""))
    key = await redis.key(customer, user)
    assert key is not None
    nonce = bytes(12)
    closed = nonce + AESGCM(key).encrypt(
        nonce, b"of another release", bytes.fromhex(stream.decode().rpartition(":")[2])
    )
    return msgspec.msgpack.encode(Sealed(customer, user, closed))


def test_a_redis_that_is_gone_or_holds_nonsense_tells_nothing_and_delays_nobody(
    server: RedisServer, tmp_path: Path
) -> None:
    async def test() -> None:
        async with sharing(tmp_path, server) as (live, redis):
            await redis.do("FLUSHALL")
            await found(live, ASKED)
            await written(redis)
            (stream,) = await streams(redis)
            await redis.do("XADD", stream, "*", "e", b"nonsense")
            await redis.do("XADD", stream, "*", "other", b"nonsense")
            await redis.do("XADD", stream, "*", "e", await of_another_release(live, redis, stream))
            live.semantic.share(Shared(redis, live.semantic.workers))
            assert await found(live, ALIKE) == "near"
            assert redis.failures == {}
            server.stop()
            assert await found(live, ALIKE) == "near"
            await asyncio.sleep(1.1)
            began = asyncio.get_running_loop().time()
            assert await found(live, ALIKE) == "near"
            assert asyncio.get_running_loop().time() - began < 1
            await until(lambda: redis.failures["read"] + redis.failures["write"] > 0)
            server.start()

    run(test())
