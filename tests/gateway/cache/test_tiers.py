"""The tiers behind the memory: sealed on the disk and in a real Redis, dead once purged, gone once erased, a miss when they fail."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from floorline.gateway.app import now_ms
from floorline.gateway.cache.asking import Keys
from floorline.gateway.cache.entry import Entry
from floorline.gateway.cache.memory import Memory
from floorline.gateway.cache.redis import PREFIX, PURGES, Redis
from floorline.gateway.cache.store import ExactCache, Tier
from floorline.gateway.cache.upkeep import Upkeep
from floorline.gateway.policy import CacheStores
from floorline.gateway.semantic.looking import SemanticCache
from floorline.gateway.semantic.store import Store
from floorline.gateway.semantic.workers import Workers
from floorline.ledger.content import Subject, SubjectKeys
from floorline.ledger.purging import PURGES_NAME, Purge, PurgeFile, Purger, Purges, add_purges
from floorline.wiring.caches import open_tiers
from tests.support.redis_server import RedisServer
from tests.support.serving import SECRET, run

ADA = Subject("acme", "ada")
BODY = b'{"choices": [{"message": {"content": "a secret of acme"}}]}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("redis"))
    yield made
    made.stop()


def keys(home: Path) -> SubjectKeys:
    return SubjectKeys(home / "content" / "keys", SECRET, secrets.token_bytes)


def entry(number: int = 0, whose: Subject = ADA, **changes: object) -> Entry:
    """An answer of one of acme's calls."""
    customer, user = keys(Path()).names(whose)
    made = Entry(
        key=number.to_bytes(24, "big"), call_id=f"{number:032x}", made_ms=now_ms(), expires_ms=now_ms() + 60_000,
        customer=customer, user=user, feature="assistant", provider="openai", model="m", priced_as="openai", served="m-1",
        dialect="openai", endpoint="chat.completions", content_type="application/json", streamed=False,
        usage_asked=False, avoided=Decimal("0.00014"), body=BODY,
    )  # fmt: skip
    return replace(made, **changes)


@asynccontextmanager
async def opened(home: Path, stores: CacheStores) -> AsyncIterator[Tier]:
    """The one tier of `stores`."""
    (tier,) = open_tiers(stores, home, SECRET)
    try:
        yield tier
    finally:
        await tier.close()


async def there(ask: Callable[[], Awaitable[Entry | None]]) -> Entry:
    """Wait for an entry that is on its way."""
    async with asyncio.timeout(10):
        while (found := await ask()) is None:  # noqa: ASYNC110 - a file or a Redis tells nobody that it is there
            await asyncio.sleep(0.01)
        return found


def on_disk(size: int = 1 << 20) -> CacheStores:
    return CacheStores(disk_bytes=size)


@pytest.mark.parametrize("kind", ["disk", "redis"])
def test_what_is_put_is_found_by_every_process_and_nobody_else_can_read_it(
    kind: str, server: RedisServer, tmp_path: Path
) -> None:
    stores = on_disk() if kind == "disk" else CacheStores(redis=server.url)

    async def test() -> None:
        kept = entry(secrets.randbits(60))
        async with opened(tmp_path, stores) as one, opened(tmp_path, stores) as other:
            assert await one.get(kept.key) is None
            one.put(kept, ADA)
            assert await there(lambda: other.get(kept.key)) == kept
            assert dict(one.failures) == dict(other.failures) == {}
        if kind == "disk":
            files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
            assert len(files) == 1
            assert b"acme" not in files[0].read_bytes()
            assert files[0].stat().st_mode & 0o077 == 0

    run(test())


@pytest.mark.parametrize("kind", ["disk", "redis"])
def test_an_answer_whose_subjects_key_was_shredded_is_gone(kind: str, server: RedisServer, tmp_path: Path) -> None:
    stores = on_disk() if kind == "disk" else CacheStores(redis=server.url)

    async def test() -> None:
        kept, other = entry(secrets.randbits(60)), entry(secrets.randbits(60), Subject("acme", "bob"))
        async with opened(tmp_path, stores) as tier:
            tier.put(kept, ADA)
            tier.put(other, Subject("acme", "bob"))
            await there(lambda: tier.get(kept.key))
            await there(lambda: tier.get(other.key))
            if isinstance(tier, Redis):
                word = f"{kept.customer}/{kept.user}"
                assert await tier.exchange([Purge(kind="user", word=word, at_ms=now_ms())], now_ms())
            else:
                assert keys(tmp_path).shred(ADA, whole_customer=False) == 1
            assert await tier.get(kept.key) is None
            assert await tier.get(other.key) == other
            tier.put(kept, ADA)  # the same customer again, later: under a key of its own
            assert await there(lambda: tier.get(kept.key)) == kept

    run(test())


def test_the_disk_holds_no_more_than_it_may_and_what_expires_soonest_goes_first(tmp_path: Path) -> None:
    async def test() -> None:
        async with opened(tmp_path, on_disk(20_000)) as tier:
            for number in range(40):
                tier.put(entry(number, expires_ms=now_ms() + 1_000_000 + number * 10_000, body=b"x" * 1_000), ADA)
            tier.put(entry(99, expires_ms=now_ms() - 1), ADA)
        async with opened(tmp_path, on_disk(20_000)) as tier:
            await tier.get(entry(39).key)  # behind the sweep at the start
            kept = sorted(int(path.name, 16) for path in (tmp_path / "cache").rglob("*") if path.is_file())
            assert kept == list(range(40 - len(kept), 40))
            assert 10 <= len(kept) <= 17
            assert tier.used_bytes <= 20_000
            assert tier.entries == len(kept)

    run(test())


def test_a_damaged_or_strange_file_is_a_miss(tmp_path: Path) -> None:
    async def test() -> None:
        async with opened(tmp_path, on_disk()) as tier:
            for number in range(3):
                tier.put(entry(number), ADA)
            await there(lambda: tier.get(entry(2).key))
            paths = [tmp_path / "cache" / "00" / entry(number).key.hex() for number in range(3)]
            paths[0].write_bytes(b"nonsense")
            paths[1].write_bytes(paths[2].read_bytes())  # an answer under another key
            assert await tier.get(entry(0).key) is None
            assert await tier.get(entry(1).key) is None
            assert await tier.get(entry(2).key) is not None

    run(test())


def test_a_redis_that_is_gone_is_a_miss_that_is_counted_once_and_back_it_is_asked_again(tmp_path: Path) -> None:
    async def test() -> None:
        own = RedisServer(tmp_path)
        try:
            async with opened(tmp_path, CacheStores(redis=own.url)) as tier:
                assert isinstance(tier, Redis)
                tier.put(entry(), ADA)
                await there(lambda: tier.get(entry().key))
                own.stop()
                started = asyncio.get_running_loop().time()
                assert [await tier.get(entry().key) for _ in range(50)] == [None] * 50
                tier.put(entry(), ADA)
                assert await tier.exchange([], now_ms()) is None
                assert asyncio.get_running_loop().time() - started < 2
                assert dict(tier.failures) == {"read": 1}
                own.start()
                tier.rests_until = 0
                tier.put(entry(), ADA)
                assert (await there(lambda: tier.get(entry().key))).body == BODY
        finally:
            own.stop()

    run(test())


def test_strange_values_in_a_redis_are_misses(server: RedisServer, tmp_path: Path) -> None:
    async def test() -> None:
        async with opened(tmp_path, CacheStores(redis=server.url)) as tier:
            assert isinstance(tier, Redis)
            kept = entry(secrets.randbits(60))
            tier.put(kept, ADA)
            await there(lambda: tier.get(kept.key))
            await tier.client.execute_command("SET", f"{PREFIX}e:{kept.key.hex()}", b"nonsense")
            assert await tier.get(kept.key) is None
            await tier.client.execute_command("ZADD", PURGES, now_ms(), b"nonsense")
            assert await tier.exchange([], now_ms()) is None
            await tier.client.execute_command("ZREM", PURGES, b"nonsense")
            tier.rests_until = 0
            assert await tier.exchange([], now_ms()) is not None

    run(test())


def caching(home: Path) -> tuple[ExactCache, Upkeep]:
    cache = ExactCache(Memory(1 << 20), Keys(SECRET), keys(home).names, now_ms)
    semantic = SemanticCache(
        Store(1 << 20, None), Keys(SECRET), keys(home).names, now_ms, Workers(), Workers(calculates=True)
    )
    return cache, Upkeep(
        cache, semantic, lambda wanted: open_tiers(wanted, home, SECRET), PurgeFile(home / PURGES_NAME).poll
    )


def test_a_purge_reaches_the_gateways_of_other_machines_through_their_redis(
    server: RedisServer, tmp_path: Path
) -> None:
    async def test() -> None:
        stores = CacheStores(redis=server.url)
        homes = [tmp_path / name for name in ("here", "there")]
        for home in homes:
            home.mkdir()
        (here, upkeep), (far, far_upkeep) = [caching(home) for home in homes]
        kept = entry(secrets.randbits(60))
        for one in (upkeep, far_upkeep):
            await one.arrange(stores)
            await one.refresh(now_ms())
        far.memory.put(kept)
        Purger(homes[0] / PURGES_NAME, keys(homes[0])).calls([kept.call_id], datetime.now(UTC))
        for one in (upkeep, far_upkeep):
            await one.refresh(now_ms())
        assert (len(here.memory), len(far.memory)) == (0, 0)
        far.memory.put(kept)
        await far_upkeep.refresh(now_ms())  # nothing new: nothing is looked through again
        assert len(far.memory) == 1
        for one in (upkeep, far_upkeep):
            await one.close()

    run(test())


def test_tiers_that_the_configuration_does_not_name_any_more_are_left(tmp_path: Path) -> None:
    async def test() -> None:
        cache, upkeep = caching(tmp_path)
        await upkeep.arrange(on_disk())
        (disk,) = cache.tiers
        await upkeep.arrange(on_disk())
        assert cache.tiers == (disk,)
        await upkeep.arrange(CacheStores(memory_bytes=4_096))
        assert cache.tiers == ()
        assert cache.memory.bytes_max == 4_096
        await upkeep.close()

    run(test())


def test_purges_are_kept_as_long_as_they_can_name_anything(tmp_path: Path) -> None:
    path = tmp_path / PURGES_NAME
    now = now_ms()
    watched = PurgeFile(path)
    assert watched.poll() is None
    add_purges(path, [Purge(kind="all", at_ms=now - 33 * 86_400_000)], now - 33 * 86_400_000)
    add_purges(path, [Purge(kind="feature", word="a", at_ms=now)], now)
    add_purges(path, [Purge(kind="call", word="b", at_ms=now)], now)
    found = watched.poll()
    assert found is not None
    assert [one.kind for one in found.all] == ["feature", "call"]
    assert watched.poll() is None
    assert path.stat().st_mode & 0o077 == 0
    Purger(path, keys(tmp_path)).subjects([(ADA, True), (ADA, False)], datetime.now(UTC))
    content = path.read_text()
    assert "acme" not in content
    assert "ada" not in content


def test_a_purge_of_an_instant_is_not_of_what_came_after_it() -> None:
    purges = Purges([Purge(kind="feature", word="f", at_ms=5), Purge(kind="feature", word="f", at_ms=3)])
    assert [purges.dead("c", "f", "a", "u", made_ms) for made_ms in (3, 5, 6)] == [True, True, False]
    assert not purges.dead("c", "other", "a", "u", 1)
