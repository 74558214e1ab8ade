"""What keeps a gateway's caches as its files and its configuration say: its tiers, and the purges of this machine and of others."""

from collections.abc import Callable, Sequence

from floorline.gateway.cache.redis import Redis
from floorline.gateway.cache.store import ExactCache, Tier
from floorline.gateway.policy import CacheStores
from floorline.gateway.semantic.looking import SemanticCache
from floorline.gateway.semantic.shared import Shared
from floorline.ledger.purging import Purge, Purges

Tiers = Callable[[CacheStores], Sequence[Tier]]
"""Opens the tiers that the configuration names."""


class Upkeep:
    """Looked after twice a second. `poll` gives this machine's purges when they are others than before."""

    def __init__(
        self, cache: ExactCache, semantic: SemanticCache, tiers: Tiers, poll: Callable[[], Purges | None]
    ) -> None:
        self._cache, self._semantic, self._tiers, self._poll = cache, semantic, tiers, poll
        self._stores: CacheStores | None = None
        self._own: tuple[Purge, ...] = ()
        self._all: frozenset[Purge] = frozenset()

    async def arrange(self, stores: CacheStores) -> None:
        """Have the tiers that the configuration in force names."""
        if stores == self._stores:
            return
        self._stores, before = stores, self._cache.tiers
        self._cache.memory.fit(stores.memory_bytes)
        self._cache.tiers = tuple(self._tiers(stores))
        redis = next((tier for tier in self._cache.tiers if isinstance(tier, Redis)), None)
        self._semantic.share(None if redis is None else Shared(redis, self._semantic.workers))
        self._semantic.fit(stores.semantic_bytes)
        for tier in before:
            await tier.close()

    async def refresh(self, now_ms: int) -> None:
        """Take over what was purged since, here and, where gateways share a Redis, anywhere. BadInput and OSError of the file
        leave everything as it was.
        """
        polled = self._poll()
        if polled is not None:
            self._own = polled.all
        known = frozenset(self._own)
        for tier in self._cache.tiers:
            if isinstance(tier, Redis):
                told = await tier.exchange(self._own, now_ms)
                known = known.union(self._all if told is None else told)
        if known != self._all:
            self._all = known
            self._cache.purge(Purges(known))
            self._semantic.purge(Purges(known))
        self._semantic.sweep(now_ms)

    async def close(self) -> None:
        """Bring what waits to the tiers."""
        for tier in self._cache.tiers:
            await tier.close()
